# %% id="gup"
async def repeat(tsk, mm, address, flags):
    """Get the page that said RETRY; entry: mmap_sem not held."""
    result = GupResult(0, 0)
    while not result.locked:
        if await fatal_signal_pending(current):
            return GupResult(-EINTR, 0)
        killed = await down_read_killable(mm)
        if killed:
            return GupResult(killed, 0)
        result = await __get_user_pages(tsk, mm, address, 1, flags | FOLL_TRIED, 1)
    return result


async def __get_user_pages_locked(tsk, mm, start, nr_pages, locked, flags):
    first = await __get_user_pages(tsk, mm, start, nr_pages, flags, locked)
    if first.locked != 0:
        return first
    pages, last = first.pages, first
    while len(pages) < nr_pages:
        if not last.locked:
            last = await repeat(tsk, mm, start + len(pages) * PAGE_SIZE, flags)
            if last.n <= 0:
                break
        else:
            rest = nr_pages - len(pages)
            last = await __get_user_pages(tsk, mm, start + len(pages) * PAGE_SIZE, rest, flags, 1)
            if last.locked and last.n < rest:
                pages += last.pages
                break
        pages += last.pages
    if last.locked:
        await up_read(mm)
    return GupResult(len(pages), 0, pages) if pages else GupResult(last.n, 0)
