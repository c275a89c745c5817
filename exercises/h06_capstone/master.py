# %% [markdown] id="story"
# Sixteen patches, and one bug that they left behind. You have seen a fault that gave up too early, an area
# that was freed while somebody waited, a wake-up that got lost, a copy that burned a CPU until its page came.
#
# Now write the path between a page fault and its monitor: both functions, both modes, with the busy loop
# mended. [fact:b5-busy-loop] In the end every order of events is tried on it.

# %% id="imports"
from course import check, hint
from course.views import counters, ready
from pyemu import Tree, run
from pyemu.stubs import *

ready()

# %% [markdown] id="crash"
# ## First, what is to be mended
#
# S12 on Linux v5.7, and on the kernel that you will write: T writes to a file from a missing page, with
# SIGUSR1 pending.

# %% id="run-s12"
counters(run("S12", Tree.v5_7), run("S12", Tree.parse("v5_7+B5")))

# %% [markdown] id="task"
# ## Your part
#
# | a wait of | a harmless signal | SIGKILL |
# |---|---|---|
# | a fault from user mode | ends sleep and fault; the handler runs, the access faults anew | ends both |
# | a fault from kernel mode | ends nothing: the copy gives its full count | ends both, at the fixup |
# | `get_user_pages`, by your second function alone | ends nothing | ends both |
#
# `do_user_addr_fault` takes mmap_sem, finds the area, makes attempts, and counts a fault that was served:
# once. Its flags say who made the access, and which, as in exercise E4. `handle_userfault` is called by an
# attempt with mmap_sem held, and follows the table of exercise E5 for those who must not wait.
# [fact:uffd-order] Each operation and each field is awaited.
#
# | you may use | for |
# |---|---|
# | `down_read(mm)`, `up_read(mm)` | mmap_sem, for reading |
# | `find_vma(mm, address)`, `vma.vm_start` | the area, or None; where it begins |
# | `bad_area`, `bad_area_access_error` | no area, or not for this: `(regs, error_code, address)`; return |
# | `access_error(error_code, vma)` | whether the area forbids the access |
# | `handle_mm_fault(vma, address, flags)` | one attempt |
# | `fault_signal_pending(fault, regs)` | whether a signal must end this fault |
# | `no_context(regs, error_code, address, SIGBUS, BUS_ADRERR)` | kernel code goes on at its fixup |
# | `mm_fault_error(regs, error_code, address, fault)` | an error, after the lock was released |
# | `perf_sw_event(name)`, `count(name)` | counters; their names stand in the cell below |
#
# | in the second function | for |
# |---|---|
# | `current.exiting`, `vma.vm_mm`, `vma.vm_userfaultfd_ctx`, `vma.vm_flags` | task and area |
# | `context.features`, `context.released`, `wait.waken` | the userfaultfd, and your entry in its queue |
# | `userfaultfd_queue(context, page, message, state)` | queues a message, sets the state; gives your entry |
# | `UFFD_PAGEFAULT_FLAG_WRITE` | the message of a write; that of a read is 0 |
# | `userfaultfd_must_wait(mm, address, reason)` | whether the page is still missing |
# | `userfaultfd_dequeue(wait)` | takes your entry out of the queue |
# | `wake_up_poll(context)`, `set_current_state(state)`, `schedule()` | waking a monitor; sleeping |
# | `signal_pending(current)`, `fatal_signal_pending(current)` | any signal; SIGKILL |
#
# `hint("h06_capstone", 1)` gives a nudge; 2 and 3 say more.


# %% id="path" tags=["answer"]
async def do_user_addr_fault(regs, error_code, address):
    ### BEGIN SOLUTION
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
    ### STUB
    # # "page-faults" once; in each round lock, area, attempt, signals; at the end "maj_flt" and
    # # "major-faults", or "min_flt" and "minor-faults".
    # raise NotImplementedError("the loop is still empty")
    ### END SOLUTION


async def handle_userfault(vma, address, flags, reason):
    ### BEGIN SOLUTION
    async def ends_sleep(state):
        if state == TASK_INTERRUPTIBLE:
            return await signal_pending(current)
        return state == TASK_KILLABLE and await fatal_signal_pending(current)

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
    ### STUB
    # # Who must not wait; what may end the sleep; queue, look, drop; sleep; come back.
    # raise NotImplementedError("the wait is still empty")
    ### END SOLUTION


# %% id="stuck" tags=["scratch"]
hint("h06_capstone")

# %% [markdown] id="one-by-one"
# ## One by one
#
# Each check runs your functions in processes of their own, beside Linux v5.7 with the busy loop mended.
# What is shown below a check before you run it is the verdict on a right answer.

# %% id="s13" tags=["check"]
check("h06_capstone", "s13")

# %% id="s9" tags=["check"]
check("h06_capstone", "s9")

# %% id="s10" tags=["check"]
check("h06_capstone", "s10")

# %% id="s12" tags=["check"]
check("h06_capstone", "s12")

# %% id="kill" tags=["check"]
check("h06_capstone", "kill")

# %% [markdown] id="all-orders"
# ## In every order
#
# M brings the page and S sends a signal, at any moment. Every order of their moves and T's is tried.

# %% id="orders" tags=["check"]
check("h06_capstone", "orders")

# %% id="counters" tags=["check"]
check("h06_capstone", "counters")

# %% [markdown] id="sum"
# ## All together

# %% id="all" tags=["scratch"]
check("h06_capstone")

# %% [markdown] id="try"
# ## Your own kernel
#
# Does it hang on one CPU? That is scenario B5.

# %% id="play" tags=["scratch"]
# mine = {"do_user_addr_fault": do_user_addr_fault, "handle_userfault": handle_userfault}
# print(run("B5", Tree.v5_7, mine))
