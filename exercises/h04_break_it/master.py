# %% [markdown] id="story"
# Five colleagues have each written the loop of the page-fault handler of Linux 5.7. All five passed the tests
# that there are. You are asked to review them, and you see that each has one fault. "Show me", says each of
# them.
#
# So you write a scenario for each handler, as small as you can, that it gets wrong. A fault that shows in one
# order of moves only is a fault. But your scenario must be fair: the right handler has to be right in
# *every* order. [fact:p13-multi-retry]

# %% id="imports"
from course import check, hint
from course.checks.h04_handlers import HANDLERS
from course.sketch import sketch
from course.views import ready
from pyemu import Tree, run
from pyemu.explore import explore
from pyemu.stubs import *

ready()

# %% [markdown] id="crash"
# ## First, the crash that is none
#
# This is what colleague 1 shows you: a page that is missing, a monitor that brings it. `HANDLERS[1]` is that
# handler, `HANDLERS[0]` the right one.

# %% id="run-passes"
passes = sketch("passes", T="read 1", M="wait_message; copy 1")
for number in (0, 1):
    print(number, run(passes, Tree.after, HANDLERS[number]))

# %% [markdown] id="listing-text"
# No crash. A test that a faulty handler passes shows nothing about it. Where do they differ? Here is the
# right one; each faulty one differs from it at the place with its number.

# %% id="listing"
async def right_handler(regs, error_code, address):
    mm = await current.mm
    flags = FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE
    if user_mode(regs):
        flags |= FAULT_FLAG_USER | FAULT_FLAG_INTERRUPTIBLE
    if error_code & X86_PF_WRITE:
        flags |= FAULT_FLAG_WRITE
    major = 0
    while True:
        await down_read(mm)
        vma = await find_vma(mm, address)
        if vma is None or await vma.vm_start > address:  # 2
            await bad_area(regs, error_code, address)
            return
        if await access_error(error_code, vma):
            await bad_area_access_error(regs, error_code, address)
            return
        fault = await handle_mm_fault(vma, address, flags)
        major |= fault & VM_FAULT_MAJOR  # 2
        if await fault_signal_pending(fault, regs):  # 3
            if not user_mode(regs):  # 4
                await no_context(regs, error_code, address, SIGBUS, BUS_ADRERR)
            return
        if not fault & VM_FAULT_RETRY:
            break
        flags |= FAULT_FLAG_TRIED  # 1
    await up_read(mm)  # 5
    if fault & VM_FAULT_ERROR:
        await mm_fault_error(regs, error_code, address, fault)
    else:
        await count("maj_flt" if major else "min_flt")

# %% [markdown] id="habits"
# | handler | its habit |
# |---|---|
# | 1 | after the second attempt that gave RETRY it takes `FAULT_FLAG_ALLOW_RETRY` away |
# | 2 | only the first attempt asks `vma.vm_start`; and only the last one says whether it was major |
# | 3 | after RETRY it leaves kernel mode for *any* pending signal |
# | 4 | when it leaves kernel mode it only returns, without `no_context` |
# | 5 | when the fault ends with an error it does not release the lock |
#
# (`find_vma` gives the area that has the address, or else the *next* one. And flags that let a signal end the
# sleep are set for user mode only: with those of 5.7 the right handler would have a busy loop, lesson 10.)
#
# ## Your part
#
# A scenario for each, in words for `sketch`. T is the task that is looked at, and M the monitor. You know
# these words:
#
# | word | it does |
# |---|---|
# | `read 1`, `write 1` | T, or another thread, touches page 1; page `0` is there from the beginning |
# | `tmpfs_write 1` | the kernel copies from page 1 for T |
# | `wait_message`, `copy 1`, `wake 1` | M waits for a message, brings a page, wakes without one |
# | `signal task=T signal=SIGUSR1` | sends a signal; SIGUSR1 has a handler |
# | `munmap 1` | takes page 1 out of the memory of all threads |
# | `post task=U`, `wait_post` | lets U go on; waits until somebody lets this task go on |
# | `"area": "file"` | the four pages are of a file that has one page only, page `0` |
# | `"apart": "S"` | S is no thread of T |
#
# A handler counts as broken if, in some order, it breaks a rule, hangs, or lets a task see what no task sees
# with the right one. Counters are not compared. Keep the scenarios small: at most 3000 states are looked at.
# If you are stuck, `hint("h04_break_it", 1)` gives a nudge; 2 and 3 say more.

# %% id="scenarios" tags=["answer"]
### BEGIN SOLUTION
BREAKS = {
    1: {"T": "read 1", "M": "wait_message; wake 1; wait_message; wake 1; wait_message; copy 1"},
    2: {
        "T": "read 1",
        "U": "wait_post; munmap 1; post task=M",
        "M": "wait_message; post task=U; wait_post; wake 1",
    },
    3: {"T": "tmpfs_write 1", "M": "wait_message; signal task=T signal=SIGUSR1; copy 1"},
    4: {"T": "tmpfs_write 1", "M": "wait_message; signal task=T signal=SIGKILL"},
    5: {"area": "file", "T": "read 1"},
}
### STUB
# BREAKS = {
#     1: None,  # {"T": "...", "M": "..."}
#     2: None,
#     3: None,
#     4: None,
#     5: None,
# }
### END SOLUTION

# %% [markdown] id="try-text"
# Try them here: `explore` runs every order of moves.

# %% id="try" tags=["scratch"]
for number, words in BREAKS.items():
    for handler in (0, number) if words else ():
        found = explore(sketch(f"{number}", **words), Tree.after, HANDLERS[handler], max_states=3_000)
        print(f"handler {handler}: {found.verdict}; {[str(ending) for ending in found.endings]}")

# %% id="stuck" tags=["scratch"]
hint("h04_break_it")

# %% [markdown] id="checks"
# ## The verdicts
#
# What is shown below a check before you run it is the verdict on a right answer.

# %% id="handler-1" tags=["check"]
check("h04_break_it", "handler-1")

# %% id="handler-2" tags=["check"]
check("h04_break_it", "handler-2")

# %% id="handler-3" tags=["check"]
check("h04_break_it", "handler-3")

# %% id="handler-4" tags=["check"]
check("h04_break_it", "handler-4")

# %% id="handler-5" tags=["check"]
check("h04_break_it", "handler-5")

# %% [markdown] id="sum"
# ## All together
#
# When every check passes, this cell says what each scenario has shown.

# %% id="all" tags=["scratch"]
check("h04_break_it")

# %% [markdown] id="more"
# ## Smaller still
#
# Can you take a step out of one of your scenarios? And does one scenario break two handlers?

# %% id="play" tags=["scratch"]
# print(explore(sketch("mine", **BREAKS[1]), Tree.after, HANDLERS[1]).verdict)
