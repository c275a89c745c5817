"""The event log of a batch: what the hardware did for each access that was no plain hit.

A log is a buffer of fixed size, filled by a run and read afterwards. A record has 16 bytes,
little-endian::

    0        4      5       6      8                16
    | access | what | level | code |      value     |
      u32      u8     u8      u16       u64

The compiled twin writes it without Python objects; a run stops before an access that might not fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from struct import Struct
from typing import Any, NamedTuple

from pyemu.hw import check

_RECORD = Struct("<IBBHQ")

ROOM = 16
"""Free slots that a run asks for before an access. No access makes more events."""


class What(IntEnum):
    """What an event tells."""

    L1_MISS = 1
    """No L1 array holds a usable translation; value: the virtual address."""
    L2_MISS = 2
    """No L2 array does either; value: the virtual address."""
    WALK_CACHE_HIT = 3
    """The walk starts below the table entry of `level`; value: physical address of the next table."""
    TABLE_REF = 4
    """The walk reads an entry of `level`; value: its physical address."""
    D_WALK = 5
    """A write hit an entry without D at HitLevel `level`, so the tables are walked; value: the virtual
    address."""
    PAGE_FAULT = 6
    """code: x86 error code, RISC-V cause; value: the virtual address."""
    GENERAL_PROTECTION = 7
    """value: the virtual address."""


class Event(NamedTuple):
    """One record of a log."""

    access: int
    """Index in the batch."""
    what: What
    level: int
    """Level of tables, or HitLevel for D_WALK; 0 where it has no meaning."""
    code: int
    """Error code or cause of a fault; else 0."""
    value: int


class EventLog:
    """Events of the last runs of a batch, in order.

    ::

        log = EventLog(100_000)
        batch = mmu.access_many(addresses, kinds, events=log)
        while True:
            use(log)
            log.clear()
            if batch.done or batch.fault is not None:
                break
            batch.resume()

    Parameters
    ----------
    capacity : int
        Events that it holds, 16 to 2**32; 16 bytes each.

    Attributes
    ----------
    capacity, n : int
        Slots in all, and those in use.
    buffer : bytearray
        The records.

    Raises
    ------
    BadValueError, BadTypeError
        The capacity is out of range.
    """

    __slots__ = ("buffer", "capacity", "n")

    def __init__(self, capacity: int) -> None:
        self.capacity = check.integer("capacity", capacity, ROOM, 1 << 32)
        self.buffer = bytearray(_RECORD.size * self.capacity)
        self.n = 0

    @property
    def full(self) -> bool:
        """Whether a run would stop, because the next access might need more slots than are free."""
        return self.capacity - self.n < ROOM

    def clear(self) -> None:
        """Forget all events."""
        self.n = 0

    def add(self, access: int, what: What, level: int, code: int, value: int) -> None:
        """Append one event; the index of the access is taken modulo 2**32."""
        _RECORD.pack_into(self.buffer, _RECORD.size * self.n, access & 0xFFFF_FFFF, what, level, code, value)
        self.n += 1

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Iterator[Event]:
        used = memoryview(self.buffer)[: _RECORD.size * self.n]
        for access, what, level, code, value in _RECORD.iter_unpack(used):
            yield Event(access, What(what), level, code, value)

    def array(self) -> Any:
        """View the events as a structured numpy array, without a copy.

        Returns
        -------
        numpy.ndarray, shape (n,)
            Fields ``access`` (uint32), ``what``, ``level`` (uint8), ``code`` (uint16), ``value`` (uint64).
        """
        import numpy as np

        record = np.dtype(
            [("access", "<u4"), ("what", "u1"), ("level", "u1"), ("code", "<u2"), ("value", "<u8")]
        )
        return np.frombuffer(self.buffer, dtype=record, count=self.n)


def checked(log: Any) -> EventLog | None:
    """Return `log` if it is an event log or None.

    Raises
    ------
    BadTypeError
        It is something else.
    """
    if log is None or isinstance(log, EventLog):
        return log
    raise check.BadTypeError(f"events is {log!r}; it must be a pyemu.hw.EventLog, or None")


def used(log: EventLog | None) -> int:
    """Return how many slots of a log are in use; refuse a number that its buffer can't hold."""
    return (
        0 if log is None else check.integer("n of the event log", log.n, 0, len(log.buffer) // _RECORD.size)
    )
