# ---
# title: "userfaultfd: faults served by user space"
# objective: You put message, fill, wake and second look into order, and say what a wake promises.
# needs: ["04"]
# out_of_scope: [how the older kernel counts its waits, what a signal does to the sleep, write-protection]
# minutes: 30
# ---

# %% [markdown] id="story"
# ## Story: a program that runs on when you look at it
#
# You write a monitor. Its program was saved to disk last night, and starts again this morning without its
# memory. Each page comes when it is first touched. The monitor reads the message of the
# **[userfaultfd](term:userfaultfd)** (the file descriptor over which the kernel asks, lesson 00), finds the
# page in the saved file, and brings it.
#
# Bringing a page takes two things: the page has to be **filled**, and the task that waits has to be
# **woken**. One call does both, `UFFDIO_COPY`. But to wake after each page costs time. So you fill quietly
# first, and wake later.
#
# In the afternoon the program stands still. `ps` shows it in state S, asleep. You look into its memory from
# outside: the page is there, with the right contents. You stop the program with SIGSTOP, to look closer, and
# find nothing. You let it go on with SIGCONT. And it runs on, as if nothing had been wrong.
#
# Why did it sleep, with its page in place? And what did you do to wake it?

# %% [markdown] id="cast"
# ### Who takes part
#
# ```c
# /* T: the program */       /* M: your monitor */
# char value = *page_1;      read(uffd, &message, sizeof message);
#                            copy.mode = UFFDIO_COPY_MODE_DONTWAKE;   /* fill quietly */
#                            ioctl(uffd, UFFDIO_COPY, &copy);
# ```
#
# You will write many small scenarios in this lesson, so here is a short way. `sketch` takes a line for each
# task, with a `;` between its steps. Page `0` is there from the beginning, the others are missing.
#
# | step | what the task does |
# |---|---|
# | `read 1` | reads from page `1` |
# | `wait_message` | waits for a message, and reads it |
# | `copy 1` | brings page `1`, full of fives, and wakes who waits for it |
# | `copy 1 byte=6` | the same with sixes, so that you see who got what |
# | `copy 1 wake=no` | fills page `1` without a wake |
# | `wake 1`, `wake 0-3` | wakes who waits for page `1`, or for any of the pages `0` to `3` |
# | `copy it`, `wake it` | the same for the page of the message that was read last |
# | `pause ticks=10000` | waits `10000` us |

# %% id="setup"
from course.predictions import answer, order, predict, reveal
from course.sketch import sketch
from course.views import ready, stepper, timeline
from pyemu import Tree, run
from pyemu.explore import explore

ready()

# %% id="sketch"
QUIET = "wait_message; pause ticks=10000; copy 1 wake=no"
quiet = sketch("quiet", T="read 1", M=QUIET)
print(quiet.story)

# %% [markdown] id="predict"
# ## Predict: filled, not woken
#
# T reads page `1`, which is missing. M gets the message and fills the page after `10000` us. It never sends a
# wake. What does T's read give, on the newer kernel?

# %% id="predict-quiet"
predict("05-quiet", "")

# %% [markdown] id="run"
# ## Run: the program stands still

# %% id="run-quiet"
still = run(quiet, Tree.after)
print(still)
print(still.end_text)
reveal("05-quiet", still.tasks["T"].outcome)

# %% [markdown] id="run-text"
# The emulator finds by itself that nobody can go on: T waits in `handle_userfault`, the function that asks
# the monitor. In your data centre it would sleep there until somebody restarts it.
#
# ## Trace: the page is there
#
# Look at the last two columns. They say who holds [`mmap_sem`](term:mmap_sem) (the lock on the list of
# [areas](term:area)), and where the page is. When does the page come, and what does T do after that?

# %% id="trace-quiet"
timeline(still)

# %% [markdown] id="trace-text"
# The page is present from `10001` us on. T does not notice. It is asleep, and **a sleeping task looks at
# nothing**. It does not watch the [page table](term:page table), and it does not watch the monitor. It sleeps
# until something ends its sleep.
#
# And that was your SIGSTOP. A signal, too, may end this sleep (lesson 07a says which, and when). T leaves its
# fault unfinished, goes back towards user mode, and stops on the way. After SIGCONT the *CPU* makes the
# access again, from the start. [fact:signal-stop-kernel] It finds the page. Try it: the same monitor, with
# the two signals.

# %% id="run-stop"
STOP = "signal task=T signal=SIGSTOP; pause ticks=10000; signal task=T signal=SIGCONT"
looked = run(sketch("looked at", T="read 1", M=f"{QUIET}; pause ticks=10000; {STOP}"), Tree.after)
print(looked)

# %% [markdown] id="mechanism"
# ## Mechanism: two services, and a second look
#
# `handle_userfault` is what an [attempt](term:attempt) calls when the page is missing and the area is
# registered with a userfaultfd. [fact:missing-before-alloc] With the goals of lesson 00:
#
# 1. **try**: may this attempt wait at all? If not: SIGBUS. [fact:uffd-order]
# 2. **wait**: put a message into the queue. *Then* look at the page once more: if it came in between, don't
#    sleep. [fact:uffd-queue-first] Release `mmap_sem`. Sleep.
# 3. **wake**: something has ended the sleep, a wake or a signal. On the newer kernel the attempt gives
#    [RETRY](term:VM_FAULT_RETRY), whatever it was.
# 4. **retry**, if it was a wake: take `mmap_sem`, look up the area, and make the next attempt. It looks at
#    the page.
#
# In step 2 you see two rules of the last lessons at work. First queue, then look: the other way round, a
# page could come after the look and before the queueing, and its wake would find nobody (lesson B2). And a
# wake between the look and the sleep? It is not lost either. T is marked as asleep *before* it looks, so the
# wake takes that mark away, and T does not fall asleep. [fact:uffd-queue-first]
#
# The other rule: sleep without the lock. `UFFDIO_COPY` takes `mmap_sem` for reading. [fact:uffd-copy] Suppose
# that T slept with the lock, and another thread queued up to write. While a writer waits, no new reader gets
# in (lesson B2). So M would wait behind that writer, the writer for T, and T for M.
#
# The monitor has two services, and they are independent:
#
# | M calls | does the page come? | is T woken? |
# |---|---|---|
# | `UFFDIO_COPY` | yes | yes [fact:uffd-copy] |
# | `UFFDIO_COPY` with `DONTWAKE` | yes | no |
# | `UFFDIO_WAKE` | no | yes [fact:uffd-wake] |
# | `UFFDIO_COPY` of a page that is there | it stays as it is | no, it fails: EEXIST [fact:uffd-copy] |
#
# So a filled page is not a wake: you have seen that. Now the other half.

# %% [markdown] id="worked"
# ## Worked example: one wake for all
#
# You mend your monitor: it fills quietly, and sends one wake for *all* pages at the end. `UFFDIO_WAKE`
# takes a range of addresses. Two threads are waiting now, T for page `1` and U for page `2`. M has page `1`
# already; page `2` is still on its way.

# %% id="wide"
WIDE = "wait_message; wait_message; pause ticks=10000; copy 1 wake=no; wake 0-3"
MORE = "wait_message; pause ticks=10000; copy it byte=6"
wide = sketch("one wake for all", T="read 1", U="read 2", M=f"{WIDE}; {MORE}")
print(wide.story)

# %% [markdown] id="wide-text"
# The wake comes at `10002` us. It wakes T, whose page is there. And it wakes U, whose page is not. What
# becomes of U, on the newer kernel?

# %% id="predict-wide"
predict("05-wide", "")

# %% id="run-wide"
newer = run(wide, Tree.after)
print(newer)
asked = newer.tasks["U"].stats["messages_queued"]
reveal("05-wide", f"{newer.tasks['U'].outcome}, {asked} messages")

# %% id="trace-wide"
for event in newer.trace.select("message", "wake", "attempt", "attempt_end", task="U"):
    print(event.t, "us:", event.text)

# %% id="numbers-wide" tags=["numbers"]
_attempts = newer.trace.select("attempt", task="U")
_wakes = newer.trace.select("wake", task="U")
{
    "u_attempts": newer.tasks["U"].stats["attempts"],
    "u_messages": asked,
    "u_exceptions": newer.tasks["U"].stats["exceptions"],
    "t_wake": str(_wakes[0].t),
}

# %% [markdown] id="wide-explained"
# Read it slowly, because this is the heart of the matter. At {{t_wake}} us U is woken. Its attempt ends with
# RETRY. Attempt 2 looks at the page: still missing. And **the kernel asks again**: a second message for the
# same page. U goes back to sleep. After the second wake, attempt 3 finds the page.
#
# That makes {{u_messages}} messages and {{u_attempts}} attempts, in {{u_exceptions}}
# [page fault](term:page fault). Nobody has cheated, and nothing is broken. A wake says one thing only: **look
# again**. It does not say that the page is there, and not whose wake it was. It carries nothing.
#
# Your monitor has to know this, too. A second message for the same address, from the same thread, is normal.
# A monitor that keeps a list of "pages already asked for", and drops the second message, makes U sleep for
# ever.
#
# So serve it again? Look at a monitor that does. T's page is filled quietly, a moment *after* T has asked the
# second time. Then M reads that second message, and answers it with `copy it`. Then with `wake it`.

# %% id="run-again"
AGAIN = "wait_message; wake 0-3; pause ticks=1000; copy 1 wake=no; wait_message"
for last in ("copy it", "wake it"):
    result = run(sketch(last, T="read 1", M=f"{AGAIN}; {last}"), Tree.after)
    print(result, result.end_text)

# %% [markdown] id="again-text"
# The copy failed with EEXIST, as in the last row of the table. What fails wakes nobody, and T sleeps on
# beside its page. So a careful monitor answers *each* message by a copy, and an EEXIST by a wake.
#
# And on the older kernel? You know from lesson 00 what happens to an attempt that may not wait.

# %% id="run-older"
older = run(wide, Tree.before)
print(older)

# %% [markdown] id="older-text"
# One wake that was meant for T, and U gets a SIGBUS, which would kill it (here its handler caught it). Why
# the older kernel lets a fault wait only once is lesson 06.
#
# ### Walk through it yourself
#
# The stepper shows both runs at one event. It opens where the runs part: go back from there to the first wake
# of U. What is U allowed to do in attempt 2, left and right? And who holds `mmap_sem` while M fills a page?

# %% id="stepper"
stepper(older, newer)

# %% [markdown] id="order"
# ## Order the lines: from the load to the value
#
# Here is the whole way of one served fault. M is slow in this one: it reads the message when T sleeps
# already. One line is wrong, and has to stay out.

# %% id="order-way"
order("05-way", "")

# %% [markdown] id="write"
# ## Write it: a monitor for two
#
# T reads page `1` and U reads page `2`, at the same time. Write the monitor that serves both. The one below
# serves T and forgets U. Change the line in the quotes and run the cell until both have their `5`.

# %% id="my-monitor"
my_monitor = "wait_message; copy 1"
mine = sketch("mine", T="read 1", U="read 2", M=my_monitor)
served = run(mine, Tree.after)
print(served)
print(served.end_text or "Everybody came to an end.")

# %% [markdown] id="break"
# ## Break it: in another order
#
# It works? It worked *in that order of events*. The next cell lets the emulator try every order: T first, U
# first, M in between. (`explore` from lesson 04 does not run one schedule, but all.) It counts **moves**: one
# step of one task. A **state** is where all tasks stand after some moves. If a rule breaks, it prints the
# shortest order that leads there: `U*13 M*6` means that U makes thirteen moves, and then M six.

# %% id="explore-mine"
print(explore(mine, Tree.after))

# %% [markdown] id="break-text"
# If it says "no rule is broken", your monitor is right in each of these orders. If you find a `hang`, read
# who waits, and think about the message that came first.
#
# This monitor looks right, and passes the run above:

# %% id="explore-fixed"
FIXED = "wait_message; copy 1; wait_message; copy 2"
print(explore(sketch("in fixed order", T="read 1", U="read 2", M=FIXED), Tree.after))

# %% [markdown] id="break-task"
# It takes it for granted that the first message is T's. In the schedule of the hang, U comes first. M reads
# U's message, and fills page `1`, which nobody has asked for. Then T comes, finds its page, and asks for
# nothing. M waits for a second message that never comes, and U waits for M.
#
# **Your turn.** In the cell above, change two words of `FIXED` so that each message gets *its* page. Run the
# cell again. (Monitors that read both messages before they bring anything pass as well. They only let the
# first one wait.)

# %% id="numbers-real" tags=["numbers"]
from course.conform.experiment import Experiment
from course.conform.prediction import predict as _predict

_numbers = {}
for _event in ("none", "wake1", "wake3", "close"):
    for _kernel, _tree in (("4", Tree.before), ("7", Tree.v5_7)):
        _fields = _predict(Experiment("user_read", _event), _tree).fields
        _numbers[f"{_event}_{_kernel}"] = f"`{_fields['outcome']}`, {_fields['messages']}"
_numbers

# %% [markdown] id="real"
# ## The real thing: a monitor that wakes, and one that dies
#
# In Linux all this stands in `fs/userfaultfd.c`, in `handle_userfault`. Its rules are those of the list
# above. Its **try** and **wait** are the same in Linux 5.4, 5.7 and 5.10. [fact:uffd-order]
# [fact:uffd-queue-first] Its **wake** has a history. Up to Linux 5.6 the answer was not always RETRY: that is
# the story of lesson 08. [fact:uffd-nopage-after-signal] From Linux 5.9 on the function does not even look at
# what ended the sleep. [fact:uffd-one-sleep] It need not: a fault can ask again, as often as it takes.
#
# A C program read a missing page on two real kernels. Outcome and number of messages:
# [fact:wake-is-fatal-before] [fact:wake-is-harmless-after] [fact:uffd-close]
#
# | the monitor | 5.4.59, before the series | 5.7.14, after it |
# |---|---|---|
# | brings the page | {{none_4}} | {{none_7}} |
# | wakes once without it, then brings it | {{wake1_4}} | {{wake1_7}} |
# | wakes three times without it, then brings it | {{wake3_4}} | {{wake3_7}} |
# | closes its userfaultfd | {{close_4}} | {{close_7}} |
#
# The last line is a monitor that dies. Closing wakes every waiter, and brings no page. So why no SIGBUS, not
# even on the older kernel? Because the second look finds plain memory: the area belongs to no userfaultfd
# any more. [fact:uffd-close] A plain missing page is filled with zeros, and nobody has to wait for that.
# The program lives, and reads a `0` that was never in its memory. You decide whether that is better.
#

# %% [markdown] id="questions"
# ## Questions
#
# Put a letter between the quotes. Each choice has its own comment.

# %% id="question-after"
answer("05-after", "")

# %% id="question-twice"
answer("05-twice", "")

# %% [markdown] id="recap"
# ## Recap
#
# - To serve a fault takes two things: fill the page, and wake who waits. `UFFDIO_COPY` does both, unless you
#   ask it not to.
# - A sleeping task looks at nothing. A page that is filled without a wake is not noticed.
# - A wake means "look again". It carries no page, and it may be meant for somebody else.
# - So after a wake the kernel looks. If the page is still missing, the newer kernel asks again: one message
#   more for the same page.
# - The kernel queues first and looks then, and it sleeps without `mmap_sem`.
# - A monitor answers the message that it got, not the one that it expected. If its copy says EEXIST, it sends
#   a wake.
#
# In one sentence of your own: why may a monitor not drop a second message for the same page? (Yours may say:
# who asks again sleeps again, and only a wake ends that.)
#
# Next: lesson 06, in which a fault may wait only once.
