"""Swap and migration: slots of the swap device, the swap cache, entries that name a page not mapped."""

# A declared operation has a name, parameters and a text, and no body: what it does stands in pyemu.sched.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.effects.handles import Mm
from pyemu.effects.operations import operation


@operation()
def swap_count(slot: int) -> int:
    """Give how many entries name a slot of the swap device; whether its page is cached does not count."""


@operation()
def add_to_swap(pfn: int) -> bool:
    """Give your locked page a free slot, and put it into the swap cache; say whether there was one.

    The page is dirty then: nothing of it is on the device.
    """


@operation()
def add_to_swap_cache(slot: int, pfn: int) -> bool:
    """Put your page into the swap cache at a slot, locked, to be read; say whether it was added.

    It is not if no entry names the slot any more, or if the slot's page is cached already.
    """


@operation()
def delete_from_swap_cache(pfn: int) -> None:
    """Take a locked page out of the swap cache, which drops its reference; the page is dirty then."""


@operation()
def remove_mapping(pfn: int) -> bool:
    """Take a clean page out of the swap cache if nobody but the cache and you holds it; say whether."""


@operation()
def try_to_unmap(pfn: int, address: int) -> None:
    """Replace every entry of a page in the swap cache by one that names its slot, and flush it.

    Private memory lies at one address in each process that shares it, for nothing is ever moved there. Areas
    that are locked in memory keep their entry.
    """


@operation()
def try_to_migrate(pfn: int, address: int) -> None:
    """Replace every entry of a page by a migration entry, and flush it; each gives up its reference."""


@operation()
def remove_migration_ptes(old: int, new: int, address: int) -> None:
    """Let every migration entry that names frame `old` name the page in frame `new`, as its area allows."""


@operation()
def migration_entry_wait(mm: Mm, address: int, pte: int) -> None:
    """Sleep in state D until a migrating page is unlocked; do nothing if the entry is no more `pte`."""
