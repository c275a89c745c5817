"""How a learner's predictions came out, lesson by lesson.

A prediction is made before a run, and the run decides. What counts is the first choice: who has seen the run
and chooses again knows it already. A score costs no points and earns none; it tells its owner how far the
picture in the head agrees with the machine, and so which lesson to read again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from course.curriculum import LESSONS
from course.notes import all_noted
from course.questions import questions_of

__all__ = ["Score", "score_of", "scores"]


@dataclass(frozen=True, slots=True)
class Score:
    """One lesson's predictions and answers.

    Attributes
    ----------
    n_asked, n_predicted, n_run, n_true : int
        Predictions that the lesson asks for; those that were made; those of them whose run was seen; and
        those that came true at the first choice.
    n_questions, n_answered, n_right : int
        Diagnostic questions; those with an answer; those that were right at the first choice.
    """

    n_asked: int
    n_predicted: int
    n_run: int
    n_true: int
    n_questions: int
    n_answered: int
    n_right: int

    @property
    def begun(self) -> bool:
        """Whether anything was predicted or answered."""
        return self.n_predicted + self.n_answered > 0

    @property
    def n_open(self) -> int:
        """Predictions that were not made, or whose run was not seen."""
        return self.n_asked - self.n_run

    @property
    def done(self) -> bool:
        """Whether all was predicted, run and answered."""
        return self.n_open == 0 and self.n_answered == self.n_questions

    def text(self) -> str:
        """Say in a sentence what came true."""
        return f"{self.n_true} of {self.n_run} came true at the first choice."


def score_of(lesson: str, folder: Path | None = None) -> Score:
    """Give the score of one lesson.

    Parameters
    ----------
    lesson : str
        Its number, such as ``00``.
    folder : Path, optional
        As for `scores`.

    Returns
    -------
    Score
        Of all that it asks.

    Raises
    ------
    MaterialError
        As for `scores`.
    """
    return _score(lesson, all_noted(folder))


def scores(folder: Path | None = None) -> Mapping[str, Score]:
    """Give the scores of all lessons that ask something.

    Parameters
    ----------
    folder : Path, optional
        Where the notebook is; the current folder by default.

    Returns
    -------
    mapping of str to Score
        By number of the lesson, in the order of the curriculum.

    Raises
    ------
    MaterialError
        The file of notes can't be read, or a lesson's questions are malformed.
    """
    notes = all_noted(folder)
    found = {number: _score(number, notes) for number in LESSONS}
    return {number: one for number, one in found.items() if one.n_asked + one.n_questions}


def _score(lesson: str, notes: Mapping[str, Mapping[str, str]]) -> Score:
    predicted, answered = [], []
    n_asked = n_questions = 0
    for question in questions_of(lesson).values():
        note = notes.get(question.id, {})
        right = next((one.letter for one in question.choices if one.right), None)
        if right is None:
            n_asked += 1
            predicted += [note] if note.get("choice") else []
        else:
            n_questions += 1
            answered += [note.get("first") == right] if note.get("choice") else []
    run = [note for note in predicted if note.get("run")]
    n_true = sum(note.get("first") == note["run"] for note in run)
    return Score(n_asked, len(predicted), len(run), n_true, n_questions, len(answered), sum(answered))
