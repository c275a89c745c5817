"""Machines with a swap device that are stepped by hand, for the tests of swap, reclaim and migration."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from pyemu import Tree
from pyemu.calls.memory import handle_mm_fault
from pyemu.effects.areas import find_vma
from pyemu.effects.entries import copy_pte
from pyemu.effects.handles import Mm
from pyemu.effects.handles import Task as TaskHandle
from pyemu.effects.locks import down_read, up_read
from pyemu.effects.signals import send_signal
from pyemu.effects.swapops import SWAP, is_swap_entry, pte_present, swp_offset
from pyemu.flags import (
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_KILLABLE,
    FAULT_FLAG_RETRY_NOWAIT,
    FAULT_FLAG_TRIED,
    FAULT_FLAG_USER,
    PAGE_SHIFT,
    VM_FAULT_RETRY,
)
from pyemu.pages import frame_number
from pyemu.state import FrameState
from tests.pyemu.scenes import PAGE, Lab, Step, V, scene, task

MM = Mm(1)
V2 = V + 2 * PAGE
FIRST = FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE | FAULT_FLAG_USER
AGAIN = FIRST | FAULT_FLAG_TRIED
CHILD: Step = {"do": "fork", "child": "C"}
Body = Callable[[], Coroutine[Any, Any, Any]]


class SwapLab(Lab):
    """T has an area V: page 0 is mapped, pages 1 and 2 are swapped out and hold 3. U is its thread.

    `body` is what T runs. The disk takes no time, but its turn.
    """

    def __init__(self, body: Body | None = None, tree: Tree = Tree.v5_7, **area: Any) -> None:
        area = {"process": "T", "populated": [0], "swapped": [1, 2], "byte": 3, "userfaultfd": False, **area}
        tasks = [task("T"), task("U", process="T"), task("H"), task("S")]
        known = scene(*tasks, area=area, machine={"swap_ticks": 0, "swap_pages": 4})
        programs = {"T": body} if body is not None else {}
        names = [name for name in ("T", "U", "H", "S") if name not in programs]
        super().__init__(*names, programs=programs, scenario=known, tree=tree)

    def forked(self, address: int) -> int:
        """Let H's address space share the entry of an address, as a child would; its number."""
        other, state = self.task("H").mm, self.world.state
        state.data["vma", 99] = replace(state.data["vma", 1], mm=other, context=None)
        state.data["vmas", other] = (99,)
        self.do("U", copy_pte(MM, address, Mm(other), 2, 0x400))
        return other

    def entry(self, address: int, mm: int = 1) -> int:
        return int(self.world.state.get_pte(mm, address))

    def frame(self, address: int, mm: int = 1) -> FrameState:
        """The page that an entry names."""
        assert pte_present(self.entry(address, mm))
        found: FrameState = self.world.state.data["frame", frame_number(self.entry(address, mm))]
        return found

    def cached(self, slot: int) -> FrameState | None:
        """The page in the swap cache."""
        pfn = self.world.state.data.get(("cache", SWAP.id, slot))
        return None if pfn is None else self.world.state.data["frame", pfn]

    def slot(self, address: int, mm: int = 1) -> int:
        assert is_swap_entry(self.entry(address, mm))
        return swp_offset(self.entry(address, mm))

    @property
    def counts(self) -> tuple[int, ...]:
        """The swap map."""
        found: tuple[int, ...] = self.world.state.data["swap_map",]
        return found

    def byte(self, address: int, mm: int = 1) -> int:
        return int(self.world.state.ram[frame_number(self.entry(address, mm)) << PAGE_SHIFT])

    @property
    def majors(self) -> int:
        return int(self.world.state.data.get(("vmstat", "pgmajfault"), 0))

    def has_mmap_sem(self, name: str = "T") -> bool:
        return self.task(name).holds_lock(1)

    def reach(self, op: str, times: int = 1) -> None:
        """Step T, and the disk, until T is about to make an operation for the n-th time."""
        for _ in range(1_000):
            self.settle("disk")
            self.executor.enabled(self.task("T"))
            pending = self.task("T").pending
            if pending is not None and pending.op == op:
                times -= 1
                if not times:
                    return
            self.turn("T")
        raise AssertionError(f"T never came to {op}")

    def send(self, signal: int, to: str = "T") -> None:
        self.do("S", send_signal(TaskHandle(self.task(to).id), signal))


def attempts(*flags: int, address: int = V + PAGE) -> tuple[Body, list[int]]:
    """A body that makes attempts, each after the last; what they give is put into the list."""
    got: list[int] = []

    async def body() -> None:
        rest = flags
        while rest:
            await down_read(MM)
            vma = await find_vma(MM, address)
            assert vma is not None
            bits = await handle_mm_fault(vma, address, rest[0])
            got.append(bits)
            if not bits & VM_FAULT_RETRY or rest[0] & FAULT_FLAG_RETRY_NOWAIT:
                await up_read(MM)
            rest = rest[1:]

    return body, got
