"""The misconceptions of exercise H1, as the accesses of a run show them."""

from __future__ import annotations

from collections.abc import Iterator

from course.checks.call_case import CallRun
from course.checks.h01_scenarios import Seen, seen_in
from course.checks.h01_tables import ROOT
from course.checks.specification import Cause
from pyemu.hw import x86
from pyemu.hw.bits import ErrorCode

__all__ = ["CAUSES", "WALK"]

WALK = "Intel SDM volume 3A, section 4.5, 4-Level Paging and 5-Level Paging"
RIGHTS = "Intel SDM volume 3A, section 4.6.1, Determination of Access Rights"
FAULTS = "Intel SDM volume 3A, section 4.7, Page-Fault Exceptions"
FLAGS = "Intel SDM volume 3A, section 4.8, Accessed and Dirty Flags"

Numbers = dict[str, int | str] | None
SIZES = {2: ("2M", 21), 3: ("1G", 30)}


def tables_of(one: Seen) -> Iterator[tuple[int, int]]:
    """Give the tables of a walk, each with its level."""
    yield 4, ROOT
    for level, entry in zip((3, 2, 1), one.path, strict=False):
        if not entry & x86.PS:
            yield level, entry & x86.ADDRESS


def shift_10(run: CallRun) -> Numbers:
    """An entry was read at an index of ten bits, or at one that was shifted by tens."""
    for one in seen_in(run):
        va = one.request.va
        for level, table in tables_of(one):
            right = x86.entry_address(table, va, level)
            tens = va >> 12 + 10 * (level - 1)
            indices = (tens & 1023, tens & 511, va >> x86.level_shift(level) & 1023)
            wrong = {table + 8 * index for index in indices} - {right}
            if wrong & {*one.reads} and right not in one.reads:
                return {}
    return None


def no_canonical(run: CallRun) -> Numbers:
    """An address that is not canonical was given a page fault."""
    return {} if any((one.right.fault, one.mine.fault) == ("#GP", "#PF") for one in seen_in(run)) else None


def ps_offset(run: CallRun) -> Numbers:
    """In a large page, twelve bits of the address were taken for the offset."""
    for one in seen_in(run):
        level = 5 - len(one.path)
        if one.right.pa is None or level not in SIZES or one.mine.pa == one.right.pa:
            continue
        frame = one.right.pa & -x86.page_size(level)
        if one.mine.pa == frame + one.request.va % x86.PAGE_SIZE:
            size, bits = SIZES[level]
            return {"size": size, "bits": bits}
    return None


def denies(one: Seen, entry: int) -> str:
    """Name the right that an entry denies an access; empty when none."""
    request = one.request
    if request.user and not entry & x86.US:
        return "US"
    if request.kind == "write" and not entry & x86.RW and (request.user or request.wp):
        return "RW"
    return "NX" if request.kind == "fetch" and entry & x86.NX else ""


def granted(run: CallRun, right: str, *, user: bool = True) -> tuple[bool, bool]:
    """Say whether accesses were translated that an upper entry denies, and that the leaf denies."""
    upper = leaf = False
    for one in seen_in(run):
        if one.right.fault == "#PF" and one.mine.pa is not None and one.request.user is user:
            denied = [denies(one, entry) for entry in one.path]
            if {*denied} - {""} == {right}:
                leaf |= denied[-1] == right
                upper |= denied[-1] != right
    return upper, leaf


def leaf_only_u(run: CallRun) -> Numbers:
    """US of the leaf was looked at alone."""
    return {} if granted(run, "US") == (True, False) else None


def leaf_only_w(run: CallRun) -> Numbers:
    """RW of the leaf was looked at alone."""
    return {} if granted(run, "RW") == (True, False) else None


def nx_leaf(run: CallRun) -> Numbers:
    """NX of the leaf was looked at alone."""
    return {} if granted(run, "NX") == (True, False) else None


def wp_ignored(run: CallRun) -> Numbers:
    """The kernel wrote, with WP set, where no entry of the walk or one of them forbids it."""
    return {} if any(granted(run, "RW", user=False)) and not any(granted(run, "RW")) else None


def rsvd_missing(run: CallRun) -> Numbers:
    """A reserved bit was set, and the outcome does not say so."""
    found = (one for one in seen_in(run) if one.right.code & ErrorCode.RSVD)
    return {} if any(not one.mine.code & ErrorCode.RSVD for one in found) else None


def both_faults(run: CallRun) -> Iterator[Seen]:
    """Give the accesses that are page faults in both."""
    return (one for one in seen_in(run) if one.right.fault == one.mine.fault == "#PF")


def p_inverted(run: CallRun) -> Numbers:
    """Bit P of the error code is the wrong way round, and all else is right."""
    codes = [one.mine.code ^ one.right.code for one in both_faults(run)]
    return {} if codes and all(differs == ErrorCode.P for differs in codes) else None


def cr2_page(run: CallRun) -> Numbers:
    """CR2 names the page of the address."""
    faults = (one for one in both_faults(run) if one.request.va % x86.PAGE_SIZE)
    return {} if any(one.mine.cr2 == one.request.va & -x86.PAGE_SIZE for one in faults) else None


def ad_on_denied(run: CallRun) -> Numbers:
    """A write that was denied has set D."""
    denied = (one for one in both_faults(run) if one.request.kind == "write")
    return {} if any(set_d(one) for one in denied) else None


def d_on_read(run: CallRun) -> Numbers:
    """D was set without a write."""
    return {} if any(set_d(one) for one in seen_in(run) if one.request.kind != "write") else None


def set_d(one: Seen) -> bool:
    """Say whether the learner's walk has set D somewhere."""
    return any(after & ~before & x86.D for before, after in zip(one.path, one.mine.entries, strict=True))


CAUSES = (
    Cause(
        "shift-10",
        shift_10,
        "A table has 512 entries, so each index takes nine bits of the address: 47 to 39, 38 to 30, 29 to "
        "21, 20 to 12.",
        WALK,
    ),
    Cause(
        "no-canonical",
        no_canonical,
        "You walk before you look at the address. Bits 63 to 48 must all be as bit 47 is; otherwise no table "
        "is read.",
        "Intel SDM volume 1, section 3.3.7.1, Canonical Addressing",
    ),
    Cause(
        "ps-offset",
        ps_offset,
        "You end the walk at PS, but add twelve bits only. The index bits that the walk did not use belong "
        "to the offset.",
        WALK,
    ),
    Cause(
        "leaf-only-U",
        leaf_only_u,
        "You look at US in the last entry alone. One level that denies it is enough.",
        RIGHTS,
    ),
    Cause(
        "leaf-only-W",
        leaf_only_w,
        "You look at RW in the last entry alone. One level that denies it is enough.",
        RIGHTS,
    ),
    Cause(
        "nx-leaf",
        nx_leaf,
        "You look at NX in the last entry alone. NX forbids, so any level that has it forbids the fetch.",
        RIGHTS,
    ),
    Cause(
        "wp-ignored",
        wp_ignored,
        "You let the kernel write everywhere. It may do so only while WP is clear.",
        RIGHTS,
    ),
    Cause(
        "rsvd-missing",
        rsvd_missing,
        "You do not ask for reserved bits. An entry that is present, and has one, ends the walk: error bits "
        "0 and 3.",
        FAULTS,
    ),
    Cause(
        "P-inverted",
        p_inverted,
        "You set bit 0 of the error code for a missing page. It says the opposite: every entry was present.",
        FAULTS,
    ),
    Cause(
        "cr2-page",
        cr2_page,
        "You cut the offset off. The kernel wants to know which byte was accessed; it finds the page itself.",
        FAULTS,
    ),
    Cause(
        "AD-on-denied",
        ad_on_denied,
        "You mark the entries before you know whether the access is allowed. D says that the page was "
        "written, and it was not.",
        FLAGS,
    ),
    Cause(
        "D-on-read",
        d_on_read,
        "You set D whatever the access does. Whoever saves the page later looks at D: only what was written "
        "must be saved.",
        FLAGS,
    ),
)
