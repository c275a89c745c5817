"""The cases of exercise H3: steps on a small memory whose kernel is the learner's."""

from __future__ import annotations

from functools import partial
from typing import Any

from course.checks.call_case import CallCase, CallRun
from course.checks.draw import Draw
from course.child_functions import Answers

__all__ = ["copies", "counts", "errors", "forks", "given_back", "last_owner", "run_of", "zero_page"]

ANSWERS = ("page_fault", "fork", "dontneed")
NO_RULE = "no broken rule"
RULES = (
    "signal without a fault",
    "seen half done",
    "zero page written",
    "stale translation",
    "flushed too early",
    "freed while mapped",
    "put while mapped",
    "freed while known",
    "put while known",
    "freed twice",
    "lost frame",
)
"""Those of `SmallMemory`, as causes are looked for: the one that is told is the one whose cause is named."""


class Places:
    """Four addresses in different pages, and bytes: what a seed decides."""

    def __init__(self, draw: Draw) -> None:
        pages = draw("pages", ((0, 1, 2, 3), (1, 3, 0, 2), (2, 0, 3, 1), (3, 2, 1, 0), (0, 3, 1, 2)))
        self.offset = draw("offset", (0x10, 0x48, 0x200, 0xFF8))
        self.pages = tuple(f"{0x5000 + page * 0x1000:#x}" for page in pages)
        self.addresses = tuple(f"{0x5000 + page * 0x1000 + self.offset:#x}" for page in pages)
        self.beside = tuple(f"{int(address, 16) ^ 4:#x}" for address in self.addresses)  # in the same pages
        self.bytes = draw("bytes", ((7, 8, 9), (21, 34, 55), (100, 3, 200)))


def case(name: str, *steps: str, counts: bool = False) -> CallCase:
    """Make a case of some steps: what each access gives, or only how the faults are counted."""
    from course.memory.own_kernel import kernel_run
    from course.memory.steps import read_steps

    right = kernel_run(steps)
    wanted: dict[str, Any] = {"rules": NO_RULE, **right.told}
    if counts:
        wanted = {"min_flt": right.min_flt, "maj_flt": right.maj_flt}
    happens = "; ".join(f"{n}. {step.text}" for n, step in enumerate(read_steps(steps), 1))
    return CallCase(name, f"{happens}.", partial(look, steps), wanted, said=said)


def look(steps: tuple[str, ...], answers: Answers) -> dict[str, Any]:
    """Do the steps with the learner's kernel."""
    from course.memory.small_run import Kernel, small_run

    run = small_run(steps, Kernel(*(partial(answers.call, name) for name in ANSWERS)))
    broken = sorted(run.broken, key=lambda one: RULES.index(one[0]))
    rules = [f"{rule}: {text}" for rule, text in broken]
    return {
        "rules": rules[0] if rules else NO_RULE,
        **run.told,
        "min_flt": run.min_flt,
        "maj_flt": run.maj_flt,
        "run": run,
    }


def said(name: str, value: Any) -> str:
    """Say a value in words."""
    return str(value) if name == "rules" else f"{name}: {value}"


def run_of(run: CallRun) -> Any:
    """Give all that was seen of a case (`course.memory.small_run.SmallRun`)."""
    return run.mine["run"]


def zero_page(draw: Draw) -> tuple[CallCase, ...]:
    """Reads of fresh memory, and a write after one."""
    at = Places(draw)
    (a, b, *_), (x, *_) = at.addresses, at.bytes
    return (case("read, then write", f"read {a}", f"write {a} {x}", f"read {b}", f"read {a}"),)


def given_back(draw: Draw) -> tuple[CallCase, ...]:
    """A page that is given back, seen by two threads; a zero page, and a page that was never there."""
    at = Places(draw)
    a, (x, y, _), drop = at.addresses[0], at.bytes, f"drop {at.pages[0]}"
    first = (drop, f"write {a} {x}", f"thread read {a}", drop, f"thread read {a}", f"write {a} {y}")
    return (case("give back", *first, drop, drop, f"read {a}", drop, f"read {a}"),)


def errors(draw: Draw) -> tuple[CallCase, ...]:
    """Accesses without an area, and against its rights."""
    at = Places(draw)
    (a, b, *_), (x, y, _), (page_a, page_b, *_) = at.addresses, at.bytes, at.pages
    first = tuple(f"{access} {0x9000 + at.offset:#x}" for access in ("read", "write"))
    second = (f"write {a} {x}", f"protect {page_a} r", f"write {a} {y}", f"read {a}")
    third = (f"protect {page_b} r", f"write {b} {y}", f"read {b}", f"write {b} {y}")
    return (case("wrong accesses", *first, *second, *third),)


def forks(draw: Draw) -> tuple[CallCase, ...]:
    """Reads of a child; what a thread of the parent and the parent then write is seen by the parent alone.

    So is what either writes to a page that was only read.
    """
    at = Places(draw)
    (a, b, c, _), (x, y, z), by_b = at.addresses, at.bytes, at.beside[1]
    before = (f"write {a} {x}", f"read {b}", f"thread write {c} {y}", "fork")
    reads = (f"child read {a}", f"child read {b}", f"child read {c}")
    zeros = (f"write {b} {y}", f"child write {by_b} {z}", f"child read {b}", f"read {by_b}")
    first = (*before, *reads, f"thread write {c} {z}", f"write {a} {z}", *reads, *zeros)
    child = (f"child write {b} {z}", f"read {b}", f"child read {a}", f"child drop {at.pages[0]}")
    parent = (f"drop {at.pages[2]}", f"read {c}", f"child read {c}", f"drop {at.pages[1]}", f"read {b}")
    written = (f"write {a} {x}", f"write {b} {y}", f"write {c} {y}")
    second = (*written, "fork", *child, f"read {a}", f"child read {a}", *parent)
    third = (
        f"write {a} {x}",
        f"write {b} {y}",
        f"protect {at.pages[0]} r",
        "fork",
        f"child read {a}",
        f"child drop {at.pages[0]}",
        f"child read {a}",
        "child exit",
        f"read {a}",
    )
    return (
        case("fork", *first),
        case("fork, then give back", *second),
        case("fork with an area that may be read only", *third),
        case("fork with a gap", *_gap(draw, at)),
    )


def _gap(draw: Draw, at: Places) -> tuple[str, ...]:
    """Fork with an entry for the first and the last page; the child touches those between."""
    first, last = (f"{page + at.offset:#x}" for page in (0x5000, 0x8000))
    between = [f"{page + at.offset:#x}" for page in draw("between", ((0x6000, 0x7000), (0x7000, 0x6000)))]
    (x, y, z), (one, other) = at.bytes, between
    before = (f"write {first} {x}", f"write {last} {y}", "fork", f"child read {last}")
    return (*before, f"child read {one}", f"child write {other} {z}", f"read {other}")


def copies(draw: Draw) -> tuple[CallCase, ...]:
    """Writes to shared pages, by the child, and by the parent, whose other thread has read the page.

    Other bytes of a page come with the copy only.
    """
    at = Places(draw)
    (a, b, *_), (by_a, by_b, *_), (x, y, z) = at.addresses, at.beside, at.bytes
    before = (f"write {a} {x}", f"write {b} {y}", f"write {by_b} {x}", "fork")
    child = (f"child write {by_a} {y}", f"read {by_a}", f"child read {a}", f"child read {by_a}")
    parent = (f"thread read {b}", f"write {b} {z}", f"thread read {b}", f"read {by_b}", f"child read {b}")
    return (case("copy on write", *before, *child, *parent),)


def last_owner(draw: Draw) -> tuple[CallCase, ...]:
    """Writes to pages that nobody else has any more."""
    at = Places(draw)
    (a, b, *_), (x, y, z) = at.addresses, at.bytes
    before = (f"write {a} {x}", f"write {b} {x}", "fork")
    both = (f"write {a} {y}", f"child write {a} {z}", f"read {a}")
    given_back = (f"write {a} {x}", "fork", f"child drop {at.pages[0]}", f"write {a} {y}", f"read {a}")
    return (
        case("the last owner", *before, *both, "child exit", f"write {b} {y}", f"read {b}"),
        case("the other owner gave it back", *given_back),
    )


def counts(draw: Draw) -> tuple[CallCase, ...]:
    """Faults that are served, some that are not, and system calls, which have none.

    The last page is shared, and may be read only.
    """
    at = Places(draw)
    (a, b, c, d), (x, y, z) = at.addresses, at.bytes
    served = (
        f"read {a}",
        f"write {a} {x}",
        f"write {d} {x}",
        f"protect {at.pages[3]} r",
        "fork",
        f"write {a} {z}",
        f"child write {a} {y}",
        f"write {b} {x}",
    )
    given_back = (f"drop {at.pages[1]}", f"read {b}")
    protected = (f"protect {at.pages[0]} r", f"write {a} {x}", f"protect {at.pages[2]} r", f"write {c} {x}")
    errors = (*protected, f"write {d} {y}", f"child write {d} {z}", f"read {0x9000 + at.offset:#x}")
    return (case("counters", *served, *given_back, *errors, counts=True),)
