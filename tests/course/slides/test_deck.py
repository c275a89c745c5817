"""What becomes of a lesson on slides; nothing of it needs npm."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from course.curriculum import lesson_number
from course.shelf import material
from course.slides.deck import HEIGHT, OUTPUT_LINES, ROWS, blocks, deck, height
from course.slides.pages import ASSETS, OURS, REVEAL, page

LESSONS = sorted(material("lessons").glob("*.ipynb"))
FIRST = next(path for path in LESSONS if lesson_number(path) == "00")


def code(source: str, *outputs: dict[str, Any]) -> dict[str, Any]:
    return {"cell_type": "code", "id": "c", "metadata": {}, "source": source, "outputs": list(outputs)}


def prose(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": "m", "metadata": {}, "source": source}


def printed(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def shown(*cells: dict[str, Any]) -> list[tuple[str, str]]:
    made = deck({"metadata": {"title": "T"}, "nbformat": 4, "nbformat_minor": 5, "cells": list(cells)})
    return [(one["metadata"]["slideshow"]["slide_type"], one["source"]) for one in made["cells"]]


def test_a_phase_begins_a_column_and_a_part_of_it_a_slide_below():
    kinds = shown(prose("# A lesson"), prose("## Story\n\nWords."), prose("### Part\n\nMore."))
    assert [kind for kind, _ in kinds] == ["slide", "slide", "-", "subslide", "-"]


def test_what_does_not_fit_goes_on_below_with_the_heading_once_more():
    made = shown(prose("## Story"), *(prose(f"{n} " + "word " * 80) for n in range(6)))
    assert ("subslide", '<p class="above">Story</p>') in made
    assert sum(source.startswith("5 ") for _, source in made) == 1


def test_a_question_comes_without_its_cell_and_its_choices_are_explained_in_the_notes():
    (kind, asked), (notes, said) = shown(prose("## Predict"), code('predict("00-wake", "")', printed("...")))[
        1:
    ]
    assert (kind, notes) == ("-", "notes")
    assert "- **D** " in asked
    assert "predict(" not in asked
    assert "comes true if the run gives SIGBUS(code=2)" in said
    right = shown(prose("## Q"), code('answer("00-older", "")'))[2][1]
    assert re.search(r"- \*\*C\*\* right\. The second attempt", right)


def test_what_a_run_gave_waits_for_a_key_and_nobody_is_told_to_run_the_cell_again():
    output = printed("S13: SIGBUS\nThe run gave it.\nYou made no prediction. A guess helps.\n")
    made = shown(prose("## Run"), code('print(run())\nreveal("00-wake", "x")', output))
    assert [kind for kind, _ in made] == ["slide", "-", "fragment", "notes"]
    assert "The run gave it." in made[2][1]
    assert "prediction" not in made[2][1]


def test_what_is_long_says_how_much_more_the_notebook_has():
    text = "\n".join(f"line {n}" for n in range(40))
    told = shown(prose("## Run"), code("f()", printed(text)))[2][1]
    assert f"... {40 - OUTPUT_LINES + 1} more lines in the notebook" in told
    table = "<table>" + "".join(f"<tr><td>{n}</td></tr>" for n in range(30)) + "</table><p>after</p>"
    html = {"output_type": "execute_result", "data": {"text/html": table}}
    told = shown(prose("## Run"), code("g()", html))[2][1]
    assert f"... {30 - ROWS - 1} more rows in the notebook" in told
    assert told.endswith("</table><p>after</p></div>")


def test_a_short_output_is_whole_and_made_safe():
    told = shown(prose("## Run"), code("f()", printed("a < b\n")))[2][1]
    assert told == '<div class="output"><pre>a &lt; b</pre></div>'


def test_links_to_files_become_words():
    made = shown(prose("## Next\n\nSee [e04_loop](../exercises/e04_loop.ipynb) and [this](https://x.org)."))
    assert made[1][1] == "See e04_loop and [this](https://x.org)."


def test_code_is_never_cut():
    fence = "```c\nint a;\n\nint b;\n```"
    assert list(blocks(f"Before.\n{fence}\n\nAfter.")) == [f"Before.\n{fence}", "After."]


@pytest.mark.parametrize("path", LESSONS, ids=lesson_number)
def test_prose_is_kept_whole_and_no_block_is_taller_than_a_slide(path: Path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    made = deck(notebook)
    source = " ".join(one["source"] for one in made["cells"])
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            for block in blocks("".join(cell["source"])):
                assert height(block) <= HEIGHT
                assert "](" in block or block in source
    assert sum(one["metadata"]["slideshow"]["slide_type"] == "slide" for one in made["cells"]) > 5


def test_a_page_loads_the_files_beside_it_and_nothing_else():
    html = page(FIRST)
    loaded = re.findall(r'<(?:script|link|img|iframe)\b[^>]*?(?:src|href)="([^"]*)"', html)
    assert {one for one in loaded if not one.startswith("data:")} == {
        f"{ASSETS}/{name}" for name in {*REVEAL, *OURS} - {"LICENSE"}
    }
    assert "://" not in "".join(re.findall(r"<script\b.*?</script>", html, re.DOTALL))
    assert html.count('<aside class="notes">') > 3
    assert page(FIRST) == html
