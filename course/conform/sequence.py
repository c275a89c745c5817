"""Records of kind ``sequence``: plain steps, one after the other, as scenarios.

What one step costs is read from the counters between its two marks; what the page then is, from the pagemap.
The program that made the records ran one case after the other in one process; here each case is a run of its
own, and the memory of each is fresh.
"""

from __future__ import annotations

from functools import cache

from course.conform.kernels import TWO_CPUS, Computer, NotModelled
from course.conform.measure import between_marks, counted
from course.conform.sequence_cases import CASES, ELSEWHERE, Measured, Step, do
from pyemu.machine import Result, run
from pyemu.scenario import Scenario
from pyemu.tree import Tree

Fields = dict[str, int | str]

# Words of a record's `pte` that are compared; the others (dirty, lru, active, ...) are not modelled.
PTE_WORDS = ("present", "swap", "file/shared", "excl", "zeropage", "thp", "anon")
THP = (
    "huge pages on demand are not modelled: only 6.18 gives one here",
    {("thp_madvise", "write 1 byte in 2M area"), ("thp_madvise", "write other 4K")},
)


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
    return _run(ELSEWHERE.get((case, step), case), tree, computer)[step]


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
            steps.append(do("pagemap", part.page, label=part.name))
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
