# ---
# title: "GUP: retry and die"
# objective: You write the retry loop of get_user_pages, and reproduce and mend the bugs it was born with.
# needs: [12a]
# out_of_scope: [huge pages, FOLL_NOWAIT and KVM, how pinned pages are released]
# minutes: 40
# ---

# %% [markdown] id="story"
# ## Story: killed, and the kernel dies as well
#
# April 2020. The sixteen patches are in Linux for a week. The robot [syzbot](term:syzbot) has found something
# again. A function of the kernel asked for pages of memory while its task was being killed. It was told: *no
# error*. It looked for the pages. There were none. This one complained. Others use what they were not given,
# and then a task that is killed takes the whole kernel along.
#
# "No error" and "no page" at the same time: how can that be? Within a month, three bugs of this kind are
# found, in two short loops. You will write the longer one yourself. First you get it as it was merged. You
# make each bug happen, and mend it.

# %% [markdown] id="cast"
# ### Who takes part
#
# You know `get_user_pages`, in short **GUP**, from lesson 12a: the kernel wants to have a program's pages
# in its own hands, so it causes the faults itself. No exception, no user mode: GUP calls `handle_mm_fault`
# in a loop of its own. Three words of that lesson are needed here.
#
# - It gives a **count**: how many pages. A negative number is an error.
# - Beside it, **`*locked`** tells about [`mmap_sem`](term:mmap_sem): `1`, it is held as on entry. `0`, it was
#   released on the way, and is not held now.
# - RETRY is no error. GUP turns it into "the pages that I have so far", which may be `0`, with `*locked` at
#   `0`. [fact:gup-retry-is-no-error]
#
# ```c
# /* T: reads its own memory, through GUP */        /* M: the monitor */
# process_vm_readv(self, ...);                      read message; UFFDIO_WAKE; read message; UFFDIO_COPY
# ```

# %% id="setup"
from course.decide import broken_rules, gup_with
from course.predictions import answer, fill, order, predict, reveal
from course.views import ready, side_by_side
from pyemu import Tree, run, stubs
from pyemu.flags import EINTR, FOLL_TRIED
from pyemu.stubs import GupResult, current, down_read_killable, fatal_signal_pending

ready()

# %% [markdown] id="predict"
# ## Predict: the wake without a page, once more
#
# In lesson 00 a wake without a page was fatal before patch 13, and harmless after it. S14 is the same for
# GUP. You run it with thirteen patches, so *with* patch 13.

# %% id="predict-wake"
predict("12b-wake", "")

# %% [markdown] id="run"
# ## Run: thirteen patches, fourteen patches

# %% id="run-wake"
thirteen, fourteen = (run("S14", Tree.upto(n)) for n in (13, 14))
print(thirteen)
print(fourteen)
reveal("12b-wake", thirteen.tasks["T"].outcome)

# %% [markdown] id="crash"
# Patch 13 changed the loop of the page-fault handlers. GUP has a loop of its own, and it was not touched:
# one wait, and the second [attempt](term:attempt) may not wait again. Patch 14 is for GUP what patch 13 is
# for the others.

# %% [markdown] id="run-panic"
# Now the report of the robot. T makes a call that needs one page, and waits for it in GUP. SIGKILL arrives.
# You run the sixteen patches as they were merged.

# %% id="run-b2"
panic = run("B2", Tree.after)
print(panic)
broken_rules(panic)

# %% [markdown] id="panic-text"
# The emulator stops T at this point. A real 5.7.14 without the later fix used what stood in `pages[0]`, and
# ended in a **panic**: the machine stops. It did so in seven of seven runs. [fact:b2-panic]

# %% [markdown] id="trace"
# ## Trace: four lines of one loop
#
# Look at the flags of attempt 2 in S14, and at the lines with "gets" in both columns. They say what GUP
# gives, count and lock.

# %% id="compare"
side_by_side(thirteen, fourteen)

# %% [markdown] id="trace-text"
# "T gets `0` pages; mmap_sem was dropped" is no failure. It is [RETRY](term:VM_FAULT_RETRY) in the language
# of GUP. With thirteen patches attempt 2 has lost [`ALLOW_RETRY`](term:FAULT_FLAG_ALLOW_RETRY): it may not
# wait, and EFAULT comes out. With fourteen patches the same line comes twice, then one page, and the copy
# begins.
#
# And in the run that crashed? The same line, and then nothing that asks again:

# %% id="trace-b2"
for event in panic.trace.select("signal_sent", "gup", "violation"):
    print(event.t, "us:", event.text.split(": ")[0])

# %% [markdown] id="mechanism"
# ## Mechanism: two loops, one inside the other
#
# The outer loop asks for all pages that are still missing, as often as that goes well. When RETRY cuts it
# off at some page, the **inner loop** gets this one page. Its goals are those that you know:
#
# 1. **decide**: is SIGKILL [pending](term:pending signal)? Then nobody needs the page any more. Stop.
# 2. **retry**: take `mmap_sem` again. That may take long, so SIGKILL may end this wait, too.
# 3. **find vma, try, wait, wake**: `__get_user_pages` for *one* page, with the flag `FOLL_TRIED`, "tried
#    before".
# 4. If it comes back with `*locked` at `0`, that was RETRY again: once more from the top. With `*locked` at
#    `1` it is over: the page, or an error.
#
# Why only one page? `FOLL_TRIED` is true of this page alone. The next one has not been tried, and its first
# wait must release the lock.
#
# At the end there are two promises to the caller. The **count**: if some pages came before an error, they
# win, and the error is lost; [fact:gup-partial] and if there is not one page, there is an error. And
# **`*locked`**: it says `1` only if the lock is held.

# %% [markdown] id="order-text"
# ## Order the lines: the inner loop
#
# Here it is, shuffled. Two lines don't belong into it.

# %% id="order-loop"
order("12b-loop", "")

# %% [markdown] id="write"
# ## Write it: the loop as it was merged, and as it should be
#
# These are the lines of patches 14 and 15 as merged, in the emulator's words. `gup_with` puts them into the
# kernel's outer loop. `GupResult(n, locked)` is what comes back: count or error, and `*locked`.

# %% id="repeat-page"
async def repeat_page(tsk, mm, address, flags):
    while True:
        if await fatal_signal_pending(current):
            return GupResult(0, 0)
        if await down_read_killable(mm):
            return GupResult(-EINTR, 1)
        if (got := await stubs.__get_user_pages(tsk, mm, address, 1, flags | FOLL_TRIED, 1)).locked:
            return got


# %% [markdown] id="try-text"
# `down_read_killable` waits for the lock. It gives `0` when it has it, and an error when SIGKILL came first.
# Run the loop in four scenarios:

# %% id="try-loop"
for name in ("S14", "S14-kill", "B1", "B2"):
    result = run(name, Tree.after, gup_with(repeat_page))
    print(f"{name:<8} T: {result.tasks['T'].outcome:<8}", [broken.rule for broken in result.violations])

# %% [markdown] id="mend-text"
# Two rules are broken, and each of them by one number in the loop above. Find them, mend them in
# that cell, and run both cells again, until no rule is broken. Two questions help:
#
# - In B2 the caller gets `0` pages. What would you have it get instead, if SIGKILL came first?
# - In B1 somebody releases a lock that T does not hold. Who told whom that it was held?

# %% [markdown] id="b1-text"
# ### B1: said to be held, before it was
#
# This is what the merged loop does in B1. R holds the lock while a slow disk works, W waits to write, and T
# wants the lock back. SIGKILL ends T's wait. Find the release that nobody is entitled to, and who holds the
# lock then.

# %% id="trace-b1"
merged = run("B1", Tree.after)
LOCK = ("lock_taken", "lock_queued", "lock_dropped", "lock_wait_killed", "signal_sent", "violation")
for event in merged.trace.select(*LOCK, t=(0, 23000)):
    print(f"{event.t:>6} us  {merged.trace.task_name(event.task)}  {event.text.split('. ')[0]}")

# %% [markdown] id="b1-why"
# "Held" was written down *before* the lock was taken. Whoever reads it believes it, and releases. In a
# kernel without a watchman, the count of readers is now one too low, and a writer gets in beside a reader.
# A note about a lock has to be written after the fact, not before.

# %% [markdown] id="gap"
# ### B3: success without a page
#
# The third bug is in a relative of GUP, `fixup_user_fault`. It has no page to give: it only makes the page
# accessible, and says `0` for success. Patch 14 allowed it to retry, but the old way out stayed: after a
# second RETRY it went on as if all were done. M wakes T twice without a page:

# %% id="run-b3"
for tree in (Tree.upto(13), Tree.after, Tree.v5_7):
    result = run("B3", tree)
    print(f"{tree!s:<7} T: {result.tasks['T'].outcome:<9}", [broken.rule for broken in result.violations])

# %% id="fill-fixup"
fill("12b-fixup", again="", killed="", done="")

# %% [markdown] id="predict-kill-text"
# ### Patch 15: to die in time
#
# So far SIGKILL has been seen between two waits. What if it comes *during* one? In S15, T waits in GUP for
# a page that a slow disk is reading. SIGKILL comes after one second. The disk needs ten.

# %% id="predict-kill"
predict("12b-kill", "")

# %% id="run-kill"
ends = {}
for n in (14, 15):
    ends[n] = run("S15", Tree.upto(n)).trace.select("exit", task="T")[0].t // 1_000_000
    print(f"with {n} patches T is gone after {ends[n]} s")
reveal("12b-kill", f"{ends[14]} s")

# %% [markdown] id="kill-text"
# Before patch 15, GUP's faults carry no [`KILLABLE`](term:FAULT_FLAG_KILLABLE): the wait for a locked page is
# deaf, even to SIGKILL. Patch 15 gives them the flag, and makes the wait for `mmap_sem`
# [killable](term:TASK_KILLABLE) as well. [fact:p15-gup-killable] S15b is that second part: T stands behind a
# writer that stands behind a slow reader.

# %% id="run-lock"
for tree in (Tree.upto(14), Tree.after, Tree.v5_7):
    result = run("S15b", tree)
    end = result.trace.select("exit", task="T")[0].t // 1000
    print(f"{tree!s:<7} T is gone after {end} ms", [broken.rule for broken in result.violations])

# %% [markdown] id="lock-text"
# There it is again: in the tree with all sixteen patches, dying in time has a price, and the price is B1. A
# new way out of a function is a new path on which every promise must hold.
#
# And there is an order: patch 16 lets a [userfaultfd](term:userfaultfd)'s wait look at `KILLABLE`, and patch
# 15 is the one that sets it for GUP. You have seen in lesson 09 what the one without the other does: a task
# that nothing can kill. [fact:p15-before-p16]

# %% [markdown] id="break"
# ## Break it: a loop that passes three scenarios
#
# Write a loop that is wrong, and that S14, S14-kill and B2 don't find: only B1 does. (Take your mended
# loop, and spoil one thing.) Then look at what the four scenarios have in common, and where B1 differs.

# %% id="own-wrong"
async def wrong_loop(tsk, mm, address, flags):
    while True:
        if await fatal_signal_pending(current):
            return GupResult(-EINTR, 0)
        await down_read_killable(mm)
        if (got := await stubs.__get_user_pages(tsk, mm, address, 1, flags | FOLL_TRIED, 1)).locked:
            return got


# %% id="try-wrong"
for name in ("S14", "S14-kill", "B2", "B1"):
    result = run(name, Tree.after, gup_with(wrong_loop))
    rules = sorted({broken.rule for broken in result.violations})
    print(f"{name:<8} T: {result.tasks['T'].outcome:<8}", rules)

# %% [markdown] id="break-text"
# That one forgets what `down_read_killable` gives. A scenario in which the lock is free at once says nothing
# about the wait for it.
#
# Now spoil other things, one at a time. Leave out `FOLL_TRIED`: a rule tells you what that flag is good
# for. Leave out the first test, for SIGKILL: nothing is broken! Before patch 14 the kernel did it like
# that. It took the lock, and the test inside `__get_user_pages` saw SIGKILL. [fact:gup-kill-before-lock] It
# only took longer to die.

# %% [markdown] id="patch"
# ## The real patch: two that were merged, three that followed
#
# **Patch 14**, "mm/gup: allow VM_FAULT_RETRY for multiple times" (commit `4426e945df58`), makes GUP and
# `fixup_user_fault` retry without a limit. [fact:p14-gup-multi-retry] **Patch 15**, "mm/gup: allow to react
# to fatal signals" (commit `71335f37c5e8`), makes them killable. Both are in `mm/gup.c`.
#
# | bug | what was wrong | mended by |
# |---|---|---|
# | B1 | `*locked` said `1` before the lock was taken [fact:b1-bad-unlock] | `c7b6a566b985` |
# | B2 | `0` pages and no error after SIGKILL [fact:b2-zero-pages] | `ae46d2aa6a7f` |
# | B3 | `0`, success, after a second RETRY [fact:b3-fixup-success] | in 5.7.14, as you have seen |
#
# The three have one thing in common. None is about *when* to retry; the new loop does that well. They are
# about what is *said* at the end: who holds the lock, and what `0` means. That `0` pages are no success
# surprised callers: one of them was repaired on its own, in `get_mempolicy`.
# [fact:b2-lookup-node]
#
# And patch 15 helps only half. It shortens the death of a task where somebody else's reading has locked the
# page. Where the fault itself reads it, 5.7 still waits to the end. [fact:p15-half-true]

# %% [markdown] id="questions"
# ## Questions

# %% id="question-partial"
answer("12b-partial", "")

# %% id="question-signal"
answer("12b-signal", "")

# %% id="question-zero"
answer("12b-zero", "")

# %% [markdown] id="recap"
# ## Recap
#
# - GUP has a retry loop of its own. Patch 14 lets it retry as often as it takes, one page at a time, with
#   `FOLL_TRIED`.
# - Pages that came win over an error. Without one page there must be an error: `0` with no error is what B2
#   was.
# - `*locked` may say `1` only after the lock is there. B1 said it before.
# - B3 took a second RETRY for success.
# - Patch 15: SIGKILL ends GUP's waits, for the page and for the lock. Other signals never do, in 5.7.
#   [fact:gup-uninterruptible-to-signals]
# - Each new way out of a function must keep every promise.
#
# In one sentence of your own: why must a note about a lock be written after the lock was taken?
#
# Next in the course: every interleaving. To write the whole loop, with the outer part and
# `fixup_user_fault`, is the exercise [e07_gup](../exercises/e07_gup.ipynb).
