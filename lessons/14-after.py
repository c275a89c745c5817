# ---
# title: After the series
# objective: You map an old scenario to COMPLETED and to locks of areas, and label a counter with its version.
# needs: ["10"]
# out_of_scope: [how the lock of an area is built, get_user_pages after Linux 5.7, other architectures' locks]
# minutes: 35
# ---

# %% [markdown] id="story"
# ## Story: one program, four graphs
#
# Your program keeps its records in a file that it has mapped, shared. It writes to a page, and later the
# kernel carries the page to the disk. You run it on four machines, with four versions of Linux. Same
# program, same file, same work.
#
# The versions are 5.7, 5.10, 6.0 and 6.8, and the four graphs don't agree. On 5.10 there are **major
# faults**, faults that waited for their page, wherever a page is written for the first time. On the others
# there are none. On 5.7 and 5.10 the kernel makes two *[attempts](term:attempt)* for each of these faults, on
# the newer two it makes one. And on 6.8, [`mmap_lock`](term:mmap_sem) (that is `mmap_sem` since Linux 5.8
# [fact:mmap-lock-name]) has hardly anything to do any more.
#
# Your boss asks which machine is slow, and which kernel is broken. You know how a fault worked up to Linux
# 5.7. [fact:p13-multi-retry] Time to find out what became of it.

# %% id="setup"
from course.decide import broken_rules, handler_of
from course.predictions import answer, fill, order, predict, reveal
from course.views import ready, side_by_side, stepper
from course.waiting import lock_waits
from pyemu import Tree, run

ready()

# %% [markdown] id="cast"
# ### Who takes part
#
# A tree can be a release: `Tree.v5_7` is Linux 5.7.14, and `Tree.parse("v6_0")` is 6.0. The scenario is
# called *completed*. [fact:dirty-shared-drops-lock]

# %% [markdown] id="cast-text"
# T writes to a page of the file, for the first time. The page is in memory, nobody has to fetch it. But who
# makes pages dirty faster than the disk can take them has to be slowed down: T sleeps a little. It does so
# without the lock, as you know from lesson 04. (The emulator goes on calling this lock `mmap_sem`.)

# %% [markdown] id="predict"
# ## Predict: the second attempt
#
# On the oldest of the four kernels, attempt 1 puts the page in place, releases the lock, and sleeps. What
# does it give?

# %% id="predict-attempts"
predict("14-attempts", "")

# %% [markdown] id="run"
# ## Run: four releases

# %% id="run-four"
for name in ("v5_7", "v5_10", "v6_0", "v6_8"):
    one = run("completed", Tree.parse(name))
    T, count = one.tasks["T"], one.tasks["T"].counters
    print(f"{name:<6} {T.outcome}  attempts {T.stats['attempts']}", end="  ")
    print(f"minor {count['min_flt']}  major {count['maj_flt']}  lock taken {T.stats['acquisitions']}")

# %% id="reveal-attempts"
old = run("completed", Tree.v5_7)
given = [int(event.a) for event in old.trace.select("attempt_end")]
reveal("14-attempts", f"{given[0]:#x}")

# %% [markdown] id="crash"
# There are your graphs. All four did the work, and none did it wrong. Yet on 5.7 an attempt had *everything*
# that it wanted, and said: look again. A whole second attempt, for nothing. [fact:dirty-shared-drops-lock]

# %% [markdown] id="trace"
# ## Trace: two attempts, then one
#
# Look at the end of attempt 1, on both sides, and at what the page-fault handler does then.

# %% id="compare"
new = run("completed", Tree.parse("v6_0"))
side_by_side(old, new)

# %% id="numbers-trace" tags=["numbers"]
{
    "old_gave": f"{given[0]:#x}",
    "new_gave": f"{int(new.trace.select('attempt_end')[0].a):#x}",
    "old_attempts": old.tasks["T"].stats["attempts"],
    "new_attempts": new.tasks["T"].stats["attempts"],
}

# %% [markdown] id="trace-text"
# Left, attempt 1 gives {{old_gave}}, with [RETRY](term:VM_FAULT_RETRY). It has to: it has released the lock,
# and RETRY is the one value that says so. So the handler takes the lock, finds the [area](term:area), and
# tries again: {{old_attempts}} attempts.
#
# Right, attempt 1 gives {{new_gave}}, with a new bit: **[COMPLETED](term:VM_FAULT_COMPLETED)**. The handler
# does nothing more. It does not release the lock, which is gone, and it does not try again, because all is
# done: {{new_attempts}} attempt.

# %% [markdown] id="mechanism"
# ## Mechanism: the empty corner
#
# A return value answers two questions. Is the fault *done*? Is the lock *held*? Two questions have four
# answers.
#
# | | lock held | lock dropped |
# |---|---|---|
# | **done** | `0`, LOCKED, NOPAGE | since Linux 6.0: **COMPLETED** [fact:completed] |
# | **not done** | an error; RETRY with RETRY_NOWAIT | RETRY |
#
# For a long time nobody missed the upper right corner. An attempt that released the lock had waited for
# something, and had to look again anyway. Dirty pages are the exception: the wait comes *after* the page is
# in place. Who had no word for that said RETRY, and paid with a second attempt. Since Linux 6.0 there is a
# word. [fact:dirty-shared-completes] For the caller it means "nothing to release, nothing to repeat".
# [fact:x86-completed]
#
# In the goals of lesson 00: **wait** comes last here, and after **decide** there is no **retry**.

# %% [markdown] id="worked"
# ## Worked example: a lock for each area
#
# In lesson 04, one slow reader and one patient writer stopped everybody. The scenario *vma-lock* is that
# again: R holds `mmap_lock` for reading while a slow disk works. W waits to write. Then T touches two pages
# of its own. What does T do about that, in three releases?

# %% id="predict-waits"
predict("14-waits", "")

# %% id="run-waits"
runs = [run("vma-lock", Tree.parse(name)) for name in ("v6_1", "v6_4", "v6_8")]
reveal("14-waits", f"{runs[2].tasks['T'].stats['acquisitions']} times")
lock_waits(runs[0], runs[1])

# %% [markdown] id="waits-text"
# In both of these T waits until the disk is done. Now look at *where* it waits, in the second of them, and
# then at the third:

# %% id="vma-trace"
for one in runs[1:]:
    print(f"tree {one.tree}")
    for event in one.trace.select("vma_lock", "lock_queued", "lock_granted", "attempt_end", task="T"):
        print(f"{event.t:>8} us  {event.text}")

# %% [markdown] id="vma-text"
# Since Linux 6.4, each area has a **lock of its own**. A fault from user mode first tries that one, and
# leaves `mmap_lock` alone. [fact:vma-lock] [fact:x86-vma-first] W wants to change the *list*, and does not
# touch T's area, so T passes. On 6.4 that works for T's first page, which is plain memory. The second is a
# page of a file, and for these 6.4 has to go back to `mmap_lock`. [fact:vma-lock-anonymous-first] By 6.8,
# both pass: T takes `mmap_lock` not once.

# %% [markdown] id="retry-text"
# ### RETRY, with a third meaning
#
# What if a fault under an area's lock meets something that it can't do there? On 6.4 a page that is swapped
# out (written to disk, its frame given away) is such a thing. [fact:vma-lock-swap]

# %% id="run-swap"
swapped = run("S9-swap", Tree.parse("v6_4"))
for event in swapped.trace.select("vma_lock", "lock_taken", "attempt", "attempt_end", "sleep", task="T")[:8]:
    print(f"{event.t:>6} us  {event.text}")

# %% id="numbers-swap" tags=["numbers"]
_first = swapped.trace.select("attempt_end", task="T")[0]
_asleep = swapped.trace.select("sleep", task="T")[0]
{"swap_retry": str(_first.t), "swap_sleep": str(_asleep.t)}

# %% [markdown] id="retry-meaning"
# Attempt 1 gives RETRY at {{swap_retry}} us. T has not slept yet; its sleep comes later, at {{swap_sleep}}
# us, in the second attempt. So this RETRY did **not** wait for anything. It says: "not under this lock. Take
# the big one, and do it again". You learned in lesson 10 that each RETRY has waited first, or a fault could
# spin. Under an area's lock that is no longer so. It can't spin all the same, because the second attempt has
# no area's lock.
#
# And look at the flags of attempt 2: no [TRIED](term:FAULT_FLAG_TRIED). As nothing was waited for, this
# counts as a *first* attempt, which may drop the lock. In Linux 6.8, only if the first pass gave MAJOR as
# well is TRIED set. [fact:x86-vma-tried]

# %% [markdown] id="order"
# ## Order the lines: a fault with two passes
#
# A read in user mode, on a page of a [userfaultfd](term:userfaultfd), in Linux 6.8. [fact:uffd-vma-lock] Put
# in order what happens, up to the second look. One line does not belong there.

# %% id="order-pass"
order("14-pass", "")

# %% [markdown] id="gap"
# ## Fill the gap: what a caller does with a return value

# %% id="fill-finish"
fill("14-finish", done="", again="", end="")

# %% [markdown] id="write"
# ## Write it: teach an old handler a new word
#
# This is the loop of Linux 5.7, without signals. It does not know COMPLETED. Run it on the kernel of 6.0,
# which uses that word. [fact:completed]

# %% id="imports"
from pyemu.flags import VM_FAULT_COMPLETED, VM_FAULT_RETRY
from pyemu.stubs import FAULT_FLAG_TRIED, down_read, find_vma, handle_mm_fault

print(f"COMPLETED is {VM_FAULT_COMPLETED:#x}, RETRY is {VM_FAULT_RETRY:#x}, TRIED is {FAULT_FLAG_TRIED:#x}.")

# %% id="old-loop"
async def my_loop(mm, regs, address, flags):
    while True:
        await down_read(mm)
        vma = await find_vma(mm, address)
        fault = await handle_mm_fault(vma, address, flags)
        if not fault & VM_FAULT_RETRY:
            return fault  # who called this releases the lock now
        flags |= FAULT_FLAG_TRIED


# %% id="try-old-loop"
mine = run("completed", Tree.parse("v6_0"), handler_of(my_loop))
print(mine)
broken_rules(mine)

# %% [markdown] id="write-text"
# The value `7` is there, and yet a rule is broken: the handler released a lock that it did not have. On a
# real machine a writer could now get in beside a reader. **Your turn.** Add two lines to the loop. To say
# "the lock is gone, release nothing", return `None`.

# %% [markdown] id="break"
# ## Break it: what does this counter count?
#
# Here is one fault on a **riscv** machine: T reads a page that the disk has to bring. Attempt 1 waits,
# attempt 2 finds the page. It is one fault, so how many does Linux 5.7 count, minor and major together?
# [fact:p13-multi-retry]

# %% id="predict-count"
predict("14-count", "")

# %% id="run-count"
for name in ("before", "v5_7", "v5_10", "v6_8"):
    one = run("count-riscv", Tree.parse(name))
    minor, major = (one.tasks["T"].counters[kind] for kind in ("min_flt", "maj_flt"))
    print(f"{name:<7} minor {minor}  major {major}  pgfault {one.vmstat['pgfault']}")
    if name == "v5_7":
        reveal("14-count", str(minor + major))

# %% [markdown] id="count-text"
# Twice! This handler counts "while [ALLOW_RETRY](term:FAULT_FLAG_ALLOW_RETRY) is set", which meant *the first
# attempt*, as long as the flag was taken away after it. Patch 13 lets it stay, and nobody changed the
# counting. [fact:count-gated] From Linux 5.9 on, one rule in `handle_mm_fault` holds for all architectures:
# RETRY and errors count nothing. Otherwise it is major if this attempt says MAJOR *or was tried before*.
# [fact:count-once]
#
# With that you can explain the graph of 5.10. There, the useless second attempt of a dirty page carried
# TRIED. So it was counted as **major**, though no disk was read. [fact:count-dirty-shared-major] And
# `pgfault` in `/proc/vmstat` counted attempts up to Linux 6.3, and faults after.
# [fact:count-pgfault-attempt] [fact:count-pgfault-fault]
#
# A counter has a name, and the name does not change. What it means does. **Write the version on the graph.**

# %% [markdown] id="break-task"
# Which old scenario changes its numbers where? Try S13 (a wake without a page), S9 (a signal during a disk
# read) and S10a (a signal, then the page) with the releases of your choice, and explain each change with one
# of the facts above.

# %% id="own-count"
SCENARIO, RELEASES = "S10a", ("v5_7", "v5_10", "v6_8")
for name in RELEASES:
    one = run(SCENARIO, Tree.parse(name))
    count = one.tasks["T"].counters
    print(f"{name:<6} minor {count['min_flt']}  major {count['maj_flt']}  pgfault {one.vmstat['pgfault']}")

# %% [markdown] id="walk"
# Step through the first pair once more, and stop where the lock is released. What may T still do with its
# area from there on?

# %% id="stepper"
stepper(old, new)

# %% [markdown] id="real"
# ## The real thing: in which version what came
#
# | since | what |
# |---|---|
# | v5.8 | `mmap_sem` is called `mmap_lock` [fact:mmap-lock-name] |
# | v5.9 | one rule for counting [fact:count-once] |
# | v5.9 | `handle_userfault` sleeps once, and says RETRY [fact:uffd-one-sleep] |
# | v6.0 | COMPLETED, for dirty shared pages [fact:completed] |
# | v6.2 | drivers may let any signal end their waits [fact:foll-interruptible] |
# | v6.4 | a lock for each area, for plain memory first [fact:vma-lock] |
# | v6.5 | waiting for `mmap_lock` in a fault can be ended by SIGKILL [fact:x86-lock-killable] |
# | v6.7 | faults on a userfaultfd run under the area's lock, too [fact:uffd-vma-lock] |
#
# And one thing that did not come, up to Linux 7.1: a remedy for the [busy loop](term:busy loop) of lesson 10.
# [fact:b5-busy-loop]

# %% [markdown] id="questions"
# ## Questions
#
# Put a letter between the quotes. Each choice has its own comment.

# %% id="question-completed"
answer("14-completed", "")

# %% id="question-wait"
answer("14-wait", "")

# %% [markdown] id="recap"
# ## Recap
#
# - A return value says two things: done or not, lock held or dropped. COMPLETED is "done, and dropped".
# - A first write to a shared page took two attempts before Linux 6.0. Since then it takes one.
#   [fact:dirty-shared-completes]
# - Since Linux 6.4, a fault from user mode first tries the lock of its area. RETRY there may mean "take
#   `mmap_lock`", without any wait. [fact:vma-lock]
# - What a counter means changes with the version. Write the version on the graph.
#
# In one sentence of your own: why did an attempt that had done everything say RETRY?
#
# Next in the course: on a real machine. Add COMPLETED and the locks of areas to your own handler in the
# exercise [e12_beyond](../exercises/e12_beyond.ipynb), and write the rules of counting in
# [e08_counters](../exercises/e08_counters.ipynb).
