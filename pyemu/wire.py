"""The wire: messages between the machine and a child process that runs a learner's function.

A message is a JSON list on a line of its own. Plain values cross as they are (flags as whole numbers);
handles and records cross as tagged objects. Nothing else crosses, and nothing is ever unpickled.

- ``load`` source, function, name: ``ready``, or ``fault`` -1 rule text.
- ``start`` frame name args results: ``effect`` frame op args line, or ``done`` frame value, or ``fault``
  frame rule text. The results are those of effects that the frame asked for earlier, if it is begun anew.
- ``go`` frame result: the same.
- ``close`` frame: ``closed`` frame, or ``fault`` frame rule text.
- ``modules``: ``modules`` names.
- ``define`` source names: ``ready``, or ``fault`` -1 rule text.
- ``call`` name args, ``value`` name: ``result`` value, or ``fault`` -1 rule text; or first ``ask`` name args
  named, which is answered by ``reply`` value or ``refuse`` text, as often as it comes.
- ``calls`` list of name and args: ``result`` of what they gave, up to the first that failed, and its rule and
  text, or null.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pyemu.effects.handles import HANDLES, Handle
from pyemu.effects.records import RECORDS, record_values
from pyemu.errors import WireError

LONGEST = 1 << 20  # bytes in a message


def pack(value: Any) -> Any:
    """Turn a value into what JSON can hold.

    Raises
    ------
    WireError
        For anything but plain values, handles, records and tuples of them.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, Handle):
        return {"handle": [value.kind, value.id, value.generation]}
    if type(value).__name__ in RECORDS:
        return {"record": [type(value).__name__, *map(pack, record_values(value))]}
    if isinstance(value, tuple | list):
        return {"tuple": [pack(one) for one in value]}
    raise WireError(
        f"a {type(value).__name__} can't cross to another process; only numbers, texts, handles and "
        "records can."
    )


def unpack(value: Any) -> Any:
    """Turn what `pack` made back into a value.

    Raises
    ------
    WireError
        When it is no such thing.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, dict) and len(value) == 1:
        tag, content = next(iter(value.items()))
        try:
            if tag == "handle":
                kind, number, generation = content
                if isinstance(number, int) and isinstance(generation, int):
                    return HANDLES[kind](number, generation)
            if tag == "record":
                return RECORDS[content[0]](*map(unpack, content[1:]))
            if tag == "tuple":
                return tuple(map(unpack, content))
        except (TypeError, ValueError, KeyError, IndexError):
            pass
    raise WireError(f"{str(value)[:80]!r} is no value of the protocol.")


def pack_plain(value: Any) -> Any:
    """Turn a plain value into what JSON can hold: as `pack`, and floats, bytes and dicts, but no handles.

    Raises
    ------
    WireError
        For anything else.
    """
    if isinstance(value, float):
        return value
    if isinstance(value, bytes | bytearray):
        return {"bytes": value.hex()}
    if isinstance(value, tuple | list):
        return {"tuple": [pack_plain(one) for one in value]}
    if isinstance(value, set | frozenset):
        return {"set": [pack_plain(one) for one in value]}
    if isinstance(value, dict):
        return {"dict": [[pack_plain(key), pack_plain(one)] for key, one in value.items()]}
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value)
    kind = type(value).__name__
    if isinstance(value, Iterator):
        raise WireError(
            f"a {kind} shows what it holds only when it is gone through, and is true even when that is "
            "nothing: make a list of it."
        )
    raise WireError(
        f"a {kind} can't cross to another process; only numbers, texts, bytes, None, and tuples, lists, sets "
        "and dicts of them can."
    )


def unpack_plain(value: Any) -> Any:
    """Turn what `pack_plain` made back into a value; a list has become a tuple.

    Raises
    ------
    WireError
        When it is no such thing.
    """
    if value is None or isinstance(value, bool | int | str | float):
        return value
    if isinstance(value, dict) and len(value) == 1:
        tag, content = next(iter(value.items()))
        try:
            if tag == "bytes":
                return bytes.fromhex(content)
            if tag == "tuple":
                return tuple(map(unpack_plain, content))
            if tag == "set":
                return frozenset(map(unpack_plain, content))
            if tag == "dict":
                return {unpack_plain(key): unpack_plain(one) for key, one in content}
        except (TypeError, ValueError, RecursionError):
            pass
    raise WireError(f"{str(value)[:80]!r} is no value of the protocol.")


def encode(*message: Any) -> bytes:
    """Give a message as a line of bytes."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> list[Any]:
    """Read a message.

    Raises
    ------
    WireError
        When the line is no message.
    """
    if len(line) > LONGEST:
        raise WireError(f"a message of {len(line)} bytes is too long; at most {LONGEST} are allowed.")
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        raise WireError(f"{line[:80]!r} is no message of the protocol.") from None
    if not isinstance(message, list) or not message or not isinstance(message[0], str):
        raise WireError(f"{line[:80]!r} is no message of the protocol.")
    return message
