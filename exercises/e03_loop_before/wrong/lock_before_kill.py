async def do_user_addr_fault(regs, error_code, address):
    mm = await current.mm
    flags = FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE
    if user_mode(regs):
        flags |= FAULT_FLAG_USER
    if error_code & X86_PF_WRITE:
        flags |= FAULT_FLAG_WRITE
    if error_code & X86_PF_INSTR:
        flags |= FAULT_FLAG_INSTRUCTION
    await down_read(mm)
    await perf_sw_event("page-faults")
    major = 0
    while True:
        vma = await find_vma(mm, address)
        if vma is None or await vma.vm_start > address:
            await bad_area(regs, error_code, address)
            return
        if await access_error(error_code, vma):
            await bad_area_access_error(regs, error_code, address)
            return
        fault = await handle_mm_fault(vma, address, flags)
        major |= fault & VM_FAULT_MAJOR
        if not fault & VM_FAULT_RETRY:
            break
        flags &= ~FAULT_FLAG_ALLOW_RETRY
        flags |= FAULT_FLAG_TRIED
        await down_read(mm)
        if await fatal_signal_pending(current):
            await up_read(mm)
            if not user_mode(regs):
                await no_context(regs, error_code, address, SIGBUS, BUS_ADRERR)
            return
    await up_read(mm)
    if fault & VM_FAULT_ERROR:
        await mm_fault_error(regs, error_code, address, fault)
    elif major:
        await count("maj_flt")
        await perf_sw_event("major-faults")
    else:
        await count("min_flt")
        await perf_sw_event("minor-faults")
