"""The wire between the machine and a child process."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyemu import wire
from pyemu.effects.handles import HANDLES, Vma
from pyemu.effects.records import (
    AccessResult,
    FaultinResult,
    FixupResult,
    GupResult,
    Message,
    Regs,
    Siginfo,
)
from pyemu.errors import WireError
from pyemu.flags import FAULT_FLAG_DEFAULT

handles = st.builds(
    lambda cls, number, life: cls(number, life),
    st.sampled_from(list(HANDLES.values())),
    st.integers(0, 99),
    st.integers(0, 9),
)
records = st.one_of(
    st.builds(Regs, st.booleans(), st.integers(0, 1 << 47)),
    st.builds(Message, st.integers(0, 1 << 47), st.integers(0, 7)),
    st.builds(AccessResult, st.one_of(st.none(), st.integers(0, 255)), st.integers(0, 31)),
    st.builds(
        GupResult,
        st.integers(-512, 512),
        st.sampled_from([None, 0, 1]),
        st.lists(st.integers(1, 99), max_size=3).map(tuple),
    ),
    st.builds(FaultinResult, st.integers(-512, 0), st.sampled_from([None, 0, 1]), st.integers(0, 1 << 19)),
    st.builds(FixupResult, st.integers(-512, 0), st.sampled_from([None, False, True])),
    st.builds(Siginfo, st.integers(1, 31), st.integers(0, 9), st.integers(0, 1 << 47)),
)
plain = st.one_of(st.none(), st.booleans(), st.integers(-(1 << 62), 1 << 62), st.text(max_size=20))
values = st.recursive(
    st.one_of(plain, handles, records), lambda one: st.lists(one, max_size=4).map(tuple), max_leaves=8
)


@given(values)
def test_every_value_of_the_protocol_survives_the_wire(value: object) -> None:
    assert wire.unpack(json.loads(json.dumps(wire.pack(value)))) == value


def test_flags_cross_as_whole_numbers() -> None:
    assert type(wire.pack(FAULT_FLAG_DEFAULT)) is int
    assert wire.pack(FAULT_FLAG_DEFAULT) == 0x214


@pytest.mark.parametrize(
    "value", [1.5, b"x", {1: 2}, object(), [object()]], ids=["float", "bytes", "dict", "object", "nested"]
)
def test_anything_else_is_refused_when_sent(value: object) -> None:
    with pytest.raises(WireError, match="can't cross to another process"):
        wire.pack(value)


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        [1],
        {},
        {"handle": ["nothing", 1, 0]},
        {"handle": ["vma", "1", 0]},
        {"handle": ["vma", 1]},
        {"record": ["Regs"]},
        {"record": ["os.system", "x"]},
        {"record": []},
        {"tuple": 5},
        {"handle": ["vma", 1, 0], "tuple": []},
    ],
)
def test_anything_else_is_refused_when_received(value: object) -> None:
    with pytest.raises(WireError, match="is no value of the protocol"):
        wire.unpack(value)


@pytest.mark.parametrize(
    "line",
    [b"", b"x", b"{}", b"[]", b"[1]", b'"go"', b"[" * 100_000, b'["go",' + b"9" * 5000 + b"]", b"\xff"],
)
def test_a_line_that_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(WireError):
        wire.decode(line)


def test_a_message_over_the_limit_is_refused_and_the_text_names_both_sizes() -> None:
    line = b'["x","' + b"a" * wire.LONGEST + b'"]'
    with pytest.raises(WireError, match=rf"{len(line)} bytes.*{wire.LONGEST}"):
        wire.decode(line)


def test_a_message_is_one_line() -> None:
    encoded = wire.encode("go", 1, wire.pack((Vma(3), "two\nlines")))
    assert encoded.count(b"\n") == 1
    assert wire.unpack(wire.decode(encoded)[2]) == (Vma(3), "two\nlines")
