"""Several CPUs over one RAM: who sees an edit when."""

from __future__ import annotations

import pytest

from pyemu.errors import HardwareError
from pyemu.hw import BadValueError, PageFault, TlbArray, TlbConfig, riscv, x86
from pyemu.hw.smp import Smp, look
from tests.hw.machines import ALL, FRAME, RISCV_VA, USER_RW, VA, Machine, MiB, RiscvMachine, registers

PLAIN = TlbConfig((TlbArray(1, 8),))


def machine_and_smp(twin: str, n_cpus: int = 3) -> tuple[Machine, int, Smp]:
    machine = Machine()
    leaf = machine.map()
    smp = Smp(machine.ram, n_cpus, twin, PLAIN)
    for cpu in range(n_cpus):
        smp.load(cpu, registers())
        smp.mmu(cpu).write(VA)
    return machine, leaf, smp


def test_each_target_goes_on_with_the_old_page_until_it_takes_the_interrupt(twin: str) -> None:
    _, leaf, smp = machine_and_smp(twin)
    smp.edit(leaf, (FRAME + 0x5000) | USER_RW)
    shootdown = smp.shoot_down(0, VA)
    assert [smp.mmu(cpu).read(VA) for cpu in range(3)] == [FRAME + 0x5000, FRAME, FRAME]
    assert shootdown.waiting == {1, 2}
    smp.acknowledge(2)
    assert [smp.mmu(cpu).read(VA) for cpu in range(3)] == [FRAME + 0x5000, FRAME, FRAME + 0x5000]
    assert shootdown.waiting == {1}
    assert smp.acknowledge(1) is shootdown
    assert shootdown.done
    assert smp.mmu(1).read(VA) == FRAME + 0x5000


def test_the_stale_entry_window_is_visible(twin: str) -> None:
    _, leaf, smp = machine_and_smp(twin)
    assert [smp.stale(cpu) for cpu in range(3)] == [[], [], []]
    smp.edit(leaf, (FRAME + 0x5000) | USER_RW)
    assert [len(smp.stale(cpu)) for cpu in range(3)] == [1, 1, 1]
    smp.shoot_down(0, VA)
    assert [len(smp.stale(cpu)) for cpu in range(3)] == [0, 1, 1]
    (stale,) = smp.stale(1)
    assert (stale.entry.pfn, stale.now and stale.now.pfn) == (FRAME >> 12, (FRAME + 0x5000) >> 12)
    smp.acknowledge(1)
    assert smp.stale(1) == []


@pytest.mark.parametrize(
    ("entry", "gone"),
    [
        (0, True),
        (FRAME | x86.P | x86.US, True),
        (FRAME | x86.P | x86.RW, True),
        (FRAME | USER_RW | x86.NX, True),
        (FRAME | USER_RW, False),  # D was taken away: a write through the cached entry is lost to the kernel,
        (FRAME | USER_RW | x86.A | x86.D | 1 << 9, False),  # but the translation is the same
    ],
)
def test_what_makes_an_entry_stale(twin: str, entry: int, gone: bool) -> None:
    _, leaf, smp = machine_and_smp(twin)
    smp.edit(leaf, entry)
    assert bool(smp.stale(0)) is gone


def test_looking_for_stale_entries_sets_no_bits(twin: str) -> None:
    machine, leaf, smp = machine_and_smp(twin)
    smp.edit(leaf, FRAME | USER_RW)
    before = bytes(machine.ram)
    smp.stale(0)
    assert machine.ram == before


def test_a_piece_of_a_large_page_is_compared_as_a_piece(twin: str) -> None:
    machine = Machine()
    leaf = machine.map(0x4020_0000, 6 * MiB, level=2)
    smp = Smp(machine.ram, 1, twin, PLAIN)
    smp.load(0, registers())
    smp.mmu(0).read(0x4020_5000)
    assert smp.stale(0) == []
    smp.edit(leaf, 8 * MiB | USER_RW | x86.PS)
    ((entry, now),) = smp.stale(0)
    assert now is not None
    assert (entry.pfn << 12, now.pfn << 12, now.size) == (6 * MiB + 0x5000, 8 * MiB + 0x5000, 4096)


def test_entries_of_another_pcid_are_compared_with_its_own_tables(twin: str) -> None:
    _, leaf, smp = machine_and_smp(twin, 1)
    smp.load(0, registers(pcid=1))
    smp.mmu(0).read(VA)
    smp.load(0, registers(pcid=2, no_flush=True))
    assert smp.stale(0) == []
    smp.edit(leaf, 0)
    assert [stale.entry.asid for stale in smp.stale(0)] == [1, 0]


def test_a_target_that_runs_another_pcid_invalidates_by_invpcid(twin: str) -> None:
    machine = Machine()
    leaf = machine.map()
    smp = Smp(machine.ram, 2, twin, PLAIN)
    for cpu in (0, 1):
        smp.load(cpu, registers(pcid=1))
        smp.mmu(cpu).read(VA)
    smp.load(1, registers(pcid=2, no_flush=True))
    smp.edit(leaf, 0)
    smp.shoot_down(0, VA)
    assert len(smp.stale(1)) == 1
    smp.acknowledge(1)
    assert smp.stale(1) == []


def test_interrupts_are_taken_in_order_and_counted(twin: str) -> None:
    machine, _, smp = machine_and_smp(twin)
    second = VA + 0x1000
    machine.map(second, FRAME + 0x1000)
    first_one, second_one = smp.shoot_down(0, VA), smp.shoot_down(1, second, targets=[2])
    assert smp.pending(2) == (first_one, second_one)
    assert smp.pending(1) == (first_one,)
    assert [smp.acknowledge(2), smp.acknowledge(2)] == [first_one, second_one]
    counted = {item.what: item.n for cpu in range(3) for item in smp.ledger(cpu).items if "IPI" in item.what}
    assert counted == {"IPIs sent": 0, "IPIs handled": 2}
    sent = [item.n for cpu in (0, 1) for item in smp.ledger(cpu).items if item.what == "IPIs sent"]
    assert sent == [2, 1]


def test_a_cpu_without_registers_is_no_target(twin: str) -> None:
    machine = Machine()
    machine.map()
    smp = Smp(machine.ram, 3, twin)
    smp.load(0, registers())
    smp.load(2, registers())
    assert smp.shoot_down(0, VA).waiting == {2}
    assert smp.stale(1) == []


def test_harts_shoot_down_by_sfence(twin: str) -> None:
    machine = RiscvMachine()
    leaf = machine.map()
    smp = Smp(machine.ram, 2, twin)
    for cpu in (0, 1):
        smp.load(cpu, machine.hart(asid=5 + cpu))
        smp.mmu(cpu).read(RISCV_VA)
    smp.edit(leaf, riscv.entry_of(FRAME, ALL & ~riscv.W))
    shootdown = smp.shoot_down(0, RISCV_VA)
    assert (len(smp.stale(0)), len(smp.stale(1))) == (0, 2)  # in both levels
    smp.acknowledge(1)
    assert (shootdown.done, smp.stale(1)) == (True, [])
    with pytest.raises(riscv.PageFault):
        smp.mmu(1).write(RISCV_VA)


def test_a_look_ignores_what_the_cpu_may_do() -> None:
    machine = Machine()
    machine.map(flags=x86.P | x86.NX)
    cpu = registers(smap=True, smep=True)
    entry = look(memoryview(machine.ram), cpu, VA)
    assert entry is not None
    assert (entry.pfn, entry.flags) == (FRAME >> 12, x86.NX)
    with pytest.raises(PageFault):
        x86.access(machine.ram, cpu, VA, "read", twin="ref")


def test_wrong_calls_are_refused(twin: str) -> None:
    _, _, smp = machine_and_smp(twin)
    with pytest.raises(BadValueError, match="the CPU is 0x3"):
        smp.mmu(3)
    with pytest.raises(BadValueError, match="CPU 1 has no pending interrupt"):
        smp.acknowledge(1)
    with pytest.raises(BadValueError, match="n_cpus is 0x0"):
        Smp(bytearray(4096), 0, twin)
    with pytest.raises(HardwareError, match=r"call load\(Registers"):
        Smp(bytearray(4096), 1, twin).shoot_down(0, VA)
    with pytest.raises(BadValueError, match="the CPU is 0x9"):
        smp.shoot_down(0, VA, targets=[9])
    smp.mmu(0).load(registers(pcid=7))
    smp.mmu(0).read(VA)
    with pytest.raises(
        BadValueError, match=r"0x7, whose tables are unknown; load registers through Smp\.load"
    ):
        smp.stale(0)
