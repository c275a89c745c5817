# ---
# title: Flags with names
# objective: You tell a refactoring that is proven from one that is claimed, and find the caller that it hits.
# needs: [07b, "08"]
# out_of_scope: [what happens when the second attempt may wait again, why the busy loop of later kernels]
# minutes: 30
# ---

# %% [markdown] id="story"
# ## Story: Ctrl-Z, and a bad address
#
# You hunt for a bug in a long row of patches. Halve the row, build the kernel in the middle, try, halve
# again: that is **bisecting**. One of the kernels that you build on the way is number twelve of the sixteen
# patches of this course. You try your backup program on it, which writes memory to a file. Something takes
# long, so you press Ctrl-Z, have a look, and type `fg`.
#
# *backup: write: Bad address.*
#
# The address is fine. The program has run for years. You look at the patch on top, number twelve. Its text
# says: **no functional change**.
#
# Somebody is wrong: you, or the text. This lesson is about a question that comes up in every review: how do
# you *know* that a change changes nothing?

# %% [markdown] id="cast"
# ### Who takes part
#
# ```c
# /* T: the backup */             /* M: the monitor, and your keys */
# write(fd, page, 4096);          read message; SIGSTOP; SIGCONT; bring the page
# ```
#
# T calls `write`, and *the kernel* reads T's page for it: a **kernel copy**. The page is missing and
# belongs to a [userfaultfd](term:userfaultfd), so the fault of the copy waits for M. Meanwhile T is stopped
# and continued. The scenario is called 12-and-13.

# %% id="setup"
from course.decide import callers, every_word, try_sleep
from course.predictions import answer, fill, predict, reveal
from course.series.pairs import PAIRS
from course.series.proof import prove
from course.views import ready, side_by_side, stepper
from pyemu import Tree, run
from pyemu.flags import FAULT_FLAG_INTERRUPTIBLE, FAULT_FLAG_KILLABLE, FAULT_FLAG_USER

ready()

# %% [markdown] id="predict"
# ## Predict: a stop in the middle of write()

# %% id="predict-stop"
predict("09-stop", "")

# %% [markdown] id="run"
# ## Run: eleven patches, twelve patches

# %% id="run-both"
eleven = run("12-and-13", Tree.upto(11))
twelve = run("12-and-13", Tree.upto(12))
print(eleven)
print(twelve)
reveal("09-stop", twelve.tasks["T"].outcome)

# %% [markdown] id="crash"
# You are right, and the text is wrong. The same program, the same page, the same keys: with eleven patches
# `write` gives `4096`, and with twelve it gives EFAULT, "bad address".

# %% [markdown] id="trace"
# ## Trace: two differences, and one consequence
#
# Two lines are marked with `≠`. Find them. The first is in a flag word, the second in a letter. What does the
# second one have to do with the first?

# %% id="compare"
side_by_side(eleven, twelve)

# %% [markdown] id="trace-text"
# Read down the right side.
#
# 1. **try**: [attempt](term:attempt) 1 carries a flag more, [`INTERRUPTIBLE`](term:FAULT_FLAG_INTERRUPTIBLE).
# 2. **wait**: T sleeps in state S, not D. S is a sleep that any signal ends.
# 3. **wake**: SIGSTOP ends it. On the left T does not even notice.
# 4. **decide**: [RETRY](term:VM_FAULT_RETRY), and a signal is [pending](term:pending signal). But the fault
#    comes from *kernel mode*, so it is not left (lesson 07a). The kernel retries.
# 5. **retry**: attempt 2 has lost [`ALLOW_RETRY`](term:FAULT_FLAG_ALLOW_RETRY), as always before patch 13. It
#    may not wait: SIGBUS. For a kernel copy that means: go on at the [fixup](term:fixup), and tell `write`
#    that the address is bad.
#
# Nothing of this is new to you. The pieces were there. Only the *first* was missing until patch 12: a sleep
# from which a kernel copy can be woken by any signal.

# %% id="stepper"
stepper(eleven, twelve)

# %% [markdown] id="mechanism"
# ## Mechanism: three patches about names
#
# Three patches of the series are about how flags are *called*. Each is meant to change nothing: a
# **refactoring**.
#
# - **Patch 11** finds the same two flags, `ALLOW_RETRY` and [`KILLABLE`](term:FAULT_FLAG_KILLABLE), in the
#   fault handler of nearly every architecture. It gives the pair a name,
#   [`FAULT_FLAG_DEFAULT`](term:FAULT_FLAG_DEFAULT). [fact:p11-default]
# - **Patch 12** finds an odd test in `handle_userfault`: "sleep interruptibly if `USER` and `KILLABLE` are
#   set". What it *means* is: "if a signal may end this". So it invents a flag that says that,
#   `INTERRUPTIBLE`, lets the sleep ask for it, and puts it into `FAULT_FLAG_DEFAULT`.
#   [fact:p12-interruptible]
# - **Patch 16** finds that the other sleep is [killable](term:TASK_KILLABLE) even if nobody has set
#   `KILLABLE`. It lets that flag decide, too. [fact:p16-honour-killable]
#
# All three make the code say what it means. That is worth something. Are all three refactorings?

# %% [markdown] id="worked"
# ## Worked example: what "nothing changes" would mean
#
# A refactoring is a claim about *every input*: for each one, the code decides after the change as it did
# before. The decision here is small. In goes a flag word, out comes one of three sleeps:
#
# - **[interruptible](term:TASK_INTERRUPTIBLE)** (state S): every signal ends it.
# - **killable** (state D): only SIGKILL ends it.
# - **[uninterruptible](term:TASK_UNINTERRUPTIBLE)** (state D as well): no signal ends it.
#
# So few inputs can be tried one by one. Six flags may be set or clear beside `ALLOW_RETRY`, and
# `every_word` tries all of them on two trees, with the emulator's own code. It starts with patch 11.

# %% id="words-11"
every_word(Tree.upto(10), Tree.upto(11))

# %% [markdown] id="words-11-text"
# Not one. And do all callers still pass the same words? `callers` runs the four that can come to a
# userfaultfd, and reads the flag word of their first attempt from the trace. (`get_user_pages` is how the
# kernel gets hold of pages for others: lesson 12b.)

# %% id="callers-11"
callers(Tree.upto(10), Tree.upto(11))

# %% [markdown] id="proven"
# Same decision for every word, same words from every caller. That is a **proof**: patch 11 changes nothing.

# %% [markdown] id="predict-callers-text"
# Now patch 12. It changes *both*: the decision, and what callers pass. Which caller gets another sleep?

# %% id="predict-caller"
predict("09-caller", "")

# %% id="callers-12"
callers(Tree.upto(11), Tree.upto(12))

# %% id="reveal-caller"
kernel_copy = twelve.trace.select("sleep", task="T")[0]
changed = kernel_copy.a != eleven.trace.select("sleep", task="T")[0].a
reveal("09-caller", "a kernel copy" if changed else "none")

# %% [markdown] id="caller-text"
# There is your bug, in one line of a table. For a program's own reads and writes the two changes cancel
# out: `USER` and `KILLABLE` before, `INTERRUPTIBLE` now, the same sleep. A kernel copy never had `USER`.
# But it starts with `FAULT_FLAG_DEFAULT` like all the others, and so `INTERRUPTIBLE` comes along.
#
# Whoever checked patch 12 by reading a page in a program, sending signals, and counting, saw no change. The
# line that nobody looked at is a system call.

# %% [markdown] id="words-12-text"
# And over every word?

# %% id="words-12"
every_word(Tree.upto(11), Tree.upto(12))

# %% [markdown] id="words-12-result"
# That alone would not be a mistake. Half of all words get another sleep, and that is the purpose: from now
# on another flag decides. It is the *pair* that must fit, what is passed and what is asked. So there are
# two ways to prove a refactoring: the decision is the same for every input, or it is the same for every
# input that some caller passes, and you have found *all* callers.

# %% [markdown] id="gap"
# ## Fill the gap: the flag says, the sleep does
#
# Two notions are easily mixed up: who faulted, and what may end the sleep.

# %% id="fill-axes"
fill("09-axes", a="", b="", c="")

# %% [markdown] id="write"
# ## Write it: the decision, three times
#
# This is the decision up to patch 11. All words agree. Write it down for the two other trees, in the place of
# the question marks. From patch 16 on a sleep is killable only if a flag says so.

# %% id="my-sleep-11"
def my_sleep_11(flags):
    if flags & FAULT_FLAG_USER and flags & FAULT_FLAG_KILLABLE:
        return "interruptible"
    return "killable"


try_sleep(my_sleep_11, Tree.upto(11))

# %% id="my-sleep-12"
def my_sleep_12(flags):
    if flags & FAULT_FLAG_INTERRUPTIBLE:
        return "?"
    return "?"


try_sleep(my_sleep_12, Tree.upto(12))

# %% id="my-sleep-16"
def my_sleep_16(flags):
    if flags & FAULT_FLAG_INTERRUPTIBLE:
        return "?"
    if flags & FAULT_FLAG_KILLABLE:
        return "??"
    return "???"


try_sleep(my_sleep_16, Tree.upto(16))

# %% [markdown] id="patch-16"
# And patch 16, is it a refactoring?

# %% id="words-16"
every_word(Tree.upto(15), Tree.upto(16))
callers(Tree.upto(15), Tree.upto(16))

# %% [markdown] id="patch-16-text"
# For some words the sleep is another one. No caller passes any of them, in this table. But are these four
# *all* callers? No program tells you that. You have to read. One more makes faults with `ALLOW_RETRY`
# alone: `khugepaged`, which collects small pages into huge ones. It does so only for pages that are swapped
# out, and never comes to a userfaultfd. [fact:khugepaged] The others set `KILLABLE`, or may not wait at
# all. [fact:p16-honour-killable] With the list complete, patch 16 is proven.
#
# The course has such proofs for all patches that are meant to change nothing, over more inputs than here:

# %% id="proofs"
for n in (11, 16):
    proof = prove(PAIRS[n])
    print(f"patch {n}: {proof.n_inputs} inputs, {proof.n_differing} that can happen differ;", proof.holds)

# %% [markdown] id="break"
# ## Break it: a proof with a premise taken away
#
# The proof for patch 16 says "no caller passes such a word". That is a premise, and a premise may be wrong
# in another tree. Find a patch that must not be missing. `get_user_pages` is a good place to look: which
# flag does it pass in the table for patch 16 that it did not pass in the one for patch 12? Patch 15 gave it
# that flag.

# %% id="break-premise"
every_word(Tree.after - (15, 16), Tree.after - 15)

# %% id="break-kill"
for tree in (Tree.after - (15, 16), Tree.after - 15, Tree.after):
    killed = run("15-before-16", tree).trace.select("exit", task="T")[0]
    print(f"{tree!s:<9} T is killed at {killed.t // 1000} ms")

# %% [markdown] id="break-text"
# SIGKILL is sent at `30` ms. Without patch 15, patch 16 makes a task that nothing can kill until its page
# comes: the same patch, proven harmless a moment ago. **A refactoring is a property of a patch in its
# place.** That is why patch 15 stands before patch 16.
#
# Now try it the other way round. Which patches must be taken out, or which repaired, so that `write`
# survives a stop again? Change the list:

# %% id="break-trees"
for tree in (Tree.upto(12), Tree.upto(13), Tree.after - (12, 16)):
    print(run("12-and-13", tree), "-", run("12-and-13", tree).tasks["T"].stats["attempts"], "attempts")

# %% [markdown] id="patch"
# ## The real patch: what its text said
#
# Patch 12 is commit `c270a7eedcf2`, "mm: introduce FAULT_FLAG_INTERRUPTIBLE". In the emulator's words, the
# test in `fs/userfaultfd.c`:
#
# ```python
# # up to patch 11                              # from patch 12 on
# flags has USER and flags has KILLABLE         flags has INTERRUPTIBLE
# ```
#
# Its text says that no functional change is expected. [fact:p12-claim] The claim is *almost* true: three
# callers of four. And in the released kernel the EFAULT is gone again, because with patch 13 the second
# attempt may give RETRY as well. Something else comes in its place: look at the number of attempts in the
# last cell. It was reported five years later. [fact:b5-busy-loop] That is lesson 10.

# %% [markdown] id="real"
# ### Do real kernels agree?
#
# Nobody ever released a kernel with twelve of the sixteen patches. So there is a 5.7.14 in which single
# patches can be switched off, and a program that stops and continues a task during `write`. With eleven
# patches it gives the full count, with twelve EFAULT. [fact:p12-without-p13] The letter changes as in your
# trace: without a signal, a kernel copy sleeps in D up to patch 11, and in S from patch 12 on.
# [fact:uffd-kernel-sleep-letter]

# %% [markdown] id="questions"
# ## Questions

# %% id="question-copy"
answer("09-copy", "")

# %% id="question-says"
answer("09-says", "")

# %% id="question-proof"
answer("09-proof", "")

# %% [markdown] id="recap"
# ## Recap
#
# - "No functional change" is a claim about every input. A small decision can be tried on all of them.
# - Prove the decision *and* what the callers pass. If both change, the pair must fit for each caller.
# - Patch 11 changes nothing: same decision, same words. Patch 16 changes nothing, as long as patch 15 is
#   there.
# - Patch 12 changes kernel copies: the sleep becomes interruptible, though the fault can't be left for a
#   signal. With twelve patches a stop, or any handled signal, turns `write` into EFAULT.
# - `INTERRUPTIBLE` says what may end the sleep. `USER` says who faulted. They are two things.
#
# In one sentence of your own: why did tests in user mode not find it?
#
# Next: patch 13, and what becomes of the kernel copy. To prove that nothing can be seen of a patch,
# of four patches, is the exercise [e10_nothing_to_see](../exercises/e10_nothing_to_see.ipynb);
# its first part needs lesson 12a.
