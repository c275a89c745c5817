"""Copies of the readable twin with one rule wrong, to see whether a comparison would notice."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from pyemu.hw import ref

PACKAGE = "pyemu.hw.ref"
PARTS = ("steps", "x86", "riscv", "paging", "sets", "caches", "tlb", "loads", "batch", "mmu", "__init__")
"""The modules of the package, each after those that it imports."""


@dataclass(frozen=True)
class Mutant:
    """One replacement in the source of a module of `pyemu.hw.ref`."""

    name: str
    part: str
    old: str
    new: str

    def __str__(self) -> str:
        return self.name

    def build(self) -> Any:
        """A copy of the package with the replacement made."""
        name = f"mutant_{self.name.replace('-', '_')}"
        package = ModuleType(name)
        package.__path__ = []
        sys.modules[name] = package
        for part in PARTS:
            source = (Path(ref.__file__).parent / f"{part}.py").read_text(encoding="utf-8")
            if part == self.part:
                if source.count(self.old) != 1:
                    n = source.count(self.old)
                    raise LookupError(f"{self.name}: {self.old!r} stands {n} times in {part}.py")
                source = source.replace(self.old, self.new)
            module = package
            if part != "__init__":
                module = ModuleType(f"{name}.{part}")
                sys.modules[module.__name__] = module
                setattr(package, part, module)
            code = compile(source.replace(PACKAGE, name), f"<{self.name}: {part}.py>", "exec")
            exec(code, module.__dict__)
        return package


NONE = Mutant("none", "x86", "PageFault(int(code), va)", "PageFault(int(code), va)")
"""A copy without a change."""

WALK_MUTANTS = [
    Mutant("only-the-leaf-grants", "x86", "rights & entry & (RW | US)", "entry & (RW | US)"),
    Mutant("only-the-leaf-forbids-fetch", "x86", "(rights | entry) & NX", "entry & NX"),
    Mutant(
        "user-reads-supervisor-pages", "x86", "if not rights & US:", "if not rights & US and kind == WRITE:"
    ),
    Mutant("wp-ignored", "x86", "or not (cpu.user or cpu.cr0 & CR0_WP)", "or not cpu.user"),
    Mutant("wp-always-set", "x86", "or not (cpu.user or cpu.cr0 & CR0_WP)", ""),
    Mutant("user-writes-without-wp", "x86", "(cpu.user or cpu.cr0 & CR0_WP)", "(cpu.cr0 & CR0_WP)"),
    Mutant("smep-ignored", "x86", "if kind == FETCH and cpu.cr4 & CR4_SMEP:", "if False:"),
    Mutant(
        "smap-ignored", "x86", "if kind != FETCH and cpu.cr4 & CR4_SMAP", "if False and cpu.cr4 & CR4_SMAP"
    ),
    Mutant("smap-in-spite-of-ac", "x86", "CR4_SMAP and not cpu.ac", "CR4_SMAP"),
    Mutant("smap-stops-fetches", "x86", "if kind != FETCH and cpu.cr4 & CR4_SMAP", "if cpu.cr4 & CR4_SMAP"),
    Mutant("nx-stops-reads", "x86", "kind != FETCH or not rights & NX", "not rights & NX"),
    Mutant("code-without-w", "x86", "code |= ErrorCode.W", "pass"),
    Mutant("code-without-u", "x86", "code |= ErrorCode.U", "pass"),
    Mutant("code-always-tells-fetch", "x86", "if kind == FETCH and cpu.tells_fetch:", "if kind == FETCH:"),
    Mutant(
        "rights-fault-without-p",
        "x86",
        "page_fault(cpu, va, kind, ErrorCode.P)",
        "page_fault(cpu, va, kind, 0)",
    ),
    Mutant("large-level-4", "x86", "(cpu.reserved | PS if level > 3 else cpu.reserved)", "cpu.reserved"),
    Mutant(
        "reserved-before-present",
        "x86",
        "if not entry & P:",
        "if not entry & P and not entry & cpu.reserved:",
    ),
    Mutant("misaligned-large-page", "x86", "if misaligned(level, entry):", "if False:"),
    Mutant("pat-is-reserved", "x86", "& ~0x1FFF)", "& ~0xFFF)"),
    Mutant(
        "ps-at-level-1",
        "x86",
        "leaf = level == 1 or entry & PS",
        "leaf = entry & PS or level == 1 and not entry & PS << 2",
    ),
    Mutant(
        "no-2m-pages",
        "x86",
        "leaf = level == 1 or entry & PS",
        "leaf = level == 1 or level > 2 and entry & PS",
    ),
    Mutant(
        "a-of-upper-levels-kept", "x86", "set_bits(ram, where, A)\n        if leaf", "pass\n        if leaf"
    ),
    Mutant("a-in-every-faulting-leaf", "x86", "if per_level and (level == 3 or not leaf):", "if per_level:"),
    Mutant("a-in-no-faulting-leaf", "x86", "(level == 3 or not leaf)", "(not leaf)"),
    Mutant("d-never", "x86", "A | D if kind == WRITE else A", "A"),
    Mutant("d-always", "x86", "A | D if kind == WRITE else A", "A | D"),
]
"""Of the x86 walk: each can be seen by an access without a TLB, with 4 levels."""

OTHER_WALK_MUTANTS = [
    Mutant("a-above-never-without-per-level", "x86", "for upper in passed:", "for upper in []:"),
    Mutant("global-without-pge", "x86", "entry & G and cpu.cr4 & CR4_PGE", "entry & G"),
    Mutant("never-global", "x86", "entry & G and cpu.cr4 & CR4_PGE", "False"),
    Mutant("dirty-never-cached", "x86", "rights | entry & D", "rights"),
    Mutant(
        "rights-start-without-us",
        "x86",
        "Step(cpu.levels, cpu.root, RW | US)",
        "Step(cpu.levels, cpu.root, RW)",
    ),
    Mutant("always-four-levels", "x86", "Step(cpu.levels, cpu.root", "Step(4, cpu.root"),
    Mutant("walk-caches-give-all-rights", "x86", "Step(level, table, rights)", "Step(level, table, RW | US)"),
    Mutant(
        "riscv-user-pages-for-all",
        "riscv",
        "elif rights & U and (kind == FETCH or not cpu.sum):",
        "elif False:",
    ),
    Mutant("riscv-sum-lets-fetch", "riscv", "(kind == FETCH or not cpu.sum)", "(not cpu.sum)"),
    Mutant("riscv-supervisor-pages-for-user", "riscv", "if not rights & U:", "if False:"),
    Mutant("riscv-mxr-ignored", "riscv", "or (cpu.mxr and rights & X)", "or False"),
    Mutant("riscv-mxr-always", "riscv", "or (cpu.mxr and rights & X)", "or rights & X"),
    Mutant("riscv-write-only-pages", "riscv", " or entry & (R | W) == W", ""),
    Mutant("riscv-reserved-bits-ignored", "riscv", " or entry & RESERVED", ""),
    Mutant("riscv-pointer-bits-ignored", "riscv", "level == 1 or entry & (A | D | U)", "level == 1"),
    Mutant("riscv-execute-only-is-no-leaf", "riscv", "if entry & (R | X):", "if entry & R:"),
    Mutant("riscv-misaligned-page", "riscv", "level > 3 or misaligned(level, entry)", "level > 3"),
    Mutant("riscv-page-of-512-gib", "riscv", "level > 3 or misaligned", "misaligned"),
    Mutant("riscv-svade-ignored", "riscv", "if cpu.svade and", "if False and"),
    Mutant("riscv-svade-always", "riscv", "if cpu.svade and", "if"),
    Mutant("riscv-global-of-leaf-only", "riscv", "(entry | above) & G", "entry & G"),
    Mutant("riscv-walk-caches-forget-g", "riscv", "Step(level, table, above)", "Step(level, table, 0)"),
    Mutant("riscv-cause-of-writes", "riscv", "WRITE: 15", "WRITE: 13"),
    Mutant("riscv-d-never", "riscv", "A | D if kind == WRITE else A", "A"),
]
"""Of walks with a TLB around them, other levels, or RISC-V."""

TLB_MUTANTS = [
    # policies
    Mutant("lru-is-fifo", "sets", "self.held[key] = self.held.pop(key)", "pass"),
    Mutant("fifo-is-lru", "caches", '"fifo": FifoSet', '"fifo": LruSet'),
    Mutant("evicts-the-newest", "sets", "del self.held[next(iter(self.held))]", "self.held.popitem()"),
    Mutant(
        "one-way-too-many", "sets", "if len(self.held) == self.n_ways:", "if len(self.held) > self.n_ways:"
    ),
    Mutant("plru-ignores-hits", "sets", "        self.used(self.ways.index(key))", "        pass"),
    Mutant(
        "plru-ignores-insertions",
        "sets",
        "        self.held[key] = entry\n        self.used(way)",
        "        self.held[key] = entry",
    ),
    Mutant("plru-follows-use", "sets", "if self.bits >> mid & 1:", "if not self.bits >> mid & 1:"),
    Mutant("plru-splits-lower", "sets", "if way < mid:", "if way <= mid:"),
    Mutant(
        "plru-forgets-with-its-entries",
        "sets",
        "            self.ways[self.ways.index(key)] = None",
        "            self.ways[self.ways.index(key)] = None\n            self.bits = 0",
    ),
    Mutant(
        "highest-empty-way-first",
        "sets",
        "way = self.ways.index(None)",
        "way = max(i for i, one in enumerate(self.ways) if one is None)",
    ),
    Mutant("random-of-low-bits", "sets", "(x >> 32) * n >> 32", "x % n"),
    Mutant(
        "random-draws-always",
        "sets",
        "        if len(self.held) < len(self.ways):",
        "        self.victim()\n        if len(self.held) < len(self.ways):",
    ),
    Mutant("random-seed-of-all-arrays-equal", "tlb", "config.seed + i + 1", "config.seed + 1"),
    Mutant(
        "clear-keeps-the-generator",
        "caches",
        "        self.random = Xorshift(self.seed)\n",
        '        self.random = getattr(self, "random", None) or Xorshift(self.seed)\n',
    ),
    # sets, sizes, classes
    Mutant("set-by-mask", "caches", "key[0] % self.shape.sets", "key[0] & self.shape.sets - 1"),
    Mutant(
        "fetches-hit-data-arrays",
        "caches",
        "shape.serves_class(kind is Kind.FETCH)",
        "shape.serves_class(False)",
    ),
    Mutant("smallest-piece-first", "caches", "size = max(held)", "size = min(held)"),
    Mutant(
        "last-array-takes-it",
        "caches",
        "next(array for array, sizes in serving if size in sizes)",
        "[array for array, sizes in serving if size in sizes][-1]",
    ),
    Mutant("piece-of-the-first-frame", "caches", "pfn=entry.pfn + vpn - entry.vpn", "pfn=entry.pfn"),
    Mutant("larger-than-the-page", "caches", " if size <= entry.size]", "]"),
    Mutant(
        "same-key-twice", "caches", "        ways.remove(key)\n        ways.insert", "        ways.insert"
    ),
    # address spaces
    Mutant("pcid-ignored", "caches", "for space in (asid, GLOBAL):", "for space in (0, GLOBAL):"),
    Mutant("global-entries-not-found", "caches", "for space in (asid, GLOBAL):", "for space in (asid,):"),
    Mutant("global-entries-first", "caches", "for space in (asid, GLOBAL):", "for space in (GLOBAL, asid):"),
    Mutant(
        "walk-caches-shared",
        "caches",
        "key = (va >> level_shift(level), asid)",
        "key = (va >> level_shift(level), 0)",
    ),
    # what invalidates
    Mutant("invlpg-only-l1", "tlb", "for level in (self.l1, self.l2):", "for level in (self.l1,):"),
    Mutant("invlpg-drops-one-piece", "tlb", "& -entry.page_size == 0", "& -entry.size == 0"),
    Mutant(
        "invlpg-drops-all-spaces",
        "mmu",
        "drop_page(paging.low(va), asid)",
        "drop_page_everywhere(paging.low(va))",
    ),
    Mutant(
        "invlpg-keeps-global-entries",
        "mmu",
        "drop_page(paging.low(va), asid)",
        "drop_own_page(paging.low(va), asid)",
    ),
    Mutant("invlpg-keeps-walk-caches", "mmu", "self._tlb.drop_walks(asid)", "pass"),
    Mutant(
        "invpcid-address-drops-global-entries",
        "mmu",
        "drop_own_page(paging.low(va), pcid)",
        "drop_page(paging.low(va), pcid)",
    ),
    Mutant("invpcid-address-keeps-walk-caches", "mmu", "self._tlb.drop_walks(pcid)", "pass"),
    Mutant("invpcid-all-keeps-global-entries", "mmu", 'elif kind == "all":', "elif False:"),
    Mutant(
        "invpcid-non-global-keeps-walk-caches",
        "tlb",
        "not entry.is_global)\n        self.walk_caches.discard(lambda _: True)",
        "not entry.is_global)",
    ),
    Mutant(
        "sfence-ignores-the-asid",
        "mmu",
        "drop_own_page(paging.low(va), asid)",
        "drop_page_everywhere(paging.low(va))",
    ),
    Mutant(
        "sfence-for-all-spares-other-spaces",
        "mmu",
        "drop_page_everywhere(paging.low(va))",
        "drop_page(paging.low(va), paging.asid)",
    ),
    Mutant(
        "sfence-without-address-spares-other-spaces",
        "mmu",
        "            if asid is None:\n                self._tlb.drop_all()",
        "            if asid is None:\n                self._tlb.drop_space(paging.asid)",
    ),
    Mutant(
        "flush-of-a-space-drops-global-entries",
        "tlb",
        "        self.drop(lambda entry: belongs(entry, asid))",
        "        self.drop(lambda entry: entry.is_global or entry.asid == asid)",
    ),
    Mutant("load-keeps-the-tlb", "mmu", "elif drops_space(old, cpu):", "elif False:"),
    Mutant("load-drops-global-entries", "mmu", "self._tlb.drop_space(cpu.asid)", "self._tlb.drop_all()"),
    Mutant(
        "load-ignores-bit-63", "loads", "stays = new.cr4 & CR4_PCIDE and new.cr3 & NO_FLUSH", "stays = False"
    ),
    Mutant("load-ignores-pge", "loads", "(CR4_PGE | CR4_LA57)", "(CR4_LA57)"),
    Mutant("load-ignores-nxe", "loads", "            or (old.efer ^ new.efer) & EFER_NXE\n", ""),
    Mutant("load-ignores-maxphyaddr", "loads", "            or old.maxphyaddr != new.maxphyaddr\n", ""),
    Mutant("load-ignores-pcide", "loads", "            or old.cr4 & ~new.cr4 & CR4_PCIDE\n", ""),
    Mutant("load-ignores-smep", "loads", "not stays or bool(~old.cr4 & new.cr4 & CR4_SMEP)", "not stays"),
    Mutant("satp-flushes", "loads", "return old.mode != new.mode", "return True"),
    Mutant("satp-mode-ignored", "loads", "return old.mode != new.mode", "return False"),
    Mutant(
        "mode-flushes",
        "mmu",
        "self._paging = Paging(replace(cpu, cpl=cpl, ac=ac), self._per_level)",
        "self.load(replace(cpu, cpl=cpl, ac=ac))",
    ),
    # one access
    Mutant("rights-of-hits-ignored", "caches", "if permits(entry.flags):", "if True:"),
    Mutant("useless-entries-stay", "caches", "                    array.remove(key)\n", ""),
    Mutant(
        "fault-keeps-entries",
        "mmu",
        "self._tlb.drop_page(paging.low(va), paging.asid)",
        "pass",
    ),
    Mutant(
        "fault-keeps-walk-caches",
        "mmu",
        "self._tlb.walk_caches.remove(paging.low(va), paging.asid)",
        "pass",
    ),
    Mutant("d-walk-forgotten-in-l1", "mmu", "self._walk_for_d(paging, va, HitLevel.L1, refs)", "hit.entry"),
    Mutant(
        "d-walk-forgotten-in-l2",
        "mmu",
        "                l2.insert(entry, low, kind)\n            l1",
        "            l1",
    ),
    Mutant(
        "l2-not-filled",
        "mmu",
        "entry = self._walk(paging, va, kind, refs)\n        l2.insert(entry, low, kind)",
        "entry = self._walk(paging, va, kind, refs)",
    ),
    Mutant(
        "not-canonical-is-walked",
        "mmu",
        "if not paging.is_canonical(va):\n                raise paging",
        "if False:\n                raise paging",
    ),
    Mutant(
        "walk-starts-high",
        "caches",
        "for level in sorted(self.by_level):",
        "for level in sorted(self.by_level, reverse=True):",
    ),
    Mutant("walk-cache-hit-is-no-use", "caches", "                self.by_level[level].touch(key)\n", ""),
    Mutant(
        "walk-cache-of-the-level-below", "caches", "level = step.level + 1  # of", "level = step.level  # of"
    ),
    Mutant(
        "faulting-walks-count-no-refs",
        "mmu",
        "        finally:\n            for ref",
        "        except ZeroDivisionError:\n            pass\n        else:\n            for ref",
    ),
    # batches
    Mutant("skipped-faults-keep-their-address", "batch", "self.pa[i] = NO_ADDRESS", "pass"),
    Mutant(
        "full-logs-go-on",
        "batch",
        "if self._log is not None and self._log.full:",
        "if self._log is not None and self._log.n + 9 > self._log.capacity:",
    ),
    Mutant("quantum-one-more", "batch", "self.n_done + n):", "min(self.n, self.n_done + n + 1)):"),
]
