# %% [markdown] id="story"
# In lesson 12b you mended the inner loop of `get_user_pages`. Two numbers were wrong in it, and a task that
# was killed took the kernel along. [fact:b2-zero-pages] [fact:b1-bad-unlock] The loop around it was the
# kernel's. Now nothing is given but the first step.
#
# You write both functions of `mm/gup.c` that retry, as in Linux 5.7.14: `__get_user_pages_locked`, which
# gets pages, and `fixup_user_fault`, which makes one page accessible. [fact:p14-gup-multi-retry]
# [fact:p15-gup-killable]

# %% id="imports"
from course import check, hint
from course.views import ready
from pyemu import Tree, run
from pyemu.stubs import *

ready()

# %% [markdown] id="crash"
# ## First, the crash
#
# T makes a call that needs one page, and is killed while GUP waits for it. Here are the sixteen patches as
# they were merged, and Linux 5.7.14:

# %% id="run-b2"
for tree in (Tree.after, Tree.v5_7):
    result = run("B2", tree)
    print(result)
    print([broken.rule for broken in result.violations])

# %% [markdown] id="task"
# ## Your part: get the pages
#
# `__get_user_pages` makes one **pass**: it goes from page to page until one of them fails. It gives a
# `GupResult`, with three fields:
#
# | field | meaning |
# |---|---|
# | `n` | how many pages it got; an error (negative) only if there is not one |
# | `locked` | `1`: mmap_sem is held. `0`: it was dropped, so the next page said RETRY. `None`: see below |
# | `pages` | their frames, a tuple of `n` numbers, each with a reference |
#
# Your function gives a `GupResult` as well. Its promises to the caller:
#
# - `n` counts all pages, and `pages` has them in order. As soon as there is one page, an error is lost.
#   Without one there is an error; only with FOLL_NOWAIT `0` may come.
#   [fact:gup-partial] [fact:gup-retry-is-no-error]
# - `locked` is `1` only if mmap_sem is held *and was never dropped*. If it was, you release it before you
#   return, and say `0`. [fact:gup-locked-contract]
# - A caller who passes `None` for `locked` allows no drop. The first pass is all there is, and the lock stays
#   as it is. [fact:gup-locked-null]
# - With FOLL_NOWAIT in the flags a pass that may not wait ends early, and `locked` stays `1`.
#   [fact:gup-nowait]
#
# After RETRY the page that said so comes alone, as often as it takes. Only then the next ones come, in a
# fresh pass. SIGKILL ends it all with `-EINTR`; another signal doesn't. [fact:gup-many-5-7]
# [fact:gup-uninterruptible-to-signals]
#
# | you may use | for |
# |---|---|
# | `__get_user_pages(tsk, mm, start, nr_pages, flags, locked)` | one pass; mmap_sem must be held |
# | `FOLL_TRIED` | in its flags: the first page of this pass was tried before |
# | `down_read_killable(mm)` | takes mmap_sem: `0`, or an error if SIGKILL ended the wait |
# | `down_read(mm)`, `up_read(mm)` | takes it, whatever comes; releases it |
# | `fatal_signal_pending(current)` | whether SIGKILL is pending |
# | `GupResult(n, locked, pages)` | what you give |
# | `PAGE_SIZE` | in bytes; `start` is an address |
#
# Each operation is awaited.


# %% id="gup" tags=["answer"]
async def __get_user_pages_locked(tsk, mm, start, nr_pages, locked, flags):
    ### BEGIN SOLUTION
    pages, done, dropped = (), 0, False
    while True:
        address = start + done * PAGE_SIZE
        got = await __get_user_pages(tsk, mm, address, nr_pages - done, flags, locked)
        if locked is None:
            return got
        pages += got.pages
        done += max(got.n, 0)
        if done == nr_pages or got.locked:
            break
        dropped = True
        while True:
            if await fatal_signal_pending(current) or await down_read_killable(mm):
                got = GupResult(-EINTR, 0)
                break
            address = start + done * PAGE_SIZE
            got = await __get_user_pages(tsk, mm, address, 1, flags | FOLL_TRIED, 1)
            if got.locked:
                break
        pages += got.pages
        done += max(got.n, 0)
        if got.n < 1 or done == nr_pages:
            break
    if dropped and got.locked:
        await up_read(mm)
    return GupResult(done or got.n, 0 if dropped else 1, pages)
    ### STUB
    # # The first pass: all pages, with the caller's flags and the caller's word on the lock.
    # got = await __get_user_pages(tsk, mm, start, nr_pages, flags, locked)
    # raise NotImplementedError("what comes after the first pass is still missing")
    ### END SOLUTION


# %% [markdown] id="fixup-text"
# ## The relative: fixup_user_fault
#
# It has no page to give. It gives a `FixupResult(error, unlocked)`: `0` and "was mmap_sem dropped?". And it
# **always returns with mmap_sem held**, whatever happened. [fact:fixup-user-fault] A caller who passes
# `None` for `unlocked` allows no drop; then `VM_FAULT_RETRY` can't come.
#
# The flags and the counting are written already. Fill in the loop: it leaves the page accessible, or returns
# an error. [fact:b3-fixup-success]
#
# | you may use | for |
# |---|---|
# | `find_vma(mm, address)`, `vma.vm_start` | the area; none at this address: `-EFAULT` |
# | `vma.vm_flags` with `VM_READ`, `VM_WRITE` | an area that forbids the access: `-EFAULT` |
# | `handle_mm_fault(vma, address, fault_flags)` | one attempt; `VM_FAULT_ERROR` in it: `-EFAULT` |
# | `fatal_signal_pending(current)` | SIGKILL: `-EINTR` |
# | `down_read(mm)` | takes mmap_sem again; here it is not killable, as it must be held on return |
#
# You may leave this one for later: all checks but the last are about the first function. Run its cell all the
# same. If you are stuck, `hint("e07_gup", 1)` gives a nudge; 2 and 3 say more.


# %% id="fixup-loop" tags=["answer"]
async def fixup_user_fault(tsk, mm, address, fault_flags, unlocked):
    wanted = VM_WRITE if fault_flags & FAULT_FLAG_WRITE else VM_READ
    if unlocked is not None:
        fault_flags |= FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE
    major = 0

    ### BEGIN SOLUTION
    while True:
        vma = await find_vma(mm, address)
        if vma is None or await vma.vm_start > address or not await vma.vm_flags & wanted:
            return FixupResult(-EFAULT, unlocked)
        fault = await handle_mm_fault(vma, address, fault_flags)
        major |= fault & VM_FAULT_MAJOR
        if fault & VM_FAULT_ERROR:
            return FixupResult(-EFAULT, unlocked)
        if not fault & VM_FAULT_RETRY:
            break
        await down_read(mm)
        unlocked = True
        fault_flags |= FAULT_FLAG_TRIED
        if await fatal_signal_pending(current):
            return FixupResult(-EINTR, unlocked)
    ### STUB
    # # In each round: find the area, try; after RETRY take the lock, look for SIGKILL, go round.
    # raise NotImplementedError("the loop is still empty")
    ### END SOLUTION

    if tsk is not None:
        await count_for(tsk, "maj_flt" if major else "min_flt")
    return FixupResult(0, unlocked)


# %% id="stuck" tags=["scratch"]
hint("e07_gup")

# %% [markdown] id="passes"
# ## Pass after pass
#
# Each check runs your function in a process of its own, beside the kernel's own function on the same
# scenario. What is shown below a check before you run it is the verdict on a right answer.

# %% id="again" tags=["check"]
check("e07_gup", "again")

# %% id="partial" tags=["check"]
check("e07_gup", "partial")

# %% [markdown] id="promises"
# ## What the caller is told
#
# The lock first: who holds it when you return, and does the caller know?

# %% id="locked" tags=["check"]
check("e07_gup", "locked")

# %% id="kill" tags=["check"]
check("e07_gup", "kill")

# %% id="nowait" tags=["check"]
check("e07_gup", "nowait")

# %% id="null" tags=["check"]
check("e07_gup", "null")

# %% [markdown] id="relative"
# The relative: `fixup_user_fault`.

# %% id="fixup" tags=["check"]
check("e07_gup", "fixup")

# %% [markdown] id="sum"
# ## All together
#
# When every check passes, this cell says why the kernel does it so, and which change did it.

# %% id="all" tags=["scratch"]
check("e07_gup")

# %% [markdown] id="try"
# ## Your own runs
#
# The same machine is yours to play with. `B1`, `B2`, `S14`, `S15b` ask for the first function, `B3` for the
# second.

# %% id="play" tags=["scratch"]
# print(run("S14", Tree.v5_7, {"__get_user_pages_locked": __get_user_pages_locked}).trace)
