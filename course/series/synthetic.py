"""A run that no scenario can tell: a fault with a flag word that no caller has.

It replaces one kernel function and leaves everything else as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyemu.effects.records import Regs
    from pyemu.scenario import Scenario

__all__ = ["SYNTHETIC"]

Override = Mapping[str, Any]


def synthetic_flags() -> tuple[Scenario, Override]:
    """Let a fault come to handle_userfault with ALLOW_RETRY alone, and send SIGKILL while it waits."""
    from pyemu.calls.memory import handle_mm_fault
    from pyemu.effects.areas import find_vma
    from pyemu.effects.handles import current
    from pyemu.effects.locks import down_read, up_read
    from pyemu.flags import FAULT_FLAG_ALLOW_RETRY, VM_FAULT_RETRY

    async def do_user_addr_fault(regs: Regs, error_code: int, address: int) -> None:
        mm = await current.mm
        await down_read(mm)
        vma = await find_vma(mm, address)
        if vma is None:
            await up_read(mm)
            return
        fault = await handle_mm_fault(vma, address, FAULT_FLAG_ALLOW_RETRY)
        if not fault & VM_FAULT_RETRY:
            await up_read(mm)

    monitor: list[dict[str, Any]] = [
        {"do": "wait_message"},
        {"do": "pause", "ticks": 1_000},
        {"do": "signal", "task": "T", "signal": "SIGKILL"},
        {"do": "pause", "ticks": 9_000},
        {"do": "copy", "area": "V", "page": 1},
    ]
    return _scenario("synthetic flags", monitor), {"do_user_addr_fault": do_user_addr_fault}


def _scenario(name: str, monitor: list[dict[str, Any]]) -> Scenario:
    """Make a scenario in which T reads a missing page."""
    from pyemu.scenario import Scenario

    return Scenario.from_dict(
        {
            "version": 1,
            "name": name,
            "title": name,
            "machine": {"max_ticks": 100_000},
            "areas": [{"name": "V", "pages": 4, "userfaultfd": True}],
            "tasks": [
                {"name": "T", "program": [{"do": "read", "area": "V", "page": 1}]},
                {"name": "M", "monitor": True, "program": monitor},
            ],
        }
    )


SYNTHETIC: dict[str, Callable[[], tuple[Scenario, Override]]] = {
    "synthetic flags": synthetic_flags,
}
"""Name -> what makes the scenario and the replaced function, anew for each run."""
