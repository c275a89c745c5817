# ---
# title: "On behalf of others: what \"locked\" says"
# objective: You predict the count and *locked of a call of get_user_pages, and say why "nonblocking" blocked.
# needs: ["10"]
# out_of_scope: [how get_user_pages tries again and is killed, what a driver does with its pages]
# minutes: 35
# ---

# %% [markdown] id="story"
# ## Story: a parameter that will not block
#
# You write a driver. Your card reads and writes the memory of programs by itself, without the CPU. So before
# each transfer you need the program's pages, in memory, and they have to stay there. Linux has a function
# for that, `get_user_pages_locked`. One of its parameters is a pointer to a number. You want to know what it
# is for, and follow it into `mm/gup.c` of Linux 5.6. There it goes on to `__get_user_pages`, under a good
# name: [fact:p01-rename]
#
# ```c
# int *nonblocking
# ```
#
# The comment beside it says that the call will then wait neither for a disk nor for the lock. So you pass a
# pointer, and you call the function at a place where you must not be held up for long.
#
# It works for months. Then somebody moves a program to your machine whose memory comes page by page, from a
# monitor (lesson 05). Your driver calls, and hangs. Five seconds later it goes on. The "nonblocking" call
# has slept.
#
# Is that a bug of the function, or of the name?

# %% [markdown] id="cast"
# ### Who takes part
#
# The function is `get_user_pages`. Its family is called **GUP**. It gets pages *on behalf of others*:
# drivers, `process_vm_readv`, debuggers, virtual machines. Nobody accesses the page, so there is no
# exception. GUP looks into the [page table](term:page table) by itself, and calls `handle_mm_fault` for what
# is missing. Its pages are **pinned**: they stay until they are given back.
#
# You know all that may happen in `handle_mm_fault`. It may wait, release [`mmap_sem`](term:mmap_sem), and
# give RETRY. But here it is the *caller* of GUP who took `mmap_sem`. So he has to be told what has become of
# his lock.
#
# A pointer to a number does that. Its old name is `nonblocking`, its new one is `locked`. `pin 1` is a driver
# that wants page `1`.

# %% id="setup"
from course.predictions import answer, fill, predict, reveal
from course.sketch import sketch
from course.views import every_interleaving, ready, timeline
from pyemu import Tree, run

SLOW = "wait_message; pause ticks=5000000; copy it"
ready()

# %% [markdown] id="predict"
# ## Predict: how long does it take?
#
# The driver calls `get_user_pages_locked` with a pointer to `1`. The page is missing, and the monitor needs
# five seconds for it. This is the kernel before the series, when the pointer was called `nonblocking`.

# %% id="predict-sleep"
predict("12a-sleep", "")

# %% [markdown] id="run"
# ## Run: the call that does not block

# %% id="run-sleep"
slept = run(sketch("driver", T="pin 1 entry=get_user_pages_locked", M=SLOW), Tree.before)
print(slept)
end = slept.trace.select("exit", task="T")[0]
reveal("12a-sleep", f"{slept.tasks['T'].outcome} after {end.t // 1_000_000} s")

# %% [markdown] id="crash"
# It slept all the time. (`ret=1` is the count: it got one page.)
#
# ## Trace: who had the lock
#
# Look at `mmap_sem` in the first and the last lines. The driver took it before the call. Does it have it
# after the call?

# %% id="trace-sleep"
timeline(slept)

# %% [markdown] id="trace-text"
# The driver takes the lock. The [attempt](term:attempt) releases it, because it has to wait. GUP takes it
# again, for the next attempt. And at the end GUP releases it *once more*, and says so: "mmap_sem was
# dropped". The driver has its page, and no lock.
#
# Why does GUP not give the lock back, when it had it in its hand? Because the driver would be misled. It
# looked up an [area](term:area) before the call, perhaps. With the lock held all along, that area would still
# be good. But for five seconds nobody held the lock, and any thread could unmap that area. A lock that was
# lost in between protects nothing that was found before. So GUP says the only thing that helps: *dropped*.
#
# ## Mechanism: one number, two meanings
#
# Going in, the pointer is a **permission**. Coming back, it is a **message**. [fact:gup-locked-contract]
#
# | going in | means |
# |---|---|
# | no pointer (NULL) | you must not release `mmap_sem`: so there is no `ALLOW_RETRY` [fact:gup-locked-null] |
# | a pointer to `1` | I hold `mmap_sem`, and you may release it |
#
# | coming back | means |
# |---|---|
# | `*locked` is `1` | it was never released: you have it, and you must release it |
# | `*locked` is `0` | it was released, for a while or for good: you don't have it, and your areas are dead |
#
# Nowhere does it say "don't wait". On the contrary: who passes the pointer *allows* the wait. Without a
# pointer the call can't wait for a monitor, and gives an error at once. The name said the opposite of what
# it did.
#
# For "don't wait" there is something else, a flag: `FOLL_NOWAIT`. Then [RETRY](term:VM_FAULT_RETRY) means
# "not now": nobody waits, and nobody releases the lock. [fact:gup-nowait]
#
# The count is the third thing to know. It says how many pages you have, from the first on. RETRY is no error
# in it: if not one page could be had, it is `0`. [fact:gup-retry-is-no-error] An error is told only if there
# is not one page. [fact:gup-partial]

# %% [markdown] id="worked"
# ## Worked example: not now, and not at all
#
# Three calls for the same missing page. The first says `FOLL_NOWAIT`. The second has no pointer: that is what
# `get_user_pages` does. The third is the one that you know.

# %% id="predict-nowait"
predict("12a-nowait", "")

# %% id="run-calls"
def call(steps, tree=Tree.after):
    result = run(sketch(steps, T=steps, M=SLOW), tree)
    return result.trace.select("gup", task="T")[-1].text.removeprefix("GUP gives ")


nowait = call("pin 1 entry=get_user_pages_locked nowait=yes")
reveal("12a-nowait", nowait)

# %% id="run-others"
print("no pointer:  ", call("pin 1 entry=get_user_pages"))
print("a pointer:   ", call("pin 1 entry=get_user_pages_locked"))

# %% [markdown] id="calls-text"
# `0 pages, *locked 1`: nobody waited, and the lock is *yours*. A caller who reads the `0` as "the lock is
# gone" leaves it locked for ever. And a caller who goes by the old name, and thinks that a pointer makes
# the call quick, waits five seconds.
#
# Without a pointer: `EFAULT`, at once, and without a message to the monitor. GUP may not release the lock,
# so it may not wait, so it can't get this page. That is why a debugger that reads `/proc/PID/mem` gets
# `EIO` for a page of a [userfaultfd](term:userfaultfd), in Linux 5.4 to 6.18. [fact:proc-mem]
#
# Two pages, the first of them present? With `FOLL_NOWAIT`, GUP takes what it can have:

# %% id="run-two"
print("two, NOWAIT: ", call("pin 0-1 entry=get_user_pages_locked nowait=yes"))
print("two:         ", call("pin 0-1 entry=get_user_pages_locked"))

# %% [markdown] id="gap"
# ## Fill the gap: six calls
#
# Page `0` is there, page `1` is missing, a monitor will bring it when asked. The caller holds `mmap_sem`.
# Write the count and `*locked` into each line: a number, or `EFAULT`.

# %% id="fill-calls"
fill("12a-calls", n_a="", l_a="", n_b="", l_b="", n_c="", l_c="", n_d="", l_d="", n_e="", l_e="", n_f="")

# %% [markdown] id="fill-text"
# You can try each line with `call(...)`, as above. The driver may also be on its own:
# `get_user_pages_unlocked` takes and releases the lock by itself, and tells its caller nothing of it.
#
# ## Break it: who believes the number
#
# The number is a promise, and somebody believes it. Take it apart: in the next scenario a part of GUP says
# the wrong thing. It is the walk over **huge pages** (pages of `2` MiB), a function of its own. After RETRY
# it has to say two things: "the lock is gone", and "I want no more pages". The second makes the caller
# stop. [fact:gup-hugetlb-walk]
#
# S2 is the right walk. S2-mutant forgets the second sentence, and another thread unmaps the page meanwhile.
# Each on the kernel before patch 2, and with it:

# %% id="explore-s2"
every_interleaving("S2", Tree.upto(1), Tree.upto(2))

# %% id="run-mutant"
for tree in (Tree.upto(1), Tree.upto(2)):
    mutant = run("S2-mutant", tree)
    print(mutant, "| broken:", ", ".join(sorted({one.rule for one in mutant.violations})) or "no rule")

# %% [markdown] id="break-text"
# In S2 the two kernels do the same, in *every* order of events. Patch 2 changes nothing that you can see.
# With the mistake planted they differ: without patch 2 GUP goes on with an area that was freed, and without
# the lock. With it, GUP stops, because it looks at the number itself: lock gone, so stop.
#
# Patch 2 also has two checks, [`BUG_ON`](term:BUG_ON), which end the task on the spot if something can't be.
# One of them: `FOLL_NOWAIT` was asked for, and the walk says that the lock was dropped. S2-nowait plants this
# mistake:

# %% id="run-nowait"
for tree in (Tree.upto(1), Tree.upto(2)):
    wrong = run("S2-nowait", tree)
    print(wrong, "| broken:", ", ".join(sorted({one.rule for one in wrong.violations})))

# %% [markdown] id="patch"
# ## The real patch: two patches without a difference
#
# Patch 1, "mm/gup: rename "nonblocking" to "locked" where proper", touches `mm/gup.c` and `mm/hugetlb.c`.
# It changes names and comments, and nothing else. [fact:p01-rename] Its proof is a reading exercise: look
# for each place that *writes* to the number. There are few. A callee writes `0`, after RETRY without
# NOWAIT. Those who hold the lock and start a round write `1`. Nobody ever writes "this did not block".
#
# (A run agrees. In the library, X1 makes the first and the third call of the worked example.)

# %% id="run-x1"
old, new = ([event.text for event in run("X1", tree).trace] for tree in (Tree.before, Tree.upto(1)))
print(len(old), "events on each kernel, all the same:", old == new)

# %% [markdown] id="patch-2"
# Patch 2, "mm/gup: fix __get_user_pages() on fault retry of hugetlb", is in `__get_user_pages` of `mm/gup.c`.
# [fact:p02-hugetlb-stop] It says "fix", and yet there is nothing that it mends: the walk had set its count to
# zero all along. It makes a promise visible that was kept by luck.
#
# So are they useless? You have been the driver's author. A wrong name is a bug that waits for its reader.
# And on a real 5.7.14 in which mistakes were planted by hand, a check of patch 2 did strike.
# [fact:p02-hugetlb-stop]
#
# A reviewer of patch 2 stumbled over `BUG_ON(ret != 0)`, and read it as a demand. It is the other way
# round: `BUG_ON(x)` strikes when `x` is *true*. And he would have liked an error for RETRY, `EBUSY`. It has
# to be `0` or a count: an error would make callers give up who have only to call again.

# %% [markdown] id="questions"
# ## Questions
#
# Put a letter between the quotes. Each choice has its own comment.

# %% id="question-zero"
answer("12a-zero", "")

# %% id="question-null"
answer("12a-null", "")

# %% [markdown] id="recap"
# ## Recap
#
# - GUP gets pages on behalf of others. It makes faults without an exception, under a lock that its caller
#   took.
# - Going in, `locked` is a permission to release that lock, and so to wait. No pointer: no wait, and `EFAULT`
#   for a page that must be waited for.
# - Coming back, `1`: never released, it is yours. `0`: released, even if only for a while; what you found
#   before is dead.
# - `FOLL_NOWAIT` means "don't wait": no page, and `*locked` stays `1`.
# - The count says what you have. `0` is no error, and an error is told only if you have nothing.
# - Patches 1 and 2 change nothing that can be seen. One mends a name, the other makes a promise visible.
#
# In one sentence of your own: why does GUP say "dropped" although it has taken the lock again in between?
#
# Next: how GUP tries again, and how it dies (lesson 12b). To predict more calls, do the exercise
# [x01_locked](../exercises/x01_locked.ipynb). To prove that nothing can be seen of patch 2, do
# [e10_nothing_to_see](../exercises/e10_nothing_to_see.ipynb).
