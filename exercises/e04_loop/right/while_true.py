# %% id="loop"
async def do_user_addr_fault(regs, error_code, address):
    mm = await current.mm
    flags = FAULT_FLAG_DEFAULT
    if user_mode(regs):
        flags |= FAULT_FLAG_USER
    if error_code & X86_PF_WRITE:
        flags |= FAULT_FLAG_WRITE
    if error_code & X86_PF_INSTR:
        flags |= FAULT_FLAG_INSTRUCTION
    await perf_sw_event("page-faults")
    major = 0
    await down_read(mm)
    while True:
        vma = await find_vma(mm, address)
        if vma is None:
            return await bad_area(regs, error_code, address)
        start = await vma.vm_start
        if start > address:
            return await bad_area(regs, error_code, address)
        if await access_error(error_code, vma):
            return await bad_area_access_error(regs, error_code, address)
        fault = await handle_mm_fault(vma, address, flags)
        if fault & VM_FAULT_MAJOR:
            major = 1
        if fault & VM_FAULT_RETRY:
            if user_mode(regs):
                if await signal_pending(current):
                    return None
            elif await fatal_signal_pending(current):
                return await no_context(regs, error_code, address, SIGBUS, BUS_ADRERR)
            await down_read(mm)
            flags = flags | FAULT_FLAG_TRIED
            continue
        await up_read(mm)
        if fault & VM_FAULT_ERROR:
            return await mm_fault_error(regs, error_code, address, fault)
        await count("maj_flt" if major else "min_flt")
        return await perf_sw_event("major-faults" if major else "minor-faults")
