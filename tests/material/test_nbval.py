"""Stock nbval says of each cell whether it still gives what is stored."""

from __future__ import annotations

from pathlib import Path

import pytest

from course.material.execute import run
from course.material.nbval import run_nbval
from course.material.source import Notebook, new_notebook, write_notebook
from pyemu.errors import MaterialError


@pytest.fixture(scope="module")
def executed() -> Notebook:
    sources = ["x = 1\nx", "import ipywidgets\nipywidgets.IntSlider()", "print(x)", "# NBVAL_SKIP\nprint(x)"]
    return run(
        new_notebook(
            [
                {
                    "cell_type": "code",
                    "id": f"c{n}",
                    "metadata": {},
                    "source": source,
                    "outputs": [],
                    "execution_count": None,
                }
                for n, source in enumerate(sources)
            ]
        ),
        "test",
    )


def test_what_was_built_is_green_and_a_changed_output_red(executed, tmp_path: Path, monkeypatch):
    (tmp_path / "conftest.py").write_text("raise RuntimeError('a conftest beside the notebook took part')\n")
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    path = tmp_path / "one.ipynb"
    path.write_text(write_notebook(executed).replace('"1\\n"', '"2\\n"'))
    results = run_nbval(path)
    assert [(result.number, result.outcome) for result in results] == [
        (0, "passed"),
        (1, "passed"),
        (2, "failed"),
        (3, "skipped"),
    ]
    assert "Cell outputs differ" in results[2].message


def test_a_file_that_is_no_notebook_is_named(tmp_path: Path):
    path = tmp_path / "broken.ipynb"
    path.write_text("{")
    with pytest.raises(MaterialError, match=r"broken\.ipynb did not run"):
        run_nbval(path)
