"""What the kernel counts for a process: minor and major faults, and three software events of perf.

getrusage(2) is for everybody. perf_event_open(2) may be refused, or be given for user mode alone: then the
faults that the kernel makes in a system call are not in it.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import struct

__all__ = ["Counters"]

SYSCALL = {"x86_64": 298, "aarch64": 241, "riscv64": 241}
PERF_TYPE_SOFTWARE = 1
EVENTS = {"sw_page_faults": 2, "sw_page_faults_min": 5, "sw_page_faults_maj": 6}
EXCLUDE_KERNEL = 1 << 5
ATTR = struct.Struct("=IIQQQQQIIQ")  # perf_event_attr as it first was: 64 bytes
CLOEXEC = 1 << 3


class Counters:
    """The counters of this process, from now on.

    Attributes
    ----------
    perf : str
        ``all``, ``user`` (faults of user mode alone) or ``none``: what perf counts for us.
    """

    def __init__(self) -> None:
        self.perf, self._events = "none", dict[str, int]()
        for perf, flags in (("all", 0), ("user", EXCLUDE_KERNEL)):
            try:
                self._events = {name: _event(config, flags) for name, config in EVENTS.items()}
            except OSError:
                continue
            self.perf = perf
            break

    def read(self) -> dict[str, int]:
        """Give what was counted so far, by field of a record; perf's only where perf counts."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        counted = {"minflt": used.ru_minflt, "majflt": used.ru_majflt}
        for name, descriptor in self._events.items():
            counted[name] = int.from_bytes(os.read(descriptor, 8), "little")
        return counted


def _event(config: int, flags: int) -> int:
    """Open one software event for this process, on any CPU."""
    number = SYSCALL.get(platform.machine())
    if number is None:
        raise OSError("no number is known")
    attr = ATTR.pack(PERF_TYPE_SOFTWARE, ATTR.size, config, 0, 0, 0, flags, 0, 0, 0)
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor: int = libc.syscall(
        ctypes.c_long(number),
        ctypes.create_string_buffer(attr, len(attr)),
        ctypes.c_long(0),
        ctypes.c_long(-1),
        ctypes.c_long(-1),
        ctypes.c_long(CLOEXEC),
    )
    if descriptor < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return descriptor
