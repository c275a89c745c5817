# %% id="gup"
async def faultin_page(tsk, vma, address, foll_flags, locked):
    flags = FAULT_FLAG_WRITE if foll_flags & FOLL_WRITE else 0
    if foll_flags & FOLL_REMOTE:
        flags |= FAULT_FLAG_REMOTE
    if locked is not None:
        flags |= FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE
    if foll_flags & FOLL_TRIED:
        flags |= FAULT_FLAG_TRIED
    fault = await handle_mm_fault(vma, address, flags)
    if fault & VM_FAULT_ERROR:
        return FaultinResult(-EFAULT, locked, foll_flags)
    if fault & VM_FAULT_RETRY:
        return FaultinResult(-EBUSY, 0, foll_flags)
    if fault & VM_FAULT_COMPLETED:
        return FaultinResult(-EBUSY, 0, foll_flags)
    return FaultinResult(0, locked, foll_flags)
