"""A course with question files of a test's own, and a working copy to answer in."""

from __future__ import annotations

from pathlib import Path

from course import workcopy


class Sheet:
    """Files of questions in a course that has nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lessons = folder / "course" / "lessons"
        self.lessons.mkdir(parents=True)
        (folder / "copy" / "lessons").mkdir(parents=True)
        (folder / "copy" / ".faultlab").mkdir()
        (folder / "copy" / workcopy.MANIFEST).write_text("{}")

    def write(self, stem: str, toml: str) -> None:
        """Write the questions of one lesson."""
        (self.lessons / f"{stem}.toml").write_text(toml, encoding="utf-8")
