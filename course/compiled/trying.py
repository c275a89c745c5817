"""A learner's walk, compiled: compared with the readable twin, and put to work with faults in Python."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from array import array
from collections.abc import Callable
from typing import Any

from course.compiled.building import build, compile_cython
from course.compiled.declaring import function_name
from course.compiled.figures import figure
from course.compiled.tables import Tables, random_tables
from course.saying import say
from pyemu.errors import FaultlabError
from pyemu.hw import x86

__all__ = ["right_walk", "serve", "try_walk"]

N_TABLES, N_EACH = 20, 400
CPU_SECONDS = 10
_CHILD = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_CPU, ({CPU_SECONDS}, {CPU_SECONDS + 1}))
from course.compiled.trying import judged
sys.stdout.write(judged(sys.stdin.read()))
"""

_RIGHT = """def walk_all(ram, root, vas, pas):
    for i in range(len(vas)):
        table = root
        for shift in range(39, 3, -9):
            entry = ram[(table >> 3) + (vas[i] >> shift & 511)]
            if not entry & 1:
                return i
            table = entry & 0xFFFFFFFFFF000
        pas[i] = table | vas[i] & 4095
    return len(vas)
"""


def right_walk() -> str:
    """Give the Python text of a walk that stops at the first fault: `try_walk` accepts it.

    Returns
    -------
    str
        One function.
    """
    return _RIGHT


def try_walk(text: str) -> None:
    """Compare a walk with the readable twin, on random page tables, and say where they part.

    Parameters
    ----------
    text : str
        Cython source of one function of ``(ram, root, vas, pas)``. It puts physical addresses into `pas`, and
        gives the number of addresses before the first whose page is missing.
    """
    try:
        say(figure("try", text, lambda: _in_child(text)))
    except FaultlabError as error:
        print(error)


def _in_child(text: str) -> str:
    """Compare in a process of its own: compiled code may never end, or read anywhere."""
    build(text)
    done = subprocess.run(
        [sys.executable, "-c", _CHILD],
        input=text,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == -signal.SIGXCPU:
        return (
            f"Your walk didn't end in {CPU_SECONDS} seconds. Can the type of the counter hold every "
            "number that it should come to?"
        )
    if done.returncode:
        return "Your walk ended the process that ran it: it read or wrote where nothing is."
    return done.stdout


def judged(text: str) -> str:
    """Compare a walk with the readable twin in this process, and give the verdict."""
    walk = getattr(compile_cython(text), function_name(text))
    n = n_stopped = 0
    for seed in range(N_TABLES):
        tables = random_tables(seed, N_EACH, faults=seed % 2 == 1)
        pas, n_before = tables.expected()
        own = array("Q", bytes(8 * N_EACH))
        try:
            done = walk(tables.ram, tables.root, tables.vas, own)
        except Exception as error:  # noqa: BLE001  whatever a learner's code raises is shown in words
            return f"Tables {seed}: your walk raised {type(error).__name__}: {error}"
        if said := _difference(tables, own, pas, done, n_before):
            return f"Tables {seed}: {said}"
        n += n_before
        n_stopped += n_before < N_EACH
    return (
        f"Your walk and the readable twin agree on all {n:,} addresses of {N_TABLES} random page tables, and "
        f"stop at the same fault in the {n_stopped} that have one."
    )


def _difference(tables: Tables, own: array[int], pas: array[int], done: Any, n_before: int) -> str:
    for nth in range(n_before):
        if own[nth] != pas[nth]:
            va = tables.vas[nth]
            why = _why(va, own[nth], pas[nth], nth, done)
            return f"for {va:#x} your walk gave {own[nth]:#x}, the readable twin has {pas[nth]:#x}. {why}"
    if done is None:
        return "your walk doesn't say how far it came: return a number, also at the end."
    if done != n_before:
        late = "It went on after a fault." if done > n_before else "It stopped too early."
        return f"{n_before} addresses come before the first fault, and your walk says {done}. {late}"
    return ""


def _why(va: int, own: int, right: int, nth: int, done: Any) -> str:
    if own == 0 and isinstance(done, int) and done <= nth:
        return "It stopped too early: this page is present."
    if own == 0:
        return "Nothing was stored for it: does the index come so far?"
    if own & ~(0xFFF << 52) == right:
        return "Bits of the entry that are no address came along."
    if own >> 32 == 0 or own & 0xFFFFFFFF == right & 0xFFFFFFFF:
        return "The high half is lost: a type of 32 bits can't hold an address."
    if own & ~0xFFF == right & ~0xFFF:
        return "The frame is right, the offset isn't."
    return "Look for a type that can't hold what it is given." if va >> 63 else ""


def serve(text: str) -> None:
    """Let a compiled walk translate a program's accesses, and serve its faults in Python; count both.

    The program begins without a page. Each fault maps the page and lets the walk go on.

    Parameters
    ----------
    text : str
        Cython source of one function of ``(ram, root, vas, pas)``, as `try_walk` takes it.
    """
    try:
        say(figure("serve", text, lambda: _serve(text)))
    except FaultlabError as error:
        print(error)


def _serve(text: str) -> str:
    walk = getattr(compile_cython(text), function_name(text))
    tables = random_tables(1, 200_000)
    n_calls, n_faults = run_with_faults(walk, tables.vas)
    return (
        f"{len(tables.vas):,} accesses: {n_calls} calls of compiled code, and between them {n_faults} "
        "faults, each served in Python."
    )


def run_with_faults(walk: Callable[..., int], vas: array[int]) -> tuple[int, int]:
    """Translate all addresses; where the walk stops, map the page and go on.

    Parameters
    ----------
    walk : callable
        Of ``(ram, root, vas, pas)``.
    vas : array of uint64, shape (n,)
        Where the program accesses.

    Returns
    -------
    tuple of (int, int)
        Calls and faults.

    Raises
    ------
    FaultlabError
        The walk makes no progress.
    """
    memory = bytearray(64 * x86.PAGE_SIZE)
    frames = iter(range(0x2000, len(memory), x86.PAGE_SIZE))
    ram, addresses = memoryview(memory).cast("Q"), memoryview(vas)
    pas = memoryview(array("Q", bytes(8 * len(vas))))
    done = n_calls = n_faults = 0
    served: set[int] = set()
    while done < len(vas):
        done += walk(ram, 0x1000, addresses[done:], pas[done:])
        n_calls += 1
        if done < len(vas):
            page = vas[done] & ~0xFFF
            if page in served:
                raise FaultlabError(f"The walk stops at {vas[done]:#x}, whose page is present by now.")
            served.add(page)
            x86.map_page(memory, 0x1000, page, page & 0xFFFFFFF000, x86.P | x86.RW | x86.US, frames.__next__)
            n_faults += 1
    return n_calls, n_faults
