"""What the panels say after a step is what a snapshot of the history says."""

from __future__ import annotations

import pytest

from course.views.stepping.histories import history_of
from course.views.stepping.states import PANELS, Slot, States
from course.views.stepping.tables import Tables, entry_words
from pyemu import Scenario, Tree, run
from pyemu.effects.swapops import make_migration_entry, make_swap_entry
from pyemu.flags import PAGE_RW, PAGE_UFFD_WP
from pyemu.hw import x86
from tests.views.runs import on, with_trace

LIBRARY = Scenario.library()


def panel(state: dict[Slot, str], name: str) -> dict[tuple[int, ...], str]:
    return {slot.order: text for slot, text in state.items() if PANELS[slot.panel] == name}


@pytest.mark.parametrize("name", LIBRARY)
def test_each_panel_agrees_with_the_history_after_each_step(name: str):
    result = run(name, Tree.after, history=True)
    history, names = result.history, result.trace.tasks
    states = States(history, result.trace)
    now: dict[Slot, str] = {}
    steps = 0
    for step, change in enumerate(states.steps()):
        now |= change
        there = history.at(step)
        steps += 1
        for (mm, va), text in panel(now, "Page table").items():
            assert text == entry_words(there.pte(mm, va))
        for (mm, which), text in panel(now, "mmap_sem").items():
            lock = there.get(("mmap_sem", mm))
            holders = [names[one - 1] for one in (*lock.readers, lock.writer) if one]
            shown = holders if which == 0 else [names[one - 1] for one, _ in lock.waiters]
            assert [word.split()[0] for word in text.split(", " if which else " + ")] == (
                shown or ["nobody" if which else "free"]
            )
        for (number, which), text in panel(now, "Tasks").items():
            view = there.get(("task", number))
            if which == 1:
                assert text == (" > ".join(view.stack) or "none: user mode")
            if which == 2:
                assert text == view.next
        for (cpu, level, number), text in panel(now, "TLB").items():
            held = there.get(("tlb", cpu, f"L{level}", number), ())
            assert text.count("is frame") == len(held)
            assert all(f"is frame {one.pfn}:" in text for one in held)
    assert steps == history.last + 1


def test_the_panels_of_a_userfault_name_who_waits_for_what():
    result = run("S13", Tree.after, history=True)
    seen: dict[str, set[str]] = {}
    for change in States(result.history, result.trace).steps():
        for slot, text in change.items():
            seen.setdefault(slot.name, set()).add(text)
    assert "T at 0x7f0000001000" in seen["userfaultfd 1: not read"]
    assert "T at 0x7f0000001000" in seen["userfaultfd 1: read"]
    assert seen["owner"] == {"free", "T (reading)", "M (reading)"}
    assert {"nothing", "frame 8: P RW US A D"} <= seen["0x7f0000001000"]
    assert any("UFFD_MISSING" in text for text in seen["area 1"])


def test_pending_and_blocked_signals_are_shown():
    result = run("blocked-signal", Tree.after, history=True)
    texts = {
        (slot.name, text)
        for change in States(result.history, result.trace).steps()
        for slot, text in change.items()
    }
    assert {name for name, text in texts if "SIGUSR1" in text} >= {"T: blocked signals"}
    assert any("pending" in name and "SIG" in text for name, text in texts)


def test_a_run_without_a_history_gets_that_of_the_same_run():
    plain, kept = on("S13", "after"), run("S13", Tree.after, history=True)
    made = history_of(plain)
    assert made is not None
    assert [made.writes(n) for n in range(made.last + 1)] == [
        kept.history.writes(n) for n in range(made.last + 1)
    ]
    assert history_of(kept) is kept.history


def test_a_run_that_cannot_be_made_again_has_no_history():
    plain = on("S13", "after")
    assert history_of(with_trace(plain, list(plain.trace)[:-1])) is None


def test_only_pages_whose_walk_a_write_meets_are_walked_again():
    tables = Tables(16 * 4096, [(1, 0), (1, 0x1000), (1, 0x40000)])
    tables.set_root(1, 0x1000)
    assert dict(tables.changed()) == {(1, 0): 0, (1, 0x1000): 0, (1, 0x40000): 0}
    for at, table in ((0x1000, 0x2000), (0x2000, 0x3000), (0x3000, 0x4000)):
        tables.write(at >> 6, (table | x86.P).to_bytes(8, "little") + bytes(56))
    assert len(dict(tables.changed())) == 3
    tables.write(0x4000 >> 6, bytes(8) + (0x9000 | x86.P).to_bytes(8, "little") + bytes(48))
    assert dict(tables.changed()) == {(1, 0): 0, (1, 0x1000): 0x9000 | x86.P}
    assert list(tables.changed()) == []


def test_an_entry_without_a_page_says_where_the_page_is():
    swapped = make_swap_entry(7, 0)
    assert entry_words(swapped) == "slot 7 of the swap device"
    assert entry_words(swapped | PAGE_UFFD_WP) == "slot 7 of the swap device: UFFD_WP"
    assert entry_words(make_migration_entry(9, PAGE_RW)) == "frame 9, which is being moved"
    assert entry_words(x86.RW) == "0x2: not present"
