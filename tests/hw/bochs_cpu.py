"""A second opinion: Bochs' x86-64 CPU (the package bochscpu-python) makes one access at a time.

Traps that this harness steps around, seen with bochscpu-python 0.4.0:

- The wheel for Python 3.12 and later can be imported by 3.12 only: its compiled module is named so.
- The wheels need glibc 2.38. On an older one, a library with the two missing functions (`bochs_shim.c`)
  is compiled and loaded first.
- At exit it prints hundreds of lines about leaks, or crashes; a panic of its Rust part ends the process.
  So it lives in a process of its own: see `bochs_process`.
- There is one CPU in a process, and one map of physical memory.
- A physical page without memory is told to a handler, which may give it some, or stop the CPU. The
  latter ends the instruction there, after the walk: that is how an access is seen without a TLB.
- A fetch is shown to no hook. With a TLB, the page itself has to say which one it is: see `page_of`.
- A fetch from the page of the last one isn't translated again, not even if the last one faulted: so an
  instruction of another page stands between them.
- CPL is what the segment registers say; `set_mode` must follow a change, and it flushes the TLB. The
  guest's own syscall and sysretq change CPL and keep the TLB.
- An access that faults sets no A bit.
"""

from __future__ import annotations

import atexit
import ctypes
import mmap
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any, ClassVar

from pyemu.hw import GeneralProtection, Kind, PageFault, Registers, x86
from pyemu.hw.check import AdOnFault
from pyemu.hw.mmu import InvpcidKind
from tests.hw.oracle import Seen

CODE_USER = 0xFFFF_FF00_0000_0000  # level-4 slot 510
CODE_KERNEL = 0xFFFF_FF80_0000_0000  # level-4 slot 511
CODE = {
    "read": b"\x8a\x06",  # mov al, [rsi]
    "write": b"\x88\x06",  # mov [rsi], al
    "invlpg": b"\x0f\x01\x3e",  # invlpg [rsi]
    "mov cr3": b"\x0f\x22\xd8",  # mov cr3, rax
    "sysretq": b"\x48\x0f\x07",  # to CPL 3 at rcx
    "syscall": b"\x0f\x05",  # to CPL 0 at CODE_KERNEL
    "nop": b"\x90",
    "invpcid": b"\x66\x0f\x38\x82\x06",  # invpcid rax, [rsi]
}
AT = {name: 16 * i for i, name in enumerate(CODE)}
DESCRIPTOR_AT = 0x800  # of invpcid, in the page of the code
INVPCID_KINDS: tuple[InvpcidKind, ...] = ("address", "context", "all", "all_non_global")  # 0, 1, 2, 3
NO_FLUSH = 1 << 63  # of what is written to CR3
EFER_SCE = 1  # syscall and sysret
EFLAGS_AC = 1 << 18
RESERVED_1 = 2  # of EFLAGS


def why_not() -> str:
    """Why Bochs can't be used here; empty if it can."""
    package = find_spec("bochscpu")
    if package is None:
        return "bochscpu-python, the oracle, is not installed"
    compiled = PathFinder.find_spec("_bochscpu", package.submodule_search_locations)
    if compiled is None or compiled.origin is None:
        return "bochscpu-python, the oracle, has no compiled module for this Python"
    if not has_new_glibc() and shutil.which("cc") is None:
        return "bochscpu-python needs glibc 2.38, or a C compiler for what an older one lacks"
    return ""


def has_new_glibc() -> bool:
    return hasattr(ctypes.CDLL(None), "__isoc23_strtoull")


@contextmanager
def bochs_process() -> Iterator[ProcessPoolExecutor]:
    """Run functions in a process that may import Bochs, and that ends before Bochs would notice."""
    with ProcessPoolExecutor(1, get_context("spawn"), atexit.register, (os._exit, 0)) as process:
        yield process


@cache
def bochs() -> Any:
    """The module `bochscpu`, imported; call it only inside `bochs_process`."""
    if not has_new_glibc():
        with tempfile.TemporaryDirectory() as folder:
            shim = Path(folder) / "shim.so"
            source = Path(__file__).with_name("bochs_shim.c")
            subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, source], check=True)
            ctypes.CDLL(str(shim), mode=ctypes.RTLD_GLOBAL)
    import_module("bochscpu.memory")
    return import_module("bochscpu")


@cache
def session() -> Any:
    """The one CPU of this process."""
    return bochs().Session()


def segment(selector: int, cpl: int, attributes: int) -> Any:
    """A flat segment of privilege level `cpl`; `attributes` as in bits 8 to 23 of a descriptor."""
    made = bochs().Segment()
    made.present, made.selector, made.base, made.limit = True, selector | cpl, 0, 0xFFFF_FFFF
    made.attr = attributes | cpl << 5
    return made


@cache
def segments(cpl: int) -> tuple[Any, Any]:
    """CS and SS of 64-bit mode at a privilege level."""
    code, stack = (0x28, 0x20) if cpl == 3 else (0x08, 0x10)  # what sysretq and syscall load, with STAR below
    return segment(code, cpl, 0xA09B), segment(stack, cpl, 0xC093)


STAR = 0x18 << 48 | 0x08 << 32


def page_of(pfn: int) -> bytes:
    """What stands in page frame `pfn`: at each multiple of 8, ``mov eax, pfn``, and hlt, nop, nop."""
    return (b"\xb8" + pfn.to_bytes(4, "little") + b"\xf4\x90\x90") * 512


class Frames:
    """The page frames beyond ram: each gets memory when it is asked for. One map for the process."""

    def __init__(self) -> None:
        self._used: dict[int, int] = {}
        self._free: list[int] = []

    def give(self, pa: int) -> None:
        memory = bochs().memory
        page = self._free.pop() if self._free else memory.allocate_host_page()
        content = page_of(pa >> 12)
        ctypes.memmove(page, content, len(content))
        memory.page_insert(pa, page)
        self._used[pa] = page

    def take_all(self) -> None:
        """Take all memory back; the TLB must be flushed next."""
        for pa, page in self._used.items():
            bochs().memory.page_remove(pa)
            self._free.append(page)
        self._used.clear()


FRAMES = Frames()


class BochsCpu:
    """The CPU over a ram of its own; see `tests.hw.oracle.Oracle`. A new one ends the work of the last.

    Page frames beyond ram have no memory: every access ends there, before its instruction is done, and
    no translation stays in the TLB.
    """

    cpls: ClassVar[tuple[int, ...]] = (0, 1, 2, 3)
    ad_on_fault: ClassVar[AdOnFault] = "none"
    maxphyaddr: ClassVar[int] = 40
    levels: ClassVar[int] = 4  # with five, canonical addresses and large pages go wrong in this Bochs
    has_memory: ClassVar[bool] = False

    def __init__(self, image: bytes | bytearray, root: int, spare: int) -> None:
        self.ram = mmap.mmap(-1, len(image))
        self.ram[:] = bytes(image)
        FRAMES.take_all()
        start = ctypes.addressof(ctypes.c_char.from_buffer(self.ram))
        for pa in range(0, len(image), 0x1000):
            bochs().memory.page_insert(pa, start + pa)
        self._put_code(root, iter(range(spare, len(image), 0x1000)))
        session().missing_page_handler = self._on_missing_page
        self._data, self._whole = bochs().Hook(), bochs().Hook()
        self._data.exception = self._whole.exception = self._on_exception
        self._data.lin_access = self._on_data
        self._whole.after_execution = self._on_done
        self._state = bochs().State()
        self._state.star, self._state.lstar = STAR, CODE_KERNEL
        self._seen: list[Seen] = []  # what a hook saw last; at most one

    def _put_code(self, root: int, pages: Iterator[int]) -> None:
        self._code_at = code = next(pages)
        for name, instruction in CODE.items():
            self.ram[code + AT[name] : code + AT[name] + len(instruction)] = instruction
        tables = x86.P | x86.RW | x86.US | x86.A  # A is set, so that no access changes these entries
        for va, rights in ((CODE_KERNEL, x86.P), (CODE_USER, x86.P | x86.US)):
            x86.map_page(self.ram, root, va, code, rights | x86.A, pages.__next__, table_flags=tables)

    # -- what Bochs tells ------------------------------------------------------------------------

    def _on_missing_page(self, pa: int) -> None:
        if self.has_memory:
            FRAMES.give(pa & -0x1000)
        else:
            self._seen.append(Seen(pa & -0x1000 | self._va & 0xFFF))
            session().stop()

    def _on_exception(self, session: Any, _cpu: int, vector: int, error_code: int) -> None:
        if vector == PageFault.vector:
            self._seen.append(Seen(fault=PageFault(error_code, session.cpu.cr2)))
        elif vector == GeneralProtection.vector:
            self._seen.append(Seen(fault=GeneralProtection(self._va)))
        else:
            raise RuntimeError(f"Bochs raised vector {vector} at {self._va:#x}")
        session.stop()

    def _on_data(self, session: Any, _cpu: int, _va: int, pa: int, *_: int) -> None:
        self._seen.append(Seen(pa))
        session.stop()

    def _on_done(self, session: Any, *_: int) -> None:
        session.stop()

    # -- what it is told -------------------------------------------------------------------------

    def load(self, cpu: Registers) -> None:
        """Load CR3 and the other registers."""
        state = self._state
        state.cr0, state.cr3, state.cr4, state.efer = cpu.cr0, cpu.cr3, cpu.cr4, cpu.efer | EFER_SCE
        self._load_cpl(cpu.cpl)
        self._ac = cpu.ac

    def _load_cpl(self, cpl: int) -> None:
        state = self._state
        self._cpl = cpl
        state.cs, state.ss = segments(cpl)
        session().cpu.set_state(state)  # flushes the TLB

    def set_mode(self, cpl: int, ac: bool) -> None:
        """Change privilege level and EFLAGS.AC; to and from levels 1 and 2 only with a flush."""
        self._ac = ac
        if {self._cpl, cpl} == {0, 3}:
            self._go("syscall" if cpl == 0 else "sysretq")
            self._cpl = cpl
        elif self._cpl != cpl:
            self._load_cpl(cpl)

    def write_cr3(self, cr3: int) -> None:
        """Execute ``mov cr3``."""
        self._as_kernel("mov cr3", rax=cr3)
        self._state.cr3 = cr3 & ~NO_FLUSH

    def invlpg(self, va: int) -> None:
        """Execute ``invlpg``."""
        self._as_kernel("invlpg", rsi=va)

    def invpcid(self, kind: InvpcidKind, pcid: int, va: int) -> None:
        """Execute ``invpcid``."""
        x86.write_entry(self.ram, self._code_at + DESCRIPTOR_AT, pcid)
        x86.write_entry(self.ram, self._code_at + DESCRIPTOR_AT + 8, va)
        self._as_kernel("invpcid", rax=INVPCID_KINDS.index(kind), rsi=CODE_KERNEL + DESCRIPTOR_AT)

    def _as_kernel(self, name: str, rax: int = 0, rsi: int = 0) -> None:
        cpl, cpu = self._cpl, session().cpu
        self.set_mode(0, self._ac)
        cpu.rax, cpu.rsi = rax, rsi
        self._go(name)
        self.set_mode(cpl, self._ac)

    def _go(self, name: str) -> None:
        """Execute one instruction of our own that can't fault."""
        cpu = session().cpu
        cpu.rip = self._code + AT[name]
        cpu.rcx = CODE_USER
        self._seen.clear()
        session().run([self._whole])
        if self._seen:
            raise RuntimeError(f"Bochs could not execute {name}: {self._seen}")

    @property
    def _code(self) -> int:
        return CODE_USER if self._cpl == 3 else CODE_KERNEL

    def access(self, va: int, kind: int) -> Seen:
        """Make one access; A and D bits change in `ram`."""
        if kind == Kind.FETCH and self.has_memory:
            if va & 7:
                raise ValueError(f"va is {va:#x}; with memory, fetches must be at multiples of 8")
            self._go("nop")
        cpu = session().cpu
        self._va = va
        self._seen.clear()
        cpu.rflags = RESERVED_1 | (EFLAGS_AC if self._ac else 0)
        if kind == Kind.FETCH:
            cpu.rip = va
            session().run([self._whole])
        else:
            cpu.rip, cpu.rsi = self._code + AT["write" if kind == Kind.WRITE else "read"], va
            session().run([self._data])
        if self._seen:
            return self._seen[0]
        return Seen(cpu.rax << 12 | va & 0xFFF)  # a fetch that was done: see `page_of`


class BochsMmu(BochsCpu):
    """The same with memory behind every page frame, so that translations stay in Bochs' TLB.

    Fetches must be at multiples of 8, and writes at 7 modulo 8: see `page_of`.
    """

    has_memory: ClassVar[bool] = True
