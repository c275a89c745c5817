"""Whatever a handler asks for, with whatever arguments: a finding or a result, never a traceback of ours."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyemu import Tree, run
from pyemu.calls import CALLS
from pyemu.effects import OPERATIONS, Effect
from pyemu.effects.handles import HANDLES, Task
from pyemu.effects.records import Regs
from pyemu.flags import Signal
from pyemu.stubs import PRIVATE
from pyemu.trace import Level, Trace
from tests.pyemu.scenes import COPY, READ, V1, WAIT, monitor, pause, scene, send, task, victim

numbers = st.one_of(
    st.integers(-2, 20),
    st.sampled_from([V1, V1 + 1, 0x214, 0x274, 4096, 1 << 20, 1 << 47, 1 << 62, -(1 << 62), 1 << 70, True]),
)
handles = st.one_of(
    *(st.builds(kind, st.sampled_from([0, 1, 2, 1_000_001, 99])) for kind in HANDLES.values())
)
anything = st.one_of(
    numbers,
    handles,
    st.none(),
    st.text(max_size=3),
    st.floats(),
    st.builds(Regs, st.booleans()),
    st.tuples(),
    st.sampled_from(["maj_flt", "page-faults", "pgfault", "vm_start", "waken"]),
)


def fitting(kind: str) -> st.SearchStrategy[Any]:
    """Mostly what an argument should be, sometimes anything."""
    by_kind: dict[str, st.SearchStrategy[Any]] = {
        "int": numbers,
        "bool": st.booleans(),
        "str": st.sampled_from(["maj_flt", "page-faults", "pgfault", "vm_start", "pending", "x"]),
        "Regs": st.builds(Regs, st.booleans()),
    }
    ids = st.sampled_from([0, 1, 1, 1, 2, 1_000_001])
    by_kind |= {cls.__name__: st.builds(cls, ids) for cls in HANDLES.values()}
    by_kind |= {f"{one} | None": st.one_of(st.none(), values) for one, values in by_kind.items()}
    return st.one_of(by_kind[kind], by_kind[kind], by_kind[kind], anything)


@st.composite
def effects(draw: st.DrawFn) -> tuple[str, tuple[Any, ...]]:
    """An effect as data: a handler must not share one between two runs."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.sampled_from(["call", "park it", "read_vma", "down_read"])), tuple(
            draw(st.lists(anything))
        )
    if draw(st.booleans()):
        name = draw(st.sampled_from(sorted(CALLS)))
        return "call", (name, *(draw(fitting(kind)) for kind in CALLS[name].kinds))
    name = draw(st.sampled_from(sorted(set(OPERATIONS) - PRIVATE)))
    if name.startswith("read_"):
        kind = HANDLES[name.removeprefix("read_")]
        field = draw(st.one_of(st.sampled_from(kind.readable), st.just("nothing"), anything))
        return name, (draw(fitting(kind.__name__)), field)
    return name, tuple(draw(fitting(kind)) for _, kind in OPERATIONS[name].parameters)


BUSY = scene(
    victim(READ, {"do": "write", "area": "V", "page": 2}, process="P"),
    task("U", pause(50), {"do": "mmap_fixed", "area": "V", "page": 3}, process="P", blocked=["SIGUSR1"]),
    monitor(WAIT, pause(10), send("SIGUSR1"), pause(10), COPY, WAIT, pause(5), {"do": "close"}),
    machine={"max_ticks": 5_000},
)
Script = list[tuple[str, tuple[Any, ...]]]


handlers = given(
    st.sampled_from(sorted(CALLS)),
    st.lists(effects(), max_size=6),
    anything,
    st.sampled_from([Tree.before, Tree.after]),
)


@settings(max_examples=100)
@handlers
def test_a_strange_handler_gives_a_result_and_no_traceback(
    name: str, script: Script, value: Any, tree: Tree
) -> None:
    check(name, script, value, tree)


@pytest.mark.long
@settings(max_examples=1_000)
@handlers
def test_many_strange_handlers_give_a_result_and_no_traceback(
    name: str, script: Script, value: Any, tree: Tree
) -> None:
    check(name, script, value, tree)


def check(name: str, script: Script, value: Any, tree: Tree) -> None:
    async def handler(*args: Any) -> Any:
        for op, values in script:
            await Effect(op, values)
        return value

    override = {name: _with_parameters(handler, len(CALLS[name].parameters))}
    result = run(BUSY, tree, override)
    assert result.end in ("done", "hang", "time limit")
    for one in result.findings:
        assert one.text.strip()
    assert result.trace.text(Level.HARDWARE)
    assert Trace.from_jsonl(result.trace.to_jsonl()).to_jsonl() == result.trace.to_jsonl()


def _with_parameters(handler: Any, n: int) -> Any:
    """A coroutine function of exactly `n` parameters."""
    names = ", ".join(f"p{place}" for place in range(n))
    namespace: dict[str, Any] = {"handler": handler}
    exec(f"async def function({names}):\n    return await handler({names})", namespace)
    return namespace["function"]


@pytest.mark.parametrize(
    ("op", "values", "says"),
    [
        ("count", ("major",), "there is no counter 'major'; there are maj_flt, min_flt"),
        ("perf_sw_event", ("faults",), "there is no event 'faults'; there are major-faults, minor-faults"),
        ("force_sig_fault", (99, 1, 0), "signal 99 is no signal of a fault"),
        ("force_sig_fault", (int(Signal.SIGKILL), 1, 0), "SIGKILL is no signal of a fault"),
        ("up_read", (Task(1),), "got mm = Task(id=1, generation=0), of type Task; it needs Mm"),
        ("find_vma", (1, 2), "got mm = 1, of type int; it needs Mm"),
    ],
    ids=lambda one: str(one)[:20],
)
def test_a_wrong_argument_is_named_with_what_is_right(op: str, values: tuple[Any, ...], says: str) -> None:
    async def do_user_addr_fault(regs: Regs, error_code: int, address: int) -> None:
        await Effect(op, values)

    result = run(BUSY, Tree.after, {"do_user_addr_fault": do_user_addr_fault})
    (finding,) = [one for one in result.findings if one.task == "T"]
    assert finding.rule == "bad argument"
    assert says in finding.text
