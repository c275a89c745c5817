# %% id="gup"
async def __get_user_pages_locked(tsk, mm, start, nr_pages, locked, flags):
    pages, done, dropped = (), 0, False
    while True:
        address = start + done * PAGE_SIZE
        got = await __get_user_pages(tsk, mm, address, nr_pages, flags, locked)
        if locked is None:
            return got
        pages += got.pages
        done += max(got.n, 0)
        if done == nr_pages or got.locked:
            break
        dropped = True
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
    if dropped and got.locked:
        await up_read(mm)
    return GupResult(done or got.n, 0 if dropped else 1, pages)
