"""What is compared: a processor model that is not ours (an oracle) and one of our walks (a subject)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from pyemu.hw import COMPILED, Access, GeneralProtection, HardwareFault, PageFault, Registers, bits, x86
from pyemu.hw.check import AdOnFault
from pyemu.hw.mmu import InvpcidKind
from tests.hw.mutants import Mutant

TWINS = ("ref", "fast") if COMPILED else ("ref",)

Subject = str | Mutant
"""A twin by its name, or a copy of the readable one with a wrong rule."""

Walk = Callable[[Any, Registers, int, int], Access]


@dataclass(frozen=True)
class Seen:
    """What an access did: exactly one of the two is set."""

    pa: int | None = None
    fault: HardwareFault | None = None

    @property
    def name(self) -> str:
        """A short name for counts."""
        if isinstance(self.fault, PageFault):
            return f"#PF {self.fault.error_code:#x}"
        return "done" if self.fault is None else "#GP"


class Oracle(Protocol):
    """A CPU over a ram of its own, seen as an MMU: what `pyemu.hw.Mmu` says of these methods holds.

    `load` forgets all translations, so an access right after it walks.
    """

    cpls: ClassVar[tuple[int, ...]]
    """The privilege levels at which it can make accesses."""
    ad_on_fault: ClassVar[AdOnFault]
    """Which of the two permitted rules for A and D it follows."""
    maxphyaddr: ClassVar[int]
    """The width of its physical addresses, in bits."""
    levels: ClassVar[int]
    """Levels of its page tables, 4 or 5."""
    ram: Any
    """Its memory, a writable buffer: a copy of the image that it was made with."""

    def __init__(self, image: bytes | bytearray, root: int, spare: int) -> None:
        """Make a CPU over a copy of `image`, whose pages from `spare` on are for its own code and tables.

        Slots 510 and 511 of the table at `root` become its own too.
        """

    def load(self, cpu: Registers) -> None:
        """Load CR3 and the other registers."""

    def write_cr3(self, cr3: int) -> None:
        """Execute ``mov cr3``; with CR4.PCIDE, bit 63 asks it to forget nothing."""

    def set_mode(self, cpl: int, ac: bool) -> None:
        """Change privilege level and EFLAGS.AC."""

    def invlpg(self, va: int) -> None:
        """Execute ``invlpg``."""

    def invpcid(self, kind: InvpcidKind, pcid: int, va: int) -> None:
        """Execute ``invpcid``."""

    def access(self, va: int, kind: int) -> Seen:
        """Make one access; A and D bits change in `ram`."""


def attempt(walk: Callable[..., Access], *arguments: Any) -> Seen:
    """The same record for an access of ours."""
    try:
        return Seen(pa=walk(*arguments).pa)
    except HardwareFault as fault:
        return Seen(fault=fault)


def walk_of(subject: Subject, ad_on_fault: AdOnFault) -> Walk:
    """The raw access of a twin, or the one of a mutant around its walk."""
    if isinstance(subject, str):

        def access(ram: Any, cpu: Registers, va: int, kind: int) -> Access:
            return x86.access(ram, cpu, va, kind, twin=subject, ad_on_fault=ad_on_fault)

        return access
    package = subject.build()
    per_level = ad_on_fault == "per_level"

    def walk(ram: Any, cpu: Registers, va: int, kind: int) -> Access:
        if not bits.is_canonical(va, cpu.va_bits):
            raise GeneralProtection(va)
        entry, _ = package.x86.walk(memoryview(ram), cpu, va, kind, per_level)
        return Access(package.physical(entry, va), entry.page_size)

    return walk
