# %% [markdown] id="story"
# Your program needs a page that was swapped out: it lies on the disk. While the disk reads it, the page is
# locked. The fault has to wait for that lock. Meanwhile another thread of your program calls `mmap()`, and
# needs **`mmap_sem`**, the lock on the list of areas. Has it to wait for the disk, too?
#
# One function of the kernel decides that: `__lock_page_or_retry`. [fact:page-lock-swap] It is short, and
# each of its returns says something else of two locks. You write it, for Linux v5.6 and for v5.7.

# %% id="imports"
from course import check, hint
from course.views import ready
from course.waiting.waits import waited
from pyemu import Scenario, Tree, run
from pyemu.stubs import *

ready()

# %% [markdown] id="crash"
# ## First, what is at stake
#
# T reads a page that is swapped out; the disk needs `10000` us for it. After `1000` us W calls `mmap()`.
# Here is the scenario, and a function that is rude: it sleeps with `mmap_sem` in its hands.

# %% id="scenario"
swapped = Scenario.from_dict({
    "version": 1, "name": "swapped", "title": "T needs a page, W maps memory",
    "areas": [{"name": "V", "process": "T", "pages": 4, "swapped": [1], "byte": 3}],
    "tasks": [
        {"name": "T", "process": "T", "program": [{"do": "read", "area": "V", "page": 1}]},
        {"name": "W", "process": "T", "program": [
            {"do": "pause", "ticks": 1000}, {"do": "mmap_fixed", "area": "V", "page": 3}]},
    ],
})

# %% id="run-rude"
async def rude(pfn, mm, flags):
    await lock_page(pfn)
    return True


for name, replaced in (("the kernel's", {}), ("rude", {"lock_page_or_retry": rude})):
    print(f"{name}: W waits {waited(run(swapped, Tree.after, replaced), 'W')} us for mmap_sem")

# %% [markdown] id="task"
# ## Your part
#
# The function is called with `mmap_sem` held, and with a page that may be locked. It gives True or False, and
# its caller draws far-reaching conclusions from that: [fact:invariant-lock] [fact:invariant-killed]
#
# | it gives | the page lock | mmap_sem | the caller |
# |---|---|---|---|
# | True | is yours | is held | goes on, and unlocks the page |
# | False, with RETRY_NOWAIT | isn't yours | is held | gives up for now |
# | False, all else | isn't yours | is dropped | says RETRY: lock, area, attempt, all anew |
#
# Three questions decide what to do with a page that is locked:
#
# - **May this attempt drop the lock?** In 5.6 `FAULT_FLAG_ALLOW_RETRY` alone says so; the caller clears it
#   after the first attempt. In 5.7 it stays set, and `FAULT_FLAG_TRIED` marks the later attempts.
#   [fact:retry-first-helper] An attempt that may not drop the lock waits with it, and takes the page.
# - **Is it in a hurry?** With `FAULT_FLAG_RETRY_NOWAIT` an attempt that would drop the lock and wait gives up
#   instead. [fact:flag-nowait]
# - **May SIGKILL end the wait?** Only with `FAULT_FLAG_KILLABLE`.
#
# `trylock_page` and the function for 5.6 are written already. Fill in the rest. Each operation is awaited.
#
# | you may use | for |
# |---|---|
# | `up_read(mm)`, `down_read(mm)` | releasing mmap_sem, taking it |
# | `lock_page(pfn)` | taking the page lock, however long it takes |
# | `lock_page_killable(pfn)` | the same; it gives 0, or -EINTR when SIGKILL ended the wait |
# | `wait_on_page_locked(pfn)` | waiting until the page is unlocked; takes nothing |
# | `wait_on_page_locked_killable(pfn)` | the same; 0 or -EINTR |
# | `unlock_page(pfn)` | releasing the page lock |
#
# If you are stuck, `hint("e02_lock_page_or_retry", 1)` gives a nudge; 2 and 3 say more.

# %% id="wait" tags=["answer"]
async def lock_or_wait(pfn, mm, flags, may_drop):
    if await trylock_page(pfn):
        return True
    ### BEGIN SOLUTION
    if may_drop:
        if flags & FAULT_FLAG_RETRY_NOWAIT:
            return False
        await up_read(mm)
        if flags & FAULT_FLAG_KILLABLE:
            await wait_on_page_locked_killable(pfn)
        else:
            await wait_on_page_locked(pfn)
        return False
    if not flags & FAULT_FLAG_KILLABLE:
        await lock_page(pfn)
        return True
    if await lock_page_killable(pfn):
        await up_read(mm)
        return False
    return True
    ### STUB
    # # The page is locked. May you drop mmap_sem? May you wait? May SIGKILL end the wait?
    # raise NotImplementedError("the wait is still empty")
    ### END SOLUTION


async def lock_page_v5_6(pfn, mm, flags):
    may_drop = flags & FAULT_FLAG_ALLOW_RETRY != 0
    return await lock_or_wait(pfn, mm, flags, may_drop)


async def lock_page_v5_7(pfn, mm, flags):
    ### BEGIN SOLUTION
    may_drop = flags & FAULT_FLAG_ALLOW_RETRY != 0 and not flags & FAULT_FLAG_TRIED
    ### STUB
    # # When may an attempt drop the lock in 5.7?
    # raise NotImplementedError("the rule of 5.7 is missing")
    # may_drop = None
    ### END SOLUTION
    return await lock_or_wait(pfn, mm, flags, may_drop)


# %% id="stuck" tags=["scratch"]
hint("e02_lock_page_or_retry")

# %% [markdown] id="no-wait"
# ## Without a wait
#
# Each check runs your functions in a process of their own, beside the kernel's own function on the same
# scenario: the one for 5.6 on the tree `before`, the one for 5.7 on the tree `after`. What is shown below a
# check before you run it is the verdict on a right answer.

# %% id="free" tags=["check"]
check("e02_lock_page_or_retry", "free")

# %% id="nowait" tags=["check"]
check("e02_lock_page_or_retry", "nowait")

# %% [markdown] id="waits"
# ## With one
#
# The first attempt is polite. The later ones are not, so that the fault comes to an end.
# [fact:invariant-progress]

# %% id="first" tags=["check"]
check("e02_lock_page_or_retry", "first")

# %% id="later" tags=["check"]
check("e02_lock_page_or_retry", "later")

# %% id="killed" tags=["check"]
check("e02_lock_page_or_retry", "killed")

# %% [markdown] id="others"
# ## And the others
#
# W has nothing to do with the page. How long does it wait now?

# %% id="writer" tags=["check"]
check("e02_lock_page_or_retry", "writer")

# %% [markdown] id="sum"
# ## All together
#
# When every check passes, this cell says why the kernel does it so, and which change did it.

# %% id="all" tags=["scratch"]
check("e02_lock_page_or_retry")

# %% [markdown] id="try"
# ## Your own runs
#
# The same machine is yours to play with: pass your function to `run` and read the trace. A file "swap"
# whose page a task holds makes the later attempts wait: `{"do": "hold_page", "file": "swap", "page": 1,
# "ticks": 5000}`.

# %% id="play" tags=["scratch"]
# print(run(swapped, Tree.after, {"lock_page_or_retry": lock_page_v5_7}).trace)
