# %% [markdown] id="story"
# A page is missing, and a program waits for its monitor. Then a signal comes. In Linux v5.6
# `handle_userfault` takes `mmap_sem` again and says `VM_FAULT_NOPAGE`, as if the lock had never been away. A
# robot found a use after free behind that sentence. [fact:use-after-free-2017]
# [fact:uffd-nopage-after-signal]
#
# You write `handle_userfault` of Linux v5.7: without the special case, and without a wake-up that gets lost.
# [fact:p10-no-nopage]

# %% id="imports"
from course import check, hint
from course.views import counters, ready
from pyemu import Tree, run
from pyemu.stubs import *

ready()

# %% [markdown] id="crash"
# ## First, the symptom
#
# In **S10a** SIGUSR1 comes while T waits, and later M brings the page. `upto9` is the kernel with the special
# case, `upto10` the one without it. Look at the acquisitions of mmap_sem and at the minor faults: the fake
# fault is counted as one that was served.

# %% id="run-s10a"
counters(run("S10a", Tree.upto(9)), run("S10a", Tree.upto(10)))

# %% [markdown] id="task-first"
# ## Your part
#
# `handle_mm_fault` has found that the page is missing and that a monitor serves the area. It calls your
# function, with mmap_sem held. What you return is what the caller of `handle_mm_fault` gets.
#
# **The first half: who must not wait.** The first line that fits decides. Nothing is queued, and mmap_sem
# stays held. [fact:uffd-order]
#
# | if | you give |
# |---|---|
# | the task exits, or the area has no userfaultfd (None) | `VM_FAULT_SIGBUS` |
# | the monitor wants no messages: `UFFD_FEATURE_SIGBUS` is among the features | `VM_FAULT_SIGBUS` |
# | the userfaultfd is being closed: released | `VM_FAULT_NOPAGE` |
# | the caller may not wait: `FAULT_FLAG_ALLOW_RETRY` is clear | `VM_FAULT_SIGBUS` |
# | the caller will not wait: `FAULT_FLAG_RETRY_NOWAIT` is set | `VM_FAULT_RETRY` |
#
# **Then three steps**, here by the alphabet: drop mmap_sem; look whether the page is still missing; queue a
# message and announce your sleep, which one call does. In which order? M may act between any two of your
# lines. From the message on there is one way out, through the second half, also for who finds its page there
# and does not sleep.
#
# **The second half** stands there as in Linux v5.6. Make it that of v5.7. Two points change, and the rest is
# right as it stands:
#
# - In v5.6 USER and KILLABLE together make the sleep interruptible; otherwise it is killable.
#   [fact:uffd-sleep-5-6] In v5.7 two flags choose: with `FAULT_FLAG_INTERRUPTIBLE` it is interruptible, else
#   with `FAULT_FLAG_KILLABLE` it is killable, else uninterruptible. [fact:uffd-sleep-5-7]
# - Nobody emulates `VM_FAULT_NOPAGE` any more: what you give, MAJOR included, does not depend on what ended
#   the sleep. [fact:p10-no-nopage]

# %% [markdown] id="task-table"
# What you may use. Each operation and each field is awaited, as in `await vma.vm_mm`.
#
# | you may use | for |
# |---|---|
# | `current.exiting` | whether the task is on its way out |
# | `vma.vm_mm` | the address space |
# | `vma.vm_userfaultfd_ctx` | the userfaultfd of the area (its context), or None |
# | `context.features`, `context.released` | what the monitor asked for, as bits; whether it closes |
# | `userfaultfd_queue(context, page, message, state)` | queues a message, sets the state; gives your entry |
# | `userfaultfd_must_wait(mm, address, reason)` | is its page missing? needs mmap_sem; hand `reason` on |
# | `userfaultfd_dequeue(wait)` | takes your entry out of the queue |
# | `wait.waken` | whether a wake was meant for your entry |
# | `down_read(mm)`, `up_read(mm)` | taking mmap_sem for reading, releasing it |
# | `wake_up_poll(context)` | wakes a monitor that sleeps in poll() |
# | `set_current_state(state)`, `schedule()` | announcing a sleep, sleeping |
# | `TASK_INTERRUPTIBLE`, `TASK_KILLABLE`, `TASK_UNINTERRUPTIBLE` | the three kinds of sleep |
# | `signal_pending(current)`, `fatal_signal_pending(current)` | any signal; SIGKILL |
#
# The page of an address is `address & PAGE_MASK`. If you are stuck, `hint("e05_handle_userfault", 1)` gives a
# nudge; 2 and 3 say more.


# %% id="function" tags=["answer"]
async def ends_sleep(state):
    """Say whether a pending signal ends a sleep of this kind."""
    if state == TASK_INTERRUPTIBLE:
        return await signal_pending(current)
    if state == TASK_KILLABLE:
        return await fatal_signal_pending(current)
    return False


async def handle_userfault(vma, address, flags, reason):
    mm = await vma.vm_mm
    message = UFFD_PAGEFAULT_FLAG_WRITE if flags & FAULT_FLAG_WRITE else 0

    ### BEGIN SOLUTION
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
    # # 1. Who must not wait: the tests of the table, in their order.
    #
    # # 2. Drop the lock, look, queue: in which order? You need context, wait and must_wait below.
    # raise NotImplementedError("steps 1 and 2 are still empty")
    #
    # # 3. Sleep and come back, as in Linux v5.6. Make it v5.7. Step 2 needs `state`: move these 4 lines up.
    # if flags & FAULT_FLAG_USER and flags & FAULT_FLAG_KILLABLE:
    #     state = TASK_INTERRUPTIBLE
    # else:
    #     state = TASK_KILLABLE
    # result = VM_FAULT_RETRY
    # if must_wait and not await context.released and not await ends_sleep(state):
    #     await wake_up_poll(context)
    #     await schedule()
    #     while not await wait.waken:
    #         await set_current_state(state)
    #         if await wait.waken or await context.released or await ends_sleep(state):
    #             break
    #         await schedule()
    #     result |= VM_FAULT_MAJOR
    # await set_current_state(TASK_RUNNING)
    # if state == TASK_INTERRUPTIBLE and await ends_sleep(state) and not await fatal_signal_pending(current):
    #     await down_read(mm)
    #     result = VM_FAULT_NOPAGE
    # await userfaultfd_dequeue(wait)
    # return result
    ### END SOLUTION


# %% id="stuck" tags=["scratch"]
hint("e05_handle_userfault")

# %% [markdown] id="not-waiting"
# ## Who must not wait
#
# Each check runs your function in a process of its own, beside the kernel's own function on the same
# scenario. Only the cell with your function is taken: put what it uses into that cell, and checks into
# others. What is shown below a check before you run it is the verdict on a right answer.

# %% id="early" tags=["check"]
check("e05_handle_userfault", "early")

# %% [markdown] id="sleeping"
# ## The sleep
#
# A program, a kernel copy and `get_user_pages` come with different flags. Three callers here are those of
# other kernels: without patch 15, `get_user_pages` sets no flag for signals at all; [fact:p15-before-p16]
# without patch 12, a program sets KILLABLE alone; without patch 13, a fault comes a second time with
# `FAULT_FLAG_ALLOW_RETRY` cleared, and with all its other flags. [fact:flag-allow-retry-5-6]

# %% id="state" tags=["check"]
check("e05_handle_userfault", "state")

# %% [markdown] id="coming-back"
# ## Coming back
#
# S10a once more; S13, a wake without a page; [fact:uffd-loop] and a close while T sleeps.

# %% id="retry" tags=["check"]
check("e05_handle_userfault", "retry")

# %% id="dropped" tags=["check"]
check("e05_handle_userfault", "dropped")

# %% id="major" tags=["check"]
check("e05_handle_userfault", "major")

# %% [markdown] id="any-order"
# ## At any moment
#
# Here M brings the page, asked or unasked, or it closes the userfaultfd, at any moment between any two of
# your lines. Every order of T's and M's moves is tried. [fact:uffd-queue-first]

# %% id="wakeup" tags=["check"]
check("e05_handle_userfault", "wakeup")

# %% id="queue" tags=["check"]
check("e05_handle_userfault", "queue")

# %% [markdown] id="sum"
# ## All together
#
# When every check passes, this cell says why the kernel does it so, and which change did it.

# %% id="all" tags=["scratch"]
check("e05_handle_userfault")

# %% [markdown] id="try"
# ## Your own runs
#
# Pass your function to `run` and read the trace. Which lines of it are yours? S10a, S12 and S13 are meant for
# it. Write-protected pages, as in W1, need more than the exercise asks for.

# %% id="play" tags=["scratch"]
# print(run("S10a", Tree.after, {"handle_userfault": handle_userfault}).trace)
