"""Marks stand where the C handles objects, and nowhere else."""

from __future__ import annotations

import pytest

from course.compiled import annotate, refusal, typed
from course.compiled.lines import object_lines

VIEW = {"numbers": "const uint64_t[::1]", "i": "Py_ssize_t", "x": "uint64_t"}


@pytest.mark.parametrize(
    ("number", "n_marked"),
    [("0x7FFFFFFF", 0), ("0x80000000", 1), ("1 << 30", 0), ("1 << 31", 1), ("<uint64_t>0x80000000", 0)],
)
def test_numbers_from_31_bits_on_are_objects(number: str, n_marked: int) -> None:
    text = f"from libc.stdint cimport uint64_t\n\ndef f(uint64_t x):\n    x = x & ({number})\n    return x"
    assert len(object_lines(text)) == n_marked


def test_a_check_of_bounds_handles_no_object() -> None:
    text = typed("def f(numbers, i):\n    x = numbers[i]\n    return x", VIEW)
    assert object_lines(text) == []
    assert str(annotate(text)).endswith("No line handles a Python object.")


def test_each_object_has_its_mark() -> None:
    text = "def f(a, b):\n    c = a + b\n    return c"
    assert str(annotate(text)) == (
        "       | def f(a, b):\nobject |     c = a + b\n       |     return c\n\n"
        "Lines that handle Python objects: 1 of 1."
    )


def test_a_text_that_is_refused_is_told_and_not_marked() -> None:
    assert "line 2: x = nothing" in str(annotate("def f():\n    x = nothing"))


def test_nogil_refuses_what_the_annotation_marks() -> None:
    text = "def f(x):\n    x = x & 0x80000000"
    assert "Operation not allowed without gil" in str(refusal(typed(text, {"x": "uint64_t"}, nogil=True)))
    assert str(refusal(typed(text, {"x": "uint64_t", "0x80000000": "uint64_t"}, nogil=True))) == (
        "Cython translates the text."
    )
