"""The exception table: which kernel instructions may fault on user memory, and where they go on then.

Kernel code touches user memory with a handful of instructions. For each, the kernel keeps an entry: if its
fault can't be served, go on *there*, at a piece of code that reports what was left. An instruction
without an entry must never fault: that is an oops. The table is made when the kernel is built, so looking
into it is no effect.

The addresses are this model's own; as in Linux they lie in the kernel's text, but only their lower half is
kept.
"""

from __future__ import annotations

COPY_USER = 0x8100_1000  # the copy of a block, `rep movs`
COPY_USER_TAIL = 0x8100_1040  # what is left of it, byte by byte, after the first fault that wasn't served
COPY_USER_END = 0x8100_1060  # report what is left
CLEAR_USER = 0x8100_1100  # writing zeros
CLEAR_USER_END = 0x8100_1140
GET_USER = 0x8100_1200  # one value from user memory
GET_USER_BAD = 0x8100_1220  # -EFAULT
PUT_USER = 0x8100_1300  # one value to user memory
PUT_USER_BAD = 0x8100_1320
SIE = 0x8100_1400  # on s390: running a guest of KVM
SIE_EXIT = 0x8100_1420  # a fault ended the run
SIE_PFAULT = 0x8100_1430  # the same, and the page is on its way (``gmap_pfault``)
PLAIN_ACCESS = 0x8100_2000  # a kernel instruction that nobody foresaw to fault: no entry

EXCEPTION_TABLE: dict[int, int] = {
    COPY_USER: COPY_USER_TAIL,
    COPY_USER_TAIL: COPY_USER_END,
    CLEAR_USER: CLEAR_USER_END,
    GET_USER: GET_USER_BAD,
    PUT_USER: PUT_USER_BAD,
    SIE: SIE_EXIT,
}


def search_exception_tables(ip: int) -> int:
    """Give where a kernel instruction goes on when its fault can't be served; 0 when it must not fault.

    Parameters
    ----------
    ip : int
        Address of the instruction.

    Returns
    -------
    int
        Address of the fixup, or 0.

    References
    ----------
    Linux v5.7, kernel/extable.c, search_exception_tables.

    Examples
    --------
    >>> search_exception_tables(GET_USER) == GET_USER_BAD, search_exception_tables(PLAIN_ACCESS)
    (True, 0)
    """
    return EXCEPTION_TABLE.get(ip, 0)
