async def handle_userfault(vma, address, flags, reason):
    mm = await vma.vm_mm
    message = UFFD_PAGEFAULT_FLAG_WRITE if flags & FAULT_FLAG_WRITE else 0
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
    else:
        state = TASK_KILLABLE if flags & FAULT_FLAG_KILLABLE else TASK_UNINTERRUPTIBLE
    wait = await userfaultfd_queue(context, address & PAGE_MASK, message, state)
    await set_current_state(state)
    must_wait = await userfaultfd_must_wait(mm, address, reason)
    await up_read(mm)
    result = VM_FAULT_RETRY
    if must_wait and not await context.released and not await ends_sleep(state):
        await wake_up_poll(context)
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


async def ends_sleep(state):
    if state == TASK_INTERRUPTIBLE:
        return await signal_pending(current)
    if state == TASK_KILLABLE:
        return await fatal_signal_pending(current)
    return False
