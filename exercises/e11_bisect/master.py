# %% [markdown] id="story"
# A customer's `write()` fails now and then with EFAULT, on one kernel of many (lesson 13). The people who
# look after the machines have two complaints more: on some kernels a program stays awake that should sleep
# until its page comes, and on some it takes all of a CPU. Are these one error, or three?
#
# You bisect all three over the seventeen trees between Linux 5.6 and 5.7. You write the scenario that shows
# them, say how each is recognised, and search. The builders of kernels ask you to be thrifty: every tree is a
# kernel that has to be built and booted.

# %% id="imports"
from course import check, hint
from course.checks.e11_history import the_series
from course.views import ready
from pyemu import Tree, run

ready()

# %% [markdown] id="crash"
# ## First, the crash
#
# The usual way: compare the newest kernel with the oldest. Does `write()` fail? Scenario S12 of lesson 13:

# %% id="run-ends"
for n in (0, 16):
    print(n, run("S12", Tree.upto(n)).tasks["T"].outcome)

# %% [markdown] id="task"
# Both are well. So a bisection between these two has nothing to find, and the customer is still waiting.
#
# ## Your part: a scenario
#
# One scenario shall show all three symptoms, each on its trees. Write it in words for `sketch`: the steps of
# each task, and `"apart"` for tasks that are no threads of T. T is the task that is looked at, M the monitor.
# You know these steps: `read`, `write`, `tmpfs_write`, `pipe_write`, `pause ticks=5000`,
# `signal task=T signal=SIGUSR1`, `wait_message`, `copy`.
#
# It needs a copy that the kernel makes for T, a page that comes late, and a signal that has a handler and is
# pending when T wants to sleep, or comes while T sleeps. [fact:p12-interruptible]

# %% id="own-scenario" tags=["answer"]
### BEGIN SOLUTION
SCENARIO = {
    "T": "tmpfs_write 1",
    "M": "wait_message; pause ticks=20000; copy 1",
    "S": "pause ticks=10000; signal task=T signal=SIGUSR1",
    "apart": "S",
}
### STUB
# SCENARIO = {
#     "T": None,
#     "M": None,
#     "S": None,
#     "apart": "S",
# }
### END SOLUTION

# %% [markdown] id="look-text"
# `the_series(SCENARIO)` gives a function `run(n)`: it runs your scenario on the tree with the first `n`
# patches, `0` to `16`, and returns a dict. Look at it.
#
# | key | it holds |
# |---|---|
# | `"outcome"` | what T's last call gave: `"ret=4096"`, `"EFAULT"`, ... |
# | `"events"` | what happened, in order: (task, kind, text) |
# | `"attempts"` | attempts of T |
# | `"messages"` | messages of all tasks |
# | `"clock"` | milliseconds on a clock on the wall |
#
# Some kinds of events: `sleep`, `wake`, `attempt`, `message`, `spin`. A **spin** is a stretch in which a task
# repeats the same without a wait: the run notices it. On the trees of the checks other programs may run
# beside T, and other things may keep the machine busy.

# %% id="look" tags=["scratch"]
if None not in SCENARIO.values():
    shown = the_series(SCENARIO)(0)
    print(shown["outcome"], [(kind, text) for task, kind, text in shown["events"] if task == "T"])

# %% [markdown] id="bisect-text"
# ## Your part: the bisection
#
# `bisect(run)` gets such a function, and returns a dict with three keys. Each has a pair: the last tree
# without the symptom, and the first one with it. `None` means that no tree shows it.
#
# | key | the symptom |
# |---|---|
# | `"wrong"` | `write()` fails with EFAULT |
# | `"awake"` | T does not sleep until its page comes: it does not sleep, or a signal ends the sleep |
# | `"unbounded"` | T tries again and again without a wait |
#
# At most 24 calls of `run` for all three, and both trees of each pair must have been run. The checks try your
# function on the series, and on the same patches *in another order*: a number that you know by heart is no
# answer. In each order patch 12 comes before patch 13. What do these two do to each other's symptoms?
# [fact:p12-without-p13] [fact:p12-p13-busy-loop]
#
# You may write helper functions beside it. If you are stuck, `hint("e11_bisect", 1)` gives a nudge; 2 and 3
# say more.

# %% id="bisection" tags=["answer"]
def bisect(run):
    """Give for each symptom the pair (last good tree, first bad tree), or None."""
    ### BEGIN SOLUTION
    kept = {}

    def shown(n):
        if n not in kept:
            kept[n] = run(n)
        return kept[n]

    def first(symptom, good, bad):
        if symptom(shown(good)) or not symptom(shown(bad)):
            return None
        while bad - good > 1:
            middle = (good + bad) // 2
            good, bad = (good, middle) if symptom(shown(middle)) else (middle, bad)
        return good, bad

    awake, unbounded = first(stays_awake, 0, 16), first(spins, 0, 16)
    wrong = first(fails, 0, unbounded[0] if unbounded else 16)
    return {"wrong": wrong, "awake": awake, "unbounded": unbounded}


def fails(shown):
    return shown["outcome"] == "EFAULT"


def stays_awake(shown):
    mine = [(kind, text) for task, kind, text in shown["events"] if task == "T"]
    return not any(kind == "sleep" for kind, _ in mine) or ("wake", "wakes: signal") in mine


def spins(shown):
    return any((task, kind) == ("T", "spin") for task, kind, _ in shown["events"])
    ### STUB
    # raise NotImplementedError("the bisection is still empty")
    ### END SOLUTION

# %% id="try" tags=["scratch"]
# print(bisect(the_series(SCENARIO)))

# %% id="stuck" tags=["scratch"]
hint("e11_bisect")

# %% [markdown] id="checks"
# ## Three symptoms
#
# Each check calls your function in a process of its own. What is shown below a check before you run it is
# the verdict on a right answer.

# %% id="wrong" tags=["check"]
check("e11_bisect", "wrong")

# %% id="awake" tags=["check"]
check("e11_bisect", "awake")

# %% id="unbounded" tags=["check"]
check("e11_bisect", "unbounded")

# %% [markdown] id="thrift"
# ## Thrift, and proof
#
# The last check has an order in which patch 12 is the very first, and patch 13 the last.

# %% id="budget" tags=["check"]
check("e11_bisect", "budget")

# %% id="proof" tags=["check"]
check("e11_bisect", "proof")

# %% [markdown] id="sum"
# ## All together
#
# When every check passes, this cell says why, and which change it was. One error or three: what would you
# tell the customer now?

# %% id="all" tags=["scratch"]
check("e11_bisect")

# %% [markdown] id="more"
# ## Other scenarios
#
# In a terminal, `faultlab bisect S12 --timed` does what your function does. Does it agree? Try your function
# on a scenario in which the page comes at once.

# %% id="play" tags=["scratch"]
# print(bisect(the_series({**SCENARIO, "M": "wait_message; copy it"})))
