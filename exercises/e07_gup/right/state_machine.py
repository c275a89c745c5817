# %% id="gup"
async def __get_user_pages_locked(tsk, mm, start, nr_pages, locked, flags):
    if locked is None:
        return await __get_user_pages(tsk, mm, start, nr_pages, flags, None)
    state, held, ever_dropped = "PASS", True, False
    frames, error = [], 0
    while state != "DONE":
        here = start + PAGE_SIZE * len(frames)
        if state == "PASS":
            result = await __get_user_pages(tsk, mm, here, nr_pages - len(frames), flags, 1)
        elif await fatal_signal_pending(current):
            error = -EINTR
            break
        else:
            error = await down_read_killable(mm)
            if error:
                break
            result = await __get_user_pages(tsk, mm, here, 1, flags | FOLL_TRIED, 1)
        held = result.locked == 1
        frames.extend(result.pages)
        if not held:
            ever_dropped, state = True, "RETRY"
        elif len(frames) == nr_pages:
            state = "DONE"
        elif state == "RETRY" and result.n == 1:
            state = "PASS"
        else:
            state, error = "DONE", min(result.n, 0)
    if not ever_dropped:
        return GupResult(len(frames) or error, 1, tuple(frames))
    if held:
        await up_read(mm)
    return GupResult(len(frames) or error, 0, tuple(frames))


# %% id="fixup-loop"
async def fixup_user_fault(tsk, mm, address, fault_flags, unlocked):
    wanted = VM_WRITE if fault_flags & FAULT_FLAG_WRITE else VM_READ
    if unlocked is not None:
        fault_flags |= FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE
    major, fault = 0, VM_FAULT_RETRY
    while fault & VM_FAULT_RETRY:
        vma = await find_vma(mm, address)
        if vma is None:
            return FixupResult(-EFAULT, unlocked)
        first = await vma.vm_start
        allowed = await vma.vm_flags
        if address < first or not allowed & wanted:
            return FixupResult(-EFAULT, unlocked)
        if unlocked and await fatal_signal_pending(current):
            return FixupResult(-EINTR, unlocked)
        fault = await handle_mm_fault(vma, address, fault_flags)
        if fault & VM_FAULT_ERROR:
            return FixupResult(-EFAULT, unlocked)
        if fault & VM_FAULT_RETRY:
            fault_flags |= FAULT_FLAG_TRIED
            unlocked = True
            await down_read(mm)
        major |= fault & VM_FAULT_MAJOR
    if tsk is not None:
        await count_for(tsk, "maj_flt" if major else "min_flt")
    return FixupResult(0, unlocked)
