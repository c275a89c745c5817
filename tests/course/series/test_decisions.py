"""The decisions say what the cards of the series say, cell by cell; here the cells stand as literals."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from course.series.decisions import (
    p01_locked,
    p02_hugetlb,
    p03_helper,
    p04_x86,
    p05_arc,
    p06_arm64,
    p07_powerpc,
    p08_sh,
    p11_default,
    p16_blocking,
)
from course.series.decisions.attempt import Attempt, attempts, fault_signal_pending, lock_trouble
from course.series.decisions.p01_locked import Page
from course.series.decisions.p02_hugetlb import FORGETFUL, Walk
from course.series.decisions.p11_default import CALLERS, First
from course.series.decisions.p16_blocking import Fault
from course.series.decisions.records import Action, Decision, Mode, Pending
from pyemu.arches import (
    ARCHES,
    Accounting,
    Arch,
    PageFaults,
    Reaction,
    arch_of,
    converted_by,
)
from pyemu.flags import VM_FAULT_MAJOR, VM_FAULT_OOM, VM_FAULT_RETRY, VM_FAULT_SIGBUS, VM_FAULT_SIGSEGV

USER, KERNEL = Mode.USER, Mode.KERNEL
NONE, SIGNAL, KILL = Pending.NONE, Pending.SIGNAL, Pending.KILL
FIRST, SECOND, SECOND_UNTRIED, NOWAIT = 0x04, 0x20, 0x00, 0x0C
RETRY = int(VM_FAULT_RETRY)
MAJOR = int(VM_FAULT_MAJOR)
FIXUP_OF = {"arm", "nds32", "s390", "x86", "arc", "arm64", "powerpc", "sh"}
LIVELOCK = {
    *("alpha", "hexagon", "ia64", "m68k", "microblaze", "mips", "nios2", "openrisc", "parisc", "riscv"),
    *("sparc32", "unicore32", "xtensa"),
}


def attempt(
    arch: str,
    mode: Mode = USER,
    pending: Pending = NONE,
    fault: int = RETRY,
    flags: int = FIRST,
    major: bool = False,
) -> Attempt:
    return Attempt(arch_of(arch), mode, pending, fault, flags, major)


# ------------------------------------------------------------------------------ rows of architectures


def test_patch_3_converts_sixteen_architectures_in_seventeen_files_and_patches_4_to_8_one_each() -> None:
    rows = converted_by(3)
    assert len(rows) == len({arch.file for arch in rows}) == 17
    assert len({arch.name.removesuffix("32").removesuffix("64") for arch in rows}) == 16
    assert {n: [arch.name for arch in converted_by(n)] for n in range(4, 9)} == {
        4: ["x86"],
        5: ["arc"],
        6: ["arm64"],
        7: ["powerpc"],
        8: ["sh"],
    }


def test_um_is_not_converted_and_csky_has_no_retry() -> None:
    left = [(arch.name, arch.reaction) for arch in ARCHES if arch.patch is None]
    assert left == [("um", Reaction.OPEN), ("csky", Reaction.NONE)]


def test_thirteen_architectures_run_the_same_kernel_instruction_again() -> None:
    assert {arch.name for arch in ARCHES if arch.reaction is Reaction.REPEAT} == LIVELOCK
    assert len(LIVELOCK) == 13
    assert {arch.name for arch in ARCHES if arch.reaction is Reaction.FIXUP} == FIXUP_OF
    assert arch_of("sparc64").reaction is Reaction.EXIT


def test_three_architectures_forget_tried_before_patch_13() -> None:
    retrying = [arch for arch in ARCHES if arch.reaction is not Reaction.NONE]
    assert {arch.name for arch in retrying if not arch.sets_tried} == {"alpha", "parisc", "unicore32"}


def test_who_counts_how() -> None:
    by = {rule: {arch.name for arch in ARCHES if arch.accounting is rule} for rule in Accounting}
    assert by[Accounting.ORED] == {"x86", "arm64", "powerpc"}
    assert by[Accounting.LAST] == {"arc"}
    assert by[Accounting.EACH] == {"csky"}
    assert by[Accounting.GATED] == {
        *("alpha", "arm", "hexagon", "ia64", "m68k", "microblaze", "mips", "nds32", "nios2", "openrisc"),
        *("parisc", "riscv", "s390", "sh", "sparc32", "sparc64", "um", "unicore32", "xtensa"),
    }


def test_where_the_perf_event_page_faults_stands() -> None:
    by = {rule: {arch.name for arch in ARCHES if arch.page_faults is rule} for rule in PageFaults}
    entry = {"x86", "arm64", "powerpc", "riscv", "sparc32", "sparc64", "sh", "s390", "csky"}
    assert by[PageFaults.ENTRY] == entry
    assert by[PageFaults.ATTEMPT] == {"arm", "mips"}
    assert by[PageFaults.SERVED] == {"nds32"}
    assert by[PageFaults.END] == {"arc"}
    assert by[PageFaults.DONE] == {"xtensa"}


# ------------------------------------------------------------------------------ patch 3


@pytest.mark.parametrize(
    ("fault", "pending", "said"),
    [
        *((RETRY, pending, pending is KILL) for pending in Pending),
        *((0, pending, False) for pending in Pending),
    ],
)
def test_the_helper_of_patch_3_says_yes_to_retry_with_sigkill_alone(
    fault: int, pending: Pending, said: bool
) -> None:
    assert fault_signal_pending(fault, pending) is said


@pytest.mark.parametrize("arch", converted_by(3), ids=lambda arch: arch.name)
@pytest.mark.parametrize("side", [p03_helper.before, p03_helper.after], ids=["before", "after"])
def test_sigkill_takes_the_exception_table_or_runs_the_instruction_again(side: Any, arch: Arch) -> None:
    kernel = "fixup" if arch.name in FIXUP_OF else "return"
    assert str(side(Attempt(arch, KERNEL, KILL, RETRY, FIRST))) == kernel
    assert str(side(Attempt(arch, USER, KILL, RETRY, FIRST))) == "return"
    for mode in Mode:
        for pending in (NONE, SIGNAL):
            assert side(Attempt(arch, mode, pending, RETRY, FIRST)).action is Action.RETRY


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (attempt("riscv", fault=RETRY | MAJOR), "retry with 0x20 TRIED, counts maj_flt"),
        (attempt("riscv", fault=RETRY), "retry with 0x20 TRIED, counts min_flt"),
        (attempt("riscv", fault=0, flags=SECOND), "done, unlocks"),
        (attempt("riscv", fault=0), "done, unlocks, counts min_flt"),
        (attempt("alpha"), "retry with 0x0 0, counts min_flt"),
        (attempt("mips"), "retry with 0x20 TRIED, counts page-faults, counts min_flt"),
        (attempt("mips", fault=0, flags=SECOND), "done, unlocks, counts page-faults"),
        (attempt("mips", fault=int(VM_FAULT_OOM)), "error, unlocks, counts page-faults"),
        (attempt("nds32", fault=int(VM_FAULT_OOM)), "error, unlocks"),
        (attempt("nds32", fault=0, flags=SECOND), "done, unlocks, counts page-faults"),
        (attempt("nds32"), "retry with 0x20 TRIED, counts page-faults, counts min_flt"),
        (attempt("xtensa"), "retry with 0x20 TRIED, counts min_flt"),
        (attempt("xtensa", fault=0, flags=SECOND), "done, unlocks, counts page-faults"),
        (attempt("s390", flags=NOWAIT), "pfault, unlocks, counts min_flt"),
        (attempt("s390", flags=NOWAIT, pending=KILL), "return, unlocks"),
        (attempt("s390", KERNEL, KILL, flags=NOWAIT), "fixup, unlocks"),
        (attempt("s390", KERNEL, KILL), "fixup"),
    ],
    ids=str,
)
def test_habits_of_architectures(case: Attempt, said: str) -> None:
    assert str(p03_helper.before(case)) == str(p03_helper.after(case)) == said


# ------------------------------------------------------------------------------ patches 4 to 7


@pytest.mark.parametrize("module", [p04_x86, p05_arc, p06_arm64, p07_powerpc], ids=lambda one: one.__name__)
def test_what_follows_a_retry(module: ModuleType) -> None:
    arch = {"p04_x86": "x86", "p05_arc": "arc", "p06_arm64": "arm64"}.get(
        module.__name__.rpartition(".")[2], "powerpc"
    )
    for side in (module.before, module.after):
        for pending in (NONE, SIGNAL):
            for mode in Mode:
                assert str(side(attempt(arch, mode, pending))) == "retry with 0x20 TRIED"
        for flags in (FIRST, SECOND):
            assert str(side(attempt(arch, USER, KILL, flags=flags))) == "return"
            assert str(side(attempt(arch, KERNEL, KILL, flags=flags))) == "fixup"


@pytest.mark.parametrize(("module", "arch"), [(p04_x86, "x86"), (p07_powerpc, "powerpc")])
@pytest.mark.parametrize("pending", [NONE, SIGNAL])
def test_the_dead_row_left_before_and_releases_a_lock_not_held_after(
    module: ModuleType, arch: str, pending: Pending
) -> None:
    for mode, left in ((USER, "return"), (KERNEL, "fixup")):
        case = attempt(arch, mode, pending, flags=SECOND)
        assert str(module.before(case)) == left
        assert str(module.after(case)) == "done, unlocks, counts min_flt"
        assert lock_trouble(case, module.before(case)) == ""
        assert "bad unlock balance" in lock_trouble(case, module.after(case))


@pytest.mark.parametrize("module", [p04_x86, p06_arm64, p07_powerpc], ids=lambda one: one.__name__)
def test_major_is_remembered_over_the_attempts(module: ModuleType) -> None:
    arch = {"p04_x86": "x86", "p06_arm64": "arm64"}.get(module.__name__.rpartition(".")[2], "powerpc")
    for side in (module.before, module.after):
        assert side(attempt(arch, fault=RETRY | MAJOR)).major
        assert not side(attempt(arch)).major
        assert side(attempt(arch, fault=0, flags=SECOND, major=True)).counted == ("maj_flt",)
        assert side(attempt(arch, fault=MAJOR, flags=SECOND)).counted == ("maj_flt",)
        assert side(attempt(arch, fault=0, flags=SECOND)).counted == ("min_flt",)


def test_arc_counts_what_the_last_attempt_gave() -> None:
    for side in (p05_arc.before, p05_arc.after):
        assert side(attempt("arc", fault=RETRY | MAJOR)) == Decision(Action.RETRY, 0, SECOND)
        assert side(attempt("arc", fault=0, flags=SECOND)).counted == ("page-faults", "min_flt")
        assert side(attempt("arc", fault=MAJOR)).counted == ("page-faults", "maj_flt")
        assert side(attempt("arc", USER, KILL)).counted == ()


# ------------------------------------------------------------------------------ patch 8

OOM, BUS, SEGV = int(VM_FAULT_OOM), int(VM_FAULT_SIGBUS), int(VM_FAULT_SIGSEGV)


@pytest.mark.parametrize(
    ("mode", "pending", "fault", "before", "after", "fixed"),
    [
        (USER, NONE, OOM, "return, unlocks, calls the OOM killer", "=", "="),
        (
            USER,
            KILL,
            OOM,
            "return, unlocks",
            "return, unlocks, calls the OOM killer",
            "return, unlocks, calls the OOM killer",
        ),
        (KERNEL, NONE, OOM, "fixup, unlocks", "=", "="),
        (KERNEL, KILL, OOM, "fixup, unlocks", "=", "="),
        (USER, NONE, BUS, "error, unlocks, sends SIGBUS", "error, unlocks 2 times, sends SIGBUS", "="),
        (USER, NONE, SEGV, "error, unlocks, sends SIGSEGV", "error, unlocks 2 times, sends SIGSEGV", "="),
        (KERNEL, NONE, BUS, "fixup, unlocks, sends SIGBUS", "fixup, unlocks 2 times, sends SIGBUS", "="),
        (KERNEL, NONE, SEGV, "fixup, unlocks", "fixup, unlocks 2 times", "="),
        (
            USER,
            KILL,
            BUS,
            "return, unlocks",
            "error, unlocks 2 times, sends SIGBUS",
            "error, unlocks, sends SIGBUS",
        ),
        (USER, NONE, RETRY, "retry with 0x20 TRIED, counts min_flt", "=", "="),
        (USER, KILL, RETRY, "return", "=", "="),
        (KERNEL, KILL, RETRY, "fixup", "=", "="),
        (USER, KILL, 0, "done, unlocks, counts min_flt", "=", "="),
    ],
)
def test_sh(mode: Mode, pending: Pending, fault: int, before: str, after: str, fixed: str) -> None:
    case = attempt("sh", mode, pending, fault)
    said = [str(side(case)) for side in (p08_sh.before, p08_sh.after, p08_sh.fixed)]
    assert said == [before, before if after == "=" else after, before if fixed == "=" else fixed]


def test_sh_releases_twice_on_sigbus_and_sigsegv_alone_and_never_with_our_fix() -> None:
    for case in attempts(arch_of("sh")):
        if case.fault & RETRY:
            continue
        twice = bool(case.fault & (BUS | SEGV)) and not case.fault & OOM
        assert lock_trouble(case, p08_sh.before(case)) == ""
        assert lock_trouble(case, p08_sh.fixed(case)) == ""
        assert ("bad unlock balance" in lock_trouble(case, p08_sh.after(case))) is twice


# ------------------------------------------------------------------------------ patches 1, 2, 11, 16


@pytest.mark.parametrize(
    ("page", "count", "locked"),
    [
        (Page(1, False, False, 0, RETRY), 0, 0),  # a call that waited: no pages, no error, the lock is gone
        (Page(1, True, False, 0, RETRY), 0, 1),  # FOLL_NOWAIT: no pages, no error, the lock is held
        (Page(1, False, False, 2, RETRY), 2, 0),
        (Page(None, False, False, 0, BUS), -14, None),
        (Page(1, False, False, 1, BUS), 1, 1),  # earlier pages win over the error
        (Page(1, False, False, 0, OOM), -12, 1),
        (Page(1, False, False, 0, 0), None, 1),
    ],
    ids=str,
)
def test_what_locked_says(page: Page, count: int | None, locked: int | None) -> None:
    for side in (p01_locked.before, p01_locked.after):
        assert (side(page).count, side(page).locked) == (count, locked)


def test_s2_gives_the_pages_so_far_and_a_dropped_lock_on_both_sides() -> None:
    s2 = Walk(1, 1, 1, 0, "RETRY", locked=True, nowait=False)
    assert str(p02_hugetlb.before(s2)) == str(p02_hugetlb.after(s2)) == "stop, gives 1, locked 0"


def test_a_callee_that_forgets_the_count_is_caught_by_the_patched_caller_alone() -> None:
    faulty = Walk(1, 1, 1, 0, "RETRY", locked=True, nowait=False, callee=FORGETFUL)
    assert p02_hugetlb.before(faulty).dead_area
    assert str(p02_hugetlb.after(faulty)) == "stop, gives 1, locked 0"


def test_sigkill_in_a_hugetlb_area_is_efault() -> None:
    killed = Walk(0, 1, 1, 0, "SIGKILL", locked=True, nowait=False)
    assert str(p02_hugetlb.after(killed)) == "stop, gives -14, locked 1"


def test_twenty_two_handlers_start_with_both_flags_and_nobody_else() -> None:
    plain = {caller: p11_default.after(First(caller, user=False, write=False)).flags for caller in CALLERS}
    assert sum(word == 0x14 for word in plain.values()) == 23  # of 22 architectures: sparc has two files
    assert {caller: word for caller, word in plain.items() if word != 0x14} == {
        "csky": 0,
        "khugepaged": 0x04,
        "get_user_pages": 0,
    }
    assert p11_default.before(First("get_user_pages", False, False, locked=True, nowait=True)).flags == 0x0C


@pytest.mark.parametrize(
    ("flags", "before", "after"),
    [(0x254, 0x001, 0x001), (0x214, 0x001, 0x001), (0x14, 0x102, 0x102), (0x04, 0x102, 0x002)],
)
def test_the_state_of_a_userfaultfd_sleep(flags: int, before: int, after: int) -> None:
    case = Fault(flags, NONE)
    assert (p16_blocking.before(case).state, p16_blocking.after(case).state) == (before, after)


@pytest.mark.parametrize(
    ("flags", "ends"), [(0x254, {SIGNAL, KILL}), (0x14, {KILL}), (0x04, set())], ids=["0x254", "0x14", "0x4"]
)
def test_what_ends_that_sleep_after_patch_16(flags: int, ends: set[Pending]) -> None:
    assert {one for one in Pending if p16_blocking.after(Fault(flags, one)).ended} == ends
