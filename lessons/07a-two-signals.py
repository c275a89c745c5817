# ---
# title: One rule, two signals
# objective: You fill in the twelve cells of the rule for signals, and predict what one does to a slow fault.
# needs: ["06", B3]
# out_of_scope: [other architectures than x86, signals during a userfaultfd fault, how a kernel copy fails]
# minutes: 35
# ---

# %% [markdown] id="story"
# ## Story: the disk that nobody waits for any more
#
# Your program searches a large file. It has mapped the file into its memory, and reads it like an array. The
# first touch of a page that is not in memory is a [page fault](term:page fault), and it waits for the disk. A
# timer sends your program a signal every few milliseconds, so that hardly a read of the disk goes by without
# one. The handler draws a progress bar. When the disk is slow the bar sticks.
#
# Then the machine gets Linux 5.7. Its list of changes has a series of sixteen patches about page faults, and
# the ninth is called "return faster for non-fatal signals in user mode faults". [fact:p09-any-signal]
# Faster! Will a signal no longer wait for the disk? Will the bar move?
#
# Your monitoring draws a graph as well, of the **[major faults](term:major fault)** of the program: the
# faults that had to wait for their page. There are thousands an hour. After the upgrade you look at both, and
# one of them makes you rub your eyes.
#
# You will see which, find the line of code, write it yourself, and then break it in a way that no test run
# sees.

# %% [markdown] id="cast"
# ### Who takes part
#
# ```c
# /* T: your program */          /* S: the timer */
# char value = *page_of_file;    sleep 5 ms;  kill(T, SIGUSR1);
# ```
#
# The disk needs `10` ms. This scenario is called S9. You know the two kinds of signals from lesson B3:
# SIGUSR1 has a handler here, so it is harmless. SIGKILL is **fatal**: it ends the task, and no handler
# can prevent that.

# %% id="setup"
from course.decide import own_cells, try_rule
from course.predictions import answer, order, predict, reveal
from course.views import counters, every_interleaving, ready, side_by_side, stepper
from pyemu import Tree, run
from pyemu.stubs import VM_FAULT_RETRY, current, fatal_signal_pending, signal_pending, user_mode

ready()

# %% [markdown] id="predict"
# ## Predict: when does the handler run?
#
# T sleeps until the disk has the page. SIGUSR1 comes in the middle of that sleep. You run on the *newer*
# kernel, `Tree.after`.

# %% id="predict-when"
predict("07a-when", "")

# %% [markdown] id="run"
# ## Run: first the older kernel, then the newer one
#
# In a trace, `signal_taken` is the moment at which the handler starts, and `pte` the moment at which a page
# is put in place.

# %% id="run-before"
before = run("S9", Tree.before)
print(before)
for event in before.trace.select("signal_sent", "pte", "signal_taken"):
    print(event.t, "us:", event.text)

# %% id="run-after"
after = run("S9", Tree.after)
print(after)
for event in after.trace.select("signal_sent", "pte", "signal_taken"):
    print(event.t, "us:", event.text)

# %% id="reveal-when"
handler = after.trace.select("signal_taken")[0]
page = after.trace.select("pte")[0]
side = "before" if handler.step < page.step else "after"  # a step: its place in the trace
reveal("07a-when", f"{handler.t // 1000} ms, {side} the page")

# %% id="numbers-when" tags=["numbers"]
_woken = {
    name: [event.t for event in result.trace.select("wake", task="T")]
    for name, result in (("before", before), ("after", after))
}
{
    "woken_before": _woken["before"][0],
    "woken_after": _woken["after"][0],
    "earlier": _woken["before"][0] - _woken["after"][0],
}

# %% [markdown] id="crash"
# The bar sticks as it did before the upgrade. The signal came at `5000` us, and nothing happened for another
# five milliseconds, on either kernel. T wakes at {{woken_before}} us with the older one, and at
# {{woken_after}} us with the newer one. The difference is {{earlier}} us: **a signal shortens no I/O**.
#
# (Four pages come, though T touched one. The disk reads a few pages more than asked for, and the kernel maps
# what is there.)

# %% [markdown] id="trace"
# ## Trace: where the two part
#
# Put the runs side by side. Find T's sleep, the line in which SIGUSR1 is sent, and the line in which T wakes
# up. *Why* does it say that T woke up? Then look what T does first.

# %% id="compare"
side_by_side(before, after)

# %% [markdown] id="trace-text"
# T sleeps in state D, the one that harmless signals don't end. It is a **[killable](term:TASK_KILLABLE)**
# sleep: SIGKILL may end it. [fact:signal-state] The flag INTERRUPTIBLE of the newer kernel changes nothing
# here: who waits for the lock of a page does not look at it. So SIGUSR1 was noted, and left
# **[pending](term:pending signal)**: sent, and not yet taken by T. What woke T was "the page was unlocked". A
# page is locked while it is being read.
#
# Up to here the two kernels do the same. Then [attempt](term:attempt) 1 gives [RETRY](term:VM_FAULT_RETRY):
# "I waited, without the lock; look again". Now they part.
#
# - The older kernel looks again, in the same fault. Attempt 2 maps the page. Then the handler runs.
# - The newer kernel goes back to user mode, with nothing mapped. The handler runs. T makes its read again,
#   and that is a *new* fault, with an attempt 1 of its own.

# %% [markdown] id="predict-count-text"
# ### The graph
#
# When a fault ends with its page, the kernel counts it: as major if any attempt said MAJOR, as minor if none
# did. [fact:count-x86-own] How does the newer kernel count this read?

# %% id="predict-count"
predict("07a-count", "")

# %% id="count"
counts = after.tasks["T"].counters
reveal("07a-count", f"{counts['maj_flt']} major, {counts['min_flt']} minor")
counters(before, after)

# %% id="numbers-count" tags=["numbers"]
{
    "pgmajfault_before": before.vmstat["pgmajfault"],
    "pgmajfault_after": after.vmstat["pgmajfault"],
    "exceptions_after": after.tasks["T"].stats["exceptions"],
}

# %% [markdown] id="count-text"
# Here is what makes you rub your eyes: the line of your graph has sunk almost to zero, and the disk reads as
# much as ever. T did wait for the disk. But the fault that waited was given up, and a fault that is given up
# **counts nothing**. The second fault found the page in memory, so it is a minor one. The major fault has
# vanished from the graph, and the wait has not. (Only the perf event counts both: it counts exceptions.)
#
# Another counter was not fooled. `pgmajfault` in `/proc/vmstat` grows where the reading *starts*: it is
# {{pgmajfault_before}} with the older kernel and {{pgmajfault_after}} with the newer one.
# [fact:count-pgmajfault]
#
# Step through both once more. Where exactly does the newer kernel decide to leave? The next section has the
# name of the function that it asks there.

# %% id="stepper"
stepper(before, after)

# %% [markdown] id="mechanism"
# ## Mechanism: three questions
#
# Of the six goals (find vma, try, wait, wake, decide, retry) all but one are as before. What is new is in
# **decide**. The kernel has a function for it, `fault_signal_pending`. It is called after each attempt, and
# says whether the fault is to be left for a signal. It asks three questions.
#
# **Did the attempt give RETRY?** If not, the fault is over, and [`mmap_sem`](term:mmap_sem) is still held.
# Who leaves here takes the lock along, and nobody will ever release it. With RETRY the lock is gone already.
# So this is the one good moment to leave.
#
# **Where did the fault come from?** From *user mode*, leaving is safe. Nothing of T's is half done. The
# registers are those before the read, so T can run a handler and then read again. From *kernel mode*, it is
# not. There the kernel was copying T's memory for a system call, such as `write`, and stands in the middle of
# its own function. It can't go back to user mode from there. It could only break the copy off, and `write`
# would fail.
#
# **Which signal is pending?** After SIGKILL, T will never use the page. Then going on is in vain, in both
# modes, and a copy may as well be broken off: nobody will see the error. (SIGKILL may also end the sleep.
# Then the attempt gives RETRY as well, and the lock is gone.)

# %% [markdown] id="worked"
# ### Worked example: six cells of twelve
#
# RETRY set or clear, two modes, and three cases of pending signals (nothing, SIGUSR1, SIGKILL): twelve
# **cells**. Six of them are done by the first question alone. With RETRY clear the answer is `n`, don't
# leave, whatever the mode, whatever the signal. Even SIGKILL has to wait until the lock is released.

# %% [markdown] id="cells-text"
# ### Fill the gap: the other six, twice
#
# Put `y` (leave the fault) or `n` (don't) in the place of each `?`. The first column is the rule up to
# patch 8 of the series. That rule is the older kernel's, which patch 3 has moved into a function: it knows
# only one signal. The second column is the rule from patch 9 on. You have seen one of its cells in the run.
# Run the cell as it stands first: it shows which letter belongs to which cell.

# %% id="own-cells"
own_cells(
    upto8="nnnnnn ??????",
    from9="nnnnnn ??????",
)

# %% [markdown] id="control"
# ### What counts as pending?
#
# Not every signal that was sent. One that T **blocks** waits in a queue, and T is not told. One that T
# **ignores** is dropped when it is sent. [fact:signal-pending] Neither changes anything for a fault. In these
# two scenarios T reads one page itself and lets the kernel copy another one, and SIGUSR1 comes during both
# faults. Count the page faults: two accesses, two faults. (A signal that *is* pending would make a third, on
# the newer kernel: the one that is left.)

# %% id="run-control"
for name in ("blocked-signal", "ignored-signal"):
    for tree in (Tree.before, Tree.after):
        result = run(name, tree)
        print(result, "-", result.tasks["T"].stats["exceptions"], "page faults")

# %% [markdown] id="order-text"
# ## Order the lines: a signal and a page
#
# Here is what happened to T on the newer kernel, shuffled. Put the letters into order. One line is false:
# leave it out.

# %% id="order"
order("07a-events", "")

# %% [markdown] id="write"
# ## Write it: the rule
#
# This is the rule of patch 3, in the emulator's words. Patch 9 adds one case. Put it in the place of
# `False`. You need `user_mode(regs)`, which says where the fault came from, and `await
# signal_pending(current)`, which says whether any signal is pending. (`current` is the running task.
# `await` marks what the emulator has to do for you; in C there is no such word.)

# %% id="my-rule"
async def fault_signal_pending(fault, regs):
    if not fault & VM_FAULT_RETRY:
        return False
    killed = await fatal_signal_pending(current)
    called_away = False  # the gap: patch 9
    return killed or called_away


# %% [markdown] id="try-text"
# Your rule in all twelve cells:

# %% id="try-rule"
try_rule(fault_signal_pending)

# %% [markdown] id="mine-text"
# And in a run: the older kernel, the older kernel with your rule in the place of its own, and a tree with the
# first nine patches. With the right line, the last two columns are alike.

# %% id="mine"
yours = run("S9", Tree.before, {"fault_signal_pending": fault_signal_pending})
counters(before, yours, run("S9", Tree.upto(9)), named=("before", "before, your rule", "upto9"))

# %% [markdown] id="break"
# ## Break it: two rules that are almost right
#
# A colleague leaves out the second question. Then a kernel copy is left for a harmless signal, too. In the
# scenario S12, T calls `write` with a page that is missing, and SIGUSR1 arrives.

# %% id="too-eager"
async def too_eager(fault, regs):
    return bool(fault & VM_FAULT_RETRY) and await signal_pending(current)


print("the older kernel:", run("S12", Tree.before))
print("with her rule:   ", run("S12", Tree.before, {"fault_signal_pending": too_eager}))

# %% [markdown] id="break-retry"
# `4096` is the number of bytes written. With her rule, a progress bar makes `write` fail with EFAULT, "bad
# address". That is why kernel mode may not leave for a harmless signal.
#
# Another colleague leaves out the *first* question. "With a signal pending we leave, and it's RETRY anyway",
# she says. She has tested it:

# %% id="no-retry"
async def no_retry(fault, regs):
    return user_mode(regs) and await signal_pending(current)


hers = run("S9", Tree.before, {"fault_signal_pending": no_retry})
counters(run("S9", Tree.upto(9)), hers, named=("upto9", "before, her rule"))

# %% [markdown] id="explore-text"
# Not one number differs from patch 9. Is it right, then?
#
# The run was *one* order of events: the signal came while T slept. `every_interleaving` tries every order.
# Before you run it, think: when must SIGUSR1 come, so that her rule does harm?

# %% id="explore"
found = every_interleaving("S9", Tree.before, handlers={"fault_signal_pending": no_retry})
found

# %% [markdown] id="replay-text"
# Here is the end of the shortest order that breaks a rule. (`T*4` stands for four
# moves of T. The times count moves, not microseconds.) Look at what attempt 2 gives, and at the signal.

# %% id="replay"
for line in found.trace().trace.lines()[-8:]:
    print(line)

# %% [markdown] id="replay-answer"
# The signal came when attempt 2 was over, with its page and without RETRY, and before the question was
# asked. Her rule left all the same, and took `mmap_sem` along to user mode. From now on, nobody can change
# the memory of this program: every `mmap` waits for ever. In a real system that moment is a few
# microseconds wide. It will not show up in a test, and it will show up at a customer's.
#
# Now your own rule, in every order:

# %% id="explore-mine"
every_interleaving("S9", Tree.before, handlers={"fault_signal_pending": fault_signal_pending})

# %% [markdown] id="patch"
# ## The real patch: sixteen places, then one line
#
# Before the series, each architecture of Linux had the test in its own code, in its own words. Two patches
# matter here.
#
# **Patch 3**, "mm: introduce fault_signal_pending()" (commit `4ef873226ceb`), gives the test a name and
# uses it in the fault handlers of sixteen architectures. [fact:p03-helper] Five more patches do so for
# others, x86 among them (patch 4). [fact:p04-x86] None of them changes a cell. The function asks for the
# registers (`regs`) and does not look at them yet.
#
# **Patch 9**, "mm: return faster for non-fatal signals in user mode faults", changes one cell, in one
# file, and so in every architecture that uses the function. [fact:p09-any-signal]
#
# ```python
# # patches 3 to 8                      # from patch 9 on
# RETRY and fatal                       RETRY and (fatal or (user_mode(regs) and pending))
# ```
#
# In Linux v5.7 this is `fault_signal_pending` in `include/linux/sched/signal.h`. [fact:signal-fault-test] Is
# patch 9 alone the cause of what you saw? Leave it out of the newer kernel, then put it, alone, on top of the
# older one (the emulator takes along the function that it changes):

# %% id="one-patch"
for tree in (Tree.after - 9, Tree.parse("before+9")):
    counts = run("S9", tree).tasks["T"].counters
    print(f"{tree!s:<9} major {counts['maj_flt']}, minor {counts['min_flt']}")

# %% [markdown] id="faster"
# And what is "faster" about it? The handler need not wait for the *second half* of the fault: take the lock,
# find the [area](term:area), try again. That is not always short. `mmap_sem` may be held by somebody for a
# long time, and the page may be locked again. The wait for the disk is not part of it.

# %% id="numbers-records" tags=["numbers"]
import json
from pathlib import Path

import course

_folder = Path(course.__file__).parents[1] / "tests" / "data" / "records"
_seen = {}
for _name in ("5.4.59", "5.7.14"):
    for _line in (_folder / f"{_name}.jsonl").read_text(encoding="utf-8").splitlines():
        _row = json.loads(_line)
        if (_row["kind"], _row.get("path"), _row.get("event")) == ("slow_file", "readahead", "sig1"):
            _seen[_name] = _row
{
    **{f"min_{key[:3].replace('.', '_')}": row["minflt"] for key, row in _seen.items()},
    **{f"maj_{key[:3].replace('.', '_')}": row["majflt"] for key, row in _seen.items()},
}

# %% [markdown] id="real-kernels"
# ### Do real kernels agree?
#
# Yes. A program read a page of a file from a disk that was slowed down, and got SIGUSR1 while it slept.
# [fact:slow-file-signal]
#
# | kernel | minor faults | major faults |
# |---|---|---|
# | 5.4.59, before the series | {{min_5_4}} | {{maj_5_4}} |
# | 5.7.14, after the series | {{min_5_7}} | {{maj_5_7}} |
#
# That is one [minor fault](term:minor fault) more than the emulator has, on both kernels. It belongs to the
# handler: the kernel writes the registers to T's stack before it calls the handler, and that page of the
# stack was missing. [fact:x86-signal-frame] In both, T was in state D, and the wait was not cut short.

# %% [markdown] id="questions"
# ## Questions
#
# Put a letter between the quotes. Each choice has its own comment.

# %% id="question-io"
answer("07a-io", "")

# %% id="question-counted"
answer("07a-counted", "")

# %% id="question-kernel"
answer("07a-kernel", "")

# %% [markdown] id="recap"
# ## Recap
#
# - A signal shortens no I/O. The wait for a locked page is killable, so only SIGKILL ends it.
# - What a signal changes comes *after* the wait, in **decide**: retry, or leave.
# - Leave only after RETRY, because only then `mmap_sem` is gone. For SIGKILL in both modes; for another
#   signal only if the fault came from user mode. That is one cell more than before patch 9.
# - A fault that is left counts nothing. The access faults again: {{exceptions_after}} exceptions altogether.
#   The one that is counted did not wait, so the major fault vanishes. `pgmajfault` still tells.
# - A signal that is blocked or ignored is not pending, and changes nothing.
# - One run is one order of events. A rule may be wrong in an order that you never tried.
#
# In one sentence of your own: why may a fault from kernel mode not be left for SIGUSR1? (Yours may say: the
# kernel stands in the middle of a copy, and to break it off makes the system call fail.)
#
# Next: you have seen a file. For the wait for a monitor, signals have a history of their own, and a crash
# belongs to it. That is lesson 08.
#
# To write both rules and be sure of every case, do the exercise
# [e01_truth_table](../exercises/e01_truth_table.ipynb).
