# %% id="fault"
async def locked_area(mm, regs, error_code, address, alone):
    """Lock what an attempt needs; give the area and whether it is locked alone, or None when all is over."""
    if alone:
        vma = await lock_vma_under_rcu(mm, address)
        if vma is not None:
            if not await access_error(error_code, vma):
                return vma, True
            await vma_end_read(mm)
    await down_read(mm)
    vma = await find_vma(mm, address)
    if vma is None or await vma.vm_start > address:
        await bad_area(regs, error_code, address)
        return None
    if await access_error(error_code, vma):
        await bad_area_access_error(regs, error_code, address)
        return None
    return vma, False


async def finish(regs, error_code, address, fault, major):
    if fault & VM_FAULT_ERROR:
        await mm_fault_error(regs, error_code, address, fault)
        return
    await count("maj_flt" if major else "min_flt")
    await perf_sw_event("major-faults" if major else "minor-faults")


async def do_user_addr_fault(regs, error_code, address):
    mm = await current.mm
    flags = FAULT_FLAG_DEFAULT
    flags |= FAULT_FLAG_USER if user_mode(regs) else 0
    flags |= FAULT_FLAG_WRITE if error_code & X86_PF_WRITE else 0
    await perf_sw_event("page-faults")
    fault = major = 0
    first = True
    while first or fault & VM_FAULT_RETRY:
        found = await locked_area(mm, regs, error_code, address, first and user_mode(regs))
        if found is None:
            return
        vma, alone = found
        first = False
        fault = await handle_mm_fault(vma, address, flags | (FAULT_FLAG_VMA_LOCK if alone else 0))
        major |= fault & VM_FAULT_MAJOR
        if await fault_signal_pending(fault, regs):
            if not user_mode(regs):
                await no_context(regs, error_code, address, SIGBUS, BUS_ADRERR)
            return
        if not fault & (VM_FAULT_COMPLETED | VM_FAULT_RETRY):
            if alone:
                await vma_end_read(mm)
            else:
                await up_read(mm)
        elif fault & VM_FAULT_RETRY and (not alone or fault & VM_FAULT_MAJOR):
            flags |= FAULT_FLAG_TRIED
    await finish(regs, error_code, address, fault, major)
