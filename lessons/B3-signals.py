# ---
# title: A signal from kill() to handler
# objective: You say of five signals whether they are pending, which sleep they end, and where they are taken.
# needs: [B2]
# out_of_scope: [real-time signals, signals between threads in detail, what a signal does to a page fault]
# minutes: 25
# ---

# %% [markdown] id="skip"
# ### May you skip this bridge?
#
# Five questions say whether you know what this **bridge** is about. Answer them, then run the last cell of
# this part.

# %% id="setup"
from course.decide import own_signals
from course.predictions import answer, order, predict, reveal, self_test
from course.sketch import sketch
from course.views import ready, stepper, timeline
from pyemu import Tree, run

ready()

# %% id="test-1"
answer("B3-test-1", "")

# %% id="test-2"
answer("B3-test-2", "")

# %% id="test-3"
answer("B3-test-3", "")

# %% id="test-4"
answer("B3-test-4", "")

# %% id="test-5"
answer("B3-test-5", "")

# %% id="self-test"
self_test("B3")

# %% [markdown] id="story"
# ## Story: three orders, one meal
#
# Your program cooks. Others tell it of each order by a **signal**: a short notice from one program to
# another, by way of the kernel, sent with `kill()`. It has a number, and next to no content. The program has
# a **handler** for SIGUSR1, a function of its own that the kernel calls when the signal comes. The handler
# adds one to a counter.
#
# ```c
# void handler(int signal) { orders++; }
# ```
#
# For months it has counted well. Then, on a busy evening, three orders come and one is cooked. The senders
# swear that they have called `kill()` three times, and that it returned `0` each time. In the log you see
# that the program was in the middle of a `write()`, a slow one.
#
# Where did two signals go? And was one lucky, or is it always one?

# %% [markdown] id="cast"
# ### Who takes part
#
# T writes memory to a file (the step `tmpfs_write`). The page of memory is missing, and the monitor M has to
# bring it (lesson 00). So the *kernel*, which copies for T, sleeps. Meanwhile M sends SIGUSR1 three times.
# Then it brings the page. You run on the older kernel.

# %% id="scenario"
THREE = "signal task=T signal=SIGUSR1; " * 3
WAIT = "pause ticks=5000"
orders = sketch("orders", T="tmpfs_write 1", M=f"wait_message; {WAIT}; {THREE} {WAIT}; copy 1")

# %% [markdown] id="predict"
# ## Predict: how often does the handler run?

# %% id="predict-three"
predict("B3-three", "")

# %% [markdown] id="run"
# ## Run: three signals

# %% id="run-three"
evening = run(orders, Tree.before)
print(evening)
reveal("B3-three", str(evening.tasks["T"].stats["handler_runs"]))

# %% [markdown] id="crash"
# One. It is not luck, it is always one. And `write()` gave {{wrote}}, the full length: nothing has failed,
# and nobody was told that anything was lost.

# %% id="numbers-three" tags=["numbers"]
_sent = evening.trace.select("signal_sent")
_taken = evening.trace.select("signal_taken")
_woken = evening.trace.select("wake", task="T")
{
    "wrote": evening.tasks["T"].outcome.removeprefix("ret="),
    "sent_at": str(_sent[0].t),
    "taken_at": str(_taken[0].t),
    "woken_at": str(_woken[0].t),
}

# %% [markdown] id="trace"
# ## Trace: from kill() to handler
#
# Follow SIGUSR1 through the column of T. When is it sent? What does T do at that moment? When does the
# handler start, and what has T finished by then?

# %% id="timeline"
timeline(evening)

# %% [markdown] id="trace-text"
# The signals are sent at {{sent_at}} us. T does nothing about them: it sleeps in state D, and goes on
# sleeping. At {{woken_at}} us the page comes, and T wakes up. It finishes the copy, and `write()` has its
# result. The handler starts at {{taken_at}} us, on the way back from the kernel to T's own code.

# %% id="stepper"
stepper(evening)

# %% [markdown] id="mechanism"
# ## Mechanism: five stations
#
# A signal does not "hit" a program. It goes through stations.
#
# 1. **Sent.** Does T *ignore* this signal? Then it is dropped here and now, and nothing of it is left.
# 2. **Queued.** The kernel notes it for T: one mark for each *kind* of signal. If the mark is there already,
#    nothing is added. So three SIGUSR1 that nobody has taken yet are **one** SIGUSR1.
# 3. **[Pending](term:pending signal).** Does T *block* it (ask the kernel to hold it back)? Then it stays in
#    the queue, and T is not told. Otherwise the kernel sets a bit of T: "there is something for you". Only
#    this bit is what kernel code asks for, with `signal_pending`. [fact:signal-pending]
# 4. **Wakes.** If T sleeps in a sleep that listens to it, the sleep ends. S listens to every pending signal,
#    the [killable](term:TASK_KILLABLE) kind of D to SIGKILL, and the other kind of D to none (lesson B2).
#    [fact:signal-wakes]
# 5. **Taken.** When T is about to go from the kernel back to user mode, it looks at the bit, and takes what
#    is there. A handler is started, or T stops, or T dies. [fact:signal-delivery]
#
# The fifth station is the one to remember. **A signal is taken on the way to user mode, and nowhere else.**
# The kernel can't call your handler in the middle of a `write()`: a handler is user code, and runs in user
# mode, on your stack, with all that it may do, even a `write()` of its own. What a signal *can* do in the
# kernel is to end a sleep. What comes then is the business of the code that slept.
#
# So there are two questions that people mix up. "What ends the sleep?" is the fourth station. "When does the
# handler run?" is the fifth.

# %% [markdown] id="worked"
# ## Worked example: the same three, while T reads
#
# Now T reads the page itself, in user mode. It sleeps in S. The three signals come one millisecond apart.

# %% id="spread"
APART = "signal task=T signal=SIGUSR1; pause ticks=1000; " * 3
apart = sketch("apart", T="read 1", M=f"wait_message; {APART} copy 1")

# %% id="predict-apart"
predict("B3-apart", "")

# %% id="run-apart"
again = run(apart, Tree.before)
reveal("B3-apart", str(again.tasks["T"].stats["handler_runs"]))
for event in again.trace.select("signal_sent", "wake", "signal_taken", "exception"):
    if event.task == 1 or event.kind == "signal_sent":
        print(f"{event.t:>5} us  {event.text}")

# %% id="numbers-apart" tags=["numbers"]
{"n_faults": again.tasks["T"].stats["exceptions"], "n_runs": again.tasks["T"].stats["handler_runs"]}

# %% [markdown] id="apart-text"
# {{n_runs}} handler runs. Each signal ends the sleep, the fault is given up, and T goes back to user mode:
# there the signal is taken. Then T makes its read again, has a new [page fault](term:page fault), and sleeps
# again. So there are {{n_faults}} page faults for one read. You lose nothing if each signal is taken before
# the next is sent.
#
# (That a *fault* may be given up for a signal is a story of its own: lesson 07a.)

# %% [markdown] id="order"
# ## Order the lines: the way of one signal
#
# T sleeps in S, in the page fault of its read. Somebody sends SIGUSR1. Put in order what happens. One line
# does not belong there.

# %% id="order-way"
order("B3-way", "")

# %% [markdown] id="gap"
# ## Fill the gap: five signals
#
# Fifteen cells, line by line: after it was sent, is `signal_pending` true for T? Does it end a sleep in S?
# Does it end a killable sleep in D? Put `y` or `n`. What is right is read from ten runs.

# %% id="own-signals"
own_signals("??? ??? ??? ??? ???")

# %% [markdown] id="gap-text"
# The first two lines are what is forgotten most often. **A signal that is ignored or blocked changes
# nothing** for a task that waits. A test with such a signal shows that your kernel looks at the bit, and not
# at the queue.
#
# And SIGSTOP is a signal like any other. It does not freeze a task from outside. The task *stops itself*, at
# the fifth station. If it sleeps in the kernel for a `write()`, it stops only after that.
# [fact:signal-stop-kernel]

# %% [markdown] id="break"
# ## Break it: lose exactly one
#
# Change the pauses in the next cell so that the handler runs exactly *twice*. Three signals have to be sent.
# What do you have to take away, and where?

# %% id="break-it"
SEND = "signal task=T signal=SIGUSR1"
mine = f"wait_message; {SEND}; pause ticks=1000; {SEND}; pause ticks=1000; {SEND}; pause ticks=1000; copy 1"
lose = run(sketch("lose one", T="read 1", M=mine), Tree.before)
print(len(lose.trace.select("signal_sent")), "sent,", lose.tasks["T"].stats["handler_runs"], "handler runs")

# %% [markdown] id="real"
# ## The real thing: ten alarms
#
# A program on Linux 5.7.14 set a timer that sends SIGALRM ten times, and waited for a page. When it waited
# in a page fault of its own, the handler ran ten times. When the kernel waited for it, in a copy, the
# handler ran once. [fact:signal-not-queued]
#
# What else is known about real kernels:
#
# - Signals are taken only on the way back to user mode, after an exception or a system call, from Linux 5.4
#   to 6.18. [fact:signal-delivery]
# - A signal that is sent to a *process* goes to one thread that can take it: one that does not block it, and
#   that runs or has nothing pending (Linux 5.7). [fact:signal-who]
# - SIGCHLD and SIGCONT are ignored, if there is no handler (Linux 5.7). [fact:signal-default-ignored]
# - A deadly signal becomes SIGKILL for every thread at once (Linux 5.7). [fact:signal-group-fatal] So it
#   ends killable sleeps, too.
#
# So how should your kitchen count orders? Not by signals. Their number is not kept. A signal says "look", as
# a wake does. What there is to see has to stand somewhere else: in a file, a pipe, a piece of shared memory.

# %% [markdown] id="questions"
# ## Questions
#
# Put a letter between the quotes. Each choice has its own comment.

# %% id="question-ignored"
answer("B3-ignored", "")

# %% id="question-where"
answer("B3-where", "")

# %% [markdown] id="recap"
# ## Recap
#
# - Sent, queued, pending, wakes, taken: five stations.
# - Ignored: dropped when sent. Blocked: queued, and not pending. Neither changes anything for a task that
#   waits.
# - There is one mark for each kind. Three SIGUSR1 that are not taken yet are one.
# - What ends a sleep, and when a handler runs, are two questions.
# - A signal is taken on the way to user mode: a handler starts, or the task stops, or it dies.
#
# In one sentence of your own: why does SIGSTOP not stop a task in the middle of a `write()`?
#
# Next in the course: lesson 07a, one rule, two signals.
