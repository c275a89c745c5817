"""The script of a demo: one truth for the room's page, the speaker's notes, and the test.

A demo is a line of steps. A step has one picture or several: the right arrow goes from picture to picture,
and on to the next step. So the speaker's notes can say "press this so many times, then this can be read", and
a test presses the same keys and looks for the same words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from course.demos.parts import Kept, Part

__all__ = ["BACK", "NEXT", "Demo", "Step", "Vote"]

NEXT, BACK = "ArrowRight", "ArrowLeft"
Picture = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Vote:
    """A question to the room, answered by a show of hands.

    Attributes
    ----------
    question : str
        What is asked.
    choices : tuple of str
        What one may choose, at most nine: the keys 1, 2, ... count hands.
    right : mapping of str to str
        Of the choices that are right, which run says so; empty where no run can say.
    """

    question: str
    choices: tuple[str, ...]
    right: Mapping[str, str]

    def __post_init__(self) -> None:
        if not 2 <= len(self.choices) <= 9:
            raise ValueError(f"the vote {self.question!r} has {len(self.choices)} choices; give it 2 to 9.")
        if not set(self.right) <= set(self.choices):
            raise ValueError(
                f"the vote {self.question!r} has the answers {list(self.right)}; take them from its choices "
                f"{list(self.choices)}."
            )


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the script.

    Attributes
    ----------
    title : str
        Stands above the picture.
    pictures : tuple of tuple of Part
        What is shown, one after the other; never empty.
    minutes : float
        How long it takes, talk included.
    say, ask, expect : str
        What the speaker says and asks, and what the room tends to answer.
    sees : tuple of str
        Words that can be read on the page when all keys of the step have been pressed.
    key : str
        Comes here from the step before, and from anywhere in the demo unless it is an arrow.
    then : tuple of str
        Keys that are pressed after that, such as a number and Enter.
    vote, reveals : str
        The vote that is open here, and the one whose answer is shown; names in `Demo.votes`.
    paper : bool
        The picture stands among the questions of the handout: there is something to fill in.
    """

    title: str
    pictures: tuple[Picture, ...]
    minutes: float
    say: str = ""
    ask: str = ""
    expect: str = ""
    sees: tuple[str, ...] = ()
    key: str = NEXT
    then: tuple[str, ...] = ()
    vote: str = ""
    reveals: str = ""
    paper: bool = False

    @property
    def press(self) -> tuple[str, ...]:
        """All keys of the step in their order, as a browser names them."""
        return (self.key, *(NEXT,) * (len(self.pictures) - 1), *self.then)


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo.

    Attributes
    ----------
    name, title : str
        As the command line knows it, and as the room reads it.
    about : str
        A sentence for the list of demos and the handout.
    steps : tuple of Step
        The script; the first is there when the page opens, so nothing is pressed for it.
    votes : mapping of str to Vote
        By name.
    keys : mapping of str to str
        Keys of this demo alone, and what each does.
    steppers : tuple of Kept
        What pictures walk through.
    sources : tuple of str
        Where the figures come from.
    """

    name: str
    title: str
    about: str
    steps: tuple[Step, ...]
    votes: Mapping[str, Vote] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    steppers: tuple[Kept, ...] = ()
    sources: tuple[str, ...] = ()

    @property
    def minutes(self) -> float:
        """How long it takes."""
        return sum(step.minutes for step in self.steps)

    def presses(self, place: int) -> tuple[str, ...]:
        """Give the keys that are pressed for a step, by its place from 0."""
        press = self.steps[place].press
        return press if place else press[1:]
