HOLD, DROP = "hold", "drop"
ACTIONS = {
    # may drop, NOWAIT, KILLABLE: what becomes of mmap_sem, and which wait
    (True, True, True): (HOLD, None),
    (True, True, False): (HOLD, None),
    (True, False, True): (DROP, wait_on_page_locked_killable),
    (True, False, False): (DROP, wait_on_page_locked),
    (False, True, True): (HOLD, lock_page_killable),
    (False, True, False): (HOLD, lock_page),
    (False, False, True): (HOLD, lock_page_killable),
    (False, False, False): (HOLD, lock_page),
}


async def act(pfn, mm, flags, may_drop):
    locked = await trylock_page(pfn)
    if locked:
        return True
    nowait, killable = bool(flags & FAULT_FLAG_RETRY_NOWAIT), bool(flags & FAULT_FLAG_KILLABLE)
    what, wait = ACTIONS[may_drop, nowait, killable]
    if wait is None:
        return False
    if what == DROP:
        await up_read(mm)
        await wait(pfn)
        return False
    error = await wait(pfn)
    if error:
        await up_read(mm)
    return not error


async def lock_page_v5_6(pfn, mm, flags):
    return await act(pfn, mm, flags, bool(flags & FAULT_FLAG_ALLOW_RETRY))


async def lock_page_v5_7(pfn, mm, flags):
    first = flags & (FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_TRIED) == FAULT_FLAG_ALLOW_RETRY
    return await act(pfn, mm, flags, first)
