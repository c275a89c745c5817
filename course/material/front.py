"""The front matter of lessons and exercises: what a person wants to know before starting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyemu.errors import MaterialError

__all__ = ["FrontMatter", "front_matter_problems", "read_front_matter"]

_MINUTES = range(5, 121)


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """What stands above a lesson or an exercise.

    Parameters
    ----------
    title : str
        A few words.
    objective : str
        What the learner can do afterwards, as something that can be observed.
    needs : tuple of str
        What has to be known before: lessons by number, or words.
    out_of_scope : tuple of str
        What a reader might expect here and will not find.
    minutes : int
        Estimated time, 5 to 120 minutes.
    """

    title: str
    objective: str
    needs: tuple[str, ...]
    out_of_scope: tuple[str, ...]
    minutes: int

    def text(self) -> str:
        """Return the front matter as the markdown of a notebook's first cell."""
        return (
            f"# {self.title}\n\n"
            f"**Objective:** {self.objective}  \n"
            f"**Needs:** {', '.join(self.needs) or 'nothing'}  \n"
            f"**Out of scope:** {', '.join(self.out_of_scope) or 'nothing'}  \n"
            f"**Time:** about {self.minutes} minutes"
        )


def front_matter_problems(values: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each key that is missing or has a wrong value."""
    problems = [
        f"{key!r} is {values.get(key)!r}; it must be a line of text."
        for key in ("title", "objective")
        if not (isinstance(values.get(key), str) and values[key].strip())
    ]
    problems += [
        f'{key!r} is {values.get(key)!r}; it must be a list of texts, such as ["03", "B2"].'
        for key in ("needs", "out_of_scope")
        if not (isinstance(values.get(key), list) and all(isinstance(item, str) for item in values[key]))
    ]
    minutes = values.get("minutes")
    if type(minutes) is not int or minutes not in _MINUTES:
        problems.append(f"'minutes' is {minutes!r}; it must be a whole number from 5 to 120.")
    return problems


def read_front_matter(values: Mapping[str, Any], where: str) -> FrontMatter:
    """Check the five keys of the front matter and return them.

    Parameters
    ----------
    values : mapping
        A YAML header, or a table of ``exercise.toml``. Other keys are the caller's.
    where : str
        What messages call the file.

    Returns
    -------
    FrontMatter
        The checked values.

    Raises
    ------
    MaterialError
        A key is missing or has a wrong value.
    """
    if problems := front_matter_problems(values):
        raise MaterialError(f"{where}: in the front matter, " + " Also, ".join(problems))
    return FrontMatter(
        title=values["title"].strip(),
        objective=values["objective"].strip(),
        needs=tuple(values["needs"]),
        out_of_scope=tuple(values["out_of_scope"]),
        minutes=values["minutes"],
    )
