"""A failing run as a file: what it was, the order of its moves, and both traces; the stepper opens it.

A file is plain data. To open it, no code of a learner runs: the traces are read, and the check's own case
tells what ran. Only where a case was explored is there a schedule: the shortest order that fails.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course.checks.draw import Draw
from course.checks.library import checks_of, declared
from course.workfiles import FOLDER, home_of
from pyemu.errors import MaterialError
from pyemu.handler import HandlerFault

if TYPE_CHECKING:
    from course.checks.kernel_case import KernelRun
    from course.checks.verdict import Verdict
    from pyemu.machine import Result
    from pyemu.scenario import Scenario
    from pyemu.trace import Trace
    from pyemu.tree import Tree

__all__ = ["LABELS", "FailedRun", "failing_run", "keep_run", "load_run"]

LABELS = ("yours", "the kernel's")
VERSION = 1
_TEXTS = ("exercise", "check", "problem", "happens", "scenario", "tree", "schedule", "mine", "kernel")


@dataclass(frozen=True, slots=True)
class FailedRun:
    """One run in which a check failed, beside the kernel's own.

    Attributes
    ----------
    exercise, check : str
        Of which check.
    seed : str or None
        What its numbers were drawn with.
    case : int
        Which of its cases, from 0.
    problem, happens : str
        What is wrong, and the scenario in words.
    scenario, tree : str
        Their names.
    schedule : str
        The order of the moves, as ``T*3 M``, where it was explored; else empty.
    mine, kernel : Trace
        The events of both.
    """

    exercise: str
    check: str
    seed: str | None
    case: int
    problem: str
    happens: str
    scenario: str
    tree: str
    schedule: str
    mine: Trace
    kernel: Trace

    def to_json(self) -> str:
        """Give the text of the file; the same run gives the same text."""
        stored: dict[str, Any] = {"faultlab_run": VERSION}
        for name in ("seed", "case", *_TEXTS):
            value = getattr(self, name)
            stored[name] = value.to_jsonl() if name in ("mine", "kernel") else value
        return json.dumps(stored, indent=1) + "\n"

    def results(self) -> tuple[Result, ...]:
        """Give the runs, as a view takes them.

        Returns
        -------
        tuple of Result
            The learner's, and the kernel's; of an explored case the learner's alone, since the moves of two
            functions can't be compared one by one. They hold events and scenario, and no counters.

        Raises
        ------
        MaterialError
            The exercise's checks have changed since, and have no such case.
        """
        scenario, tree = self._case()
        traces = (self.mine,) if self.schedule else (self.mine, self.kernel)
        return tuple(_result(scenario, tree, trace) for trace in traces)

    def _case(self) -> tuple[Scenario, Tree]:
        from pyemu import Tree

        checks = checks_of(self.exercise).checks
        cases = (
            checks[self.check].cases(Draw(self.seed, f"{self.exercise}/{self.check}"))
            if self.check in checks
            else ()
        )
        scenario = getattr(cases[self.case], "scenario", None) if 0 <= self.case < len(cases) else None
        if scenario is None or scenario.name != self.scenario:
            raise MaterialError(
                f"{self.exercise} has no case {self.case} of {self.check!r} with the scenario "
                f"{self.scenario!r}: its checks have changed since. Run the check again for a new file."
            )
        return scenario, Tree.parse(self.tree)


def failing_run(exercise: str, behaviour: str, source: str, seed: str | None = None) -> FailedRun | None:
    """Play the cases of a behaviour again until one fails.

    Parameters
    ----------
    exercise, behaviour : str
        Ids.
    source : str
        The learner's source; it is executed in child processes only.
    seed : str, optional
        Draws the numbers of the scenarios.

    Returns
    -------
    FailedRun or None
        None where nothing fails, or what fails has no events: tables, and functions that are only called.
    """
    from course.checks.kernel_case import KernelRun

    checks = checks_of(exercise)
    check = checks.checks[behaviour]
    for number, case in enumerate(check.cases(Draw(seed, f"{exercise}/{behaviour}"))):
        try:
            run = case.play(source, checks.answers)
        except HandlerFault:
            return None
        problem = next((one.text for one in run.findings), "") or run.problem(check.equal)
        if problem and isinstance(run, KernelRun):
            return _failed(exercise, behaviour, seed, number, problem, run)
        if problem:
            return None
    return None


def keep_run(verdict: Verdict, behaviour: str, source: str, folder: Path | None = None) -> str:
    """Keep the run in which a check failed, in the working copy: ``.faultlab/runs/EXERCISE-CHECK.json``.

    Parameters
    ----------
    verdict : Verdict
        Of the answer.
    behaviour : str
        A check; nothing is kept unless it failed.
    source : str
        The answer's source.
    folder : Path, optional
        Where the notebook is; the current folder by default.

    Returns
    -------
    str
        The file, as it is named from the current folder; empty where nothing is kept: outside a working copy,
        where there are no events, and where nothing can be written.
    """
    home = home_of(folder)
    row = next(one for one in verdict.rows if one.behaviour.id == behaviour)
    if home is None or row.feedback is None or verdict.stopped:
        return ""
    found = failing_run(verdict.exercise, behaviour, source, verdict.seed)
    if found is None:
        return ""
    path = home / FOLDER / "runs" / f"{verdict.exercise}-{behaviour}.json"
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(exist_ok=True)
        part.write_text(found.to_json(), encoding="utf-8")
        part.replace(path)
    except OSError:
        return ""
    return Path(os.path.relpath(path)).as_posix()


def load_run(path: Path) -> FailedRun:
    """Read a file that `FailedRun.to_json` made.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    FailedRun
        The same events.

    Raises
    ------
    MaterialError
        It can't be read, is no such file, or a newer faultlab wrote it.
    FaultlabError
        One of its traces is damaged; the text names the line.
    """
    from pyemu.trace import Trace

    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        version = stored.pop("faultlab_run")
        if version != VERSION:
            raise ValueError(f"its version is {version!r}, this faultlab knows {VERSION}")
        if set(stored) != {"seed", "case", *_TEXTS}:
            raise ValueError("its keys are others")
        if not all(isinstance(stored[one], str) for one in _TEXTS):
            raise ValueError("a text is none")
        if type(stored["case"]) is not int or not isinstance(stored["seed"], str | None):
            raise ValueError("a value is of another kind")
    except OSError as error:
        raise MaterialError(
            f"{path} can't be read ({error.strerror}); name a file that a failed check has kept."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MaterialError(
            f"{path} is no run that a check has kept ({error}). Run the check again; it writes a new file."
        ) from None
    declared(stored["exercise"])
    traces = {name: Trace.from_jsonl(stored[name]) for name in ("mine", "kernel")}
    return FailedRun(**stored | traces)


def _failed(
    exercise: str, behaviour: str, seed: str | None, number: int, problem: str, run: KernelRun
) -> FailedRun:
    return FailedRun(
        exercise=exercise,
        check=behaviour,
        seed=seed,
        case=number,
        problem=problem,
        happens=run.happens,
        scenario=run.case.scenario.name,
        tree=str(run.mine.tree),
        schedule=getattr(run, "order", ""),
        mine=run.mine.trace,
        kernel=run.kernel.trace,
    )


def _result(scenario: Scenario, tree: Tree, trace: Trace) -> Result:
    """Give a trace as the result of a run of which no more is known."""
    from pyemu.machine import Result

    return Result(
        scenario=scenario,
        tree=tree,
        trace=trace,
        tasks={},
        vmstat={},
        violations=(),
        findings=(),
        reports=(),
        end="stopped",
        end_text="read from a file",
        ticks=trace[-1].t if len(trace) else 0,
    )
