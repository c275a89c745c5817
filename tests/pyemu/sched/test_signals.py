"""Signals: what is pending for whom, what ends which sleep, what is delivered and in which order."""

from __future__ import annotations

import pytest

from pyemu import Tree, run
from pyemu.calls.signal import exit_to_user_mode
from pyemu.effects.handles import Task, current
from pyemu.effects.records import Regs, Siginfo
from pyemu.effects.signals import (
    deliver_signal,
    dequeue_signal,
    do_signal_stop,
    fatal_signal_pending,
    flush_signals,
    force_sig_fault,
    send_signal,
    send_signal_to_thread,
    set_current_blocked,
    signal_pending,
)
from pyemu.effects.sleeping import schedule, set_current_state
from pyemu.flags import (
    EINTR,
    ERESTARTSYS,
    SIGBUS,
    SIGCHLD,
    SIGCONT,
    SIGKILL,
    SIGSEGV,
    SIGSTOP,
    SIGUSR1,
    TASK_INTERRUPTIBLE,
    TASK_KILLABLE,
    TASK_STOPPED,
    TASK_UNINTERRUPTIBLE,
    Signal,
)
from tests.pyemu.scenes import (
    COPY,
    READ,
    WAIT,
    Lab,
    monitor,
    pause,
    poll,
    sample,
    scene,
    send,
    task,
    victim,
)

T, U = Task(1), Task(2)
HANDLED = {"SIGUSR1": "handler"}


def alone(**keys: object) -> Lab:
    """T and a sender S in another process."""
    return Lab("T", "S", processes={"S": "Q"}, **{"signals": HANDLED, **keys})  # type: ignore[arg-type]


# --------------------------------------------------------------------------------- what is pending


def test_a_handled_signal_is_pending_and_not_fatal() -> None:
    lab = alone()
    lab.do("S", send_signal(T, SIGUSR1))
    assert lab.do("T", signal_pending(current)) is True
    assert lab.do("T", fatal_signal_pending(current)) is False


def test_a_blocked_signal_is_queued_and_not_pending() -> None:
    lab = alone(blocked=["SIGUSR1"])
    lab.do("S", send_signal(T, SIGUSR1))
    assert lab.do("T", signal_pending(current)) is False
    assert lab.world.state.data["shared_signal", 1] == (Siginfo(SIGUSR1),)


@pytest.mark.parametrize(
    "signals", [{}, {"SIGUSR1": "ignore", "SIGCHLD": "ignore"}], ids=["default", "asked"]
)
def test_an_ignored_signal_is_dropped_when_it_is_sent(signals: dict[str, str]) -> None:
    lab = alone(signals=signals)
    lab.do("S", send_signal(T, SIGUSR1 if signals else SIGCHLD))
    assert lab.do("T", signal_pending(current)) is False
    assert lab.world.trace.select("signal_dropped")


def test_an_ignored_but_blocked_signal_is_kept_since_it_may_get_a_handler() -> None:
    lab = alone(signals={"SIGUSR1": "ignore"}, blocked=["SIGUSR1"])
    lab.do("S", send_signal(T, SIGUSR1))
    assert lab.world.state.data["shared_signal", 1] == (Siginfo(SIGUSR1),)


def test_two_of_a_kind_merge_into_one() -> None:
    lab = alone()
    lab.do("S", send_signal(T, SIGUSR1))
    lab.do("S", send_signal(T, SIGUSR1))
    assert lab.do("T", dequeue_signal()) == Siginfo(SIGUSR1)
    assert lab.do("T", dequeue_signal()) is None


def test_a_signal_to_a_process_is_told_to_one_thread_and_taken_once() -> None:
    lab = Lab("T", "U", signals=HANDLED)
    lab.do("T", send_signal(U, SIGUSR1))
    assert lab.do("T", signal_pending(current)) is False
    assert lab.do("U", signal_pending(current)) is True
    assert lab.do("T", dequeue_signal()) is None  # it was not told
    assert lab.do("U", dequeue_signal()) == Siginfo(SIGUSR1)
    assert lab.do("U", signal_pending(current)) is False


# State and mask of the thread that is meant (T), of the next (U), of the one after (W); who is told.
WANTS = [
    ("runs", "runs", "runs", "T"),
    ("blocks", "runs", "runs", "U"),
    ("stopped", "runs", "runs", "U"),
    ("ends", "blocks", "runs", "W"),
    ("ends", "ends", "runs", "W"),
    ("exits", "runs", "runs", "U"),
    ("sleeps", "runs", "runs", "T"),
    ("sleeps, told already", "sleeps", "runs", "U"),
    ("runs, told already", "sleeps", "runs", "T"),
    ("blocks", "sleeps, told already", "blocks", ""),
    ("blocks", "blocks", "blocks", ""),
]


@pytest.mark.parametrize(("t", "u", "w", "told"), WANTS)
def test_one_thread_that_can_take_it_is_told_of_a_signal_of_the_process(
    t: str, u: str, w: str, told: str
) -> None:
    lab = Lab("T", "U", "W", "S", processes={"S": "Q"}, signals={"SIGUSR1": "handler", "SIGUSR2": "handler"})
    for name, how in {"T": t, "U": u, "W": w}.items():
        one = lab.task(name)
        if how == "blocks":
            lab.do(name, set_current_blocked(SIGUSR1, True))
        one.exiting, one.ended = how == "exits", how == "ends"
        if "told" in how:
            lab.do("S", send_signal_to_thread(Task(one.id), Signal.SIGUSR2))
        state = TASK_STOPPED if how == "stopped" else TASK_UNINTERRUPTIBLE if "sleeps" in how else 0
        lab.world.set_state(one, state)
    before = {name: flagged(lab, name) for name in "TUW"}
    lab.do("S", send_signal(T, SIGUSR1))
    after = {name: flagged(lab, name) for name in "TUW"}
    assert [name for name in "TUW" if before[name] != after[name]] == (
        [told] if told and not before[told] else []
    )
    assert (("curr_target", 1) in lab.world.state.data) is (told not in ("T", ""))


def flagged(lab: Lab, name: str) -> bool:
    return bool(lab.world.state.data.get(("sigpending", lab.task(name).id), False))


def test_threads_that_can_take_a_signal_take_turns() -> None:
    lab = Lab("T", "U", "W", "S", processes={"S": "Q"}, signals={"SIGUSR1": "handler"})
    lab.do("T", set_current_blocked(SIGUSR1, True))
    takers = []
    for _ in range(3):
        lab.do("S", send_signal(T, SIGUSR1))
        taker = next(name for name in "UW" if flagged(lab, name))
        takers.append(taker)
        lab.world.set_state(lab.task(taker), 0)
        assert lab.do(taker, dequeue_signal()) == Siginfo(SIGUSR1)
    assert takers == ["U", "U", "U"]  # the one that took the last one is asked first
    lab.do("U", set_current_blocked(SIGUSR1, True))
    lab.do("S", send_signal(T, SIGUSR1))
    assert flagged(lab, "W")


def test_a_signal_to_a_thread_is_taken_by_no_other() -> None:
    lab = Lab("T", "U", "S", processes={"S": "Q"}, signals=HANDLED)
    lab.do("T", set_current_blocked(SIGUSR1, True))
    lab.do("S", send_signal_to_thread(T, SIGUSR1))
    assert [flagged(lab, name) for name in "TU"] == [False, False]
    lab.do("T", set_current_blocked(SIGUSR1, False))
    assert [flagged(lab, name) for name in "TU"] == [True, False]
    assert lab.do("T", dequeue_signal()) == Siginfo(SIGUSR1)


def test_a_signal_that_was_taken_back_leaves_the_flag_until_the_thread_looks() -> None:
    lab = alone()
    lab.do("S", send_signal(T, SIGSTOP))
    lab.do("S", send_signal(T, SIGCONT))
    assert lab.do("T", signal_pending(current)) is True
    assert lab.do("T", dequeue_signal()) is None
    assert lab.do("T", signal_pending(current)) is False


def test_whoever_is_told_may_find_that_another_thread_took_it() -> None:
    lab = Lab("T", "U", "S", processes={"S": "Q"}, signals={"SIGUSR1": "handler", "SIGUSR2": "handler"})
    lab.do("S", send_signal(T, SIGUSR1))
    lab.do("S", send_signal_to_thread(U, Signal.SIGUSR2))
    assert lab.do("U", dequeue_signal()) == Siginfo(Signal.SIGUSR2)  # one's own first
    assert lab.do("U", dequeue_signal()) == Siginfo(SIGUSR1)  # while it looks, it takes the process's too
    assert lab.do("T", signal_pending(current)) is True
    assert lab.do("T", dequeue_signal()) is None


# --------------------------------------------------------------------------------- blocking


def test_a_blocked_signal_is_delivered_when_it_is_unblocked() -> None:
    lab = alone(blocked=["SIGUSR1"])
    lab.do("S", send_signal(T, SIGUSR1))
    assert lab.do("T", signal_pending(current)) is False
    lab.do("T", set_current_blocked(SIGUSR1, False))
    assert lab.do("T", signal_pending(current)) is True


def test_who_blocks_a_signal_that_it_was_told_of_passes_it_on() -> None:
    lab = Lab("T", "U", "W", "S", processes={"S": "Q"}, signals=HANDLED)
    lab.do("U", set_current_blocked(SIGUSR1, True))
    lab.do("S", send_signal(T, SIGUSR1))
    lab.do("T", set_current_blocked(SIGUSR1, True))
    assert [flagged(lab, name) for name in "TUW"] == [False, False, True]


def test_who_ends_passes_on_the_signals_of_its_process() -> None:
    shared = scene(
        task("T", {"do": "read", "area": "V", "page": 0}, process="P", signals=HANDLED),
        task("U", pause(100), process="P"),
        task("S", send("SIGUSR1"), process="Q"),
        area={"populated": [0]},
        machine={"n_cpus": 1},
    )
    result = run(shared, strict=True)
    assert sum(result.tasks[name].stats["handler_runs"] for name in "TU") == 1


@pytest.mark.parametrize("signal", [SIGKILL, SIGSTOP])
def test_nobody_can_block_sigkill_or_sigstop(signal: int) -> None:
    lab = alone()
    lab.do("T", set_current_blocked(signal, True))
    lab.do("S", send_signal(T, signal))
    assert lab.do("T", signal_pending(current)) is True


# --------------------------------------------------------------------------------- defaults

DEFAULTS = {
    "ignore": ["SIGCHLD", "SIGCONT", "SIGURG", "SIGWINCH"],
    "stop": ["SIGSTOP", "SIGTSTP"],
    "core": ["SIGQUIT", "SIGILL", "SIGABRT", "SIGBUS", "SIGFPE", "SIGSEGV"],
    "term": ["SIGHUP", "SIGINT", "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM"],
}


def test_every_signal_has_its_default() -> None:
    assert sorted(name for names in DEFAULTS.values() for name in names) == sorted(Signal.__members__)


@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for kind, names in DEFAULTS.items() for name in names]
)
def test_what_a_signal_does_by_default(name: str, kind: str) -> None:
    both = Lab("T", "U", "S", processes={"S": "Q"})
    both.do("S", send_signal(T, Signal[name]))
    # Who dies with a core file writes it first: the threads die when the signal is taken.
    assert both.do("U", fatal_signal_pending(current)) is (kind == "term")
    assert bool(both.world.trace.select("signal_dropped")) is (kind == "ignore")
    taken = both.do("T", dequeue_signal())
    if kind == "ignore":
        assert taken is None
        return
    assert taken == Siginfo(Signal[name])
    assert both.do("T", deliver_signal(Signal[name])) == ("stop" if kind == "stop" else "kill")
    assert flagged(both, "U") is (kind in ("term", "stop"))


@pytest.mark.parametrize("name", DEFAULTS["core"])
def test_a_signal_that_leaves_a_core_file_ends_every_thread_when_it_is_taken(name: str) -> None:
    both = scene(
        task("T", READ, process="P"),
        task("U", pause(10**6), process="P"),
        monitor(WAIT, pause(100), send(name)),
    )
    result = run(both, strict=True)
    outcome = f"killed:{int(Signal[name])}"
    assert (result.tasks["T"].outcome, result.tasks["U"].outcome) == (outcome, outcome)


def test_the_signal_of_a_fault_belongs_to_the_thread_that_faulted() -> None:
    lab = Lab("T", "U", signals={"SIGSEGV": "handler"})
    lab.do("T", force_sig_fault(SIGSEGV, 1, 0x1000))
    assert lab.do("U", signal_pending(current)) is False
    assert lab.do("T", dequeue_signal()) == Siginfo(SIGSEGV, 1, 0x1000)


def test_signals_are_taken_in_the_order_of_the_kernel() -> None:
    # One's own before the process's; of each, those of an access first, then by number.
    lab = alone(
        signals={"SIGUSR1": "handler", "SIGUSR2": "handler", "SIGALRM": "handler", "SIGSEGV": "handler"}
    )
    for signal in (Signal.SIGALRM, Signal.SIGUSR2, SIGUSR1):
        lab.do("S", send_signal(T, signal))
    lab.do("T", force_sig_fault(SIGSEGV, 1, 0))
    taken = [lab.do("T", dequeue_signal()).signal for _ in range(4)]
    assert taken == [SIGSEGV, SIGUSR1, Signal.SIGUSR2, Signal.SIGALRM]


# --------------------------------------------------------------------------------- deadly signals


def test_sigkill_is_fatal_for_every_thread_and_cannot_be_blocked() -> None:
    lab = Lab("T", "U", "S", processes={"S": "Q"})
    lab.do("S", send_signal(U, SIGKILL))
    assert lab.do("T", fatal_signal_pending(current)) is True
    assert lab.do("U", fatal_signal_pending(current)) is True


def test_a_signal_that_ends_the_process_by_default_is_fatal_the_moment_it_is_sent() -> None:
    lab = Lab("T", "U", "S", processes={"S": "Q"})
    lab.do("S", send_signal(T, Signal.SIGTERM))
    assert lab.do("U", fatal_signal_pending(current)) is True
    assert lab.do("T", dequeue_signal()) == Siginfo(Signal.SIGTERM)


def test_a_blocked_deadly_signal_waits() -> None:
    lab = alone(blocked=["SIGTERM"])
    lab.do("S", send_signal(T, Signal.SIGTERM))
    assert lab.do("T", fatal_signal_pending(current)) is False


@pytest.mark.parametrize(("signal", "outcome"), [("SIGKILL", "killed:9"), ("SIGTERM", "killed:15")])
def test_a_deadly_signal_ends_every_task_of_the_process(signal: str, outcome: str) -> None:
    both = scene(
        task("T", READ, process="P"),
        task("U", pause(10**6), process="P"),
        monitor(WAIT, pause(100), send(signal)),
    )
    result = run(both, strict=True)
    assert (result.tasks["T"].outcome, result.tasks["U"].outcome) == (outcome, outcome)
    assert result.ticks == 101


def test_a_fatal_fault_ends_the_other_threads_too() -> None:
    both = scene(
        task("T", {"do": "munmap", "area": "V", "page": 1}, READ, process="P"),
        task("U", pause(10**6), process="P"),
    )
    result = run(both, strict=True)
    assert (result.tasks["T"].outcome, result.tasks["U"].outcome) == ("killed:11", "killed:11")
    assert result.ticks == 0


@pytest.mark.parametrize("how", ["ignore", "blocked"])
def test_a_fault_whose_signal_is_ignored_or_blocked_ends_the_process(how: str) -> None:
    keys = {"signals": {"SIGSEGV": "ignore"}} if how == "ignore" else {"blocked": ["SIGSEGV"]}
    lost = scene(task("T", {"do": "munmap", "area": "V", "page": 1}, READ, **keys))
    assert run(lost, strict=True).tasks["T"].outcome == "killed:11"


def test_a_blocked_signal_with_a_handler_ends_the_process_when_a_fault_needs_it() -> None:
    gone = task(
        "T",
        {"do": "munmap", "area": "V", "page": 1},
        READ,
        signals={"SIGSEGV": "handler"},
        blocked=["SIGSEGV"],
    )
    assert run(scene(gone), strict=True).tasks["T"].outcome == "killed:11"


# --------------------------------------------------------------------------------- sleeps


@pytest.mark.parametrize(
    ("state", "signal", "ends"),
    [
        (TASK_INTERRUPTIBLE, SIGUSR1, True),
        (TASK_INTERRUPTIBLE, SIGSTOP, True),
        (TASK_INTERRUPTIBLE, SIGCHLD, False),
        (TASK_INTERRUPTIBLE, Signal.SIGUSR2, False),  # blocked
        (TASK_INTERRUPTIBLE, SIGKILL, True),
        (TASK_KILLABLE, SIGUSR1, False),
        (TASK_KILLABLE, SIGSTOP, False),
        (TASK_KILLABLE, Signal.SIGTERM, True),
        (TASK_KILLABLE, SIGKILL, True),
        (TASK_UNINTERRUPTIBLE, SIGUSR1, False),
        (TASK_UNINTERRUPTIBLE, SIGKILL, False),
        (TASK_STOPPED, SIGUSR1, False),
        (TASK_STOPPED, SIGKILL, True),
    ],
)
def test_what_ends_which_sleep(state: int, signal: int, ends: bool) -> None:
    lab = alone(blocked=["SIGUSR2"])
    lab.do("T", set_current_state(state))
    lab.do("T", schedule())
    assert lab.waits("T")
    lab.do("S", send_signal(T, signal))
    assert lab.waits("T") is not ends


# --------------------------------------------------------------------------------- stop and continue


def test_a_stopped_task_shows_t_until_sigcont() -> None:
    stops = scene(
        victim(),
        monitor(
            WAIT,
            pause(100),
            send("SIGSTOP"),
            pause(100),
            sample("stopped"),
            send("SIGCONT"),
            pause(100),
            sample("after"),
            COPY,
        ),
    )
    for tree in (Tree.before, Tree.after):
        result = run(stops, tree, strict=True)
        samples = {what: value for _, _, what, value in result.reports if what.startswith("sample")}
        assert samples == {"sample stopped": "T", "sample after": "S"}
        assert result.tasks["T"].outcome == "ret=5"
        assert result.tasks["T"].stats["stops"] == 1


def test_sigkill_ends_a_stopped_task() -> None:
    stops = scene(victim(), monitor(WAIT, send("SIGSTOP"), pause(100), send("SIGKILL")))
    assert run(stops, strict=True).tasks["T"].outcome == "killed:9"


def test_sigcont_takes_back_a_stop_that_was_not_taken_yet() -> None:
    lab = alone()
    lab.do("S", send_signal(T, Signal.SIGTSTP))
    lab.do("S", send_signal(T, SIGSTOP))
    lab.do("S", send_signal(T, SIGCONT))
    assert lab.do("T", dequeue_signal()) is None


@pytest.mark.parametrize("signals", [{}, {"SIGTSTP": "handler"}], ids=["default", "handled"])
def test_sigtstp_stops_unless_it_has_a_handler(signals: dict[str, str]) -> None:
    stops = scene(
        task("T", READ, signals=signals),
        monitor(WAIT, send("SIGTSTP"), pause(100), sample("T"), send("SIGCONT"), pause(10), COPY),
    )
    result = run(stops, strict=True)
    assert [value for _, _, what, value in result.reports if what == "sample T"] == ["S" if signals else "T"]
    assert result.tasks["T"].stats["stops"] == (0 if signals else 1)
    assert result.tasks["T"].outcome == "ret=5"


def test_sigcont_with_a_handler_continues_first_and_is_handled_then() -> None:
    stops = scene(
        task("T", READ, signals={"SIGCONT": "handler"}),
        monitor(WAIT, send("SIGSTOP"), pause(100), send("SIGCONT"), pause(10), COPY),
    )
    result = run(stops, strict=True)
    assert [event.b for event in result.trace.select("signal_taken")] == ["stop", "handler"]
    assert result.tasks["T"].outcome == "ret=5"


def test_a_signal_to_one_thread_stops_every_thread() -> None:
    lab = Lab("T", "U", "S", processes={"S": "Q"})
    lab.do("S", send_signal_to_thread(T, SIGSTOP))
    assert lab.do("T", dequeue_signal()) == Siginfo(SIGSTOP)
    assert lab.do("U", dequeue_signal()) == Siginfo(SIGSTOP)
    assert lab.do("T", dequeue_signal()) is None


def test_sigstop_takes_back_a_continue_that_was_not_taken_yet() -> None:
    lab = alone(signals={"SIGCONT": "handler"})
    lab.do("S", send_signal(T, SIGCONT))
    lab.do("S", send_signal(T, SIGSTOP))
    assert lab.do("T", dequeue_signal()) == Siginfo(SIGSTOP)


def test_sigcont_between_taking_the_stop_and_stopping_is_not_lost() -> None:
    lab = alone()
    lab.do("S", send_signal(T, SIGSTOP))
    assert lab.do("T", dequeue_signal()) == Siginfo(SIGSTOP)
    lab.do("S", send_signal(T, SIGCONT))
    assert lab.do("T", do_signal_stop()) is False
    assert lab.state("T") == 0
    assert lab.task("T").stats["stops"] == 0


def test_a_stop_stops_every_thread_and_sigcont_continues_every_thread() -> None:
    both = scene(
        task("T", READ, process="P", signals={"SIGBUS": "escape"}),
        task("U", *[pause(50)] * 4, process="P"),
        monitor(
            WAIT,
            pause(120),
            send("SIGSTOP"),
            pause(1_000),
            sample("T"),
            sample("U", "U"),
            send("SIGCONT"),
            pause(100),
            COPY,
        ),
    )
    result = run(both, strict=True)
    samples = {what: value for _, _, what, value in result.reports if what.startswith("sample")}
    assert samples == {"sample T": "T", "sample U": "T"}
    assert result.tasks["T"].outcome == "ret=5"
    assert result.tasks["U"].stats["stops"] == 1


# --------------------------------------------------------------------------------- delivery


def test_a_handler_runs_on_the_way_to_user_mode_only() -> None:
    result = run("S10a", Tree.after, strict=True)
    taken = result.trace.select("signal_taken")
    assert [(e.a, e.b) for e in taken] == [(SIGUSR1, "handler")]
    before = [
        e.kind for e in result.trace.select("call", "signal_taken", task="T") if e.step <= taken[0].step
    ]
    assert before[-2:] == ["call", "signal_taken"]


def test_a_second_signal_is_handled_though_the_first_left_the_access() -> None:
    # S10c: SIGBUS leaves the access; SIGUSR1 was pending as well, and its handler runs on top.
    result = run("S10a", Tree.upto(10) - 9, strict=True)
    assert result.tasks["T"].outcome == "SIGBUS(code=2)"
    assert result.tasks["T"].stats["handler_runs"] == 1


def test_a_signal_to_a_task_that_never_faults_is_delivered() -> None:
    busy = scene(
        victim(*[{"do": "read", "area": "V", "page": 0}] * 5),
        monitor(send("SIGUSR1"), pause(5)),
        area={"populated": [0]},
    )
    result = run(busy, strict=True)
    assert result.tasks["T"].stats["handler_runs"] == 1


def test_sigkill_ends_a_task_that_never_faults() -> None:
    busy = scene(
        victim(*[{"do": "read", "area": "V", "page": 0}] * 20),
        monitor(send("SIGKILL"), pause(5)),
        area={"populated": [0]},
    )
    result = run(busy, strict=True)
    assert result.tasks["T"].outcome == "killed:9"
    assert len(result.tasks["T"].outcomes) < 20


def test_a_signal_sent_in_the_very_last_moment_is_not_called_lost() -> None:
    # The sender's turn comes at every possible place of T's program, one run each.
    for n in range(12):
        racing = scene(
            victim({"do": "read", "area": "V", "page": 0}),
            task("S", *[sample("s")] * n, send("SIGUSR1"), process="Q"),
            area={"populated": [0]},
        )
        result = run(racing)
        assert result.violations == (), n


def test_a_signal_to_a_waiting_monitor_is_handled_and_the_wait_goes_on() -> None:
    disturbed = scene(
        victim(pause(1_000), READ),
        task("M", WAIT, COPY, monitor=True, signals=HANDLED),
        task("S", pause(100), send("SIGUSR1", "M"), process="Q"),
    )
    result = run(disturbed, strict=True)
    assert result.tasks["M"].stats["handler_runs"] == 1
    assert result.tasks["T"].outcome == "ret=5"
    assert len(result.trace) < 500


def test_a_signal_to_a_polling_monitor_does_not_shorten_its_time() -> None:
    disturbed = scene(
        victim(pause(1)),
        task("M", poll(5_000), {"do": "sample", "task": "M", "label": "end"}, signals=HANDLED),
        task("S", pause(100), send("SIGUSR1", "M"), process="Q"),
    )
    result = run(disturbed, strict=True)
    assert [(t, what) for t, _, what, _ in result.reports] == [(5_000, "sample end")]
    assert len(result.trace) < 500


def test_the_disposition_belongs_to_the_process() -> None:
    # U gave no word about SIGUSR1; its process did.
    shared = scene(
        task("T", READ, process="P", signals=HANDLED, blocked=["SIGUSR1"]),
        task("U", pause(1_000), process="P"),
        monitor(WAIT, pause(100), send("SIGUSR1", "U"), COPY),
    )
    result = run(shared, strict=True)
    assert result.tasks["U"].stats["handler_runs"] == 1
    assert result.tasks["U"].outcome == "none"


def test_deliver_signal_says_what_was_asked_for() -> None:
    lab = alone(signals={"SIGUSR1": "restart", "SIGBUS": "escape", "SIGUSR2": "ignore"})
    asked = [SIGUSR1, SIGBUS, Signal.SIGUSR2, SIGSTOP, SIGKILL, SIGSEGV, SIGCHLD]
    said = [lab.do("T", deliver_signal(signal)) for signal in asked]
    assert said == ["restart", "escape", "ignore", "stop", "kill", "kill", "ignore"]


# ------------------------------------------------------------------------- system calls and signals

RESTARTS = [
    # dispositions, signals sent, what becomes of a call that gave -ERESTARTSYS
    ({"SIGUSR1": "handler"}, [SIGUSR1], "EINTR"),
    ({"SIGUSR1": "restart"}, [SIGUSR1], "restart"),
    ({}, [], "restart"),
    ({"SIGUSR1": "handler", "SIGUSR2": "restart"}, [Signal.SIGUSR2, SIGUSR1], "EINTR"),
    ({"SIGUSR1": "restart", "SIGUSR2": "handler"}, [Signal.SIGUSR2, SIGUSR1], "restart"),
    ({"SIGUSR1": "restart", "SIGUSR2": "escape"}, [SIGUSR1, Signal.SIGUSR2], "SIGUSR2(code=0)"),
]


@pytest.mark.parametrize(("signals", "sent", "becomes"), RESTARTS)
def test_the_first_handler_decides_what_becomes_of_an_interrupted_call(
    signals: dict[str, str], sent: list[int], becomes: str
) -> None:
    async def program() -> None:
        said.append(await exit_to_user_mode(Regs(user=True, ax=-ERESTARTSYS)))

    said: list[str] = []
    lab = Lab("S", programs={"T": program}, processes={"S": "Q"}, signals=signals)
    for signal in sent:
        lab.do("S", send_signal(Task(lab.task("T").id), signal))
    lab.settle("T")
    assert said == [becomes]


@pytest.mark.parametrize("ax", [0, 4096, -EINTR])
def test_a_call_that_came_to_an_end_is_left_alone(ax: int) -> None:
    async def program() -> None:
        said.append(await exit_to_user_mode(Regs(user=True, ax=ax)))

    said: list[str] = []
    lab = Lab("S", programs={"T": program}, processes={"S": "Q"}, signals=HANDLED)
    lab.do("S", send_signal(Task(lab.task("T").id), SIGUSR1))
    lab.settle("T")
    assert said == [""]


@pytest.mark.parametrize(
    ("signals", "sent", "end"),
    [
        ({"SIGUSR1": "handler"}, ["SIGUSR1"], 30),
        ({"SIGUSR1": "restart"}, ["SIGUSR1"], 30),  # SA_RESTART is not for sleeps
        ({}, ["SIGSTOP", "SIGCONT"], 100),
        ({}, [], 100),
    ],
    ids=["handler", "restart", "stop", "nothing"],
)
def test_a_pause_is_cut_by_a_handler_and_not_by_a_stop(
    signals: dict[str, str], sent: list[str], end: int
) -> None:
    # Of a stop of 50 us nothing is added to the pause: its end is a point in time.
    naps = scene(
        task("T", pause(100), {"do": "mark", "label": "up"}, signals=signals),
        monitor(pause(30), *[step for name in sent for step in (send(name), pause(50))]),
    )
    result = run(naps, strict=True)
    assert [event.t for event in result.trace.select("report", task="T")] == [end]


# --------------------------------------------------------------------------------- lost signals


def test_flushing_names_each_signal_that_is_lost() -> None:
    lab = alone(blocked=["SIGUSR2"])
    for signal in (SIGUSR1, Signal.SIGUSR2):
        lab.do("S", send_signal(T, signal))
    lab.do("T", flush_signals(current))
    first, second = (text for _, text in lab.task("T").violations)
    assert first.startswith("SIGUSR1 was pending for T and was thrown away. ")
    assert second.startswith("SIGUSR2 was pending for T and was thrown away. ")
    assert lab.do("T", signal_pending(current)) is False


def test_flushing_leaves_the_signals_of_other_threads_alone() -> None:
    lab = Lab("T", "U", signals={"SIGSEGV": "handler"})
    lab.do("U", force_sig_fault(SIGSEGV, 1, 0))
    lab.do("T", flush_signals(current))
    assert lab.do("U", signal_pending(current)) is True


def test_a_way_to_user_mode_that_delivers_nothing_loses_the_signal() -> None:
    async def exit_to_user_mode(regs: Regs) -> str:
        return ""

    signalled = scene(victim(pause(100), pause(1)), monitor(pause(50), send("SIGUSR1")))
    result = run(signalled, Tree.before, {"exit_to_user_mode": exit_to_user_mode})
    assert [one.rule for one in result.violations] == ["lost signal"]
