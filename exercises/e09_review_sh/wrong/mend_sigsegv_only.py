# %% id="handler"
async def sh_page_fault(regs, error_code, address):
    """sh's do_page_fault."""
    mm = await current.mm
    flags = FAULT_FLAG_DEFAULT
    if user_mode(regs):
        flags |= FAULT_FLAG_USER
    if error_code & X86_PF_WRITE:
        flags |= FAULT_FLAG_WRITE
    await perf_sw_event("page-faults")
    while True:
        await down_read(mm)
        vma = await find_vma(mm, address)
        if vma is None or await vma.vm_start > address:
            await sh_bad_area(regs, error_code, address)
            return
        if await access_error(error_code, vma):
            await bad_area_access_error(regs, error_code, address)  # it releases the lock itself
            return
        fault = await handle_mm_fault(vma, address, flags)
        failed = fault & (VM_FAULT_RETRY | VM_FAULT_ERROR)
        if failed and await sh_fault_error(regs, error_code, address, fault):
            return
        await count("maj_flt" if fault & VM_FAULT_MAJOR else "min_flt")
        if not fault & VM_FAULT_RETRY:
            break
        flags |= FAULT_FLAG_TRIED
    await up_read(mm)


async def sh_fault_error(regs, error_code, address, fault):
    """sh's mm_fault_error: say whether the fault is over."""
    if await fault_signal_pending(fault, regs):
        if not user_mode(regs):
            await no_context(regs, error_code, address, SIGBUS, BUS_ADRERR)
        return True
    mm = await current.mm
    if not fault & VM_FAULT_RETRY:  # patch 8: release mmap_sem first
        await up_read(mm)
    if not fault & VM_FAULT_ERROR:
        return False
    if fault & VM_FAULT_OOM:
        if user_mode(regs):
            await pagefault_out_of_memory()
        else:
            await no_context(regs, error_code, address, SIGSEGV, SEGV_MAPERR)
    elif fault & VM_FAULT_SIGBUS:
        await sh_sigbus(regs, error_code, address)
    else:
        await bad_area_nosemaphore(regs, error_code, address)
    return True


async def sh_sigbus(regs, error_code, address):
    """sh's do_sigbus."""
    mm = await current.mm
    await up_read(mm)
    if not user_mode(regs):
        await no_context(regs, error_code, address, SIGBUS, BUS_ADRERR)
    await force_sig_fault(SIGBUS, BUS_ADRERR, address)


async def sh_bad_area(regs, error_code, address):
    """sh's bad_area: there is no area, or none that can be used."""
    mm = await current.mm
    await up_read(mm)
    await bad_area_nosemaphore(regs, error_code, address)
