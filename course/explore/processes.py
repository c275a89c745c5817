"""Trees that are explored side by side, in processes of their own, with progress on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context

from tqdm import tqdm

from pyemu import Scenario, Tree, run
from pyemu.explore import Exploration, Seen, explore
from pyemu.explore.explorer import Method
from pyemu.tree import N_PATCHES

__all__ = ["all_explored", "asking", "explored"]


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


def processes() -> ProcessPoolExecutor:
    """Give processes, as many as there are CPUs, that may each draw a line of progress."""
    # Fresh interpreters: nothing of this process, such as a lock that a thread of it holds, gets there.
    context = get_context("spawn")
    return ProcessPoolExecutor(mp_context=context, initializer=tqdm.set_lock, initargs=(context.RLock(),))


def all_explored(
    scenario: Scenario, trees: Sequence[Tree], method: Method, max_states: int
) -> list[Exploration]:
    """Explore a scenario on some trees; more than one of them side by side."""
    if len(trees) == 1:
        return [explored(scenario, trees[0], method, max_states)]
    with processes() as pool:
        waiting = [
            pool.submit(explored, scenario, tree, method, max_states, line) for line, tree in enumerate(trees)
        ]
        return [one.result() for one in waiting]


@contextmanager
def asking(
    scenario: Scenario, how: tuple[Method, int] | None
) -> Iterator[Callable[[Sequence[int]], Iterator[Seen]]]:
    """Give what `pyemu.explore.bisect` asks.

    Parameters
    ----------
    scenario : Scenario
        What the trees are asked to show.
    how : tuple of str and int, optional
        Method and budget of an exploration; without these, trees are asked for a timed run.

    Yields
    ------
    callable
        Gives what some trees show, each named by the number of its last patch.
    """
    with tqdm(total=N_PATCHES + 1, unit=" trees", leave=False, disable=None) as bar:  # None: as above

        def counted(seen: Iterable[Seen]) -> Iterator[Seen]:
            for one in seen:
                bar.update()
                yield one

        if how is None:
            yield lambda trees: counted(Seen.ran(run(scenario, Tree.upto(tree))) for tree in trees)
            return
        with processes() as pool:
            yield lambda trees: counted(pool.map(partial(_seen, scenario, *how), trees))


def _seen(scenario: Scenario, method: Method, max_states: int, tree: int) -> Seen:
    return Seen.explored(explore(scenario, Tree.upto(tree), max_states=max_states, method=method))
