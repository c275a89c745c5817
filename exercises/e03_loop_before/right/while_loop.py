async def area_of(mm, regs, error_code, address):
    """Give the area of a fault; None when there is none that allows it, which is told then."""
    vma = await find_vma(mm, address)
    if vma is None or address < await vma.vm_start:
        return await bad_area(regs, error_code, address)
    if await access_error(error_code, vma):
        return await bad_area_access_error(regs, error_code, address)
    return vma


async def do_user_addr_fault(regs, error_code, address):
    await perf_sw_event("page-faults")
    mm = await current.mm
    user = user_mode(regs)
    flags = FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE | (FAULT_FLAG_USER if user else 0)
    flags |= FAULT_FLAG_WRITE if error_code & X86_PF_WRITE else 0
    flags |= FAULT_FLAG_INSTRUCTION if error_code & X86_PF_INSTR else 0
    seen = 0
    fault = VM_FAULT_RETRY
    while fault & VM_FAULT_RETRY:
        await down_read(mm)
        vma = await area_of(mm, regs, error_code, address)
        if vma is None:
            return None
        fault = await handle_mm_fault(vma, address, flags)
        seen |= fault
        if fault & VM_FAULT_RETRY and await fatal_signal_pending(current):
            return None if user else await no_context(regs, error_code, address, SIGBUS, BUS_ADRERR)
        flags = flags & ~FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_TRIED
    await up_read(mm)
    if fault & VM_FAULT_ERROR:
        return await mm_fault_error(regs, error_code, address, fault)
    was_major = seen & VM_FAULT_MAJOR
    await perf_sw_event("major-faults" if was_major else "minor-faults")
    return await count("maj_flt" if was_major else "min_flt")
