"""Experiments that nobody stored: what a real kernel must do in them, worked out by hand.

Each row says what the kernel does and what forces it: a stored row of a neighbour, or a fact of
`course/facts.toml`. None of it was taken from the emulator. Where a value is the same for every kernel or
every access of a kind, one rule stands for all of them, and the whole table of experiments is run against it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from course.conform.experiment import ACCESSES, Experiment, Side
from course.conform.kernels import kernel_of
from course.conform.prediction import predict
from course.conform.script import Script
from course.conform.script_prediction import predict_script
from course.conform.sequence import predict_step
from course.conform.slow_file import SlowFault, predict_slow
from pyemu import Tree

COUNTERS = ("minflt", "sw_page_faults", "sw_page_faults_min")
KERNELS = ("5.4.59", "5.7.14", "5.10.223", "6.1.176", "6.12.107", "6.18.44", "7.2.13")
OLD = ("5.4.59",)
SPIN = -1  # a busy loop: at least two messages


def told(kernel: str, access: str, event: str, mem: str = "anon") -> dict[str, Any]:
    """What the emulator says, the minor counters as the difference to the event none."""
    ran = kernel_of(kernel)
    got = predict(Experiment(access, event, mem), ran.tree, ran.computer).fields
    none = predict(Experiment(access, "none", mem), ran.tree, ran.computer).fields
    return {**got, **{name: int(got[name]) - int(none[name]) for name in COUNTERS}}


# ------------------------------------------------------------- user mode, also of shared memory
# Shared memory waits in shmem_fault, which gives what handle_userfault gives: rows of anon stand for it.


class Row(NamedTuple):
    """One experiment and why it ends so; counters are minor, major, sw, and sw minor."""

    kernels: tuple[str, ...]
    access: str
    mem: str
    event: str
    outcome: str
    messages: int
    counters: tuple[int, int, int, int]
    because: str


EARLY = ("5.4.59", "5.7.14")
RETRIES = ("5.7.14", "5.10.223", "6.1.176", "6.12.107", "6.18.44", "7.2.13")
COUNTS_ONCE = ("5.10.223", "6.1.176")
VMA_FIRST = ("6.12.107", "6.18.44", "7.2.13")

USER = [
    Row(
        OLD,
        "user_read",
        "anon",
        "sig3",
        "ret=5",
        4,
        (3, 1, 3, 3),
        "one NOPAGE, counted minor, a signal: as sig1",
    ),
    Row(
        ("5.7.14",),
        "user_read",
        "anon",
        "sig3",
        "ret=5",
        4,
        (0, 1, 3, 0),
        "a signal costs an exception, no count",
    ),
    Row(
        COUNTS_ONCE,
        "user_write",
        "anon",
        "sig3",
        "ret=7",
        4,
        (0, 1, 3, 0),
        "the last exception had TRIED: major",
    ),
    Row(
        VMA_FIRST,
        "user_write",
        "anon",
        "sig3",
        "ret=7",
        4,
        (0, 0, 3, 0),
        "each begins under the VMA lock: minor",
    ),
    Row(
        OLD,
        "user_read",
        "anon",
        "wake5",
        "SIGBUS(code=2)",
        1,
        (0, 0, 0, 0),
        "the first wake is fatal, as in wake1",
    ),
    Row(("5.7.14",), "user_read", "anon", "wake20", "ret=5", 21, (0, 1, 0, 0), "N + 1 messages for every N"),
    Row(COUNTS_ONCE, "user_write", "shmem", "wake5", "ret=7", 6, (0, 1, 0, 0), "as wake3 of anon"),
    Row(
        VMA_FIRST,
        "user_read",
        "shmem",
        "wake20",
        "ret=5",
        21,
        (-1, 1, 0, -1),
        "from the third attempt on TRIED",
    ),
    Row(OLD, "user_write", "shmem", "sig1r", "ret=7", 2, (1, 1, 1, 1), "as anon: shmem hands NOPAGE on"),
    Row(OLD, "user_read", "shmem", "wake1", "SIGBUS(code=2)", 1, (0, 0, 0, 0), "upto8 S13 user_read shmem"),
    Row(("5.7.14",), "user_write", "shmem", "stop", "ret=7", 2, (0, 1, 1, 0), "as anon"),
    Row(
        COUNTS_ONCE,
        "user_read",
        "shmem",
        "unreg",
        "ret=0",
        1,
        (0, 1, 0, 0),
        "attempt 2 maps a zeroed page, TRIED",
    ),
    Row(
        VMA_FIRST,
        "user_write",
        "shmem",
        "close",
        "ret=7",
        1,
        (0, 0, 0, 0),
        "attempt 2 without TRIED: COMPLETED, minor",
    ),
]
# --------------------------------------------------------------------------- copies of the kernel
COPIES = [
    Row(
        OLD,
        "pipe_read",
        "anon",
        "wake1",
        "ret=4096",
        2,
        (0, 1, 1, 0),
        "the tail of the copy asks anew: as pipe_write",
    ),
    Row(
        OLD,
        "pipe_read",
        "anon",
        "wake5",
        "EFAULT",
        2,
        (0, 0, 1, 0),
        "two exceptions, two budgets: as pipe_write wake3",
    ),
    Row(RETRIES, "pipe_read", "anon", "wake5", "ret=4096", 6, (0, 1, 0, 0), "one exception, no limit"),
    Row(
        OLD,
        "tmpfs_write",
        "anon",
        "wake1",
        "EFAULT",
        1,
        (0, 0, 0, 0),
        "upto8 S13 tmpfs_write: the prefault fails, no tail",
    ),
    Row(
        OLD,
        "tmpfs_write_partial",
        "anon",
        "wake2",
        "ret=4096",
        1,
        (0, 0, 0, 0),
        "page 0 is written, page 1's prefault fails",
    ),
    Row(RETRIES, "tmpfs_write_partial", "anon", "wake20", "ret=8192", 21, (0, 1, 0, 0), "no limit"),
    Row(
        OLD,
        "tmpfs_write",
        "anon",
        "sig3",
        "ret=4096",
        1,
        (0, 1, 0, 0),
        "sleeps in D; standard signals don't queue",
    ),
    Row(
        RETRIES,
        "tmpfs_write",
        "anon",
        "sig3",
        "ret=4096",
        SPIN,
        (0, 1, 0, 0),
        "as read_zero sig1: it slept once",
    ),
    Row(
        RETRIES,
        "pipe_read",
        "anon",
        "stop",
        "ret=4096",
        SPIN,
        (0, 1, 0, 0),
        "SIGSTOP is pending till the end",
    ),
    Row(OLD, "read_zero", "shmem", "wake1", "EFAULT", 1, (0, 0, 0, 0), "as anon"),
    Row(RETRIES, "read_zero", "shmem", "wake3", "ret=4096", 4, (0, 1, 0, 0), "as anon"),
    Row(
        KERNELS,
        "read_zero",
        "shmem",
        "unreg",
        "ret=4096",
        1,
        (0, 1, 0, 0),
        "as anon: major everywhere in kernel mode",
    ),
    Row(KERNELS, "tmpfs_write_partial", "anon", "close", "ret=8192", 1, (0, 1, 0, 0), "as read_zero_partial"),
]
# ------------------------------------------------------------------------------- get_user_pages
LATER = ("5.10.223", "6.1.176", "6.12.107", "6.18.44", "7.2.13")
PINS = [
    Row(
        OLD,
        "vmsplice",
        "anon",
        "wake1",
        "EFAULT",
        1,
        (0, 1, 0, 0),
        "upto8 S14 vmsplice: one wait, counted at once",
    ),
    Row(
        ("5.7.14",),
        "vmsplice",
        "anon",
        "wake3",
        "ret=4096",
        4,
        (0, 4, 0, 0),
        "each wait is one major, as futex_op",
    ),
    Row(
        LATER,
        "vmsplice",
        "anon",
        "wake20",
        "ret=4096",
        21,
        (0, 0, 0, 0),
        "COPY filled it: nothing is faulted in",
    ),
    Row(EARLY, "vmsplice", "anon", "unreg", "ret=4096", 1, (1, 1, 0, 0), "one minor more, as futex_op"),
    Row(
        LATER,
        "vmsplice",
        "anon",
        "close",
        "ret=4096",
        1,
        (0, 1, 0, 0),
        "attempt 2 has TRIED: 1 major, as futex_op",
    ),
    Row(
        OLD,
        "odirect",
        "anon",
        "wake2",
        "EFAULT",
        1,
        (0, 1, 0, 0),
        "no fall-back to the page cache for an error",
    ),
    Row(("5.7.14",), "odirect", "anon", "wake5", "ret=4096", 6, (0, 6, 0, 0), "each wait is one major"),
    Row(LATER, "odirect", "anon", "unreg", "ret=4096", 1, (0, 1, 0, 0), "as pvm_readv"),
    Row(KERNELS, "odirect", "anon", "kill", "killed:9", 1, (0, 0, 0, 0), "SIGKILL ends the wait"),
    Row(OLD, "mlock", "anon", "wake20", "ret=0", 21, (0, 21, 0, 0), "mlock had no limit; one major a wait"),
    Row(LATER, "mlock", "anon", "wake5", "ret=0", 6, (0, 0, 0, 0), "COPY filled it"),
    Row(LATER, "mlock", "anon", "close", "ret=0", 1, (1, 0, 0, 0), "a fresh call has no TRIED: minor"),
    Row(
        OLD,
        "pvm_readv_partial",
        "anon",
        "wake5",
        "ret=4096",
        2,
        (-1, 2, -1, -1),
        "two batches, two budgets: as wake2",
    ),
    Row(
        ("6.12.107", "7.2.13"),
        "pvm_readv_partial",
        "anon",
        "close",
        "ret=8192",
        1,
        (0, 1, 0, 0),
        "as 6.1 and 6.18",
    ),
    Row(EARLY, "futex_op", "anon", "sig3", "ret=0", 1, (0, 1, 0, 0), "GUP ignores what doesn't kill"),
    Row(LATER, "futex_op", "anon", "sig3", "ret=0", 1, (0, 0, 0, 0), "GUP ignores what doesn't kill"),
    Row(KERNELS, "procmem", "anon", "wake20", "EIO", 0, (0, 0, 0, 0), "locked is NULL: it never waits"),
]


def cases(rows: list[Row]) -> list[Any]:
    """Give each row once for each of its kernels."""
    return [
        pytest.param(kernel, row, id=f"{kernel}-{row.access}-{row.mem}-{row.event}")
        for row in rows
        for kernel in row.kernels
    ]


@pytest.mark.parametrize(("kernel", "row"), cases([*USER, *COPIES, *PINS]))
def test_an_experiment_that_is_in_no_record_ends_as_its_neighbours_say(kernel: str, row: Row) -> None:
    got = told(kernel, row.access, row.event, row.mem)
    minor, major, sw, sw_minor = row.counters
    assert got["outcome"] == row.outcome, row.because
    if row.messages == SPIN:
        assert got["messages"] >= 2, row.because
    else:
        assert got["messages"] == row.messages, row.because
    if row.outcome.startswith("killed"):
        return
    frame = 1 if got["handler_runs"] or row.outcome.startswith("SIGBUS") else 0
    for name, value in zip(COUNTERS, (minor, sw, sw_minor), strict=True):
        assert abs(got[name] - value) <= frame, (name, row.because)
    assert got["majflt"] == major, row.because


# What the state, the handler and the message's flags are doesn't depend on more than this.
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("access", ["user_write", "pipe_read", "tmpfs_write", "vmsplice", "odirect", "mlock"])
def test_states_handlers_and_flags_follow_from_who_touches_the_memory(access: str, kernel: str) -> None:
    side = ACCESSES[access]
    old, user = kernel in OLD, side is Side.USER
    sig, stop = told(kernel, access, "sig3"), told(kernel, access, "stop")
    # Kernel copies sleep in D up to patch 11, in S from 12 on; GUP sleeps in D always.
    state = "S" if user or (side is Side.COPY and not old) else "D"
    assert {sig["state_blocked"], stop["state_blocked"]} == {state}
    assert (sig["handler_runs"], sig["handler_before_resolve"]) == ((3, 1) if user else (1, 0))
    assert stop["stopped_before_resolve"] == int(user)
    if side is not Side.COPY or old:
        assert (sig["state_after_action"], stop["state_after_action"]) == (state, "T" if user else state)
    # A read by get_user_pages faults as a write in 5.4 and 5.7 only [fact:gup-read-as-write].
    writes = access in ("user_write", "pipe_read", "mlock") or (side is Side.GUP and kernel in EARLY)
    assert sig["first_flags"] == f"{int(writes):#x}"


def test_without_user_mode_the_kernel_gets_no_page_and_sends_no_message() -> None:
    for label in ("6.1.176", "6.12.107", "6.18.44", "7.2.13"):
        ran = kernel_of(label)
        for access, outcome, sw in (("read_zero", "EFAULT", 1), ("tmpfs_write_partial", "ret=4096", 1)):
            got = predict(Experiment(access, "none", "anon", True), ran.tree, ran.computer).fields
            assert (got["outcome"], got["messages"], got["sw_page_faults"]) == (outcome, 0, sw)
            assert (got["majflt"], got["minflt"], got["exit_before_resolve"]) == (0, 0, 1)
        for access in ("vmsplice", "odirect", "futex_op"):
            got = predict(Experiment(access, "none", "anon", True), ran.tree, ran.computer).fields
            assert (got["outcome"], got["messages"], got["sw_page_faults"]) == ("EFAULT", 0, 0)


# -------------------------------------------------------------------- plain steps, the slow disk


@pytest.mark.parametrize(
    ("kernel", "case", "step", "minor", "major"),
    [
        # The first write to a shared page drops the lock; in 5.9 to 5.19 TRIED makes attempt 2 major.
        ("5.10.223", "shmem", "write fresh", 0, 1),
        ("5.10.223", "file_rw_shared", "write (wp fault/page_mkwrite)", 0, 1),
        ("5.10.223", "file_rw_shared", "write after msync", 0, 1),
        ("6.12.107", "shmem", "write fresh", 1, 0),
        ("7.2.13", "file_rw_shared", "write after msync", 1, 0),
        # mprotect maps writable from 6.0 on.
        ("5.10.223", "mprotect_ro", "write after mprotect RW", 1, 0),
        ("6.12.107", "mprotect_ro", "write after mprotect RW", 0, 0),
        ("7.2.13", "mprotect_ro", "write after mprotect RW", 0, 0),
        ("5.10.223", "mlock", "mlock 4 fresh pages", 4, 0),
        ("7.2.13", "file_ro_shared(random)", "read cold page 40", 0, 1),
    ],
)
def test_a_plain_step_costs_what_the_release_makes_of_it(
    kernel: str, case: str, step: str, minor: int, major: int
) -> None:
    ran = kernel_of(kernel)
    got = predict_step(case, step, ran.tree, ran.computer)
    assert (got["minflt"], got["majflt"]) == (minor, major)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("path", ["readahead", "random"])
def test_a_stop_on_the_slow_disk_takes_the_major_fault_away_as_a_handler_does(kernel: str, path: str) -> None:
    ran = kernel_of(kernel)
    got = predict_slow(SlowFault(path, "stop"), ran.tree, ran.computer)
    expected = (0, 1, 1) if kernel in OLD else (1, 0, 2)  # no handler, so no signal frame: exact
    assert (got["minflt"], got["majflt"], got["sw_page_faults"]) == expected
    assert (got["outcome"], got["state_blocked"]) == ("ret=9", "D")


# ---------------------------------------------------------- scripts: single patches, whole traces


class Traced(NamedTuple):
    """A script on trees: outcome, whole trace, and why."""

    trees: str
    access: str
    script: str
    outcome: str
    trace: str
    because: str
    signals: str = "handler"
    group: str = "plain"
    mem: str = "anon"


KILL, SIGNAL, WAKE = "m p30 kill p300", "m p30 st u1 p60 st c", "m p10 w m c"
WRITES_AGAIN = "m p10 cwp m p10 wp-"
SLOW_SIGNAL, SLOW_KILL = "p60 st u1 p5 st T", "p60 kill T"
SCRIPTS = [
    # Patch 12 needs no other one to fail, 13 none to spin, B5 mends it all.
    Traced(
        "v5_7-13 upto12",
        "pipe_write",
        SIGNAL,
        "EFAULT",
        "Xk1 A h214 M0 S1 W H404 A h230 H2 U Xk1 A h214 M0 H400 A h230 H2 U",
        "S12 of upto12: 14 to 16 are about get_user_pages",
    ),
    Traced(
        "v5_7+B5",
        "tmpfs_write",
        SIGNAL,
        "ret=4096",
        "Xk1 A h14 M0 S102 W H404 A h34 H0 U",
        "INTERRUPTIBLE only for user mode: the trace of upto8 with TRIED kept beside ALLOW_RETRY",
    ),
    Traced(
        "v5_7+B5",
        "user_read",
        "m p30 u1 p100 st c",
        "ret=5",
        "Xu1 A h254 M0 S1 W H404 Tuser Xu1 A h254 M0 S1 W H404 A h274 H0 U",
        "B5 changes no user fault",
    ),
    Traced(
        "upto13-12",
        "tmpfs_write",
        SIGNAL,
        "ret=4096",
        "Xk1 A h14 M0 S102 W H404 A h34 H0 U",
        "13 without 12: no drawback seen",
    ),
    Traced(
        "upto12 v5_7-13",
        "tmpfs_write",
        "m p30 stop p60 st cont p30 c",
        "EFAULT",
        "Xk1 A h214 M0 S1 W H404 A h230 H2 U",
        "12 without 13 turns SIGSTOP in write() into EFAULT",
    ),
    # Patch 10 undone: NOPAGE for user faults alone, whatever flag chooses the sleep.
    Traced(
        "v5_7-10",
        "user_read",
        "m p30 u1 p100 st c",
        "ret=5",
        "Xu1 A h254 M0 S1 W R H100 U Xu1 A h254 M0 S1 W H404 A h274 H0 U",
        "the end of upto9 with 12's flags",
    ),
    Traced(
        "v5_7-10", "user_read", "m p10 O p20 u1 p50", "ret=42", "Xu1 A h254 M0 S1 W R H100 U", "S10b of upto8"
    ),
    Traced(
        "v5_7-10",
        "tmpfs_write",
        "m p10 O p20 u1 p50 w p50",
        "ret=4096",
        "Xk1 A h214 M0 S1 W H404 A h234 H0 U",
        "a copy of the kernel doesn't return to user mode: as v5_7",
    ),
    # Patch 9 undone.
    Traced(
        "upto12-9",
        "user_read",
        "m p30 u1 p100 st c",
        "SIGBUS(code=2)",
        "Xu1 A h254 M0 S1 W H404 A h270 H2 U",
        "10 without 9 (S10c): attempt 2 may not wait",
    ),
    Traced(
        "v5_7-9",
        "user_read",
        SLOW_SIGNAL,
        "ret=9",
        "Xu20 A h254 H404 A h274 H100 U",
        "9 alone causes S9: without it the fault goes on in place",
        mem="file",
        group="slow",
    ),
    # get_user_pages: 14, 15, 16.
    Traced(
        "upto14",
        "pvm",
        WAKE,
        "ret=4096",
        "h85 M0 S102 W H404 L ha5 M0 S102 W H404 L",
        "14 keeps ALLOW_RETRY beside TRIED; KILLABLE comes with 15",
    ),
    Traced(
        "v5_7-14",
        "pvm",
        WAKE,
        "EFAULT",
        "h95 M0 S102 W H404 L ha1 H2",
        "as upto13, with 15's KILLABLE in attempt 1; attempt 2 has no locked",
    ),
    Traced(
        "v5_7-14", "futex_op", KILL, "killed:9", "h15 M0 S102 W H404 L", "the test before the lock is 14's"
    ),
    Traced(
        "upto14",
        "futex_op",
        KILL,
        "killed:9",
        "h5 M0 S102 W H404",
        "SIGKILL is seen before the lock is taken",
    ),
    Traced(
        "v5_7-15",
        "pvm",
        "m p30 c",
        "ret=4096",
        "h85 M0 S2 W H404 L",
        "16 without 15: GUP has no KILLABLE, the sleep is deaf",
    ),
    Traced("v5_7-15", "mlock", KILL, "killed:9", "h5 M0 S2 W H404", "it dies when the page comes at last"),
    Traced(
        "v5_7-16 upto15", "pvm", "m p30 c", "ret=4096", "h95 M0 S102 W H404 L", "16 changes nothing by itself"
    ),
    Traced(
        "upto8 upto13",
        "pvm4",
        "m p10 w m p10 w m p10 w m p10 w m p10 w m c",
        "ret=8192",
        "h85 M0 S102 W H404 L ha1 H2 h85 M0 S102 W H404 L ha1 H2",
        "two batches with a wait each, as wake2",
    ),
    Traced(
        "v5_7",
        "pvm4",
        "m p10 w m p30 kill p200",
        "killed:9",
        "h95 M0 S102 W H404 L hb5 M0 S102 W H404",
        "killed between the retries: no lock",
    ),
    Traced(
        "upto13",
        "pvm4",
        "m p30 kill p200",
        "killed:9",
        "h85 M0 S102 W H404 L",
        "two pages are done: short count",
    ),
    # Behind a writer.
    Traced(
        "v5_7 upto15",
        "pvm_remote",
        "m p10 Q w p20 st kill T",
        "killed:9",
        "h95 M0 S102 W H404 Lkilled",
        "15 lets SIGKILL end the wait for the lock",
        group="S15b",
    ),
    Traced(
        "upto14 v5_7-15",
        "pvm_remote",
        "m p10 Q w p20 st m c T",
        "ret=4096",
        "",
        "14 alone gives the retry",
        group="S15b",
    ),
    # Write protection.
    Traced(
        "upto8",
        "user_write",
        WRITES_AGAIN,
        "SIGBUS(code=2)",
        "Xu1 A h55 M0 S1 W H404 A h71 H2 U",
        "W3: the second reason to wait comes on attempt 2",
        group="W3",
    ),
    Traced(
        "v5_7",
        "user_write",
        WRITES_AGAIN,
        "ret=7",
        "Xu1 A h255 M0 S1 W H404 A h275 M1 S1 W H404 A h275 H8 U",
        "W3: attempt 3",
        group="W3",
    ),
    Traced(
        "upto13",
        "futex_op",
        WRITES_AGAIN,
        "EFAULT",
        "h5 M0 S102 W H404 L h21 H2",
        "W3 needs 14 here",
        group="W3",
    ),
    Traced(
        "v5_7",
        "futex_op",
        WRITES_AGAIN,
        "ret=0",
        "h15 M0 S102 W H404 L h35 M1 S102 W H404 L h35 H8",
        "a page under write protection goes through GUP too",
        group="W3",
    ),
    Traced(
        "v5_7",
        "pvm",
        "m p10 cwp",
        "ret=4096",
        "h95 M0 S102 W H404 L hb5 M1 S102 W H404 L hb5 H8",
        "5.7 reads by a write: a WP message for a read; the last unprotect resolves it",
        group="WP",
    ),
    Traced(
        "v5_7",
        "tmpfs_write",
        "m p10 cwp",
        "ret=4096",
        "Xk1 A h214 M0 S1 W H404 A h234 H0 U",
        "the prefault reads: write protection is no matter",
        group="WP",
    ),
    Traced(
        "v5_7",
        "user_write",
        "m p10 cwp m p20 u1 p60 st wp-",
        "ret=7",
        "Xu1 A h255 M0 S1 W H404 A h275 M1 S1 W H404 Tuser Xu1 A h255 M1 S1 W H404 A h275 H8 U",
        "a signal leaves attempt 2 as any other",
        group="WP",
    ),
    # Feature SIGBUS, close, controls.
    Traced("upto8", "user_read", "p50", "SIGBUS(code=2)", "Xu1 A h54 H2 U", "no message", group="sigbus"),
    Traced(
        "v5_7",
        "user_read",
        "p50",
        "SIGBUS(code=2)",
        "Xu1 A h254 H2 U",
        "shmem as anon",
        group="sigbus",
        mem="shmem",
    ),
    Traced(
        "v5_7", "tmpfs_write", "p50", "EFAULT", "Xk1 A h214 H2 U", "the prefault fails once", group="sigbus"
    ),
    Traced("v5_7", "mlock", "p50", "ENOMEM", "h15 H2", "mlock makes ENOMEM of EFAULT", group="sigbus"),
    Traced("upto13", "pvm", "p50", "EFAULT", "h85 H2", "nothing pinned", group="sigbus"),
    Traced(
        "v5_7",
        "user_read",
        "m p10 close p50",
        "ret=0",
        "Xu1 A h254 M0 S1 W H404 A h274 H0 U",
        "attempt 2 meets a plain area",
        group="close",
    ),
    Traced(
        "upto9",
        "tmpfs_write",
        "m p30 u1 p100 st c",
        "ret=4096",
        "Xk1 A h14 M0 S102 W H404 A h30 H0 U",
        "an ignored signal changes nothing",
        signals="ignore",
        group="ctl",
    ),
    Traced(
        "upto12",
        "user_read",
        "m p30 u1 p100 st c",
        "ret=5",
        "Xu1 A h254 M0 S1 W H404 A h270 H0 U",
        "nor does a blocked one",
        signals="block",
        group="ctl",
    ),
    Traced(
        "upto12",
        "tmpfs_write",
        "m p30 u1 p60 st c",
        "EFAULT",
        "Xk1 A h214 M0 S1 W H404 A h230 H2 U",
        "SA_RESTART plays no role: write() ends with EFAULT",
        signals="restart",
        group="ctl",
    ),
    # Several missing pages, and ten signals.
    Traced(
        "upto8",
        "tmpfs_write2",
        "m p10 c m p10 c",
        "ret=8192",
        "Xk1 A h14 M0 S102 W H404 A h30 H0 U Xk2 A h14 M0 S102 W H404 A h30 H0 U",
        "one budget a page",
    ),
    Traced(
        "upto8",
        "tmpfs_write2",
        "m p10 w m p10 c m p10 w m c",
        "EFAULT",
        "Xk1 A h14 M0 S102 W H404 A h30 H2 U",
        "the first page's budget is spent: nothing is written",
    ),
    Traced(
        "upto8",
        "user_read",
        "m p150 c",
        "ret=5",
        "Xu1 A h54 M0 S1 W R H100 U " * 10 + "Xu1 A h54 M0 S1 W H404 A h70 H0 U",
        "ten signals in a user fault: ten handlers",
        signals="storm",
        group="storm",
    ),
    Traced(
        "v5_7",
        "user_write",
        "m p150 c",
        "ret=7",
        "Xu1 A h255 M0 S1 W H404 Tuser " * 10 + "Xu1 A h255 M0 S1 W H404 A h275 H0 U",
        "the same without NOPAGE",
        signals="storm",
        group="storm",
        mem="shmem",
    ),
    Traced(
        "upto9",
        "tmpfs_write",
        "m p150 c",
        "ret=4096",
        "Xk1 A h14 M0 S102 W H404 A h30 H0 U",
        "it sleeps in D through ten signals",
        signals="storm",
        group="storm",
    ),
    # The slow disk.
    Traced(
        "upto8", "user_read", SLOW_SIGNAL, "ret=9", "Xu20 A h54 H404 A h70 H100 U", "S9 before 9", mem="file"
    ),
    Traced(
        "v5_7",
        "tmpfs_write",
        SLOW_SIGNAL,
        "ret=4096",
        "Xk20 A h214 H404 A h234 H100 U",
        "no page lock is interruptible, and a copy goes on",
        mem="file",
    ),
    Traced(
        "v5_7",
        "tmpfs_write",
        SLOW_KILL,
        "killed:9",
        "Xk20 A h214 H404 Tfixup",
        "the wait is killable",
        mem="file",
    ),
    Traced(
        "upto13",
        "pvm",
        SLOW_SIGNAL,
        "ret=4096",
        "h84 H404 L ha0 H100",
        "shared memory is read by a read; attempt 2 finds the page by fault-around",
        mem="file",
    ),
    Traced(
        "upto14", "pvm", SLOW_SIGNAL, "ret=4096", "h84 H404 L ha4 H100", "14 keeps ALLOW_RETRY", mem="file"
    ),
    Traced(
        "v5_7", "mlock", SLOW_KILL, "killed:9", "h14 H404", "SIGKILL is seen at the next page", mem="file"
    ),
    Traced(
        "upto8 v5_7",
        "procmem",
        SLOW_KILL,
        "killed:9",
        "h80 H204",
        "locked is NULL: it waits holding the lock",
        mem="file",
    ),
]


@pytest.mark.parametrize(
    ("tree", "row"),
    [
        pytest.param(
            tree, row, id=f"{tree}-{row.access}-{row.mem}-{row.signals}-{row.script.replace(' ', '_')}"
        )
        for row in SCRIPTS
        for tree in row.trees.split()
    ],
)
def test_a_script_that_is_in_no_record_leaves_the_trace_that_its_neighbours_force(
    tree: str, row: Traced
) -> None:
    got = predict_script(Script(row.group, row.access, row.mem, row.signals, row.script), Tree.parse(tree))
    assert got["outcome"] == row.outcome, row.because
    if row.trace:
        assert got["trace"] == row.trace, row.because
        assert not got["spin"], row.because


SPINS = [
    (
        "v5_7-9",
        "user_read",
        "m p30 stop p100 st cont p100 c",
        "Xu1 A h254 M0 S1 W H404 A h274 M0 H400 A h274 M0 H400",
    ),
    ("v5_7-10", "tmpfs_write", SIGNAL, "Xk1 A h214 M0 S1 W H404 A h234 M0 H400 A h234 M0 H400"),
    ("v5_7-14", "read_zero", SIGNAL, "Xk1 A h215 M0 S1 W H404 A h235 M0 H400 A h235 M0 H400"),
    ("upto14", "pipe_write", SIGNAL, "Xk1 A h214 M0 S1 W H404 A h234 M0 H400 A h234 M0 H400"),
    (
        "v5_7",
        "tmpfs_write2",
        "m p30 u1 p30 c p5 poll c",
        "Xk1 A h214 M0 S1 W H404 A h234 M0 H400 A h234 M0 H400",
    ),
]


@pytest.mark.parametrize(("tree", "access", "script", "beginning"), SPINS)
def test_a_spin_that_is_in_no_record_begins_as_it_must(
    tree: str, access: str, script: str, beginning: str
) -> None:
    got = predict_script(Script("S12", access, "anon", "handler", script), Tree.parse(tree))
    assert got["spin"]
    assert str(got["trace"]).startswith(beginning)


@pytest.mark.parametrize("tree", ["v5_10", "v6_1", "v7_2"])
def test_a_monitor_in_poll_is_woken_by_a_spin_from_5_10_on_and_goes_on(tree: str) -> None:
    got = predict_script(
        Script("S12b", "tmpfs_write2", "anon", "handler", "m p30 u1 p30 c p5 poll c"), Tree.parse(tree)
    )
    assert (got["outcome"], got["spin"], got["handler_before_resolve"]) == ("ret=8192", True, 0)
    # A monitor that read nothing, and slept again each time, would be in step with the task for 1.2 s.
    assert int(got["attempts"]) < 100
