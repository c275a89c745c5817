# %% [markdown] id="story"
# In Linux v5.6 a fault has two attempts. The first may drop the lock and wait; then everything starts over,
# and the second attempt is the last. This is one loop, and each architecture has its own copy of it.
# [fact:x86-retry-5-6] [fact:arch-handlers]
#
# You write the one of x86: `do_user_addr_fault`, for faults of programs, and for faults of the kernel's own
# code when it copies from a program's memory. In lesson 06 you wrote the heart of it. Here is all the rest:
# what is found under the lock, signals that kill, errors, counters.

# %% id="imports"
from course import check, hint
from course.views import ready
from pyemu import Tree, run
from pyemu.stubs import *

ready()

# %% [markdown] id="crash"
# ## First, the crash
#
# You know **S13**: a program reads a page, and its monitor wakes it without the page. The loop of v5.6 is
# what kills it. Yours has to kill it just so. And here is a fault that goes well, with two attempts:
# **S9**, a page on a slow disk.

# %% id="run-s13"
print(run("S13", Tree.before))
for event in run("S9", Tree.before).trace.select("attempt", "attempt_end", task="T"):
    print(event.t, "us:", event.text)

# %% [markdown] id="task"
# ## Your part
#
# `handle_mm_fault` makes one **attempt**. It is called with `mmap_sem` held, and with an area found under
# that:
#
# | it gives | mmap_sem | the fault |
# |---|---|---|
# | `VM_FAULT_RETRY` | was dropped by the callee [fact:invariant-lock] | isn't served yet |
# | a bit of `VM_FAULT_ERROR` | is still held | has failed |
# | anything else | is still held | is served |
#
# What 5.6 does about RETRY, in this order: [fact:x86-retry-5-6]
#
# - if SIGKILL is pending, the fault ends here. Then a bare return is enough for user mode: SIGKILL is taken
#   on the way back. Kernel code can't be left like that, since it would go on with the same instruction. It
#   has a **fixup**, the place where it goes on when memory fails it, and `no_context` sends it there.
#   [fact:x86-fixup] Other signals have to wait;
# - else it retries, in user mode as in kernel mode, without `FAULT_FLAG_ALLOW_RETRY`, and with
#   `FAULT_FLAG_TRIED`. [fact:flag-tried-5-6]
#
# The second attempt may give RETRY, too, but only with SIGKILL: it may not wait for a monitor any more, but
# for a page that somebody has locked, and SIGKILL ends that wait. The lock is gone then as well, and what is
# to be done is the same. Rely on that: you need nothing against a third attempt.
#
# And it counts. The event `page-faults` comes once for each exception, also if that ends in SIGSEGV; whether
# before or after the first `down_read` makes no difference. A fault that was served counts once,
# as `maj_flt` and `major-faults` if any of its attempts gave `VM_FAULT_MAJOR`, the first or the last, else as
# `min_flt` and `minor-faults`. [fact:count-x86-own] A fault that failed or was left counts as neither,
# whatever its attempts gave.
#
# Flags and the first lock are there. The rest is yours. Each operation is awaited, as in `await
# down_read(mm)`, and so is a field: `await vma.vm_start`. Not awaited: `current` itself, and `user_mode`.
#
# | you may use | for |
# |---|---|
# | `down_read(mm)`, `up_read(mm)` | taking mmap_sem for reading, releasing it |
# | `find_vma(mm, address)` | the first area that ends above the address, or None |
# | `await vma.vm_start` | its first address, which may lie above yours |
# | `bad_area(regs, error_code, address)` | no area: it releases the lock and sends SIGSEGV; then return |
# | `access_error(error_code, vma)` | whether the area forbids the access |
# | `bad_area_access_error(regs, error_code, address)` | as `bad_area`, for an area that forbids it |
# | `handle_mm_fault(vma, address, flags)` | one attempt |
# | `fatal_signal_pending(current)` | whether SIGKILL is pending |
# | `user_mode(regs)` | whether a program faulted (not awaited) |
# | `no_context(regs, error_code, address, SIGBUS, BUS_ADRERR)` | kernel code: on to its fixup; then return |
# | `mm_fault_error(regs, error_code, address, fault)` | reporting an error; release the lock before |
# | `count("min_flt")`, `perf_sw_event("page-faults")` | counting |
#
# `mm_fault_error` takes the word that the attempt gave, and does what is needed in either mode: for kernel
# code it calls `no_context` itself.
#
# If you are stuck, `hint("e03_loop_before", 1)` gives a nudge; 2 and 3 say more.

# %% id="loop" tags=["answer"]
async def do_user_addr_fault(regs, error_code, address):
    mm = await current.mm
    flags = FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE
    if user_mode(regs):
        flags |= FAULT_FLAG_USER
    if error_code & X86_PF_WRITE:
        flags |= FAULT_FLAG_WRITE
    if error_code & X86_PF_INSTR:
        flags |= FAULT_FLAG_INSTRUCTION
    await down_read(mm)

    ### BEGIN SOLUTION
    await perf_sw_event("page-faults")
    major = 0
    while True:
        vma = await find_vma(mm, address)
        if vma is None or await vma.vm_start > address:
            await bad_area(regs, error_code, address)
            return
        if await access_error(error_code, vma):
            await bad_area_access_error(regs, error_code, address)
            return
        fault = await handle_mm_fault(vma, address, flags)
        major |= fault & VM_FAULT_MAJOR
        if not fault & VM_FAULT_RETRY:
            break
        if await fatal_signal_pending(current):
            if not user_mode(regs):
                await no_context(regs, error_code, address, SIGBUS, BUS_ADRERR)
            return
        flags &= ~FAULT_FLAG_ALLOW_RETRY
        flags |= FAULT_FLAG_TRIED
        await down_read(mm)
    await up_read(mm)
    if fault & VM_FAULT_ERROR:
        await mm_fault_error(regs, error_code, address, fault)
    elif major:
        await count("maj_flt")
        await perf_sw_event("major-faults")
    else:
        await count("min_flt")
        await perf_sw_event("minor-faults")
    ### STUB
    # # Two attempts at most: what is new in the second? And what ends the fault?
    # raise NotImplementedError("the loop is still empty")
    ### END SOLUTION


# %% id="stuck" tags=["scratch"]
hint("e03_loop_before")

# %% [markdown] id="one"
# ## One attempt
#
# Each check runs your function in a process of its own, beside the kernel's own function on the same
# scenario, on the tree before the series. S9 and S13 you know; what is called E3 is this exercise's own.
# Only the cell with your function is taken: put what it uses into that cell, and checks into others. What is
# shown below a check before you run it is the verdict on a right answer.

# %% id="plain" tags=["check"]
check("e03_loop_before", "plain")

# %% [markdown] id="two"
# ## Two attempts
#
# Now the first attempt waits, and gives RETRY.

# %% id="retry" tags=["check"]
check("e03_loop_before", "retry")

# %% id="flags" tags=["check"]
check("e03_loop_before", "flags")

# %% id="kill" tags=["check"]
check("e03_loop_before", "kill")

# %% [markdown] id="never-three"
# ## Never three
#
# The second attempt is the last: what it gives is the end of the fault, and what is counted.

# %% id="s13" tags=["check"]
check("e03_loop_before", "s13")

# %% id="counters" tags=["check"]
check("e03_loop_before", "counters")

# %% [markdown] id="sum"
# ## All together
#
# When every check passes, this cell says why the kernel does it so, and which change took it away.

# %% id="all" tags=["scratch"]
check("e03_loop_before")

# %% [markdown] id="try"
# ## Your own runs
#
# The same machine is yours to play with: pass your function to `run` and read the trace.

# %% id="play" tags=["scratch"]
# print(run("S9", Tree.before, {"do_user_addr_fault": do_user_addr_fault}).trace)
