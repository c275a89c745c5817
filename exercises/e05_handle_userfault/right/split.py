ENDS = {TASK_INTERRUPTIBLE: signal_pending, TASK_KILLABLE: fatal_signal_pending}


async def decide(vma, context, flags):
    """Give what ends the fault at once, or None: it has to wait."""
    if context is None or await current.exiting:
        return VM_FAULT_SIGBUS
    refuses = await context.features & UFFD_FEATURE_SIGBUS
    if refuses:
        return VM_FAULT_SIGBUS
    closed = await context.released
    if closed:
        return VM_FAULT_NOPAGE
    if flags & FAULT_FLAG_ALLOW_RETRY == 0:
        return VM_FAULT_SIGBUS
    return VM_FAULT_RETRY if flags & FAULT_FLAG_RETRY_NOWAIT else None


def kind_of_sleep(flags):
    """Choose the state by the two flags."""
    for flag, state in (
        (FAULT_FLAG_INTERRUPTIBLE, TASK_INTERRUPTIBLE),
        (FAULT_FLAG_KILLABLE, TASK_KILLABLE),
    ):
        if flags & flag:
            return state
    return TASK_UNINTERRUPTIBLE


async def over(context, wait, state):
    """Say whether the sleep has come to its end."""
    if await wait.waken or await context.released:
        return True
    return state in ENDS and await ENDS[state](current)


async def sleep(context, wait, state):
    """Sleep until it is over; say whether there was a sleep at all."""
    slept = False
    while not await over(context, wait, state):
        if not slept:
            await wake_up_poll(context)
        await schedule()
        slept = True
        await set_current_state(state)
    return slept


async def handle_userfault(vma, address, flags, reason):
    context = await vma.vm_userfaultfd_ctx
    at_once = await decide(vma, context, flags)
    if at_once is not None:
        return at_once
    mm = await vma.vm_mm
    state = kind_of_sleep(flags)
    write = UFFD_PAGEFAULT_FLAG_WRITE if flags & FAULT_FLAG_WRITE else 0
    wait = await userfaultfd_queue(context, address & PAGE_MASK, write, state)
    missing = await userfaultfd_must_wait(mm, address, reason)
    await up_read(mm)
    major = missing and await sleep(context, wait, state)
    await set_current_state(TASK_RUNNING)
    await userfaultfd_dequeue(wait)
    return VM_FAULT_RETRY | (VM_FAULT_MAJOR if major else 0)
