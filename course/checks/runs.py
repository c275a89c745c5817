"""One case, run twice: with the learner's function in a child process, and with the kernel's own here.

Each run gets a fresh child, so that nothing a function remembers, and no process that it ended, reaches the
next run.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from course.checks.specification import Case, Run

if TYPE_CHECKING:
    from pyemu.machine import Result
    from pyemu.scenario import Scenario

__all__ = ["run_case"]


def run_case(case: Case, source: str, function: str) -> Run:
    """Run a case.

    Parameters
    ----------
    case : Case
        What to run.
    source : str
        The learner's source; it is executed in the child only.
    function : str
        The kernel function that it defines.

    Returns
    -------
    Run
        Both results. What made the function impossible to go on with stands in ``mine.findings``.

    Raises
    ------
    HandlerFault
        The source can't be loaded: no run was made.
    """
    from course.handlers import ChildHandler
    from pyemu import Tree, run

    with ChildHandler(source, function) as handler:
        mine = run(case.scenario, Tree.after, {function: handler})
    return Run(case, mine, _kernel_run(case.scenario), handler.printed)


@lru_cache(maxsize=64)
def _kernel_run(scenario: Scenario) -> Result:
    """Run a scenario with the kernel's own code; the result depends on the scenario alone."""
    from pyemu import Tree, run

    return run(scenario, Tree.after, strict=True)
