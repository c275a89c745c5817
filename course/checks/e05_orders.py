"""The scenarios of exercise E5 in which M may act between any two moves of T, in every order."""

from __future__ import annotations

from typing import Any

from course.checks.draw import Draw
from course.checks.e05_scenarios import ARMED, page_of
from course.checks.explore_case import ExploreCase
from course.checks.scenarios import fault, scenario

__all__ = ["any_answer", "any_close", "any_moment", "any_wake"]

MAX_STATES = 4_000  # several times what right answers reach; a RETRY with the lock held has ever new ones


def _any(name: str, draw: Draw, monitor: list[Any], story: str) -> ExploreCase:
    access, sentence = fault(draw)
    copy = {"do": "copy", **page_of(draw, access["page"])}
    return ExploreCase(
        scenario(name, "A monitor at any moment", ARMED, [access], [*monitor, copy]),
        f"{sentence}. {story}: every order of their moves is tried.",
    )


def any_moment(draw: Draw) -> ExploreCase:
    """The page comes at any moment."""
    return _any("race", draw, [], "M brings it unasked, at any moment")


def any_answer(draw: Draw) -> ExploreCase:
    """A monitor that may sleep in poll() by then brings the page."""
    return _any("answer", draw, [{"do": "wait_message"}], "M waits for the message in poll(), and brings it")


def any_wake(draw: Draw) -> ExploreCase:
    """A wake without a page comes at any moment after the message: only a second message brings the page."""
    access, sentence = fault(draw)
    wake = {"do": "wake", "area": "V", "page": access["page"]}
    asked = {"do": "wait_message"}
    copy = {"do": "copy", **page_of(draw, access["page"])}
    return ExploreCase(
        scenario("S13-any", "A wake without a page", ARMED, [access], [asked, wake, asked, copy]),
        f"{sentence}. M answers with a wake, but no page, at any moment. Asked once more, it brings it: "
        "every order of their moves is tried.",
        max_states=MAX_STATES,
    )


def any_close(draw: Draw) -> ExploreCase:
    """The userfaultfd is closed at any moment.

    For get_user_pages, which goes on with the area that it has unless it reads RETRY. Linux v5.7 goes round
    for ever where M closes between the beginning of the fault and handle_userfault; that is no fault here.
    """
    page = draw("page", (1, 2, 3))
    read = {"do": "process_vm_readv", "area": "V", "page": page, "buffer": "B"}
    return ExploreCase(
        scenario(
            "close",
            "A monitor that closes at any moment",
            ARMED,
            [read],
            [{"do": "close"}],
            more_areas=[{"name": "B", "pages": 2, "populated": [0, 1]}],
        ),
        f"get_user_pages takes page {page} of V, which is missing. M closes the userfaultfd at any moment: "
        "every order of their moves is tried.",
        max_states=MAX_STATES,
    )
