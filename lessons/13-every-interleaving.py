# ---
# title: Every interleaving
# objective: You state an invariant, shrink what breaks it, and bisect a symptom that comes and goes.
# needs: ["08", "10"]
# out_of_scope: [how the explorer works inside, bisecting with git, faults from user mode]
# minutes: 35
# ---

# %% [markdown] id="story"
# ## Story: a report that nobody can reproduce
#
# A customer writes: "Now and then, `write()` fails in our program with EFAULT, *bad address*. The address is
# good: the same call, made again, works. It began when we changed kernels, and it is gone since we changed
# again." The program has memory that a monitor serves, and a timer that sends it SIGUSR1.
#
# You run their program. All is well. You run it a thousand times. All is well. You take the kernel from
# before the first change, and the newest one: all is well on both. A colleague closes the report, "cannot
# reproduce".
#
# Two things are wrong with these tests. Each run tried *one* order of events, and nearly always the same one.
# And the kernels that you took were the wrong two. In this lesson you mend both.

# %% [markdown] id="cast"
# ### Who takes part
#
# - T, the program: it calls `write` with data on page `1`, which is missing. So the kernel copies from a
#   missing page (lesson B4).
# - M, the monitor: it waits for the message, needs `10` ms, and brings the page.
# - S, the timer: after `50` ms it sends SIGUSR1. T has a handler for it.
#
# `sketch` makes a scenario of one line for each task. `tmpfs_write` is a `write` to a file in memory. S
# stands `apart`: it is no thread of T's program. `Tree.upto(n)` is Linux 5.6 with the first n patches of the
# series. [fact:series-goal]

# %% id="setup"
from course.decide import try_invariant
from course.predictions import answer, predict, reveal
from course.sketch import sketch
from course.views import ready, timeline
from pyemu import Scenario, Tree, run
from pyemu.explore import Seen, bisect, explore, replay, symptom_named

ready()

# %% id="report"
monitor = "wait_message; pause ticks=10000; copy 1"
timer = "pause ticks=50000; signal task=T signal=SIGUSR1"
report = sketch("report", apart="S", T="tmpfs_write 1", M=monitor, S=timer)

# %% [markdown] id="predict"
# ## Predict: one run
#
# You don't know which patch it was. Say you try the tree with twelve of them. Will the run show the error?
# Put your letter between the empty quotes.

# %% id="predict-run"
predict("13-run", "")

# %% [markdown] id="run"
# ## Run: one order, and all orders

# %% id="run-once"
once = run(report, Tree.upto(12))
reveal("13-run", once.tasks["T"].outcome)

# %% [markdown] id="run-text"
# T was done after ten milliseconds, and the signal came after fifty. You could run this a million times: the
# emulator has a clock, and gives the same run each time. A real machine is not much better. It has more
# orders, but nearly always you see the usual ones.
#
# `explore` throws the clock away. A pause may be over at any moment. Whenever several tasks could go on, it
# tries each of them.


# %% id="look"
def look(scenario, tree):
    found = explore(scenario, tree, max_states=15_000)
    print(f"{scenario.name} on tree {tree}: {found.verdict}")
    for ending, schedule in found.endings.items():
        print(f"  {len(schedule)} moves: {ending}")


# %% id="explore-report"
look(report, Tree.upto(12))

# %% id="numbers-orders" tags=["numbers"]
from math import comb

_found = explore(report, Tree.upto(12))
_bad = next(schedule for ending, schedule in _found.endings.items() if "EFAULT" in str(ending))
_counts = [_bad.count(name) for name in ("T", "S", "M")]
_n = sum(_counts)
_orders = comb(_n, _counts[0]) * comb(_n - _counts[0], _counts[1])
{
    "n_moves": _n,
    "n_t": _counts[0],
    "n_s": _counts[1],
    "n_m": _counts[2],
    "n_states": _found.n_states,
    "n_orders": _orders,
}

# %% [markdown] id="crash"
# There is the customer's EFAULT. It took the explorer a moment. "No rule is broken", it says all the same:
# for the kernel, EFAULT is an answer like any other. That it is a wrong one, you will have to say yourself.
# But first look at *how* it comes about.

# %% [markdown] id="trace"
# ## Trace: the shortest way to the error
#
# The explorer keeps, for each way in which a run can end, the shortest list of moves that leads there: a
# **schedule**. A schedule says who moves, nothing else. `replay` runs it, and gives a trace like any other.
# (Its times count moves.) Where in T's fault does the signal come?

# %% id="replay"
found = explore(report, Tree.upto(12))
bad = next(moves for ending, moves in found.endings.items() if "EFAULT" in str(ending))
timeline(replay(report, Tree.upto(12), bad))

# %% [markdown] id="trace-text"
# T has sent its message and released [`mmap_sem`](term:mmap_sem), and is about to sleep. In between comes
# SIGUSR1. Since patch 12, a [pending signal](term:pending signal) forbids this sleep in kernel mode, too.
# [fact:p12-interruptible] So [attempt](term:attempt) 1 gives [RETRY](term:VM_FAULT_RETRY). Attempt 2 has no
# [`ALLOW_RETRY`](term:FAULT_FLAG_ALLOW_RETRY), may not wait, and fails. `write` tells the program EFAULT.
# [fact:p12-without-p13]
#
# The same happens whenever the signal comes during the wait. The customer's timer was slow and their monitor
# fast, so it hardly ever did.

# %% [markdown] id="mechanism"
# ## Mechanism: states, moves, and what must hold
#
# A **move** is one step of one task that others can notice: take a lock, queue a message, send a signal. An
# **[interleaving](term:interleaving)** is one order of all moves. This schedule has {{n_moves}} moves:
# {{n_t}} of T, {{n_s}} of S and {{n_m}} of M. Such moves can be ordered in {{n_orders}} ways, if nobody has
# to wait for anybody. Who could try them all?
#
# Nobody has to. Many orders lead to the same **state**: the same memory, the same locks, everybody at the
# same place. What can happen next depends on the state alone, not on how it was reached. So each state is
# looked at once. Here there are {{n_states}}.
#
# To find errors, you also need a statement that can turn out wrong. It is called an **invariant**: what must
# hold in *every* interleaving. Rules of the kernel are invariants (who holds no lock releases none), and the
# explorer checks them unasked. But "a write works" is no rule of the kernel. That one you have to say.
#
# And the **verdict** has three forms. Mind the last one:
#
# - every interleaving explored, no violation: proven, *for this scenario on this tree*;
# - a violation, with its schedule: proven as well, since you can replay it;
# - not finished, no violation: **nothing is proven**. The explorer's budget of states was used up.

# %% [markdown] id="worked"
# ## Worked example: shrink the scenario
#
# This is what the customer really sent: a second thread N, two more accesses of T. Explore it.

# %% id="large"
program = "read 0; tmpfs_write 1; read 1"
second = "read 0; madvise_dontneed 2; read 0"
large = sketch("large", apart="S", T=program, N=second, M=monitor, S=timer)
look(large, Tree.upto(12))

# %% [markdown] id="shrink-text"
# Not finished, nothing found. With each task the number of states is multiplied. You could buy a larger
# budget. It is better to make the question smaller: remove a task or a step, look whether the error is still
# there, and keep what is not needed out. First the thread N:

# %% id="shrink-n"
without_n = sketch("without N", apart="S", T=program, M=monitor, S=timer)
look(without_n, Tree.upto(12))

# %% [markdown] id="shrink-own"
# The error is back, and the exploration is finished. Go on: change the next cell until nothing can be removed
# any more. (Write shorter texts in the place of `monitor` and `timer`, such as `M="wait_message; copy 1"`.)
# Keep two things in mind. The error has to stay. And the same scenario has to be *right* on the tree before,
# or you have shrunk your way to another error. What happens if you remove M?

# %% id="shrink"
small = sketch("small", apart="S", T="read 0; tmpfs_write 1", M=monitor, S=timer)
for tree in (Tree.upto(12), Tree.upto(11)):
    look(small, tree)

# %% [markdown] id="write"
# ## Write it: an invariant
#
# Now say what must hold. `told` is what each task was told by the end: `{"T": ("ret=4096",)}` says that T's
# call returned `4096`, `("ret=4096", "killed:9")` that a signal ended T afterwards. Give back whether this is
# right. Two traps: an invariant that is too *weak* holds of anything, and one that is too *strict* forbids
# what is right.


# %% id="holds"
def holds(told):
    return True  # yours


# %% [markdown] id="try-text"
# It is asked of each ending in three explorations: with SIGUSR1 and with SIGKILL on the tree before patch 12,
# where all is right, and with SIGUSR1 on the tree with it.

# %% id="try-invariant"
try_invariant(holds)

# %% [markdown] id="bisect-text"
# ### Write it: a bisection
#
# You can tell right from wrong now. So which patch was it? **Bisection** finds out with few questions: take a
# tree that is good and a later one that is bad, ask the one in the middle, and go on with the half in which
# the change must be. One line is missing.


# %% id="my-bisect"
def my_bisect(bad, good_tree, bad_tree):
    while bad_tree - good_tree > 1:
        middle = (good_tree + bad_tree) // 2
        good_tree = middle  # the gap: which end moves, if the middle is bad?
    return bad_tree


# %% [markdown] id="spin-text"
# Try it with something simple first. In scenario S12, T's write finds SIGUSR1 pending, and the newest tree
# goes round in a [busy loop](term:busy loop) (lesson 10). Which patch brought that?


# %% id="try-bisect"
def spins(n):
    print("asked: tree", n)
    return run("S12", Tree.upto(n)).spins > 0


print("patch", my_bisect(spins, 0, 16))

# %% [markdown] id="predict-bisect-text"
# With the right line the answer is patch 13, and you asked four trees of seventeen. Now the customer's
# error: EFAULT, between `Tree.upto(0)` (no patch) and `Tree.upto(16)` (all of them). What does a bisection
# say? (The real tool first asks both ends, to be sure that they differ.)

# %% id="predict-bisect"
predict("13-bisect-efault", "")

# %% id="run-bisect"
s12 = Scenario.load("S12")
symptom = symptom_named("T=EFAULT", s12)
result = bisect(lambda trees: [Seen.ran(run(s12, Tree.upto(n))) for n in trees], symptom)
asked, patch = result.plain()
reveal("13-bisect-efault", f"patch {patch}" if patch else "nothing")

# %% [markdown] id="break"
# ## Break it: a symptom that comes and goes
#
# Both ends are good. That is what your colleague saw, and why the report was closed. So ask every tree. Each
# letter is one of them, from `0` to `16`.


# %% id="every-tree"
def efault(n):
    return run("S12", Tree.upto(n)).tasks["T"].outcome == "EFAULT"


print("".join("E" if efault(n) else "." for n in range(17)))

# %% [markdown] id="every-tree-text"
# One tree of seventeen. Bisection rests on a promise: the symptom is **monotone**, it comes once and stays.
# Without that, halving proves nothing. Nothing? Ask your own function, and tell it that the last tree is bad,
# which is not true:

# %% id="luck"
print("trees 0 to 16: patch", my_bisect(efault, 0, 16))
print("trees 0 to 15: patch", my_bisect(efault, 0, 15))

# %% [markdown] id="luck-text"
# With the right line, the first range gives the right patch, because the tree that matters happened to be in
# the middle of a half. The second range gives a wrong one, and sounds exactly as sure. Try other ranges. Then
# think of two ways out, before you read on.

# %% [markdown] id="ways-out"
# ### Two ways out
#
# **Ask every tree.** It costs more, and misses nothing. These are the patches at which the symptom comes and
# goes:


# %% id="all-trees"
def tell(change):
    brings, ends = (", ".join(sorted(signs)) or "nothing" for signs in (change.appears, change.vanishes))
    print(f"patch {change.patch} brings {brings}; ends {ends}")


for change in result.changes:
    tell(change)

# %% [markdown] id="other-symptom"
# **Ask for another symptom.** EFAULT was gone on the newest tree. Was it *repaired*? Then this tree should
# look as the first one does. Compare all that a tree shows, not one outcome: how runs end, and what they
# break.

# %% id="everything"
symptom = symptom_named("everything", s12)
result = bisect(lambda trees: [Seen.ran(run(s12, Tree.upto(n))) for n in trees], symptom)
print("asked:", sorted(result.seen))
for change in result.changes:
    tell(change)

# %% [markdown] id="other-text"
# The ends differ after all. The newest tree does give `4096`, but it breaks something: it **spins**. The
# EFAULT has not been repaired. It has become a busy loop, which is no wrong result, so no test of results
# finds it. In both patches the same thing is behind it: a signal may end a sleep, and may not end the fault.
#
# In a terminal it is one command. Without `--timed`, each tree is explored in every interleaving:
#
# ```
# faultlab bisect S12 --symptom T=EFAULT --timed
# faultlab bisect S12 --timed
# ```

# %% id="numbers-patch" tags=["numbers"]
import json
from pathlib import Path

import course

_path = Path(course.__file__).parents[1] / "tests" / "data" / "single_patches" / "single-patches-5.7.14.jsonl"
_rows = [json.loads(line) for line in _path.read_text(encoding="utf-8").splitlines()]
_wanted = ("S12", "tmpfs_write", "m p30 st u1 p60 st c")
_seen = {row["tree"]: row for row in _rows if (row["group"], row["access"], row["script"]) == _wanted}
{f"outcome_{tree}": _seen[tree]["outcome"] for tree in ("upto10", "upto12", "upto13")}

# %% [markdown] id="patch"
# ## The real patch: two patches, and who is to blame
#
# Patch 12, "mm: introduce [FAULT_FLAG_INTERRUPTIBLE](term:FAULT_FLAG_INTERRUPTIBLE)" (commit `c270a7eedcf2`),
# changed the wait in `fs/userfaultfd.c`: it looks at a flag now, and the flag is in the set with which every
# fault starts. [fact:p12-interruptible] Patch 13 (commit `4064b9827063`) let a fault try again without limit.
# [fact:p13-multi-retry] Nobody got a kernel with patch 12 alone: both came with v5.7. So the customer of our
# story is made up, and had built a kernel from the middle of the series. That is what a bisection does.
#
# Single patches were undone on a real 5.7.14. T wrote from a missing page, the signal came while it waited:
# [fact:p12-without-p13] [fact:p12-p13-busy-loop]
#
# | patches | T's write | |
# |---|---|---|
# | up to patch 10 | `{{outcome_upto10}}` | slept once |
# | up to patch 12 | `{{outcome_upto12}}` | slept once, the signal woke it |
# | up to patch 13 | `{{outcome_upto13}}` | slept once, then a busy loop |
#
# The busy loop was reported in April 2025. [fact:b5-busy-loop] Which patch is to blame: the one
# that made the signal count, the one that took the limit away, or the code that had always been there? What
# would your bisection say, and what do *you* say?

# %% [markdown] id="questions"
# ## Questions
#
# Put a letter between the quotes. Each choice has its own comment.

# %% id="question-ends"
answer("13-ends", "")

# %% id="question-budget"
answer("13-budget", "")

# %% id="question-shrunk"
answer("13-shrunk", "")

# %% [markdown] id="recap"
# ## Recap
#
# - A run is one interleaving. The explorer looks at every state that any order of moves can reach.
# - An invariant says what must hold in every interleaving. Too weak, it finds nothing; too strict, it accuses
#   what is right.
# - Finished: proven for this scenario on this tree. Not finished: nothing proven. Then shrink the scenario,
#   and keep the error.
# - Bisection needs a monotone symptom. EFAULT was there on one tree of seventeen, and both ends were good.
# - A symptom that goes away is not always repaired. Compare everything that can be seen.
#
# In one sentence of your own: why could the customer's colleague run the newest kernel for a year and not see
# the error?
#
# Next: what became of all this after the series. To bisect three symptoms yourself is the exercise
# [e11_bisect](../exercises/e11_bisect.ipynb). To write the whole path, and to have every order of events
# tried on it, is the exercise [h06_capstone](../exercises/h06_capstone.ipynb).
