"""mmap_sem against a brute model: strictly first come, first served."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyemu import Tree, run
from pyemu.effects import Effect
from pyemu.effects.handles import Mm, Task, Vma
from pyemu.effects.locks import (
    down_read,
    down_read_killable,
    down_read_trylock,
    down_write,
    down_write_killable,
    up_read,
    up_write,
)
from pyemu.effects.signals import send_signal
from pyemu.effects.sleeping import schedule_timeout, set_current_state
from pyemu.flags import EINTR, SIGKILL, TASK_KILLABLE, TASK_UNINTERRUPTIBLE
from tests.pyemu.scenes import READ, Lab, pause, scene, task

MM = Mm(1)
TASKS = ("A", "B", "C", "D")


TAKES: dict[str, Callable[[Mm], Effect[Any]]] = {
    "read": down_read,
    "killable": down_read_killable,
    "try": down_read_trylock,
    "write": down_write,
    "killable write": down_write_killable,
}


@dataclass
class Brute:
    """The rules, written down once more and as plainly as can be."""

    readers: list[str] = field(default_factory=list)
    writer: str | None = None
    line: list[tuple[str, bool]] = field(default_factory=list)
    killed: set[str] = field(default_factory=set)
    killable: set[str] = field(default_factory=set)

    def admit(self) -> None:
        """Let in from the head of the line whoever fits, one after the other."""
        while self.line:
            name, write = self.line[0]
            if self.writer or (write and self.readers):
                return
            self.line.pop(0)
            if write:
                self.writer = name
            else:
                self.readers.append(name)

    def take(self, name: str, how: str) -> bool:
        write = how.endswith("write")
        if how == "try" and (self.writer or self.line):
            return False
        self.line.append((name, write))
        if how.startswith("killable"):
            self.killable.add(name)
        else:
            self.killable.discard(name)
        self.admit()
        return True

    def release(self, name: str) -> None:
        if self.writer == name:
            self.writer = None
        else:
            self.readers.remove(name)
        self.admit()

    def waits(self, name: str) -> bool:
        return name in [one for one, _ in self.line] and not (name in self.killed and name in self.killable)

    def holds(self, name: str) -> bool:
        return self.writer == name or name in self.readers


commands = st.lists(
    st.tuples(st.sampled_from(TASKS), st.sampled_from([*TAKES, "kill"])),
    max_size=40,
)


def agree(lab: Lab, brute: Brute) -> None:
    lock = lab.world.state.data["mmap_sem", 1]
    name = {lab.task(one).id: one for one in TASKS}
    assert [name[one] for one in lock.readers] == sorted(brute.readers)
    assert (name[lock.writer] if lock.writer else None) == brute.writer
    assert [(name[one], write) for one, write in lock.waiters] == brute.line
    for one in TASKS:
        assert lab.task(one).holds_lock(1) == brute.holds(one)
        assert lab.waits(one) == brute.waits(one)


@settings(max_examples=300)
@given(commands)
def test_every_sequence_of_lock_operations_follows_the_plain_rules(
    sequence: list[tuple[str, str]],
) -> None:
    # A task that has the lock gives it back when its turn comes, whatever the word says: no word is wasted.
    lab, brute = Lab(*TASKS, "judge", processes={name: name for name in TASKS}), Brute()
    for name, word in sequence:
        if word == "kill":
            lab.do("judge", send_signal(Task(lab.task(name).id), SIGKILL))
            brute.killed.add(name)
        elif lab.waits(name):
            assert brute.waits(name)
        elif not lab.idle(name):  # granted or killed meanwhile: it goes on
            result = lab.go_on(name)
            if brute.holds(name):
                assert not result
            else:
                assert result == -EINTR
                brute.line = [one for one in brute.line if one[0] != name]
                brute.admit()
        elif brute.holds(name):
            lab.do(name, up_write(MM) if brute.writer == name else up_read(MM))
            brute.release(name)
        else:
            result = lab.do(name, TAKES[word](MM))
            taken = brute.take(name, word)
            if word == "try":
                assert result is taken
        agree(lab, brute)
    for name in TASKS:
        assert lab.rules(name) == []
    lab.close()


def lab(*names: str) -> Lab:
    return Lab(*(names or TASKS))


def test_a_reader_behind_a_queued_writer_waits_though_readers_hold() -> None:
    it = lab()
    it.do("A", down_read(MM))
    it.do("B", down_write(MM))
    it.do("C", down_read(MM))
    assert it.waits("B")
    assert it.waits("C")
    it.do("A", up_read(MM))
    assert not it.waits("B")
    assert it.waits("C")


def test_a_released_writer_lets_in_every_reader_up_to_the_next_writer() -> None:
    it = lab()
    it.do("A", down_write(MM))
    it.do("B", down_read(MM))
    it.do("C", down_read(MM))
    it.do("D", down_write(MM))
    it.do("A", up_write(MM))
    assert [it.waits(name) for name in "BCD"] == [False, False, True]


def test_trylock_fails_as_soon_as_anyone_waits() -> None:
    it = lab()
    it.do("A", down_read(MM))
    assert it.do("B", down_read_trylock(MM)) is True
    it.do("C", down_write(MM))
    assert it.do("D", down_read_trylock(MM)) is False
    assert not it.waits("D")


def test_a_killed_waiter_leaves_and_those_behind_it_are_looked_at_again() -> None:
    it = lab()
    it.do("A", down_write(MM))
    it.do("B", down_read_killable(MM))
    it.do("C", down_read(MM))
    it.do("D", send_signal(Task(2), SIGKILL))
    assert it.go_on("B") == -EINTR
    it.do("A", up_write(MM))
    assert not it.waits("C")
    assert it.state("B") == 0
    assert [event.task for event in it.world.trace.select("lock_wait_killed")] == [2]


def test_sigkill_does_not_end_a_plain_wait() -> None:
    it = lab()
    it.do("A", down_write(MM))
    it.do("B", down_read(MM))
    it.do("C", down_write(MM))
    it.do("D", send_signal(Task(2), SIGKILL))
    it.do("D", send_signal(Task(3), SIGKILL))
    assert it.waits("B")
    assert it.waits("C")


def test_a_grant_that_came_before_the_kill_was_seen_wins() -> None:
    it = lab()
    it.do("A", down_write(MM))
    it.do("B", down_read_killable(MM))
    it.do("D", send_signal(Task(2), SIGKILL))
    it.do("A", up_write(MM))
    assert it.go_on("B") == 0
    assert it.task("B").holds_lock(1)


@pytest.mark.parametrize(
    ("take", "state"),
    [
        (down_read, TASK_UNINTERRUPTIBLE),
        (down_write, TASK_UNINTERRUPTIBLE),
        (down_read_killable, TASK_KILLABLE),
    ],
    ids=["down_read", "down_write", "down_read_killable"],
)
def test_a_waiter_shows_state_d_and_is_running_once_granted(take: Any, state: int) -> None:
    it = lab()
    it.do("A", down_write(MM))
    it.do("B", take(MM))
    assert it.state("B") == state
    it.do("A", up_write(MM))
    assert it.state("B") == 0


def test_joining_the_queue_and_being_granted_are_two_events() -> None:
    it = lab()
    it.do("A", down_write(MM))
    it.do("B", down_read(MM))
    it.do("A", up_write(MM))
    assert [(e.kind, e.task) for e in it.world.trace.select("lock_queued", "lock_granted")] == [
        ("lock_queued", 2),
        ("lock_granted", 2),
    ]


def test_reading_twice_with_a_writer_queued_between_is_a_deadlock_and_is_told_before() -> None:
    it = lab()
    it.do("A", down_read(MM))
    it.do("B", down_write(MM))
    it.do("A", down_read(MM))
    assert it.rules("A") == ["recursive lock"]
    assert it.waits("A")
    assert it.waits("B")


def test_reading_twice_without_a_writer_is_told_and_needs_two_releases() -> None:
    it = lab()
    it.do("A", down_read(MM))
    it.do("A", down_read(MM))
    assert it.rules("A") == ["recursive lock"]
    it.do("B", down_write(MM))
    it.do("A", up_read(MM))
    assert it.waits("B")
    it.do("A", up_read(MM))
    assert not it.waits("B")


@pytest.mark.parametrize(
    ("take", "give", "says"),
    [
        (None, up_read, r"A releases mmap_sem for reading, but does not hold it"),
        (None, up_write, r"A releases mmap_sem for writing, but does not hold it"),
        (down_read, up_write, r"releases mmap_sem for writing, but holds it for reading"),
        (down_write, up_read, r"releases mmap_sem for reading, but holds it for writing"),
    ],
    ids=["no lock", "no lock, write", "read, up_write", "write, up_read"],
)
def test_a_release_of_what_is_not_held_is_named_and_changes_nothing(take: Any, give: Any, says: str) -> None:
    it = lab()
    if take is not None:
        it.do("A", take(MM))
    before = it.world.state.data["mmap_sem", 1]
    it.do("A", give(MM))
    ((rule, text),) = it.task("A").violations
    assert rule == "bad unlock balance"
    assert re.search(says, text)
    assert it.world.state.data["mmap_sem", 1] == before


def test_a_deadlock_of_a_handler_ends_the_run_and_names_who_waits() -> None:
    async def handle_mm_fault(vma: Vma, address: int, flags: int) -> int:
        await set_current_state(TASK_UNINTERRUPTIBLE)
        await schedule_timeout(50)  # U queues meanwhile
        await down_read(MM)
        return 0

    both = scene(
        task("T", READ, process="P"),
        task("U", pause(10), {"do": "munmap", "area": "V"}, process="P"),
    )
    result = run(both, Tree.after, {"handle_mm_fault": handle_mm_fault})
    assert [one.rule for one in result.violations] == ["recursive lock"]
    assert result.end == "hang"
    assert "T waits in handle_mm_fault; U waits in sys_munmap" in result.end_text
