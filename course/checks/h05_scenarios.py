"""What H5 asks a compiled walk: batches without a fault, batches with one, and a race."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from course.checks.call_case import CallCase, Unwritten
from course.checks.draw import Draw
from course.checks.h05_run import Compiled, compiled, refused, walked
from course.checks.h05_tables import Batch, batch, moved, outside, swapped_out
from course.child_functions import Answers
from pyemu.handler import HandlerFault

__all__ = ["FASTER", "Walked", "equal", "faults", "speed"]

SEEDS = range(100, 140)
N_ADDRESSES, N_RACED, ROUNDS = 400, 5_000, 5
FASTER = 30
"""Right answers were measured at 88 and more, and those that are too slow at 13 and less."""
AS_THE_PROCESSOR = "all as the processor's"
NOTHING = "nothing was touched"
ENOUGH = f"more than {FASTER} times as fast as plain Python"


@dataclass(frozen=True, slots=True)
class Walked:
    """What a walk did with one batch.

    Attributes
    ----------
    given : Batch
        The batch.
    done : object
        What it returned.
    pas : array of uint64, shape (n,)
        What it stored.
    changed : dict of int to int
        The entries that it changed, by their indices.
    """

    given: Batch
    done: Any
    pas: array[int]
    changed: Mapping[int, int]

    def count(self) -> str:
        """Say what was returned."""
        return str(self.done)

    def addresses(self) -> str:
        """Compare the physical addresses."""
        right = self.given.expected()[1]
        for va, mine, pa in zip(self.given.vas, self.pas, right, strict=False):
            if mine != pa:
                return f"{mine:#x} for {va:#x}, where the processor has {pa:#x}"
        return AS_THE_PROCESSOR

    def marks(self) -> str:
        """Compare the entries."""
        before, right = array("Q", self.given.ram), self.given.expected()[2]
        for n, (old, entry) in enumerate(zip(before, right, strict=True)):
            if (mine := self.changed.get(n, old)) != entry:
                return f"{mine:#x} in the entry at {8 * n:#x}, where the processor has {entry:#x}"
        return AS_THE_PROCESSOR

    def after(self) -> str:
        """Say what was touched after the first fault."""
        n_done, _, right = self.given.expected()
        stored = sum(map(bool, self.pas[n_done:]))
        marked = sum(bool(entry & ~right[n]) for n, entry in self.changed.items())
        return f"{stored} results were stored, {marked} entries marked" if stored or marked else NOTHING


def _source(answers: Answers) -> str:
    text = answers.value("SOURCE")
    if text is None:
        raise Unwritten("SOURCE still holds None.")
    if not isinstance(text, str):
        raise HandlerFault("form", "SOURCE must be a text: the Cython source of walk_all, in quotes.")
    return text


def _walks(text: str, batches: tuple[Batch, ...], rounds: int = 0) -> tuple[list[Walked], Mapping[str, Any]]:
    found = walked(text, [one.job() for one in batches], rounds)
    return [
        Walked(one, told["done"], array("Q", bytes.fromhex(told["pas"])), dict(map(tuple, told["changed"])))
        for one, told in zip(batches, found["batches"], strict=True)
    ], found


def _case(
    name: str, happens: str, look: Callable[[str], Mapping[str, Any]], wanted: Mapping[str, Any]
) -> CallCase:
    def asked(answers: Answers) -> Mapping[str, Any]:
        text = _source(answers)
        flag = refused(text)
        return {"refused": flag} if flag else look(text)

    def said(what: str, value: Any) -> str:
        return f"{what}: {value if value is not None else 'none, since the text is refused'}"

    return CallCase(name, happens, asked, wanted, said=said)


def equal(draw: Draw) -> tuple[CallCase, ...]:
    """Two batches without a fault: the second has the same pages in other frames."""
    first = batch(draw("tables", SEEDS), N_ADDRESSES)
    names = ("the first tables", "the moved pages")
    wanted: dict[str, Any] = {}
    for name in names:
        wanted[f"count for {name}"] = str(N_ADDRESSES)
        wanted[f"addresses for {name}"] = wanted[f"A and D for {name}"] = AS_THE_PROCESSOR

    def look(text: str) -> Mapping[str, Any]:
        walks, _ = _walks(text, (first, moved(first)))
        given: dict[str, Any] = {"walks": walks}
        for name, one in zip(names, walks, strict=True):
            given[f"count for {name}"] = one.count()
            given[f"addresses for {name}"] = one.addresses()
            given[f"A and D for {name}"] = one.marks()
        return given

    happens = (
        f"Two calls with {N_ADDRESSES} accesses each. Before the second one, the kernel has moved every page."
    )
    return (_case("no fault", happens, look, wanted),)


def faults(draw: Draw) -> tuple[CallCase, ...]:
    """A page is missing; one is swapped out; a table lies behind the RAM, and its first entry is needed."""
    seed = draw("tables", SEEDS)
    missing, full = batch(seed, N_ADDRESSES, faults=True), batch(seed, N_ADDRESSES)
    swapped, beyond, next_entry = swapped_out(full), outside(full), outside(full, next_entry=True)
    return (
        _case(
            "a page that is missing",
            "After two thirds of the accesses, some go where no page is.",
            partial(_stopped, missing, "missing"),
            _stops(missing),
        ),
        _case(
            "a page that was swapped out",
            "The last page that is needed lies on a disk. Its entry says where; its bit 0 is clear.",
            partial(_stopped, swapped, "swapped"),
            _stops(swapped),
        ),
        _case(
            "a table outside",
            "An entry of level 4 names a table behind the last entry of ram, where other data lies.",
            partial(_stopped, beyond, "outside"),
            _stops(beyond),
        ),
        _case(
            "the first entry outside",
            "The same, and the entry that is needed there is the first one behind the last entry of ram.",
            partial(_stopped, next_entry, "first entry"),
            _stops(next_entry),
        ),
    )


def _stops(given: Batch) -> Mapping[str, Any]:
    return {"count": str(given.expected()[0]), "after the fault": NOTHING}


def _stopped(given: Batch, kind: str, text: str) -> Mapping[str, Any]:
    (one,), _ = _walks(text, (given,))
    return {"count": one.count(), "after the fault": one.after(), kind: one}


def speed(draw: Draw) -> tuple[CallCase, ...]:
    """A race against plain Python."""
    raced = batch(draw("tables", SEEDS), N_RACED)

    def look(text: str) -> Mapping[str, Any]:
        made: Compiled = compiled(text)
        (one,), found = _walks(text, (raced,), ROUNDS)
        enough = found["ratio"] > FASTER
        shown = f"; objects in {made.marked[0]!r}" if made.marked else ""
        return {
            "speed": ENOUGH if enough else f"less than {FASTER} times{shown}",
            "addresses": one.addresses(),
            "compiled": made,
            "kind": found["kind"],
            "calls": found["calls"],
        }

    happens = f"{N_RACED} accesses, by your walk and by plain Python, in turns."
    return (_case("a race", happens, look, {"addresses": AS_THE_PROCESSOR, "speed": ENOUGH}),)
