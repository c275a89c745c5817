"""The stepper in a real browser: by mouse, by keyboard, in each theme, with many events, with no request."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from course.views.compare import Mark
from course.views.moments import causes_first
from course.views.steps import Stepper, stepper
from pyemu import Scenario, Tree, run
from pyemu.flags import PAGE_MASK
from tests.browser.steppage import StepPage

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

ONE = stepper(run("S13", Tree.after))
TWO = stepper(run("S13", Tree.before), run("S13", Tree.after))
SIGNALS = stepper(run("S10a", Tree.after))
THEMES = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "forced": {"forced_colors": "active"},
}


@cache
def many(n_pages: int) -> Stepper:
    """A stepper of one run with a fault for each of many pages."""
    reads = ", ".join(f'{{ do = "read", area = "V", page = {page} }}' for page in range(n_pages))
    serves = ", ".join(
        f'{{ do = "wait_message" }}, {{ do = "copy", area = "V", page = {page}, byte = 5 }}'
        for page in range(n_pages)
    )
    text = f"""
version = 1
name = "many"
title = "Many faults"
story = "T reads page after page; M brings each."
machine = {{ ram_pages = {2 * n_pages + 200} }}
areas = [{{ name = "V", pages = {n_pages}, userfaultfd = true }}]
[[tasks]]
name = "T"
program = [{reads}]
[[tasks]]
name = "M"
monitor = true
program = [{serves}]
"""
    return stepper(run(Scenario.from_toml(text), Tree.after, history=True))


@pytest.fixture
def one(chromium: Browser, tmp_path: Path) -> Iterator[StepPage]:
    page = StepPage(chromium, ONE, tmp_path)
    yield page
    page.page.close()


@pytest.fixture
def two(chromium: Browser, tmp_path: Path) -> Iterator[StepPage]:
    page = StepPage(chromium, TWO, tmp_path)
    yield page
    page.page.close()


def test_the_page_shows_what_the_text_form_says_at_its_start(two: StepPage) -> None:
    panel = TWO.panel(TWO.start)
    assert (two.place, two.said) == (TWO.start, panel.sentence)
    assert two.rows("Now") == {line.cells[0]: list(line.cells[1:]) for line in panel.table.lines}


def test_by_keyboard_alone_from_the_first_event_to_the_last_and_back(one: StepPage) -> None:
    for _ in range(20):  # Tab reaches the slider
        one.press("Tab")
        if one.page.evaluate("document.activeElement.type") == "range":
            break
    one.press("Home")
    seen = []
    for place in range(len(ONE)):
        assert one.place == place
        seen.append(one.said)
        one.press("ArrowRight")
    assert seen == [ONE.panel(place).sentence for place in range(len(ONE))]
    assert one.place == len(ONE) - 1
    for place in range(len(ONE) - 1, -1, -1):
        assert (one.place, one.said) == (place, seen[place])
        one.press("ArrowLeft")


def test_keys_jump_to_the_next_retry_signal_and_fault(
    chromium: Browser, one: StepPage, tmp_path: Path
) -> None:
    one.page.locator("input[type=range]").focus()
    retry = ONE.next_retry(0)
    assert one.press("Home", "r").place == retry
    assert one.press("r").place == ONE.next_retry(retry)
    assert one.press("r").said.startswith("There is no later retry.")
    assert one.press("Home", "f").place == next(
        place for place, row in enumerate(ONE.rows) if row.left and row.left.event.kind == "exception"
    )
    other = StepPage(chromium, SIGNALS, tmp_path)
    other.page.locator("input[type=range]").focus()
    kind = SIGNALS.rows[other.press("Home", "s").place].left
    assert kind is not None
    assert kind.event.kind.startswith("signal")


def test_keys_do_not_reach_the_page_around(one: StepPage) -> None:
    one.page.evaluate("window.heard = []; addEventListener('keydown', (event) => heard.push(event.key))")
    one.page.locator("input[type=range]").focus()
    one.press("ArrowRight", "r", "j", "End", "Tab")
    assert one.page.evaluate("heard") == ["Tab"]


def test_by_mouse_on_buttons_bars_and_slider(one: StepPage) -> None:
    assert one.click("Last").place == len(ONE) - 1
    assert one.click("Back").place == len(ONE) - 2
    assert one.click("First").click("Forward").place == 1
    assert one.click("Next retry").place == ONE.next_retry(1)
    box = one.page.locator("canvas").nth(1).bounding_box()
    assert box is not None
    one.page.mouse.move(box["x"] + 100, box["y"] + 40)
    one.page.mouse.down()
    one.settle()
    assert one.place == 0
    one.page.mouse.move(box["x"] + box["width"] - 5, box["y"] + 40, steps=4)
    one.page.mouse.up()
    one.settle()
    assert one.place == len(ONE) - 1
    one.page.locator("input[type=range]").fill("3")
    one.settle()
    assert one.place == 3


def test_the_source_stands_at_the_line_that_takes_the_lock(one: StepPage) -> None:
    place = next(i for i, row in enumerate(ONE.rows) if row.left and row.left.event.kind == "lock_taken")
    one.page.locator("input[type=range]").fill(str(place))
    one.settle()
    (line,) = one.marked()
    assert "await lock_mm(" in line
    assert "do_user_addr_fault" in one.page.locator("figcaption").inner_text()


def test_panels_show_queue_lock_entry_and_tlb_as_the_fault_is_served(one: StepPage) -> None:
    one.page.locator("input[type=range]").focus()
    seen: dict[str, set[str]] = {}
    for _ in range(len(ONE)):
        for panel in ("mmap_sem", "Page table", "TLB", "userfaultfd", "Tasks"):
            for name, (text,) in one.rows(panel).items():
                seen.setdefault(f"{panel}/{name}", set()).add(text)
        one.press("ArrowRight")
    assert seen["mmap_sem/owner"] == {"free", "T (reading)", "M (reading)"}
    assert {"nothing", "frame 8: P RW US A D"} <= seen["Page table/0x7f0000001000"]
    assert "0x7f0000001000 is frame 8: RW US D" in seen["TLB/CPU 1, L1 set 1"]
    assert "T at 0x7f0000001000" in seen["userfaultfd/userfaultfd 1: read"]
    assert "sleeps (S)" in seen["Tasks/T"]


def test_with_two_runs_both_sources_are_of_the_task_of_the_event(two: StepPage) -> None:
    two.page.locator("input[type=range]").focus()
    two.press("ArrowRight")
    task = next(one.task for one in (TWO.rows[TWO.start + 1].left, TWO.rows[TWO.start + 1].right) if one)
    captions = two.page.locator("figcaption").all_inner_texts()
    assert [one.split(" in ")[0] for one in captions] == [f"{label}: {task}" for label in TWO.labels]


def test_two_runs_have_one_cursor_and_the_parting_is_marked(two: StepPage) -> None:
    assert two.page.locator(".fl-where").inner_text().endswith(">> here the runs part")
    two.page.locator("input[type=range]").focus()
    two.press("ArrowRight")
    row = TWO.rows[TWO.start + 1]
    assert row.mark is Mark.ALONE
    assert two.said == TWO.panel(TWO.start + 1).sentence
    assert two.page.locator("thead th", has_text="tree after").count() > 1


def test_every_event_can_be_shown_and_the_cursor_keeps_its_event(one: StepPage) -> None:
    one.click("Next retry")
    said = one.said
    one.page.get_by_role("checkbox").check()
    one.settle()
    assert one.said == said
    assert (
        one.page.locator(".fl-where").inner_text().split(",")[0].endswith(f"of {len(ONE.results[0].trace)}")
    )
    one.page.get_by_role("checkbox").uncheck()
    one.settle()
    assert (one.place, one.said) == (ONE.next_retry(0), said)


def test_the_table_says_what_the_bars_show(one: StepPage) -> None:
    one.click("Show as table")
    rows = one.page.locator(".fl-listing tbody tr")
    assert rows.count() == min(50, len(ONE))
    one.press("Home")
    assert rows.nth(0).inner_text().split("\t")[-1] == ONE.panel(0).sentence
    assert one.page.locator(".fl-listing [aria-current]").count() == 1
    one.click("Hide table")
    assert not one.page.locator(".fl-listing").is_visible()


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ratio", [1, 2])
def test_bars_are_drawn_in_every_theme_and_at_each_resolution(
    chromium: Browser, tmp_path: Path, theme: str, ratio: int
) -> None:
    shown = StepPage(chromium, TWO, tmp_path, device_scale_factor=ratio, **THEMES[theme])
    canvas = shown.page.locator("canvas").nth(1)
    width, pixels = canvas.evaluate("(one) => [one.clientWidth, one.width]")
    assert pixels == ratio * width
    assert shown.colours() > 8
    assert shown.errors == []
    shown.page.screenshot(path=tmp_path / f"{theme}-{ratio}.png", full_page=True)
    shown.page.close()


def test_a_change_of_theme_and_of_width_draws_anew(one: StepPage) -> None:
    picture = "() => document.querySelectorAll('canvas')[1].toDataURL()"
    light = one.page.evaluate(picture)
    one.page.emulate_media(color_scheme="dark")
    one.settle()
    dark = one.page.evaluate(picture)
    one.page.evaluate("document.body.dataset.jpThemeLight = 'true'")  # as JupyterLab says it
    one.settle()
    assert one.page.evaluate(picture) == light != dark
    one.page.set_viewport_size({"width": 420, "height": 900})
    one.settle()
    width = one.page.evaluate("document.querySelectorAll('canvas')[1].width")
    assert width < 420
    assert one.page.evaluate("document.documentElement.scrollWidth") <= 420


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("view", [ONE, TWO], ids=["one", "two"])
def test_axe_finds_no_violation(chromium: Browser, tmp_path: Path, view: Stepper, theme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="carries axe-core")
    shown = StepPage(chromium, view, tmp_path, **THEMES[theme])
    shown.click("Show as table")
    found = axe.Axe().run(shown.page)
    assert found.response["passes"]
    assert [
        (one["id"], [node["html"] for node in one["nodes"]]) for one in found.response["violations"]
    ] == []
    shown.page.close()


def test_nothing_is_asked_for_but_the_page_itself(two: StepPage) -> None:
    two.page.locator("input[type=range]").focus()
    two.press("Home", "End", "r", "s", "f").click("Show as table")
    assert len(two.requests) == 1
    assert two.errors == []


@pytest.fixture(scope="module")
def big(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StepPage]:
    view = many(130)
    assert len(view.results[0].trace) >= 10_000
    page = StepPage(chromium, view, tmp_path_factory.mktemp("big"))
    page.page.get_by_role("checkbox").check()
    page.settle()
    yield page
    page.page.close()


def test_ten_thousand_events_are_one_small_message() -> None:
    wire = many(130).wire
    assert len(wire.data) < 1_500_000
    assert len(str(wire.names)) < 1_000_000


def test_a_long_panel_shows_what_changed_and_the_first_panel_keeps_its_lines(big: StepPage) -> None:
    big.page.locator("input[type=range]").focus()
    lines = list(big.press("Home").rows("Now"))
    assert {"time", "T", "mmap_sem"} <= set(lines)
    events = list(causes_first(many(130).results[0].trace))
    for place in [i for i, event in enumerate(events) if event.kind == "pte"][::40]:
        big.page.locator("input[type=range]").fill(str(place))
        big.settle()
        shown = big.rows("Page table")
        assert len(shown) <= 16
        assert shown[f"{int(events[place].a) & PAGE_MASK:#x}"][0].startswith("frame")
        assert list(big.rows("Now")) == lines


def test_two_hundred_steps_through_ten_thousand_events_block_no_frame(big: StepPage) -> None:
    big.page.locator("input[type=range]").focus()
    big.press("Home", "PageDown", "PageDown")
    assert big.place == 200
    work, intervals = big.page.evaluate(
        """async () => {
            const slider = document.querySelector("input[type=range]");
            const frame = () => new Promise((done) => requestAnimationFrame(done));
            const work = [], intervals = [];
            let before = await frame();
            for (let i = 0; i < 200; i += 1) {
                slider.value = slider.valueAsNumber + 1;
                slider.dispatchEvent(new Event("input"));
                const start = performance.now();
                const now = await frame();  // the stepper's own callback runs first
                work.push(performance.now() - now);
                intervals.push(now - before);
                before = now;
            }
            return [work, intervals];
        }"""
    )
    middle, worst = sorted(work)[len(work) // 2], max(work)
    frames = sorted(intervals)
    print(
        f"\\nwork a step: median {middle:.2f} ms, worst {worst:.2f} ms; "
        f"frames: median {frames[100]:.1f} ms, worst {frames[-1]:.1f} ms"
    )
    assert big.place == 400
    assert middle < frames[len(frames) // 2]  # steps leave room in a frame
