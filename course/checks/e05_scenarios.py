"""The scenarios of exercise E5: reasons not to wait, three kinds of sleep, and what may come in between.

Where it matters when M acts, T and M begin at the same moment, and M makes marks first. A timed run gives
each task its turn, so the same number of marks is the same place in T's fault, before the learner's function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from course.checks.draw import Draw
from course.checks.explore_case import ExploreCase
from course.checks.kernel_case import KernelCase
from course.checks.scenarios import HANDLED, fault, scenario
from pyemu.tree import Tree

if TYPE_CHECKING:
    from pyemu.sched.semantics import World

__all__ = [
    "any_moment",
    "callers",
    "closed",
    "closing",
    "deaf",
    "exiting",
    "killed",
    "refused",
    "refused_in_order",
    "served",
    "signalled",
    "there_already",
    "unread",
    "wanted_at_once",
    "woken",
]

ARMED: dict[str, Any] = {"userfaultfd": True}
WITHIN = 0x18  # where in its page an access is: a message names the page
MARKS_BEFORE_LOOK = 3  # so many of M's steps, and T stands between its look at the page and handle_userfault


def _begins_to_exit(world: World) -> None:
    """Let T be on its way out, where it still copies from its memory once."""
    world.tasks[1].exiting = True


def _ticks(draw: Draw, name: str = "ticks") -> int:
    return draw(name, range(1_000, 9_000, 500))


def _page(draw: Draw, page: int) -> dict[str, Any]:
    return {"area": "V", "page": page, "byte": draw("byte", range(5, 200))}


def _answers(draw: Draw, page: int, ticks: int) -> list[Any]:
    """Give a monitor that answers the first message after a time."""
    return [{"do": "wait_message"}, {"do": "pause", "ticks": ticks}, {"do": "copy", **_page(draw, page)}]


def exiting(draw: Draw) -> KernelCase:
    """A task that exits touches a missing page once more."""
    page, ticks = draw("page", (1, 2, 3)), _ticks(draw)
    return KernelCase(
        scenario(
            "exiting",
            "A task on its way out",
            ARMED,
            [{"do": "tmpfs_write", "area": "V", "page": page}],
            _answers(draw, page, ticks),
        ),
        f"T is exiting. The kernel copies from page {page} of V once more; it is missing. M would bring it "
        f"{ticks} us after a message.",
        {"exiting": 1},
        prepare=_begins_to_exit,
    )


def refused(draw: Draw) -> KernelCase:
    """The userfaultfd was made with the feature SIGBUS."""
    access, sentence = fault(draw)
    area = {**ARMED, "features": ["SIGBUS"]}
    return KernelCase(
        scenario(
            "sigbus",
            "A monitor that wants no messages",
            area,
            [access],
            _answers(draw, access["page"], 1_000),
        ),
        f"{sentence}. M has asked for SIGBUS in place of messages.",
    )


def closing(draw: Draw) -> KernelCase:
    """The userfaultfd is closed between the beginning of the fault and handle_userfault."""
    access, sentence = fault(draw)
    start = [{"do": "pause", "ticks": _ticks(draw)}]
    marks = [{"do": "mark", "label": "closes"}] * MARKS_BEFORE_LOOK
    return KernelCase(
        scenario(
            "closing", "A monitor that closes", ARMED, [*start, access], [*start, *marks, {"do": "close"}]
        ),
        f"{sentence}. At this moment M closes the userfaultfd, and waits for mmap_sem to detach V.",
    )


def refused_in_order(draw: Draw) -> tuple[KernelCase, ...]:
    """The userfaultfd has the feature SIGBUS, and more speaks against a wait."""
    access, sentence = fault(draw)
    area = {**ARMED, "features": ["SIGBUS"]}
    start = [{"do": "pause", "ticks": _ticks(draw)}]
    marks = [{"do": "mark", "label": "closes"}] * MARKS_BEFORE_LOOK
    pin = {"do": "pin", "area": "V", "page": access["page"], "entry": "get_user_pages_locked", "nowait": True}
    return (
        KernelCase(
            scenario(
                "sigbus-closing",
                "A monitor that wants no messages, and closes",
                area,
                [*start, access],
                [*start, *marks, {"do": "close"}],
            ),
            f"{sentence}. M has asked for SIGBUS in place of messages; at this moment it closes the "
            "userfaultfd.",
        ),
        KernelCase(
            scenario("sigbus-nowait", "A monitor that wants no messages, and a driver", area, [pin], []),
            f"M has asked for SIGBUS in place of messages. A driver asks for page {access['page']} of V, "
            "which is missing, with RETRY_NOWAIT.",
        ),
    )


def closed(draw: Draw) -> KernelCase:
    """The userfaultfd is closed while T sleeps."""
    access, sentence = fault(draw)
    ticks = _ticks(draw)
    monitor = [{"do": "wait_message"}, {"do": "pause", "ticks": ticks}, {"do": "close"}]
    return KernelCase(
        scenario("closed", "A monitor that closes while T waits", ARMED, [access], monitor),
        f"{sentence}, and waits. After {ticks} us M closes the userfaultfd, which wakes T.",
    )


def wanted_at_once(draw: Draw) -> KernelCase:
    """One driver will not wait, one caller may not."""
    first = draw("page", (1, 2, 3))
    second = first % 3 + 1
    return KernelCase(
        scenario(
            "nowait",
            "Callers that do not wait",
            ARMED,
            [
                {"do": "pin", "area": "V", "page": first, "entry": "get_user_pages_locked", "nowait": True},
                {"do": "procmem_read", "area": "V", "page": second},
            ],
            _answers(draw, first, 1_000),
        ),
        f"A driver asks for page {first} of V with RETRY_NOWAIT. Then /proc/self/mem is read, page {second}, "
        "without ALLOW_RETRY. Both pages are missing.",
    )


def killed(draw: Draw) -> KernelCase:
    """SIGKILL while T waits."""
    access, sentence = fault(draw)
    ticks = _ticks(draw)
    monitor = [
        {"do": "wait_message"},
        {"do": "poll", "ticks": ticks},
        {"do": "signal", "task": "T", "signal": "SIGKILL"},
        {"do": "pause", "ticks": 20_000},
        {"do": "copy", **_page(draw, access["page"])},
    ]
    return KernelCase(
        scenario("S10a-kill", "SIGKILL while the fault waits", ARMED, [access], monitor),
        f"{sentence}, and waits. {ticks} us later comes SIGKILL, and after 20000 us more the page.",
    )


def callers(draw: Draw) -> KernelCase:
    """A program, a kernel copy and get_user_pages wait one after the other."""
    ticks = _ticks(draw)
    answer = [
        {"do": "wait_message"},
        {"do": "pause", "ticks": ticks},
        {"do": "copy", **_page(draw, 1), "answer": True},
    ]
    buffer = {"buffer": "B", "buffer_offset": 64}
    return KernelCase(
        scenario(
            "callers",
            "Three callers",
            ARMED,
            [
                {"do": "read", "area": "V", "page": 1},
                {"do": "tmpfs_write", "area": "V", "page": 2},
                {"do": "process_vm_readv", "area": "V", "page": 3, **buffer},
            ],
            answer * 3,
            more_areas=[{"name": "B", "pages": 2, "populated": [0, 1]}],
        ),
        "T reads page 1 itself, then the kernel copies from page 2 for it, then get_user_pages takes page 3. "
        f"M brings each page {ticks} us after the message.",
    )


def deaf(draw: Draw) -> KernelCase:
    """A caller that sets neither INTERRUPTIBLE nor KILLABLE: get_user_pages without patch 15."""
    page, ticks = draw("page", (1, 2, 3)), _ticks(draw)
    monitor = [
        {"do": "wait_message"},
        {"do": "pause", "ticks": ticks},
        {"do": "signal", "task": "T", "signal": "SIGKILL"},
        {"do": "pause", "ticks": ticks},
        {"do": "copy", **_page(draw, page)},
    ]
    read = {"do": "process_vm_readv", "area": "V", "page": page, "buffer": "B", "buffer_offset": 64}
    return KernelCase(
        scenario(
            "15-before-16",
            "A caller without KILLABLE",
            ARMED,
            [read],
            monitor,
            more_areas=[{"name": "B", "pages": 2, "populated": [0, 1]}],
        ),
        f"get_user_pages of a kernel without patch 15 takes page {page}. It sets ALLOW_RETRY, no flag for "
        f"signals. {ticks} us after the message comes SIGKILL, {ticks} us later the page.",
        tree=Tree.after - 15,
    )


def signalled(draw: Draw) -> KernelCase:
    """S10a: a signal while T waits, then the page."""
    access, sentence = fault(draw)
    before, after = _ticks(draw, "before"), _ticks(draw, "after")
    name = draw("signal", HANDLED)
    monitor = [
        {"do": "wait_message"},
        {"do": "poll", "ticks": before},
        {"do": "signal", "task": "T", "signal": name},
        {"do": "poll", "ticks": after},
        {"do": "copy", **_page(draw, access["page"])},
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
    monitor = [{"do": "wait_message"}, {"do": "wake", **page}, *_answers(draw, access["page"], _ticks(draw))]
    return KernelCase(
        scenario("S13", "A wake without a page", ARMED, [access], monitor),
        f"{sentence}. M answers with a wake, but no page; asked once more, it brings the page.",
    )


def served(draw: Draw) -> KernelCase:
    """A fault that waits, and is served."""
    access, sentence = fault(draw)
    ticks = _ticks(draw)
    return KernelCase(
        scenario("asked", "A page that is asked for", ARMED, [access], _answers(draw, access["page"], ticks)),
        f"{sentence}. M brings it {ticks} us after the message.",
    )


def there_already(draw: Draw) -> KernelCase:
    """The page comes after the fault has found it missing, and before handle_userfault."""
    access, sentence = fault(draw)
    start = [{"do": "pause", "ticks": _ticks(draw)}]
    return KernelCase(
        scenario(
            "there-already",
            "A page that comes by itself",
            ARMED,
            [*start, access],
            [*start, {"do": "copy", **_page(draw, access["page"])}],
        ),
        f"{sentence}. M brings it unasked, before your function begins: there is nothing to wait for.",
    )


def any_moment(draw: Draw) -> ExploreCase:
    """The page comes at any moment."""
    access, sentence = fault(draw)
    return ExploreCase(
        scenario(
            "race",
            "A page that comes at any moment",
            ARMED,
            [access],
            [{"do": "copy", **_page(draw, access["page"])}],
        ),
        f"{sentence}. M brings it unasked, at any moment: every order of their moves is tried.",
    )


def unread(draw: Draw) -> KernelCase:
    """A signal comes before M has read the message."""
    access, sentence = fault(draw)
    ticks, name = _ticks(draw), draw("signal", HANDLED)
    monitor = [
        {"do": "pause", "ticks": ticks},
        {"do": "signal", "task": "T", "signal": name},
        {"do": "pause", "ticks": ticks},
        {"do": "poll", "ticks": 1_000},
        {"do": "copy", **_page(draw, access["page"])},
    ]
    return KernelCase(
        scenario("unread", "A message that nobody has read", ARMED, [{**access, "offset": WITHIN}], monitor),
        f"{sentence}, and waits. {name} calls it away before M reads its message; T faults anew. Only then "
        "M reads its messages, and brings the page.",
    )
