"""The victim: a process of its own that touches pages which only the monitor can bring.

``python -m course.live.victim PLAN``, where PLAN is that of `course.live.plan` as JSON, makes the memory and
registers it with a userfaultfd. Descriptor and address go to the monitor through a socket. Then it makes its
accesses and prints what came of them as one line of JSON. Before, it makes the same accesses to the present
page 0, several times, so that its own code and buffers are warm and the counters tell of the page alone.

It never outlives its monitor: it dies with it, and a timer of its own kills it should that fail.
"""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from course.live import uffd
from course.live.accesses import Memory, Touch, access
from course.live.counters import Counters

MODES = (
    "this kernel does not serve such memory in this way. Write-protection came with 5.7, minor faults of "
    "shared memory with 5.14."
)
WARM = 3  # rounds on the present page
MADV_POPULATE_WRITE = 23
PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
SI_CODE_AT = 8  # bytes into siginfo_t
SA_SIGINFO = 4
Plan = dict[str, Any]
# A handler that is C itself: it runs where the kernel delivers the signal.
CHandler = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


class SigAction(ctypes.Structure):
    """``struct sigaction`` of the C library."""

    _fields_ = (
        ("handler", CHandler),
        ("mask", ctypes.c_ubyte * 128),
        ("flags", ctypes.c_int),
        ("restorer", ctypes.c_void_p),
    )


def main(plan: Plan) -> None:
    """Be the victim."""
    _become(plan["user"])
    _never_outlive(plan["parent"], plan["seconds"])
    _populate()
    memory = Memory(plan["pages"], shared=plan["shared"], cached=plan["cached"])
    try:
        touches = [access(step, memory) for step in plan["accesses"]]
        descriptor = uffd.open_userfaultfd(plan["user_mode_only"])
        uffd.api(descriptor, plan["features"])
    except uffd.Refused as why:
        print(json.dumps({"lacking" if isinstance(why, uffd.Lacking) else "refused": str(why)}))
        return
    except OSError as error:
        print(json.dumps({"errno": error.errno}))
        return
    measure = _get_warm(plan, memory, touches)
    try:
        uffd.register(descriptor, memory.address, memory.length, plan["mode"])
    except OSError as error:
        print(
            json.dumps({"lacking": f"UFFDIO_REGISTER gave {errno.errorcode.get(error.errno or 0)}: {MODES}"})
        )
        return
    told: dict[str, Any] = {"perf": measure.counters.perf, "results": []}
    action = _tell_sigbus(measure, told)
    with socket.socket(fileno=plan["channel"]) as monitor:
        socket.send_fds(monitor, [memory.address.to_bytes(8, "little")], [descriptor])
    os.close(descriptor)  # the monitor's is the only one: if it closes that, there is none
    for touch, step in zip(touches, plan["accesses"], strict=True):
        told["results"].append(measure.touch(touch, step["page"], step.get("pages", 1)))
    print(json.dumps(told))
    del action


def _get_warm(plan: Plan, memory: Memory, touches: Sequence[Touch]) -> Measure:
    """Make each access to page 0 some times, then let only those pages be there that the plan wants."""
    _handle(plan)
    measure = Measure(Counters())
    for page in {0, *plan["populated"]}:
        memory.map[page * mmap.PAGESIZE] = 1
    for touch in touches:
        for _ in range(WARM):
            measure.touch(touch, 0, 1)
    if 0 not in plan["populated"]:
        forget = mmap.MADV_REMOVE if plan["shared"] and plan["cached"] is None else mmap.MADV_DONTNEED
        memory.map.madvise(forget, 0, mmap.PAGESIZE)
    return measure


def _become(user: int | None) -> None:
    """Become an ordinary user, if that is asked for."""
    if user is None:
        return
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    # As a program that this user has started itself.
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)


def _populate() -> None:
    """Touch all memory that Python has for its objects: else one of them may begin a page in an access.

    Kernels before 5.14 don't know the request; there, such a page may be counted.
    """
    libc = ctypes.CDLL(None)
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        place, allows, _, _, inode, *_ = line.split()
        if allows == "rw-p" and inode == "0":
            start, end = (int(one, 16) for one in place.split("-"))
            libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), MADV_POPULATE_WRITE)


def _never_outlive(parent: int, seconds: float) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit("the monitor is gone")
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _handle(plan: Plan) -> None:
    """Set the signals; each run of a handler tells the monitor by one byte, the moment it begins."""
    signal.set_wakeup_fd(plan["wakeup"], warn_on_full_buffer=False)
    for name, what in plan["signals"].items():
        number = signal.Signals[name]
        if what == "ignore":
            signal.signal(number, signal.SIG_IGN)
            continue
        signal.signal(number, lambda *_: None)
        if what == "restart":
            signal.siginterrupt(number, False)
    # One run beforehand: the handler's code and the stack it takes are warm.
    if "SIGUSR1" in plan["signals"]:
        signal.raise_signal(signal.SIGUSR1)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.Signals[name] for name in plan["blocked"]])


class Measure:
    """Measures accesses, one after the other.

    Parameters
    ----------
    counters : Counters
        What is counted.
    """

    def __init__(self, counters: Counters) -> None:
        self.counters = counters
        self.before, self.began = counters.read(), time.monotonic_ns()

    def touch(self, touch: Touch, page: int, pages: int) -> dict[str, Any]:
        """Touch pages, and say what it gave and what it cost."""
        self.before, self.began = self.counters.read(), time.monotonic_ns()
        try:
            return self.told(f"ret={touch(page, pages)}")
        except OSError as error:
            return self.told(errno.errorcode.get(error.errno or 0, "E?"))

    def told(self, outcome: str) -> dict[str, Any]:
        """Say what the access that has begun cost up to now."""
        ended, after = time.monotonic_ns(), self.counters.read()
        return {
            "outcome": outcome,
            "blocked_us": (ended - self.began) // 1000,
            **{name: after[name] - counted for name, counted in self.before.items()},
        }


def _tell_sigbus(measure: Measure, told: dict[str, Any]) -> SigAction:
    """Let SIGBUS end this process with the same line of JSON: what a kernel without the series may give.

    What is returned must be kept: the kernel has a pointer into it.
    """

    def escape(number: int, info: int, context: int) -> None:
        code = ctypes.c_int.from_address(info + SI_CODE_AT).value
        told["results"].append(measure.told(f"SIGBUS(code={code})"))
        os.write(1, json.dumps(told).encode())
        os._exit(0)

    action = SigAction(CHandler(escape), flags=SA_SIGINFO)
    ctypes.CDLL(None).sigaction(signal.SIGBUS, ctypes.byref(action), None)
    return action


def run(arguments: Sequence[str]) -> None:
    """Be the victim of the plan that the command line holds."""
    main(json.loads(arguments[0]))


if __name__ == "__main__":
    run(sys.argv[1:])
