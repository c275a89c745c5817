# ---
# title: Who waits on whom
# objective: You say at each return of a fault whether mmap_sem is held, dropped or re-taken, and who pays.
# needs: ["03", B2]
# out_of_scope: [how a monitor serves a page, how often a fault may retry, what signals do to a fault]
# minutes: 35
# ---

# %% [markdown] id="story"
# ## Story: the threads that had nothing to do with it
#
# Your program has three threads. T searches a large file, which is mapped into memory and read like an
# array. W answers requests, and calls `mmap()` when it needs memory. U works on pages of its own. They share
# one **address space**, the same [page table](term:page table) and the same list of [areas](term:area), as
# you know from lesson B1. But W and U never touch the file.
#
# On your desk, all is well. Then a customer runs it on a small board. The same Linux, the same disk. Only
# the processor is another one: a **csky**. There W and U freeze, again and again, for about `10` ms. You
# look closer. They freeze when T meets a page of the file that is not in memory yet, and they go on in the
# moment in which the disk has delivered it.
#
# Why should an `mmap()` wait for a disk that it has no business with? And why only there?

# %% [markdown] id="cast"
# ### Who takes part
#
# ```c
# /* T */                     /* W: 1 ms later */          /* U: 2 ms later */
# char value = file[page];    mmap(NULL, 4096, ...);       char value = mine[0];
# ```
#
# The disk needs `10000` us for the page. In the emulator, `slow_page` makes the scenario, for the page-fault
# handler of either processor.

# %% id="setup"
from course.decide import by_turns, own_locks, try_may_drop
from course.predictions import answer, order, predict, reveal
from course.sketch import sketch
from course.views import ready, side_by_side, stepper
from course.waiting import lock_waits, slow_page
from pyemu import Tree, run
from pyemu.explore import explore

ready()

# %% [markdown] id="predict"
# ## Predict: how long does W wait?
#
# On the board with the csky. T has begun its read, and sleeps until the disk is done. A moment later, W
# calls `mmap()`. How long does W wait for **[`mmap_sem`](term:mmap_sem)**, the lock on the list of areas?

# %% id="predict-mmap"
predict("04-mmap", "")

# %% [markdown] id="run"
# ## Run: the board

# %% id="run-csky"
board = run(slow_page("csky"), Tree.before)
(asks,) = board.trace.select("lock_queued", task="W")
(gets,) = board.trace.select("lock_granted", task="W")
reveal("04-mmap", str(gets.t - asks.t))

# %% [markdown] id="crash"
# Nine milliseconds for an `mmap()` that takes no time at all: all the rest of T's disk read. Now the desk,
# an x86, with the same scenario. And let U take part as well.

# %% id="run-waits"
both = [run(slow_page(arch, reader=True), Tree.before) for arch in ("csky", "x86")]
lock_waits(*both)

# %% id="numbers-waits" tags=["numbers"]
from course.waiting.waits import waited

{
    "w_csky": str(waited(both[0], "W")),
    "w_x86": waited(both[1], "W"),
    "u_csky": str(waited(both[0], "U")),
}

# %% [markdown] id="waits-text"
# W waits {{w_csky}} us on the one machine, and {{w_x86}} on the other. And look at U. U wants `mmap_sem` for
# *reading* only, and readers may hold it together. Yet it waits {{u_csky}} us on the board. You know the
# reason from lesson B2: a writer is queued, and who comes after it has to queue behind it. So one slow page
# stops first the writer, and then everybody.

# %% [markdown] id="trace"
# ## Trace: where T sleeps, and with what in its hands
#
# Both processors, T and W only. Look at the lines in which T takes `mmap_sem`, releases it, and sleeps. In
# which order do they come, left and right?

# %% id="compare"
desk = run(slow_page("x86"), Tree.before)
side_by_side(board, desk)

# %% [markdown] id="compare-text"
# Left, T takes the lock, asks the disk, and sleeps **with the lock**. Right, it *releases* the lock first,
# and sleeps then. That is the whole difference.
#
# Why does the board not do the same? Look at the flags of [attempt](term:attempt) 1. On x86 they contain
# [`ALLOW_RETRY`](term:FAULT_FLAG_ALLOW_RETRY). This is the caller's permission: "You may drop the lock while
# you wait. Tell me, and I will start over." The csky handler of Linux 5.6 passes no such flag.
# [fact:arch-csky-no-retry] It does not know how to start over. So whoever waits for it has to keep the lock.
#
# The price on x86 stands in the same table: T made a second attempt, with **find vma** once more. Nothing is
# free.

# %% [markdown] id="figure-text"
# The same over time, with U as well. The upper bar of each task says what it has of `mmap_sem`, the lower one
# when it sleeps.

# %% id="figure-holders"
from course import figures

figures.lock_holders(*both, tasks="T W U")

# %% [markdown] id="walk"
# Step through both runs. Stop where W comes. What does the lock look like, left and right?

# %% id="stepper"
stepper(board, desk)

# %% [markdown] id="mechanism"
# ## Mechanism: a return value that speaks of a lock
#
# An **attempt** is one call of `handle_mm_fault` (lesson 00). It is called with `mmap_sem` held for reading.
# It may come back with it or without it. Two people share one lock here: the **caller**, which is the
# page-fault handler of the processor, and the **callee**, which is whoever in the kernel fetches the page.
# So they need an agreement. In terms of the goals:
#
# 1. **find vma**: the caller takes `mmap_sem` and finds the area.
# 2. **try**: it calls `handle_mm_fault`, with flags that say what is allowed.
# 3. **wait**: the callee has to wait. If it may, it drops the lock, and sleeps then.
# 4. **wake**: the callee wakes up. It does *not* take the lock again.
# 5. **decide**: the callee says [RETRY](term:VM_FAULT_RETRY). This is the agreement: **RETRY means "the lock
#    is dropped"**. Anything else means "it is still held, release it yourself". [fact:invariant-lock]
# 6. **retry**: after RETRY the caller takes the lock, and looks up the area *again*. In between another
#    thread could have changed the list. [fact:area-found-again]
#
# Read step 5 once more. RETRY is no error, and says nothing of the page. It speaks of the *lock*.
#
# One exception has a name of its own. Some callers can't wait at all, and say so with the flag
# **[RETRY_NOWAIT](term:FAULT_FLAG_RETRY_NOWAIT)**. Then a callee that would have to wait says RETRY at once,
# and **keeps** the lock. [fact:flag-nowait] The number is the same. The caller knows what it means, because
# it knows its own flag.

# %% [markdown] id="worked"
# ## Worked example: the second attempt
#
# S9-relock is a mean scenario. Somebody holds the lock of a page (a **[page lock](term:page lock)**: one
# page, while it is read or changed), and takes it again as soon as it is free, five times in a row. T wants
# that page. Each time T comes, it is locked. How many attempts does T need, on the newer kernel?

# %% id="predict-relock"
predict("04-relock", "")

# %% id="run-relock"
relock = run("S9-relock", Tree.after)
reveal("04-relock", str(relock.tasks["T"].stats["attempts"]))
for event in relock.trace.select("attempt", "lock_dropped", "attempt_end", task="T"):
    print(event.t, "us:", event.text)

# %% id="numbers-relock" tags=["numbers"]
_end = [event.t for event in relock.trace.select("attempt_end", task="T")]
{"first_end": str(_end[0]), "second_end": str(_end[1])}

# %% [markdown] id="relock-text"
# Attempt 1 drops the lock, waits, and gives RETRY at {{first_end}} us. Attempt 2 finds the page locked
# again. It is marked [`TRIED`](term:FAULT_FLAG_TRIED), "this fault has been tried before". So it **keeps**
# `mmap_sem` while it waits, and takes the page lock for itself. At {{second_end}} us it has it, and the fault
# is done.
#
# Why be so rude in attempt 2, when it was polite in attempt 1? Because politeness could last for ever. Who
# drops the lock and comes back may find the page locked by the next one, and by the next. So it is **polite
# once**, and then it makes sure that it gets somewhere. For page locks, a fault ends within two attempts.
# [fact:invariant-progress]
#
# And that is why you can see a slow page stop an `mmap()` on x86 as well. It is rare, but it is there: from
# {{first_end}} to {{second_end}} us, T sleeps with `mmap_sem`.

# %% [markdown] id="order"
# ## Order the lines: wait for a page
#
# A callee finds its page locked, at a first attempt that may retry. Put its lines in order. One of them does
# not belong there: leave it out.

# %% id="order-wait"
order("04-wait", "")

# %% [markdown] id="gap"
# ## Fill the gap: eight returns
#
# For each line: what became of `mmap_sem` between the start of the attempt and its end? Put `h` (held all
# the time), `d` (dropped) or `r` (dropped and re-taken) in the place of each `?`. What is right is read from
# the traces of eight runs. Two of the lines are traps.

# %% id="own-locks"
own_locks("????????")

# %% [markdown] id="gap-text"
# The line with NOPAGE is a special case of older kernels, and a bad one. It gets a lesson of its own.

# %% [markdown] id="write"
# ## Write it: may I drop the lock?
#
# You write the question that each callee asks before it waits for a page. Three flags matter: ALLOW_RETRY,
# TRIED and RETRY_NOWAIT. The line below is too polite. It is compared with the kernel's own function for
# every combination of the three.

# %% id="flags"
from pyemu.flags import FAULT_FLAG_ALLOW_RETRY, FAULT_FLAG_RETRY_NOWAIT, FAULT_FLAG_TRIED

for flag in (FAULT_FLAG_ALLOW_RETRY, FAULT_FLAG_TRIED, FAULT_FLAG_RETRY_NOWAIT):
    print(f"{flag:#4x} {flag.name}")

# %% id="may-drop"
def may_drop(flags):
    return flags & FAULT_FLAG_ALLOW_RETRY  # mend this line


try_may_drop(may_drop)

# %% [markdown] id="box"
# ## Break it: every schedule at once
#
# ### Five minutes: a schedule is data; `explore()`
#
# In a real kernel, you can't say "now U comes in between". Here you can. A **schedule** is the list of who
# moves when, and you may write it down. T reads page `1`, which a monitor M has to bring (lesson 00). U maps
# fresh memory over the same page.

# %% id="sketch"
remap = sketch("remap", T="read 1", U="mmap_fixed 1", M="wait_message; copy 1")
print(remap.story)

# %% [markdown] id="turns-text"
# `by_turns` takes names. In its turn a task runs until it has to wait for somebody. Here T runs up to its
# sleep, M serves it, T takes its value, and U maps:

# %% id="by-turns"
print(by_turns(remap, Tree.after, "T M T U"))

# %% [markdown] id="turns-task"
# The value is a `5`, from M. **Your turn:** change the order in that cell so that T reads a `0`, from U's
# fresh memory. Then find an order in which T never gets anything at all. (When must U come, if T is to have
# asked already, and M not to have answered?)
#
# By hand you try three orders, or five. But U could come in the middle of T's fault, at any of its steps.
# **`explore`** tries every schedule there is:

# %% id="explore"
print(explore(remap, Tree.after))

# %% [markdown] id="explore-text"
# Read the first line: it has been through all of them, so this is a proof and not a sample. Below stands
# each way in which a run can end, and each rule that is broken, with the shortest schedule that does it.
# `T*13` means thirteen moves of T. (`every_interleaving`, of later lessons, is the same with a table and a
# trace.)
#
# The hang is U's fault, and M's. M gets an error (`ENOENT`: the area is no longer one of its own), and goes
# home. T sleeps on. Unmapping an area wakes nobody who waits in it. [fact:unmap-wakes-nobody]
#
# And look at what is *not* there. In no schedule does T use an area that U has removed. **find vma** after
# each RETRY does that, and it is all that does it.

# %% [markdown] id="break"
# ### The price of not looking again
#
# What if a page-fault handler kept the area that it had found before? It would save a few steps. Suppose
# that T sleeps, and U maps over T's page, as above. T wakes up, with an area in its hands. Which of the
# three endings becomes worse, and how? Write down a sentence, and keep it for lesson 08, where you make a
# kernel crash that way.

# %% [markdown] id="real"
# ## The real thing: four places that wait
#
# "May I drop the lock?" is `maybe_unlock_mmap_for_io` in `mm/internal.h` for files, and the same test stands
# in `__lock_page_or_retry` in `mm/filemap.c`. In Linux 5.7 both ask whether this is a *first* attempt.
# [fact:retry-first-helper] In the emulator's words:
#
# ```python
# if flags & FAULT_FLAG_RETRY_NOWAIT or not may_drop_lock(policy, flags):
#     return False                       # wait with the lock, or not at all
# await release_fault_lock(mm, flags)
# return True                            # and whoever called this gives RETRY
# ```
#
# Who waits in a fault, and with what in its hands:
#
# | waits for | first attempt | later attempts |
# |---|---|---|
# | a page of a file | drops it | holds it [fact:file-drops-lock-first] |
# | a page that was swapped out (to disk) | drops it | holds it [fact:page-lock-swap] |
# | a monitor (userfaultfd) | drops it | drops it, from Linux 5.7 on [fact:p13-multi-retry] |
# | a page that is being moved in memory | holds it | holds it [fact:migration-waits] |
#
# The last line shows that nobody is perfect: on x86, too, `mmap()` may wait for a page that is being moved.
#
# The rule of the first column is older than the series of this course. What the series changed is the
# *third* line. Until Linux 5.6, a later attempt on a monitor's page got no permission at all. (From Linux
# 5.8 on `mmap_sem` is called `mmap_lock`. [fact:mmap-lock-name])

# %% [markdown] id="questions"
# ## Questions
#
# Put a letter between the quotes. Each choice has its own comment.

# %% id="question-retry"
answer("04-retry", "")

# %% id="question-second"
answer("04-second", "")

# %% [markdown] id="recap"
# ## Recap
#
# - Who sleeps with `mmap_sem` stops every writer, and behind the first writer everybody.
# - So a fault drops the lock before it waits, if its caller allows that: `ALLOW_RETRY`.
# - RETRY says "the lock is dropped". The callee dropped it, and the caller takes it again, and finds the
#   area again. Every other value says "it is still held".
# - With RETRY_NOWAIT, RETRY means the opposite: nobody waited, and the lock is held.
# - A wait for a page lock is polite once. From attempt 2 on it holds the lock, so that the fault comes to an
#   end.
# - A schedule is data. `by_turns` runs one, `explore` all of them.
#
# In one sentence of your own: why does the callee not take the lock again before it returns?
#
# Next: lesson 05, userfaultfd, where the page is brought by a program. To write the wait for a page lock
# yourself is the exercise [e02_lock_page_or_retry](../exercises/e02_lock_page_or_retry.ipynb).
