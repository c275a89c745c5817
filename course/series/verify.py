"""One verdict a patch: what it changes is shown by runs, or it is proven that nothing can be seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from course.series.decisions.pair import Pair
from course.series.mutants import Survivors, survivors
from course.series.pairs import ALSO, PAIRS, RENAMED
from course.series.patches import PATCHES, Patch
from course.series.proof import Proof, prove, same_but_for_names
from course.series.showings import SHOWINGS, UNCHANGED, Showing, Shown, run_showing

__all__ = [
    "Found",
    "Verdict",
    "by_decision",
    "by_names",
    "by_runs",
    "by_sameness",
    "verify",
    "verify_patch",
]

NAMES_ONLY = (1, 11)
EMULATED = (3, 4, 5, 6, 7, 8)  # what follows handle_mm_fault, in each fault handler
EXACT = (8,)  # whose tables tell how an error ends


@dataclass(frozen=True, slots=True)
class Found:
    """What one check found.

    Attributes
    ----------
    facts : tuple of str
        What is so, a phrase each.
    wrong : tuple of str
        What should not be so, a sentence each.
    """

    facts: tuple[str, ...]
    wrong: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the checks of one patch found.

    Attributes
    ----------
    patch : Patch
        Which.
    how : str
        How it was checked.
    found : tuple of Found
        One a check.
    """

    patch: Patch
    how: str
    found: tuple[Found, ...]

    @property
    def holds(self) -> bool:
        """Whether there was a check, and none found something wrong."""
        return bool(self.found) and not self.wrong

    @property
    def facts(self) -> tuple[str, ...]:
        """What is so."""
        return tuple(fact for one in self.found for fact in one.facts)

    @property
    def wrong(self) -> tuple[str, ...]:
        """What should not be so."""
        if not self.found:
            return ("Nothing shows this patch: it has neither a scenario nor a decision table.",)
        return tuple(sentence for one in self.found for sentence in one.wrong)


def verify() -> Iterator[Verdict]:
    """Check all patches, in order."""
    return (verify_patch(patch) for patch in PATCHES)


def verify_patch(
    patch: Patch,
    pairs: Mapping[int, Pair] = PAIRS,
    showings: Mapping[int, Sequence[Showing]] = SHOWINGS,
) -> Verdict:
    """Check one patch.

    Parameters
    ----------
    patch : Patch
        Which.
    pairs : mapping of int to Pair
        Patch -> the decision that it changes in code.
    showings : mapping of int to sequence of Showing
        Patch -> the scenarios that show it.

    Returns
    -------
    Verdict
        It holds when everything that belongs to the patch holds, and something does.
    """
    number = patch.number
    found = [by_runs(number, run_showing(showing)) for showing in showings.get(number, ())]
    found += [by_sameness(run_showing(showing)) for showing in UNCHANGED.get(number, ())]
    how = ["runs"] if found else []
    if number in pairs:
        pair = pairs[number]
        how.append("names only" if number in NAMES_ONLY else "decision table")
        found.append(by_decision(prove(pair), survivors(pair)))
        if number in EMULATED:
            found.append(by_emulator(number, pair))
        if number in RENAMED:
            found.append(by_names(pair, RENAMED[number]))
    others = ALSO.get(number, ())
    found += [by_decision(prove(other), survivors(other), f"{other.name}: ") for other in others]
    if number in EMULATED and number in pairs and "runs" not in how:
        how.insert(0, "runs")
    return Verdict(patch, " and ".join(reversed(how)), tuple(found))


def by_runs(number: int, shown: Shown) -> Found:
    """Judge what a scenario gave: it changes at this patch, and at no other that is not named."""
    showing = shown.showing
    wrong = list(shown.wrong)
    if showing.changes and number not in showing.changes:
        wrong.append(f"{showing.title} is not said to change at patch {number}.")
    if shown.changes != showing.changes:
        did, should = _listed(shown.changes), _listed(showing.changes)
        wrong.append(f"{showing.title} changes at {did}; it should at {should}.")
    others = [one for one in showing.changes if one != number]
    told = f"{showing.title}: {showing.told(number)}" if number in showing.changes else showing.title
    also = f"; it changes at {_listed(others)} as well" if others else "; at no other patch"
    if not showing.changes:
        also = ": the same on every tree"
    return Found((told + also,), tuple(wrong))


def by_sameness(shown: Shown) -> Found:
    """Judge what a scenario gave that should be the same on every tree."""
    wrong = list(shown.wrong)
    if shown.changes:
        wrong.append(f"{shown.showing.title} changes at {_listed(shown.changes)}; it should at no patch.")
    return Found((f"{shown.showing.title}: the same on all trees",), tuple(wrong))


def by_decision(proof: Proof, planted: Survivors, premise: str = "") -> Found:
    """Judge a comparison of both sides, and what became of faults planted in them."""
    facts = []
    if proof.rows:
        facts.append(f"differs in {_counted(proof.rows)} of {proof.n_reachable:,} inputs that can happen")
    else:
        facts.append(f"equal on all {proof.n_reachable:,} inputs that can happen")
    dead = {row: n for row, n in proof.dead.items() if row not in proof.rows}
    if dead:
        facts.append(f"differs where nothing can come: {_counted(dead)}")
    facts += [f"{trouble} ({n:,})" for trouble, n in proof.troubles.items()]
    facts.append(_planted(planted))
    facts[0] = premise + facts[0]
    wrong = [f"{one}." for one in proof.wrong[:3]]
    if len(proof.wrong) > len(wrong):
        wrong.append(f"{len(proof.wrong) - len(wrong):,} inputs more are wrong.")
    wrong += [f"A planted fault went unnoticed, or is named and was noticed: {one}." for one in planted.wrong]
    return Found(tuple(facts), tuple(wrong))


def by_emulator(number: int, pair: Pair) -> Found:
    """Judge the emulator's fault handlers: on both sides of a patch they decide as the tables say."""
    from course.series.emulated import agreement, reachable, sides

    cases, fixed = reachable(pair), next(iter(ALSO.get(number, ())), None)
    found = [agreement(tree, side, cases, number in EXACT) for tree, side in sides(number, pair, fixed)]
    trees = ", ".join(str(one.tree) for one in found)
    told = f"the emulator decides alike in {len(cases):,} runs on each of {trees}"
    n_arches = len({case.arch for case in cases})
    told += f", with {n_arches} fault handlers" if n_arches > 1 else ""
    wrong = [sentence for one in found for sentence in one.wrong]
    more = [f"{len(wrong) - 3:,} runs more decide otherwise."] if len(wrong) > 3 else []
    return Found((told,), (*wrong[:3], *more))


def by_names(pair: Pair, names: Mapping[str, str]) -> Found:
    """Judge a rename: both sides have the same text once the names are exchanged."""
    told = ", ".join(f"{old} is now {new}" for old, new in names.items())
    if same_but_for_names(pair.before, pair.after, names):
        return Found((f"the same text but for {told}",))
    return Found((), (f"Before and after differ in more than {told}.",))


def _planted(planted: Survivors) -> str:
    said = f"{planted.n_noticed} of {planted.n_planted} planted faults noticed"
    idle = len(planted.equivalent)
    return (
        f"{said}, {idle} changes nothing" if idle == 1 else f"{said}, {idle} change nothing" if idle else said
    )


def _counted(rows: Mapping[str, int]) -> str:
    return ", ".join(f"{row} ({n:,})" for row, n in rows.items())


def _listed(numbers: Sequence[int]) -> str:
    if not numbers:
        return "no patch"
    *most, last = map(str, numbers)
    return f"patches {', '.join(most)} and {last}" if most else f"patch {last}"
