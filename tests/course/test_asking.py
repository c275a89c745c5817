"""What a learner's function gives, and how it failed, in words."""

from __future__ import annotations

import pytest

from course.asking import asked
from pyemu.errors import FaultlabError


def test_what_it_gives_is_handed_on() -> None:
    assert asked(divmod, 7, 2) == ((3, 1), "")


@pytest.mark.parametrize(
    ("error", "words"),
    [(FaultlabError("Page 9 is not there."), "Page 9 is not there."), (KeyError("x"), "KeyError: 'x'")],
)
def test_what_it_raises_is_told(error: Exception, words: str) -> None:
    def fails() -> None:
        raise error

    assert asked(fails) == (None, words)
