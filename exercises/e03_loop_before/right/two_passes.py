OVER = None


async def one_pass(mm, regs, error_code, address, flags):
    """Lock, look, try; give the bits, or OVER when the access was told off."""
    await down_read(mm)
    vma = await find_vma(mm, address)
    start = address + 1 if vma is None else await vma.vm_start
    if start > address:
        await bad_area(regs, error_code, address)
        return OVER
    forbidden = await access_error(error_code, vma)
    if forbidden:
        await bad_area_access_error(regs, error_code, address)
        return OVER
    return await handle_mm_fault(vma, address, flags)


async def do_user_addr_fault(regs, error_code, address):
    mm = await current.mm
    kind = 0
    if user_mode(regs):
        kind = FAULT_FLAG_USER
    if error_code & X86_PF_WRITE:
        kind = kind | FAULT_FLAG_WRITE
    if error_code & X86_PF_INSTR:
        kind = kind | FAULT_FLAG_INSTRUCTION
    await perf_sw_event("page-faults")

    first = await one_pass(
        mm, regs, error_code, address, kind | FAULT_FLAG_KILLABLE | FAULT_FLAG_ALLOW_RETRY
    )
    if first is OVER:
        return
    last = first
    if first & VM_FAULT_RETRY:
        dying = await fatal_signal_pending(current)
        if dying and user_mode(regs):
            return
        if dying:
            await no_context(regs, error_code, address, SIGBUS, BUS_ADRERR)
            return
        last = await one_pass(mm, regs, error_code, address, kind | FAULT_FLAG_KILLABLE | FAULT_FLAG_TRIED)
        if last is OVER:
            return
        if last & VM_FAULT_RETRY:  # SIGKILL cut the wait: the lock is gone
            if not user_mode(regs):
                await no_context(regs, error_code, address, SIGBUS, BUS_ADRERR)
            return

    await up_read(mm)
    if last & VM_FAULT_ERROR:
        await mm_fault_error(regs, error_code, address, last)
        return
    was_major = (first | last) & VM_FAULT_MAJOR
    await count("maj_flt" if was_major else "min_flt")
    await perf_sw_event("major-faults" if was_major else "minor-faults")
