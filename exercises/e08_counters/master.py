# %% [markdown] id="story"
# Four machines run one program, and a graph shows the page faults of each. The graphs don't agree. No machine
# is slower, and no kernel is broken. Each counts by a rule of its own: which attempts count, and what makes a
# fault **major**.
#
# You write these rules down, each as a function of the same thing: the attempts of one fault.

# %% id="imports"
from course import check, hint
from course.views import ready
from pyemu import Tree, run
from pyemu.stubs import *

ready()

# %% [markdown] id="crash"
# ## First, the crash
#
# T reads a page that the disk has to bring. This is one fault. Here is what `min_flt` and `maj_flt` say of
# it, on two architectures and three kernels.

# %% id="run-three"
for name in ("count-arc", "count-riscv"):
    for tree in ("before", "v5_7", "v5_10"):
        counters = run(name, Tree.parse(tree)).tasks["T"].counters
        print(f"{name:<12} {tree:<7} minor {counters['min_flt']}  major {counters['maj_flt']}")

# %% [markdown] id="one-fault"
# One minor, one major, or one of each. And here is what happened, on riscv with Linux 5.7:

# %% id="run-one"
trace = run("count-riscv", Tree.v5_7).trace
for event in trace.select("attempt", "attempt_end", "counter", "disk", task="T"):
    print(event.text)

# %% [markdown] id="task"
# ## Your part
#
# Each function gets `attempts`: three numbers for each attempt, in order.
#
# | number | it is |
# |---|---|
# | flags | what went in: bits such as `FAULT_FLAG_ALLOW_RETRY`, `FAULT_FLAG_TRIED` |
# | bits | what came out: bits such as `VM_FAULT_RETRY`, `VM_FAULT_MAJOR`; `VM_FAULT_ERROR` holds all errors |
# | reads | how many reads from a disk this attempt began: 0 or 1 |
#
# The fault above is `((0x254, VM_FAULT_RETRY | VM_FAULT_MAJOR, 1), (0x274, VM_FAULT_NOPAGE, 0))`. If the last
# attempt gives `VM_FAULT_RETRY`, a signal ended the fault: it was left.
#
# | function | gives | whose rule |
# |---|---|---|
# | `count_x86(attempts)` | `maj_flt, min_flt` | x86, arm64, powerpc up to Linux 5.8 [fact:count-x86-own] |
# | `count_arc(attempts)` | `maj_flt, min_flt` | arc up to Linux 5.8 [fact:count-arc] |
# | `count_gated(attempts)` | `maj_flt, min_flt` | riscv and many others up to Linux 5.8 [fact:count-gated] |
# | `count_since_5_9(attempts, regs)` | `maj_flt, min_flt, perf` | all since Linux 5.9 [fact:count-once] |
# | `vmstat_5_7(attempts)` | `pgfault, pgmajfault` | `/proc/vmstat` in Linux 5.7 [fact:count-pgmajfault] |
#
# `perf` is how many events perf hears of (`minor-faults` and `major-faults` together). `regs` is True if
# there was an exception, and so registers of the task; `get_user_pages` has none.
#
# The checks take their faults from runs: reads with and without a wait, errors, signals, several kernels. If
# you are stuck, `hint("e08_counters", 1)` gives a nudge; 2 and 3 say more. You may begin with any function.
#
# ## x86 and arc
#
# x86 has a variable of its own, `major`, that each attempt adds to. arc has one variable, `fault`, that each
# attempt overwrites. Both count when the fault is over.

# %% id="x86-and-arc" tags=["answer"]
def count_x86(attempts):
    """Give (maj_flt, min_flt): what x86 counts for one fault."""
    ### BEGIN SOLUTION
    if not was_served(attempts):
        return 0, 0
    return (1, 0) if any(bits & VM_FAULT_MAJOR for flags, bits, reads in attempts) else (0, 1)
    ### STUB
    # raise NotImplementedError("x86 counts nothing yet")
    ### END SOLUTION


def count_arc(attempts):
    """Give (maj_flt, min_flt): what arc counts for one fault."""
    ### BEGIN SOLUTION
    if not was_served(attempts):
        return 0, 0
    return (1, 0) if attempts[-1][1] & VM_FAULT_MAJOR else (0, 1)


def was_served(attempts):
    """Say whether the page came: no signal and no error ended the fault."""
    return not attempts[-1][1] & (VM_FAULT_RETRY | VM_FAULT_ERROR)
    ### STUB
    # raise NotImplementedError("arc counts nothing yet")
    ### END SOLUTION

# %% [markdown] id="gate"
# ## Gated
#
# riscv and many others count *inside* the loop, behind one question: is `FAULT_FLAG_ALLOW_RETRY` set for this
# attempt? Before they ask, they have left for a signal, or for an error. Patch 13 lets the flag stay.
# [fact:p13-multi-retry]

# %% id="gated-rule" tags=["answer"]
def count_gated(attempts):
    """Give (maj_flt, min_flt): what riscv and others count for one fault."""
    ### BEGIN SOLUTION
    maj = least = 0
    for number, (flags, bits, _) in enumerate(attempts, 1):
        left = number == len(attempts) and bits & (VM_FAULT_RETRY | VM_FAULT_ERROR)
        if left or not flags & FAULT_FLAG_ALLOW_RETRY:
            continue
        if bits & VM_FAULT_MAJOR:
            maj += 1
        else:
            least += 1
    return maj, least
    ### STUB
    # raise NotImplementedError("riscv counts nothing yet")
    ### END SOLUTION

# %% [markdown] id="one-rule"
# ## One rule for all
#
# Since Linux 5.9 each attempt is counted where it is made, for every architecture, and for `get_user_pages`
# as well.

# %% id="since-5-9" tags=["answer"]
def count_since_5_9(attempts, regs):
    """Give (maj_flt, min_flt, perf): what every architecture counts since Linux 5.9."""
    ### BEGIN SOLUTION
    flags, bits, _ = attempts[-1]
    if bits & (VM_FAULT_RETRY | VM_FAULT_ERROR):
        return 0, 0, 0
    perf = 1 if regs else 0
    return (1, 0, perf) if bits & VM_FAULT_MAJOR or flags & FAULT_FLAG_TRIED else (0, 1, perf)
    ### STUB
    # raise NotImplementedError("Linux 5.9 counts nothing yet")
    ### END SOLUTION

# %% [markdown] id="proc"
# ## /proc/vmstat
#
# In Linux 5.7, `pgfault` grows wherever `handle_mm_fault` begins, and `pgmajfault` wherever a read from the
# disk begins. [fact:count-pgfault-attempt]

# %% id="vmstat-rule" tags=["answer"]
def vmstat_5_7(attempts):
    """Give (pgfault, pgmajfault): what vmstat counts for one fault in Linux 5.7."""
    ### BEGIN SOLUTION
    return len(attempts), sum(reads for flags, bits, reads in attempts)
    ### STUB
    # raise NotImplementedError("vmstat counts nothing yet")
    ### END SOLUTION

# %% id="stuck" tags=["scratch"]
hint("e08_counters")

# %% [markdown] id="check-text"
# ## Counted right?
#
# Run the cells of all your functions first. Each check calls one of them, in a process of its own. What is
# shown below a check before you run it is the verdict on a right answer.

# %% id="x86" tags=["check"]
check("e08_counters", "x86")

# %% id="arc" tags=["check"]
check("e08_counters", "arc")

# %% id="gated" tags=["check"]
check("e08_counters", "gated")

# %% id="once" tags=["check"]
check("e08_counters", "once")

# %% id="gup" tags=["check"]
check("e08_counters", "gup")

# %% id="vmstat" tags=["check"]
check("e08_counters", "vmstat")

# %% [markdown] id="sum"
# ## All together
#
# When every check passes, this cell says why the kernels do it so.

# %% id="all" tags=["scratch"]
check("e08_counters")

# %% [markdown] id="try"
# ## Your own faults
#
# Count a fault that you make up by all rules, and compare.

# %% id="play" tags=["scratch"]
# mine = ((0x254, VM_FAULT_RETRY, 0), (0x274, 0, 0))
# print(count_x86(mine), count_arc(mine), count_gated(mine), count_since_5_9(mine, True), vmstat_5_7(mine))
