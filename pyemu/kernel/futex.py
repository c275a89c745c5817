"""A shared futex: which memory it is, and FUTEX_WAKE_OP, which changes a word and wakes.

Models `kernel/futex.c` of Linux v5.6 and v5.7. Two processes may know a shared futex by different addresses,
so the kernel asks for the page behind each: get_user_pages, which may wait [fact:futex-key]. The word is then
changed with page faults off; only if the page has gone again is the fault resolved by hand, and that may
never wait [fact:futex-fixup]. Nobody sleeps on a futex in this model, so nobody is ever woken.
"""

from __future__ import annotations

from pyemu.calls.gup import fixup_user_fault, get_user_pages_fast
from pyemu.calls.uaccess import put_user
from pyemu.effects.exceptions import pagefault_disable, pagefault_enable
from pyemu.effects.gup import page_mapping
from pyemu.effects.handles import current
from pyemu.effects.locks import down_read, up_read
from pyemu.effects.pages import put_page
from pyemu.flags import EFAULT, FAULT_FLAG_WRITE, FOLL_WRITE, PAGE_MASK
from pyemu.kernel import implements
from pyemu.kernel.gup import first_page

NEW_VALUE = 1  # FUTEX_OP_SET


@implements
async def get_futex_key(address: int, write: bool) -> int:
    """Look at the page of a futex; read-only memory will do if the word is not to be written.

    No error is taken for a page: so pages[0] is used even if get_user_pages gave none.
    """
    page = address & PAGE_MASK
    got = await get_user_pages_fast(page, 1, FOLL_WRITE)
    read_only = got.n == -EFAULT and not write
    if read_only:
        got = await get_user_pages_fast(page, 1, 0)
    if got.n < 0:
        return got.n
    pfn = first_page(got)
    mapping = await page_mapping(pfn)
    await put_page(pfn)
    if mapping == "none" or (mapping == "anonymous" and read_only):
        return -EFAULT  # the zero page, or a page that a later write would replace: no futex can live there
    return 0


@implements
async def fault_in_user_writeable(address: int) -> int:
    """Resolve the fault of a word by hand; without a pointer for `unlocked` nobody may wait for a page."""
    mm = await current.mm
    await down_read(mm)
    fixed = await fixup_user_fault(current, mm, address, FAULT_FLAG_WRITE, None)
    await up_read(mm)
    return fixed.error


async def futex_atomic_op_inuser(address: int) -> int:
    """Change a word while the queues of the futex are locked: no fault may be served now."""
    await pagefault_disable()
    error = await put_user(address, NEW_VALUE)
    await pagefault_enable()
    return error


@implements
async def sys_futex_wake_op(first: int, second: int) -> int:
    """Wake who waits for the first word; change the second, and wake who waits for that."""
    while True:
        error = await get_futex_key(first, False)
        if error:
            return error
        error = await get_futex_key(second, True)
        if error:
            return error
        error = await futex_atomic_op_inuser(second)
        if not error:
            return 0
        error = await fault_in_user_writeable(second)
        if error:
            return error
