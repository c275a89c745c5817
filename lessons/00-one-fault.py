# ---
# title: One fault, start to end
# objective: You tell from a trace which of two kernels ran it, and name the flag that gives it away.
# needs: [C]
# out_of_scope: [page tables and the TLB, what signals do to a fault, how to write a monitor]
# minutes: 25
# ---

# %% [markdown] id="story"
# ## Story: a helper that wakes too early
#
# You move a running program to another machine. Its memory is large, so you start the program there before
# its memory has arrived. Memory travels in blocks of `4096` bytes, called **pages**.
#
# Sooner or later the program reads from a page that is still missing. The CPU can't finish that
# instruction. It stops in the middle and calls the **kernel**, the core of the operating system. This is a
# **[page fault](term:page fault)**. The kernel brings the page, and the CPU makes the same access again. The
# program notices nothing.
#
# Here, the kernel does not know where the page is. A helper does: the **monitor**, a second program of
# yours. Linux lets it serve the page faults of the first one through a **userfaultfd**: a file descriptor
# from which the monitor reads a **message** for each missing page. The first program sleeps meanwhile. The
# monitor fetches the page and hands it to the kernel, and the kernel **wakes** the sleeper.
#
# Now and then, a program that you have moved fails. It happens only on machines with the older of two
# kernels, and the reports don't say how it fails. You read the monitor's source and find a mistake:
# sometimes it sends the wake while the page is still on its way. Is that the cause? And why does the newer
# kernel not mind?
#
# You are about to find out. The difference is one bit.

# %% [markdown] id="cast"
# ### Who takes part
#
# A **task** is what Linux calls anything that runs: a program, or one thread of it. There are two. In C,
# they would look like this (`ioctl` asks for a special service of a file descriptor):
#
# ```c
# /* T: the program */     /* M: the monitor */
# char value = *page;      read(uffd, &message, sizeof message);
#                          usleep(10000);                      /* the page is on its way */
#                          ioctl(uffd, UFFDIO_WAKE, &range);   /* wakes, brings nothing */
#                          read(uffd, &message, sizeof message);
#                          usleep(10000);
#                          ioctl(uffd, UFFDIO_COPY, &copy);    /* brings a page of 5s, and wakes */
# ```
#
# You run them on an **emulator**: a program that imitates the CPU and this part of the Linux kernel. It has
# a clock of its own, so each run gives the same result, to the microsecond.
#
# The cells below are Python. You need not write any: click into a cell and press Shift+Enter to run it.

# %% id="setup"
from course.predictions import answer, predict, reveal
from course.views import counters, ready, side_by_side, stepper, timeline
from pyemu import Scenario, Tree, run

ready()

# %% [markdown] id="scenario-text"
# A **scenario** says what the tasks do. This one is called S13. (How M gets the userfaultfd of T's memory,
# and other set-up, is left out.)

# %% id="scenario"
print(Scenario.load("S13").story)

# %% [markdown] id="trees"
# A **tree** says which kernel they run on. A **patch** is one change to the source of a program. For Linux
# 5.7, a series of sixteen patches changed how a page fault waits and tries again ("mm: Page fault
# enhancements" by Peter Xu, merged in 2020). [fact:series-goal]
#
# - `Tree.before` is the older kernel: Linux 5.6, none of the sixteen patches.
# - `Tree.after` is the newer kernel: the same with all sixteen, as they were merged for Linux 5.7.
#   [fact:series-goal]

# %% [markdown] id="predict"
# ## Predict: what does T get?
#
# Choose before you run on: put your letter between the two empty quotes, and run the cell.

# %% id="predict-wake"
predict("00-wake", "")

# %% [markdown] id="run"
# ## Run: the older kernel

# %% id="run-before"
before = run("S13", Tree.before)
print(before)
reveal("00-wake", before.tasks["T"].outcome)

# %% [markdown] id="crash"
# That is how it fails: T's read gives no value, it ends in **SIGBUS**. A **signal** is a short notice from
# the kernel to a program, and most signals end it. This one says "this memory can't be reached". Its code `2`
# is `BUS_ADRERR`, "there is no such memory". That is not true. The address is fine, and the page was on its
# way. Why, then? A few cells on, below the timeline, you can say.
#
# To show you this, T has a **handler**, a function of its own that the signal calls. It notes the signal
# and gives the read up. Without one, T would be dead.

# %% [markdown] id="trace"
# ## Trace: what happened on the way
#
# A **trace** is the list of all events of a run. The next cell draws it as a timeline. Time runs down, in
# microseconds (us), and each task has a column. You will meet these words:
#
# - **error code**: what the CPU says about the fault. `USER`: the program itself made the access.
# - **area**: a range of addresses with the same rules. One of the rules here is "this monitor serves the
#   missing pages". The kernel calls an area a *VMA* and finds it with `find_vma`.
# - **[`mmap_sem`](term:mmap_sem)**: the lock on the list of areas. Many tasks may hold it at once for
#   reading. To change the list, a task must hold it alone, for writing. (From Linux 5.8 on, it is called
#   `mmap_lock`.) [fact:mmap-lock-name]
# - **[attempt](term:attempt)**: one call of `handle_mm_fault`, the function that tries to get the page.
# - **flags**: a number that says what an attempt may do. Each bit has a name; what the names mean comes below
#   the timeline.
# - **state S**: asleep, until somebody wakes the task. (Signals may end such a sleep too: lesson 07a.)
# - **RETRY**: what an attempt gives to say "I had to wait and released the lock; look again". **MAJOR**
#   comes with it: this fault had to wait for its page.
#
# Error code, flags and RETRY are bits of three different numbers. The same bit means another thing in each:
# `0x4` is `USER` in the error code and `ALLOW_RETRY` in the flags. And the `0x2` that an attempt may end with
# is its own SIGBUS bit, not the code `2` of the signal.
#
# Read down. Where is T woken? What does it do next?

# %% id="timeline-before"
timeline(before)

# %% [markdown] id="mechanism"
# ## Mechanism: six goals of a page fault
#
# The column *goal* names what the kernel is after. A page fault that waits for a monitor goes through these
# six.
#
# 1. **find vma**: take `mmap_sem` and look up the area. Is this address allowed at all?
# 2. **try**: call `handle_mm_fault`. If it can get the page, all is done.
# 3. **wait**: the page is with the monitor. Send a message, release `mmap_sem`, sleep. If T slept with the
#    lock, everyone who wants to change the list of areas would have to wait as well.
# 4. **wake**: T runs again. It does not know whether the page has come.
# 5. **decide**: look at what the attempt gave. The page? An error? RETRY?
# 6. **retry**: after RETRY, take the lock and look up the area *again*. While T slept without the lock, the
#    list may have changed.
#
# So after a wake the kernel does look again. The mystery is the second attempt: it finds the page missing,
# as the first one did, but does not wait. Print what each attempt was allowed to do.

# %% id="flags-before"
for attempt in before.trace.select("attempt"):
    print(attempt.text)

# %% id="numbers-before" tags=["numbers"]
from pyemu import flags

_old = [f"{event.a:#x}" for event in before.trace.select("attempt")]
{
    "old_1": _old[0],
    "old_2": _old[1],
    "allow_retry": f"{flags.FAULT_FLAG_ALLOW_RETRY:#x}",
    "tried": f"{flags.FAULT_FLAG_TRIED:#x}",
    "interruptible": f"{flags.FAULT_FLAG_INTERRUPTIBLE:#x}",
    "user": f"{flags.FAULT_FLAG_USER:#x}",
    "killable": f"{flags.FAULT_FLAG_KILLABLE:#x}",
}

# %% [markdown] id="flags-explained"
# The first attempt ran with {{old_1}}, the second with {{old_2}}. Compare the names.
#
# - `USER` ({{user}}: the program made the access) and `KILLABLE` ({{killable}}: SIGKILL, the signal that ends
#   any program, may end the wait) are in both.
# - `TRIED` ({{tried}}) is new in the second: this fault has been tried before.
# - `ALLOW_RETRY` ({{allow_retry}}) is **gone**. It is the permission to release the lock, wait, and give
#   RETRY.
#
# Without this permission an attempt may not wait for a monitor. The page is missing and waiting is
# forbidden, so all that is left is an error: SIGBUS. The older kernel gives the permission to the first
# attempt only.
#
# That is why your programs fail only now and then. If the monitor brings the page *before* it wakes, the
# second attempt has {{old_2}} as well. But it finds the page, and need not wait.

# %% [markdown] id="worked"
# ## Worked example: the newer kernel
#
# Same tasks, same mistake of the monitor. Now it comes out well: the kernel sends a second message after the
# wake that brought nothing. How many attempts does that take? Choose first.

# %% id="predict-attempts"
predict("00-attempts", "")

# %% id="run-after"
after = run("S13", Tree.after)
print(after)
reveal("00-attempts", str(after.tasks["T"].stats["attempts"]))

# %% [markdown] id="side-by-side"
# T has its value: `ret=5` says that the read returned `5`. Now put the two runs side by side. `≠` marks an
# event that both runs have, with other values. `>>` marks where they part. Below the table stands what
# differs and why; `handle_userfault` is the part of `handle_mm_fault` that turns to the monitor.
#
# T "reads" twice on the right: at the beginning, and again at the very end. In between it is in the kernel.
# The second time, the CPU makes the access again, back in **user mode**, where the program's own code runs.
# (On the left, M wants a second message in the end. None comes, so it waits for ever.)

# %% id="compare"
side_by_side(before, after)

# %% id="numbers-after" tags=["numbers"]
_new = [f"{event.a:#x}" for event in after.trace.select("attempt")]
{
    "new_1": _new[0],
    "new_2": _new[1],
    "n_new_attempts": after.tasks["T"].stats["attempts"],
    "n_new_messages": after.tasks["M"].stats["messages"],
}

# %% [markdown] id="what-differs"
# ### What differs, and why
#
# - **One flag decides.** The second attempt runs with {{old_2}} in the older kernel and with {{new_2}} in
#   the newer one. Those are {{interruptible}} + {{user}} + {{tried}} + {{killable}} + {{allow_retry}}: they
#   still hold `ALLOW_RETRY`, so this attempt may wait too. It sends a second message. Now the monitor brings
#   the page and wakes T. T can't know that the page is there, so attempt 2 gives RETRY as well, and attempt 3
#   finds the page.
# - **One flag makes no difference here.** The newer kernel has `INTERRUPTIBLE` ({{interruptible}}) from the
#   first attempt on ({{new_1}} against {{old_1}}). It says that any signal may end the wait. No signal
#   comes in this scenario. (Under *The real patch*, you will try each change alone.)
#
# The newer kernel needs {{n_new_attempts}} attempts and {{n_new_messages}} messages. It is still *one* page
# fault: the CPU faulted once, and the loop is inside the kernel. The counters say so. (A
# **[major](term:major fault)** fault had to wait for its page, a **[minor](term:minor fault)** one did not. A
# fault that ends in an error is neither. *perf* is Linux's tool for counting events. *Signal handler runs*
# counts handlers that come back to where the program was. That of T's SIGBUS gives the read up.)

# %% id="count"
counters(before, after)

# %% [markdown] id="walk"
# ### Walk through it yourself
#
# The **stepper** shows both runs at one event: who sleeps, who holds `mmap_sem`, which attempt runs with
# which flags, where the page is, and at which line of the kernel's code the task stands. Use the buttons,
# click into the bars, or press Tab up to the slider and then the arrow keys. It opens where the runs part.
# Find out:
#
# - Who holds `mmap_sem` while T sleeps?
# - Go back to the first `≠`. What differs there, and why does nothing come of it?
# - Go forward. When does the page change from missing to present, and which task did that?
#
# (You should have found: nobody; `INTERRUPTIBLE`, and no signal comes; between the second message and the
# second wake, and it was M.)

# %% id="stepper"
stepper(before, after)

# %% [markdown] id="patch"
# ## The real patch: one line less
#
# The permission is taken away in the loop around `handle_mm_fault`. In the emulator's words:
#
# ```python
# fault = handle_mm_fault(vma, address, flags)
# if fault & VM_FAULT_RETRY and flags & FAULT_FLAG_ALLOW_RETRY:
#     flags &= ~FAULT_FLAG_ALLOW_RETRY      # the older kernel only
#     flags |= FAULT_FLAG_TRIED
#     continue                              # take the lock, find the area, try again
# ...                                       # otherwise it is over: the page is there, or an error
# ```
#
# Patch 13 of the series, "mm: allow VM_FAULT_RETRY for multiple times" (commit `4064b9827063`), removes
# that line. [fact:p13-multi-retry] Is this patch alone the reason? You can edit trees. Leave it out of the
# newer kernel; then put it, alone, on top of the older one. The last tree has patch 12 alone, which brings
# `INTERRUPTIBLE`.

# %% id="one-patch"
for tree in (Tree.after - 13, Tree.parse("before+13"), Tree.parse("before+12")):
    print(run("S13", tree))

# %% id="numbers-kernels" tags=["numbers"]
from course.conform.experiment import Experiment
from course.conform.prediction import predict as _predict

_fields = {
    name: _predict(Experiment("user_read", "wake1"), tree).fields
    for name, tree in (("5_4", Tree.before), ("5_7", Tree.v5_7))
}
{
    "outcome_5_4": _fields["5_4"]["outcome"],
    "messages_5_4": _fields["5_4"]["messages"],
    "outcome_5_7": _fields["5_7"]["outcome"],
    "messages_5_7": _fields["5_7"]["messages"],
}

# %% [markdown] id="real-kernels"
# So yes: without patch 13 the newer kernel fails as the older one does, and with it alone the older one
# works.
#
# ### Do real kernels agree?
#
# Yes. A small C program made this access on two real kernels, with a monitor that brings nothing the first
# time it wakes: [fact:wake-is-fatal-before] [fact:wake-is-harmless-after]
#
# | kernel | outcome | messages |
# |---|---|---|
# | 5.4.59, before the series | `{{outcome_5_4}}` | {{messages_5_4}} |
# | 5.7.14, after the series | `{{outcome_5_7}}` | {{messages_5_7}} |
#
# (The kernel that was recorded is 5.4.59. `Tree.before` was written from the source of 5.6.4. For this
# access the two agree. [fact:wake-is-fatal-before])
#
# If you like terminals: the first line asks the emulator the same, with twenty wakes that bring nothing. The
# second one compares it with what the real kernels did. It needs a clone of the course.
#
# ```
# faultlab predict --kernel 5.7 --access user_read --event wake20
# faultlab conform tests/data/records/*.jsonl --access user_read
# ```

# %% [markdown] id="questions"
# ## Questions
#
# Put a letter between the quotes. Each choice has its own comment, so a wrong one teaches as well.

# %% id="question-older"
answer("00-older", "")

# %% id="question-rerun"
answer("00-rerun", "")

# %% id="question-which"
answer("00-which", "")

# %% [markdown] id="recap"
# ## Recap
#
# - A page fault that waits has six goals: find vma, try, wait, wake, decide, retry.
# - A wake brings no page. After it the kernel looks again, inside the same page fault.
# - A task that waits for a monitor does not hold `mmap_sem`. So the area is looked up again after each
#   RETRY.
# - In Linux 5.6, only the first attempt may release the lock and wait: `ALLOW_RETRY` is cleared after it.
#   In Linux 5.7 the permission stays. [fact:flag-allow-retry-5-6] [fact:flag-allow-retry-5-7]
# - In a trace of one of these two kernels, look for `ALLOW_RETRY` ({{allow_retry}}) in the flags of
#   attempt 2. This read had {{old_2}} without it, {{new_2}} with it.
#
# In one sentence of your own: what is missing in the second attempt of the older kernel, and what is left for
# it to do? (Yours may say: without ALLOW_RETRY it may neither release the lock nor wait, so a missing page
# becomes an error.)
#
# After lesson 10 you write the newer loop yourself, in the exercise
# [e04_loop](../exercises/e04_loop.ipynb).
