"""The guides are true: each page is followed in a copy of the project, and its links lead to files."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.guides.follow import ROOT, blocks, checkout, commands, follow

GUIDES = ROOT / "course" / "guides"
PAGES = sorted(GUIDES.glob("**/*.md"))
FOLLOWED = [page for page in PAGES if "```console" in page.read_text(encoding="utf-8")]
needs_git = pytest.mark.skipif(
    shutil.which("git") is None, reason="`git apply` applies the changes of a page"
)


def name(page: Path) -> str:
    return page.relative_to(GUIDES).as_posix()


@needs_git
@pytest.mark.parametrize("page", FOLLOWED, ids=name)
def test_a_page_can_be_followed(page: Path, tmp_path: Path) -> None:
    text = page.read_text(encoding="utf-8")
    done = follow(text, checkout(tmp_path / "faultlab"))
    assert [step.problem for step in done if step.problem] == []
    said = sum(len(commands(block.text)) for block in blocks(text) if block.kind == "console")
    assert len(done) >= said > 0


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_each_link_of_a_page_leads_to_a_file_that_is_there(page: Path) -> None:
    text = re.sub(r"```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    links = [link for link in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


PAGE = """
```toml file=new/x.toml
a = 1
```
```console
$ cat new/x.toml
a = {a}
$ ls {file}
```
"""


def test_what_a_page_says_is_compared(tmp_path: Path) -> None:
    assert [step.problem for step in follow(PAGE.format(a=1, file="new"), tmp_path)] == ["", ""]
    (step,) = follow(PAGE.format(a=2, file="new"), tmp_path)
    assert "the page says:\na = 2" in step.problem
    assert "it printed:\na = 1" in step.problem


def test_a_command_that_fails_without_a_text_is_a_problem_and_ends_the_page(tmp_path: Path) -> None:
    *_, last = follow(PAGE.format(a="...", file="none && echo more"), tmp_path)
    assert "ended with status 2" in last.problem


@needs_git
def test_a_change_that_does_not_fit_any_more_is_a_problem(tmp_path: Path) -> None:
    page = "```diff\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-one\n+two\n```\n"
    (tmp_path / "x").write_text("one\n")
    assert [step.problem for step in follow(page, tmp_path)] == [""]
    assert (tmp_path / "x").read_text() == "two\n"
    assert "does not apply" in follow(page, tmp_path)[0].problem
