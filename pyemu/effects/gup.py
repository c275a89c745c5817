"""get_user_pages at the page table: the page that an entry names, with a reference to it."""

# A declared operation has a name, parameters and a text, and no body: what it does stands in pyemu.sched.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.effects.handles import Mm
from pyemu.effects.operations import operation


@operation()
def follow_page_pte(mm: Mm, address: int, foll_flags: int) -> int:
    """Give the page that an entry names, or 0 when a fault must come first; one step under its lock.

    With FOLL_GET the page is yours until you give it to `put_page`.
    """


@operation()
def gup_fast_pte(mm: Mm, address: int, foll_flags: int) -> int:
    """Give the page that an entry names and take a reference, without any lock; 0 sends you the slow way."""


@operation()
def page_to_nid(pfn: int) -> int:
    """Give the node of a page that you hold; a page that nobody gave you is an oops."""


@operation()
def page_mapping(pfn: int) -> str:
    """Say what a page that you hold belongs to: ``file``, ``anonymous``, or ``none`` (the zero page).

    A page that nobody gave you is an oops.
    """
