"""Demos without a browser: scripts to be followed, handouts, pages that ask for nothing, the command."""

from __future__ import annotations

import re
import socket
from importlib.resources import files
from pathlib import Path

import pytest
from typer.testing import CliRunner

from course.cli import app
from course.demos import DEMOS, make
from course.demos.handout import handout
from course.demos.page import page
from course.demos.script import Vote
from course.demos.server import serve
from pyemu.errors import FaultlabError

MINUTES = {
    "one-fault": 6,
    "tlb-reach": 5,
    "who-holds": 7,
    "signal-grid": 7,
    "busy-loop": 6,
    "bisect-live": 8,
}


@pytest.mark.parametrize("name", DEMOS)
def test_a_script_takes_the_minutes_that_are_planned(name: str) -> None:
    assert make(name).minutes == pytest.approx(MINUTES[name], abs=0.1)


@pytest.mark.parametrize("name", DEMOS)
def test_a_script_says_what_to_look_for_at_each_step_and_answers_each_vote_that_has_an_answer(
    name: str,
) -> None:
    demo = make(name)
    assert all(step.sees and step.pictures for step in demo.steps)
    open_ = [step.vote for step in demo.steps if step.vote]
    shown = [step.reveals for step in demo.steps if step.reveals]
    assert sorted(open_) == sorted(demo.votes)
    assert shown == [vote for vote in open_ if demo.votes[vote].right]


@pytest.mark.parametrize("name", DEMOS)
def test_a_handout_asks_everything_before_it_answers(name: str) -> None:
    demo = make(name)
    asked, seen = handout(demo).split('<div class="answers">')
    for vote in demo.votes.values():
        assert vote.question.replace("'", "&#x27;") in asked
        assert all(f"☐ {choice}" in asked for choice in vote.choices)
        assert not any(f"{who}: {choice}" in asked for choice, who in vote.right.items())
        assert all(f"{who}: {choice}" in seen for choice, who in vote.right.items())


def test_the_same_demo_is_the_same_page() -> None:
    assert page(make("busy-loop")) == page(make("busy-loop"))


@pytest.mark.parametrize("words", ["http:", "https:", "fetch(", "XMLHttpRequest", "import(", "url("])
def test_scripts_and_style_ask_for_nothing(words: str) -> None:
    for one in (files("course.demos") / "static").iterdir():
        assert words not in one.read_text(encoding="utf-8"), one.name


def test_the_template_names_no_other_host() -> None:
    template = files("course") / "jupyter" / "voila" / "templates" / "faultlab" / "index.html.j2"
    assert not re.search(r"//[a-z]", template.read_text(encoding="utf-8"))


@pytest.mark.parametrize("choices", [("one",), tuple("0123456789")])
def test_a_vote_has_a_digit_for_each_choice(choices: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=f"has {len(choices)} choices; give it 2 to 9"):
        Vote("How many?", choices, {})


def test_an_answer_is_one_of_the_choices() -> None:
    with pytest.raises(ValueError, match=r"answers \['three'\]; take them from its choices"):
        Vote("How many?", ("one", "two"), {"three": "Linux 5.7"})


def test_the_list_names_each_demo_with_its_minutes() -> None:
    lines = CliRunner().invoke(app, ["demo", "--list"]).output.splitlines()
    assert [line.split()[0] for line in lines] == list(DEMOS)
    assert [int(line.split()[1]) for line in lines] == [MINUTES[name] for name in DEMOS]


def test_a_demo_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(FaultlabError, match="no demo 'two-faults': take one of one-fault, tlb-reach"):
        CliRunner().invoke(app, ["demo", "two-faults"], catch_exceptions=False)


def test_a_handout_and_a_page_are_written_without_a_server(tmp_path: Path) -> None:
    paper, screen = tmp_path / "handout.html", tmp_path / "page.html"
    CliRunner().invoke(app, ["demo", "one-fault", f"--handout={paper}", f"--page={screen}"])
    assert paper.read_text(encoding="utf-8") == handout(make("one-fault"))
    assert screen.read_text(encoding="utf-8") == page(make("one-fault"))


def test_a_port_that_is_taken_is_told_with_another_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(FaultlabError, match=f"port {port} is taken .*--port {port + 1}"):
            serve("one-fault", port, browser=False)
