"""Kills a batch again and again: ``python -m tests.grading.killing FOLDER OUT EXERCISE N SEED``.

Each time the batch goes on in a fork, with all modules loaded, and is killed with SIGKILL in one of three
ways: at some moment; just before it touches its folder of results for the n-th time (opens, renames, removes
a file, or makes a folder); or in the middle of a file, after n bytes. Prints how often it was killed, and how
often it came to its end before that.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from course.grading.batch import grade_all
from course.grading.collect import collect
from course.grading.folder import alone
from course.grading.grade import grade

TOUCHES = {"open", "os.rename", "os.remove", "os.mkdir"}  # audit events


def nothing() -> None:
    """Be killed from outside."""


def at_a_touch(number: int, out: Path) -> None:
    """Be killed just before a touch of the folder."""
    left = number

    def look(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if event in TOUCHES and str(arguments[0]).startswith(str(out)):
            left -= 1
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(look)


def in_a_file(n_bytes: int) -> None:
    """Be ended by the system after so many bytes of a file: a part of it is there."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def killed(run: Callable[[], None], prepare: Callable[[], None], seconds: float | None) -> bool:
    """Run in a fork; say whether it was killed."""
    pid = os.fork()
    if pid == 0:
        prepare()
        run()
        os._exit(0)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def main(folder: Path, out: Path, exercise: str, n: int, seed: int) -> None:
    """Kill and go on."""
    random = Random(seed)
    found, _ = collect([folder], out)
    grade(found[0], exercise, "loads what is loaded late")

    def run() -> None:
        with alone(out):
            grade_all(found, exercise, "s", out)

    done: Counter[str] = Counter()
    for _ in range(n):
        way, share = random.choice(("moment", "touch", "file")), random.random()
        prepare, seconds = nothing, None
        if way == "moment":
            seconds = 0.3 * share
        elif way == "touch":
            prepare = partial(at_a_touch, int(60 * share), out)
        else:
            prepare = partial(in_a_file, int(20_000 * share))
        done[way if killed(run, prepare, seconds) else "ended"] += 1
    print(*(f"{name} {number}" for name, number in sorted(done.items())), sep="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
