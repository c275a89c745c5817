# ---
# title: Sleeping and waking
# objective: You name what ends each kind of sleep, and order check and queue so that no wake-up is lost.
# needs: ["B1"]
# out_of_scope: [how the scheduler chooses a task, spinlocks, what a signal does after it has woken a task]
# minutes: 25
# ---

# %% [markdown] id="skip"
# ### May you skip this bridge?
#
# A **bridge** is a short lesson about something that you may know. Five questions say whether you do. Answer
# them, then run the last cell of this part. It says whether you may go on to lesson 04.

# %% id="setup"
from course.decide import own_sleeps, try_wakeup
from course.predictions import answer, predict, reveal, self_test
from course.sketch import sketch
from course.views import every_interleaving, ready, timeline
from course.waiting import lock_waits, looks_first, readers
from pyemu import Tree, run

ready()

# %% id="test-1"
answer("B2-test-1", "")

# %% id="test-2"
answer("B2-test-2", "")

# %% id="test-3"
answer("B2-test-3", "")

# %% id="test-4"
answer("B2-test-4", "")

# %% id="test-5"
answer("B2-test-5", "")

# %% id="self-test"
self_test("B2")

# %% [markdown] id="story"
# ## Story: the worker that overslept
#
# You write a small server. A worker, T, waits for a page of data. A helper, M, brings it. If the page is
# there, T takes it. If not, T writes its name into a queue and goes to sleep. M brings the page, and wakes
# everybody whose name is in the queue.
#
# Once a week, T hangs. You look: the page is there. M has woken everybody, its log says so. T's name is in
# the queue. And T sleeps. When you restart it, it works at once, for another week.
#
# The code has five lines, and each one is right. You will find what is wrong, in less time than it took to
# write them.

# %% [markdown] id="lines"
# ### Five lines
#
# | | T | | M |
# |---|---|---|---|
# | `C` | **c**heck: is the page there? Then done | `P` | bring the **p**age |
# | `Q` | write my name into the **q**ueue | `W` | **w**ake all in the queue |
# | `Z` | sleep (**z**...), if nobody has woken me since `Q` | | |
#
# T and M run at the same time. Their lines mix, in any way that keeps T's order and M's order. There are ten
# such mixtures, called **[interleavings](term:interleaving)**. For example `C Q Z P W`: T checks, queues up,
# sleeps, and then M brings the page and wakes it. That works.

# %% [markdown] id="predict"
# ## Predict: how often does it go wrong?

# %% id="predict-lost"
predict("B2-lost", "")

# %% [markdown] id="run"
# ## Run: every interleaving

# %% id="run-lost"
from course.decide.wakeup import lost

reveal("B2-lost", str(len(lost("CQZ"))))
try_wakeup("CQZ")

# %% [markdown] id="crash"
# ## Trace: the one bad mixture
#
# There is your week. T checks, and the page is missing. Before T has written its name, M comes, brings the
# page, and wakes all in the queue: nobody. Then T writes its name, and sleeps. What T knew was true when it
# looked, and false when it lay down. This is the **[lost wake-up](term:lost wake-up)**.
#
# It needs M to come in between two neighbouring lines. That is why it takes a week, and why you never see it
# when you look.

# %% [markdown] id="mechanism"
# ## Mechanism: how a task sleeps
#
# What is "to sleep", for a kernel? A task that waits gives its processor away, and the kernel does not run
# it until somebody says so. Who says so, **wakes** it. The kernel keeps a word for each task, its **state**:
#
# - in line `Q`, T writes into its own state "I am going to sleep". It still runs;
# - in line `W`, M takes T out of the queue and sets T's state back to "runs";
# - in line `Z`, T calls `schedule()`. It gives the processor away *only if the state still says so*.
#
# That is what "if nobody has woken me since `Q`" means. A wake that comes between `Q` and `Z` is not lost:
# it has changed the state, and T does not lie down.

# %% [markdown] id="states"
# ## Worked example: the letters of `ps`
#
# The state says more than "sleeps". The command `ps` shows it as a letter. Four matter here.
#
# - **R**: runs, or could run.
# - **S**: an *[interruptible](term:TASK_INTERRUPTIBLE)* sleep. It ends by the wake, or by any signal that the
#   task would take.
# - **D**: an *[uninterruptible](term:TASK_UNINTERRUPTIBLE)* sleep. It ends by the wake. Signals have to wait.
# - **T**: *stopped*, by a SIGSTOP or by Ctrl-Z. It ends by SIGCONT.
#
# Two sleeps share the letter D. In a **[killable](term:TASK_KILLABLE)** one, SIGKILL may end it as well,
# because a task that is to die needs no result. From outside you can't tell the two apart.
#
# Here T reads a page and waits for M. Then it passes a page to `write()` (the step `tmpfs_write`), and the
# *kernel* waits for M, for T. The older kernel, Linux 5.6, sleeps in another way there.
# [fact:uffd-sleep-5-6]

# %% id="letters"
for access in ("read 1", "tmpfs_write 1"):
    one = sketch("letters", T=access, M="wait_message; pause ticks=1000; sample task=T; copy 1")
    _, _, _, letter = run(one, Tree.before).reports[0]
    print(f"{access:<14} {letter}")

# %% [markdown] id="order"
# ## Order the lines: no wake-up is lost
#
# Back to your worker. Exchange lines of T until it works in all ten interleavings. There are six orders.

# %% id="try-order"
try_wakeup("")

# %% [markdown] id="rule"
# ### First make yourself findable
#
# Found it? The rule is short: **first queue up, then check, then sleep**. From `Q` on, M finds you. If the
# page comes after your check, the wake finds your name, and your state. If it comes before your check, you
# see it. There is no gap in between.
#
# Linux does this wherever somebody waits for something. In `handle_userfault`, where a
# [page fault](term:page fault) waits for a monitor, it is the same three lines: put the entry into the queue
# and set the state, look at the page once more, sleep. [fact:uffd-queue-first]

# %% [markdown] id="gap"
# ## Fill the gap: which signal ends which sleep?
#
# Twelve cells, line by line. Put `y` (this signal ends the sleep at once) or `n` (it does not) in the place
# of each `?`. T has a handler for SIGUSR1 and none for SIGCONT. What is right is read from twelve runs.

# %% id="own-sleeps"
own_sleeps("??? ??? ??? ???")

# %% [markdown] id="gap-text"
# Look at the third line again. A task that waits like that can't be ended by anybody, not even with `kill
# -9`. It goes on when its disk answers, or never. If you have ever had to restart a machine because of a
# process in state D: this was it.

# %% id="figure-sleeps"
from course import figures

figures.sleeps()

# %% [markdown] id="rwsem"
# ### A lock to sleep for: many readers, one writer
#
# A lock that makes you sleep until you get it is a **semaphore**. [`mmap_sem`](term:mmap_sem), the lock on a
# process's list of [areas](term:area), is a *reader-writer* semaphore. Two rules you can guess: many may hold
# it for reading at once, and a writer is alone. The third rule is the one that surprises.
#
# Four threads of one process. `A` and `B` read a page that the disk brings after `10` ms, and hold
# `mmap_sem` for reading all the while. `W` comes after `1` ms and wants to *write*. `C` comes last, and
# wants to *read*, for a moment only.

# %% id="predict-third"
predict("B2-third", "")

# %% id="run-readers"
four = run(readers(), Tree.before)
for event in four.trace.select("lock_taken", "lock_queued", "lock_granted", "lock_dropped"):
    print(f"{event.t:>6} us  {four.trace.tasks[event.task - 1]}  {event.text}")

# %% id="reveal-third"
names = [four.trace.tasks[one.task - 1] for one in four.trace.select("lock_granted")]
reveal("B2-third", " then ".join(names))
lock_waits(four)

# %% [markdown] id="rwsem-text"
# `C` could share the lock with `A` and `B`. It may not: a writer is queued, and **who comes after a queued
# writer has to queue behind it**. This is for fairness. If new readers could always slip in, there would
# always be some reader, and a writer could wait for ever. (The emulator is strict about this. Linux makes
# exceptions, for speed, in some versions, but it sees to it that a writer's turn comes.)
#
# The price is that readers *do* block readers: one slow reader, one patient writer, and everybody stands
# still. (`A` and `B` hold the lock while they sleep. That they can do so is a property of this machine; most
# do it better. Lesson 04 is about that.)

# %% [markdown] id="break"
# ## Break it: the same two lines, in a kernel
#
# `handle_userfault` of the emulator queues first and looks then. `looks_first` is the same function with
# these two lines exchanged. M does not wait for T's message here; it brings page `1` on its own account. Run
# both once, with the schedule that comes by itself:

# %% id="break-run"
eager = sketch("eager", T="read 1", M="copy 1")
for handlers in (None, {"handle_userfault": looks_first}):
    print(run(eager, Tree.after, handlers))

# %% [markdown] id="break-text"
# Both work. You could test this for a week. `every_interleaving` does not run one schedule but *all* of
# them: every mixture of the steps of T and M (lesson 04 says more about it).

# %% id="explore-right"
every_interleaving(eager, Tree.after)

# %% id="explore-wrong"
found = every_interleaving(eager, Tree.after, handlers={"handle_userfault": looks_first})
found

# %% [markdown] id="explore-text"
# There it is: T sleeps for ever, and you have the shortest schedule that does it. Here are its moves.
# Compare what M does with the moment at which T queues up its message.

# %% id="explore-trace"
timeline(found.trace(rule="hang"))

# %% [markdown] id="real"
# ## The real thing: where Linux keeps these rules
#
# - A sleep of a fault on a userfaultfd: the entry goes into the queue, and the state is set, before the page
#   is looked at again. That is so from v5.4 to v7.1. [fact:uffd-queue-first]
# - `schedule()` does not sleep if the state is interruptible and any signal is pending, or if it is killable
#   and SIGKILL is. An uninterruptible sleep asks neither (Linux 5.6 and 5.7). [fact:signal-state]
# - Sending a signal wakes an interruptible sleeper. SIGKILL wakes a killable one as well (Linux 5.7).
#   [fact:signal-wakes]
# - Such sleeps are everywhere. A fault that waits for a page lock can be ended by SIGKILL within
#   milliseconds. [fact:signal-kill-anywhere] A page that is being moved is waited for in a sleep that no
#   signal ends. [fact:migration-waits]

# %% [markdown] id="questions"
# ## Questions
#
# Put a letter between the quotes. Each choice has its own comment.

# %% id="question-kill"
answer("B2-kill", "")

# %% id="question-reader"
answer("B2-reader", "")

# %% [markdown] id="recap"
# ## Recap
#
# - First queue up, then check, then sleep. Check first, and a wake-up can be lost.
# - The state of the task says whether a wake has come since it queued up.
# - S: ended by the wake or by any signal. D: ended by the wake; if killable, by SIGKILL as well. T: ended by
#   SIGCONT, or by SIGKILL.
# - In a reader-writer semaphore, who comes after a queued writer waits behind it, readers too.
# - A test run tries one schedule. `every_interleaving` tries all.
#
# In one sentence of your own: why is it not enough that T checks a moment before it sleeps?
#
# Next in the course: lesson 04, who waits on whom.
