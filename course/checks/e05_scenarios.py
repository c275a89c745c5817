"""The scenarios of exercise E5 in which T waits: what comes before the sleep, what ends it, what M reads."""

from __future__ import annotations

from typing import Any

from course.checks.draw import Draw
from course.checks.kernel_case import KernelCase
from course.checks.scenarios import HANDLED, fault, scenario

__all__ = [
    "ARMED",
    "answers_of",
    "called_first",
    "closed_asleep",
    "ended",
    "killed_first",
    "named",
    "page_of",
    "served",
    "signalled",
    "there_already",
    "ticks_of",
    "unread",
    "woken",
]

ARMED: dict[str, Any] = {"userfaultfd": True}


def ticks_of(draw: Draw, name: str = "ticks") -> int:
    """Draw a time."""
    return draw(name, range(1_000, 9_000, 500))


def page_of(draw: Draw, page: int) -> dict[str, Any]:
    """Give what M fills a page with."""
    return {"area": "V", "page": page, "byte": draw("byte", range(5, 200))}


def answers_of(draw: Draw, page: int, ticks: int) -> list[Any]:
    """Give a monitor that answers the first message after a time."""
    return [{"do": "wait_message"}, {"do": "pause", "ticks": ticks}, {"do": "copy", **page_of(draw, page)}]


def signalled(draw: Draw) -> KernelCase:
    """S10a: a signal while T waits, then the page."""
    access, sentence = fault(draw)
    before, after = ticks_of(draw, "before"), ticks_of(draw, "after")
    name = draw("signal", HANDLED)
    monitor = [
        {"do": "wait_message"},
        {"do": "poll", "ticks": before},
        {"do": "signal", "task": "T", "signal": name},
        {"do": "poll", "ticks": after},
        {"do": "copy", **page_of(draw, access["page"])},
    ]
    return KernelCase(
        scenario("S10a", "A signal, then the page", ARMED, [access], monitor),
        f"{sentence}, and waits. After {before} us comes {name}, which T handles; {after} us later M brings "
        "the page.",
    )


def woken(draw: Draw) -> KernelCase:
    """S13: a wake without a page."""
    access, sentence = fault(draw)
    page = {"area": "V", "page": access["page"]}
    monitor = [
        {"do": "wait_message"},
        {"do": "wake", **page},
        *answers_of(draw, access["page"], ticks_of(draw)),
    ]
    return KernelCase(
        scenario("S13", "A wake without a page", ARMED, [access], monitor),
        f"{sentence}. M answers with a wake, but no page; asked once more, it brings the page.",
    )


def served(draw: Draw) -> KernelCase:
    """A fault that waits, and is served."""
    access, sentence = fault(draw)
    ticks = ticks_of(draw)
    return KernelCase(
        scenario(
            "asked", "A page that is asked for", ARMED, [access], answers_of(draw, access["page"], ticks)
        ),
        f"{sentence}. M brings it {ticks} us after the message.",
    )


def there_already(draw: Draw) -> KernelCase:
    """The page comes after the fault has found it missing, and before handle_userfault; it wakes nobody."""
    access, sentence = fault(draw)
    start = {"do": "pause", "ticks": ticks_of(draw)}
    return KernelCase(
        scenario(
            "there-already",
            "A page that comes by itself",
            ARMED,
            [start, access],
            [start, {"do": "copy", **page_of(draw, access["page"]), "wake": False}],
        ),
        f"{sentence}. M brings it unasked and wakes nobody, before your function begins: there is nothing to "
        "wait for.",
    )


def unread(draw: Draw) -> KernelCase:
    """T leaves twice before M has read its message: the page is there, and a signal comes."""
    access, sentence = fault(draw)
    page, ticks, name = access["page"], ticks_of(draw), draw("signal", HANDLED)
    other, start = page % 3 + 1, {"do": "pause", "ticks": ticks}
    monitor = [
        start,
        {"do": "copy", **page_of(draw, page), "wake": False},
        {"do": "pause", "ticks": ticks},
        {"do": "signal", "task": "T", "signal": name},
        {"do": "pause", "ticks": ticks},
        {"do": "poll", "ticks": 1_000},
        {"do": "copy", **page_of(draw, other)},
    ]
    return KernelCase(
        scenario(
            "unread",
            "Messages that nobody has read",
            ARMED,
            [start, access, {"do": "read", "area": "V", "page": other}],
            monitor,
        ),
        f"{sentence}. M brings it unasked and wakes nobody, before your function begins. Then T reads page "
        f"{other}, and waits; {name} calls it away, and T faults anew. Only then M reads its messages, and "
        "brings the page.",
    )


def closed_asleep(draw: Draw) -> KernelCase:
    """The userfaultfd is closed while T sleeps."""
    access, sentence = fault(draw)
    ticks = ticks_of(draw)
    monitor = [{"do": "wait_message"}, {"do": "pause", "ticks": ticks}, {"do": "close"}]
    return KernelCase(
        scenario("closed-asleep", "A monitor that closes, and T asleep", ARMED, [access], monitor),
        f"{sentence}, and waits. {ticks} us after the message M closes the userfaultfd.",
    )


def ended(draw: Draw) -> KernelCase:
    """A signal ends one sleep, the page another, SIGKILL a third."""
    access, sentence = fault(draw)
    page, ticks = access["page"], ticks_of(draw)
    other, name = page % 3 + 1, draw("signal", HANDLED)
    monitor = [
        {"do": "wait_message"},
        {"do": "poll", "ticks": ticks},
        {"do": "signal", "task": "T", "signal": name},
        {"do": "poll", "ticks": ticks},
        {"do": "copy", **page_of(draw, page)},
        {"do": "wait_message"},
        {"do": "pause", "ticks": ticks},
        {"do": "signal", "task": "T", "signal": "SIGKILL"},
        {"do": "pause", "ticks": 20_000},
        {"do": "copy", **page_of(draw, other)},
    ]
    return KernelCase(
        scenario(
            "ended",
            "What ends a sleep",
            ARMED,
            [access, {"do": "read", "area": "V", "page": other}],
            monitor,
        ),
        f"{sentence}. {ticks} us later {name}, which T handles, ends its sleep; {ticks} us later the page "
        f"ends the second. Then T reads page {other}, and {ticks} us later SIGKILL ends that sleep.",
    )


def killed_first(draw: Draw) -> KernelCase:
    """SIGKILL comes after the fault has begun, and before handle_userfault."""
    access, sentence = fault(draw)
    start = [{"do": "pause", "ticks": ticks_of(draw)}]
    monitor = [
        *start,
        {"do": "signal", "task": "T", "signal": "SIGKILL"},
        {"do": "pause", "ticks": 20_000},
        {"do": "copy", **page_of(draw, access["page"])},
    ]
    return KernelCase(
        scenario("killed-first", "SIGKILL before the sleep", ARMED, [*start, access], monitor),
        f"{sentence}. SIGKILL comes after the fault has begun, and before your function; the page would come "
        "20000 us later.",
    )


def called_first(draw: Draw) -> KernelCase:
    """A signal that T handles comes after the fault has begun, and before handle_userfault."""
    access, sentence = fault(draw)
    start, name = [{"do": "pause", "ticks": ticks_of(draw)}], draw("signal", HANDLED)
    monitor = [
        *start,
        {"do": "signal", "task": "T", "signal": name},
        {"do": "pause", "ticks": 20_000},
        {"do": "copy", **page_of(draw, access["page"])},
    ]
    return KernelCase(
        scenario("called-first", "A signal before the sleep", ARMED, [*start, access], monitor),
        f"{sentence}. {name}, which T handles, comes after the fault has begun, and before your function; "
        "the page comes 20000 us later.",
    )


def named(draw: Draw) -> KernelCase:
    """A read and a write in the middle of pages."""
    page, offset = draw("page", (1, 2, 3)), draw("offset", range(64, 4_000, 8))
    other, ticks = page % 3 + 1, ticks_of(draw)
    answer = answers_of(draw, page, ticks), answers_of(draw, other, ticks)
    place = {"area": "V", "offset": offset}
    return KernelCase(
        scenario(
            "named",
            "What a message says",
            ARMED,
            [{"do": "read", "page": page, **place}, {"do": "write", "page": other, **place}],
            [*answer[0], *answer[1]],
        ),
        f"T reads page {page} of V and writes page {other}, each {offset} bytes behind its beginning. Both "
        f"are missing; M brings each {ticks} us after the message.",
    )
