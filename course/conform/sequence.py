"""Records of kind ``sequence``: plain steps, one after the other, as scenarios.

A case is a little memory, perhaps a file, and a list of steps. What one step costs is read from the counters
between its two marks; what the page then is, from the pagemap. The program that made the records ran one case
after the other in one process; here each case is a run of its own, and the memory of each is fresh.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from course.conform.kernels import TWO_CPUS, Computer, NotModelled
from course.conform.measure import between_marks, counted
from pyemu.machine import Result, run
from pyemu.scenario import Scenario
from pyemu.tree import Tree

Step = dict[str, Any]
Fields = dict[str, int | str]

# Words of a record's `pte` that are compared; the others (dirty, lru, active, ...) are not modelled.
PTE_WORDS = ("present", "swap", "file/shared", "excl", "zeropage", "thp", "anon")
IO_TICKS = 300  # us that the disk takes to read once; how long it is changes no counter
FILE_PAGES = 64
# The mapping of a file starts inside a window of 16 pages, so that 64 pages lie in five windows (deduced from
# the records).
FILE_ADDRESS = 0x7E00_0000_5000
THP = (
    "huge pages on demand are not modelled: only 6.18 gives one here",
    {("thp_madvise", "write 1 byte in 2M area"), ("thp_madvise", "write other 4K")},
)


@dataclass(frozen=True, slots=True)
class Measured:
    """A step of a case that was measured.

    Attributes
    ----------
    name : str
        What records call it.
    steps : tuple of dict
        What the program does in it.
    page : int or None
        The page of the case's area whose entry is looked at afterwards.
    """

    name: str
    steps: tuple[Step, ...]
    page: int | None = 0


@dataclass(frozen=True, slots=True)
class Case:
    """A case: memory, what runs before and between the measured steps, and these.

    Attributes
    ----------
    area : dict
        The area V, as in a scenario.
    parts : tuple of Step or Measured
        In order.
    child : tuple of Measured
        What a forked child does.
    files : tuple of dict
        As in a scenario.
    """

    area: Step
    parts: tuple[Step | Measured, ...]
    child: tuple[Step | Measured, ...] = ()
    files: tuple[Step, ...] = ()


def _do(action: str, page: int = 0, **keys: Any) -> Step:
    return {"do": action, "area": "V", "page": page, **keys}


def _measure(name: str, *steps: Step, page: int | None = 0) -> Measured:
    return Measured(name, steps, page)


def _anon(pages: int, **keys: Any) -> Step:
    return {"pages": pages, **keys}


def _file(*, cached: bool, **keys: Any) -> dict[str, Any]:
    """Give the area and the file of a case."""
    file = {"name": "f", "pages": FILE_PAGES, "cached": cached, "io_ticks": IO_TICKS}
    area = {"pages": FILE_PAGES, "kind": "file", "file": "f", "shared": True, "address": FILE_ADDRESS}
    return {"area": {**area, **keys}, "files": (file,)}


_READ, _WRITE = _do("read"), _do("write")
_PROTECT = _do("mprotect", prot="r")
_ALL = tuple(_do("read", page) for page in range(FILE_PAGES))
_OTHER_MEMORY = {"do": "write", "area": "V", "page": 1}
CASES: dict[str, Case] = {
    "warmup": Case(_anon(1), (_WRITE, _measure("-"))),
    "demand_zero_write": Case(
        _anon(8),
        (
            _measure("write 1st", _WRITE),
            _measure("write again", _WRITE),
            _measure("write 7 further pages", *(_do("write", page) for page in range(1, 8)), page=7),
        ),
    ),
    "zero_read_then_write": Case(
        _anon(2),
        (
            _measure("read", _READ),
            _measure("read again", _READ),
            _measure("write (break zero page)", _WRITE),
        ),
    ),
    "fork_cow": Case(
        _anon(2),
        (
            _WRITE,
            {"do": "fork", "child": "C"},
            {"do": "wait_post"},
            _measure("parent write after child gone (reuse)", _WRITE),
        ),
        (
            _measure("child read", _READ),
            _measure("child write (copy)", _WRITE),
            _measure("child write again", _WRITE),
            {"do": "munmap", "area": "V", "pages": 2},
            {"do": "post", "task": "T"},
        ),
    ),
    "fork_cow2": Case(
        _anon(2),
        (
            _WRITE,
            {"do": "fork", "child": "C"},
            _measure("parent write while child alive (copy)", _WRITE),
            {"do": "post", "task": "C"},
        ),
        ({"do": "wait_post"},),
    ),
    "madv_dontneed": Case(
        _anon(2),
        (
            _WRITE,
            _measure("madvise", _do("madvise_dontneed")),
            _measure("read refault", _READ),
            _measure("write after", _WRITE),
        ),
    ),
    "mprotect_ro": Case(
        _anon(2),
        (
            _WRITE,
            _PROTECT,
            _measure("read", _READ),
            _measure("write -> SIGSEGV", _WRITE),
            _do("mprotect", prot="rw"),
            _measure("write after mprotect RW", _WRITE),
        ),
    ),
    "prot_none": Case(
        _anon(2),
        (_WRITE, _do("mprotect", prot="none"), _measure("read -> SIGSEGV", _READ)),
    ),
    "unmapped": Case(_anon(2), (_do("munmap"), _measure("read -> SIGSEGV", _READ, page=None))),
    "shmem": Case(
        _anon(2, kind="shmem", shared=True),
        (
            _measure("read", _READ),
            _measure("write after read", _WRITE),
            _measure("write fresh", _OTHER_MEMORY, page=1),
        ),
    ),
    "mlock": Case(
        _anon(4),
        (_measure("mlock 4 fresh pages", _do("mlock", pages=4)), _measure("write", _WRITE)),
    ),
    "populate": Case(_anon(4), (_do("populate", pages=4), _measure("write after MAP_POPULATE", _WRITE))),
    "file_ro_shared(random)": Case(
        **_file(cached=False, prot="r", random=True),
        parts=(
            _measure("read cold page 0", _READ),
            _measure("read same page", _READ),
            _measure("read cold page 40", _do("read", 40), page=40),
        ),
    ),
    "file_ro_shared": Case(
        **_file(cached=False, prot="r"),
        parts=(
            _measure("read cold page 0", _READ),
            _measure("read all 64 pages (readahead+faultaround)", *_ALL, page=63),
        ),
    ),
    "file_ro_shared, cached": Case(
        **_file(cached=True, prot="r"),
        parts=(_measure("remap, all 64 cached (faultaround)", *_ALL, page=63),),
    ),
    "file_rw_shared": Case(
        **_file(cached=True),
        parts=(
            _measure("read cached", _READ),
            _measure("write (wp fault/page_mkwrite)", _WRITE),
            _measure("write again", _WRITE),
            _do("msync"),
            _measure("write after msync", _WRITE),
        ),
    ),
    "file_private": Case(
        **_file(cached=True, shared=False),
        parts=(
            _measure("read cached", _READ),
            _measure("write (COW of file page)", _WRITE),
            _measure("write fresh page (cow fault)", _do("write", 33), page=33),
        ),
    ),
    "file_beyond_eof": Case(
        {"pages": 2, "kind": "file", "file": "f", "shared": True, "prot": "r"},
        (_measure("read -> SIGBUS", _do("read", 1), page=1),),
        files=({"name": "f", "pages": 1, "cached": True},),
    ),
}
# Which case of ours holds a step: all but one stand in the case of their name.
_ELSEWHERE = {("file_ro_shared", "remap, all 64 cached (faultaround)"): "file_ro_shared, cached"}


def steps_of(case: str) -> list[str]:
    """Give the names of the measured steps that records of a case have."""
    ours = [name for name in CASES if name == case or name.startswith(f"{case}, ")]
    return [
        part.name
        for name in ours
        for part in (*CASES[name].parts, *CASES[name].child)
        if isinstance(part, Measured)
    ]


def predict_step(case: str, step: str, tree: Tree, computer: Computer = TWO_CPUS) -> Fields:
    """Say what one step of a sequence costs, and what its page is afterwards.

    Parameters
    ----------
    case, step : str
        As records name them.
    tree : Tree
        The code that runs.
    computer : Computer
        The machine.

    Returns
    -------
    dict
        Counters, ``pte`` (only the words of `PTE_WORDS`), and ``si_code`` if the step gets a signal.

    Raises
    ------
    NotModelled
        When there is no such step, or the emulator has no model of it.

    Examples
    --------
    >>> predict_step("zero_read_then_write", "read", Tree.v5_7)["pte"]
    'present zeropage'
    """
    if (case, step) in THP[1]:
        raise NotModelled(f"case {case}: {THP[0]}.", "Ask for another case.")
    known = steps_of(case)
    if step not in known:
        what = f"step {step!r} of case {case}" if known else f"case {case!r}"
        names = "; ".join(known or dict.fromkeys(name.split(",")[0] for name in CASES))
        raise NotModelled(f"{what} is not modelled: there are {names}.", "Take one of these.")
    return _run(_ELSEWHERE.get((case, step), case), tree, computer)[step]


def scenario_of(case: str, computer: Computer = TWO_CPUS) -> Scenario:
    """Give a case as a scenario; each measured step stands between two marks.

    Parameters
    ----------
    case : str
        A key of `CASES`.
    computer : Computer
        The machine.

    Returns
    -------
    Scenario
        Task T runs the case, task C is its forked child.
    """
    chosen = CASES[case]
    signals = {"SIGBUS": "escape", "SIGSEGV": "escape"}
    tasks: list[Step] = [{"name": "T", "signals": signals, "program": _program(chosen.parts)}]
    if chosen.child:
        tasks.append({"name": "C", "forked": True, "program": _program(chosen.child)})
    return Scenario.from_dict(
        {
            "version": 1,
            "name": case,
            "title": "A recorded sequence",
            "permits": ["SIGBUS"],
            "machine": computer.as_table(),
            **({"files": [*chosen.files]} if chosen.files else {}),
            "areas": [{"name": "V", **chosen.area}],
            "tasks": tasks,
        }
    )


def _program(parts: tuple[Step | Measured, ...]) -> list[Step]:
    steps: list[Step] = []
    for part in parts:
        if not isinstance(part, Measured):
            steps.append(part)
            continue
        steps += [{"do": "mark", "label": part.name}, *part.steps, {"do": "mark", "label": ""}]
        if part.page is not None:
            steps.append(_do("pagemap", part.page, label=part.name))
    return steps


@cache
def _run(case: str, tree: Tree, computer: Computer) -> dict[str, Fields]:
    """Run a case once; give the fields of each of its steps."""
    result = run(scenario_of(case, computer), tree)
    found: dict[str, Fields] = {}
    for task in result.tasks:
        for name, events in between_marks(result, task):
            if name:
                found[name] = {**counted(events), "pte": _page(result, name)}
                for event in events:
                    if event.kind == "report" and event.a == "outcome" and "code=" in str(event.b):
                        found[name]["si_code"] = int(str(event.b).partition("code=")[2].rstrip(")"))
    return found


def _page(result: Result, step: str) -> str:
    """Give what the pagemap showed after a step; empty where nobody looked."""
    return next((value for _, _, what, value in result.reports if what == f"pagemap {step}"), "")
