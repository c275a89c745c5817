"""A task that stands in handle_userfault, for tests of both sides of a userfaultfd."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from pyemu import Tree
from pyemu.calls.userfaultfd import handle_userfault
from pyemu.effects.areas import find_vma
from pyemu.effects.entries import get_pte
from pyemu.effects.handles import Context, Mm, current
from pyemu.effects.locks import down_read
from pyemu.flags import (
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_INTERRUPTIBLE,
    FAULT_FLAG_KILLABLE,
    FAULT_FLAG_USER,
    VM_UFFD_MISSING,
)
from tests.pyemu.scenes import V1, Lab

OLD, NEW = Tree.before, Tree.after
UFFD, MM = Context(1), Mm(1)
USER_OLD = FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE | FAULT_FLAG_USER
USER_NEW = USER_OLD | FAULT_FLAG_INTERRUPTIBLE


@dataclass
class Faulting:
    """T in handle_userfault, a monitor M that obeys, and a thread U of T's process that obeys."""

    tree: Tree
    flags: int
    reason: int = VM_UFFD_MISSING
    result: list[int] = field(default_factory=list)
    lab: Lab = field(init=False)

    def __post_init__(self) -> None:
        self.lab = Lab(
            "M",
            "U",
            programs={"T": self.fault},
            tree=self.tree,
            signals={"SIGUSR1": "handler"},
            processes={"M": "Q", "U": "P", "T": "P"},
            area={"process": "P"},
        )

    async def fault(self) -> None:
        await down_read(mm := await current.mm)
        vma = await find_vma(mm, V1)
        assert vma is not None
        self.result.append(await handle_userfault(vma, V1 + 123, self.flags, self.reason))
        await get_pte(mm, V1)  # a turn, so that the task stands still here

    def run(self, *names: str) -> Faulting:
        """T runs until it waits or has its result."""
        while not self.result and self.lab.turn("T"):
            pass
        return self

    @property
    def outcome(self) -> tuple[int, str]:
        """Bits, and whether mmap_sem is held."""
        (bits,) = self.result
        return bits, "held" if self.lab.task("T").holds_lock(self.mm) else "dropped"

    @property
    def mm(self) -> int:
        return self.lab.task("T").mm

    @property
    def uffd(self) -> Context:
        return Context(self.mm)

    def context(self, **changes: Any) -> Faulting:
        place = ("context", self.mm)
        self.lab.world.state.data[place] = replace(self.lab.world.state.data[place], **changes)
        return self

    def entry(self, pte: int) -> Faulting:
        """Map the page, as if somebody had been faster."""
        self.lab.world.state.set_pte(self.mm, V1, pte)
        return self

    def messages(self) -> int:
        return len(self.lab.world.state.data["context", self.mm].pending)

    def tell(self, name: str, *effects: Any) -> None:
        for one in effects:
            self.lab.do(name, one)


def faulting(tree: Tree = NEW, flags: int | None = None, reason: int = VM_UFFD_MISSING) -> Faulting:
    return Faulting(tree, flags if flags is not None else USER_NEW if 12 in tree else USER_OLD, reason)
