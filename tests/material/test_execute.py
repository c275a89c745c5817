"""Notebooks run in a fresh kernel, and their outputs are the same in every run."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from course.material.execute import run
from course.material.source import Notebook, new_notebook
from pyemu.errors import MaterialError


def notebook(*sources: str) -> Notebook:
    return new_notebook(
        [
            {
                "cell_type": "code",
                "id": f"c{n}",
                "metadata": {"tags": ["raises-exception"]} if "raise " in source else {},
                "source": textwrap.dedent(source).strip(),
                "outputs": [],
                "execution_count": None,
            }
            for n, source in enumerate(sources)
        ]
    )


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> list[list[dict[str, Any]]]:
    """The outputs of a few cells, run together because a kernel takes seconds to start."""
    with pytest.MonkeyPatch.context() as patch:
        startup = tmp_path_factory.mktemp("ipython") / "profile_default" / "startup"
        startup.mkdir(parents=True)
        (startup / "00.py").write_text("print('start-up file of a person')\nFOREIGN = 1\n")
        patch.setenv("IPYTHONDIR", str(startup.parents[1]))
        executed = run(
            notebook(
                "import os\nos.listdir()",
                "import ipywidgets\nipywidgets.IntSlider()",
                "import sys, time\nfor n in range(3):\n    print(n, flush=True)\n    time.sleep(0.05)",
                "raise ValueError('as asked')",
                "'FOREIGN' in globals()",
                "import course, pyemu\nfrom pathlib import Path\n"
                "Path(course.__file__).parents[1] == Path(pyemu.__file__).parents[1]",
            ),
            "test",
        )
    return [cell["outputs"] for cell in executed["cells"]]


def test_the_kernel_starts_in_an_empty_folder(outputs):
    assert outputs[0][0]["data"]["text/plain"] == "[]"


def test_a_widget_is_stored_as_text_without_its_random_model_id(outputs):
    assert outputs[1][0]["data"] == {"text/plain": "IntSlider(value=0)"}


def test_pieces_of_a_stream_are_joined(outputs):
    assert outputs[2] == [{"output_type": "stream", "name": "stdout", "text": "0\n1\n2\n"}]


def test_an_expected_error_keeps_its_last_line_only(outputs):
    (error,) = outputs[3]
    assert error["traceback"] == ["ValueError: as asked"]


def test_start_up_files_of_a_person_do_not_run(outputs):
    assert outputs[4][0]["data"]["text/plain"] == "False"


def test_the_kernel_runs_the_code_beside_this_build(outputs):
    assert outputs[5][0]["data"]["text/plain"] == "True"


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("object()", "cell 'c0' shows the address of an object"),
        ("import os\nprint(os.getcwd())", "cell 'c0' shows its folder"),
        ("1 / 0", "cell 'c0' raised ZeroDivisionError"),
        ("import os\nos._exit(1)", "cell 'c0': Kernel died"),
        (
            "from IPython.display import display\ndisplay({'text/html': '<b>x</b>'}, raw=True)",
            r"cell 'c0': an output has only \['text/html'\]",
        ),
    ],
)
def test_a_cell_that_cannot_be_stored_is_named(source, complaint):
    with pytest.raises(MaterialError, match=complaint):
        run(notebook(source), "test")
