async def do_user_addr_fault(regs, error_code, address):
    mm = await current.mm
    flags = FAULT_FLAG_DEFAULT if user_mode(regs) else FAULT_FLAG_DEFAULT & ~FAULT_FLAG_INTERRUPTIBLE
    if user_mode(regs):
        flags |= FAULT_FLAG_USER
    if error_code & X86_PF_WRITE:
        flags |= FAULT_FLAG_WRITE
    await perf_sw_event("page-faults")
    major = 0
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
        if not fault & VM_FAULT_RETRY:
            break
        flags |= FAULT_FLAG_TRIED
    await up_read(mm)
    if fault & VM_FAULT_ERROR:
        await mm_fault_error(regs, error_code, address, fault)
    else:
        await count("maj_flt" if major else "min_flt")
        await perf_sw_event("major-faults" if major else "minor-faults")


async def ends_sleep(state):
    """Say whether a pending signal ends a sleep of this kind."""
    if state == TASK_INTERRUPTIBLE:
        return await signal_pending(current)
    if state == TASK_KILLABLE:
        return await fatal_signal_pending(current)
    return False


async def handle_userfault(vma, address, flags, reason):
    mm = await vma.vm_mm
    context = await vma.vm_userfaultfd_ctx
    if await current.exiting or context is None:
        return VM_FAULT_SIGBUS
    if await context.features & UFFD_FEATURE_SIGBUS:
        return VM_FAULT_SIGBUS
    if await context.released:
        return VM_FAULT_NOPAGE
    if not flags & FAULT_FLAG_ALLOW_RETRY:
        return VM_FAULT_SIGBUS
    if flags & FAULT_FLAG_RETRY_NOWAIT:
        return VM_FAULT_RETRY
    if flags & FAULT_FLAG_INTERRUPTIBLE:
        state = TASK_INTERRUPTIBLE
    elif flags & FAULT_FLAG_KILLABLE:
        state = TASK_KILLABLE
    else:
        state = TASK_UNINTERRUPTIBLE
    message = UFFD_PAGEFAULT_FLAG_WRITE if flags & FAULT_FLAG_WRITE else 0
    wait = await userfaultfd_queue(context, address & PAGE_MASK, message, state)
    must_wait = await userfaultfd_must_wait(mm, address, reason)
    await up_read(mm)
    result = VM_FAULT_RETRY
    if must_wait and not await context.released and not await ends_sleep(state):
        await schedule()
        while not await wait.waken:
            await set_current_state(state)
            if await wait.waken or await context.released or await ends_sleep(state):
                break
            await schedule()
        result |= VM_FAULT_MAJOR
    await set_current_state(TASK_RUNNING)
    await userfaultfd_dequeue(wait)
    return result
