"""Who holds the lock: eight returns of an attempt, a writer who waits, and an area that is freed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from course.decide.locks import MEANING, RETURNS, lock_at_end
from course.demos.parts import kept, places, table, text, walk
from course.demos.script import Demo, Step, Vote
from course.views.steps import Stepper, stepper
from course.waiting.scenes import slow_page
from course.waiting.waits import waited
from pyemu import Tree, run

__all__ = ["demo"]

CHOICES = tuple(MEANING.values())
ENDS = ("lock_queued", "lock_taken", "lock_granted")
EXPECT = {
    "NOPAGE": "The room splits: it slept, so the lock is dropped. It was, and was taken again.",
    "RETRY_NOWAIT": "The room splits: RETRY means dropped. Not for this caller.",
}


@dataclass(frozen=True, slots=True)
class Card:
    """A return of an attempt: what is said of it, what became of the lock and why, the run, which attempt."""

    said: str
    right: str
    why: str
    run: Stepper
    n: int


def demo() -> Demo:
    """Run the cards, the writer and the freed area, and give the script."""
    csky, x86 = (run(slow_page(arch), Tree.before) for arch in ("csky", "x86"))
    lane, freed = stepper(csky, x86), stepper(run("S10b", Tree.before), run("S10b", Tree.v5_7))
    lane.labels, freed.labels = ("csky", "x86"), ("Linux 5.6", "Linux 5.7")
    waits = [waited(one, "W") for one in (csky, x86)]
    cards = [
        Card(said, CHOICES["hdr".index(lock_at_end(name, tree, n))], why, stepper(run(name, tree)), n)
        for said, name, tree, n, why in RETURNS
    ]
    broken = freed.results[0].violations[0].rule
    return Demo(
        name="who-holds",
        title="Who holds the lock?",
        about="Eight returns of an attempt: is mmap_sem held, dropped or re-taken? And who pays for it?",
        steps=(
            Step(
                "A fault waits. Who waits for the fault?",
                walk(lane, 0, _writer(lane)),
                1,
                say="T reads a page that the disk needs 10 ms for; after 1 ms W calls mmap(). On csky T "
                "sleeps with the lock, on x86 without it.",
                sees=("W",),
            ),
            Step(
                "The writer's wait",
                (
                    (
                        table(
                            "W waits for mmap_sem",
                            ("", *lane.labels),
                            [("microseconds", *map(str, waits))],
                        ),
                        text("So the attempt drops the lock before it sleeps, and says so: RETRY."),
                    ),
                ),
                0.5,
                ask="How does the caller know what became of its lock?",
                expect="From the return value. The next eight cards ask exactly that.",
                sees=tuple(map(str, waits)),
            ),
            *_cards(cards),
            Step(
                "Why it matters: the lock was away, and the value does not say so",
                walk(freed, 1, _freeing(freed)),
                0.7,
                say="While T slept, U replaced the area. On 5.6 T comes back with NOPAGE, as if nothing had "
                "happened; the area of its caller has been freed. On 5.7 it says RETRY, and leaves.",
                ask="Which value would have told the truth?",
                expect="RETRY: start over, and find the area again.",
                sees=(broken, "RETRY"),
            ),
        ),
        votes={
            f"card {nth}": Vote(f"{card.said}. mmap_sem is", CHOICES, {card.right: "read from the run"})
            for nth, card in enumerate(cards, 1)
        },
        steppers=(
            kept(lane, ("T", "W", "mmap_sem")),
            kept(freed, ("T", "U", "mmap_sem")),
            *(kept(card.run, ("T", "mmap_sem")) for card in cards),
        ),
        sources=(
            "A slow page on csky and x86, tree before; scenario S10b on the trees before and v5_7.",
            "Cards: " + "; ".join(f"{name} on {tree}, attempt {n}" for _, name, tree, n, _ in RETURNS) + ".",
        ),
    )


def _cards(cards: list[Card]) -> Iterator[Step]:
    """Give two steps for each card: the vote at the start of the attempt, and the answer at its end."""
    for nth, card in enumerate(cards, 1):
        expect = next((words for mark, words in EXPECT.items() if mark in card.said), "")
        title = f"Card {nth} of {len(cards)}"
        start, end = (
            walk(card.run, nth + 1, [places(card.run, kind, "T")[card.n - 1]])[0]
            for kind in ("attempt", "attempt_end")
        )
        name = f"card {nth}"
        yield Step(title, (start,), 0.4, expect=expect, sees=(card.said, f"attempt {card.n}"), vote=name)
        shown = (*end, text(card.why))
        yield Step(f"{title}: {card.right}", (shown,), 0.2, sees=(card.right, card.why), reveals=name)


def _writer(view: Stepper) -> list[int]:
    """Give the places at which T sleeps, and W asks for the lock and gets it, on either machine."""
    asked = [place for kind in ENDS for place in places(view, kind, "W")]
    return sorted([*places(view, "sleep", "T"), *asked])


def _freeing(view: Stepper) -> list[int]:
    ends = [*places(view, "attempt_end", "T")[:1], *places(view, "violation", "T")]
    return [
        *places(view, "sleep", "T")[:1],
        *places(view, "lock_taken", "U"),
        *places(view, "wake", "T")[:1],
        *ends,
    ]
