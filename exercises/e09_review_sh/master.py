# %% [markdown] id="story"
# You review a patch. Its text says that it is a clean-up: the page-fault handler of sh, a processor by
# Hitachi, shall use the new helper `fault_signal_pending`, as x86 and others do. [fact:p08-sh] Four patches
# like it were right. This one moves a line that releases `mmap_sem`.
#
# It was merged, and no report of it is known. You look again: on which paths is the lock released twice? You
# show it in a run, and mend it. And you leave alone what is right, which in a review is the harder half.

# %% id="imports"
from course import check, hint
from course.sketch import sketch
from course.views import ready
from pyemu import Tree, run
from pyemu.stubs import *

ready()

# %% [markdown] id="crash"
# ## First, the crash
#
# A handler takes `mmap_sem` for reading, once, and every path has to release it, once. Here is one that
# releases it twice after a fault that went well. It is x86's, and the page is there with the first attempt.

# %% id="run-twice"
async def eager(regs, error_code, address):
    mm = await current.mm
    await down_read(mm)
    vma = await find_vma(mm, address)
    await handle_mm_fault(vma, address, FAULT_FLAG_DEFAULT | FAULT_FLAG_USER)
    await up_read(mm)
    await up_read(mm)


crash = run(sketch("crash", area="private", T="read 1"), Tree.after, {"do_user_addr_fault": eager})
print(crash, [violation.text for violation in crash.violations])

# %% [markdown] id="listing-text"
# T has its page, and nothing looks wrong. But the second release may be of somebody else's hold: then a
# thread that changes the areas gets in beside one that reads them.
#
# ## What you review
#
# This is sh's handler as it is in Linux v5.7, in the emulator's words. (Error codes and page tables are
# those of x86 here.) Read from `sh_page_fault` on. In part 3 you will mend it, here in this cell; until then
# leave it as it is. One line in it is not the kernel's: it raises NotImplementedError.

# %% id="handler" tags=["answer"]
async def sh_page_fault(regs, error_code, address):
    """sh's do_page_fault."""
    mm = await current.mm
    flags = FAULT_FLAG_DEFAULT
    if user_mode(regs):
        flags |= FAULT_FLAG_USER
    if error_code & X86_PF_WRITE:
        flags |= FAULT_FLAG_WRITE
    await perf_sw_event("page-faults")
    while True:
        await down_read(mm)
        vma = await find_vma(mm, address)
        if vma is None or await vma.vm_start > address:
            await sh_bad_area(regs, error_code, address)
            return
        if await access_error(error_code, vma):
            await bad_area_access_error(regs, error_code, address)  # it releases the lock itself
            return
        fault = await handle_mm_fault(vma, address, flags)
        failed = fault & (VM_FAULT_RETRY | VM_FAULT_ERROR)
        if failed and await sh_fault_error(regs, error_code, address, fault):
            return
        await count("maj_flt" if fault & VM_FAULT_MAJOR else "min_flt")
        if not fault & VM_FAULT_RETRY:
            break
        flags |= FAULT_FLAG_TRIED
    await up_read(mm)


async def sh_fault_error(regs, error_code, address, fault):
    """sh's mm_fault_error: say whether the fault is over."""
    ### BEGIN SOLUTION
    ### STUB
    # raise NotImplementedError("delete this line, and mend the handler")
    ### END SOLUTION
    if await fault_signal_pending(fault, regs):
        if not user_mode(regs):
            await no_context(regs, error_code, address, SIGBUS, BUS_ADRERR)
        return True
    mm = await current.mm
    ### BEGIN SOLUTION
    if fault & VM_FAULT_OOM:  # the others release it themselves
        await up_read(mm)
    ### STUB
    # if not fault & VM_FAULT_RETRY:  # patch 8: release mmap_sem first
    #     await up_read(mm)
    ### END SOLUTION
    if not fault & VM_FAULT_ERROR:
        return False
    if fault & VM_FAULT_OOM:
        if user_mode(regs):
            await pagefault_out_of_memory()
        else:
            await no_context(regs, error_code, address, SIGSEGV, SEGV_MAPERR)
    elif fault & VM_FAULT_SIGBUS:
        await sh_sigbus(regs, error_code, address)
    else:
        await sh_bad_area(regs, error_code, address)
    return True


async def sh_sigbus(regs, error_code, address):
    """sh's do_sigbus."""
    mm = await current.mm
    await up_read(mm)
    if not user_mode(regs):
        await no_context(regs, error_code, address, SIGBUS, BUS_ADRERR)
    await force_sig_fault(SIGBUS, BUS_ADRERR, address)


async def sh_bad_area(regs, error_code, address):
    """sh's bad_area: there is no area, or none that can be used."""
    mm = await current.mm
    await up_read(mm)
    await bad_area_nosemaphore(regs, error_code, address)

# %% [markdown] id="form-text"
# ## Part 1: the form
#
# For each path: how often is `mmap_sem` released, from the moment in which `handle_mm_fault` comes back, to
# the end of the handler, or to the next `down_read`? The faults come from user mode. What
# `handle_mm_fault` has released itself does not count. The name of a path is what it gave; `killed` means
# that SIGKILL is pending.
#
# Then the patch that is to blame: 3, which wrote the helper, or 8, which uses it in sh. And the trouble:
# `"too many"` releases, or `"too few"`, which would be a deadlock.

# %% id="form" tags=["answer"]
### BEGIN SOLUTION
RELEASES = {
    "served": 1,
    "RETRY": 0,
    "RETRY, killed": 0,
    "OOM": 1,
    "OOM, killed": 1,
    "SIGBUS": 2,
    "SIGSEGV": 2,
}
PATCH = 8
TROUBLE = "too many"
### STUB
# RELEASES = {
#     "served": 1,
#     "RETRY": None,
#     "RETRY, killed": None,
#     "OOM": None,
#     "OOM, killed": None,
#     "SIGBUS": None,
#     "SIGSEGV": None,
# }
# PATCH = None
# TROUBLE = None
### END SOLUTION

# %% [markdown] id="scenario-text"
# ## Part 2: show it
#
# A review that says "I think" is easily put aside. Write a scenario in which the lock is released twice with
# patch 8, and no rule is broken without it. These are words for `sketch`:
#
# | key | it says |
# |---|---|
# | `"arch"` | whose handler runs: `"x86"`, `"sh"`, `"arm64"`, ... |
# | `"area"` | what the four pages of V are: `"userfaultfd"`, `"private"`, `"file"`, `"oom"`, `"sigsegv"` |
# | `"T"`, `"M"`, ... | the steps of a task; M is the monitor of `"userfaultfd"` |
# | `"apart"` | tasks that are no threads of T, such as `"S"` |
#
# `"file"` is a file of one page, page `0`. `"oom"` and `"sigsegv"` are drivers whose first fault finds no
# memory, or says SIGSEGV. Some steps: `read 1`, `write 1`, `pause ticks=5000`, `munmap 1`,
# `signal task=T signal=SIGKILL`; for M `wait_message`, `copy 1`, `wake 1`.

# %% id="own-scenario" tags=["answer"]
### BEGIN SOLUTION
SCENARIO = {"arch": "sh", "area": "file", "T": "read 1"}
### STUB
# SCENARIO = {"arch": None, "area": None, "T": None}
### END SOLUTION

# %% id="try" tags=["scratch"]
if None not in SCENARIO.values():
    print([violation.rule for violation in run(sketch("mine", **SCENARIO), Tree.upto(8)).violations])

# %% [markdown] id="check-form"
# Run the cells of the listing, the form and the scenario first. Each check judges your answers in a process
# of its own. What is shown below a check before you run it is the verdict on a right answer.

# %% id="path" tags=["check"]
check("e09_review_sh", "path")

# %% id="scenario" tags=["check"]
check("e09_review_sh", "scenario")

# %% [markdown] id="mend-text"
# ## Part 3: mend it
#
# Go back to the listing. Delete the line that raises, and mend what has to be mended. You may change any of
# the four functions, and use what the listing uses. All else shall be as it was: the signals, the fixups,
# the counters, and each path that was right. If you are stuck, `hint("e09_review_sh", 1)` gives a nudge; 2
# and 3 say more.

# %% id="stuck" tags=["scratch"]
hint("e09_review_sh")

# %% id="mend" tags=["check"]
check("e09_review_sh", "mend")

# %% [markdown] id="decoys-text"
# The last check runs the paths that looked suspicious and were right, and one that you may not have thought
# of: who else calls the functions that you have changed?

# %% id="decoys" tags=["check"]
check("e09_review_sh", "decoys")

# %% [markdown] id="sum"
# ## All together
#
# When every check passes, this cell says why. In Linux the two releases are still there, in every version
# that was read. [fact:b6-sh-double-unlock]

# %% id="all" tags=["scratch"]
check("e09_review_sh")

# %% [markdown] id="more"
# ## A second effect of patch 8
#
# Out of memory, in a task that is being killed: one release before and after, and still something changes.
# What, and which kernel do you like better?

# %% id="play" tags=["scratch"]
# for patch in (7, 8):
#     print(patch, "OOM killer:", run("S8a", Tree.upto(patch)).tasks["T"].stats["oom"])
