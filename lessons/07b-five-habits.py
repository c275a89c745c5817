# ---
# title: Kernel mode, and five habits
# objective: You say of five architectures, for each mode and signal, what a fault that waits does.
# needs: ["07a", "B4"]
# out_of_scope: [get_user_pages, the busy loop of lesson 10, page tables of other processors]
# minutes: 35
# ---

# %% [markdown] id="story"
# ## Story: a program that SIGKILL can't kill
#
# Your backup program runs on two machines: a PC, and a small board with a RISC-V processor. On both it
# calls `write()` with memory that a monitor has to bring. The monitor is slow. You lose patience and send
# SIGKILL, the signal that no program can catch or ignore.
#
# On the PC the program is gone at once. On the board it stays. `ps` does not show it asleep: it is
# *running*, and takes a whole processor. You send SIGKILL again, and again. A minute later the monitor
# brings the page, and in that moment the program is dead.
#
# Both machines run the same version of Linux. The [page fault](term:page fault) goes through the same
# `handle_mm_fault`. What is different is a few lines in a file that each processor architecture has for
# itself.

# %% id="setup"
from course.predictions import answer, fill, predict, reveal
from course.reactions import REPEATING, own_reactions, reaction, reactions, try_reaction
from course.views import counters, ready, timeline
from pyemu import Tree, run

ready()

# %% [markdown] id="predict"
# ## Predict: SIGKILL during a copy of the kernel
#
# Scenario B7 is your board. T calls `write()` with a missing page, and sleeps in the kernel's copy. M, the
# monitor, reads the message, sends SIGKILL to T a moment later, and brings the page after {{comes}}.
#
# In lesson 07a the rule was: after RETRY, with SIGKILL [pending](term:pending signal), the fault is left. So
# the handler of the board leaves. How often does the processor raise a page fault for this one byte, until T
# is dead?

# %% id="predict-kill"
predict("07b-kill", "")

# %% [markdown] id="run"
# ## Run: the board

# %% id="run-kill"
board = run("B7", Tree.after)
n_faults = board.tasks["T"].stats["exceptions"]
print("page faults:", n_faults)
reveal("07b-kill", "one" if n_faults == 1 else "two" if n_faults == 2 else "very many")

# %% [markdown] id="trace"
# ## Trace: leave, and be back
#
# Look at what comes after SIGKILL. Which instruction does T run next?

# %% id="timeline-kill"
timeline(board)

# %% [markdown] id="moment"
# The fault is left, as the rule says. The handler returns. But to where? B1: an exception goes back to
# *where it came from*. That is the kernel's own instruction, and its page is still missing. It faults
# again. SIGKILL is still pending, so this fault is left as well, and so on.
#
# **SIGKILL re-executes one kernel instruction for ever**: as long as the page does not come. T can't die,
# because a task dies on its way back to user mode [fact:signal-delivery], and it never gets there. This is
# a **livelock**: it runs, and gets nowhere.

# %% id="count-kill"
counters(board, run("B7", Tree.parse("v6_12")))

# %% [markdown] id="mechanism"
# ## Mechanism: three ways out, and one circle
#
# After [RETRY](term:VM_FAULT_RETRY) a handler has to **decide**. Does it leave for a signal? Then the mode
# says how.
#
# - **retry**: no reason to leave. **find vma**, **try** again.
# - **return**, from user mode: back to the program. On the way the signal is taken. If the task lives on,
#   it makes its access again, and that is a new fault.
# - **[fixup](term:fixup)**, from kernel mode: go on at the place that the exception table names (bridge B4).
#   The copy ends short, the system call ends, and T dies on its way out.
# - **livelock**: return, though the fault came from kernel mode.
#
# Leaving is no use without a place to go. In user mode there always is one. In kernel mode the handler has
# to look it up.
#
# `reaction` makes one run: T waits for a page from the disk, a signal comes in the middle. It says what the
# handler did.

# %% id="run-two"
print("x86:  ", reaction("x86", "kernel", "SIGKILL"))
print("riscv:", reaction("riscv", "kernel", "SIGKILL"))

# %% [markdown] id="worked"
# ## Worked example: five habits
#
# Linux has a page-fault handler for each of more than twenty architectures, and each was written out by
# hand. [fact:arch-handlers] Here are five of them, as they are in Linux 5.7, and their habits.
# [fact:p03-helper]
#
# 1. **x86** goes to the exception table (`no_context`). [fact:x86-fixup]
# 2. **arm64** does the same in other words.
# 3. **arc** does, too. But it remembers only what the *last* [attempt](term:attempt) gave. [fact:count-arc]
# 4. **riscv** returns. So do twelve more, and a handler of sparc comes to the same in another way.
#    [fact:b7-livelock]
# 5. **um** (Linux as a program under Linux) asks for SIGKILL alone. The series did not convert it, so it
#    never got the rule of patch 9. [fact:p03-helper] [fact:arch-um]
#
# The line of x86, for all cases:

# %% id="show-x86"
reactions("x86")

# %% [markdown] id="gap"
# ## Fill the gap: five architectures
#
# Six words for each: user mode with no signal, SIGUSR1 (which has a handler) and SIGKILL; then kernel mode
# with the same three. The words are `retry`, `return`, `fixup`, `livelock`. x86 is done.

# %% id="own-reactions"
own_reactions(
    x86="retry return return | retry retry fixup",
    arm64="? ? ? | ? ? ?",
    arc="? ? ? | ? ? ?",
    riscv="? ? ? | ? ? ?",
    um="? ? ? | ? ? ?",
)

# %% [markdown] id="gap-text"
# (um has no exception table of this kind. Its copy asks for the page as user mode would, and is told that
# it can't have it. For the system call that is the same.)
#
# And the code? Two lines are missing in the handler of riscv. Complete them.

# %% id="fill-leave"
fill("07b-leave", a="", b="")

# %% [markdown] id="write"
# ## Write it: the rule for all
#
# `my_reaction` gets the architecture, the mode (`"user"` or `"kernel"`) and the signal (`"none"`,
# `"SIGUSR1"`, `"SIGKILL"`). `REPEATING` holds the names of those that only return. One gap, and it needs
# two questions.


# %% id="my-reaction"
def my_reaction(arch, mode, signal):
    if signal == "SIGKILL":
        return "?"  # the gap: which mode? which architecture?
    if signal == "SIGUSR1" and mode == "user":
        return "return"
    return "retry"


# %% [markdown] id="try-text"
# Your rule against the handlers of all architectures that patches 3 to 8 of the series converted:

# %% id="try-reaction"
try_reaction(my_reaction)

# %% [markdown] id="break"
# ## Break it: a driver that lies
#
# Scenario S4 has a driver that is wrong on purpose: it drops the lock and says RETRY, and on the second
# attempt it does so again, although that was not allowed. No driver of Linux does that. Before patch 4 the
# handler of x86 had a line for it, "RETRY, but not allowed: leave". Patch 4 took it out.
#
# Find three trees: one on which the *handler* does nothing wrong, one on which it releases a lock that it
# does not hold, and one on which the second RETRY is as good as the first. ([`I2`](term:I2) and `I6` are
# rules that the driver breaks: RETRY when it was not allowed, and RETRY on a later attempt.) Try `before`, or
# `upto` and a number from `3` to `16`.

# %% id="break-it"
broken = run("S4", Tree.parse("before"))
print("page faults:", broken.tasks["T"].stats["exceptions"])
for violation in broken.violations:
    print(f"{violation.rule}: {violation.text}")

# %% [markdown] id="break-more"
# Does a line that no run can reach have to stay? With it a wrong driver is survived, without it the next
# reader has less to understand. Say what you would have answered in a review.

# %% [markdown] id="patch"
# ## The real patch: five times the same line
#
# Patch 3 wrote the question "RETRY, and is this task being killed?" down once, as a helper, and used it in
# sixteen architectures. [fact:p03-helper] Patches 4 to 8 do the same for five that were a little different.
# In the emulator's words, for x86:
#
# ```python
# if fault_signal_pending(fault, regs):     # patch 4: asked first, and by its name
#     if not user_mode(regs):
#         no_context(...)                   # the fixup
#     return
# ```
#
# | | file of Linux 5.7 | what it really is |
# |---|---|---|
# | patch 4 | `arch/x86/mm/fault.c` | the helper, and the unreachable line goes [fact:p04-x86] |
# | patch 5 | `arch/arc/mm/fault.c` | the helper [fact:p05-arc] |
# | patch 6 | `arch/arm64/mm/fault.c` | the helper [fact:p06-arm64] |
# | patch 7 | `arch/powerpc/mm/fault.c` | the helper, and the same unreachable line goes [fact:p07-powerpc] |
# | patch 8 | `arch/sh/mm/fault.c` | the helper, and a lock that is released twice [fact:p08-sh] |
#
# All five are called clean-ups. Are they? No run can show that *nothing* changes. But the decision is
# small: it takes a fault word, a flag word, a mode and a signal. So write it down before and after each
# patch, and compare over *every* input.

# %% id="prove"
from course.series.decisions import p04_x86, p05_arc, p06_arm64, p07_powerpc, p08_sh
from course.series.proof import prove

for page in (p04_x86, p05_arc, p06_arm64, p07_powerpc, p08_sh):
    proof = prove(page.PAIR)
    print(f"{proof.pair.name}: {proof.n_reachable} inputs, {proof.n_differing} differ")

# %% [markdown] id="prove-text"
# Four are what they say. (For patch 6 this is all the evidence that there is: nothing in a run tells arm64
# before from arm64 after. Both sides were written from the source of 5.6.4 and 5.7.14. [fact:p06-arm64])
# The fifth is not. Run it on the tree before and after patch 8. T makes two bad accesses: beyond the end of
# a file, and to a page of a driver that says SIGSEGV.

# %% id="run-sh"
for tree in ("upto7", "upto8"):
    result = run("S8b", Tree.parse(tree))
    print(result, [violation.rule for violation in result.violations])

# %% [markdown] id="sh-text"
# The outcome is the same, and the lock is released twice each time. From patch 8 on, the handler of sh
# releases [`mmap_sem`](term:mmap_sem) before it looks at the error, and the functions for these two errors
# release it again. What they release then may be somebody else's hold. [fact:b6-sh-double-unlock] It was
# found by *reading*; no one seems to have run into it. It is in Linux 6.12 still.
#
# A second effect can be argued about. T is being killed, and its fault finds no memory:

# %% id="run-oom"
for tree in ("upto7", "upto8"):
    print(tree, "the OOM killer is called:", run("S8a", Tree.parse(tree)).tasks["T"].stats["oom"])

# %% [markdown] id="oom-text"
# Before, sh saw SIGKILL first and told nobody of the error. After, only a RETRY is left for a signal, and
# the **OOM killer**, which looks for a process to end when memory is out, is called for a task that is
# dying already.
#
# And the habit of arc? A fault that waits for the disk:

# %% id="run-arc"
for tree in ("v5_7", "v6_1"):
    print(tree, run("count-arc", Tree.parse(tree)).tasks["T"].counters)

# %% id="numbers" tags=["numbers"]
_old, _new = (run("B7", tree) for tree in (Tree.v5_7, Tree.parse("v6_12")))
_arc = run("count-arc", Tree.v5_7).tasks["T"]
{
    "n_repeating": len(REPEATING),
    "killed_after": f"{_old.trace.select('exit', task='T')[0].t / 1000:.0f} ms",
    "killed_before": f"{_new.trace.select('exit', task='T')[0].t / 1000:.0f} ms",
    "comes": f"{_old.trace.select('uffd')[0].t / 1000:.0f} ms",
    "sent": f"{_old.trace.select('signal_sent')[0].t / 1000:.0f} ms",
    "n_exceptions": _old.tasks["T"].stats["exceptions"],
    "arc_attempts": _arc.stats["attempts"],
}

# %% [markdown] id="real"
# ### What became of it
#
# arc makes {{arc_attempts}} attempts, and the second finds the page: *minor*, says arc, whatever the first
# one waited for. [fact:count-arc] x86 and arm64 remember the first one and say *major*. riscv and um count
# each attempt in Linux 5.7: one major and one minor, for one fault. [fact:count-gated] Since Linux 5.9
# there is one rule, in one place. [fact:count-once]
#
# And your board? In B7, SIGKILL comes after {{sent}}. Linux 5.7 makes {{n_exceptions}} page faults, and T
# is dead after {{killed_after}}, when the page has come. With the fixup it is dead after {{killed_before}}.
# There were {{n_repeating}} such handlers. Two were mended by Linux 6.0; eleven return in 6.2 and run the
# fixup in 6.3; one was gone before. [fact:b7-repaired] The series did not make this mistake. It made it
# easier to see: one helper, and the same wrong line below it, again and again.

# %% [markdown] id="questions"
# ## Questions
#
# Put a letter between the quotes. Each choice has its own comment.

# %% id="question-riscv"
answer("07b-riscv", "")

# %% id="question-x86"
answer("07b-x86", "")

# %% [markdown] id="recap"
# ## Recap
#
# - After RETRY with SIGKILL, user mode returns. Kernel mode must take the fixup.
# - Who only returns from a kernel fault runs the same instruction again: a livelock until the page comes.
# - SIGUSR1 is no reason to leave a kernel fault. It would turn a harmless signal into an error.
# - Same code, five habits: x86 and arm64 with the fixup, arc counts the last attempt, riscv returns, um was
#   never converted.
# - A clean-up that changes nothing can be *proved* by comparing a decision over all inputs. Patch 8 fails
#   that.
#
# In one sentence of your own: why does SIGKILL not end a task at once that is in the kernel?
#
# Next in the course: removing the special case. Find the path of sh by review, and mend it, in the exercise
# [e09_review_sh](../exercises/e09_review_sh.ipynb). Fill the whole table in the exercise
# [x02_five_habits](../exercises/x02_five_habits.ipynb).
