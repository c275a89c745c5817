"""Copies of the readable twin with one rule wrong, to see whether a comparison would notice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from pyemu.hw import ref


@dataclass(frozen=True)
class Mutant:
    """One replacement in the source of `pyemu.hw.ref`."""

    name: str
    old: str
    new: str

    def __str__(self) -> str:
        return self.name

    def build(self) -> Any:
        """The module with the replacement made."""
        source = Path(ref.__file__).read_text(encoding="utf-8")
        if source.count(self.old) != 1:
            raise LookupError(f"{self.name}: {self.old!r} stands {source.count(self.old)} times in ref.py")
        module = ModuleType(f"ref_{self.name.replace('-', '_')}")
        exec(compile(source.replace(self.old, self.new), f"<{self.name}>", "exec"), module.__dict__)
        return module


WALK_MUTANTS = [
    Mutant("only-the-leaf-grants", "rights & entry & (RW | US)", "entry & (RW | US)"),
    Mutant("only-the-leaf-forbids-fetch", "(rights | entry) & NX", "entry & NX"),
    Mutant("user-reads-supervisor-pages", "if not rights & US:", "if not rights & US and kind == WRITE:"),
    Mutant("wp-ignored", "or not (cpu.user or cpu.cr0 & CR0_WP)", "or not cpu.user"),
    Mutant("wp-always-set", "or not (cpu.user or cpu.cr0 & CR0_WP)", ""),
    Mutant("user-writes-without-wp", "(cpu.user or cpu.cr0 & CR0_WP)", "(cpu.cr0 & CR0_WP)"),
    Mutant("smep-ignored", "if kind == FETCH and cpu.cr4 & CR4_SMEP:", "if False:"),
    Mutant("smap-ignored", "if kind != FETCH and cpu.cr4 & CR4_SMAP", "if False and cpu.cr4 & CR4_SMAP"),
    Mutant("smap-in-spite-of-ac", "CR4_SMAP and not cpu.ac", "CR4_SMAP"),
    Mutant("smap-stops-fetches", "if kind != FETCH and cpu.cr4 & CR4_SMAP", "if cpu.cr4 & CR4_SMAP"),
    Mutant("nx-stops-reads", "kind != FETCH or not rights & NX", "not rights & NX"),
    Mutant("code-without-w", "code |= ErrorCode.W", "pass"),
    Mutant("code-without-u", "code |= ErrorCode.U", "pass"),
    Mutant("code-always-tells-fetch", "if kind == FETCH and cpu.tells_fetch:", "if kind == FETCH:"),
    Mutant(
        "rights-fault-without-p", "page_fault(cpu, va, kind, ErrorCode.P)", "page_fault(cpu, va, kind, 0)"
    ),
    Mutant("large-level-4", "(cpu.reserved | PS if level == 4 else cpu.reserved)", "cpu.reserved"),
    Mutant("reserved-before-present", "if not entry & P:", "if not entry & P and not entry & cpu.reserved:"),
    Mutant("misaligned-large-page", "if misaligned(level, entry):", "if False:"),
    Mutant("pat-is-reserved", "& ~0x1FFF)", "& ~0xFFF)"),
    Mutant(
        "ps-at-level-1",
        "leaf = level == 1 or entry & PS",
        "leaf = entry & PS or level == 1 and not entry & PS << 2",
    ),
    Mutant("no-2m-pages", "leaf = level == 1 or entry & PS", "leaf = level == 1 or level > 2 and entry & PS"),
    Mutant("large-page-offset-cut", "| va & inside", "| va & inside & 0x1FFFFF"),
    Mutant("a-of-upper-levels-kept", "set_bits(ram, where, A)\n        if leaf", "pass\n        if leaf"),
    Mutant("a-in-every-faulting-leaf", "if per_level and (level == 3 or not leaf):", "if per_level:"),
    Mutant("a-in-no-faulting-leaf", "(level == 3 or not leaf)", "(not leaf)"),
    Mutant("d-never", "A | D if kind == WRITE else A", "A"),
    Mutant("d-always", "A | D if kind == WRITE else A", "A | D"),
]

TLB_MUTANTS = [
    Mutant("fifo", "entry = ways.pop(vpn, None)\n        if", "entry = ways.get(vpn)\n        if"),
    Mutant("evicts-the-newest", "del ways[next(iter(ways))]", "ways.popitem()"),
    Mutant("one-way-too-many", "len(ways) == self.n_ways", "len(ways) > self.n_ways"),
    Mutant(
        "set-by-mask",
        "ways = self.sets[vpn % len(self.sets)]\n        entry",
        "ways = self.sets[vpn & len(self.sets) - 1]\n        entry",
    ),
    Mutant("invlpg-only-l1", "for level in (self._l1, self._stlb):", "for level in (self._l1,):"),
    Mutant("invlpg-drops-one-piece", "if self._holds_large:", "if False:"),
    Mutant("load-keeps-the-tlb", "self._cpu = cpu\n        self._flush()", "self._cpu = cpu"),
    Mutant("mode-flushes", "ac, cpu.maxphyaddr)", "ac, cpu.maxphyaddr)\n        self._flush()"),
    Mutant("rights-of-hits-ignored", "and permits(cpu, entry.flags, kind) else", "else"),
    Mutant("fault-keeps-entries", "self.invlpg(va)  # a page fault", "pass  # a page fault"),
    Mutant("d-walk-forgotten", "if kind == WRITE and not entry.flags & D:", "if False:"),
    Mutant("d-walk-updates-stlb", "if found is HitLevel.L2:", "if True:"),
    Mutant("stlb-not-filled", "if found is HitLevel.WALK:\n            self._stlb.put(entry)", "pass"),
    Mutant("not-canonical-is-walked", "if not is_canonical(va):", "if False:"),
]
