"""Checks at the border of the hardware model, shared by both twins so that they refuse alike.

Compiled code raises ``OverflowError`` where Python accepts anything; here both end in one
error that names the thing, the value, the rule and the next step.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from operator import index
from typing import Any, Literal

from pyemu.errors import HardwareError
from pyemu.hw.bits import MAX_U64, PAGE_SIZE, Kind

AdOnFault = Literal["per_level", "none"]
"""Whether a walk that faults has set A on its way down; see `pyemu.hw.x86.access`."""


class BadValueError(HardwareError, ValueError):
    """A number given to the hardware model is out of its range."""


class BadTypeError(HardwareError, TypeError):
    """A thing given to the hardware model has the wrong type, dtype or layout."""


KINDS: dict[Any, int] = {name: int(kind) for kind in Kind for name in (kind, kind.name.lower())}
_KIND_RULE = "a kind is 'read', 'write' or 'fetch' (Kind.READ 0, Kind.WRITE 1, Kind.FETCH 2)"


def integer(name: str, value: Any, low: int, high: int) -> int:
    """Return `value` as an ``int`` from `low` to `high`, both included.

    Raises
    ------
    BadTypeError
        It is no integer.
    BadValueError
        It is out of range.
    """
    try:
        number = index(value)
    except TypeError:
        raise BadTypeError(f"{name} is {value!r}; it must be an integer") from None
    if not low <= number <= high:
        raise BadValueError(f"{name} is {number:#x}; it must lie in {low:#x}..{high:#x}")
    return number


def one_of(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    """Refuse a word that isn't among those allowed."""
    if value not in allowed:
        words = ", ".join(map(repr, allowed[:-1]))
        raise BadValueError(f"{name} is {value!r}; it must be {words} or {allowed[-1]!r}")


def address(value: Any, name: str = "the address") -> int:
    """Return `value` as a 64-bit address."""
    return integer(name, value, 0, MAX_U64)


def kind(value: Any) -> int:
    """Return the number of an access kind that is given as a number or as its name."""
    try:
        return KINDS[value]
    except (KeyError, TypeError):
        raise BadValueError(f"the kind is {value!r}; {_KIND_RULE}") from None


def ram(buffer: Any) -> memoryview:
    """View emulated RAM as flat bytes, whose first byte is physical address 0.

    Parameters
    ----------
    buffer : buffer
        Writable and contiguous: ``bytearray``, ``mmap``, a numpy array, a ``memoryview``.

    Returns
    -------
    memoryview
        Format ``B``, shape ``(n_bytes,)``, over the same memory.
    """
    try:
        view = memoryview(buffer)
    except TypeError:
        raise BadTypeError(
            f"ram is a {type(buffer).__name__}; it must be a writable buffer such as a bytearray, "
            "an mmap or a numpy array of uint8"
        ) from None
    except ValueError as reason:  # it was closed or released
        raise BadValueError(f"ram can't be used any more: {reason}; give a buffer that is open") from None
    if view.readonly:
        raise BadTypeError(
            f"ram is a read-only {type(buffer).__name__}; walks write A and D bits: give a writable buffer"
        )
    if not view.c_contiguous:
        raise BadTypeError("ram is not contiguous; physical addresses need one run of bytes: give a copy")
    if view.nbytes < PAGE_SIZE:
        raise BadValueError(f"ram holds {view.nbytes} bytes; it must hold at least one page of {PAGE_SIZE}")
    return view.cast("B") if view.ndim != 1 or view.format != "B" else view


def addresses(values: Any) -> memoryview:
    """View addresses as a flat array, without a copy if `values` is one.

    Parameters
    ----------
    values : buffer of uint64 or iterable of int
        One-dimensional; arrays must be contiguous.
    """
    view = _array_view("addresses", values, "QL", 8, "uint64")
    if view is not None:
        return view
    numbers = list(values)
    try:
        return memoryview(array("Q", numbers))
    except (OverflowError, TypeError):
        for i, value in enumerate(numbers):
            address(value, f"addresses[{i}]")
        raise  # every element passes, so the failure was not about an element


def kinds(values: Any, n: int) -> memoryview:
    """View `n` kinds as a flat array, from one kind for all, an array of uint8 or an iterable of kinds.

    The values of an array are checked by the twin that reads them (`bad_kind`).
    """
    if isinstance(values, (str, int)):
        return memoryview(bytes((kind(values),)) * n)
    view = _array_view("kinds", values, "B", 1, "uint8")
    if view is None:
        view = memoryview(bytes(kind(value) for value in values))
    if len(view) != n:
        raise BadValueError(
            f"there are {len(view)} kinds for {n} addresses; give one for each, or one for all"
        )
    return view


def bad_kind(i: int, value: int) -> BadValueError:
    """Make the error for a number at `i` of an array of kinds that is no kind."""
    return BadValueError(f"kinds[{i}] is {value}; {_KIND_RULE}")


def all_kinds(view: memoryview) -> None:
    """Refuse an array of kinds that holds a number that is none."""
    values = view.tobytes()
    bad = values.translate(None, bytes(Kind))
    if bad:
        raise bad_kind(values.index(bad[0]), bad[0])


def results(typecode: Literal["Q", "I", "B"], n: int, like: Any) -> Any:
    """Make an array of `n` zeros of the family of `like`: numpy in gives numpy out, else ``array.array``."""
    if type(like).__module__ == "numpy":
        import numpy as np

        return np.zeros(n, dtype={"Q": np.uint64, "I": np.uint32, "B": np.uint8}[typecode])
    zeros = array(typecode)
    zeros.frombytes(bytes(zeros.itemsize * n))
    return zeros


def output(buffer: Any, n: int, like: Any) -> Any:
    """Where a batch writes its `n` physical addresses: `buffer`, or a new array (`results`)."""
    if buffer is None:
        return results("Q", n, like)
    view = _array_view("out", buffer, "QL", 8, "uint64")
    if view is None:
        raise BadTypeError(f"out is a {type(buffer).__name__}; it must be a writable array of uint64")
    if view.readonly:
        raise BadTypeError("out is read-only; it must be a writable array of uint64")
    if len(view) < n:
        raise BadValueError(f"out holds {len(view)} results; it must hold one for each of {n} addresses")
    return buffer


def quantum(value: Any, left: int) -> int:
    """How many accesses the next run may make: `value`, or all that are `left` if it is None."""
    return left if value is None else min(left, integer("the quantum", value, 1, MAX_U64))


def _array_view(name: str, values: Any, formats: str, itemsize: int, dtype: str) -> memoryview | None:
    """View a one-dimensional contiguous array; None if `values` is no array."""
    if isinstance(values, (bytes, bytearray)):
        values = memoryview(values)
    try:
        view = memoryview(values)
    except TypeError:
        if isinstance(values, Iterable) and not isinstance(values, str):
            return None
        raise BadTypeError(f"{name} is {values!r}; it must be an array of {dtype} or a sequence") from None
    except ValueError as reason:  # numpy dtypes that have no buffer format, and released buffers
        raise BadTypeError(f"{name} can't be read as an array: {reason}; give an array of {dtype}") from None
    if view.itemsize != itemsize or view.format.lstrip("@=<") not in formats:
        raise BadTypeError(f"{name} has items of format {view.format!r}; it must be an array of {dtype}")
    if view.ndim != 1 or not view.c_contiguous:
        raise BadTypeError(
            f"{name} has shape {view.shape} and strides {view.strides}; "
            "it must be one-dimensional and contiguous: give a copy"
        )
    return view


def per_level(ad_on_fault: AdOnFault) -> bool:
    """Tell whether `ad_on_fault` is ``"per_level"``; refuse what is neither that nor ``"none"``."""
    one_of("ad_on_fault", ad_on_fault, ("per_level", "none"))
    return ad_on_fault == "per_level"


def skips(on_fault: Any) -> bool:
    """Tell whether a batch goes on after a fault; refuse what is neither ``"stop"`` nor ``"skip"``."""
    one_of("on_fault", on_fault, ("stop", "skip"))
    return bool(on_fault == "skip")


def root(n_bytes: int, cpu: Any) -> None:
    """Refuse what are no registers, and registers whose top table isn't inside `n_bytes` of RAM."""
    if not hasattr(cpu, "root"):
        raise BadTypeError(f"cpu is {cpu!r}; it must be pyemu.hw.Registers or pyemu.hw.riscv.Registers")
    if cpu.root + PAGE_SIZE > n_bytes:
        raise BadValueError(
            f"{cpu.ROOT} is {getattr(cpu, cpu.ROOT):#x}; its table must lie inside ram, "
            f"which ends at {n_bytes:#x}"
        )


def values(given: Any, n: int) -> memoryview | None:
    """View `n` bytes as a flat array, from one for all, an array of uint8 or an iterable; None for None."""
    if given is None:
        return None
    if isinstance(given, int):
        return memoryview(bytes((integer("values", given, 0, 0xFF),)) * n)
    view = _array_view("values", given, "B", 1, "uint8")
    if view is None:
        view = memoryview(bytes(integer(f"values[{i}]", one, 0, 0xFF) for i, one in enumerate(given)))
    if len(view) != n:
        raise BadValueError(
            f"there are {len(view)} values for {n} addresses; give one for each, or one for all"
        )
    return view


def user_mode(operation: str, cpu: Any) -> None:
    """Refuse registers of kernel mode."""
    if not cpu.user:
        raise BadValueError(
            f"{operation} makes accesses of a program, but cpl is {cpu.cpl}; set_mode(3) first"
        )


def wrong_format(operation: str, needed: str, loaded: str) -> BadValueError:
    """Make the error for an operation that the processor with these registers doesn't have."""
    return BadValueError(
        f"{operation} is an operation of {needed}, but this MMU has the registers of {loaded}; load those of "
        f"{needed} first"
    )


def not_loaded() -> HardwareError:
    """Make the error for an operation that needs registers before any are loaded."""
    return HardwareError("this MMU has no registers yet; call load(Registers(...)) first")
