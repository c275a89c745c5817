"""Memory against a model: every program reads what it must, and every page is counted right.

A program of random steps (accesses, MADV_DONTNEED, mprotect, msync, dropped caches, truncation, fork) runs on
memory of every kind. What it reads is compared with a few dictionaries that know nothing of pages in memory.
At every step of the machine, the counts of each frame are compared with the entries and caches that name it.
"""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyemu import Machine, Scenario, Tree
from pyemu.pages import named_frame
from pyemu.state import FIRST_FREE_PFN, FrameState, State
from tests.pyemu.scenes import PAGE, task

PAGES = 2
AREAS = ("anon", "shmem", "private", "shared")
TREES = [Tree.before, Tree.v5_7, Tree.later("5.10"), Tree.later("6.1")]
Step = dict[str, Any]


@dataclass
class Model:
    """What a process sees, byte by byte: nothing here knows that pages are shared, copied or absent.

    A page is a pair of bytes: its first one, and another one that stands for the rest.
    """

    file: list[list[int]]  # shared with every other process
    shmem: list[list[int]]
    own: dict[tuple[str, int], list[int]] = field(default_factory=dict)
    prot: dict[tuple[str, int], str] = field(default_factory=dict)

    @classmethod
    def fresh(cls) -> Model:
        return cls([[9, 9] for _ in range(PAGES)], [[0, 0] for _ in range(PAGES)])

    def fork(self) -> Model:
        return Model(self.file, self.shmem, copy.deepcopy(self.own), dict(self.prot))

    def page(self, area: str, page: int) -> list[int]:
        if (area, page) in self.own:
            return self.own[area, page]
        if area == "anon":
            return [0, 0]
        return (self.shmem if area == "shmem" else self.file)[page]

    def access(self, step: Step) -> str:
        area, page, place = step["area"], step["page"], bool(step["offset"])
        allowed = self.prot.get((area, page), "rw")
        if allowed == "none" or (step["do"] == "write" and allowed == "r"):
            return "SIGSEGV(code=2)"
        if area in ("private", "shared") and page >= len(self.file) and (area, page) not in self.own:
            return "SIGBUS(code=2)"
        found = self.page(area, page)
        if step["do"] == "write":
            if area in ("anon", "private"):
                found = self.own[area, page] = list(found)
            found[place] = step["byte"]
        return f"ret={found[place]}"

    def forget(self, size: int) -> None:
        """Lose what lies beyond the end of the file, private copies included."""
        self.own = {
            (area, page): found for (area, page), found in self.own.items() if area == "anon" or page < size
        }

    def apply(self, step: Step) -> str | None:
        match step["do"]:
            case "read" | "write":
                return self.access(step)
            case "madvise_dontneed":
                self.own.pop((step["area"], step["page"]), None)
            case "mprotect":
                self.prot[step["area"], step["page"]] = step["prot"]
            case "truncate":
                size = step["size"]
                self.file[:] = [*self.file[:size], *([0, 0] for _ in range(size - len(self.file)))]
                self.forget(size)
        return None


PLACES = st.tuples(st.sampled_from(AREAS), st.integers(0, PAGES - 1), st.sampled_from([0, 9]))
WRITES = st.tuples(PLACES, st.integers(1, 255)).map(
    lambda one: {"do": "write", "area": one[0][0], "page": one[0][1], "offset": one[0][2], "byte": one[1]}
)
STEPS = st.one_of(
    WRITES,
    WRITES,
    PLACES.map(lambda at: {"do": "read", "area": at[0], "page": at[1], "offset": at[2]}),
    PLACES.map(lambda at: {"do": "madvise_dontneed", "area": at[0], "page": at[1]}),
    st.tuples(PLACES, st.sampled_from(["none", "r", "rw"])).map(
        lambda one: {"do": "mprotect", "area": one[0][0], "page": one[0][1], "prot": one[1]}
    ),
    st.just({"do": "msync", "area": "shared", "page": 0, "pages": PAGES}),
    st.just({"do": "drop_caches"}),
    st.integers(1, PAGES).map(lambda size: {"do": "truncate", "file": "F", "size": size}),
)
PROGRAMS = st.lists(STEPS, min_size=3, max_size=15)
# Everything is looked at in the end.
ALL: list[Step] = [
    {"do": "read", "area": area, "page": page, "offset": offset}
    for area in AREAS
    for page in range(PAGES)
    for offset in (0, 9)
]
CATCH = {"SIGBUS": "escape", "SIGSEGV": "escape"}


def scenario(
    parent: list[Step], child: list[Step], rest: list[Step], *, cached: bool, thread: list[Step] | None = None
) -> Scenario:
    """T runs `parent`, forks C and goes on with `rest`; without a thread U beside it, C runs in between."""
    kinds: dict[str, Any] = {
        "anon": {},
        "shmem": {"kind": "shmem"},
        "private": {"file": "F"},
        "shared": {"file": "F", "shared": True},
    }
    wait = [{"do": "wait_post"}] if thread is None else []
    tasks = [
        task("T", *parent, {"do": "fork", "child": "C"}, *wait, *rest, process="P", signals=CATCH),
        task("C", *child, {"do": "post", "task": "T"}, forked=True, signals=CATCH),
    ]
    if thread is not None:
        tasks.append(task("U", *thread, process="P", signals=CATCH))
    return Scenario.from_dict(
        {
            "version": 1,
            "name": "model",
            "title": "model",
            "files": [
                {"name": "F", "pages": PAGES, "byte": 9, "cached": cached, "io_ticks": 100, "read_ahead": 2}
            ],
            "areas": [{"name": name, "pages": PAGES, **keys} for name, keys in kinds.items()],
            "tasks": tasks,
        }
    )


def count_frames(state: State) -> list[str]:
    """What is wrong with the counts of frames."""
    entries: Counter[int] = Counter()
    for mm in state.roots:
        for vma in state.data["vmas", mm]:
            area = state.data["vma", vma]
            for address in range(area.start, area.end, PAGE):
                pfn = named_frame(state, state.get_pte(mm, address))
                entries[pfn or 0] += 1
    caches = Counter(pfn for place, pfn in state.data.items() if place[0] == "cache" and pfn is not None)
    wrong = []
    for place, frame in state.data.items():
        if place[0] == "frame" and isinstance(frame, FrameState):
            pfn = place[1]
            if frame.mapcount != entries[pfn]:
                wrong.append(f"frame {pfn} has mapcount {frame.mapcount}, and {entries[pfn]} entries")
            if frame.refcount < frame.mapcount + caches[pfn]:
                wrong.append(f"frame {pfn} has refcount {frame.refcount}, and more that hold it")
            if pfn in state.data["free_frames", 0]:
                wrong.append(f"frame {pfn} is in use and free")
    return wrong


def leaks(state: State) -> list[str]:
    """What is wrong with the frames when nobody works on them: references that nobody holds, locks."""
    wrong = []
    for place, frame in state.data.items():
        if place[0] == "frame" and isinstance(frame, FrameState):
            cached = frame.mapping is not None
            if frame.refcount != frame.mapcount + cached:
                wrong.append(f"frame {place[1]}: {frame}")
            if frame.locked_by is not None or frame.waiters or frame.writeback:
                wrong.append(f"frame {place[1]} is still locked: {frame}")
    return wrong


@settings(max_examples=80)
@given(PROGRAMS, PROGRAMS, PROGRAMS, st.booleans(), st.sampled_from(TREES))
def test_every_program_reads_what_it_must(
    parent: list[Step], child: list[Step], rest: list[Step], cached: bool, tree: Tree
) -> None:
    child, rest = [*child, *ALL], [*rest, *ALL]
    one = Model.fresh()
    expected = [one.apply(step) for step in parent]
    two = one.fork()
    of_child = [two.apply(step) for step in child]
    one.forget(len(one.file))  # a truncation by the child took the parent's copies along
    expected += [one.apply(step) for step in rest]
    result = Machine(scenario(parent, child, rest, cached=cached), tree).run(strict=True)
    assert list(result.tasks["T"].outcomes) == [text for text in expected if text]
    assert list(result.tasks["C"].outcomes) == [text for text in of_child if text]


@settings(max_examples=40)
@given(PROGRAMS, PROGRAMS, PROGRAMS, PROGRAMS, st.booleans(), st.sampled_from(TREES))
def test_every_frame_is_counted_right_at_every_step(
    parent: list[Step], child: list[Step], rest: list[Step], thread: list[Step], cached: bool, tree: Tree
) -> None:
    """A thread of the parent runs at the same time, and so does the child."""
    together = scenario(parent, child, rest, cached=cached, thread=thread)
    found: list[str] = []

    def observer(*_: Any) -> None:
        found.extend(count_frames(machine.world.state))

    machine = Machine(together, tree, observer=observer)
    machine.run(strict=True)
    state = machine.world.state
    assert found == []
    assert leaks(state) == []
    used = {place[1] for place, frame in state.data.items() if place[0] == "frame" and frame is not None}
    free = set(state.data["free_frames", 0])
    assert not used & free
    tables = set(range(FIRST_FREE_PFN, state.data["arena", 0][0])) - used - free
    assert len(tables) <= 2 * 9  # of two address spaces: a root, and for four areas at most two levels more


@pytest.mark.parametrize("broken", ["mapcount", "refcount"])
def test_a_wrong_count_is_noticed(broken: str) -> None:
    machine = Machine(scenario([{"do": "write", "area": "anon", "page": 0, "byte": 1}], [], [], cached=True))
    state = machine.world.state
    place = next(place for place, frame in state.data.items() if place[0] == "frame")
    state.data[place] = replace(state.data[place], **{broken: 0 if broken == "refcount" else 5})
    assert count_frames(state)
