# %% id="fault"
async def finish(regs, error_code, address, fault, major):
    if fault & VM_FAULT_ERROR:
        await mm_fault_error(regs, error_code, address, fault)
    else:
        await count("maj_flt" if major else "min_flt")
        await perf_sw_event("major-faults" if major else "minor-faults")


async def do_user_addr_fault(regs, error_code, address):
    mm = await current.mm
    flags = FAULT_FLAG_DEFAULT
    if user_mode(regs):
        flags |= FAULT_FLAG_USER
    if error_code & X86_PF_WRITE:
        flags |= FAULT_FLAG_WRITE
    await perf_sw_event("page-faults")
    major = 0

    vma = await lock_vma_under_rcu(mm, address) if user_mode(regs) else None
    if vma is not None and await access_error(error_code, vma):
        await vma_end_read(mm)
        vma = None
    if vma is not None:
        fault = await handle_mm_fault(vma, address, flags | FAULT_FLAG_VMA_LOCK)
        major |= fault & VM_FAULT_MAJOR
        if not fault & (VM_FAULT_RETRY | VM_FAULT_COMPLETED):
            await vma_end_read(mm)
        if not fault & VM_FAULT_RETRY:
            await finish(regs, error_code, address, fault, major)
            return
        return

    while True:
        await down_read(mm)
        vma = await find_vma(mm, address)
        if vma is None or await vma.vm_start > address:
            await bad_area(regs, error_code, address)
            return
        if await access_error(error_code, vma):
            await bad_area_access_error(regs, error_code, address)
            return
        fault = await handle_mm_fault(vma, address, flags)
        major |= fault & VM_FAULT_MAJOR
        if await fault_signal_pending(fault, regs):
            if not user_mode(regs):
                await no_context(regs, error_code, address, SIGBUS, BUS_ADRERR)
            return
        if fault & VM_FAULT_COMPLETED:
            break
        if not fault & VM_FAULT_RETRY:
            await up_read(mm)
            break
        flags |= FAULT_FLAG_TRIED
    await finish(regs, error_code, address, fault, major)
