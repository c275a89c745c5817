"""Explorations in processes of their own, each with a line of progress on the terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, TypeVar

from tqdm import tqdm

from pyemu import Scenario, Tree
from pyemu.explore import Exploration, explore
from pyemu.explore.explorer import Method

__all__ = ["explored", "in_processes"]

T = TypeVar("T")


def explored(scenario: Scenario, tree: Tree, method: Method, max_states: int, line: int = 0) -> Exploration:
    """Explore, and show on a terminal how far it is.

    Parameters
    ----------
    scenario, tree, method, max_states
        As `pyemu.explore.explore` has them.
    line : int
        On which line of the terminal.

    Returns
    -------
    Exploration
        What was found.
    """
    with tqdm(
        total=max_states,
        desc=str(tree),
        unit=" states",
        position=line,
        leave=False,
        disable=None,  # only on a terminal
    ) as bar:

        def progress(n_states: int, n_waiting: int) -> None:
            bar.set_postfix({"waiting": n_waiting}, refresh=False)
            bar.update(n_states - bar.n)

        return explore(scenario, tree, progress=progress, max_states=max_states, method=method)


def in_processes(function: Callable[..., T], jobs: Sequence[tuple[Any, ...]]) -> list[T]:
    """Call a function once a job, each in a process of its own; as many at a time as there are CPUs.

    Parameters
    ----------
    function : callable
        Of a module.
    jobs : sequence of tuple
        Its arguments.

    Returns
    -------
    list
        What it gave, in order.
    """
    # A fresh interpreter: nothing of this process, such as a lock that a thread of it holds, gets there.
    context = get_context("spawn")
    with ProcessPoolExecutor(
        mp_context=context, initializer=tqdm.set_lock, initargs=(context.RLock(),)
    ) as pool:
        return [one.result() for one in [pool.submit(function, *job) for job in jobs]]
