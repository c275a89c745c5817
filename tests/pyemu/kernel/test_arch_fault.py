"""One fault handler for every architecture but x86: what the rows of `pyemu.arches` say is what happens."""

from __future__ import annotations

from typing import Any

import pytest

from pyemu import Scenario, Tree, run
from pyemu.arches import ARCHES, X86, Accounting, Arch, PageFaults, PerfFlt, Reaction, arch_of
from pyemu.effects.entries import my_zero_pfn, set_pte_if_none
from pyemu.effects.handles import Vma
from pyemu.effects.locks import up_read
from pyemu.errors import ScenarioError, TreeError
from pyemu.flags import (
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_KILLABLE,
    FAULT_FLAG_TRIED,
    FAULT_FLAG_USER,
    FAULT_FLAG_WRITE,
    SIGBUS,
    SIGSEGV,
    VM_FAULT_COMPLETED,
    VM_FAULT_MAJOR,
    VM_FAULT_OOM,
    VM_FAULT_RETRY,
    VM_FAULT_SIGBUS,
    VM_FAULT_SIGSEGV,
)
from pyemu.machine import Result
from tests.pyemu.scenes import COPY, READ, WAIT, WAKE, WRITE, V, monitor, pause, scene, send, task, victim

V1 = V + 4096
COPY_OF_KERNEL = {"do": "tmpfs_write", "area": "V", "page": 1}
ROWS = pytest.mark.parametrize("arch", ARCHES, ids=lambda arch: arch.name)
OTHERS = [arch for arch in ARCHES if arch is not X86]
RETRYING = [arch for arch in OTHERS if arch.reaction is not Reaction.NONE]


def on(arch: Arch | str, *tasks: dict[str, Any], **keys: Any) -> Scenario:
    name = arch if isinstance(arch, str) else arch.name
    machine = {"arch": name, "max_ticks": 200_000}
    return scene(*tasks, machine=machine, permits=["spin", "SIGBUS"], **keys)


def file_read(arch: Arch | str) -> Scenario:
    """T reads a page that the disk has to bring."""
    area = {"userfaultfd": False, "file": "F", "shared": True, "prot": "r"}
    return on(arch, victim(), area=area, files=[{"name": "F", "pages": 4}])


def answers(*bits: int, sends: int = 0) -> Any:
    """A handle_mm_fault that gives these results, one after the other, and then the page."""
    left = list(bits)

    async def handle_mm_fault(vma: Vma, address: int, flags: int) -> int:
        mm = await vma.vm_mm
        fault = left.pop(0) if left else 0
        if fault & VM_FAULT_RETRY:
            await up_read(mm)
        if not fault & ~VM_FAULT_MAJOR:
            zero = await my_zero_pfn()
            await set_pte_if_none(mm, address, zero, True)
        return fault

    return {"handle_mm_fault": handle_mm_fault}


def flags_of(result: Result) -> list[int]:
    return [int(event.a) for event in result.trace.select("attempt", task="T")]


# ------------------------------------------------------------------------------ SIGKILL in a kernel copy


def killed_copy(arch: Arch) -> Scenario:
    """The scenario B7 on another architecture."""
    late = (pause(1_000), send("SIGKILL"), pause(50_000), COPY)
    return on(arch, task("T", COPY_OF_KERNEL), monitor(WAIT, *late))


def reaction_of(result: Result) -> Reaction:
    """Read from a run what a fault of kernel code did when SIGKILL ended its wait."""
    stats = result.tasks["T"].stats
    if stats["spins"]:
        assert result.ticks > 50_000, "it could not die before the page was there"
        return Reaction.REPEAT
    if result.tasks["T"].outcome == "EFAULT":
        return Reaction.NONE
    assert result.tasks["T"].outcome == "killed:9"
    assert result.ticks < 2_000
    return Reaction.FIXUP


# The table of P3 in the series, and sparc64: it leaves by another way, and runs the instruction again too.
LIVELOCK = {
    *("alpha", "hexagon", "ia64", "m68k", "microblaze", "mips", "nios2", "openrisc", "parisc", "riscv"),
    *("sparc32", "unicore32", "xtensa", "sparc64"),
}
FIXUP = {"x86", "arc", "arm", "arm64", "powerpc", "nds32", "sh", "s390", "um"}


@pytest.mark.parametrize("tree", [Tree.before, Tree.after], ids=str)
def test_b7_by_runs_fourteen_handlers_run_the_kernel_instruction_again_nine_take_the_fixup(
    tree: Tree,
) -> None:
    by_runs = {arch.name: reaction_of(run(killed_copy(arch), tree)) for arch in ARCHES}
    assert {name for name, found in by_runs.items() if found is Reaction.REPEAT} == LIVELOCK
    assert {name for name, found in by_runs.items() if found is Reaction.FIXUP} == FIXUP
    assert {name for name, found in by_runs.items() if found is Reaction.NONE} == {"csky"}


@ROWS
def test_b7_by_runs_is_what_the_rows_say(arch: Arch) -> None:
    same = {Reaction.EXIT: Reaction.REPEAT, Reaction.OPEN: Reaction.FIXUP}
    for tree in (Tree.before, Tree.after):
        assert reaction_of(run(killed_copy(arch), tree)) is same.get(arch.reaction, arch.reaction)


SIDES = [Tree.before, Tree.upto(7), Tree.upto(8), Tree.after, Tree.v5_7]


@ROWS
@pytest.mark.parametrize("tree", SIDES, ids=str)
@pytest.mark.parametrize("step", [READ, COPY_OF_KERNEL], ids=["user", "kernel"])
def test_a_fault_that_sigkill_ends_releases_no_lock_that_it_does_not_hold(
    arch: Arch, tree: Tree, step: dict[str, Any]
) -> None:
    first = [] if tree.policies.retry_once else [WAIT, WAKE]  # then it is a later attempt that is killed
    killer = monitor(*first, WAIT, pause(100), send("SIGKILL"), pause(900), COPY)
    result = run(on(arch, task("T", step), killer), tree)
    assert {one.rule for one in result.violations} <= {"I3", "I6"}
    if step is READ and arch.reaction is not Reaction.NONE:
        assert result.tasks["T"].stats["attempts"] == len(first) // 2 + 1  # it does not try again


@pytest.mark.parametrize(("tree", "outcome"), [(Tree.before, "EFAULT"), (Tree.after, "ret=4096")], ids=str)
def test_powerpc_once_left_for_a_retry_that_it_had_not_allowed(tree: Tree, outcome: str) -> None:
    scenario = on("powerpc", task("T", COPY_OF_KERNEL), area={"userfaultfd": False})
    result = run(scenario, tree, answers(VM_FAULT_RETRY, VM_FAULT_RETRY))
    assert result.tasks["T"].outcome == outcome


ALIVE = [one for one in RETRYING if one.gone_in is None]


@pytest.mark.parametrize("arch", ALIVE, ids=lambda arch: arch.name)
def test_a_completed_fault_is_over_and_its_lock_is_gone(arch: Arch) -> None:
    async def handle_mm_fault(vma: Vma, address: int, flags: int) -> int:
        mm = await vma.vm_mm
        zero = await my_zero_pfn()
        await set_pte_if_none(mm, address, zero, True)
        await up_read(mm)
        return VM_FAULT_COMPLETED

    scenario = on(arch, task("T", READ), area={"userfaultfd": False})
    result = run(scenario, Tree.later("6.1"), {"handle_mm_fault": handle_mm_fault})
    assert result.violations == ()
    assert (result.tasks["T"].outcome, result.tasks["T"].stats["attempts"]) == ("ret=0", 1)


REPAIRED_IN_6_0 = {"mips", "xtensa"}


@pytest.mark.parametrize("arch", [arch for arch in ARCHES if not arch.gone_in], ids=lambda arch: arch.name)
def test_b7_was_repaired_by_6_3_everywhere_and_on_two_before(arch: Arch) -> None:
    for release in ("6.0", "6.2"):
        early = reaction_of(run(killed_copy(arch), Tree.later(release)))
        assert (early is Reaction.REPEAT) == (arch.repeats and arch.name not in REPAIRED_IN_6_0)
    for release in ("6.3", "6.12"):
        assert reaction_of(run(killed_copy(arch), Tree.later(release))) is Reaction.FIXUP
    if arch.repeats:
        assert reaction_of(run(killed_copy(arch), Tree.later("5.9"))) is Reaction.REPEAT


@pytest.mark.parametrize("arch", OTHERS, ids=lambda arch: arch.name)
def test_a_fault_of_user_mode_dies_at_once_everywhere(arch: Arch) -> None:
    late = (pause(1_000), send("SIGKILL"), pause(50_000), COPY)
    for tree in (Tree.before, Tree.after):
        result = run(on(arch, task("T", READ), monitor(WAIT, *late)), tree)
        assert result.tasks["T"].outcome in ("killed:9", "killed:7")
        assert result.ticks < 2_000


# ------------------------------------------------------------------------------ counting


# minor and major faults of the task, page-faults, minor-faults, major-faults of perf: of a fault that waited
# for the disk in its first attempt.
BEFORE = {
    **dict.fromkeys(
        ("x86", "arm64", "powerpc", "riscv", "s390", "sh", "sparc32", "sparc64"), (0, 1, 1, 0, 1)
    ),
    **dict.fromkeys(("arm", "mips", "nds32"), (0, 1, 2, 0, 1)),
    **dict.fromkeys(("alpha", "hexagon", "ia64", "m68k", "microblaze", "nios2"), (0, 1, 0, 0, 0)),
    **dict.fromkeys(("openrisc", "parisc", "unicore32", "um"), (0, 1, 0, 0, 0)),
    "arc": (1, 0, 1, 1, 0),
    "xtensa": (0, 1, 1, 1, 0),
    "csky": (0, 1, 1, 0, 1),
}
AFTER = {
    **BEFORE,
    **dict.fromkeys(("riscv", "s390", "sh", "sparc32", "sparc64"), (1, 1, 1, 1, 1)),
    **dict.fromkeys(("arm", "mips", "nds32"), (1, 1, 2, 1, 1)),
    **dict.fromkeys(("alpha", "hexagon", "ia64", "m68k", "microblaze", "nios2"), (1, 1, 0, 0, 0)),
    **dict.fromkeys(("openrisc", "parisc", "unicore32", "um"), (1, 1, 0, 0, 0)),
    "xtensa": (1, 1, 1, 0, 1),
}
COUNTERS = ("min_flt", "maj_flt", "page-faults", "minor-faults", "major-faults")


def counted(result: Result) -> tuple[int, ...]:
    return tuple(result.tasks["T"].counters[name] for name in COUNTERS)


@ROWS
def test_how_a_fault_that_waited_for_the_disk_is_counted(arch: Arch) -> None:
    for tree in (Tree.before, Tree.upto(12)):
        result = run(file_read(arch), tree)
        assert counted(result) == BEFORE[arch.name], tree
        assert result.tasks["T"].stats["attempts"] == (1 if arch.name == "csky" else 2)
    for tree in (Tree.upto(13), Tree.v5_7):
        assert counted(run(file_read(arch), tree)) == AFTER[arch.name], tree


@pytest.mark.parametrize("release", ["5.10", "6.1", "6.12"])
@ROWS
def test_from_5_9_on_all_count_by_one_rule(arch: Arch, release: str) -> None:
    if arch.gone_in is not None and tuple(map(int, release.split("."))) >= arch.gone_in:
        with pytest.raises(TreeError, match=f"Linux {release} has no {arch.name}"):
            run(file_read(arch), Tree.later(release))
        return
    heard = (0, 0, 0) if arch.name == "um" else (1, 0, 1)
    assert counted(run(file_read(arch), Tree.later(release))) == (0, 1, *heard)


@ROWS
def test_a_fault_that_is_served_at_once_is_one_minor_fault(arch: Arch) -> None:
    for tree in (Tree.before, Tree.after):
        result = run(on(arch, victim(WRITE), area={"userfaultfd": False}), tree)
        perf = 0 if arch.page_faults is PageFaults.NONE else 1
        minor = {PerfFlt.WITH: (1, 0), PerfFlt.NONE: (0, 0), PerfFlt.FLAGS: (0, 1)}[arch.perf_flt]
        assert counted(result) == (1, 0, perf, *minor)
        assert result.violations == ()


# Where page-faults stands: of an attempt that ends in an error, after one that was retried.
ERRORS = {
    **dict.fromkeys((PageFaults.ENTRY, PageFaults.END), 1),
    PageFaults.ATTEMPT: 2,
    PageFaults.SERVED: 1,
    **dict.fromkeys((PageFaults.DONE, PageFaults.NONE), 0),
}


@pytest.mark.parametrize("arch", RETRYING, ids=lambda arch: arch.name)
def test_what_an_error_after_a_retry_counts(arch: Arch) -> None:
    result = run(on(arch, victim()), Tree.before, answers(int(VM_FAULT_RETRY), int(VM_FAULT_SIGBUS)))
    assert result.tasks["T"].outcome == "SIGBUS(code=2)"
    gated = int(arch.accounting is Accounting.GATED)
    assert counted(result)[:3] == (gated, 0, ERRORS[arch.page_faults])


@ROWS
def test_no_area_counts_page_faults_where_the_count_stands_at_the_entry_or_at_the_end(arch: Arch) -> None:
    gone = {"do": "munmap", "area": "V", "page": 1}
    result = run(on(arch, victim(gone, READ)), Tree.after)
    assert result.tasks["T"].outcome == "SIGSEGV(code=1)"
    assert counted(result) == (0, 0, int(arch.page_faults in (PageFaults.ENTRY, PageFaults.END)), 0, 0)


# ------------------------------------------------------------------------------ flags


@pytest.mark.parametrize("arch", RETRYING, ids=lambda arch: arch.name)
def test_the_flags_of_both_attempts(arch: Arch) -> None:
    first = int(FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE | FAULT_FLAG_USER)
    before = flags_of(run(file_read(arch), Tree.before))
    tried = 0 if arch.name in ("alpha", "parisc", "unicore32") else int(FAULT_FLAG_TRIED)
    assert before == [first, first & ~int(FAULT_FLAG_ALLOW_RETRY) | tried]
    after = flags_of(run(file_read(arch), Tree.upto(13)))
    assert [flags & ~0x200 for flags in after] == [first, first | int(FAULT_FLAG_TRIED)]


@pytest.mark.parametrize("release", ["6.1", "6.12"])
def test_csky_has_a_retry_later(release: str) -> None:
    assert len(flags_of(run(file_read("csky"), Tree.later(release)))) == 2


def test_csky_passes_no_flag_but_write() -> None:
    for tree in (Tree.before, Tree.after):
        assert flags_of(run(on("csky", victim(READ)), tree)) == [0]
        assert flags_of(run(on("csky", victim(WRITE)), tree)) == [int(FAULT_FLAG_WRITE)]


def test_a_copy_of_the_kernel_asks_as_user_mode_on_um_and_as_kernel_elsewhere() -> None:
    def asked(arch: str) -> int:
        program = (task("T", COPY_OF_KERNEL), monitor(WAIT, COPY))
        return flags_of(run(on(arch, *program), Tree.before))[0] & int(FAULT_FLAG_USER)

    assert asked("um")
    assert not asked("arm")
    assert not asked("x86")


# ------------------------------------------------------------------------------ errors


@pytest.mark.parametrize("bits", [VM_FAULT_SIGBUS, VM_FAULT_SIGSEGV, VM_FAULT_OOM], ids=hex)
@pytest.mark.parametrize("arch", OTHERS, ids=lambda arch: arch.name)
def test_an_error_in_user_mode_is_told_with_mmap_sem_released(arch: Arch, bits: int) -> None:
    told = {
        int(VM_FAULT_SIGBUS): "SIGBUS(code=2)",
        int(VM_FAULT_SIGSEGV): "SIGSEGV(code=1)",
        int(VM_FAULT_OOM): "ret=0",
    }
    result = run(on(arch, victim()), Tree.upto(7), answers(int(bits)))
    assert result.tasks["T"].outcome == told[int(bits)]
    assert result.tasks["T"].stats["oom"] == (bits == VM_FAULT_OOM)
    rules = {one.rule for one in result.violations}
    assert rules == (
        {"mmap_sem held on return", "recursive lock", "mmap_sem held on exit"}
        if (arch.name == "csky" and bits == VM_FAULT_OOM)
        else set()
    )


KERNEL_SIGBUS = {"alpha", "openrisc", "sh", "sparc32", "sparc64", "xtensa"}


@pytest.mark.parametrize("bits", [VM_FAULT_SIGBUS, VM_FAULT_SIGSEGV], ids=hex)
@ROWS
def test_an_error_in_kernel_mode_takes_the_fixup_and_six_send_sigbus_as_well(arch: Arch, bits: int) -> None:
    scenario = on(arch, victim(COPY_OF_KERNEL))
    result = run(scenario, Tree.before, answers(*[int(bits)] * 4))
    sent = [int(event.a) for event in result.trace.select("fault_signal", task="T")]
    assert set(sent) == ({int(SIGBUS)} if arch.name in KERNEL_SIGBUS and bits == VM_FAULT_SIGBUS else set())
    assert int(SIGSEGV) not in sent
    assert result.trace.select("fixup", task="T")


def test_sh_releases_mmap_sem_twice_from_patch_8_on_and_not_with_our_fix() -> None:
    def balance(tree: Tree, bits: int) -> list[str]:
        return [one.rule for one in run(on("sh", victim()), tree, answers(int(bits))).violations]

    for bits in (VM_FAULT_SIGBUS, VM_FAULT_SIGSEGV):
        assert balance(Tree.upto(7), bits) == []
        assert balance(Tree.upto(8), bits) == ["bad unlock balance"]
        assert balance(Tree.v5_7, bits) == ["bad unlock balance"]
        assert balance(Tree.v5_7 + "B6", bits) == []
        assert balance(Tree.later("6.12"), bits) == ["bad unlock balance"]
    assert balance(Tree.upto(8), int(VM_FAULT_OOM)) == []


def test_other_architectures_release_it_once_on_every_tree() -> None:
    for arch in OTHERS:
        if arch.name != "sh":
            assert run(on(arch, victim()), Tree.after, answers(int(VM_FAULT_SIGBUS))).violations == ()


# ------------------------------------------------------------------------------ powerpc's dead row; um


def test_a_retry_that_was_not_allowed_is_left_by_powerpc_before_its_patch() -> None:
    def story(arch: str, tree: Tree) -> tuple[int, int, list[str]]:
        area = {"userfaultfd": False, "kind": "faulty"}
        result = run(on(arch, victim(), area=area), tree)
        stats = result.tasks["T"].stats
        rules = [one.rule for one in result.violations if one.rule not in ("I2", "I5", "I6")]
        return stats["exceptions"], stats["attempts"], rules

    left: tuple[int, int, list[str]] = (2, 3, [])
    released = (2, 3, ["bad unlock balance"])
    assert story("powerpc", Tree.upto(6)) == left
    assert story("powerpc", Tree.upto(7)) == released
    assert story("arm64", Tree.upto(5)) == story("arm64", Tree.upto(7)) == released
    assert story("powerpc", Tree.upto(13)) == story("riscv", Tree.upto(13)) == (1, 3, [])


def test_the_late_retry_of_kernel_code_takes_the_fixup_on_powerpc() -> None:
    twice = answers(int(VM_FAULT_RETRY), int(VM_FAULT_RETRY))
    result = run(on("powerpc", victim(COPY_OF_KERNEL)), Tree.upto(6), twice)
    assert [event.kind for event in result.trace.select("fixup", "counter", task="T")][:1] == ["counter"]
    assert len(result.trace.select("fixup", task="T")) == 1


def test_um_asks_again_without_looking_the_area_up_until_the_page_is_mapped() -> None:
    nothing = answers()

    async def handle_mm_fault(vma: Vma, address: int, flags: int) -> int:
        calls.append(address)
        return await nothing["handle_mm_fault"](vma, address, flags) if len(calls) == 3 else 0

    calls: list[int] = []
    result = run(on("um", victim()), Tree.after, {"handle_mm_fault": handle_mm_fault})
    assert len(calls) == 3
    assert result.tasks["T"].stats["exceptions"] == 1
    assert result.tasks["T"].stats["acquisitions"] == 1
    calls.clear()
    assert (
        run(on("riscv", victim()), Tree.after, {"handle_mm_fault": handle_mm_fault})
        .tasks["T"]
        .stats["exceptions"]
        == 3
    )


def test_um_leaves_for_no_signal_but_sigkill() -> None:
    program = (victim(), monitor(WAIT, pause(100), send("SIGUSR1"), pause(1_000), COPY))
    assert run(on("um", *program), Tree.after).spins == 1
    assert run(on("arm", *program), Tree.after).spins == 0


# ------------------------------------------------------------------------------ waiting for mmap_sem


def test_kernel_code_that_must_not_fault_waits_for_the_lock_where_nobody_looks_before() -> None:
    looks = {arch.name for arch in ARCHES if Tree.after.policies_on(arch).waits_with_table}
    assert looks == {
        *("arm", "arm64", "microblaze", "nds32", "nios2", "powerpc", "sparc64", "unicore32", "x86")
    }
    later = {arch.name for arch in ARCHES if not arch.gone_in} - {
        arch.name for arch in ARCHES if arch.gone_in or Tree.later("6.12").policies_on(arch).waits_with_table
    }
    assert later == {"m68k", "openrisc", "parisc", "s390"}


def test_the_lock_of_the_area_is_tried_first_on_six() -> None:
    first = {
        arch.name
        for arch in ARCHES
        if not arch.gone_in and Tree.later("6.12").policies_on(arch).vma_lock_first
    }
    assert first == {"arm", "arm64", "powerpc", "riscv", "s390", "x86"}
    early = {name for name in first if Tree.later("6.4").policies_on(arch_of(name)).vma_lock_first}
    assert early == {"arm64", "powerpc", "s390", "x86"}
    assert not any(Tree.later("6.3").policies_on(arch_of(name)).vma_lock_first for name in first)


@pytest.mark.parametrize(("arch", "locked"), [("riscv", 1), ("mips", 0)])
def test_under_the_lock_of_the_area_mmap_sem_is_not_taken(arch: str, locked: int) -> None:
    result = run(on(arch, victim(WRITE), area={"userfaultfd": False}), Tree.later("6.12"))
    assert result.vmstat.get("vma_lock_success", 0) == locked
    assert result.tasks["T"].stats["acquisitions"] == 1 - locked


# ------------------------------------------------------------------------------ the scenario's key


def test_an_architecture_that_is_unknown_or_has_x86s_past_is_refused() -> None:
    with pytest.raises(ScenarioError, match=r"machine\.arch is 'vax'; it must be one of alpha, arm"):
        scene(victim(), machine={"arch": "vax"})
    with pytest.raises(ScenarioError, match=r"machine\.x86 is '4\.14', and machine\.arch is 'sh'"):
        scene(victim(), machine={"arch": "sh", "x86": "4.14"})
    assert scene(victim()).machine.arch == "x86"


def test_wake_without_filling_is_fatal_once_and_harmless_later_wherever_there_is_a_retry() -> None:
    for arch in RETRYING:
        scenario = on(arch, victim(), monitor(WAIT, WAKE, WAIT, COPY))
        assert run(scenario, Tree.before).tasks["T"].outcome == "SIGBUS(code=2)", arch.name
        assert run(scenario, Tree.after).tasks["T"].outcome == "ret=5", arch.name
