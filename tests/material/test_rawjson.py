"""Bytes of any kind are read or refused with a name, in bounded time."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course.material.rawjson import LIMITS, Limits, Refused, parse

CELL = {"cell_type": "code", "outputs": [{"text": 'a "quoted" ] } text\\'}, [[]]], "source": "x"}
OTHER = {"outputs": [], "source": '"outputs": ['}
NOTEBOOK = {"cells": [CELL, OTHER], "nbformat": 4}


def refusal(data: bytes, limits: Limits = LIMITS) -> str:
    with pytest.raises(Refused) as caught:
        parse(data, limits)
    return caught.value.finding.name


@pytest.mark.parametrize("indent", [None, 1])
def test_saved_outputs_are_cut_out_and_all_else_is_kept(indent):
    value, findings = parse(json.dumps(NOTEBOOK, indent=indent).encode())
    assert value == {"cells": [CELL | {"outputs": []}, OTHER], "nbformat": 4}
    assert findings == []


def test_outputs_elsewhere_than_in_a_cell_are_data():
    value = {"outputs": [1], "cells": [{"metadata": {"outputs": [2]}, "source": "outputs"}]}
    assert parse(json.dumps(value).encode())[0] == value


def test_a_byte_order_mark_is_skipped_and_noted():
    value, (finding,) = parse(b"\xef\xbb\xbf{}")
    assert value == {}
    assert finding.name == "byte-order-mark"


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b'{"a": 1', "not-json"),
        (b'{"a', "not-json"),
        (b'{"cells": [{"outputs": [{"text": "abc', "not-json"),
        (b'{"cells": [{"outputs": [{"text": "abc"}', "not-json"),
        (b"]", "not-json"),
        (b"[" + b"1" * 5000 + b"]", "not-json"),
        (b'{"a": "caf\xe9"}', "encoding"),
        ('{"a": 1}'.encode("utf-16"), "encoding"),
        (b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nesting"),
        (b'{"a": 1, "a": 1}', "duplicate-key"),
        (b'{"cells": [{"source": "a", "source": "b"}]}', "duplicate-key"),
        (b"PK\x03\x04rest", "archive"),
        (b"\xef\xbb\xbf \0", "empty"),
        (b"<html>", "not-a-notebook"),
        (b"%PDF-1.7", "not-a-notebook"),
        (b'{\n<<<<<<< HEAD\n"a": 1}', "merge-conflict"),
        ('{"a": 1}'.encode("utf-16-le"), "encoding"),
    ],
)
def test_what_is_no_readable_notebook_is_refused_by_name(data, name):
    assert refusal(data) == name


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"{}{}", "something follows the end of the notebook: line 1 column 3"),
        (b"# a script", "it begins with '# a script', where a notebook begins with '{'"),
        (b'{"a": \0\0', "byte 6 is zero, as after a crash"),
        (b'{"a": 1,}', "line 1 column 9 (char 8); it may have been cut off"),
        (b'{"a": 1' + b"0" * 5000 + b"}", "a number in it has too many digits."),
    ],
)
def test_what_is_no_json_is_explained(data, words):
    with pytest.raises(Refused) as caught:
        parse(data)
    assert words in caught.value.finding.message
    assert caught.value.finding.message.endswith("Hand in the .ipynb that JupyterLab saved.")


def test_a_conflict_within_a_text_is_a_text():
    value = {"cells": [{"source": "\n<<<<<<< HEAD\n"}]}
    assert parse(json.dumps(value).encode())[0] == value


def test_a_file_beyond_the_limits_is_refused():
    assert refusal(b'{"a": "' + b"x" * 100 + b'"}', Limits(n_bytes=50)) == "too-large"
    assert refusal(b"[" + b"1," * 100 + b"1]", Limits(n_tokens=50)) == "too-large"
    assert refusal(b"[[[[1]]]]", Limits(depth=3)) == "nesting"


def test_deep_nesting_inside_saved_outputs_does_not_matter():
    data = b'{"cells": [{"outputs": ' + b"[" * 1000 + b"]" * 1000 + b', "source": "x"}]}'
    assert parse(data)[0] == {"cells": [{"outputs": [], "source": "x"}]}


def test_the_scan_is_linear_where_a_careless_one_is_quadratic():
    def seconds(n: int) -> float:
        start = time.process_time()
        assert refusal(b'{"' + b'\\"' * n) == "not-json"
        return time.process_time() - start

    seconds(1000)
    assert seconds(2_000_000) < 2.0  # a quadratic scan would take hours


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["cells", "outputs", "source", "a"]), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(JSON)
@settings(max_examples=300, deadline=None)
def test_any_json_without_cells_outputs_is_read_as_the_standard_library_does(value):
    text = json.dumps(value)
    if '"outputs"' in text:
        text = text.replace('"outputs"', '"results"')
    assert parse(text.encode())[0] == json.loads(text)


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_read_or_refused(data):
    try:
        parse(data)
    except Refused as refused:
        assert refused.finding.message  # noqa: PT017 - either way is right; anything else raised is not
