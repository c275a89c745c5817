# %% [markdown] id="story"
# April 2025, from production: a program writes a file from memory that a monitor serves, a harmless signal
# arrives, and one CPU is gone until the page comes. [fact:b5-busy-loop] With one CPU and no preemption the
# whole machine is gone. [fact:b5-hang] The people who wrote these lines disagreed about who is to blame, and
# about what to do.
#
# You say what happened, and mend it. What Linux will do is open: any answer that passes the checks is right.

# %% id="imports"
from course import check, hint
from course.views import counters, ready
from pyemu import Tree, run
from pyemu.stubs import *

ready()

# %% [markdown] id="crash"
# ## First, the symptom
#
# In **S12** the kernel copies for `write`, from a page that is missing. SIGUSR1 is pending when the fault
# begins, and M brings the page 10 ms later. Here are three trees: with 11, 12 and 13 patches.

# %% id="run-s12"
counters(*(run("S12", Tree.upto(n)) for n in (11, 12, 13)))

# %% [markdown] id="part-a"
# ## Part a: what happened?
#
# Compare the columns, and fill in three values.
#
# | name | choose from |
# |---|---|
# | `"patch"` | 9, 10, 11, 12, 13: since which patch does T not sleep in S12? |
# | `"flag"` | a flag of the fault, `FAULT_FLAG_...`: which one asks for the sleep that the signal forbids? |
# | `"mode"` | `"user"`, `"kernel"`: faults of which mode are hurt? |

# %% id="diagnosis" tags=["answer"]
### BEGIN SOLUTION
S12 = {"patch": 12, "flag": FAULT_FLAG_INTERRUPTIBLE, "mode": "kernel"}
### STUB
# S12 = {"patch": None, "flag": None, "mode": None}
### END SOLUTION

# %% [markdown] id="part-b"
# ## Part b: mend it
#
# Both functions below are those of Linux v5.7. Change one of them, or both. When you are done,
#
# - a kernel copy **sleeps** while it waits, and sends one message for one wait;
# - a harmless signal doesn't cost it anything: `write` gives its full count, and the handler runs afterwards;
# - SIGKILL ends the wait at once;
# - faults of user mode are as before: any signal ends their wait.
#
# The first one is the loop of lesson 10, with one more line: a kernel copy that is left goes on at its fixup
# (`no_context`). The second one waits for the monitor, as in lesson 08. You may use what the two functions
# use; beside that `flush_signals(current)` in the first, and `schedule_timeout(ticks)` in the second.


# %% id="mend" tags=["answer"]
async def do_user_addr_fault(regs, error_code, address):
    mm = await current.mm
    ### BEGIN SOLUTION
    flags = FAULT_FLAG_DEFAULT if user_mode(regs) else FAULT_FLAG_DEFAULT & ~FAULT_FLAG_INTERRUPTIBLE
    ### STUB
    # raise NotImplementedError("mend one of the two functions, then delete this line")
    # flags = FAULT_FLAG_DEFAULT
    ### END SOLUTION
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
    wait = await userfaultfd_queue(context, address & PAGE_MASK, 0, state)
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


# %% id="stuck" tags=["scratch"]
hint("e06_busy_loop")

# %% [markdown] id="verdict"
# ## Part a
#
# What is shown below a check before you run it is the verdict on a right answer. This one looks at part a
# alone: run the cell of part b as it is, then ask.

# %% id="why" tags=["check"]
check("e06_busy_loop", "why")

# %% [markdown] id="waiting"
# ## Part b: the wait
#
# Each check runs your functions in processes of their own. A first read in user mode comes before each copy.

# %% id="sleeps" tags=["check"]
check("e06_busy_loop", "sleeps")

# %% id="message" tags=["check"]
check("e06_busy_loop", "message")

# %% id="count" tags=["check"]
check("e06_busy_loop", "count")

# %% [markdown] id="signals"
# ## Part b: SIGKILL, and user mode

# %% id="kill" tags=["check"]
check("e06_busy_loop", "kill")

# %% id="user" tags=["check"]
check("e06_busy_loop", "user")

# %% [markdown] id="sum"
# ## All together
#
# When every check passes, this cell says why.

# %% id="all" tags=["scratch"]
check("e06_busy_loop")

# %% [markdown] id="try"
# ## Your own runs
#
# Does your kernel hang on one CPU? That is scenario B5.

# %% id="play" tags=["scratch"]
# mine = {"do_user_addr_fault": do_user_addr_fault, "handle_userfault": handle_userfault}
# print(run("B5", Tree.v5_7, mine))
