async def lock_or_wait(pfn, mm, flags, may_drop):
    if await trylock_page(pfn):
        return True
    if may_drop:
        if flags & FAULT_FLAG_RETRY_NOWAIT:
            return False
        await up_read(mm)
        if flags & FAULT_FLAG_KILLABLE:
            await wait_on_page_locked_killable(pfn)
        else:
            await wait_on_page_locked(pfn)
        return False
    if not flags & FAULT_FLAG_KILLABLE:
        await lock_page(pfn)
        return True
    await lock_page_killable(pfn)
    return True


async def lock_page_v5_6(pfn, mm, flags):
    may_drop = flags & FAULT_FLAG_ALLOW_RETRY != 0
    return await lock_or_wait(pfn, mm, flags, may_drop)


async def lock_page_v5_7(pfn, mm, flags):
    may_drop = flags & FAULT_FLAG_ALLOW_RETRY != 0 and not flags & FAULT_FLAG_TRIED
    return await lock_or_wait(pfn, mm, flags, may_drop)
