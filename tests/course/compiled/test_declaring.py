"""Types are written into a text, and its lines stay as they are."""

from __future__ import annotations

import pytest

from course.compiled import typed
from course.compiled.declaring import function_name, renamed
from pyemu.errors import CompileError

TEXT = "def f(a, b):\n    x = a + 0xFF\n    return x + b"


def test_parameters_variables_and_numbers_get_their_types() -> None:
    lines = typed(TEXT, {"a": "int", "x": "long", "0xFF": "char"}, checks=False).splitlines()
    assert lines[0] == "# cython: boundscheck=False, wraparound=False"
    assert lines[3:] == ["def f(int a, b):", "    cdef long x", "    x = a + <char>0xFF", "    return x + b"]


def test_without_the_lock_the_body_moves_in() -> None:
    assert typed("def f(a):\n    a = 1", {"a": "int"}, nogil=True).splitlines()[-2:] == [
        "    with nogil:",
        "        a = 1",
    ]


@pytest.mark.parametrize(
    ("text", "types", "said"),
    [
        (TEXT, {"y": "int"}, "no 'y'"),
        (TEXT, {"0xF": "int"}, "no '0xF'"),
        ("x = 1", {}, "must be one function"),
    ],
)
def test_what_is_not_in_the_text_is_refused(text: str, types: dict[str, str], said: str) -> None:
    with pytest.raises(CompileError, match=said):
        typed(text, types)


def test_a_function_is_found_and_renamed() -> None:
    assert function_name(TEXT) == "f"
    assert renamed(typed(TEXT, {"a": "int"}), "g").startswith("def g(int a, b):")
    with pytest.raises(CompileError, match="no function"):
        function_name("x = 1")
