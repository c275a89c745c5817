"""Which files are submissions, and what they are called.

A name is that of the file, or of the folder that holds it alone: ``anna/e04_loop.ipynb`` is anna's. Where a
folder holds several, it is made of both. It names a folder of results too, so it holds only characters that
every file system takes.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from pyemu.errors import MaterialError

__all__ = ["Submission", "collect"]

SUFFIX = ".ipynb"
LONGEST = 100  # bytes of a name: a file system takes 255, and one that encrypts fewer
TAKEN = ("grades.csv", "batch.json")  # what stands beside the folders of results


@dataclass(frozen=True, slots=True)
class Submission:
    """One file that was handed in.

    Attributes
    ----------
    name : str
        Unique within a batch.
    path : Path
        The file.
    """

    name: str
    path: Path


def collect(
    paths: Iterable[Path], out: Path | None = None, *, others: Collection[str] = ()
) -> tuple[list[Submission], int]:
    """Find the submissions in files and folders.

    Parameters
    ----------
    paths : iterable of Path
        A file is a submission, whatever its name. In a folder, and in the folders in it, each notebook is
        one; hidden files and folders are left out.
    out : Path, optional
        A folder of results; what is in it was not handed in.
    others : collection of str
        Exercises that are not graded now: a notebook of such a name is left out if it doesn't stand alone,
        since a learner may hand in all exercises of a week in one folder.

    Returns
    -------
    tuple of (list of Submission, int)
        In the order of their names, and the number of other files that were left out.

    Raises
    ------
    MaterialError
        A path does not exist, or there is no submission.
    """
    files: dict[Path, str] = {}
    n_others = 0
    asked = list(paths)
    for path in asked:
        if path.is_dir():
            found = [
                one
                for one in sorted(path.rglob("*"))
                if not _hidden(one.relative_to(path)) and (out is None or out not in one.parents)
            ]
            notebooks = _asked([one for one in found if one.suffix.lower() == SUFFIX], others)
            n_others += sum(one.is_file() and one not in notebooks for one in found)
            beside = Counter(one.parent for one in notebooks)
            for one in notebooks:
                alone = one.parent != path and beside[one.parent] == 1
                named_after = one.parent if alone else one.with_suffix("")
                files.setdefault(one, str(named_after.relative_to(path)))
        elif path.exists() or path.is_symlink():
            files.setdefault(path, path.stem)
        else:
            raise MaterialError(f"{path} does not exist; name files or folders of submissions.")
    if not files:
        raise MaterialError(f"there is no notebook ({SUFFIX}) in {', '.join(map(str, asked))}.")
    named: dict[str, Path] = {}
    for path, text in files.items():
        named[_free(_name(text), named)] = path
    return [Submission(name, named[name]) for name in sorted(named)], n_others


def _asked(notebooks: list[Path], others: Collection[str]) -> list[Path]:
    """Leave out the notebooks of other exercises that stand beside another one."""
    beside = Counter(one.parent for one in notebooks)
    return [one for one in notebooks if one.stem not in others or beside[one.parent] == 1]


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _name(text: str) -> str:
    """Make a name of a path: letters, digits and ``._-``; a folder's separator becomes ``__``."""
    plain = unicodedata.normalize("NFC", text).replace("\\", "/").replace("/", "__")
    safe = re.sub(r"[^\w.-]", "_", plain).strip("._")
    return safe.encode()[:LONGEST].decode(errors="ignore") or "submission"


def _free(name: str, taken: dict[str, Path]) -> str:
    """Make a name unique; names that differ only in upper and lower case count as equal."""
    lower = {one.casefold() for one in (*taken, *TAKEN)}
    n, free = 2, name
    while free.casefold() in lower:
        free, n = f"{name}-{n}", n + 1
    return free
