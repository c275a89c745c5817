"""Numbers in prose come from code."""

from __future__ import annotations

import pytest

from course.material.numbers import fill, harvest
from course.material.source import Cell, markdown_cell
from pyemu.errors import MaterialError


def publishing(result: str, cell_id: str = "p") -> Cell:
    output = {"output_type": "execute_result", "data": {"text/plain": result}}
    return {
        "cell_type": "code",
        "id": cell_id,
        "metadata": {"tags": ["numbers"]},
        "source": "...",
        "outputs": [output],
    }


def test_a_publishing_cell_gives_its_values_and_disappears():
    text = markdown_cell("m", "words")
    cells, values = harvest([text, publishing("{'n': 3, 'who': 'T'}")], "test")
    assert cells == [text]
    assert values == {"n": 3, "who": "T"}


@pytest.mark.parametrize(
    ("value", "written"),
    [(1234567, "1,234,567"), (0.125, "0.125"), (2 / 3, "0.666667"), ("SIGBUS", "SIGBUS")],
)
def test_a_value_is_written_for_readers(value, written):
    (cell,) = fill([markdown_cell("m", "It is {{ n }}, yes {{n}}.")], {"n": value}, "test")
    assert cell["source"] == f"It is {written}, yes {written}."


def test_an_unfilled_place_names_file_cell_and_what_there_is():
    with pytest.raises(MaterialError, match=r"00\.py, cell 'm': \{\{m\}\} is not filled.*published: n"):
        fill([markdown_cell("m", "{{n}} and {{m}}")], {"n": 1}, "00.py")


def test_a_value_that_no_text_uses_is_refused():
    with pytest.raises(MaterialError, match="'n' is published but no text uses it"):
        fill([markdown_cell("m", "no place")], {"n": 1}, "00.py")


@pytest.mark.parametrize(
    ("result", "complaint"),
    [
        ("3", "must end in a dictionary of literals; it ends in 3"),
        ("{'n': np.int64(3)}", "must end in a dictionary of literals"),
        ("{'n': [1]}", r"publishes 'n': \[1\]"),
        ("{'n': True}", "publishes 'n': True"),
        ("{'not a name': 1}", "publishes 'not a name'"),
    ],
)
def test_what_is_no_dictionary_of_plain_values_is_refused(result, complaint):
    with pytest.raises(MaterialError, match=complaint):
        harvest([publishing(result)], "test")


def test_a_name_is_published_once():
    with pytest.raises(MaterialError, match="cell 'q' publishes 'n' again"):
        harvest([publishing("{'n': 1}"), publishing("{'n': 2}", "q")], "test")
