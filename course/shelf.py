"""Where the course's own lessons and exercises stand, in the repository and in an installed wheel."""

from __future__ import annotations

from pathlib import Path

__all__ = ["material", "notebooks"]


def material(kind: str) -> Path:
    """Find the course's own ``lessons`` or ``exercises``.

    In an installed wheel they are folders of this package; in the repository they stand beside it.
    """
    package = Path(__file__).parent
    installed = package / kind
    return installed if installed.is_dir() else package.parent / kind


def notebooks() -> dict[str, Path]:
    """List the learner notebooks of this version: name in the working copy -> file of the material."""
    lessons = {f"lessons/{path.name}": path for path in sorted(material("lessons").glob("*.ipynb"))}
    exercises = {
        f"exercises/{path.name}": path
        for path in sorted(material("exercises").glob("*/*.ipynb"))
        if path.stem == path.parent.name
    }
    return lessons | exercises
