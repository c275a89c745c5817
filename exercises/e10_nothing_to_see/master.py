# %% [markdown] id="story"
# A reviewer writes below a patch: "No functional change? Prove it." You ran your tests, and they passed. That
# is no proof. A patch that changes nothing must change nothing for *every* input, and your tests made twenty.
# And do you know that your tests would have noticed a mistake?
#
# Here you write four proofs. Then mistakes are planted, and your proofs have to fail.

# %% id="imports"
from course import check, hint
from course.views import ready
from pyemu import Tree, run

ready()

# %% [markdown] id="crash"
# ## First, the crash
#
# Patch 16 is one of the four. Nothing can be seen of it, in its place. Here it is in another place: before
# patch 15. T gets SIGKILL at `30` ms, while `get_user_pages` waits for a page. [fact:p15-before-p16]

# %% id="run-15-before-16"
for tree in (Tree.after - (15, 16), Tree.after - 15, Tree.after):
    killed = run("15-before-16", tree).trace.select("exit", task="T")[0]
    print(f"{tree!s:<9} T is killed at {killed.t // 1000} ms")

# %% [markdown] id="task"
# A proof that had left out one flag would have let this pass.
#
# ## Your part
#
# Each part is about one patch. You write:
#
# | function | it gives |
# |---|---|
# | `domain_x()` | every input: a list, each as below |
# | `same_x(decide, case)` | `True` if both sides decide the same about an input |
# | `happens_x(case)` | (in two parts) `True` if this input can happen |
#
# `decide(patches, case)` makes the decision about an input on a tree with so many patches. The inputs are
# small, so take them all. You may use the standard library; `product` is there for all four cells.
#
# ### a: patch 2
#
# `get_user_pages` comes to an area of two pages, normal or huge, and wants pages of it.
# [fact:p02-hugetlb-stop] An input is
# `(kind, pinned, wanted, ready, end, pointer, nowait)`:
#
# | name | values | it means |
# |---|---|---|
# | `kind` | `"normal"`, `"huge"` | the pages of the area |
# | `pinned` | `0`, `1` | pages that the call has already |
# | `wanted` | `1`, `2`, `3` | pages that it still wants |
# | `ready` | `0`, `1` | pages of the area that come before the one that ends the walk |
# | `end` | `"there"`, `"RETRY"`, `"error"`, `"SIGKILL"` | what this one gives; `"there"`: it comes, too |
# | `pointer`, `nowait` | `False`, `True` | the caller passes `locked`, and FOLL_NOWAIT |
#
# `decide` (with `1` or `2` patches) gives a dict: `"goes_on"`, `"count"`, `"locked"`, `"dead_area"` (it uses
# an area without the lock), and `"bug_on"`: the values of `x` in each `BUG_ON(x)` that is met. Patch 2 brings
# two of these. A BUG_ON that does not fire can't be seen.


# %% id="proof-a" tags=["answer"]
from itertools import product


def domain_a():
    """Give every input of part a."""
    ### BEGIN SOLUTION
    ends = "there", "RETRY", "error", "SIGKILL"
    return [*product(("normal", "huge"), (0, 1), (1, 2, 3), (0, 1), ends, (False, True), (False, True))]
    ### STUB
    # return []
    ### END SOLUTION


def same_a(decide, case):
    """Say whether nothing can be seen of patch 2, for one input."""
    ### BEGIN SOLUTION
    old, new = decide(1, case), decide(2, case)
    fires = [any(one.pop("bug_on")) for one in (old, new)]
    return old == new and fires[0] == fires[1]
    ### STUB
    # raise NotImplementedError("no comparison yet")
    ### END SOLUTION


# %% [markdown] id="b-text"
# ### b: patch 16
#
# A fault waits for a monitor. Its flags decide how it sleeps. [fact:p16-honour-killable] An input is
# `(allow_retry, nowait, killable, interruptible, user, signal)`: five flags, `False` or `True`, and `"none"`,
# `"SIGUSR1"` or `"SIGKILL"`. `decide` (with `15` or `16` patches) gives a dict: `"sleep"`, and whether the
# signal `"ends"` it.
#
# Here the two sides *do* differ for some inputs. So `happens_b` has to say which inputs come to this sleep.
# The callers:
#
# - a fault handler sets ALLOW_RETRY, KILLABLE and INTERRUPTIBLE, and USER for user mode;
# - `get_user_pages` sets ALLOW_RETRY and KILLABLE, never USER;
# - who may not wait sets NOWAIT, or leaves out ALLOW_RETRY, and never comes to the sleep.
#
# One of them has its flag only because another patch of the series came first. Which? Put its number into
# `BEFORE_16`.


# %% id="proof-b" tags=["answer"]
def domain_b():
    """Give every input of part b."""
    ### BEGIN SOLUTION
    return [*product(*[(False, True)] * 5, ("none", "SIGUSR1", "SIGKILL"))]
    ### STUB
    # return []
    ### END SOLUTION


def same_b(decide, case):
    """Say whether both sides sleep in the same way."""
    ### BEGIN SOLUTION
    return decide(15, case) == decide(16, case)
    ### STUB
    # raise NotImplementedError("no comparison yet")
    ### END SOLUTION


def happens_b(case):
    """Say whether a caller comes to the sleep with these flags."""
    ### BEGIN SOLUTION
    allow_retry, nowait, killable, interruptible, user, _ = case
    return allow_retry and killable and not nowait and (interruptible or not user)
    ### STUB
    # raise NotImplementedError("no callers yet")
    ### END SOLUTION


### BEGIN SOLUTION
BEFORE_16 = 15
### STUB
# BEFORE_16 = None
### END SOLUTION

# %% [markdown] id="c-text"
# ### c: patch 4
#
# The fault handler of x86 has called `handle_mm_fault`. What does it do now? [fact:p04-x86] An input is
# `(allow_retry, fault, mode, signal)`: `True` for attempt 1, `False` for attempt 2, since before patch 13
# only attempt 1 has this flag; `"done"`, `"MAJOR"`, `"RETRY"`, `"RETRY|MAJOR"` or `"SIGBUS"`; `"user"` or
# `"kernel"`; and a signal as above.
#
# `decide` (with `3` or `4` patches) gives a dict: what comes `"then"`, how often it `"releases"` `mmap_sem`,
# the `"flags"` of the next attempt, and what it `"counts"`. Again the sides differ somewhere. That is the
# **dead row**. `happens_c` says which inputs can happen. You know who may drop the lock, and when.
# [fact:invariant-killed] (Patch 7 takes the same row away on powerpc. [fact:p07-powerpc])


# %% id="proof-c" tags=["answer"]
def domain_c():
    """Give every input of part c."""
    ### BEGIN SOLUTION
    faults = "done", "MAJOR", "RETRY", "RETRY|MAJOR", "SIGBUS"
    return [*product((False, True), faults, ("user", "kernel"), ("none", "SIGUSR1", "SIGKILL"))]
    ### STUB
    # return []
    ### END SOLUTION


def same_c(decide, case):
    """Say whether the handler does the same before patch 4 and with it."""
    ### BEGIN SOLUTION
    return decide(3, case) == decide(4, case)
    ### STUB
    # raise NotImplementedError("no comparison yet")
    ### END SOLUTION


def happens_c(case):
    """Say whether an attempt can end so."""
    ### BEGIN SOLUTION
    allow_retry, fault, _, signal = case
    return allow_retry or not fault.startswith("RETRY") or signal == "SIGKILL"
    ### STUB
    # raise NotImplementedError("no rule yet")
    ### END SOLUTION


# %% [markdown] id="d-text"
# ### d: patch 11
#
# Which flags does the first attempt of a fault have? [fact:p11-default] An input is
# `(caller, user, write, locked, nowait)`. The callers are `"x86"`, `"arm64"`, `"riscv"`, `"csky"`,
# `"khugepaged"` and `"get_user_pages"`. The others are `False` or `True`. `user` can be `True` only for the
# first four. `locked` and `nowait` belong to `get_user_pages`; `khugepaged` does not say `write`. You may
# leave out what can't be, but you need not. `decide` (with `10` or `11` patches) gives the
# flag word, a number.


# %% id="proof-d" tags=["answer"]
def domain_d():
    """Give every input of part d."""
    ### BEGIN SOLUTION
    callers = "x86", "arm64", "riscv", "csky", "khugepaged", "get_user_pages"
    return [*product(callers, *[(False, True)] * 4)]
    ### STUB
    # return []
    ### END SOLUTION


def same_d(decide, case):
    """Say whether a caller passes the same word before patch 11 and with it."""
    ### BEGIN SOLUTION
    return decide(10, case) == decide(11, case)
    ### STUB
    # raise NotImplementedError("no comparison yet")
    ### END SOLUTION


# %% id="stuck" tags=["scratch"]
hint("e10_nothing_to_see")

# %% [markdown] id="check-text"
# ## Four checks
#
# Run your four cells first. Each check asks one proof in a process of its own. It must be whole, it must hold
# for the patch, and it must fail for each planted mistake. What is shown below a check before you run it is
# the verdict on a right answer.

# %% id="a" tags=["check"]
check("e10_nothing_to_see", "a")

# %% id="b" tags=["check"]
check("e10_nothing_to_see", "b")

# %% id="c" tags=["check"]
check("e10_nothing_to_see", "c")

# %% id="d" tags=["check"]
check("e10_nothing_to_see", "d")

# %% [markdown] id="sum"
# ## All together
#
# When every check passes, this cell says why nothing can be seen.

# %% id="all" tags=["scratch"]
check("e10_nothing_to_see")

# %% [markdown] id="try"
# ## Your own runs
#
# `PARTS` decides here, too. Plant a mistake, by one of the names in `PARTS["a"].planted`, and look for the
# inputs that show it.

# %% id="play" tags=["scratch"]
# from course.series.asked import PARTS
# part = PARTS["a"]
# case = ("huge", 1, 1, 0, "RETRY", True, False)
# for mistake in ("", *part.planted):
#     print(mistake or "none planted")
#     print(part.decide(1, case, mistake))
#     print(part.decide(2, case, mistake))
