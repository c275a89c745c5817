"""Walk and TLB against Bochs' CPU: results, error codes, CR2 and every A and D bit."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import pytest

from pyemu.hw import Kind, PageFault, x86
from tests.hw import sequences, single_accesses
from tests.hw.bochs_cpu import BochsCpu, BochsMmu, bochs_process, why_not
from tests.hw.machines import FRAME, ROOT, VA, Machine, registers
from tests.hw.mutants import TLB_MUTANTS, WALK_MUTANTS, Mutant
from tests.hw.oracle import TWINS, Seen

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())

SETS_NO_A_ON_FAULTS = {  # rules for a CPU that does, so Bochs can't tell
    "a-of-upper-levels-kept",
    "a-in-every-faulting-leaf",
    "a-in-no-faulting-leaf",
    "ps-at-level-1",
}
MUTANTS = [mutant for mutant in WALK_MUTANTS if mutant.name not in SETS_NO_A_ON_FAULTS] + [
    Mutant("a-of-upper-levels-forgotten", "for upper in above:", "for upper in ():"),
    Mutant("a-in-spite-of-a-fault", "per_level and (level == 3 or not leaf)", "level == 3 or not leaf"),
]
VISIBLE_TLB_MUTANTS = {  # the others change counts and contents, and no result
    "invlpg-only-l1",
    "invlpg-drops-one-piece",
    "load-keeps-the-tlb",
    "rights-of-hits-ignored",
    "d-walk-forgotten",
    "not-canonical-is-walked",
}


@pytest.fixture(scope="module")
def process() -> Iterator[ProcessPoolExecutor]:
    with bochs_process() as process:
        yield process


def check_singles(process: ProcessPoolExecutor, seed: int, n_accesses: int, n_least: int) -> None:
    report = process.submit(single_accesses.compare, BochsCpu, seed, n_accesses, TWINS).result()
    assert (report.n, report.difference) == (n_accesses, "")
    rare = {name: report.seen[name] for name in single_accesses.wanted(BochsCpu.cpls)}
    assert {name: n for name, n in rare.items() if n < n_least} == {}, "too rare among random accesses"


def test_twenty_thousand_random_accesses_end_as_on_bochs(process: ProcessPoolExecutor) -> None:
    check_singles(process, 0, 20_000, 20)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 104))
def test_a_million_random_accesses_end_as_on_bochs(process: ProcessPoolExecutor, seed: int) -> None:
    check_singles(process, seed, 250_000, 500)


def check_sequences(process: ProcessPoolExecutor, seed: int, n_accesses: int) -> None:
    report = process.submit(sequences.compare, BochsMmu, seed, n_accesses, TWINS).result()
    assert report.difference == ""
    assert report.n >= n_accesses
    least = dict.fromkeys(sequences.wanted(), n_accesses // 1000) | {"without a walk": n_accesses // 4}
    assert {name: report.seen[name] for name, n in least.items() if report.seen[name] < n} == {}


def test_sequences_of_accesses_edits_and_flushes_end_as_on_bochs(process: ProcessPoolExecutor) -> None:
    check_sequences(process, 0, 20_000)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 104))
def test_long_sequences_end_as_on_bochs(process: ProcessPoolExecutor, seed: int) -> None:
    check_sequences(process, seed, 100_000)


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_walk_with_one_wrong_rule_is_noticed(process: ProcessPoolExecutor, mutant: Mutant) -> None:
    report = process.submit(single_accesses.compare, BochsCpu, 7, 10_000, (mutant,)).result()
    assert report.difference, f"{report.n} accesses did not notice the mutant {mutant}"


@pytest.mark.parametrize(
    "mutant", [mutant for mutant in TLB_MUTANTS if mutant.name in VISIBLE_TLB_MUTANTS], ids=str
)
def test_a_tlb_with_one_wrong_rule_is_noticed(process: ProcessPoolExecutor, mutant: Mutant) -> None:
    report = process.submit(sequences.compare, BochsMmu, 7, 40_000, (mutant,)).result()
    assert report.difference, f"{report.n} accesses did not notice the mutant {mutant}"


def test_the_unchanged_copy_agrees(process: ProcessPoolExecutor) -> None:
    same = (Mutant("none", "READ, ", "READ, "),)
    for compare, oracle in ((single_accesses.compare, BochsCpu), (sequences.compare, BochsMmu)):
        assert process.submit(compare, oracle, 7, 5000, same).result().difference == ""


def seen_around(flush: str) -> list[Seen]:
    """What Bochs answers before and after its page moves, and after a flush."""
    machine = Machine()
    leaf = machine.map()
    bochs = BochsMmu(machine.ram, ROOT, spare=0x10000)
    bochs.load(registers(user=False))
    seen = [bochs.access(VA, Kind.READ)]
    x86.write_entry(bochs.ram, leaf, FRAME + 0x1000 | x86.P)
    seen.append(bochs.access(VA, Kind.READ))
    if flush == "invlpg":
        bochs.invlpg(VA)
    elif flush == "reload_cr3":
        bochs.reload_cr3()
    else:
        bochs.set_mode(3, False)
        bochs.set_mode(0, False)
    return [*seen, bochs.access(VA, Kind.READ), bochs.access(VA, Kind.WRITE)]


@pytest.mark.parametrize(("flush", "after"), [("invlpg", 0x1000), ("reload_cr3", 0x1000), ("set_mode", 0)])
def test_bochs_keeps_a_stale_translation_until_it_is_told(
    process: ProcessPoolExecutor, flush: str, after: int
) -> None:
    stale, fresh = Seen(FRAME), Seen(FRAME + after)
    last = Seen(fault=PageFault(3, VA))  # the new entry is read-only
    assert process.submit(seen_around, flush).result() == [stale, stale, fresh, last]
