# ---
# title: Removing the special case
# objective: You say why NOPAGE with a re-taken lock is a trap, schedule a crash, and say why 9 is before 10.
# needs: ["04", "07a"]
# out_of_scope: [kernel-mode faults on a userfaultfd, how areas are freed, huge pages]
# minutes: 40
# ---

# %% [markdown] id="story"
# ## Story: the report of a robot
#
# October 2017. A robot named **[syzbot](term:syzbot)** feeds random system calls to Linux kernels, day and
# night. Its kernels are built with a watchman that notices every read of memory that was freed before. The
# robot writes a report: *use-after-free read in `__do_page_fault`*. [fact:use-after-free-2017]
#
# That is the function that runs at every [page fault](term:page fault) of every x86 machine. It had looked up
# an **[area](term:area)**, the kernel's description of a range of addresses with the same rules (a *VMA*).
# When it looked at the area once more, at the end of the fault, the area's memory had been given back.
#
# At first sight, this can't be. Areas are freed under [`mmap_sem`](term:mmap_sem), held for *writing*. The
# page fault held `mmap_sem` for *reading* when it read the area. Nobody can do the one while somebody does
# the other. That is what the lock is for.
#
# And yet it happened. Where is the mistake? You will build the crash with your own hands, move by move. You
# need one program with two threads, one signal, and one return value that does not tell the whole truth.

# %% [markdown] id="cast"
# ### Who takes part
#
# ```c
# /* T: a thread */        /* U: another thread of T */     /* M: the monitor */
# char value = *page;      mmap(area, ..., MAP_FIXED);      read(uffd, &message, ...);
#                                                           kill(T, SIGUSR1);
# ```
#
# The page is missing, and it is a [userfaultfd](term:userfaultfd)'s: T's fault sends a message, and waits for
# M. M never brings the page. U meanwhile maps *fresh memory* over the same addresses. For that the kernel
# takes `mmap_sem` for writing, frees the old area, and puts a new one in its place. T and U share one address
# space, and so one list of areas and one `mmap_sem`.
#
# The scenario is called syzbot-2017. You run it on `Tree.upto(9)`, the kernel with the first nine patches.
# For userfaultfds nothing has changed in them yet: it does what Linux up to 5.6 did.
# [fact:uffd-nopage-after-signal] And the scenario asks for the page-fault handler of Linux 4.14, which
# reads the area once more at the end. [fact:use-after-free-2017] (Why it has to be that one you will see at
# the end of the lesson.)

# %% id="setup"
from course.decide import broken_rules, by_turns, try_contract
from course.predictions import answer, fill, predict, reveal
from course.views import counters, every_interleaving, ready, side_by_side, stepper, timeline
from pyemu import Tree, run
from pyemu.flags import VM_FAULT_RETRY

ready()

# %% [markdown] id="predict"
# ## Predict: what does U do?
#
# T sleeps in its fault. U comes with its `mmap`, and wants the lock for writing.

# %% id="predict-writer"
predict("08-writer", "")

# %% [markdown] id="run"
# ## Run: the crash

# %% id="run-crash"
crash = run("syzbot-2017", Tree.upto(9))
print(crash)
broken_rules(crash)

# %% id="reveal-writer"
slept = crash.trace.select("sleep", task="T")[0].t
woken = crash.trace.select("wake", task="T")[0].t
writer = crash.trace.select("lock_taken", task="U")[0]
reveal("08-writer", "at once" if slept <= writer.t < woken else "after T's fault")

# %% [markdown] id="crash"
# There is the robot's report: **[use after free](term:use after free)**. A real kernel goes on after that
# with whatever stands in that memory now. T itself has noticed nothing. Its read gave `0`, a byte of the
# fresh memory.
#
# The emulator watches three rules here. They are three steps towards the same crash:
#
# | it reports | somebody | has it come to harm? |
# |---|---|---|
# | **stale** | uses an area that was found in an earlier hold of the lock | not yet: it is still there |
# | **dangling** | returns as if the area were good, and it has been freed | not yet: nobody has read it |
# | **use after free** | reads an area that has been freed | yes |
#
# U did not have to wait, and rightly so: you know from lesson 04 that T must not sleep with the lock. So far
# nothing is wrong. Look on.

# %% [markdown] id="trace"
# ## Trace: two holds of one lock
#
# Follow the column *mmap_sem*. How often does T hold it up to the report, and who holds it in between?

# %% id="timeline"
timeline(crash)

# %% id="numbers-trace" tags=["numbers"]
_taken = [event.t for event in crash.trace.select("lock_taken", task="T")]
_ends = crash.trace.select("attempt_end", task="T")
{
    "first_hold": _taken[0],
    "u_holds": writer.t,
    "second_hold": _taken[1],
    "gave": f"{int(_ends[0].a):#x}",
}

# %% [markdown] id="trace-text"
# T takes the lock at {{first_hold}} us, finds its area, releases the lock, and sleeps. U takes it for writing
# at {{u_holds}} us: the old area is freed. At {{second_hold}} us SIGUSR1 has woken T, and T takes the lock
# *again*. So T does hold `mmap_sem` when it reads the area. But it found the area in its *first* hold.
#
# That is the mistake in "this can't be", and it is easy to make: **a lock protects what you found
# in this hold of it.** It is not enough to hold it now. You must have held it *ever since*.

# %% [markdown] id="mechanism"
# ## Mechanism: a return value is a promise
#
# How should the page-fault handler know that the lock was away in between? It calls `handle_mm_fault`,
# and gets a number. In lesson 04 you met the promise in it:
#
# - **[RETRY](term:VM_FAULT_RETRY)** says: I have released the lock. Whatever you found before is lost. Start
#   over, with **find vma**. (Unless the caller has forbidden to wait, by
#   [`RETRY_NOWAIT`](term:FAULT_FLAG_RETRY_NOWAIT). Nobody does here.)
# - **Everything else** says: the lock was held all the time. Your area is still good.
#
# Here the [attempt](term:attempt) gave {{gave}}, **[NOPAGE](term:VM_FAULT_NOPAGE)**. That is no error. It
# says: "nothing is left for you to map, the fault is over". It is not RETRY, so it promises that the lock was
# held all the time. And that is not true.
#
# ### Why would anyone do this?
#
# SIGUSR1 woke T in the middle of **wait**. T should go back to user mode, run its handler, and make its
# read again. You know the general way to do that from lesson 07a: give RETRY, and let
# `fault_signal_pending` say "leave". But that way exists only since patch 9! Before, RETRY with a
# harmless signal meant: try again, here, now. (Your kernel has patch 9, and not yet patch 10: it has both the
# way and the fake.)
#
# So whoever wrote `handle_userfault`, the part of `handle_mm_fault` that waits for monitors, built a way of
# their own. After a signal it takes the lock again and says NOPAGE. The page-fault handler believes that the
# fault is over, releases the lock, and goes back to user mode. There is the handler, and then the read faults
# again. A fake, but it works. [fact:uffd-nopage-after-signal] In Linux 5.6 and before, a user-mode fault on a
# userfaultfd reacts to every signal, at once. [fact:uffd-reacted-before]
#
# It works as long as nobody uses the area after such a return. Step through it, and stop at the line where
# T holds a lock, and an area that is gone:

# %% id="stepper"
stepper(crash)

# %% [markdown] id="worked"
# ## Worked example: the crash, scheduled by you
#
# The run above was one order. Now you are the scheduler. `by_turns` gives the tasks turns: in its turn a task
# runs until it has to wait for another one. `"T M T U"` means: T runs, up to its sleep. M reads the
# message and sends SIGUSR1. T wakes up, runs its handler, reads again, and sleeps again. Then U maps.

# %% id="own-turns"
broken_rules(by_turns("syzbot-2017", Tree.upto(9), "T M T U"))

# %% [markdown] id="turns-text"
# A **stale** area: T read an area that it had found in an earlier hold. It was still there, by luck. Now
# change the order in that cell, so that the area has been *freed* when T reads it. When must U come,
# before which turns, and after which? (When the cell says *use after free*, you have
# it.)
#
# And then give U the very first turn, `"U T M T"`. Why does nothing at all happen?

# %% id="question-first"
answer("08-first", "")

# %% [markdown] id="gap"
# ## Fill the gap: what comes back, and who holds the lock
#
# Four ways in which `handle_userfault` ends for a fault from user mode. Write `held`, `released` or
# `re-taken` for `mmap_sem`.

# %% id="fill-lock"
fill("08-lock", copy="", old="", new="", closed="")

# %% [markdown] id="write"
# ## Write it: may I still use my area?
#
# You write the page-fault handler of some architecture. After each attempt you have nothing but `fault`, the
# number that came back. A colleague has written the function that says whether your area is still good. There
# is a mistake in it.

# %% id="still-good"
def still_good(fault):
    return fault != VM_FAULT_RETRY  # mend this line


# %% [markdown] id="try-text"
# It is asked after every attempt of four scenarios, first with patch 10. What is right is read from the
# traces: was the lock released between the beginning of the attempt and its end?

# %% id="try-after"
try_contract(still_good, Tree.upto(10))

# %% [markdown] id="try-before-text"
# When all attempts are told right, ask the same function without patch 10. Then try to write one that is
# right there. Three tries are enough. Look closely at what is printed.

# %% id="try-before"
try_contract(still_good, Tree.upto(9))

# %% [markdown] id="contract"
# **You can't.** You can be careful: say "lost" after NOPAGE, too. Then nothing happens, and one attempt is
# still told wrong. In S9 (the slow file of lesson 07a) an attempt gives NOPAGE, and the lock was held all the
# time. In S10a (a userfaultfd, and SIGUSR1) an attempt gives the same number, and the lock was away. From
# this number nobody can tell them apart. All that a caller can do is never to touch its area again, in
# every architecture, for ever. That is a rule that one person forgets one day. The *interface* is broken:
# it has a value that does not say what the caller must know.
#
# That is what is meant by a **special case**. And it explains how to repair it: not with a check in the
# caller, but with a value that tells the truth.

# %% [markdown] id="break"
# ## Break it: crash the repaired kernel
#
# With patch 10, `handle_userfault` says RETRY after a signal, and the fault is left. Try to crash that
# kernel. Give the turns in any order, as many as you like:

# %% id="own-attack"
broken_rules(by_turns("syzbot-2017", Tree.upto(10), "T M T U"))

# %% [markdown] id="explore-text"
# You may try for a long time. By turns is coarse, too: U could come in the middle of anything that T does.
# `every_interleaving` tries every order there is, on both kernels.

# %% id="explore"
every_interleaving("syzbot-2017", Tree.upto(9), Tree.upto(10))

# %% [markdown] id="explore-words"
# Look at the shortest order that ends in the use after free: it is T, U, M, T once more, with the number of
# moves in each turn. With ten patches no order reads an area of an earlier hold (**stale**), leaves the
# caller with a freed one (**dangling**), or reads that. This is more than a test that passes. Every state
# of this scenario has been reached, so for this scenario, on the emulator, it is proven.
#
# (The *hang* is M's fault, not the kernel's. If T asks a second time, this M does not answer.)

# %% [markdown] id="patch"
# ## The real patch: a few lines less
#
# With patch 9 there is a general way to leave a fault for a signal. Then the fake is not needed any more.
# Patch 10, "userfaultfd: don't retake mmap_sem to emulate NOPAGE", removes it from `handle_userfault` in
# `fs/userfaultfd.c`. [fact:p10-no-nopage] In the emulator's words, with the removed part marked:
#
# ```python
# result = VM_FAULT_RETRY
# ...                                     # sleep, until M or a signal ends it
# if signal pending, not SIGKILL,         # removed
#    and the fault is from user mode:     # removed
#     down_read(mmap_sem)                 # removed
#     result = VM_FAULT_NOPAGE            # removed
# return result
# ```
#
# One rule is left: who has released the lock says RETRY. Put the two side by side:

# %% id="compare"
side_by_side(run("syzbot-2017", Tree.upto(9)), run("syzbot-2017", Tree.upto(10)))

# %% [markdown] id="predict-count-text"
# ### What is counted
#
# In S10a, SIGUSR1 comes first and M brings the page later. T's read needs two page faults, with and without
# the patch. With nine patches T takes `mmap_sem` four times: twice in each fault.

# %% id="predict-taken"
predict("08-taken", "")

# %% id="count"
nine, ten = (run("S10a", Tree.upto(n)) for n in (9, 10))
reveal("08-taken", str(ten.tasks["T"].stats["acquisitions"]))
counters(nine, ten)

# %% [markdown] id="count-text"
# A look at the [minor faults](term:minor fault): the fake fault was even *counted*, as a fault that was
# served. It did wait, and yet it is a minor one: NOPAGE comes alone, without the MAJOR of RETRY. With patch
# 10 a fault that is left counts nothing, as in lesson 07a. If you measure a program that gets signals while
# it waits for a monitor, these counters are all that you see of patch 10 from outside. (T's handler ran at
# once before, too.)

# %% [markdown] id="order"
# ## The real thing: ten without nine
#
# The patches have an order. Suppose a distributor takes patch 10 into an old kernel: it mends a use after
# free, after all. Patch 9 is about speed, so it stays out.
#
# The scenario 9-before-10 stops a program and lets it go on, as Ctrl-Z and `fg` do in a shell. (Ctrl-Z sends
# SIGTSTP, which a program may handle. Here it is SIGSTOP, which it may not.) T writes to a missing page, and
# waits. It is stopped (SIGSTOP) and continued (SIGCONT). Then M brings the page. What becomes of T's
# write?

# %% id="predict-order"
predict("08-order", "")

# %% id="run-order"
broken = run("9-before-10", Tree.upto(10) - 9)
reveal("08-order", broken.tasks["T"].outcome)

# %% id="trace-order"
for event in broken.trace.select("signal_sent", "attempt", "attempt_end", "signal_taken", "exit"):
    print(f"{event.t:>6} us  {event.text}")

# %% [markdown] id="order-text"
# The attempt tells the truth now: RETRY. But nobody leaves for a harmless signal without patch 9. So the
# fault is tried again, in place. You know from lesson 06 what the older kernel does with a second
# attempt: it may not wait. SIGBUS comes first, and the stop, which has been waiting for the way to user mode,
# after it. When the page would come, there is no write any more. All that for a program that somebody stopped
# for a moment. **That is why patch 9 comes before patch 10.** (Not every wait is ended by such a signal: a
# disk is waited for, and a kernel copy waits, until SIGKILL: see lesson 07a and lesson 06.)
#
# SIGUSR1 does the same, in S10c (that is S10a with more time between the signal and the page). Run both
# scenarios on four trees and look for the one bad row:

# %% id="order-table"
for tree in (Tree.upto(8), Tree.upto(9), Tree.upto(10) - 9, Tree.upto(10)):
    stop, usr1 = (run(name, tree).tasks["T"].outcome for name in ("9-before-10", "S10c"))
    print(f"{tree!s:<10} stopped: {stop:<15} SIGUSR1: {usr1}")

# %% [markdown] id="real"
# ### What real kernels showed
#
# **The counters.** On a 5.7.14 in which single patches can be switched off, the traces with nine and with ten
# patches differ as yours do: one lock less, and RETRY in the place of NOPAGE. [fact:p10-no-nopage] And ten
# without nine gives SIGBUS there, too. [fact:p10-needs-p09]
#
# **The crash.** With patch 10 undone, an address sanitizer watched that 5.7.14 in fourteen runs of this
# race on anonymous memory. It reported *nothing*. Was the report of 2017 wrong? No. The trap is there,
# but nobody steps into it. The x86 handler of 4.14 read the area's protection key after the attempt, and
# the one of 5.7 reads nothing of the area after NOPAGE. [fact:use-after-free-needs-access] The scenario
# S10b is the same run with the handler of 5.7: see what is left of the report.

# %% id="today"
for name in ("syzbot-2017", "S10b"):
    print(f"{name:<12}", [broken.rule for broken in run(name, Tree.upto(9)).violations])

# %% [markdown] id="today-text"
# A dangling area that is not read is a trap for whoever changes the handler next. The same kind of mistake
# *was* stepped into elsewhere: the fault of a huge page took other locks again after the sleep, and one of
# them lies in memory that may be freed meanwhile. That is a real use after free in an unmodified 5.7.14, seen
# in four of four runs. [fact:hugetlb-touch-after-drop]
#
# **The idea.** In the thread about the report, Linus Torvalds asked for what the series does: never read the
# area after the attempt, return to user mode on any signal, and let a fault retry as often as it takes.
# [fact:retry-for-ever-2017] The last point is lesson 10.
#
# **A fossil.** The x86 handler still has a comment about a userfaultfd that takes the lock again and
# returns NOPAGE. It was there in 5.7, when the code had gone, and it is still there in 6.18.
# [fact:x86-stale-comment]

# %% [markdown] id="questions"
# ## Questions

# %% id="question-without"
answer("08-without", "")

# %% id="question-before"
answer("08-before", "")

# %% id="question-holds"
answer("08-holds", "")

# %% [markdown] id="recap"
# ## Recap
#
# - A lock protects what you found in *this* hold. After a release, whoever takes it again has to look again.
# - RETRY says "released, your area is lost". Every other value promises that the lock was held all the time.
# - Up to Linux 5.6 `handle_userfault` took the lock again after a signal and said NOPAGE. The same number
#   comes from attempts that never released the lock, so no caller could tell. That is the trap.
#   [fact:uffd-nopage-after-signal]
# - Patch 10 removes it. It needs patch 9: without it RETRY for a signal is tried again in place, and ends in
#   SIGBUS.
# - User-mode faults on a userfaultfd reacted to every signal before the series already. The series makes a
#   special case general.
#
# In one sentence of your own: why did it not help T that it held `mmap_sem` when it read the area? (Yours may
# say: it had found the area in an earlier hold, and between the two the area could be freed.)
#
# Next in the course: flags with names, and a patch whose text says "no functional change". To write
# `handle_userfault` without the special case is the exercise
# [e05_handle_userfault](../exercises/e05_handle_userfault.ipynb).
