async def take(pfn, mm, flags):
    """Take the page lock with mmap_sem held; only SIGKILL makes that fail."""
    killed = 0
    if flags & FAULT_FLAG_KILLABLE:
        killed = await lock_page_killable(pfn)
    else:
        await lock_page(pfn)
    if killed:
        await up_read(mm)
    return not killed


async def wait(pfn, mm, flags):
    """Wait for the unlock without mmap_sem, and take nothing."""
    await up_read(mm)
    killable = flags & FAULT_FLAG_KILLABLE
    await (wait_on_page_locked_killable if killable else wait_on_page_locked)(pfn)


async def lock_page_v5_6(pfn, mm, flags):
    if not await trylock_page(pfn):
        if not flags & FAULT_FLAG_ALLOW_RETRY:
            return await take(pfn, mm, flags)
        if not flags & FAULT_FLAG_RETRY_NOWAIT:
            await wait(pfn, mm, flags)
        return False
    return True


async def lock_page_v5_7(pfn, mm, flags):
    later = flags & FAULT_FLAG_TRIED
    return await lock_page_v5_6(pfn, mm, flags & ~FAULT_FLAG_ALLOW_RETRY if later else flags)
