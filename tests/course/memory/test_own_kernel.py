"""A learner's kernel on a small memory: the processors are real, and what a kernel must not do is noticed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from course.checks.library import exercise_of
from course.memory import try_kernel
from course.memory.own_kernel import kernel_run
from course.memory.small import SmallMemory
from course.memory.small_run import Kernel, SmallRun, small_run
from pyemu import stubs
from pyemu.errors import FaultlabError
from pyemu.flags import SIGSEGV
from tests.exercises.answers import master


def reference(**other: Any) -> Kernel:
    """Give the master's kernel, with some functions replaced."""
    names: dict[str, Any] = {name: getattr(stubs, name) for name in stubs.__all__}
    exec(master(exercise_of("h03_demand_zero")), names)
    return Kernel(**{name: other.get(name, names[name]) for name in ("page_fault", "fork", "dontneed")})


def broken(run: SmallRun) -> set[str]:
    return {rule for rule, _ in run.broken}


STEPS = (
    "write 0x5010 7",
    "fork",
    "thread read 0x5010",
    "write 0x5010 8",
    "child write 0x5010 9",
    "read 0x5010",
)


def test_a_right_kernel_gives_what_the_emulators_gives():
    mine, right = small_run(STEPS, reference()), kernel_run(STEPS)
    assert mine.told == right.told
    assert (mine.min_flt, mine.maj_flt, mine.broken) == (right.min_flt, right.maj_flt, ())


def test_a_fault_that_is_never_served_is_given_up():
    run = small_run(("read 0x5010",), reference(page_fault=lambda *_: None))
    assert run.told == {
        "1. read 0x5010": "faults again and again, fault 0x4: nothing, fault 0x4: nothing, fault 0x4: nothing"
    }


def give_back_twice(kernel: SimpleNamespace, process: str, address: int) -> None:
    frame, _ = kernel.entry(process, address)
    kernel.clear_entry(process, address)
    kernel.flush(process, address)
    kernel.put(frame)
    kernel.put(frame)


def test_a_frame_that_is_given_back_twice_is_noticed():
    run = small_run(("write 0x5010", "drop 0x5000"), reference(dontneed=give_back_twice))
    assert broken(run) == {"freed twice"}


def test_a_frame_that_is_free_while_a_processor_knows_it_is_noticed():
    def unflushed(kernel: SimpleNamespace, process: str, address: int) -> None:
        frame, _ = kernel.entry(process, address)
        kernel.clear_entry(process, address)
        kernel.put(frame)

    run = small_run(("write 0x5010", "drop 0x5000"), reference(dontneed=unflushed))
    assert broken(run) == {"freed while known", "stale translation"}


def test_a_processor_that_looks_up_between_flush_and_change_is_noticed():
    def early(kernel: SimpleNamespace, process: str, address: int) -> None:
        frame, _ = kernel.entry(process, address)
        kernel.flush(process, address)
        kernel.clear_entry(process, address)
        kernel.put(frame)

    run = small_run(("write 0x5010", "drop 0x5000"), reference(dontneed=early))
    assert broken(run) == {"freed while known", "flushed too early"}


def copying(calls: str) -> Any:
    """Give a fault handler that copies each frame, with its calls in some order."""

    def page_fault(kernel: SimpleNamespace, process: str, address: int, code: int) -> None:
        frame, _ = kernel.entry(process, address) or (kernel.zero_frame(), False)
        fresh = kernel.alloc()
        for call in calls.split():
            {
                "copy": lambda: kernel.copy(fresh, frame),
                "set": lambda: kernel.set_entry(process, address, fresh, True),
                "flush": lambda: kernel.flush(process, address),
                "put": lambda: kernel.put(frame),
            }[call]()

    return page_fault


@pytest.mark.parametrize(
    ("calls", "rules"),
    [
        ("copy set flush put", set()),
        ("put copy set flush", {"put while mapped"}),
        ("copy set put flush", {"put while known"}),
        ("set copy flush put", {"seen half done"}),
        ("copy flush set put", {"flushed too early", "put while known"}),
        ("copy set put", {"stale translation", "put while known"}),
    ],
)
def test_the_order_of_a_copys_calls_is_noticed_at_the_first_write(calls: str, rules: set[str]):
    run = small_run(("write 0x5010", "fork", "write 0x5010"), reference(page_fault=copying(calls)))
    assert broken(run) == rules


def test_what_is_looked_up_meanwhile_costs_no_fault_later():
    steps = ("write 0x5010", "fork", "child exit", "write 0x5010", "thread write 0x5010")
    assert small_run(steps, reference()).told == kernel_run(steps).told


def test_a_signal_where_nothing_was_accessed_is_noticed():
    def refuses(kernel: SimpleNamespace, *_: object) -> None:
        kernel.force_sig_fault(SIGSEGV, 1)

    run = small_run(("drop 0x5000", "read 0x5010"), reference(dontneed=refuses))
    assert broken(run) == {"signal without a fault"}


def test_what_a_learners_function_raises_is_told_as_checks_tell_it(capsys: pytest.CaptureFixture[str]):
    def page_fault(kernel: SimpleNamespace, *_: object) -> None:
        kernel.put(None)

    other = reference()
    try_kernel("read 0x5010", page_fault=page_fault, fork=other.fork, dontneed=other.dontneed)
    assert capsys.readouterr().out.startswith("page_fault raised ValueError: None is no frame; alloc, entry")


def forget(kernel: SimpleNamespace, process: str, address: int) -> None:
    kernel.clear_entry(process, address)


def test_a_missing_flush_and_a_lost_frame_are_noticed():
    run = small_run(("write 0x5010 7", "drop 0x5000", "read 0x5010"), reference(dontneed=forget))
    assert broken(run) == {"stale translation", "lost frame"}
    assert (run.stale_after, run.accesses[2].outcome) == ("drop", "7")


def test_a_step_of_another_program_is_refused():
    with pytest.raises(FaultlabError, match="'other read 0x5010' is no step here; read, write,"):
        small_run(("other read 0x5010",), reference())


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("entry", ("mother", 0x5000), "'mother' is no process"),
        ("set_entry", ("parent", 0x9000, 2, True), "0x9000 is in no area"),
        ("set_entry", ("parent", 0x5000, None, True), "None is no frame"),
        ("flush", ("parent", "0x5000"), "'0x5000' is no address"),
        ("count", ("faults",), "the counters are"),
        ("force_sig_fault", ("SIGSEGV", 1), "'SIGSEGV' is no signal"),
    ],
)
def test_what_is_no_argument_is_named(name: str, arguments: tuple[object, ...], message: str):
    with pytest.raises(ValueError, match=message):
        getattr(SmallMemory().operations(), name)(*arguments)


def test_frames_run_out_with_a_hint():
    memory = SmallMemory()
    while memory.free:
        memory.alloc()
    with pytest.raises(ValueError, match="no frame is free; give back"):
        memory.alloc()


def test_what_differs_is_printed_beside_the_kernels(capsys: pytest.CaptureFixture[str]):
    def refuses(kernel: SimpleNamespace, *_: object) -> None:
        kernel.force_sig_fault(SIGSEGV, 2)

    other = reference()
    try_kernel("read 0x5010", page_fault=refuses, fork=other.fork, dontneed=other.dontneed)
    assert capsys.readouterr().out.splitlines() == [
        (
            "1. read 0x5010               SIGSEGV(code=2), fault 0x4: SIGSEGV 2; "
            "the kernel's: 0, fault 0x4: zero page"
        ),
        "minor faults: 0; the kernel's: 1",
    ]
