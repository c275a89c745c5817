"""What the browser reads from the wire is what the text form says: read by the same JavaScript, in Node."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from course.views.stepping.lanes import lanes
from course.views.stepping.rows import Side
from course.views.stepping.widget import script
from course.views.steps import Stepper, stepper
from tests.views.runs import SCENARIOS, on

NODE = shutil.which("node")
DRIVER = """
import { readFileSync } from "node:fs";
const [names, data] = process.argv.slice(2);
const bytes = readFileSync(data);
const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const walk = new Walk(JSON.parse(readFileSync(names)), view);
const slots = walk.names.slots;
const texts = (run, event) => Array.from(run.state(event).texts, (place) => walk.text(place));
const story = Array.from(walk.story, (row, i) => ({
  head: `Event ${i + 1} of ${walk.story.length}${walk.markWords(row)}`,
  sentence: walk.sentence(row),
  facts: walk.runs.map((run, k) =>
    texts(run, walk.latest[k][row]).map((text, slot) => [slots[slot], text])
      .filter(([[panel]]) => panel === 0)
      .map(([[, name], text]) => [name, text || "-"])),
}));
const wrong = walk.runs.map((run) => {
  const forwards = Array.from({ length: run.length }, (_, event) => texts(run, event).join("|"));
  let event = 0;
  let differ = 0;
  for (let i = 0; i < 500; i += 1) {
    event = (event * 1103515245 + 12345) % run.length;
    differ += texts(run, event).join("|") !== forwards[event];
  }
  return differ;
});
const retries = [];
for (let at = -1; (at = walk.next(walk.story, at, RETRY)) >= 0; ) retries.push(at);
const places = Array.from(walk.every, (row) => placeOf(walk.story, row));
const upTo = (row) => walk.story.filter((one) => one <= row).length;
const counted = Array.from(walk.every, (row) => Math.max(0, upTo(row) - 1));
const lost = places.filter((place, row) => place !== counted[row]).length;
console.log(JSON.stringify({ story, wrong, retries, lost, every: walk.every.length }));
"""


def read(view: Stepper, folder: Path) -> dict[str, Any]:
    """Give what Node reads."""
    if NODE is None:
        pytest.skip("no node on PATH: the module is run by the browser tests alone")
    names, data, module = folder / "names.json", folder / "data", folder / "read.mjs"
    names.write_text(json.dumps(view.wire.names))
    data.write_bytes(view.wire.data)
    run = (files("course.views.stepping") / "static" / "run.js").read_text(encoding="utf-8")
    module.write_text(run + DRIVER)
    done = subprocess.run([NODE, module, names, data], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("trees", [("before",), ("before", "after")], ids="-".join)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_browser_tells_what_the_text_form_tells(scenario: str, trees: tuple[str, ...], tmp_path: Path):
    view = stepper(*(on(scenario, tree) for tree in trees))
    found = read(view, tmp_path)
    assert len(found["story"]) == len(view)
    for place, told in enumerate(found["story"]):
        panel = view.panel(place)
        assert (told["head"], told["sentence"]) == (panel.head, panel.sentence)
        columns = len(view.labels)
        shown = [[[line.cells[0], line.cells[k + 1]] for line in panel.table.lines] for k in range(columns)]
        assert told["facts"] == shown
    assert found["every"] >= max(len(result.trace) for result in view.results)
    nexts = [place for place in range(len(view)) if place and view.next_retry(place - 1) == place]
    assert found["retries"] == nexts
    assert found["lost"] == 0


def test_jumps_find_the_state_that_steps_find(tmp_path: Path):
    assert read(stepper(on("signal-storm", "after")), tmp_path)["wrong"] == [0]  # more than one key frame


def test_the_same_runs_give_the_same_bytes():
    first, again = (stepper(on("S13", "before"), on("S13", "after")).wire for _ in range(2))
    assert (first.names, first.data) == (again.names, again.data)
    assert json.loads(json.dumps(first.names)) == first.names


def test_one_script_holds_all_modules_and_imports_nothing():
    text = script()
    assert "\nimport " not in text
    assert text.count("export function mount") == 1
    for name in ("class Walk", "class Picture", "class Panels", "export function mount"):
        assert text.count(name) == 1


@pytest.mark.parametrize("words", ["http:", "https:", "fetch(", "XMLHttpRequest", "import("])
def test_the_script_and_the_style_ask_for_nothing(words: str):
    folder = files("course.views.stepping") / "static"
    for path in folder.iterdir():
        assert words not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_lane_of_a_task_sleeps_as_long_as_the_task_does(scenario: str):
    trace = on(scenario, "after").trace
    side = Side.of(trace)
    for lane in lanes(trace, side):
        if not lane.task:
            continue
        asleep = False
        for event, state in zip(side.events, lane.states, strict=True):
            if event.task == lane.task and event.kind in ("sleep", "wake"):
                asleep = event.kind == "sleep"
            assert (lane.bars[state].style in ("sleep", "wait")) == asleep or lane.bars[state].style == "none"
