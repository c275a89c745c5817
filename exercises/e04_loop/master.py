# %% [markdown] id="story"
# A program reads a page that isn't there. A helper, the *monitor*, is to bring it: it reads a message, and
# wakes the program. But it has brought nothing yet. The kernel of Linux v5.6 asks once more, and may not
# wait: the program gets SIGBUS for a page that was on its way. Linux v5.7 asks again, as often as it takes.
# [fact:wake-is-fatal-before] [fact:wake-is-harmless-after]
#
# You write that loop: `do_user_addr_fault` of Linux v5.7, for faults of programs, and for faults of the
# kernel's own code when it copies from a program's memory. [fact:p13-multi-retry] And then you write tests:
# scenarios that tell a right loop from three wrong ones.

# %% id="imports"
from course import check, hint
from course.views import ready
from pyemu import Tree, run
from pyemu.stubs import *

ready()

# %% [markdown] id="crash"
# ## First, the crash
#
# **S13** is the scenario of the story. Run it on the kernel before the series, then on the one after it.

# %% id="run-s13"
print(run("S13", Tree.before))
print(run("S13", Tree.after))

# %% [markdown] id="task"
# ## Your part
#
# `handle_mm_fault` makes one **attempt**. What it gives back decides what comes next:
#
# | it gives | mmap_sem | the fault |
# |---|---|---|
# | `VM_FAULT_RETRY` | was dropped by the callee | isn't served yet |
# | anything else | is still held | is over: served, or an error |
#
# Flags, error bits and counters are written already. Fill in the loop. When it ends, mmap_sem is held, and
# `fault` and `major` tell the last lines how the fault went. A fault is major if any of its attempts said
# `VM_FAULT_MAJOR`; a wait for a page's lock alone doesn't make it so. Each operation is awaited, as in
# `await perf_sw_event(...)`, and so is a field of an area.
#
# When a signal must end the fault early, it matters who faulted. A program is left by a bare return: the
# signal is taken on the way back. Kernel code would go on with the instruction that faulted. It has a
# **fixup**, the place where it goes on when memory fails it, and `no_context` sends it there. It is called
# without the lock. Where there is no area, `bad_area` does for kernel code, too: it sends that to its fixup.
# [fact:x86-fixup]
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
# | `fault_signal_pending(fault, regs)` | whether a signal must end this fault early |
# | `user_mode(regs)` | whether a program faulted (not awaited) |
# | `no_context(regs, error_code, address, SIGBUS, BUS_ADRERR)` | kernel code: on to its fixup; then return |
#
# If you are stuck, `hint("e04_loop", 1)` gives a nudge; 2 and 3 say more.

# %% id="loop" tags=["answer"]
async def do_user_addr_fault(regs, error_code, address):
    mm = await current.mm
    flags = FAULT_FLAG_DEFAULT
    if user_mode(regs):
        flags |= FAULT_FLAG_USER
    if error_code & X86_PF_WRITE:
        flags |= FAULT_FLAG_WRITE
    if error_code & X86_PF_INSTR:
        flags |= FAULT_FLAG_INSTRUCTION
    await perf_sw_event("page-faults")
    major = 0

    ### BEGIN SOLUTION
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
    ### STUB
    # # In each round: lock, find the area, try, look at the signals, decide.
    # raise NotImplementedError("the loop is still empty")
    ### END SOLUTION

    await up_read(mm)
    if fault & VM_FAULT_ERROR:
        await mm_fault_error(regs, error_code, address, fault)
    elif major:
        await count("maj_flt")
        await perf_sw_event("major-faults")
    else:
        await count("min_flt")
        await perf_sw_event("minor-faults")

# %% id="stuck" tags=["scratch"]
hint("e04_loop")

# %% [markdown] id="own-tests"
# ## Your own tests
#
# Leave the next cell as it is until your loop passes, but run it: each check wants both cells, and no others,
# so calls of `check` stay out of them. A **test** is a pair: a scenario, and what must be so of its task T at
# the end. These are three kernels that a good set of tests rejects: [fact:retry-first-helper]
# [fact:invariant-tried]
#
# - mutant **(a)** forgets to set TRIED before it tries again;
# - mutant **(b)** drops mmap_sem for a page lock at *every* attempt, also where TRIED is set;
# - mutant **(c)** lets the *first* attempt alone wait for a monitor.
#
# For each of them one of your tests must fail, and the kernel's own code must pass them all. So a test that
# the kernel fails costs all three checks. A scenario is a line for each task, as `sketch` takes it (the last
# cell shows how to ask for its steps), or a name of the library, such as these:
#
# | name | what happens |
# |---|---|
# | `"S13"` | a wake without a page, then the page |
# | `"S10a"` | a signal while T waits for M |
# | `"S9"` | T waits for a disk, and a signal comes |
# | `"S9-relock"` | the lock of a cached page is held, and taken again as soon as T has had it |
# | `"S12"` | `write` of a missing page, and a signal |
#
# You may ask for:
#
# | fact | what it is |
# |---|---|
# | `outcome` | how T's last access ended: `"ret=5"`, `"SIGBUS(code=2)"`, `"killed:9"` |
# | `exceptions`, `attempts` | how many there were |
# | `messages` | how many T sent; a result's `stats` call them `messages_queued` |
# | `flags` | a flag word for each attempt of the first exception, one for a loop's rounds: `(0x254,)` |
# | `handler_runs`, `before_handler` | signal handlers that ran; attempts before the first signal was taken |
# | `minor`, `major` | faults that were counted |
#
# Two of the three change no outcome on a real kernel. [fact:mutants-of-p13] So think of what else there is
# to see.

# %% id="tests" tags=["answer"]
TESTS = [
    # ("S10a", {"handler_runs": 1}) is a test; with a line for each task the first part is, for example,
    # {"T": "write 3", "M": "wait_message; copy it byte=9"}
    ### BEGIN SOLUTION
    ({"T": "read 1", "M": "wait_message; wake it; wait_message; copy it"}, {"flags": (0x254, 0x274, 0x274)}),
    ("S9-relock", {"attempts": 2}),
    ("S13", {"outcome": "ret=5"}),
    ### STUB
    # # Your tests.
    ### END SOLUTION
]

# %% [markdown] id="retry"
# ## Asked again
#
# Each check runs your function in a process of its own, beside the kernel's own function on the same
# scenario. A loop without an end costs you two seconds and gets an explanation. If a check shows a result
# before you run it, that is the result of a right answer: run the cell to see yours.

# %% id="s13" tags=["check"]
check("e04_loop", "s13")

# %% id="wakes" tags=["check"]
check("e04_loop", "wakes")

# %% id="flags" tags=["check"]
check("e04_loop", "flags")

# %% [markdown] id="no-area"
# ## Not yours
#
# Not each access is one that an area allows. And while T waits without the lock, another thread may unmap the
# area, or make it one for reading.

# %% id="areas" tags=["check"]
check("e04_loop", "areas")

# %% [markdown] id="signals"
# ## Called away
#
# A signal that arrives while the fault waits ends the wait, and `VM_FAULT_RETRY` comes back. Its handler
# can run only in user mode. So the fault is left, the handler runs, and the same access faults anew.

# %% id="signal" tags=["check"]
check("e04_loop", "signal")

# %% id="uncounted" tags=["check"]
check("e04_loop", "uncounted")

# %% [markdown] id="kernel-mode"
# A copy of the kernel has no user frame, and no handler may run before its system call is over. So only
# SIGKILL ends its fault early. [fact:signal-fault-test]

# %% id="kernel" tags=["check"]
check("e04_loop", "kernel")

# %% id="kill" tags=["check"]
check("e04_loop", "kill")

# %% [markdown] id="mutants"
# ## Tests that bite
#
# Now fill in `TESTS`, if you have not yet. To see what a scenario does, run it: the last cell shows how.

# %% id="mutant-a" tags=["check"]
check("e04_loop", "mutant-a")

# %% id="mutant-b" tags=["check"]
check("e04_loop", "mutant-b")

# %% id="mutant-c" tags=["check"]
check("e04_loop", "mutant-c")

# %% [markdown] id="sum"
# ## All together
#
# When every check passes, this cell says why the kernel does it so, and which change did it.

# %% id="all" tags=["scratch"]
check("e04_loop")

# %% [markdown] id="try"
# ## Your own runs
#
# The same machine is yours to play with: pass your function to `run` and read the trace.

# %% id="play" tags=["scratch"]
# print(run("S13", Tree.after, {"do_user_addr_fault": do_user_addr_fault}).trace)
# print(run("S9-relock", Tree.after).trace)
# from course.sketch import sketch
# help(sketch)
# print(run(sketch("mine", T="read 1", M="wait_message; wake it; wait_message; copy it"), Tree.after).trace)
