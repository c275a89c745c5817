"""Walk and TLB against Bochs' CPU: results, error codes, CR2 and every A and D bit."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import pytest

from pyemu.hw import Kind, PageFault, x86
from tests.hw import sequences, single_accesses
from tests.hw.bochs_cpu import BochsCpu, BochsMmu, bochs_process, why_not
from tests.hw.machines import FRAME, ROOT, VA, Machine, registers
from tests.hw.mutants import NONE, WALK_MUTANTS, Mutant
from tests.hw.oracle import TWINS, Seen

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())

SETS_NO_A_ON_FAULTS = {  # rules for a CPU that does, so Bochs can't tell
    "a-of-upper-levels-kept",
    "a-in-every-faulting-leaf",
    "a-in-no-faulting-leaf",
    "ps-at-level-1",
}
MUTANTS = [mutant for mutant in WALK_MUTANTS if mutant.name not in SETS_NO_A_ON_FAULTS] + [
    Mutant("a-of-upper-levels-forgotten", "x86", "for upper in passed:", "for upper in ():"),
    Mutant(
        "a-in-spite-of-a-fault", "x86", "per_level and (level == 3 or not leaf)", "level == 3 or not leaf"
    ),
]


@pytest.fixture(scope="module")
def process() -> Iterator[ProcessPoolExecutor]:
    with bochs_process() as process:
        yield process


@pytest.mark.parametrize(
    ("seed", "n"), [(0, 20_000), *(pytest.param(100 + i, 250_000, marks=pytest.mark.long) for i in range(4))]
)
def test_random_accesses_end_as_on_bochs(process: ProcessPoolExecutor, seed: int, n: int) -> None:
    report = process.submit(single_accesses.compare, BochsCpu, seed, n, TWINS).result()
    single_accesses.verify(report, n, BochsCpu)


@pytest.mark.parametrize(
    ("seed", "n"), [(0, 20_000), *(pytest.param(100 + i, 100_000, marks=pytest.mark.long) for i in range(4))]
)
def test_accesses_among_edits_and_flushes_end_as_on_bochs(
    process: ProcessPoolExecutor, seed: int, n: int
) -> None:
    sequences.verify(process.submit(sequences.compare, BochsMmu, seed, n, TWINS).result(), n)


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_walk_with_one_wrong_rule_is_noticed(process: ProcessPoolExecutor, mutant: Mutant) -> None:
    report = process.submit(single_accesses.compare, BochsCpu, 7, 10_000, (mutant,)).result()
    assert report.difference, f"{report.n} accesses did not notice the mutant {mutant}"


@pytest.mark.parametrize("mutant", sequences.MUTANTS, ids=str)
def test_a_tlb_with_one_wrong_rule_is_noticed(process: ProcessPoolExecutor, mutant: Mutant) -> None:
    report = process.submit(sequences.compare, BochsMmu, 7, 40_000, (mutant,)).result()
    assert report.difference, f"{report.n} accesses did not notice the mutant {mutant}"


def test_the_unchanged_copy_agrees(process: ProcessPoolExecutor) -> None:
    same = (NONE,)
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
    elif flush == "write_cr3":
        bochs.write_cr3(ROOT)
    else:
        bochs.set_mode(3, False)
        bochs.set_mode(0, False)
    return [*seen, bochs.access(VA, Kind.READ), bochs.access(VA, Kind.WRITE)]


@pytest.mark.parametrize(("flush", "after"), [("invlpg", 0x1000), ("write_cr3", 0x1000), ("set_mode", 0)])
def test_bochs_keeps_a_stale_translation_until_it_is_told(
    process: ProcessPoolExecutor, flush: str, after: int
) -> None:
    stale, fresh = Seen(FRAME), Seen(FRAME + after)
    last = Seen(fault=PageFault(3, VA))  # the new entry is read-only
    assert process.submit(seen_around, flush).result() == [stale, stale, fresh, last]
