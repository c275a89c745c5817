# %% [markdown] id="story"
# The same `handle_mm_fault`, and more than twenty fault handlers around it, one for each architecture, all
# written out by hand. [fact:arch-handlers] Patches 3 to 8 of the series put one line into most of them.
# [fact:p03-helper] Patch 9 then changed what this line means. [fact:p09-any-signal] Which handler did what
# before, and which did it after?

# %% id="imports"
from course import check, hint
from course.views import ready
from pyemu import Tree, run
from pyemu.stubs import *

ready()

# %% [markdown] id="crash"
# ## First, the crash
#
# T calls `write()` with a page that a monitor has to bring, and gets SIGKILL while it waits. On riscv. Look
# at the number of page faults for this one page. [fact:b7-livelock]

# %% id="run-b7"
for tree in (Tree.before, Tree.after):
    result = run("B7", tree)
    print(result, "-", result.tasks["T"].stats["exceptions"], "page faults")

# %% [markdown] id="task"
# SIGKILL did not end it, before the series nor after. Other architectures are better off.
#
# ## Your part
#
# **Reactions.** A fault waits for a page from the disk, and a signal comes in the middle. What does the
# handler do then? `reaction_of` gives one of four words:
#
# | word | it means |
# |---|---|
# | `"retry"` | the handler makes another attempt |
# | `"return"` | it goes back to user mode, where the signal is taken |
# | `"fixup"` | kernel code gives its access up, and goes on elsewhere |
# | `"livelock"` | kernel code makes the same access again and again |
#
# It gets `arch` (`"x86"`, `"arm64"`, `"powerpc"`, `"arc"`, `"riscv"` or `"um"`), `mode` (`"user"` or
# `"kernel"`), `signal` (`"none"`, `"SIGUSR1"`, which has a handler, or `"SIGKILL"`) and `patches`: how many
# patches of the series are applied, `0` to `16`. You may write a table, or a rule.
#
# (um has no exception table of this kind. Its copy asks for the page as user mode would, and is told that it
# can't have it. For the system call that is the same, so call it `"fixup"`. [fact:arch-um])

# %% id="reactions" tags=["answer"]
def reaction_of(arch, mode, signal, patches):
    """Say what a handler does in a fault that waits: "retry", "return", "fixup" or "livelock"."""
    ### BEGIN SOLUTION
    if signal == "none":
        return "retry"
    if signal == "SIGUSR1":
        asks_the_helper = arch != "um"
        return "return" if mode == "user" and asks_the_helper and patches >= 9 else "retry"
    if mode == "user":
        return "return"
    return "livelock" if arch == "riscv" else "fixup"
    ### STUB
    # raise NotImplementedError("no reaction yet")
    ### END SOLUTION


# %% [markdown] id="counters-text"
# **Counters.** One fault waits for the disk in attempt 1, which gives `RETRY` and `MAJOR`, and finds its page
# in attempt 2. No signal comes. `counts_of` gives `maj_flt, min_flt`, for each of the six architectures.
# [fact:count-x86-own] [fact:count-arc] [fact:count-gated]

# %% id="counters" tags=["answer"]
def counts_of(arch, patches):
    """Give (maj_flt, min_flt) of one fault that waited for the disk."""
    ### BEGIN SOLUTION
    if arch == "arc":
        return 0, 1
    if arch in ("riscv", "um") and patches >= 13:
        return 1, 1
    return 1, 0
    ### STUB
    # raise NotImplementedError("no counters yet")
    ### END SOLUTION


# %% [markdown] id="others-text"
# **Four more.** Put your answers in the place of `None`.
#
# - `sh`: a fault ends in SIGBUS. How often does the handler release `mmap_sem`, before patch 8, and with it?
#   A pair of numbers. The scenario S8b shows it.
# - `csky`: a fault waits for the disk. How many attempts does csky make, with all patches? A number.
#   [fact:arch-handlers]
# - `alpha`: a fault makes a second attempt. Does that one have `FAULT_FLAG_TRIED`, before patch 13, and with
#   it? A pair of `True` or `False`.
# - `order`: patches 3 to 8, in an order in which each of them finds what it needs. A list of six numbers.

# %% id="others" tags=["answer"]
OTHERS = {
    ### BEGIN SOLUTION
    "sh": (1, 2),
    "csky": 1,
    "alpha": (False, True),
    "order": [3, 4, 5, 6, 7, 8],
    ### STUB
    # "sh": None,
    # "csky": None,
    # "alpha": None,
    # "order": None,
    ### END SOLUTION
}

# %% id="stuck" tags=["scratch"]
hint("x02_five_habits")

# %% [markdown] id="check-text"
# ## Six checks
#
# Run your three cells first. Each check asks them in a process of its own, and runs the emulator for what is
# right. What is shown below a check before you run it is the verdict on a right answer.

# %% id="user" tags=["check"]
check("x02_five_habits", "user")

# %% id="kernel" tags=["check"]
check("x02_five_habits", "kernel")

# %% id="counts" tags=["check"]
check("x02_five_habits", "counts")

# %% id="sh" tags=["check"]
check("x02_five_habits", "sh")

# %% id="two" tags=["check"]
check("x02_five_habits", "two")

# %% id="order" tags=["check"]
check("x02_five_habits", "order")

# %% [markdown] id="sum"
# ## All together
#
# When every check passes, this cell says why, and which change it was.

# %% id="all" tags=["scratch"]
check("x02_five_habits")

# %% [markdown] id="try"
# ## Your own runs
#
# `reaction` makes one run, on any architecture and tree. mips, arm, s390: whose habit do they have?

# %% id="play" tags=["scratch"]
# from course.reactions import reaction
# print(reaction("mips", "kernel", "SIGKILL", Tree.upto(8)))
