# %% id="gup"
async def __get_user_pages_locked(tsk, mm, start, nr_pages, locked, flags):
    pages, done = (), 0
    while True:
        address = start + done * PAGE_SIZE
        got = await __get_user_pages(tsk, mm, address, nr_pages - done, flags, locked)
        if locked is None:
            return got
        pages += got.pages
        done += max(got.n, 0)
        if done == nr_pages or got.locked:
            break
        while True:
            if await fatal_signal_pending(current) or await down_read_killable(mm):
                got = GupResult(-EINTR, 0)
                break
            address = start + done * PAGE_SIZE
            got = await __get_user_pages(tsk, mm, address, 1, flags | FOLL_TRIED, 1)
            if got.locked:
                break
        pages += got.pages
        done += max(got.n, 0)
        if got.n < 1 or done == nr_pages:
            break
    return GupResult(done or got.n, got.locked, pages)
