"""`faultlab conform` and `faultlab predict`: tables, JSON, filters, exit status, messages."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Line = dict[str, Any]
Files = dict[str, Path]
Lines = dict[str, list[Line]]
USER = ("--access", "user_read,user_write")
# A record of each kind that has no model yet; the values are made up.
SEQUENCE = {
    "kernel": "5.7.14",
    "kind": "sequence",
    "case": "c",
    "step": "s",
    "pte": "present",
    **dict.fromkeys(("minflt", "majflt", "sw_page_faults", "sw_page_faults_min", "sw_page_faults_maj"), 0),
}
SLOW_FILE = {
    **{key: value for key, value in SEQUENCE.items() if key not in ("case", "step", "pte")},
    "kind": "slow_file",
    "path": "readahead",
    "event": "none",
    "outcome": "ret=0",
    "state_blocked": "D",
    "handler_runs": 0,
}
SCRIPT = {
    "kernel": "5.7.14",
    "kind": "script",
    "tree": "upto8",
    "group": "plain",
    "access": "pvm4",
    "mem": "anon",
    "signals": "handler",
    "script": "m c",
    "outcome": "ret=0",
    "states": "",
    "trace": "Xu1",
    "spin": False,
    **dict.fromkeys(("handler_runs", "handler_before_resolve", "exceptions", "attempts", "acquisitions"), 0),
    **dict.fromkeys(("messages", "sleeps", "minflt", "majflt"), 0),
}


def test_the_user_mode_records_of_both_kernels_match_with_status_0(faultlab: Any, files: Files) -> None:
    said = faultlab("conform", *files.values(), *USER)
    assert said.status == 0
    assert (
        said.out.splitlines()[-1]
        == "40 records: 40 match, 0 mismatch, 0 not modelled; 254 more were left out by a filter."
    )
    assert "Mismatches" not in said.out


def test_rows_that_used_an_allowance_are_printed(faultlab: Any, files: Files) -> None:
    out = faultlab("conform", *files.values(), *USER).out
    used = [line for line in out.splitlines() if "user_read anon" in line and ":" in line]
    assert [line.split()[3] for line in used] == ["sig1", "sig1r", "wake1", "wake2", "wake3"]
    assert all("5.4.59" in line for line in used)


def test_nothing_is_dropped_and_what_has_no_model_costs_the_status(
    faultlab: Any, files: Files, tmp_path: Path
) -> None:
    said = faultlab("conform", *files.values(), "--json", tmp_path / "out.json")
    assert said.status == 1
    data = json.loads((tmp_path / "out.json").read_text())
    given = [json.loads(line) for path in files.values() for line in path.read_text().splitlines()]
    assert [(row["kernel"], row["kind"]) for row in data["rows"]] == [
        (line["kernel"], line["kind"]) for line in given
    ]
    assert data["sums"] == {"match": 40, "mismatch": 0, "not modelled": len(given) - 40}
    assert all(row["reason"] for row in data["rows"] if row["verdict"] == "not modelled")


def test_each_kind_of_row_tells_what_identifies_it(
    faultlab: Any, write: Callable[..., Path], lines: Lines, tmp_path: Path
) -> None:
    path = write(lines["5.7.14"][0], SEQUENCE, SLOW_FILE, SCRIPT)
    assert faultlab("conform", path, "--json", tmp_path / "out.json").status == 1
    user, *rest = json.loads((tmp_path / "out.json").read_text())["rows"]
    assert {key: user[key] for key in ("access", "mem", "event", "user_mode_only")} == {
        "access": "user_read",
        "mem": "anon",
        "event": "none",
        "user_mode_only": False,
    }
    assert [(row["kind"], row["verdict"]) for row in rest] == [
        ("sequence", "not modelled"),
        ("slow_file", "not modelled"),
        ("script", "not modelled"),
    ]
    assert (rest[0]["case"], rest[0]["step"]) == ("c", "s")
    assert (rest[1]["path"], rest[1]["event"]) == ("readahead", "none")
    assert (rest[2]["tree"], rest[2]["script"]) == ("upto8", "m c")


def test_a_mismatch_is_told_field_by_field_as_expected_and_got(
    faultlab: Any, write: Callable[..., Path], lines: Lines, tmp_path: Path
) -> None:
    path = write({**lines["5.7.14"][0], "outcome": "ret=6"})
    said = faultlab("conform", path, "--json", tmp_path / "out.json")
    assert said.status == 1
    assert "outcome expected ret=6, got ret=5" in said.out
    (row,) = json.loads((tmp_path / "out.json").read_text())["rows"]
    assert row["verdict"] == "mismatch"
    assert row["fields"].pop("not_compared")["cpu_us"] == "information only"
    assert row["fields"] == {"outcome": {"expected": "ret=6", "got": "ret=5"}, "allowances": {}}


@pytest.mark.parametrize("tree", ["v5_7-9", "v5_7-10", "v5_7-13"])
def test_another_tree_makes_the_new_kernels_records_fail(faultlab: Any, files: Files, tree: str) -> None:
    said = faultlab("conform", files["5.7.14"], *USER, "--tree", tree)
    assert said.status == 1
    assert tree in said.out
    assert "Mismatches" in said.out


def test_a_tree_stands_for_kernels_that_have_none(
    faultlab: Any, write: Callable[..., Path], lines: Lines
) -> None:
    path = write(*({**line, "kernel": "6.1.176"} for line in lines["5.7.14"]))
    assert "20 not modelled" in faultlab("conform", path).out
    assert faultlab("conform", path, "--tree", "v5_7").status == 0


def test_the_none_row_is_looked_up_in_all_files_and_behind_the_filter(
    faultlab: Any, write: Callable[..., Path], lines: Lines, tmp_path: Path
) -> None:
    by_event = {line["event"]: line for line in lines["5.7.14"] if line["access"] == "user_read"}
    one, two = write(by_event["stop"], name="one"), write(by_event["none"], name="two")
    assert faultlab("conform", one, two, "--json", tmp_path / "out.json").status == 0
    row = json.loads((tmp_path / "out.json").read_text())["rows"][0]
    assert "minflt" not in row["fields"]["not_compared"]
    assert "minflt" in faultlab("conform", one).out


@pytest.mark.parametrize("label", ["5.4", "5.4.59"])
def test_a_filter_by_kernel_goes_by_the_first_two_numbers(faultlab: Any, files: Files, label: str) -> None:
    said = faultlab("conform", *files.values(), *USER, "--kernel", label)
    assert said.status == 0
    assert said.out.splitlines()[-1].startswith("20 records: 20 match")


def test_a_record_with_user_mode_only_is_not_modelled(
    faultlab: Any, write: Callable[..., Path], lines: Lines
) -> None:
    said = faultlab("conform", write({**lines["5.7.14"][0], "user_mode_only": True}))
    assert said.status == 1
    assert "UFFD_USER_MODE_ONLY is not modelled" in said.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["away.jsonl"], "away.jsonl don't exist"),
        (["RECORDS", "--tree", "after-99"], "99"),
        (["RECORDS", "--tree", "nine"], "tree 'nine' is unknown"),
        (["RECORDS", "--access", "user_reed"], "access 'user_reed' is unknown"),
        (["RECORDS", "--kernel", "new"], "kernel 'new' is no version"),
        (["RECORDS", "--kernel", "6.1"], "no record is left"),
        (["RECORDS", *USER, "--json", "no/such/folder/out.json"], "can't be written"),
    ],
)
def test_a_mistake_gets_one_message_and_status_2(
    faultlab: Any, files: Files, words: list[str], message: str
) -> None:
    said = faultlab("conform", *(files["5.7.14"] if word == "RECORDS" else word for word in words))
    assert said.status == 2
    assert said.err.startswith("faultlab: ")
    assert message in said.err
    assert said.out == ""


def test_a_malformed_record_stops_everything_with_one_message(
    faultlab: Any, write: Callable[..., Path], lines: Lines
) -> None:
    said = faultlab("conform", write(lines["5.7.14"][0], {**lines["5.7.14"][1], "messages": "2"}))
    assert (said.status, said.out) == (2, "")
    assert "some.jsonl:2: key 'messages' is \"2\": it must be a whole number" in said.err


# ---------------------------------------------------------------------------------- predict


def predict(faultlab: Any, kernel: str, access: str, event: str, *more: str) -> Any:
    return faultlab("predict", "--kernel", kernel, "--access", access, "--event", event, *more)


def test_a_prediction_as_json_has_the_fields_of_a_record(faultlab: Any, lines: Lines) -> None:
    said = predict(faultlab, "5.4", "user_read", "wake7", "--json")
    assert said.status == 0
    found = json.loads(said.out)
    assert set(found) == {*lines["5.4.59"][0], "emulated"}
    types = {key: type(value) for key, value in lines["5.4.59"][0].items()}
    assert {key: type(found[key]) for key in types} == types
    assert (found["kernel"], found["event"], found["outcome"]) == ("5.4", "wake7", "SIGBUS(code=2)")


@pytest.mark.parametrize(("kernel", "minor"), [("5.4", 4), ("5.7.14", 0)])
def test_a_prediction_needs_no_record(faultlab: Any, kernel: str, minor: int) -> None:
    found = json.loads(predict(faultlab, kernel, "user_write", "sig4", "--json").out)
    assert (found["handler_runs"], found["messages"], found["minflt"]) == (4, 5, minor)


def test_a_prediction_is_explained_and_names_its_tree(faultlab: Any) -> None:
    out = predict(faultlab, "5.7", "user_write", "none").out
    assert out.startswith("user_write of anon memory, event none, on kernel 5.7 (tree v5_7)")
    assert any(line.split()[:2] == ["outcome", "ret=7"] for line in out.splitlines())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("6.1", "user_read", "none"), "kernel 6.1 is not modelled: this version models 5.4 and 5.7. Ask"),
        (("five", "user_read", "none"), "kernel 'five' is no version"),
        (("5.4", "user_reed", "none"), "access 'user_reed' is unknown: it must be one of"),
        (
            ("5.4", "read_zero", "none"),
            "access read_zero (the kernel, copying from or to user memory) is not",
        ),
        (("5.4", "user_read", "sig0"), "event 'sig0' is unknown"),
        (("5.4", "user_read", "none", "--mem", "shmem"), "mem shmem is not modelled"),
        (("5.4", "user_read", "none", "--mem", "disk"), "mem 'disk' is unknown"),
        (("5.4", "user_read", "none", "--user-mode-only"), "it came with Linux 5.11"),
    ],
)
def test_what_can_t_be_predicted_gets_one_message(faultlab: Any, words: list[str], message: str) -> None:
    said = predict(faultlab, *words, "--json")
    assert (said.status, said.out) == (2, "")
    assert message in said.err


def test_the_commands_are_known_without_loading_the_emulator() -> None:
    code = (
        "import sys, course.conform.command; "
        "print([name for name in sys.modules if name.startswith('pyemu.') or name in ('numpy', 'rich')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['pyemu.errors']\n"
