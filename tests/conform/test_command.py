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
# A record of each of the other kinds; the values are made up.
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


def test_nothing_is_dropped_and_every_row_matches(faultlab: Any, files: Files, tmp_path: Path) -> None:
    said = faultlab("conform", *files.values(), "--json", tmp_path / "out.json")
    data = json.loads((tmp_path / "out.json").read_text())
    assert said.status == 0
    given = [json.loads(line) for path in files.values() for line in path.read_text().splitlines()]
    assert [(row["kernel"], row["kind"]) for row in data["rows"]] == [
        (line["kernel"], line["kind"]) for line in given
    ]
    assert data["sums"] == {"match": len(given), "mismatch": 0, "not modelled": 0}


def test_what_has_no_model_is_named_with_the_reason_and_costs_the_status(
    faultlab: Any, write: Callable[..., Path], tmp_path: Path
) -> None:
    said = faultlab("conform", write({**SCRIPT, "mem": "huge"}), "--json", tmp_path / "out.json")
    (row,) = json.loads((tmp_path / "out.json").read_text())["rows"]
    assert (said.status, row["verdict"], row["emulated"]) == (1, "not modelled", None)
    assert row["reason"].startswith("mem huge is not modelled")
    assert "Not modelled\n  1 records: mem huge is not modelled" in said.out


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
    assert [row["kind"] for row in rest] == ["sequence", "slow_file", "script"]
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


def test_a_kernel_without_a_tree_gets_the_nearest_and_the_report_says_so(
    faultlab: Any, write: Callable[..., Path], lines: Lines, tmp_path: Path
) -> None:
    path = write(*({**line, "kernel": "5.11.4"} for line in lines["5.7.14"]), lines["5.7.14"][0])
    said = faultlab("conform", path, "--json", tmp_path / "out.json")
    assert said.status == 0
    assert "v5_10 (nearest)" in said.out
    rows = json.loads((tmp_path / "out.json").read_text())["rows"]
    assert {(row["kernel"], row["emulated"], row["nearest"]) for row in rows} == {
        ("5.11.4", "v5_10", True),
        ("5.7.14", "v5_7", False),
    }


def test_a_tree_that_is_asked_for_is_not_said_to_be_the_nearest(
    faultlab: Any, write: Callable[..., Path], lines: Lines
) -> None:
    path = write(*({**line, "kernel": "5.11.4"} for line in lines["5.7.14"]))
    said = faultlab("conform", path, "--tree", "v5_7")
    assert said.status == 0
    assert "nearest" not in said.out


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


@pytest.mark.parametrize("kernel", ["5.4.59", "5.7.14", "5.10.223"])
def test_before_5_11_there_can_be_no_result_with_user_mode_only(
    kernel: str, faultlab: Any, write: Callable[..., Path], lines: Lines
) -> None:
    asked = {"kernel": kernel, "user_mode_only": True}
    said = faultlab("conform", write({**lines["5.7.14"][0], **asked}))
    assert said.status == 1
    assert "setup_error expected none, got EINVAL" in said.out
    names = {key: lines["5.7.14"][0][key] for key in ("kind", "access", "mem", "event")}
    assert faultlab("conform", write({**names, **asked, "setup_error": "EINVAL"})).status == 0
    assert faultlab("conform", write({**names, **asked, "setup_error": "EPERM"})).status == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["away.jsonl"], "away.jsonl don't exist"),
        (["RECORDS", "--tree", "after-99"], "99"),
        (["RECORDS", "--tree", "nine"], "tree 'nine' is unknown"),
        (["RECORDS", "--access", "user_reed"], "access 'user_reed' is unknown"),
        (["RECORDS", "--kernel", "new"], "kernel 'new' is no version"),
        (["RECORDS", "--kind", "slow"], "kind 'slow' is unknown"),
        (["RECORDS", "--kind", "script"], "no record is left"),
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
    assert set(found) == {*lines["5.4.59"][0], "emulated", "nearest"}
    types = {key: type(value) for key, value in lines["5.4.59"][0].items()}
    assert {key: type(found[key]) for key in types} == types
    assert (found["kernel"], found["event"], found["outcome"]) == ("5.4", "wake7", "SIGBUS(code=2)")


@pytest.mark.parametrize(("kernel", "minor"), [("5.4", 4), ("5.7.14", 0)])
def test_a_prediction_needs_no_record(faultlab: Any, kernel: str, minor: int) -> None:
    found = json.loads(predict(faultlab, kernel, "user_write", "sig4", "--json").out)
    assert (found["handler_runs"], found["messages"], found["minflt"]) == (4, 5, minor)


def test_a_prediction_is_explained_and_names_its_tree(faultlab: Any) -> None:
    out = predict(faultlab, "5.7", "user_write", "none").out
    assert out.startswith("userfault on kernel 5.7, tree v5_7\n")
    assert predict(faultlab, "5.12", "user_write", "none").out.startswith(
        "userfault on kernel 5.12, tree v5_10 (nearest)\n"
    )
    assert any(line.split()[:2] == ["outcome", "ret=7"] for line in out.splitlines())


def test_a_prediction_with_user_mode_only_before_5_11_is_the_setup_error(faultlab: Any) -> None:
    found = json.loads(predict(faultlab, "5.10", "user_read", "none", "--user-mode-only", "--json").out)
    assert (found["setup_error"], found["user_mode_only"]) == ("EINVAL", True)
    assert "outcome" not in found


@pytest.mark.parametrize("kind", ["userfault", "sequence", "slow_file"])
def test_a_filter_by_kind_takes_one_kind(kind: str, faultlab: Any, files: Files, tmp_path: Path) -> None:
    assert faultlab("conform", files["5.7.14"], "--kind", kind, "--json", tmp_path / "out.json").status == 0
    rows = json.loads((tmp_path / "out.json").read_text())["rows"]
    assert {row["kind"] for row in rows} == {kind}


@pytest.mark.parametrize(
    ("words", "outcome"),
    [
        (("--kernel", "5.7"), "ret=4096"),
        (("--kernel", "5.7", "--cpus", "1"), "HUNG"),
        (("--kernel", "5.7", "--cpus", "1", "--preemption"), "ret=4096"),
        (("--tree", "v5_7+B5", "--cpus", "1"), "ret=4096"),
        (("--kernel", "5.4", "--cpus", "1"), "ret=4096"),
        (("--kernel", "6.12"), "ret=4096"),
    ],
)
def test_one_cpu_without_preemption_hangs_in_the_busy_loop_of_5_7(
    words: tuple[str, ...], outcome: str, faultlab: Any
) -> None:
    said = faultlab("predict", *words, "--access", "pipe_write", "--event", "sig1", "--json")
    assert json.loads(said.out)["outcome"] == outcome


@pytest.mark.parametrize(("kernel", "faults"), [("5.4", (0, 1)), ("5.7", (1, 0))])
def test_a_prediction_of_the_slow_disk_tells_minor_from_major(
    kernel: str, faults: tuple[int, int], faultlab: Any
) -> None:
    words = ("--kernel", kernel, "--path", "random", "--event", "sig1", "--json")
    found = json.loads(faultlab("predict", *words).out)
    assert (found["kind"], found["outcome"], found["state_blocked"]) == ("slow_file", "ret=9", "D")
    assert (found["minflt"], found["majflt"]) == faults


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--path", "fast"), "path 'fast' is unknown: it must be one of readahead"),
        (("--path", "readahead", "--event", "close"), "event 'close' is unknown"),
        (("--case", "fork", "--step", "x"), "case 'fork' is not modelled: there are warmup; "),
        (("--case", "shmem", "--step", "x"), "step 'x' of case shmem is not modelled: there are read; "),
        (("--case", "thp_madvise", "--step", "write other 4K"), "huge pages on demand are not modelled"),
        (("--access", "pvm_huge", "--script", "m c"), "access pvm_huge is not modelled"),
        (("--access", "user_read", "--script", "m k c"), "word of the script 'k' is unknown"),
        (("--script", " "), "has 0 words: it must have 1 to 200"),
        (("--script", "m c", "--event", "sig1"), "--script and --event ask for two things"),
        (("--script", "m c", "--case", "shmem"), "--script and --case ask for two things"),
        (("--case", "shmem", "--access", "mlock"), "--case and --access ask for two things"),
        (("--path", "random", "--access", "mlock"), "--path and --access ask for two things"),
        (("--access", "mlock", "--step", "read"), "--step 'read' is a step of nothing"),
    ],
)
def test_an_unknown_name_of_another_kind_gets_one_message(
    words: tuple[str, ...], message: str, faultlab: Any
) -> None:
    said = faultlab("predict", "--kernel", "5.7", *words)
    assert (said.status, said.out) == (2, "")
    assert message in said.err


def test_a_prediction_of_a_script_has_the_whole_trace(faultlab: Any) -> None:
    words = ("--tree", "after-9", "--access", "user_read", "--script", "m p30 u1 p100 st c")
    found = json.loads(faultlab("predict", *words, "--json").out)
    assert (found["tree"], found["kernel"], found["kind"]) == ("after-9", "5.7.14", "script")
    assert found["trace"].startswith("Xu1 A h254 M0 S1 W H404 A h274 M0 H400 A h274 M0 H400")
    assert found["spin"] is True


@pytest.mark.parametrize(
    "words",
    [
        ("--access", "user_read", "--script", "m p30 c"),
        ("--case", "mprotect_ro", "--step", "write -> SIGSEGV"),
        ("--path", "random", "--event", "stop"),
        ("--access", "read_zero", "--user-mode-only"),
    ],
)
def test_every_field_of_every_kind_is_explained(words: tuple[str, ...], faultlab: Any) -> None:
    fields = json.loads(faultlab("predict", "--kernel", "5.7", *words, "--json").out)
    said = faultlab("predict", "--kernel", "5.7", *words)
    assert said.status == 0
    for name in fields.keys() - {"kernel", "kind", "emulated", "nearest"}:
        assert any(line.split()[:1] == [name] for line in said.out.splitlines()), name


def test_a_prediction_of_plain_steps_names_case_and_step(faultlab: Any) -> None:
    words = ("--kernel", "5.7", "--case", "zero_read_then_write", "--step", "read", "--json")
    found = json.loads(faultlab("predict", *words).out)
    assert (found["case"], found["step"], found["minflt"], found["pte"]) == (
        *("zero_read_then_write", "read"),
        *(1, "present zeropage"),
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("five", "user_read", "none"), "kernel 'five' is no version"),
        (("5.4", "user_reed", "none"), "access 'user_reed' is unknown: it must be one of"),
        (("5.4", "user_read", "sig0"), "event 'sig0' is unknown"),
        (("5.4", "user_read", "none", "--mem", "disk"), "mem 'disk' is unknown"),
        (("", "user_read", "none"), "no kernel is named"),
        (("5.4", "", "none"), "nothing is asked for"),
        (("5.4", "user_read", "none", "--tree", "after-99"), "99"),
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
