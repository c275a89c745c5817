ENDS_SLEEP = {TASK_INTERRUPTIBLE: signal_pending, TASK_KILLABLE: fatal_signal_pending}


async def area_of(mm, regs, error_code, address):
    """Take the lock and find the area; None if the fault is over."""
    await down_read(mm)
    vma = await find_vma(mm, address)
    if vma is None or address < await vma.vm_start:
        await bad_area(regs, error_code, address)
        return None
    if await access_error(error_code, vma):
        await bad_area_access_error(regs, error_code, address)
        return None
    return vma


async def leave(regs, error_code, address):
    """Give the fault up: the handler runs, or the kernel goes on at its fixup."""
    if not user_mode(regs):
        await no_context(regs, error_code, address, SIGBUS, BUS_ADRERR)


async def finish(mm, regs, error_code, address, fault, waited):
    """Release the lock, then tell what is wrong or count."""
    await up_read(mm)
    if fault & VM_FAULT_ERROR:
        await mm_fault_error(regs, error_code, address, fault)
        return
    await count("maj_flt" if waited else "min_flt")
    await perf_sw_event("major-faults" if waited else "minor-faults")


async def do_user_addr_fault(regs, error_code, address):
    mm = await current.mm
    await perf_sw_event("page-faults")
    flags = FAULT_FLAG_DEFAULT
    flags |= FAULT_FLAG_USER if user_mode(regs) else 0
    flags |= FAULT_FLAG_WRITE if error_code & X86_PF_WRITE else 0
    fault, waited = VM_FAULT_RETRY, False
    while fault & VM_FAULT_RETRY:
        vma = await area_of(mm, regs, error_code, address)
        if vma is None:
            return
        fault = await handle_mm_fault(vma, address, flags)
        waited = waited or bool(fault & VM_FAULT_MAJOR)
        if await fault_signal_pending(fault, regs):
            await leave(regs, error_code, address)
            return
        flags |= FAULT_FLAG_TRIED
    await finish(mm, regs, error_code, address, fault, waited)


def kind_of_sleep(flags):
    """Choose what may end the sleep: what may end the fault."""
    if flags & FAULT_FLAG_USER and flags & FAULT_FLAG_INTERRUPTIBLE:
        return TASK_INTERRUPTIBLE
    return TASK_KILLABLE if flags & FAULT_FLAG_KILLABLE else TASK_UNINTERRUPTIBLE


async def over(context, wait, state):
    if await wait.waken or await context.released:
        return True
    return state in ENDS_SLEEP and await ENDS_SLEEP[state](current)


async def handle_userfault(vma, address, flags, reason):
    mm = await vma.vm_mm
    context = await vma.vm_userfaultfd_ctx
    if context is None or await current.exiting:
        return VM_FAULT_SIGBUS
    if await context.features & UFFD_FEATURE_SIGBUS:
        return VM_FAULT_SIGBUS
    if await context.released:
        return VM_FAULT_NOPAGE
    if not flags & FAULT_FLAG_ALLOW_RETRY:
        return VM_FAULT_SIGBUS
    if flags & FAULT_FLAG_RETRY_NOWAIT:
        return VM_FAULT_RETRY
    state = kind_of_sleep(flags)
    message = UFFD_PAGEFAULT_FLAG_WRITE if flags & FAULT_FLAG_WRITE else 0
    wait = await userfaultfd_queue(context, address & PAGE_MASK, message, state)
    missing = await userfaultfd_must_wait(mm, address, reason)
    await up_read(mm)
    major = 0
    while missing and not await over(context, wait, state):
        if not major:
            await wake_up_poll(context)
        await schedule()
        major = VM_FAULT_MAJOR
        await set_current_state(state)
    await set_current_state(TASK_RUNNING)
    await userfaultfd_dequeue(wait)
    return VM_FAULT_RETRY | major
