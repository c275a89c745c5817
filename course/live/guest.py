"""The first process of a kernel that runs in an emulated machine: plays plans, and tells what happened.

``python -m course.live.guest PLANS SECONDS`` is all that such a kernel runs. PLANS is a file of plans, one
JSON object on a line. Each answer goes to the console, on a line of its own that begins with `MARK`; then the
machine is switched off. Nothing of the emulator of this course is there.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import sys
from dataclasses import asdict
from pathlib import Path

from course.live.monitor import ask
from course.live.plan import Plan
from course.live.uffd import Lacking, Refused

__all__ = ["MARK", "main"]

MARK = "@faultlab "
LINUX_REBOOT_CMD_POWER_OFF = 0x4321FEDC
MOUNTS = (("proc", "/proc"), ("devtmpfs", "/dev"))


def main(plans: str, seconds: float) -> None:
    """Play all plans of a file, each within a limit of time, and switch the machine off."""
    libc = ctypes.CDLL(None, use_errno=True)
    for kind, place in MOUNTS:
        libc.mount(kind.encode(), place.encode(), kind.encode(), 0, None)
    try:
        _tell({"release": platform.release(), "n_cpus": os.cpu_count()})
        for line in Path(plans).read_text(encoding="utf-8").splitlines():
            _tell(_played(Plan(**json.loads(line)), seconds))
        _tell({"end": True})
    finally:
        os.sync()
        libc.reboot(ctypes.c_int(LINUX_REBOOT_CMD_POWER_OFF))


def _played(plan: Plan, seconds: float) -> dict[str, object]:
    try:
        return {"answer": asdict(ask(plan, seconds=seconds))}
    except Lacking as why:
        return {"lacking": str(why)}
    except Refused as why:
        return {"refused": str(why)}


def _tell(what: dict[str, object]) -> None:
    print(f"\n{MARK}{json.dumps(what)}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
