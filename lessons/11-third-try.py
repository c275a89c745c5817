# ---
# title: The third try
# objective: You build a schedule that needs a third attempt, and say which reason each attempt had to wait.
# needs: ["10"]
# out_of_scope: [who writes pages to swap, huge pages, what a signal does here]
# minutes: 25
# ---

# %% [markdown] id="story"
# ## Story: look at `[1]`, and there is no `[1]`
#
# You know the loop of lesson 10: a fault tries as often as it takes. Now imagine that you review it. "As
# often as it takes" is a strong promise. Twice was enough until then. Would three times not do? Who needs
# a *third* [attempt](term:attempt), if the monitor makes no mistake?
#
# The text of patch 13 must have the answer, you think. It says that write-protection needs it, and "look at
# `[1]` below". You scroll down. There is no `[1]`. The reference was lost when the series was rewritten,
# and it was merged so.
#
# It can be found, in the first version of the series, from 2018. It names a commit in somebody's branch,
# `b245ecf6cf59`, that was never merged. [fact:reference-1] You will read what it did at the end. First you
# find the answer yourself: a schedule without any mistake in which two attempts are not enough.

# %% [markdown] id="cast"
# ### Who takes part
#
# A monitor may serve *missing* pages, as in all lessons up to here. It may also ask for **write-protected**
# pages: it marks a page, and a write to it sends a message, although the page is there. A program that
# makes snapshots can learn by this which pages change. It came with Linux 5.7, too, for private memory.
# [fact:uffd-wp-second-reason] [fact:uffd-wp-anonymous-only]
#
# So no release ever had write-protection *and* the older loop. You can have one: `Tree.after - 13` is the
# newer kernel without patch 13, so each fault may wait once. Call it `twice`.

# %% id="setup"
from course.decide import handler_of
from course.predictions import answer, predict, reveal
from course.sketch import sketch
from course.views import ready, side_by_side, stepper
from pyemu import Scenario, Tree, run

twice = Tree.after - 13
ready()

# %% [markdown] id="predict"
# ## Predict: two messages, one write
#
# The first scenario is W3. T writes to a page that is missing. M brings it with the first wake, and brings it
# write-protected, because it wants to hear of each write. It is asked again, and takes the protection away.
# M makes no mistake. How many attempts does T's write need on the newer kernel?

# %% id="predict-w3"
predict("11-w3", "")

# %% [markdown] id="run"
# ## Run: first the kernel that waits once

# %% id="run-twice"
limited = run("W3", twice)
print(limited)

# %% id="run-after"
free = run("W3", Tree.after)
print(free)
reveal("11-w3", str(free.tasks["T"].stats["attempts"]))

# %% [markdown] id="crash"
# A program dies, and nobody has done anything wrong. In lesson 00 you could blame the monitor, because it
# woke without a page. Here it brought the page with the first wake.
#
# ## Trace: two reasons to wait
#
# Compare the two runs. Read what the *second* message says that the first does not.

# %% id="compare"
side_by_side(limited, free)

# %% id="numbers-w3" tags=["numbers"]
_flags = [f"{event.a:#x}" for event in limited.trace.select("attempt")]
{
    "limited_2": _flags[1],
    "n_attempts": free.tasks["T"].stats["attempts"],
    "n_messages": free.tasks["T"].stats["messages_queued"],
    "n_exceptions": free.tasks["T"].stats["exceptions"],
}

# %% [markdown] id="mechanism"
# ## Mechanism: one reason, one wait
#
# An attempt looks at the page and finds *one* reason that it can't go on. It waits until that reason is
# gone, and gives [RETRY](term:VM_FAULT_RETRY). The next attempt looks from the beginning, and may find
# another reason:
#
# 1. **try**, **wait**: the page is missing. M brings it, write-protected.
# 2. **retry**, **try**, **wait**: the page is there, but it is marked, and T writes. M takes the mark away.
# 3. **retry**, **try**: nothing is in the way. Done.
#
# Two reasons make {{n_messages}} messages and {{n_attempts}} attempts, in {{n_exceptions}}
# [page fault](term:page fault). The kernel that waits once runs attempt 2 with {{limited_2}}, without
# [`ALLOW_RETRY`](term:FAULT_FLAG_ALLOW_RETRY). It has found a second reason, and may not wait for it.
#
# The rule behind it: **attempts = reasons one after the other, and one more**. So the question "is twice
# enough?" means: can a fault ever have two reasons?

# %% [markdown] id="worked"
# ## Worked example: the swapped page
#
# W3 needs a monitor that does two things at once. The text of patch 13 has a case in mind that looks more
# common. A page is write-protected, and has been **swapped out**: written to a disk, to make room. T writes
# to it.
#
# Reason one: the page has to be read from the disk, and is locked meanwhile. Reason two: it is
# write-protected. So three attempts, in one fault? Here it is, in a program that has no child.

# %% id="predict-alone"
predict("11-alone", "")

# %% id="run-alone"
alone = run("W1-exclusive", Tree.after)
print(alone)
for event in alone.trace.select("exception", "attempt", "attempt_end", "message", "disk", task="T"):
    print(event.t, "us:", event.text)

# %% id="reveal-alone"
longest = max(int(event.b) for event in alone.trace.select("attempt", task="T"))
reveal("11-alone", f"{longest} in its longest fault")

# %% id="numbers-alone" tags=["numbers"]
{
    "alone_exceptions": alone.tasks["T"].stats["exceptions"],
    "alone_attempts": alone.tasks["T"].stats["attempts"],
}

# %% [markdown] id="alone-text"
# {{alone_attempts}} attempts, but in {{alone_exceptions}} page faults, and each of them is content with two.
# What happened? Attempt 2 found the page in memory. Nobody else uses it, so the kernel mapped it then and
# there, read-only because of the mark, and was *done*. [fact:swap-exclusive-write] T made its write again,
# and that was a second exception, with a fresh budget (lesson 06).
#
# The case of the patch's text does not need a third attempt! Not so. What if the page has to be copied
# anyway? After a `fork()`, parent and child share their pages, swapped or not, and a write must make a copy
# (lesson 03). Then the attempt can't be content with mapping the page. It goes on to the write itself, in the
# same attempt. [fact:swap-in]

# %% id="predict-shared"
predict("11-shared", "")

# %% id="run-shared"
shared = run("W1", Tree.after)
for event in shared.trace.select("exception", "attempt", "attempt_end", "message", task="T"):
    print(event.t, "us:", event.text)
longest = max(int(event.b) for event in shared.trace.select("attempt", task="T"))
reveal("11-shared", f"{longest} in its longest fault")

# %% [markdown] id="shared-text"
# There it is: the disk, then the mark, then done. All in one fault. [fact:third-attempt] And the kernel that
# waits once?

# %% id="run-shared-twice"
killed = run("W1", twice)
print(killed)
print("messages:", killed.tasks["T"].stats["messages_queued"])

# %% [markdown] id="shared-twice-text"
# SIGBUS, and the monitor has *never heard of it*. The one wait was used up by the disk. From the outside, a
# program dies of a good page, sometimes, when memory is short and it has forked. Good luck with that report.
#
# The stepper shows W1 on both kernels. At which event does the second reason show, and what does each kernel
# do about it?

# %% id="stepper"
stepper(killed, shared)

# %% [markdown] id="write"
# ## Write it: your own third attempt
#
# Now build one. The [area](term:area) is served for both reasons, and T writes to page `1`, which is missing.
# You write M's steps. Beside those of lesson 05 you have these:
#
# - `copy it protect=yes` brings the page of the last message, write-protected.
# - `writeprotect it protect=no` takes the mark away, and wakes.
# - `wake it` only wakes.
#
# Find steps with which T's write needs exactly three attempts, and succeeds on the newer kernel. There are
# several ways.

# %% id="my-schedule"
my_monitor = "wait_message; copy it"
mine = sketch("mine", served="missing+wp", T="write 1", M=my_monitor)
result = run(mine, Tree.after)
print(result, "in", result.tasks["T"].stats["attempts"], "attempts.", result.end_text)
print(run(mine, twice))

# %% [markdown] id="break"
# ## Break it: three times, and no more
#
# Back to the review. There are two reasons to wait, so should three attempts not be enough for everybody?
# Here is that kernel: the first two attempts may wait, the third may not.

# %% id="one-try"
from pyemu.stubs import down_read, find_vma, handle_mm_fault


async def one_try(mm, address, flags):
    await down_read(mm)
    vma = await find_vma(mm, address)
    return await handle_mm_fault(vma, address, flags)


# %% id="at-most-three"
from pyemu.flags import FAULT_FLAG_ALLOW_RETRY, FAULT_FLAG_TRIED, VM_FAULT_RETRY


async def at_most_three(mm, regs, address, flags):
    fault = await one_try(mm, address, flags)
    for allowed in (FAULT_FLAG_ALLOW_RETRY, 0):
        if fault & VM_FAULT_RETRY:
            again = flags & ~FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_TRIED | allowed
            fault = await one_try(mm, address, again)
    return fault


# %% id="try-three"
for scenario in ("W3", "W1", mine):
    print(run(scenario, Tree.after, handler_of(at_most_three)))

# %% [markdown] id="break-task"
# It serves W3, W1 and yours. **Your turn.** Go back to `my_monitor` and write steps with which this kernel
# kills T, while the newer kernel serves it. Do it without a wake that brings nothing: each of M's answers
# shall do something for T. (Hint: a page that was unprotected can be protected again, before T looks.
# `writeprotect it protect=yes` marks a page, and `wake=no` keeps the wake for later.)
#
# Then look at how M of the scenario W2 does it:

# %% id="run-w2"
print(Scenario.load("W2").story)
for tree, handlers in ((Tree.after, None), (Tree.after, handler_of(at_most_three))):
    again = run("W2", tree, handlers)
    print(again, "in", again.tasks["T"].stats["attempts"], "attempts")

# %% [markdown] id="break-text"
# A fault is not alone in the world. While it sleeps, others change what it will find. Each time it looks, it
# may find a reason that was not there before. So there is no number that is enough. The monitor can make it
# wait as often as it likes, and that is its right: it is *its* memory. What keeps T from being stuck is
# something else. Each round waits for something (lesson 10), and each sleep can be ended by a signal.
#
# ## The real patch: what `[1]` was
#
# The lost reference went the way of the careful reviewer. It left twice-only in place, and gave the
# [userfaultfd](term:userfaultfd) *one retry of its own*: with a second permission, `ALLOW_UFFD_RETRY`, and a
# second answer, `VM_FAULT_UFFD_RETRY`, for the case that a [page lock](term:page lock) had used up the first
# one. Three attempts, and no more. [fact:reference-1] It serves W1. Of W2 you know what it would do.
#
# Patch 13 (commit `4064b9827063`, Linux 5.7) did not add a permission. It took a limit away: `ALLOW_RETRY` is
# never cleared, and [`TRIED`](term:FAULT_FLAG_TRIED) alone tells a first attempt from a later one.
# [fact:p13-multi-retry] [fact:flag-tried-5-7] The lesson for your own code: when one rule ("twice only") is
# too strict for one user, ask what the rule was *for* before you add an exception to it. It was for page
# locks, to make sure that such a fault ends. That care moved to the waits for page locks, and nobody else
# needs the limit. [fact:invariant-progress]
#
# W1 and W3 were run on one real kernel, a 5.7.14 in which single patches could be switched off. The outcomes
# are those of the emulator: three attempts with patch 13, SIGBUS without, and no message in W1.
# [fact:third-attempt] On that kernel, too, the page without a child showed two faults of two attempts.

# %% [markdown] id="questions"
# ## Questions
#
# Put a letter between the quotes. Each choice has its own comment.

# %% id="question-attempts"
answer("11-attempts", "")

# %% id="question-rules"
answer("11-rules", "")

# %% [markdown] id="recap"
# ## Recap
#
# - An attempt finds one reason to wait, waits, and gives RETRY. The next one looks from the beginning.
# - Attempts are the reasons one after the other, and one more.
# - A page can be missing *and* write-protected, or on the disk *and* write-protected. Then a fault needs
#   three attempts, although nobody makes a mistake.
# - If the kernel can map the page and be done, it is: the second reason comes in a second fault, with a fresh
#   budget. Only a page that must be copied shows both reasons in one.
# - No fixed number is enough, because the reasons can come again while the fault sleeps.
#
# In one sentence of your own: why does W1 need the child?
#
# Next: faults that the kernel makes for somebody else, and what "locked" says (lesson 12a). When you know
# lesson 13 too: break five faulty handlers, in the exercise [h04_break_it](../exercises/h04_break_it.ipynb).
