"""A learner's Cython text, compiled and put to work in processes of their own.

::

    text --refused?--> compiled in a child, with limits --> walks in another child, in the nursery's sandbox

The second child has the standard library alone, and never learns what is right: its results are compared
here. Each of them may end as it likes.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from course.checks import h05_worker
from course.checks.judge import UNAVAILABLE
from course.compiled.building import why_not
from course.conversations import talk_in_use
from course.nursery import PYTHON, nursery
from course.tape import Diverged, tape_in_use
from pyemu.handler import HandlerFault

__all__ = ["Compiled", "compiled", "refused", "walked"]

SECONDS = 60
CPU_SECONDS = 10  # of all walks of one case: a right answer needs less than one
_COMPILE = """
import json, re, resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (60, 61))
from course.compiled.building import libraries, translate
from course.compiled.lines import object_lines
from pyemu.errors import CompileError
source = sys.stdin.read()
try:
    made = [str(one) for one in libraries(source)]
except CompileError as error:
    sys.exit(str(error))
lines, c = source.splitlines(), translate(source).read_text(encoding="utf-8")
print(json.dumps({
    "libraries": made,
    "marked": [lines[n - 1].strip() for n in object_lines(source)],
    "objects": sorted(set(re.findall(r"PyObject \\*__pyx_v_(\\w+) = ", c))),
    "literals": len(set(re.findall(r"__pyx_int_(?:0x)?\\w{8,}", c))),
}))
"""
_FLAGS = re.compile(r"^\s*#\s*distutils\b.*$|-m(?:arch|tune|cpu)\b.*$", re.MULTILINE)
_COMMENT = re.compile(r"#[^\n]*")  # a text that holds a # keeps its first quotation mark
_OUTSIDE = re.compile(
    r"\bextern\b|^\s*include\b.*|\bimport\b"
    r"|(?<!from libc.stdint )(?<!from libc.stddef )\bcimport\s+(?!cython\s*$)\S+"
    # A name with a text behind it: Cython would put that text into the C code as it stands.
    r"|(?<![\w.\"'])(?!(?:and|assert|elif|else|if|in|is|lambda|not|or|raise|return|yield|[bBfFrRuU]{1,2})\b)"
    r"[A-Za-z_]\w*[ \t]*(?:\\\n[ \t]*)?[\"'].*",
    re.MULTILINE,
)


def refused(text: str) -> str:
    """Say which line of a text is refused before it is compiled; empty if none is."""
    found = _FLAGS.search(text)
    return found[0].strip() if found else ""


@dataclass(frozen=True, slots=True)
class Compiled:
    """What came of a text.

    Attributes
    ----------
    libraries : tuple of str
        Files: the shared part, and the module.
    marked : tuple of str
        The lines that handle Python objects, as Cython's annotation has them.
    objects : tuple of str
        The variables that are Python objects in C.
    literals : int
        How many numbers are.
    """

    libraries: tuple[str, ...]
    marked: tuple[str, ...]
    objects: tuple[str, ...]
    literals: int


@lru_cache(maxsize=64)
def compiled(text: str) -> Compiled:
    """Compile a text in a child.

    Parameters
    ----------
    text : str
        Cython source.

    Returns
    -------
    Compiled
        Libraries, and what Cython's translation shows.

    Raises
    ------
    HandlerFault
        Nothing can be compiled here, or the text is refused.
    """
    if reason := why_not():
        raise HandlerFault(UNAVAILABLE, f"Nothing can be compiled here: {reason}. No point is lost by it.")
    if outside := _OUTSIDE.search(_COMMENT.sub("", text)):
        raise HandlerFault(
            "refused",
            f"SOURCE has {outside[0].strip()!r}: it may cimport from libc.stdint, libc.stddef and cython, "
            "and take in nothing else.",
        )
    paths = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    code, told, said = _child([sys.executable, "-c", _COMPILE], text, env=paths)
    if code:
        raise HandlerFault("refused", said.strip()[-600:] or "SOURCE can't be compiled in a minute.")
    found = json.loads(told.splitlines()[-1])
    return Compiled(
        tuple(found["libraries"]), tuple(found["marked"]), tuple(found["objects"]), found["literals"]
    )


def walked(text: str, batches: Sequence[Mapping[str, Any]], rounds: int = 0) -> Mapping[str, Any]:
    """Let a text's walk do batches.

    Parameters
    ----------
    text : str
        Cython source; it is compiled if it wasn't before.
    batches : sequence of dict
        As `course.checks.h05_tables.Batch.job` gives them.
    rounds : int
        How often the last batch is measured, besides.

    Returns
    -------
    dict
        As `course.checks.h05_worker` writes it.

    Raises
    ------
    HandlerFault
        The text can't be compiled, the walk raised, never ended, or ended its process.
    """
    libraries = compiled(text).libraries
    house = nursery()
    words, descriptors = house.before(*(Path(one).parent for one in libraries)) if house.before else ([], [])
    limits = dict(house.limits) | {"RLIMIT_CPU": CPU_SECONDS}
    job = {"libraries": libraries, "limits": limits, "rounds": rounds}
    try:
        code, told, _ = _child(
            [*words, PYTHON, "-s", "-P", "-S", "-c", Path(h05_worker.__file__).read_text(encoding="utf-8")],
            json.dumps(job | {"batches": list(batches)}),
            env={"PYTHONHASHSEED": "0", "PATH": os.environ.get("PATH", os.defpath)},
            pass_fds=descriptors,
        )
    finally:
        for one in descriptors:
            os.close(one)
    if code in (-signal.SIGXCPU, -signal.SIGKILL, 128 + signal.SIGXCPU, 128 + signal.SIGKILL):
        raise HandlerFault(
            "endless", f"walk_all didn't end in {CPU_SECONDS} seconds: can each counter hold its last number?"
        )
    try:
        done: Mapping[str, Any] = json.loads(told.splitlines()[-1])
    except (IndexError, ValueError):
        raise HandlerFault(
            "crash", "walk_all ended the process that ran it: it read or wrote where nothing is."
        ) from None
    if "error" in done:
        raise HandlerFault("crash", f"walk_all raised {done['error'][:300]}")
    return done


def _child(words: Sequence[str], given: str, **how: Any) -> tuple[int, str, str]:
    """Run a child to its end; give its exit code, and what it wrote. What it started ends with it."""
    if (tape := tape_in_use()) is not None and tape.playing:
        raise Diverged("what compiled code did is on no tape")
    if (talk := talk_in_use()) is not None:
        talk.leaves_out()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        with subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=out, stderr=err, text=True, start_new_session=True, **how
        ) as child:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.communicate(given, timeout=SECONDS)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
        out.seek(0)
        err.seek(0)
        return child.returncode, out.read(), err.read()
