# %% id="loop"
async def attempt(regs, error_code, address, flags, major):
    """Make one attempt and all that follow; give the last one's bits, or None when all is done."""
    mm = await current.mm
    await down_read(mm)
    vma = await find_vma(mm, address)
    if vma is None or address < await vma.vm_start:
        await bad_area(regs, error_code, address)
        return None
    if await access_error(error_code, vma):
        await bad_area_access_error(regs, error_code, address)
        return None
    fault = await handle_mm_fault(vma, address, flags)
    if await fault_signal_pending(fault, regs):
        if not user_mode(regs):
            await no_context(regs, error_code, address, SIGBUS, BUS_ADRERR)
        return None
    if fault & VM_FAULT_RETRY:
        return await attempt(
            regs, error_code, address, flags | FAULT_FLAG_TRIED, major or fault & VM_FAULT_MAJOR
        )
    await up_read(mm)
    return fault | (VM_FAULT_MAJOR if major else 0)


async def do_user_addr_fault(regs, error_code, address):
    flags = FAULT_FLAG_DEFAULT
    flags |= FAULT_FLAG_USER if user_mode(regs) else 0
    flags |= FAULT_FLAG_WRITE if error_code & X86_PF_WRITE else 0
    flags |= FAULT_FLAG_INSTRUCTION if error_code & X86_PF_INSTR else 0
    await perf_sw_event("page-faults")
    fault = await attempt(regs, error_code, address, flags, 0)
    if fault is None:
        return
    if fault & VM_FAULT_ERROR:
        await mm_fault_error(regs, error_code, address, fault)
    elif fault & VM_FAULT_MAJOR:
        await count("maj_flt")
        await perf_sw_event("major-faults")
    else:
        await count("min_flt")
        await perf_sw_event("minor-faults")


# %% id="tests"
WOKEN = {"T": "write 2", "M": "wait_message; wake it; " * 4 + "wait_message; copy it"}
TESTS = [
    (WOKEN, {"exceptions": 1, "messages": 5}),
    (WOKEN, {"flags": (0x255, 0x275, 0x275, 0x275, 0x275, 0x275)}),
    ("S9-relock", {"attempts": 2, "outcome": "ret=1"}),
]
