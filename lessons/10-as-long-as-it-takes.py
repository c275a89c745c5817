# ---
# title: As long as it takes
# objective: You write the retry loop of Linux 5.7, and say what ends it and why it burns no CPU.
# needs: ["08", B4]
# out_of_scope: [get_user_pages, other architectures than x86, how faults are counted]
# minutes: 40
# ---

# %% [markdown] id="story"
# ## Story: a limit is taken away
#
# Your programs still travel from machine to machine, and a monitor brings their pages. The network has
# become worse. Now the monitor wakes a program *twenty* times before the page is there. In lesson 06, one
# such wake was too many for Linux 5.6: the second [attempt](term:attempt) may not wait, and SIGBUS ends the
# program. [fact:wake-is-fatal-before]
#
# The repair looks easy: let a fault try again as often as it takes. In Linux 5.7, patch 13 of the series
# does that. [fact:p13-multi-retry] Your programs run again, however bad the network is.
#
# Some weeks later, a small virtual machine with one CPU stands still. No network, no log, no keyboard. The
# last thing that its only program did was to write to a file. The last thing that happened to it was a
# signal, a harmless one.
#
# The same patch has a part in both. A loop without a limit is a promise: *something else will end it*. In
# this lesson you find out what that is, you write the loop, and then you hang a machine with it.

# %% [markdown] id="cast"
# ### Who takes part
#
# T makes an access to a missing page, and M is its monitor. `wakes(20)` is the scenario of the bad network:
# M reads a message, waits `10` ms and wakes T without a page, twenty times. The next message it answers with
# the page.
#
# As before, `Tree.before` is Linux 5.6 and `Tree.after` is the same with the sixteen patches of the series.
# [fact:series-goal]

# %% id="setup"
from course.decide import handler_of, relocked, try_loop, wakes
from course.predictions import answer, fill, order, predict, reveal
from course.views import counters, every_interleaving, ready, stepper, timeline
from pyemu import Tree, run
from pyemu.stubs import *

ready()

# %% [markdown] id="predict"
# ## Predict: twenty wakes
#
# You know how this ends on the older kernel: attempt 2 has lost `ALLOW_RETRY`, the permission to release
# [`mmap_sem`](term:mmap_sem), wait, and give RETRY. The newer kernel never takes this permission away.
#
# Choose before you run on: put your letter between the empty quotes, and run the cell.

# %% id="predict-messages"
predict("10-messages", "")

# %% [markdown] id="crash"
# ## Run: first the crash, then the newer kernel

# %% id="run-before"
before = run(wakes(20), Tree.before)
print(before)
for attempt in before.trace.select("attempt"):
    print(attempt.text)

# %% id="run-after"
after = run(wakes(20), Tree.after)
print(after)
reveal("10-messages", str(after.tasks["M"].stats["messages"]))

# %% [markdown] id="trace"
# ## Trace: the rounds of one fault
#
# The trace has a few hundred events, nearly all of them repetitions. So take the attempts only, the first
# three and the last one, and then the counters.

# %% id="trace-attempts"
attempts = after.trace.select("attempt")
for attempt in [*attempts[:3], attempts[-1]]:
    print(f"{attempt.t:>6} us  {attempt.text}")

# %% id="count"
counters(before, after)

# %% id="numbers-rounds" tags=["numbers"]
_words = [int(event.a) for event in after.trace.select("attempt")]
_stats = after.tasks["T"].stats
{
    "first": f"{_words[0]:#x}",
    "later": f"{_words[1]:#x}",
    "n_later": sum(word == _words[1] for word in _words),
    "n_attempts": len(_words),
    "n_sleeps": _stats["sleeps"],
    "n_exceptions": _stats["exceptions"],
    "wait_ms": after.trace.select("attempt")[-1].t // 1000,
}

# %% [markdown] id="trace-text"
# Twenty wakes, twenty-one messages. It is {{n_exceptions}} [page fault](term:page fault) all the same: the
# CPU faulted once, and the {{n_attempts}} attempts are rounds of a loop inside it.
#
# The first attempt has the flags {{first}}, the other {{n_later}} have {{later}}:
# [`ALLOW_RETRY`](term:FAULT_FLAG_ALLOW_RETRY) is still there, and `TRIED` has come. In Linux 5.7 the two
# together say which attempt this is: [fact:flag-allow-retry-5-7] [fact:flag-tried-5-7]
#
# | ALLOW_RETRY | TRIED | Linux 5.6 | Linux 5.7 |
# |---|---|---|---|
# | set | clear | first attempt | first attempt |
# | set | set | - | any later attempt |
# | clear | set | second and last attempt | - |
#
# The fault took {{wait_ms}} ms, and T slept {{n_sleeps}} times. Between two attempts T was asleep, and the
# CPU was free for others. This will matter.

# %% [markdown] id="mechanism"
# ## Mechanism: what a loop without a limit rests on
#
# Of the six goals (find vma, try, wait, wake, decide, retry) the last one has changed: after **retry** comes
# **find vma** again, without end. So ask two questions of it.
#
# **What ends the loop?** It has two doors, and both are in **decide**. One: the attempt gave no
# [RETRY](term:VM_FAULT_RETRY). Then the page is there, or there is an error. Two: a signal calls the fault
# away. That is `fault_signal_pending`, the rule of lesson 07a.
#
# **What does a round cost?** If each round sleeps until something has happened, then next to nothing, and
# the loop may turn a thousand times. If it does not sleep, the CPU is gone.
#
# No line of the kernel says so. There are rules that each function keeps and the others rely on. The
# emulator checks them, under these names.
#
# - **[I3](term:I3)**: who gives RETRY has waited first. Only a signal that ends the fault as well may cut the
#   wait short. [fact:invariant-waited]
# - **I5**: who tries again sets `TRIED` first. [fact:invariant-tried]
# - **I6** is about a page that somebody else has locked. You will see in a moment what it asks.
#
# ([I1](term:I1), [I2](term:I2) and [I4](term:I4) are about the lock and the result. Here they are not
# needed.)
#
# I3 is about what a round costs. What are the other two good for? Look at a page that somebody else wants,
# too.

# %% [markdown] id="worked"
# ## Worked example: a page that is locked again and again
#
# No monitor this time. The page belongs to a file and is in memory. (It is *missing* all the same: T's page
# table has no entry for it yet.) A task H has **locked** it: that is what the kernel does while it reads or
# writes a page. H unlocks it, and locks it again before T gets there, fifty times. How many attempts does T
# need?

# %% id="predict-relock"
predict("10-relock", "")

# %% id="run-relock"
fight = run(relocked(50), Tree.after)
reveal("10-relock", str(fight.tasks["T"].stats["attempts"]))

# %% [markdown] id="relock-text"
# Here is the same with three locks. Follow the column `mmap_sem`. Who holds it while T waits, in attempt 1
# and in attempt 2? (Frame `4` is where the page lies in memory. `disk` is a task of the kernel that has
# nothing to do here. LOCKED at the end says that T has the page's lock.)
#
# The timeline has no column for the *page's* lock. This is who has it:
#
# | from | the page's lock | why |
# |---|---|---|
# | the beginning | H | it has locked the page before T comes |
# | `1000` us | H again | H asks at once; T has to end its attempt and look up the area first |
# | `2000` us | T | T stands in the queue, and H behind it |

# %% id="relock-trace"
timeline(run(relocked(3), Tree.after))

# %% [markdown] id="relock-answer"
# In attempt 1, T releases `mmap_sem` and waits until the page is unlocked. That is polite: nobody who wants
# to change the list of [areas](term:area) has to wait for T. But when T comes back, the page is locked again.
#
# In attempt 2, T queues for the page's lock and *keeps* `mmap_sem` meanwhile. Now there is nothing to come
# back to: when H unlocks the page, T has it. This is **I6**: only a *first* attempt may release `mmap_sem` to
# wait for a page's lock. A later attempt keeps `mmap_sem`, waits, and goes on. [fact:invariant-progress] It
# costs others a wait, and in return the loop ends.
#
# How does the code that waits for a page know that this is attempt 2? By the flags, and by nothing else: a
# first attempt is one with `ALLOW_RETRY` and without `TRIED`. [fact:retry-first-helper] This is what I5 is
# good for.
#
# The wait for a *monitor* does not look at `TRIED`. It releases `mmap_sem` and gives RETRY in every attempt.
# [fact:p13-multi-retry] Nobody knows when a monitor will answer, and who changes areas should not have to
# wait for it.

# %% [markdown] id="order"
# ## Order the lines: one round
#
# Put them into order, for the newer kernel. Three lines do not belong into it: leave them out.

# %% id="order-loop"
order("10-round", "")

# %% [markdown] id="write"
# ## Write it: the loop of the newer kernel
#
# `find vma` and `try` are written. Write **decide** and **retry** in the place of the line with `break`. When
# the fault is over, leave the loop with `break`: then the caller has `fault` and a held `mmap_sem`, as it
# expects. When a signal calls the fault away, `return None`: the attempt has released `mmap_sem` already, and
# the caller has nothing left to do.
#
# You need `await fault_signal_pending(fault, regs)`, `VM_FAULT_RETRY` and `FAULT_FLAG_TRIED`. The function
# says yes only if `fault` has RETRY, so you may ask your two questions in any order. `regs` are the registers
# at the time of the fault: they tell it the mode. Flags are tested with `&` and added with `|=`, as in C.
# (Put `await` before everything that the emulator is to do for you. The check whether T may use the area at
# all is left out; exercise E4 has it.)


# %% id="my-loop"
async def my_loop(mm, regs, address, flags):
    while True:
        await down_read(mm)  # find vma: takes mmap_sem for reading
        vma = await find_vma(mm, address)
        fault = await handle_mm_fault(vma, address, flags)  # try (and wait, and wake)
        break  # decide, retry: yours
    return fault


# %% [markdown] id="try-text"
# `try_loop` puts your loop into the fault handler and runs it beside the kernel's, in three scenarios. It
# tells you about the first thing that goes wrong. In the third one, T leaves its fault for the signal and
# reads again: two faults, one attempt in the first and two in the second.

# %% id="try-loop"
try_loop(my_loop)

# %% [markdown] id="break"
# ## Break it: forget one line
#
# Your loop agrees with the kernel's? Then take out the line that sets `TRIED`, and run *both* cells above
# once more. Which of the three scenarios has other numbers now?
#
# Then let H lock the page fifty times, with your broken loop:

# %% id="break-relock"
yours = run(relocked(50), Tree.after, handler_of(my_loop))
print(yours, "-", yours.tasks["T"].stats["attempts"], "attempts")

# %% [markdown] id="break-text"
# (It says `2 attempts`? Then your loop still sets `TRIED`. It should be `51`.)
#
# Without `TRIED`, every attempt looks like a first one. So every attempt is polite, and T loses each time.
# It has its page only because H stops in the end. No value is wrong and nothing crashes. On a real kernel
# the outcomes of all recorded scenarios stayed the same. [fact:mutants-of-p13] Put the line back before you
# go on.

# %% [markdown] id="signal"
# ### Predict: a signal during a system call
#
# Now to the machine that stands still. T calls `write` with data on the missing page. So it is the kernel
# that touches the page, in order to copy it: a fault from **kernel mode** (lesson B4). A third task, S, has
# sent SIGUSR1 a moment before: it is [pending](term:pending signal) when the fault begins. T has a handler
# for it. M brings the page `10` ms later. This is scenario S12, and T has a CPU of its own.
#
# You know from lesson 07a that a kernel copy may not be left for SIGUSR1: `fault_signal_pending` says no.

# %% id="predict-copy"
predict("10-copy", "")

# %% id="run-copy"
copy = run("S12", Tree.after)
task = copy.tasks["T"]
reveal("10-copy", f"{task.outcome} after {task.stats['sleeps']} sleeps")

# %% [markdown] id="copy-text"
# `write` has its `4096` bytes, so no test of results would notice anything. But T never slept. What did it
# do for ten milliseconds? Here are three trees side by side; `upto12` is the older kernel with the first
# twelve patches.

# %% id="count-copy"
counters(run("S12", Tree.before), run("S12", Tree.upto(12)), copy)

# %% id="numbers-copy" tags=["numbers"]
{
    "copy_attempts": task.stats["attempts"],
    "copy_messages": task.stats["messages_queued"],
}

# %% [markdown] id="copy-explained"
# {{copy_attempts}} attempts and {{copy_messages}} messages for one page. (An attempt takes one microsecond
# on the emulator.) T goes round and round, as fast as the CPU can. This is a **[busy loop](term:busy loop)**:
# rule I3 is broken. (Why `upto12` ends in EFAULT comes below. And the fault counts as minor: no attempt said
# MAJOR, because none has waited.)
#
# Walk through the first rounds in the stepper, with the older kernel beside it. Find the place where T does
# not go to sleep. What is pending? Which flag is set there that the older kernel does not have?

# %% id="stepper"
stepper(run("S12", Tree.before), copy)

# %% [markdown] id="doors"
# ### Two questions about one signal
#
# A signal is asked about in two places, by two functions that do not know each other.
#
# 1. In **wait**: may this signal end the *sleep*? In Linux 5.7 the wait for a monitor looks at the flag
#    [`INTERRUPTIBLE`](term:FAULT_FLAG_INTERRUPTIBLE) for this. [fact:uffd-sleep-5-7] If the signal is pending
#    already, T does not fall asleep at all. [fact:signal-state]
# 2. In **decide**: may this signal end the *fault*? `fault_signal_pending` looks at the mode.
#    [fact:signal-fault-test]
#
# Patch 12 put `INTERRUPTIBLE` into the flags with which every fault starts, kernel mode included.
# [fact:p12-interruptible] Fill in the table for SIGUSR1 and a fault that waits for a monitor: `yes` or `no`.
# The last row is a tree that never existed. Without patch 9, the newer kernel has the old rule of
# `fault_signal_pending`: SIGKILL only (lesson 07a).

# %% id="fill-doors"
fill("10-doors", a="", b="", c="", d="", e="")

# %% [markdown] id="doors-answer"
# One combination is poison: *yes, it may end the sleep; no, it may not end the fault*. The signal stays
# pending, because its handler can only run in user mode. So no sleep is possible any more, and no door is
# open. With a limit of two attempts, that gives an error (EFAULT, the column `upto12` above). Without a
# limit, it gives a busy loop.
#
# **What may end the sleep must be able to end the loop.**

# %% [markdown] id="hang"
# ### The machine that stands still
#
# S12 was harmless, because M had a CPU for itself, too. Scenario B5 is the same with one CPU only. This
# kernel is built so that it does not take the CPU away from kernel code (no **preemption**). T copies,
# SIGUSR1 arrives, and M should bring the page.

# %% id="run-hang"
hung = run("B5", Tree.after)
print(hung.end, *hung.end_text.split("; "), sep="\n")

# %% [markdown] id="hang-text"
# Each round takes the lock once, makes one attempt and queues one message, and changes nothing else. T waits
# for M to bring the page, and M waits for T to give up the CPU. There is your virtual machine.

# %% [markdown] id="nine"
# ### Predict: the last row
#
# The last row of the table is worth a run: patch 13 without patch 9, `Tree.after - 9`. T reads the missing
# page itself, in user mode, and waits. M sends SIGUSR1, and `30` ms later SIGSTOP, the signal with which a
# shell or a debugger stops a program. Another `30` ms later, M looks at T's state. The page comes only then.

# %% id="predict-stop"
predict("10-stop", "")

# %% id="run-stop"
deaf = run("9-before-13", Tree.after - 9)
seen = {event.a: event.b for event in deaf.trace.select("report", task="M")}
reveal("10-stop", seen["sample after stop"])

# %% id="count-stop"
counters(run("9-before-13", Tree.after), deaf)

# %% [markdown] id="nine-text"
# (On the newer kernel no fault is counted at all: the first one was left for SIGUSR1, the second one for
# SIGSTOP, and when T goes on its page is there.)
#
# T can't be stopped. SIGSTOP, too, takes effect only on the way to user mode, and T does not get there
# before the page comes. A monitor that hangs would leave behind a program that burns a CPU, and that
# nothing but SIGKILL reaches. With patch 9, the fault is left for the first signal, and T stops for the
# second. So the order of the series is no matter of taste: patch 9 has to come before patch 13.
# [fact:p13-needs-p09]

# %% [markdown] id="explore"
# ### Is there a way out by luck?
#
# A run is one order of events. Perhaps T is lucky in another one? `every_interleaving` tries them all. For
# S12 on the newer kernel, and then with `Tree.parse("v5_7+B5")`: Linux 5.7 and one change that we made, only
# a fault from user mode gets `INTERRUPTIBLE`. [fact:b5-busy-loop]
#
# A **move** is one step of one task. The shortest order is printed as moves: `T*16 S*5` means that T makes
# sixteen of them, and then S, the task that sends the signal, five. "Expected" stands at what the scenario's
# author knows of.

# %% id="explore-copy"
every_interleaving("S12", Tree.after, Tree.parse("v5_7+B5"))

# %% [markdown] id="explore-text"
# On the newer kernel the explorer finds an order that runs in a circle: a round of T that changes nothing.
# Only somebody else can end that. On the mended kernel there is none, in any order.
#
# Your turn: explore `"9-before-13"` on `Tree.after`, on `Tree.after - 9` and on `Tree.before`. Which of them
# has a circle in *user* mode?

# %% [markdown] id="patch"
# ## The real patch: one line less, one question more
#
# Patch 13, "mm: allow VM_FAULT_RETRY for multiple times" (commit `4064b9827063`), in the emulator's words:
# [fact:p13-multi-retry]
#
# ```python
# # Linux 5.6
# if fault & VM_FAULT_RETRY and flags & FAULT_FLAG_ALLOW_RETRY:
#     flags &= ~FAULT_FLAG_ALLOW_RETRY
#     flags |= FAULT_FLAG_TRIED
#     continue
#
# # Linux 5.7
# if fault & VM_FAULT_RETRY:
#     flags |= FAULT_FLAG_TRIED
#     continue
# ```
#
# (In both, the question about signals comes before.) And who waits for a page's lock may release `mmap_sem`
# on these conditions:
#
# ```python
# flags & FAULT_FLAG_ALLOW_RETRY                                      # Linux 5.6
# flags & FAULT_FLAG_ALLOW_RETRY and not flags & FAULT_FLAG_TRIED     # Linux 5.7
# ```
#
# On x86 the upper half is in `do_user_addr_fault` (`arch/x86/mm/fault.c`). [fact:x86-retry-5-6]
# [fact:x86-retry-5-7] The question of the lower half has got a name in `include/linux/mm.h`,
# `fault_flag_allow_retry_first`. [fact:retry-first-helper] The one wait that does *not* ask it is
# `handle_userfault` in `fs/userfaultfd.c`. That is why the twenty wakes work.
#
# The idea is older than the patch. In `2017`, in the discussion of the bug of lesson 08, Linus Torvalds
# asked to let faults retry for ever. He named a condition: everybody who gives RETRY waits first.
# [fact:retry-for-ever-2017] That is I3, and patch 13 relies on it. But since patch 12, the one before, a
# signal may cut the wait short in kernel mode, too, where it can't end the fault. (Lesson 09 is about its
# text, which says "no functional change".)

# %% id="figure-loop"
from course import figures

figures.retry_loop(Tree.upto(12), Tree.upto(13))  # without and with patch 13

# %% id="numbers-kernels" tags=["numbers"]
from course.conform.experiment import Experiment
from course.conform.prediction import predict as _predict

{
    f"messages_{n}": _predict(Experiment("user_read", f"wake{n}"), Tree.v5_7).fields["messages"]
    for n in (1, 2, 3)
}

# %% [markdown] id="real-kernels"
# ### Do real kernels agree?
#
# **Wakes.** Linux 5.7.14 was asked with one, two and three wakes without a page. It gave the value each
# time, after {{messages_1}}, {{messages_2}} and {{messages_3}} messages, as the emulator does.
# [fact:wake-is-harmless-after]
#
# **The busy loop.** A real 5.7.14 made the copy of S12, with a signal after `30` ms and the page `60` ms
# later. With patch 12 and all later ones undone, it slept in state D and made two attempts. As it is, it
# spun: `0x234`, RETRY, `0x234`, RETRY, thousands of times. [fact:p12-p13-busy-loop] How many is no constant:
# it depends on who runs when. With one CPU and no preemption, the machine hung. [fact:b5-hang]
#
# **Since then.** The busy loop was reported in April 2025, from production, and it is there in Linux 7.1
# still. [fact:b5-busy-loop] (From 5.9 on, each round offers the CPU to others: the monitor can run, even on
# one CPU. [fact:uffd-one-sleep]) The people who wrote these lines discussed what to do about it.

# %% [markdown] id="questions"
# ## Questions
#
# Put a letter between the quotes. Each choice has its own comment.

# %% id="question-contention"
answer("10-contention", "")

# %% id="question-forgotten"
answer("10-forgotten", "")

# %% id="question-pages"
answer("10-pages", "")

# %% [markdown] id="recap"
# ## Recap
#
# - In Linux 5.7 a fault may try again without limit. N wakes without a page cost N messages more.
#   [fact:wake-is-harmless-after]
# - The loop ends when an attempt gives no RETRY, or when a signal calls the fault away.
# - Each round has to sleep first (I3). Otherwise the loop is a busy loop.
# - [`TRIED`](term:FAULT_FLAG_TRIED) is set before each retry ([I5](term:I5)). It tells who waits for a page's
#   lock to keep `mmap_sem`, and so such a fight ends after two attempts ([I6](term:I6)). Only a page that a
#   monitor has to bring may need more.
# - What may end the sleep must be able to end the loop. Patch 13 without patch 9 breaks this in user mode,
#   patch 13 with patch 12 breaks it in kernel mode.
#
# In one sentence of your own: why was the older kernel not bothered by a signal during `write`? (Yours may
# say: there, a kernel copy slept so that only SIGKILL could end its sleep.)
#
# Next: write the whole of it, with the check of the access and the counting, in the exercise
# [e04_loop](../exercises/e04_loop.ipynb). To explain and to mend the busy loop is the exercise
# [e06_busy_loop](../exercises/e06_busy_loop.ipynb).
