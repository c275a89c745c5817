"""Sides: what differs between a kernel and the emulator, and which reason it has."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from course.conform.experiment import Experiment
from course.conform.records import UNREAD, Record
from course.live.monitor import Answer
from course.live.reasons import (
    BUSY_LOOP,
    NEAREST,
    NOT_COUNTED,
    NOT_TOLD,
    OTHER_KERNEL,
    OWN_PAGES,
    SIGNAL_FRAME,
    USER_MODE_ONLY,
    WHO_RUNS_WHEN,
)
from course.live.recording import label, record_of
from course.live.sides import Sides, sides_of
from pyemu.errors import RecordError

PERF = ("sw_page_faults", "sw_page_faults_min", "sw_page_faults_maj")


def told(
    order: str,
    outcome: str = "ret=5",
    minflt: int = 1,
    majflt: int = 0,
    samples: str = "S",
    *,
    user_mode_only: bool = False,
    perf: str = "all",
) -> Answer:
    result = {"outcome": outcome, "blocked_us": 1, "minflt": minflt, "majflt": majflt}
    result |= dict(zip(PERF, (minflt + majflt, minflt, majflt), strict=True))
    words = order.split()
    done = not outcome.startswith("killed")
    return Answer(
        user_mode_only,
        [result] if done else [],
        "done" if done else outcome,
        perf if done else "none",
        [0] * words.count("message"),
        list(zip(("blocked", "after"), samples, strict=False)),
        words,
    )


NONE = told("message copy end")


def sides(
    access: str, event: str, *answers: Answer, release: str = "6.18.44-test", none: Answer = NONE
) -> Sides:
    records = [record_of(Experiment(access, event), one, release=release) for one in answers]
    alone = record_of(Experiment(access, "none"), none, release=release)
    return sides_of(records, alone, [one.order for one in answers])


def test_what_agrees_has_no_difference_and_three_sides() -> None:
    got = sides("user_read", "wake1", told("message wake message copy end", minflt=0, majflt=1))
    assert (got.differences, got.reasons, got.n_agree) == ((), (), 1)
    assert [side.who for side in got.sides] == [
        "this kernel, 6.18.44",
        "emulator, v6_18",
        "recorded 6.18.44",
    ]
    assert {side.minor for side in got.sides} == {("-1",)}
    assert {side.order for side in got.sides[:2]} == {("message wake message copy end",)}


def test_another_outcome_is_not_explained() -> None:
    got = sides("user_read", "wake1", told("message wake end", "SIGBUS(code=2)", 0, 0))
    assert {one.name for one in got.unexplained} >= {"outcome", "messages", "majflt", "order"}


def test_another_order_alone_is_not_explained() -> None:
    got = sides("user_read", "sig1", told("message SIGUSR1 message handler copy end", samples="SS"))
    assert [one.name for one in got.unexplained] == ["order"]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"samples": "R"}, WHO_RUNS_WHEN),
        ({"minflt": 2}, OWN_PAGES),
    ],
)
def test_what_another_run_does_not_do_is_the_machine(wrong: dict[str, Any], reason: object) -> None:
    order = "message unregister end"
    right = told(order, "ret=0")
    got = sides("user_read", "unreg", told(order, "ret=0", **wrong), right)
    assert {one.reason for one in got.differences} == {reason}
    assert got.n_agree == 1
    alone = sides("user_read", "unreg", told(order, "ret=0", **wrong))
    assert alone.unexplained


def test_an_outcome_is_never_the_machine() -> None:
    order = "message unregister end"
    got = sides("user_read", "unreg", told(order, "ret=5"), told(order, "ret=0"))
    assert [one.name for one in got.unexplained] == ["outcome"]


def test_a_kernel_between_two_trees_may_count_as_the_other_one() -> None:
    # 6.6 is nearest to 6.5; from 6.8 on, a fault of user mode that waited once counts as minor.
    as_newer = sides("user_read", "none", told("message copy end", minflt=1), release="6.6.1")
    assert [one.reason for one in as_newer.differences if one.name == "majflt"] == [NEAREST]
    assert OTHER_KERNEL in as_newer.reasons
    has_a_tree = sides("user_read", "none", told("message copy end", minflt=1), release="6.5.1")
    assert [one.reason for one in has_a_tree.differences if one.name == "majflt"] == [None]


def test_a_busy_loop_is_one_from_two_messages_on() -> None:
    looping = told("message SIGUSR1 message copy handler end", "ret=4096", 0, 1, "SR")
    got = sides("read_zero", "sig1", looping, none=told("message copy end", "ret=4096", 0, 1))
    assert (got.unexplained, got.reasons) == ((), (BUSY_LOOP,))
    asleep = told("message SIGUSR1 copy handler end", "ret=4096", 0, 1, "SD")
    got = sides("read_zero", "sig1", asleep, none=told("message copy end", "ret=4096", 0, 1))
    assert [one.name for one in got.unexplained] == ["messages"]


def test_a_signal_frame_may_be_one_fault() -> None:
    got = sides("user_read", "sig1", told("message SIGUSR1 handler message copy end", minflt=2, samples="SS"))
    assert SIGNAL_FRAME in got.reasons


def test_who_is_killed_tells_no_counters() -> None:
    got = sides("user_read", "kill", told("message SIGKILL end", "killed:9"))
    assert (got.differences, got.reasons) == ((), (NOT_TOLD,))
    assert got.sides[0].minor == ("-",)


def test_an_ordinary_user_is_told_why_the_kernel_is_not_served() -> None:
    refused = told("end", "EFAULT", 0, 0, "", user_mode_only=True, perf="user")
    got = sides("read_zero", "none", refused, none=refused)
    assert (got.differences, set(got.reasons)) == ((), {NOT_COUNTED, USER_MODE_ONLY})


def test_a_record_says_what_could_not_be_counted() -> None:
    def perf(access: str, which: str) -> object:
        record = record_of(Experiment(access, "none"), replace(NONE, perf=which), release="6.18.44")
        return record.values["sw_page_faults"]

    assert [perf("user_read", one) for one in ("all", "user", "none")] == [1, 1, UNREAD]
    assert [perf("mlock", one) for one in ("all", "user", "none")] == [1, UNREAD, UNREAD]


def test_a_record_is_labelled_by_the_version_alone() -> None:
    record = record_of(Experiment("user_read", "none"), NONE, release="6.8.0-45-generic")
    assert isinstance(record, Record)
    assert (record.kernel, record.values["release"]) == ("6.8.0", "6.8.0-45-generic")
    assert label("5.10") == "5.10"
    with pytest.raises(RecordError, match="'mainline': that begins with no version"):
        label("mainline")
