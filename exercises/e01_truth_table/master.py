# %% [markdown] id="story"
# A task waits for a page. A signal comes. Shall the kernel go on with the fault, or leave it? Before Linux
# v5.7, each of more than twenty architectures answered that in words of its own. Two patches of the series
# changed it. Patch 3 wrote the question down once, as a function. [fact:p03-helper] Patch 9 changed one cell
# of its table. [fact:p09-any-signal]
#
# You write both rules: what the function decides up to patch 8, and what it decides from patch 9 on.

# %% id="imports"
from course import check, hint
from course.views import ready
from pyemu import Tree, run
from pyemu.stubs import *

ready()

# %% [markdown] id="crash"
# ## First, the crash
#
# A rule that is almost right does harm where nobody looks. This one leaves a fault for any signal. In the
# scenario **S12**, T calls `write` with a page that is missing, and SIGUSR1 arrives, which has a handler.

# %% id="run-eager"
async def too_eager(fault, regs):
    return bool(fault & VM_FAULT_RETRY) and await signal_pending(current)


print(run("S12", Tree.before))
print(run("S12", Tree.before, {"fault_signal_pending": too_eager}))

# %% [markdown] id="task"
# A harmless signal, and `write` fails with EFAULT. So the rule has to ask for more.
#
# ## Your part
#
# Fill in two plain functions: no `async`, no `await`. `patch_3` is the rule of patches 3 to 8, `patch_9` the
# rule from patch 9 on. Each returns `True` to leave the fault, `False` to stay. (What Python takes for true
# or false will do as well, such as a list or a set; `None` is to stay. A text won't do: to Python, "stay" is
# true.)
#
# | you get | it is |
# |---|---|
# | `fault` | what the attempt gave, a number: test a bit of it, such as `VM_FAULT_RETRY`, with `&` |
# | `mode` | `"user"` or `"kernel"`: where the fault came from |
# | `signals` | what was *sent* to the task: a tuple of pairs like `("SIGUSR1", "handler")`, or an empty one |
#
# An error, such as `VM_FAULT_SIGBUS`, is final and never comes with RETRY.
#
# The second half of a pair says how the task treats that signal: `"handler"`, `"blocked"`, `"ignored"`, or
# `"default"`. Not all that was sent is **pending**. [fact:signal-pending]
#
# Here SIGKILL and SIGSTOP always come with `"default"`, alone or beside others. (SIGSTOP stops a task until
# SIGCONT comes.) Any other signal comes with `"handler"`, `"blocked"` or `"ignored"`.
#
# Why never with its default? That is settled when the signal is sent, so you need not code it. By default
# SIGCHLD is dropped, [fact:signal-default-ignored] and where SIGTERM with its default ends the task, the
# kernel sends SIGKILL. [fact:signal-group-fatal]
#
# Helper functions go into this cell, too. If you are stuck, `hint("e01_truth_table", 1)` gives a nudge; 2 and
# 3 say more.

# %% id="rules" tags=["answer"]
def patch_3(fault, mode, signals):
    """Say whether the fault is left, by the rule of patches 3 to 8."""
    ### BEGIN SOLUTION
    return bool(fault & VM_FAULT_RETRY) and "SIGKILL" in pending(signals)
    ### STUB
    # raise NotImplementedError("the rule of patch 3 is still empty")
    ### END SOLUTION


def patch_9(fault, mode, signals):
    """Say whether the fault is left, by the rule from patch 9 on."""
    ### BEGIN SOLUTION
    if not fault & VM_FAULT_RETRY:
        return False
    return "SIGKILL" in pending(signals) or (mode == "user" and bool(pending(signals)))


def pending(signals):
    """Give the names of those signals that the task would take."""
    return [name for name, how in signals if how not in ("blocked", "ignored")]
    ### STUB
    # raise NotImplementedError("the rule of patch 9 is still empty")
    ### END SOLUTION

# %% id="stuck" tags=["scratch"]
hint("e01_truth_table")

# %% [markdown] id="over"
# ## A fault that is over
#
# Each check calls your functions in a process of its own. If a check shows a result before you run it, that
# is the result of a right answer: run the cell to see yours. The first check asks about faults *without*
# `VM_FAULT_RETRY`, and in between about some with it.

# %% id="retry" tags=["check"]
check("e01_truth_table", "retry")

# %% [markdown] id="twelve"
# ## A fault that waited
#
# Now `VM_FAULT_RETRY` is set, in both modes: with no signal, with one or two that have a handler, whatever
# their names, and with SIGKILL, alone or beside another. Where two were sent, they come in either order.
# Patch 3 is asked about SIGSTOP as well.

# %% id="p3" tags=["check"]
check("e01_truth_table", "p3")

# %% [markdown] id="nine"
# The same faults, by the rule of patch 9. SIGSTOP comes in the last check.

# %% id="p9" tags=["check"]
check("e01_truth_table", "p9")

# %% [markdown] id="pending"
# ## What counts as pending
#
# The last check sends signals that are treated in more ways, and up to three of them. It asks both rules.

# %% id="control" tags=["check"]
check("e01_truth_table", "control")

# %% [markdown] id="sum"
# ## All together
#
# When every check passes, this cell says why the kernel does it so, and which change did it.

# %% id="all" tags=["scratch"]
check("e01_truth_table")

# %% [markdown] id="try"
# ## Your own questions
#
# Ask your rules what you like, and the emulator whether a run agrees.

# %% id="play" tags=["scratch"]
# print(patch_9(VM_FAULT_RETRY, "user", (("SIGUSR1", "handler"),)))
# print(run("S9", Tree.upto(9)).trace)
