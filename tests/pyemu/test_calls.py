from __future__ import annotations

import inspect
import subprocess
import sys
from typing import Any

import pytest

from pyemu import kernel, stubs
from pyemu.calls import CALLS
from pyemu.calls.allowed import ALLOWED
from pyemu.calls.declare import BUILDERS
from pyemu.calls.memory import handle_mm_fault
from pyemu.effects import OPERATIONS
from pyemu.effects.handles import HANDLES, Mm, Vma
from pyemu.effects.records import Regs

SECRET = (
    "pyemu.kernel",
    "pyemu.sched",
    "pyemu.state",
    "pyemu.machine",
    "pyemu.scenario",
    "pyemu.hw",
    "numpy",
)


def imported_by(statement: str) -> set[str]:
    """Names of all modules in a fresh Python after one statement."""
    code = f"import sys; sys.path.insert(0, '.'); {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement", ["import pyemu.stubs", "from pyemu.stubs import *", "import pyemu.handler"]
)
def test_what_a_handler_imports_holds_nothing_of_the_kernel(statement: str) -> None:
    found = imported_by(statement)
    assert "pyemu.stubs" in found
    assert {name for name in found if name.startswith((*SECRET, "numpy"))} == set()


def test_importing_pyemu_loads_nothing_else() -> None:
    found = imported_by("import pyemu")
    assert {name for name in found if name.startswith(("pyemu", "numpy"))} == {"pyemu"}


def test_running_a_scenario_needs_no_numpy() -> None:
    assert "numpy" not in imported_by("import pyemu; pyemu.run('S13', twin='ref')")


@pytest.mark.parametrize("name", CALLS)
def test_every_declared_function_is_written_with_the_same_signature(name: str) -> None:
    written = inspect.signature(kernel.load()[name])
    declared = CALLS[name]
    assert tuple(written.parameters) == declared.parameters
    assert tuple(str(one.annotation) for one in written.parameters.values()) == declared.kinds
    assert str(written.return_annotation) == declared.returns


def test_the_kernel_writes_no_function_that_is_not_declared() -> None:
    assert set(kernel.load()) == set(CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_calling_a_kernel_function_only_builds_an_effect(name: str) -> None:
    values: dict[str, Any] = {"int": 1, "bool": True, "str": "x", "Regs": Regs(True)}
    values |= {cls.__name__: cls(1) for cls in HANDLES.values()}
    values |= {f"{kind} | None": value for kind, value in values.items()}
    args = tuple(values[kind] for kind in CALLS[name].kinds)
    effect = BUILDERS[name](*args)
    assert (effect.op, effect.args, effect.title) == ("call", (name, *args), f"{name}(...)")
    effect.awaited = True


def test_keyword_arguments_build_the_same_call() -> None:
    by_name = handle_mm_fault(flags=3, vma=Vma(1), address=2)
    assert by_name.args == ("handle_mm_fault", Vma(1), 2, 3)
    by_name.awaited = True
    with pytest.raises(TypeError):
        handle_mm_fault(Vma(1), 2)  # type: ignore[call-arg]  # the mistake is the test


@pytest.mark.parametrize("name", CALLS)
def test_no_list_allows_a_function_to_call_itself_or_to_ask_for_the_answer(name: str) -> None:
    listed = stubs.allowed(name)
    assert name not in listed
    assert not listed & {"policies", "report", "access", "clock", "do_exit", "deliver_signal"}


@pytest.mark.parametrize("name", ALLOWED)
def test_every_name_on_a_list_exists(name: str) -> None:
    fields = {f"{kind.kind}.{field}" for kind in HANDLES.values() for field in kind.readable}
    assert ALLOWED[name] <= set(OPERATIONS) | set(CALLS) | fields


def test_the_retry_loop_may_not_reach_below_handle_mm_fault() -> None:
    below = {"handle_userfault", "do_anonymous_page", "get_pte", "set_pte_if_none", "schedule", "down_write"}
    assert not ALLOWED["do_user_addr_fault"] & (below | {"set_current_state", "vma.vm_userfaultfd_ctx"})


def test_the_stubs_offer_every_operation_call_and_flag_but_the_private_ones() -> None:
    offered = set(stubs.__all__)
    assert set(CALLS) <= offered
    assert {"down_read", "find_vma", "FAULT_FLAG_TRIED", "VM_FAULT_RETRY", "current", "user_mode"} <= offered
    assert not offered & (stubs.PRIVATE | {"OPERATIONS", "Effect"})
    assert all(hasattr(stubs, name) for name in offered)


def test_an_operation_of_the_stubs_is_the_operation_of_the_kernel() -> None:
    assert vars(stubs)["down_read"](Mm(1)).title == "down_read(...)"
