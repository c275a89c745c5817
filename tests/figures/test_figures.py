"""Figures say in words what they draw, are always the same, and keep what a notebook asks of a picture."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from functools import cache
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from course import figures
from course.figures.drawing import Drawing, Figure
from course.figures.holders import Span, spans
from course.figures.states import SLEEPS
from course.paging import Computer, frozen
from course.waiting import slow_page
from pyemu import Tree, run
from pyemu.errors import FaultlabError
from pyemu.flags import TASK_INTERRUPTIBLE, TASK_KILLABLE, TASK_STOPPED, TASK_UNINTERRUPTIBLE, state_letter
from pyemu.hw import TlbArray, TlbConfig

SVG = "{http://www.w3.org/2000/svg}"


@cache
def board(arch: str) -> Any:
    return run(slow_page(arch, reader=True), Tree.before)


@cache
def made(name: str) -> Figure:
    computer = Computer(TlbConfig((TlbArray(4, 2),)))
    computer.run([0, 1, 4, 0, 8, 4])
    return {
        "walk": lambda: figures.walk(frozen().walk(0x5E3018, "write")),
        "translated": lambda: figures.walk(frozen().walk(0x401123, "fetch")),
        "missing": lambda: figures.walk(computer.walk(0x7FFF00000000)),
        "tlb_sets": lambda: figures.tlb_sets(computer, 8),
        "lock_holders": lambda: figures.lock_holders(board("csky"), board("x86"), tasks="T W U"),
        "retry_loop": lambda: figures.retry_loop(Tree.before, Tree.after),
        "sleeps": figures.sleeps,
    }[name]()


NAMES = ("walk", "translated", "missing", "tlb_sets", "lock_holders", "retry_loop", "sleeps")


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_is_an_image_with_a_title_and_a_description(name: str) -> None:
    figure = made(name)
    root = ET.fromstring(figure.svg)
    assert root.get("role") == "img"
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert description is not None
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert (title.text, description.text) == (figure.title, " ".join(figure.says))


@pytest.mark.parametrize("name", NAMES)
def test_everything_lies_on_the_paper(name: str) -> None:
    root = ET.fromstring(made(name).svg)
    width, height = int(root.get("width", "")), int(root.get("height", ""))
    for one in root.findall(f"{SVG}rect")[1:]:
        x, y, wide, high = (int(one.get(key, "")) for key in ("x", "y", "width", "height"))
        assert 0 <= x <= x + wide <= width
        assert 0 <= y <= y + high <= height
    assert all(0 < int(one.get("y", "")) < height for one in root.iter(f"{SVG}text"))


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_gets_an_image_that_carries_its_words_and_asks_for_nothing(name: str) -> None:
    figure = made(name)
    html = figure._repr_html_()
    (data,) = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', html)
    assert base64.b64decode(data).decode() == figure.svg
    assert f'alt="{figure.title}.' in html
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)|url\((?!#)", figure.svg) == []


@pytest.mark.parametrize("name", NAMES)
def test_colour_is_never_alone(name: str) -> None:
    root = ET.fromstring(made(name).svg)
    words = {one.text for one in root.iter(f"{SVG}text")}
    coloured = {one.get("class") for one in root.findall(f"{SVG}rect")} & {"kernel", "run", "dots", "stripes"}
    letters = {"kernel": "R", "run": "W", "dots": "?", "stripes": "z"}
    assert {
        style for style in coloured if f"{letters[str(style)]}: " not in " ".join(map(str, words))
    } == set()


def test_bytes_do_not_depend_on_the_process() -> None:
    code = "from course import figures; from pyemu import Tree; print(figures.retry_loop(Tree.v5_7).svg)"
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1


def test_what_is_drawn_is_escaped() -> None:
    drawing = Drawing(100, 100)
    drawing.words(1, 20, "<b> & c")
    figure = drawing.figure('a "title" <i>', ["says <u>"])
    assert [one.text for one in ET.fromstring(figure.svg).iter(f"{SVG}text")] == ["<b> & c"]
    assert "<i>" not in figure._repr_html_()


def test_a_walk_that_ends_early_leaves_the_lower_tables_unread() -> None:
    assert made("missing").svg.count("not read") == 3
    assert "is not present" in " ".join(made("missing").says)


def test_a_walk_that_succeeds_ends_at_the_physical_address() -> None:
    assert made("translated").says[-1] == "The offset 0x123 is added: physical address 0x32ad123."


@pytest.mark.parametrize("task", ["T", "W", "U"])
def test_the_time_that_a_task_waits_is_what_the_table_of_waits_says(task: str) -> None:
    from course.waiting.waits import waited

    for arch in ("csky", "x86"):
        drawn = [one.end - one.start for one in spans(board(arch), task) if one.what == "waits"]
        assert sum(drawn) == waited(board(arch), task)


def test_the_lock_is_never_drawn_in_two_hands_of_which_one_writes() -> None:
    found = [(task, one) for task in "TWU" for one in spans(board("csky"), task)]
    held = [(task, one) for task, one in found if one.what in ("reading", "writing")]
    for task, one in held:
        for other, two in held:
            if task != other and "writing" in (one.what, two.what):
                assert one.end <= two.start or two.end <= one.start
    assert Span("reading", 0, 10001) in [one for task, one in held if task == "T"]


def test_a_loop_is_drawn_from_the_policies_of_its_tree() -> None:
    said = " ".join(figures.retry_loop(Tree.upto(12)).says)
    assert "followed once" in said
    assert "any signal leaves" in said
    assert "as often as it comes" in " ".join(figures.retry_loop(Tree.before + 13).says)


def test_the_letters_of_the_sleeps_are_those_that_proc_shows() -> None:
    states = TASK_INTERRUPTIBLE, TASK_KILLABLE, TASK_UNINTERRUPTIBLE, TASK_STOPPED
    assert [letter for letter, _, _ in SLEEPS] == [state_letter(one) for one in states]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: figures.lock_holders(), "got no run"),
        (lambda: figures.lock_holders(board("x86"), tasks="Q"), "has no task 'Q'; its tasks are T, W"),
        (lambda: figures.retry_loop(), "got no tree"),
        (lambda: figures.tlb_sets(Computer(), 8), "16 sets"),
    ],
)
def test_what_can_not_be_drawn_is_refused(call: Any, says: str) -> None:
    with pytest.raises(FaultlabError, match=says):
        call()


def test_every_figure_is_found_under_its_name() -> None:
    assert [name for name in figures.__all__ if not callable(getattr(figures, name))] == []
    with pytest.raises(AttributeError, match="no attribute 'wlak'; it has: lock_holders"):
        figures.wlak  # noqa: B018
