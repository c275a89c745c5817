"""The recordings that the package carries are lines of those with which the emulator is tested."""

from __future__ import annotations

from pathlib import Path

import pytest

from course.conform.experiment import Experiment
from course.live.command import EVENTS
from course.live.stored import FILE, KERNELS, MORE, experiment, find, more, script, stored
from pyemu.errors import RecordError

DATA = Path(__file__).parents[2] / "data"


def test_each_line_is_one_of_the_recordings_unchanged() -> None:
    files = [*DATA.glob("records/*.jsonl"), *DATA.glob("single_patches/*.jsonl")]
    recorded = {line for file in files for line in file.read_text(encoding="utf-8").splitlines()}
    lines = [line for file in (FILE, MORE) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [line for line in lines if line not in recorded] == []
    assert len(set(lines)) == len(lines)


def test_each_kernel_has_each_experiment() -> None:
    for kernel in KERNELS:
        for access in ("user_read", "read_zero", "pvm_readv"):
            for event in ("none", "wake1", "wake3", "sig1", "stop"):
                assert experiment(kernel, Experiment(access, event)).kernel == kernel


def test_each_kernel_has_what_is_asked_of_the_running_one() -> None:
    for kernel in KERNELS:
        for access in ("user_read", "user_write", "read_zero", "pvm_readv"):
            for event in EVENTS:
                assert find(kernel, Experiment(access, event)), (kernel, access, event)
    assert all(find(one.kernel, one.done) is one for one in more() if isinstance(one.done, Experiment))


def test_no_line_is_found_by_nobody() -> None:
    found = {one.place for one in stored() if one.kind == "userfault"}
    found |= {
        script(str(one.values["tree"]), str(one.values["group"])).place
        for one in stored()
        if one.kind == "script"
    }
    assert len(found) == len(stored())


def test_what_is_not_stored_is_told_with_what_is() -> None:
    with pytest.raises(RecordError, match=r"no recording of user_read sig3 is stored: .*user_read sig1"):
        experiment("5.7.14", Experiment("user_read", "sig3"))
    with pytest.raises(RecordError, match=r"kernel '4\.4', no recording .* there are none"):
        experiment("4.4", Experiment("user_read", "none"))
    with pytest.raises(
        RecordError, match=r"no trace of 'S14' on tree 'v5_7' is stored: there are .*v5_7 S13"
    ):
        script("v5_7", "S14")
