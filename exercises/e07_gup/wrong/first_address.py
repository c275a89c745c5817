# %% id="fixup-loop"
async def fixup_user_fault(tsk, mm, address, fault_flags, unlocked):
    wanted = VM_WRITE if fault_flags & FAULT_FLAG_WRITE else VM_READ
    if unlocked is not None:
        fault_flags |= FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE
    major = 0

    while True:
        vma = await find_vma(mm, address)
        if vma is None or await vma.vm_start >= address or not await vma.vm_flags & wanted:
            return FixupResult(-EFAULT, unlocked)
        fault = await handle_mm_fault(vma, address, fault_flags)
        major |= fault & VM_FAULT_MAJOR
        if fault & VM_FAULT_ERROR:
            return FixupResult(-EFAULT, unlocked)
        if not fault & VM_FAULT_RETRY:
            break
        await down_read(mm)
        unlocked = True
        fault_flags |= FAULT_FLAG_TRIED
        if await fatal_signal_pending(current):
            return FixupResult(-EINTR, unlocked)

    if tsk is not None:
        await count_for(tsk, "maj_flt" if major else "min_flt")
    return FixupResult(0, unlocked)
