"""Exploring with a learner's function: here, in a child, one that counts, one that isn't deterministic."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

import pyemu.stubs as stubs
from course.handlers import ChildHandler, Process
from pyemu import Tree
from pyemu.explore import explore, replay
from pyemu.explore.explorer import Explorer
from tests.pyemu.scenes import COPY, READ, WAIT, monitor, scene, send, victim

FUNCTION = "do_user_addr_fault"
HEAD = """
async def do_user_addr_fault(regs, error_code, address):
    mm = await current.mm
    flags = FAULT_FLAG_DEFAULT | FAULT_FLAG_USER
    tries = 0
"""
LOOP = """
    while True:
        await down_read(mm)
        vma = await find_vma(mm, address)
        fault = await handle_mm_fault(vma, address, flags)
        if await fault_signal_pending(fault, regs):
            return
        if fault & VM_FAULT_RETRY:
            flags |= FAULT_FLAG_TRIED
            tries += 1
            continue
        await up_read(mm)
        return
"""
RIGHT = HEAD + LOOP
IGNORES_SIGNALS = HEAD + LOOP.replace("if await fault_signal_pending(fault, regs):", "if False:")
GIVES_UP = IGNORES_SIGNALS.replace(
    "            continue", "            if tries == {n}:\n                return\n            continue"
)
FORGETS_TRIED = HEAD + LOOP.replace("            flags |= FAULT_FLAG_TRIED\n", "")
LOOKS_OUTSIDE = "    if next(CALLS) % 2:\n        await down_read(mm)\n        await up_read(mm)\n"
COUNTS_OUTSIDE = "import itertools\nCALLS = itertools.count()\n" + HEAD + LOOKS_OUTSIDE + LOOP
SCENE = scene(victim(READ), monitor(WAIT, send("SIGUSR1"), COPY), area={"populated": [0]})


def compiled(source: str) -> dict[str, Any]:
    names: dict[str, Any] = {name: getattr(stubs, name) for name in stubs.__all__}
    exec(source, names)
    return {FUNCTION: names[FUNCTION]}


def test_a_right_handler_breaks_nothing_here_and_in_a_child() -> None:
    own = explore(SCENE, Tree.after)
    here = explore(SCENE, Tree.after, compiled(RIGHT))
    with ChildHandler(RIGHT, FUNCTION) as child:
        there = explore(SCENE, Tree.after, {FUNCTION: child})
    assert here == there
    assert here.finished
    assert here.findings == own.findings == ()
    assert here.endings.keys() == own.endings.keys()


def test_a_child_is_asked_once_for_each_node(monkeypatch: pytest.MonkeyPatch) -> None:
    with ChildHandler(RIGHT, FUNCTION) as child:
        explorer = Explorer(SCENE, Tree.after, {FUNCTION: child})
        n_messages = itertools.count()
        exchange = Process.exchange

        def counted(self: Process, message: bytes) -> bytes:
            next(n_messages)
            return exchange(self, message)

        monkeypatch.setattr(Process, "exchange", counted)
        monkeypatch.setattr(Explorer, "_ask_again", lambda self: None)
        found = explorer.run("sleep", 10_000)
    asked = len(explorer.moves.nodes.asked)
    assert next(n_messages) == asked
    assert asked < found.n_moves / 5


def test_forgotten_flags_and_signals_are_found() -> None:
    assert explore(SCENE, Tree.after, compiled(FORGETS_TRIED)).finding("I5") is not None
    spin = explore(SCENE, Tree.after, compiled(IGNORES_SIGNALS)).finding("spin")
    assert spin is not None
    assert set(spin.circle) == {"T"}
    result = replay(SCENE, Tree.after, spin, compiled(IGNORES_SIGNALS))
    assert result.tasks["T"].stats["attempts"] > 3


@pytest.mark.parametrize(("n", "is_circle"), [(2, False), (8, False), (15, False), (900, True)])
def test_who_counts_is_not_taken_for_a_circle_unless_it_counts_far(n: int, is_circle: bool) -> None:
    # Each round asks for the same and gets the same, but the function counts: after n rounds it leaves the
    # fault, comes back by way of user mode, and its signal is taken there.
    found = explore(SCENE, Tree.after, compiled(GIVES_UP.format(n=n)))
    assert (found.finding("spin") is not None) == is_circle
    assert found.finished


def test_what_depends_on_more_than_its_results_is_not_deterministic() -> None:
    found = explore(SCENE, Tree.after, compiled(COUNTS_OUTSIDE)).finding("not deterministic")
    assert found is not None
    assert "asked twice" in found.text
    with ChildHandler(COUNTS_OUTSIDE, FUNCTION) as child:
        assert explore(SCENE, Tree.after, {FUNCTION: child}).finding("not deterministic") is not None
    assert explore(SCENE, Tree.after, compiled(RIGHT)).finding("not deterministic") is None


@pytest.mark.parametrize(
    ("body", "rule"), [("    return 1 // 0\n", "crash"), ("    await get_page(1)\n", "not on the list")]
)
def test_a_function_that_can_not_go_on_is_a_finding(body: str, rule: str) -> None:
    with ChildHandler(HEAD + body, FUNCTION) as child:
        found = explore(SCENE, Tree.after, {FUNCTION: child})
    assert found.finding(rule) is not None


def test_a_function_without_an_end_is_ended() -> None:
    spins = HEAD + "    while True:\n        await current.mm\n"
    found = explore(SCENE, Tree.after, compiled(spins))
    assert found.finding("endless") is not None
    computes = HEAD + "    while True:\n        pass\n"
    with ChildHandler(computes, FUNCTION) as child:
        found = explore(SCENE, Tree.after, {FUNCTION: child})
    assert found.finding("endless") is not None
