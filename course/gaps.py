"""``fill``: code with named gaps; each is checked by itself.

It stands in the lesson's file::

    [loop]                                      # 05-loop of lesson 05
    ask = "Complete the retry."
    code = '''
    if result & __bit__:
        flags |= __flag__
    '''
    [loop.gaps.bit]
    right = ["VM_FAULT_RETRY"]                  # every text that is right
    wrong = [{ text = "VM_FAULT_MAJOR", why = "That one counts; it asks for nothing." }]
    hint = "Which bit says that mmap_sem is gone?"   # to any other text
    [loop.gaps.flag]
    ...

How blanks are set does not matter.
"""

from __future__ import annotations

import json
import re
import textwrap
from dataclasses import dataclass
from typing import Any

from course.questionfile import load_entry, tables
from course.saying import WIDTH, keep, say
from pyemu.errors import MaterialError

__all__ = ["Gap", "Gaps", "fill", "gaps_of", "load_gaps"]

_GAP = re.compile(r"__([a-z][a-z0-9]*(?:_[a-z0-9]+)*)__")


@dataclass(frozen=True, slots=True)
class Gap:
    """One gap.

    Attributes
    ----------
    right : tuple of str
        Texts that are right.
    wrong : tuple of (str, str)
        Texts that are wrong in a way that is known, each with what is mistaken.
    hint : str
        What to think of; said to any other text.
    """

    right: tuple[str, ...]
    wrong: tuple[tuple[str, str], ...]
    hint: str

    def feedback(self, text: str) -> str:
        """Say what is to be said of a text; an empty text when it is right."""
        given = _plain(text)
        if given in map(_plain, self.right):
            return ""
        return next((why for wrong, why in self.wrong if _plain(wrong) == given), self.hint)


@dataclass(frozen=True, slots=True)
class Gaps:
    """Code with gaps.

    Attributes
    ----------
    id : str
        Lesson and name, such as ``05-loop``.
    ask : str
        The task.
    code : str
        The code; a gap is its name between two double underscores.
    gaps : dict of str to Gap
        By name, in the order of the code.
    """

    id: str
    ask: str
    code: str
    gaps: dict[str, Gap]

    def text(self, given: dict[str, str]) -> str:
        """Give task and code, with what was given in its gaps."""

        def filled(place: re.Match[str]) -> str:
            text = given.get(place[1]) or place[0]
            in_table = place.string[place.end() : place.end() + 2] == "  "
            return text.ljust(len(place[0])) if in_table else text

        code = textwrap.indent(_GAP.sub(filled, self.code), "    ")
        return "\n".join([textwrap.fill(self.ask, WIDTH), "", code])


def load_gaps(question_id: str) -> Gaps:
    """Load one task.

    Parameters
    ----------
    question_id : str
        Such as ``05-loop``.

    Returns
    -------
    Gaps
        From the lesson's file.

    Raises
    ------
    MaterialError
        There is none of that name, or the file is malformed.
    """
    return load_entry(question_id, "code", _gaps)


def gaps_of(lesson: str) -> dict[str, Gaps]:
    """Load all tasks of a lesson, by name; see `load_gaps`."""
    return {name: _gaps(f"{lesson}-{name}", *one) for name, one in tables(lesson, "code").items()}


def fill(question_id: str, **texts: str) -> None:
    """Show code with gaps, and say which of the learner's texts are right.

    Parameters
    ----------
    question_id : str
        Such as ``05-loop``.
    **texts : str
        The text of each gap by its name; a gap that is empty or left out is not filled yet.

    Raises
    ------
    MaterialError
        There is no such task.
    """
    task = load_gaps(question_id)
    given = {name: str(text).strip() for name, text in texts.items() if str(text).strip()}
    strange = [name for name in texts if name not in task.gaps]
    if strange:
        say(f"{', '.join(strange)}: no gap is called that; the gaps are {', '.join(task.gaps)}.")
        print()
    given = {name: given[name] for name in task.gaps if name in given}
    given = _given(keep(task.id, json.dumps(given) if given else None), task)
    print(task.text(given))
    print()
    if not given:
        say(f"Your gaps: none is filled yet. {_how(task)}")
        return
    n_right = 0
    for name, gap in task.gaps.items():
        if name not in given:
            say(f"{name}: not filled yet.")
        elif said := gap.feedback(given[name]):
            say(f"{name}: {given[name]} is not right. {said}")
        else:
            n_right += 1
            say(f"{name}: {given[name]} is right.")
    print()
    n = len(task.gaps)
    say(f"{n_right} of {n} right." if n_right < n else f"All {n} right." if n > 1 else "The gap is right.")


def _given(kept: str, task: Gaps) -> dict[str, str]:
    """Read what was kept; an older form of the task may have had other gaps."""
    try:
        read = json.loads(kept) if kept else {}
    except ValueError:
        return {}
    return {name: str(read[name]) for name in task.gaps if name in read} if isinstance(read, dict) else {}


def _how(task: Gaps) -> str:
    example = ", ".join(f'{name}="..."' for name in task.gaps)
    return f'Fill them, as in fill("{task.id}", {example}), and run this cell again.'


def _plain(text: str) -> str:
    """Leave out blanks that part nothing."""
    return re.sub(r"(?<!\w) | (?!\w)", "", " ".join(text.split()))


def _gaps(question_id: str, table: dict[str, Any], where: str) -> Gaps:
    if set(table) != {"ask", "code", "gaps"} or not isinstance(table["code"], str):
        raise MaterialError(f"{where}: a task with gaps has the keys 'ask', 'code' (a text) and 'gaps'.")
    code = textwrap.dedent(table["code"]).strip("\n")
    named = list(dict.fromkeys(_GAP.findall(code)))
    if not named or not isinstance(table["gaps"], dict) or set(named) != set(table["gaps"]):
        raise MaterialError(
            f"{where}: the code has the gaps {', '.join(named) or 'none'}; 'gaps' must be a table with "
            "exactly these names."
        )
    return Gaps(
        question_id,
        table["ask"],
        code,
        {name: _gap(table["gaps"][name], f"{where}, gap {name!r}") for name in named},
    )


def _gap(table: Any, where: str) -> Gap:
    if not isinstance(table, dict) or not {"right", "hint"} <= set(table) <= {"right", "wrong", "hint"}:
        raise MaterialError(f"{where}: a gap has the keys 'right', 'hint' and, if you like, 'wrong'.")
    right, wrong, hint = table["right"], table.get("wrong", []), table["hint"]
    if not isinstance(right, list) or not right or not all(isinstance(one, str) and one for one in right):
        raise MaterialError(f"{where}: 'right' is {right!r}; it must be a list of one text or more.")
    if not isinstance(hint, str) or not hint.strip():
        raise MaterialError(f"{where}: 'hint' must be a text: what to think of.")
    if not isinstance(wrong, list) or not all(
        isinstance(one, dict)
        and set(one) == {"text", "why"}
        and all(isinstance(s, str) for s in one.values())
        for one in wrong
    ):
        raise MaterialError(f"{where}: 'wrong' must be a list of tables with the texts 'text' and 'why'.")
    gap = Gap(tuple(right), tuple((one["text"], one["why"]) for one in wrong), hint)
    both = [text for text, _ in gap.wrong if not gap.feedback(text)]
    if both:
        raise MaterialError(f"{where}: {both[0]!r} is right and wrong.")
    return gap
