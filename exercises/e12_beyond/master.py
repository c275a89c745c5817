# %% [markdown] id="story"
# In lesson 14 an old handler met a new word, and released a lock that it did not have. The kernels after the
# series say two new things: a fault may be done *and* have lost its lock, and a fault may need no more than
# the lock of its area. [fact:completed] [fact:vma-lock]
#
# You have the loop of Linux 5.7. You bring it to Linux 6.8.

# %% id="imports"
from course import check, hint
from course.views import ready
from pyemu import Tree, run
from pyemu.stubs import *

ready()

# %% [markdown] id="crash"
# ## First, what the old loop costs
#
# T writes to a page of a shared file. Then T touches two pages while a writer waits for `mmap_lock`. Each on
# Linux 5.7, and on Linux 6.8:

# %% id="run-both"
for name in ("completed", "vma-lock"):
    for tree in ("v5_7", "v6_8"):
        did = run(name, Tree.parse(tree)).tasks["T"].stats
        print(name, tree, "attempts:", did["attempts"], "mmap_lock taken:", did.get("acquisitions", 0))

# %% [markdown] id="task"
# ## Your part: the fault
#
# **COMPLETED.** An attempt that gives `VM_FAULT_COMPLETED` has served the fault and dropped the lock: nothing
# to release, nothing to repeat, and no reason to give way to a signal. It counts like any fault that was
# served. [fact:x86-completed]
#
# **The lock of the area.** A fault from *user mode* first makes one attempt without `mmap_lock`. A fault from
# kernel mode goes straight to your loop. [fact:x86-vma-first]
#
# - If the area can't be locked at once, or forbids the access, the loop decides.
# - The attempt's flags have `FAULT_FLAG_VMA_LOCK`, and only that attempt's.
# - RETRY and COMPLETED mean that the area's lock was dropped. With any other result you hold it still.
# - After RETRY a signal may end the fault, as ever. If not, the loop goes on. This RETRY may have waited for
#   nothing at all. Only if it came with `VM_FAULT_MAJOR`, the next attempt has TRIED. [fact:x86-vma-tried]
#
# | you may use | for |
# |---|---|
# | `lock_vma_under_rcu(mm, address)` | finds the area of an address and locks it, or gives None |
# | `vma_end_read(mm)` | releases that lock |
# | `access_error(error_code, vma)` | whether the area forbids the access |
# | `finish(regs, error_code, address, fault, major)` | counts the fault, or reports its error; hold no lock |
# | all that the loop below uses | as in exercise E4 |
#
# Each operation is awaited. A fault from kernel mode that a signal ends goes to its fixup: `no_context`. That
# is written already.


# %% id="fault" tags=["answer"]
async def finish(regs, error_code, address, fault, major):
    if fault & VM_FAULT_ERROR:
        await mm_fault_error(regs, error_code, address, fault)
    else:
        await count("maj_flt" if major else "min_flt")
        await perf_sw_event("major-faults" if major else "minor-faults")


async def do_user_addr_fault(regs, error_code, address):
    mm = await current.mm
    flags = FAULT_FLAG_DEFAULT
    if user_mode(regs):
        flags |= FAULT_FLAG_USER
    if error_code & X86_PF_WRITE:
        flags |= FAULT_FLAG_WRITE
    await perf_sw_event("page-faults")
    major = 0

    ### BEGIN SOLUTION
    vma = await lock_vma_under_rcu(mm, address) if user_mode(regs) else None
    if vma is not None and await access_error(error_code, vma):
        await vma_end_read(mm)
        vma = None
    if vma is not None:
        fault = await handle_mm_fault(vma, address, flags | FAULT_FLAG_VMA_LOCK)
        major |= fault & VM_FAULT_MAJOR
        if not fault & (VM_FAULT_RETRY | VM_FAULT_COMPLETED):
            await vma_end_read(mm)
        if not fault & VM_FAULT_RETRY:
            await finish(regs, error_code, address, fault, major)
            return
        if await fault_signal_pending(fault, regs):
            return
        if fault & VM_FAULT_MAJOR:
            flags |= FAULT_FLAG_TRIED
    ### STUB
    # raise NotImplementedError("the attempt under the lock of the area is still missing")
    ### END SOLUTION

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
        ### BEGIN SOLUTION
        if fault & VM_FAULT_COMPLETED:
            break
        ### STUB
        # # What about COMPLETED?
        ### END SOLUTION
        if not fault & VM_FAULT_RETRY:
            await up_read(mm)
            break
        flags |= FAULT_FLAG_TRIED
    await finish(regs, error_code, address, fault, major)


# %% [markdown] id="gup-text"
# ## Your part: get_user_pages
#
# `faultin_page` makes one attempt for get_user_pages, under `mmap_lock`. It gives a
# `FaultinResult(error, locked, foll_flags)`. After COMPLETED the page is there, and only the lock is lost.
# That is neither success, which promises the lock, nor `-EBUSY`, which says that the page has to be tried for
# again: it is `-EAGAIN`. [fact:gup-completed] And what is `locked` then?


# %% id="gup" tags=["answer"]
async def faultin_page(tsk, vma, address, foll_flags, locked):
    flags = FAULT_FLAG_WRITE if foll_flags & FOLL_WRITE else 0
    if foll_flags & FOLL_REMOTE:
        flags |= FAULT_FLAG_REMOTE
    if locked is not None:
        flags |= FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE
    if foll_flags & FOLL_TRIED:
        flags |= FAULT_FLAG_TRIED
    fault = await handle_mm_fault(vma, address, flags)
    if fault & VM_FAULT_ERROR:
        return FaultinResult(-EFAULT, locked, foll_flags)
    if fault & VM_FAULT_RETRY:
        return FaultinResult(-EBUSY, 0, foll_flags)
    ### BEGIN SOLUTION
    if fault & VM_FAULT_COMPLETED:
        return FaultinResult(-EAGAIN, 0, foll_flags)
    ### STUB
    # raise NotImplementedError("what COMPLETED means here is still missing")
    ### END SOLUTION
    return FaultinResult(0, locked, foll_flags)


# %% [markdown] id="stuck-text"
# If you are stuck, `hint("e12_beyond", 1)` gives a nudge; 2 and 3 say more.

# %% id="stuck" tags=["scratch"]
hint("e12_beyond")

# %% [markdown] id="done-and-dropped"
# ## Done, and dropped
#
# Run both answer cells first. Each check runs your functions beside the kernel's own on the same scenario.
# What is shown below a check before you run it is the verdict on a right answer.

# %% id="completed" tags=["check"]
check("e12_beyond", "completed")

# %% id="kernel" tags=["check"]
check("e12_beyond", "kernel")

# %% id="pages" tags=["check"]
check("e12_beyond", "pages")

# %% [markdown] id="area-text"
# ## The lock of the area

# %% id="area" tags=["check"]
check("e12_beyond", "area")

# %% id="signal" tags=["check"]
check("e12_beyond", "signal")

# %% id="back" tags=["check"]
check("e12_beyond", "back")

# %% id="tried" tags=["check"]
check("e12_beyond", "tried")

# %% [markdown] id="sum"
# ## All together
#
# When every check passes, this cell says why the kernel does it so.

# %% id="all" tags=["scratch"]
check("e12_beyond")

# %% [markdown] id="try"
# ## Your own runs

# %% id="play" tags=["scratch"]
# print(run("vma-lock", Tree.parse("v6_8"), {"do_user_addr_fault": do_user_addr_fault}).trace)
