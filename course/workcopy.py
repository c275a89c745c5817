"""The learner's working copy: a folder of their own, made from the course's material.

Lessons and exercises are read-only material. A learner works in a copy, so that running a lesson
changes neither the clone nor the install. The copy holds learner notebooks only::

    DIR/lessons/00-one-fault.ipynb       as in lessons/
    DIR/exercises/e04_loop.ipynb         from exercises/e04_loop/e04_loop.ipynb
    DIR/.faultlab/manifest.json          what was copied, so that changes can be told from material

`refresh` brings new material and carries over what the learner wrote (`course.merge`). If something of
theirs has no place in the new notebook, their file also stays beside it as ``NAME.mine.ipynb``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from course.merge import Digests, digests, merge, read_notebook
from course.shelf import material, notebooks
from pyemu.errors import MaterialError

MANIFEST = Path(".faultlab", "manifest.json")
MANIFEST_VERSION = 1

Manifest = dict[str, Digests]


def start(directory: Annotated[Path, typer.Argument(metavar="DIR", help="where your copy goes")]) -> None:
    """Make a working copy of lessons and exercises in DIR; what is there already stays as it is."""
    for line in make(directory) or [f"{directory} is complete and up to date."]:
        print(line)


def update(directory: Annotated[Path, typer.Argument(metavar="DIR", help="your copy")] = Path()) -> None:
    """Bring new material into the working copy DIR and keep your answers."""
    for line in refresh(directory) or [f"{directory} is complete and up to date."]:
        print(line)


def reset(
    exercise: Annotated[str, typer.Argument(metavar="EXERCISE", help="for example e04_loop")],
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="your copy")] = Path(),
) -> None:
    """Put one exercise or lesson back to its start; your version stays beside it."""
    print(restore(directory, exercise))


def make(directory: Path) -> list[str]:
    """Copy all material that `directory` doesn't have yet; overwrite nothing.

    Parameters
    ----------
    directory : Path
        Made if it isn't there.

    Returns
    -------
    list of str
        What happened, one sentence a notebook; empty when nothing was to be done.

    Raises
    ------
    MaterialError
        The folder holds the material itself, or its manifest can't be read.
    """
    if directory.resolve() == material("lessons").resolve().parent:
        raise MaterialError(
            f"{directory.resolve()} is where the course's own material lies; a working copy needs a folder "
            "of its own. Name another one, for example my-course."
        )
    manifest = _read_manifest(directory) if (directory / MANIFEST).exists() else {}
    said, n_outdated = [], 0
    for name, source in notebooks().items():
        target, fresh = directory / name, digests(read_notebook(source))
        if not target.exists():
            _write(target, source.read_bytes())
            said.append(f"{name}: new")
        elif name not in manifest:
            said.append(f"{name}: was there before, kept as it is")
        elif manifest[name] != fresh:
            n_outdated += 1
            continue
        manifest[name] = fresh
    _write_manifest(directory, manifest)
    if n_outdated:
        said.append(
            f"There is newer material for {n_outdated} of your notebooks: faultlab update {directory}"
        )
    return said


def refresh(directory: Path) -> list[str]:
    """Bring new material into a working copy and keep the learner's answers.

    Parameters
    ----------
    directory : Path
        A working copy made by `make`.

    Returns
    -------
    list of str
        What happened, one sentence a notebook; empty when nothing was to be done.

    Raises
    ------
    MaterialError
        `directory` is no working copy, or its manifest can't be read.
    """
    manifest = _read_manifest(directory)
    said = []
    for name, source in notebooks().items():
        target, fresh = directory / name, digests(read_notebook(source))
        if not target.exists():
            _write(target, source.read_bytes())
            said.append(f"{name}: new")
        elif manifest.get(name) != fresh:
            said.append(f"{name}: {_renew(target, source, manifest.get(name))}")
        manifest[name] = fresh
        _write_manifest(directory, manifest)
    return said


def restore(directory: Path, exercise: str) -> str:
    """Put one notebook of a working copy back to its start and keep the learner's version beside it.

    Parameters
    ----------
    directory : Path
        A working copy made by `make`.
    exercise : str
        The id of an exercise or the name of a lesson.

    Returns
    -------
    str
        What happened.

    Raises
    ------
    MaterialError
        `directory` is no working copy, or the course has no such notebook.
    """
    manifest = _read_manifest(directory)
    files = {Path(name).stem: (name, source) for name, source in notebooks().items()}
    if exercise not in files:
        known = ", ".join(sorted(files)) or "none"
        raise MaterialError(f"there is no exercise or lesson {exercise!r}; give one of: {known}.")
    name, source = files[exercise]
    target = directory / name
    kept = f"; your version is {_keep(target)} beside it" if target.exists() else ""
    _write(target, source.read_bytes())
    manifest[name] = digests(read_notebook(source))
    _write_manifest(directory, manifest)
    return f"{name}: as at the start{kept}"


def _renew(target: Path, source: Path, before: Digests | None) -> str:
    """Replace one notebook by new material with the learner's answers, and say what happened."""
    try:
        mine = read_notebook(target)
    except MaterialError:
        kept = _keep(target)
        _write(target, source.read_bytes())
        return f"new material; your file could not be read as a notebook and is {kept} beside it"
    merged = merge(mine, read_notebook(source), before or {})
    said = "new material"
    if merged.kept:
        said += f", your {_cells(merged.kept)} kept"
    if merged.homeless:
        said += f", no place for your {_cells(merged.homeless)}: your version is {_keep(target)} beside it"
    text = json.dumps(merged.notebook, ensure_ascii=False, indent=1) + "\n"
    _write(target, text.encode() if merged.kept else source.read_bytes())
    return said


def _cells(names: tuple[str, ...]) -> str:
    return f"cell {names[0]}" if len(names) == 1 else f"{len(names)} cells"


def _keep(path: Path) -> str:
    """Move a learner's notebook aside, to the first free name, and return that."""
    n = 1
    while (kept := path.with_suffix(f".mine{f'-{n}' if n > 1 else ''}.ipynb")).exists():
        n += 1
    return path.rename(kept).name


def _read_manifest(directory: Path) -> Manifest:
    path = directory / MANIFEST
    if not path.exists():
        raise MaterialError(
            f"{directory.resolve()} is no working copy: it has no {MANIFEST}. Name the folder that you gave "
            "to `faultlab start`, or make one with `faultlab start DIR`."
        )
    try:
        stored = json.loads(path.read_bytes())
        if stored["version"] != MANIFEST_VERSION:
            raise ValueError(f"its version is {stored['version']!r}, this faultlab knows {MANIFEST_VERSION}")
        return {name: dict(digests) for name, digests in stored["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MaterialError(
            f"{path} can't be read ({error}). Delete it and run `faultlab start {directory}`: your notebooks "
            "stay as they are."
        ) from None


def _write_manifest(directory: Path, manifest: Manifest) -> None:
    stored = {"version": MANIFEST_VERSION, "files": manifest}
    _write(directory / MANIFEST, (json.dumps(stored, indent=1, sort_keys=True) + "\n").encode())


def _write(path: Path, content: bytes) -> None:
    """Write a whole file or nothing: a learner's work is never left half written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.replace(path)
