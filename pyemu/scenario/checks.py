"""Checks of single values; each error names the source, the key, the value and the rule."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from pyemu.errors import ScenarioError
from pyemu.flags import Signal


class Checks:
    """Checks plain data; `where` says in each error which file it is."""

    def __init__(self, where: str) -> None:
        self.where = where

    def fail(self, what: str) -> ScenarioError:
        """Give the error for something, with the source named."""
        return ScenarioError(f"{self.where}: {what}")

    def table(self, value: Any, place: str, keys: tuple[str, ...]) -> dict[str, Any]:
        """Check a table and its keys."""
        if not isinstance(value, Mapping):
            raise self.fail(f"{place} is {value!r}; it must be a table.")
        for key in value:
            if key not in keys:
                near = difflib.get_close_matches(str(key), keys, 1)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                raise self.fail(
                    f"{place} has the unknown key {key!r}; allowed keys are {', '.join(keys)}.{hint}"
                )
        return dict(value)

    def mapping(self, value: Any, place: str) -> dict[str, Any]:
        """Check a table whose keys are free."""
        if not isinstance(value, Mapping):
            raise self.fail(f"{place} is {value!r}; it must be a table.")
        return {str(key): one for key, one in value.items()}

    def tables(self, value: Any, place: str) -> list[Any]:
        """Check a list."""
        if not isinstance(value, list | tuple):
            raise self.fail(f"{place} is {value!r}; it must be a list.")
        return list(value)

    def number(self, value: Any, place: str, low: int, high: int) -> int:
        """Check a whole number and its range."""
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.fail(f"{place} is {value!r}; it must be a whole number from {low} to {high}.")
        return value

    def text(self, value: Any, place: str) -> str:
        """Check a text."""
        if not isinstance(value, str):
            raise self.fail(f"{place} is {value!r}; it must be a text.")
        return value

    def truth(self, value: Any, place: str) -> bool:
        """Check true or false."""
        if not isinstance(value, bool):
            raise self.fail(f"{place} is {value!r}; it must be true or false.")
        return value

    def choice(self, value: Any, place: str, choices: tuple[str, ...]) -> str:
        """Check that a value is one of those allowed."""
        if value not in choices:
            raise self.fail(f"{place} is {value!r}; it must be one of {', '.join(choices)}.")
        return str(value)

    def signal(self, value: Any, place: str) -> int:
        """Check a signal's name and give its number."""
        names = tuple(signal.name for signal in Signal)
        return int(Signal[self.choice(value, place, names)])

    def need(self, data: dict[str, Any], key: str, place: str) -> Any:
        """Give the value of a key that must be there."""
        if key not in data:
            raise self.fail(f"{place} lacks the key {key!r}, which is required.")
        return data[key]


def numbered(name: str, values: list[Any]) -> list[tuple[str, Any]]:
    """Give each value of a list with its place, as errors name it."""
    return [(f"{name}[{place}]", value) for place, value in enumerate(values)]
