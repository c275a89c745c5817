"""Tables of real kernels beside the emulator, a learner's rule, and the kernel that runs here."""

from __future__ import annotations

import pytest

from course.live import attempts_beside, minor_faults, noticed, own, own_kernel, rounds, tables, try_agrees
from course.live.agree import FALSE
from course.live.monitor import Answer
from course.live.tables import table_of
from course.live.uffd import Refused
from pyemu import Tree


def test_a_word_that_differs_gets_a_star(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"trace": "Xu1 A h54 M0 S1 W H404 A h270 H2", "outcome": "ret=5"}
    monkeypatch.setattr(tables, "predict_script", lambda *_: said)
    shown = attempts_beside("upto8")
    assert shown.starred == ("h70", "U")


def test_every_stored_trace_has_a_meaning_for_each_word() -> None:
    for tree, group in (
        ("upto8", "S13"),
        ("upto12", "S13"),
        ("v5_7", "S13"),
        ("upto8", "S12"),
        ("v5_7", "S12"),
    ):
        lines = attempts_beside(tree, group).table.lines
        assert all(line.cells[2] for line in lines)
        assert attempts_beside(tree, group).starred == ()


def test_what_a_victim_could_not_tell_gets_no_star() -> None:
    real = {
        "outcome": "SIGBUS",
        "messages": 1,
        "state_blocked": "S",
        "minflt": None,
        "majflt": None,
        "blocked_us": None,
    }
    model = real | {"outcome": "SIGBUS(code=2)", "minflt": 0, "majflt": 0, "blocked_us": 1}
    shown = table_of("", {"real": real, "model": model})
    assert shown.starred == ()
    assert "not told" in str(shown)


def test_a_spoilt_model_is_noticed_where_its_rows_ask() -> None:
    rows = noticed(Tree.v5_7, Tree.before, Tree.v5_7 - 10).table.lines
    assert [line.cells[1] for line in rows] == ["0 of 15", "10 of 15", "1 of 15"]


def test_rounds_and_minor_faults_name_the_kernels() -> None:
    assert [line.cells[0] for line in rounds().table.lines] == ["5.7.14", "6.1.176", "6.18.44"]
    assert [line.cells for line in minor_faults("6.18.44").table.lines][3] == ("sig1", "2", "+1", "+0")


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (lambda real, model, spins, frame: True, "0 of 7 noticed. Too lax."),
        (lambda real, model, spins, frame: False, "0 of 60 accepted. Too strict."),
        (lambda real, model, spins, frame: real["nothing"], "agrees failed: KeyError: 'nothing'"),
        (lambda real: True, "agrees failed: TypeError"),
        (
            lambda real, model, spins, frame: (
                (real["outcome"], real["majflt"], real["messages"])
                == (model["outcome"], model["majflt"], model["messages"])
            ),
            "messages is 4, the model says 3. In a busy loop",
        ),
    ],
)
def test_a_rule_is_told_what_is_wrong_with_it(rule, words, capsys) -> None:
    try_agrees(rule)
    assert words in " ".join(capsys.readouterr().out.split())


def test_each_false_model_is_a_tree_of_its_own() -> None:
    assert all(Tree.parse(tree) for trees in FALSE.values() for tree in trees)


def test_an_own_kernel_stands_beside_its_tree_and_linux_5_7(monkeypatch, capsys) -> None:
    result = {"outcome": "ret=5", "blocked_us": 50_100, "minflt": 1, "majflt": 0}
    told = Answer(True, [result], "done", "none", [0], [("blocked", "S")], ["message", "copy", "end"])
    monkeypatch.setattr(own, "ask", lambda *_: told)
    monkeypatch.setattr("platform.release", lambda: "6.17.1-generic")
    text = str(own_kernel("yes", event="none"))
    assert "your 6.17.1-generic" in text
    assert "v6_12 (nearest)" in text or "v6_18 (nearest)" in text
    assert "tree v5_7" in text
    assert "ordinary user" in capsys.readouterr().out


def test_a_refusal_shows_the_reason_and_the_recording(monkeypatch, capsys) -> None:
    def refuses(*_: object) -> Answer:
        raise Refused("a container filters the call.")

    monkeypatch.setattr(own, "ask", refuses)
    assert "real 6.18.44" in str(own_kernel("yes"))
    assert "Your kernel can't be asked: a container filters the call." in capsys.readouterr().out


def test_where_no_recording_is_stored_that_is_said(monkeypatch, capsys) -> None:
    assert own_kernel("", event="wake1", access="read_zero", user_mode_only=True) is None
    assert "no recording of read_zero wake1 is stored" in " ".join(capsys.readouterr().out.split())
