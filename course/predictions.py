"""What a learner does in a lesson beside running it; each function prints the same text each time.

=======================  ============================================================================
``predict``, ``reveal``  what the learner says before a run, and what came true
``answer``               a diagnostic question, with feedback to each choice
``order``                lines of code to be put in order (`course.ordering`)
``fill``                 code with gaps to be filled (`course.gaps`)
``self_test``            the answers to a bridge's questions, and whether it may be skipped
=======================  ============================================================================

A prediction never stands in the way: `reveal` shows what the run gave with or without one, and reminds.
What is given is kept in the working copy (`course.notes`).
"""

from __future__ import annotations

from course.gaps import fill
from course.notes import note, noted
from course.ordering import order
from course.questions import Question, load_question
from course.saying import keep, say
from course.scores import score_of
from course.selftest import self_test
from pyemu.errors import MaterialError

__all__ = ["answer", "fill", "order", "predict", "reveal", "self_test"]


def predict(question_id: str, choice: str = "") -> None:
    """Show a question, and keep what the learner expects.

    Parameters
    ----------
    question_id : str
        Such as ``00-wake``.
    choice : str
        The letter of a choice; empty: none yet.

    Raises
    ------
    MaterialError
        There is no such question.
    """
    question = load_question(question_id)
    kept = _keep(question, choice, "predict")
    print(question.text())
    print()
    if kept:
        say(f"Your prediction: {kept}. Now run the next cells.")
    else:
        say(f"Your prediction: none yet. {_how(question, 'predict')}")


def reveal(question_id: str, outcome: str) -> None:
    """Compare what a run gave with what the learner expected.

    Parameters
    ----------
    question_id : str
        That of the prediction.
    outcome : str
        What the run gave, such as ``SIGBUS(code=2)``.

    Raises
    ------
    MaterialError
        There is no such question.
    """
    question = load_question(question_id)
    came = next((one for one in question.choices if one.outcome == outcome), None)
    if came is None:
        known = ", ".join(one.outcome for one in question.choices)
        say(f"The run gave {outcome}. That is none of the choices ({known}): was it another scenario?")
        return
    say(f"The run gave {outcome}. That is {came.letter}: {came.text}")
    try:
        before = noted(question_id)
        if not before.get("choice"):
            say(
                "You made no prediction. A guess, even a wrong one, makes what you see stay: "
                "go back to the question, choose, and come here again."
            )
            return
        note(question_id, run=came.letter)
    except MaterialError as error:
        say(str(error))
        return
    chosen = question.choice(before["choice"])
    if chosen is came:
        say(f"You predicted {came.letter}: it came true. Say in one sentence why, then compare below.")
    else:
        say(
            f"You predicted {before['choice']}. Good to know: what you read next is about the difference."
            + (f" {chosen.why}" if chosen and chosen.why else "")
        )
    score = score_of(question_id.partition("-")[0])
    if score.n_open == 0:
        say(f"That was the last prediction of this lesson. {score.text()}")


def answer(question_id: str, choice: str = "") -> None:
    """Show a diagnostic question, and feedback to the choice.

    Parameters
    ----------
    question_id : str
        Such as ``00-rerun``.
    choice : str
        The letter of a choice; empty: none yet.

    Raises
    ------
    MaterialError
        There is no such question.
    """
    question = load_question(question_id)
    kept = _keep(question, choice, "answer")
    chosen = question.choice(kept)
    print(question.text())
    print()
    if chosen is None:
        say(f"Your answer: none yet. {_how(question, 'answer')}")
    elif chosen.right:
        say(f"{chosen.letter} is right. {chosen.why}")
    else:
        say(f"{chosen.letter} is not right. {chosen.why} Choose again.")


def _keep(question: Question, choice: str, function: str) -> str:
    """Keep a valid choice, tell about an invalid one; return the letter that is kept, or an empty text."""
    chosen = question.choice(str(choice))
    if chosen is None and str(choice).strip():
        say(f"{choice!r} is none of the choices. {_how(question, function)}")
        print()
    return keep(question.id, chosen.letter if chosen else None)


def _how(question: Question, function: str) -> str:
    example = f'{function}("{question.id}", "A")'
    return f"Choose {question.letters}, for example {example}, and run this cell again."
