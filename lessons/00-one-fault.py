# ---
# title: One fault, start to end
# objective: You tell from a trace which of two kernels ran it, and name the flag that gives it away.
# needs: [C]
# out_of_scope: [page tables and the TLB, signals, how to write a userfaultfd monitor]
# minutes: 25
# ---

# %% [markdown] id="story"
# ## Story: a helper that wakes too early
#
# You move a running program to another machine. Its memory is large, so you start the program there before
# its memory has arrived. Memory travels in blocks of `4096` bytes, called **pages**.
#
# Sooner or later the program touches a page that is still missing. The CPU can't finish that instruction. It
# stops it and jumps into the **kernel**, the core of the operating system. This is a **page fault**: the
# kernel's chance to bring the page, so that the instruction can be made again.
#
# Here the kernel does not know where the page is. But a helper does: the **monitor**, a second program of
# yours. Linux lets it serve the page faults of the first program through a **userfaultfd**, a file descriptor
# on which the kernel sends a **message** for each missing page. The program sleeps meanwhile. The monitor
# fetches the page, hands it to the kernel, and the kernel **wakes** the program.
#
# One day the program dies. The kernel has sent it **SIGBUS**, the signal for memory that can't be reached. You
# look: the address was fine. You look at the monitor's log: a message came, and by mistake the monitor sent a
# wake while the page was still on its way.
#
# On a newer kernel the same two programs, with the same mistake, work. You are about to find the
# difference. It is one bit.

# %% [markdown] id="cast"
# ### Who takes part
#
# A **task** is what Linux calls anything that runs: a program, or one thread of it. There are two.
#
# ```c
# /* T, the program */            /* M, the monitor */
# char value = *page;             read(uffd, &message, sizeof message);
#                                 ioctl(uffd, UFFDIO_WAKE, &range);   /* a wake, and no page */
#                                 read(uffd, &message, sizeof message);
#                                 ioctl(uffd, UFFDIO_COPY, &copy);    /* the page, full of 5s */
# ```
#
# You run them on an **emulator**: a program that imitates the CPU and this part of the Linux kernel. It has a
# clock of its own, so each run gives the same result to the microsecond.

# %% id="setup"
from course.predictions import answer, predict, reveal
from course.views import counters, ready, side_by_side, stepper, timeline
from pyemu import Scenario, Tree, run

ready()

# %% [markdown] id="trees"
# A **scenario** says what the tasks do. This one is called S13.

# %% id="scenario"
print(Scenario.load("S13").story)

# %% [markdown] id="two-trees"
# A **tree** says which kernel they run on. Between Linux 5.6 and Linux 5.7, a series of sixteen patches changed
# how a page fault waits and tries again ("mm: Page fault enhancements", by Peter Xu, 2020).
#
# - `Tree.before` is the older kernel: Linux 5.6, none of the sixteen patches.
# - `Tree.after` is the newer kernel: all sixteen, as they were merged for Linux 5.7.

# %% [markdown] id="predict"
# ## Predict: what does T get?
#
# Choose before you run anything. Put your letter between the quotes, and run the cell.

# %% id="predict-wake"
predict("00-wake", "")

# %% [markdown] id="run"
# ## Run: the older kernel

# %% id="run-before"
before = run("S13", Tree.before)
print(before)
reveal("00-wake", before.tasks["T"].outcome)

# %% [markdown] id="crash"
# T's read did not give a value. It ended in SIGBUS. (The `2` is `BUS_ADRERR`: "there is no memory at this
# address". That is not true; the page was on its way.)

# %% [markdown] id="trace"
# ## Trace: what happened on the way
#
# A **trace** is the list of all events of a run. The next cell draws it as a timeline: time runs down, and
# each task has a column. You will meet these words:
#
# - **area**: a range of addresses with the same rules. The kernel calls it a *VMA* and finds it with `find_vma`.
#   That a monitor serves these pages is one of the area's rules.
# - **`mmap_sem`**: the lock on the list of areas. Many tasks may hold it for reading; who wants to change the
#   list needs it alone, for writing. (From Linux 5.8 on it is called `mmap_lock`.)
# - **attempt**: one call of `handle_mm_fault`, the function that tries to get the page.
# - **flags**: a number that says what the attempt is allowed to do. Each bit has a name.
# - **state S**: asleep.
# - **RETRY**: an attempt's way of saying "I had to wait, and I released the lock; please look again".
#   **MAJOR** comes with it: this fault had to wait for its page.
#
# Read down the two columns. Where does T get the wake? What does it do next?

# %% id="timeline-before"
timeline(before)

# %% [markdown] id="mechanism"
# ## Mechanism: six goals of a page fault
#
# The column *goal* names what the kernel is after. Any page fault that waits goes through these six.
#
# 1. **find vma**: take `mmap_sem` and look up the area. Is this address allowed at all?
# 2. **try**: call `handle_mm_fault`. If the page is there, all is done.
# 3. **wait**: it is missing, so send a message, release `mmap_sem`, sleep. Whoever sleeps with the lock would
#    make others wait too.
# 4. **wake**: somebody has woken T. T does not know why.
# 5. **decide**: look at what the attempt gave. A page? An error? RETRY?
# 6. **retry**: after RETRY, take the lock again and look up the area *again*. While T slept without the
#    lock, the list of areas may have changed.
#
# So the kernel does look again after a wake. A wake is a promise to look again, not a page. The mystery is the
# second attempt: it finds the page missing, as the first one did, and does something else. Print what the two
# attempts were allowed to do.

# %% id="flags-before"
for attempt in before.trace.select("attempt"):
    print(attempt.text)

# %% id="numbers-before" tags=["numbers"]
from pyemu.flags import FAULT_FLAG_ALLOW_RETRY, FAULT_FLAG_INTERRUPTIBLE, FAULT_FLAG_TRIED

_old = [f"{event.a:#x}" for event in before.trace.select("attempt")]
{
    "old_1": _old[0],
    "old_2": _old[1],
    "allow_retry": f"{FAULT_FLAG_ALLOW_RETRY:#x}",
    "tried": f"{FAULT_FLAG_TRIED:#x}",
    "interruptible": f"{FAULT_FLAG_INTERRUPTIBLE:#x}",
    "n_old_attempts": before.tasks["T"].stats["attempts"],
}

# %% [markdown] id="flags-explained"
# The first attempt ran with {{old_1}}, the second with {{old_2}}. Compare the names.
#
# - `USER` says that the access came from the program, not from the kernel itself. `KILLABLE` says that a
#   SIGKILL may end the wait. Both attempts have them.
# - `TRIED` ({{tried}}) is new in the second: "this fault has been tried before".
# - `ALLOW_RETRY` ({{allow_retry}}) is **gone**. It is the permission to release the lock, wait, and give RETRY.
#
# Without this permission an attempt may not wait for a monitor. The page is missing, waiting is forbidden: all
# that is left is an error, and the error is SIGBUS. The older kernel lets a fault wait once, for
# {{n_old_attempts}} attempts in all.

# %% [markdown] id="worked"
# ## Worked example: the newer kernel
#
# Same tasks, same mistake of the monitor. Choose first.

# %% id="predict-messages"
predict("00-messages", "")

# %% id="run-after"
after = run("S13", Tree.after)
print(after)
reveal("00-messages", str(after.tasks["M"].stats["messages"]))

# %% [markdown] id="side-by-side"
# T has its value. Put the two runs side by side: `≠` marks an event that both runs have, with other values.
# `>>` marks where they part.

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
# - **One flag decides.** The second attempt runs with {{old_2}} in the older kernel and with {{new_2}} in the
#   newer one. The newer word still holds `ALLOW_RETRY`, so the attempt may wait again. It sends a second
#   message. This time the monitor brings the page, and attempt 3 finds it.
# - **One flag is there and does nothing here.** The newer kernel has `INTERRUPTIBLE` ({{interruptible}}) from the
#   first attempt on ({{new_1}} against {{old_1}}). It lets any signal end the wait. No signal comes in this
#   scenario, so it changes nothing.
#
# The newer kernel needs {{n_new_attempts}} attempts and {{n_new_messages}} messages. It is still *one* page fault: the
# CPU faulted once, and the loop is inside the kernel. The counters say so.

# %% id="count"
counters(before, after)

# %% [markdown] id="walk"
# ### Walk through it yourself
#
# The **stepper** shows both runs at one event: who sleeps, who holds `mmap_sem`, which attempt runs with which
# flags, where the page is. Use the buttons, or Tab to the slider and press the arrow keys. It opens where the
# runs part. Find out:
#
# - Who holds `mmap_sem` while T sleeps?
# - Go back to the first `≠`. What differs there, and why did nothing come of it?
# - When does the page change from missing to present, and whose event is that?

# %% id="stepper"
stepper(before, after)

# %% [markdown] id="patch"
# ## The real patch: one line less
#
# The permission is cleared in one place, the loop around `handle_mm_fault`. In the emulator's words:
#
# ```python
# if fault & VM_FAULT_RETRY and flags & FAULT_FLAG_ALLOW_RETRY:
#     flags &= ~FAULT_FLAG_ALLOW_RETRY      # the older kernel only
#     flags |= FAULT_FLAG_TRIED
#     continue                              # take the lock, find the area, try again
# ```
#
# Patch 13 of the series, "mm: allow VM_FAULT_RETRY for multiple times" (commit `4064b9827063`), takes that line
# away. Is this patch alone the reason? Trees can be edited: leave it out of the newer kernel, and put it alone
# on top of the older one.

# %% id="one-patch"
for tree in (Tree.after - 13, Tree.parse("before+13")):
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
# ### Do real kernels agree?
#
# Yes. One small C program made this access, with a monitor that wakes once and brings nothing, on two real
# kernels:
#
# | kernel | outcome | messages |
# |---|---|---|
# | 5.4.59, before the series | `{{outcome_5_4}}` | {{messages_5_4}} |
# | 5.7.14, after the series | `{{outcome_5_7}}` | {{messages_5_7}} |
#
# (The recorded kernel is 5.4.59; `Tree.before` was written from the source of 5.6.4. For this access they
# agree.) You can ask the emulator in a terminal, with as many wakes as you like. In a clone of the course you
# can also compare it with all the records of these accesses:
#
# ```
# faultlab predict --kernel 5.7 --access user_read --event wake20
# faultlab conform tests/data/records/*.jsonl --access user_read
# ```

# %% [markdown] id="questions"
# ## Questions
#
# Three questions. Put a letter between the quotes; each choice has its own comment.

# %% id="question-older"
answer("00-older", "")

# %% id="question-rerun"
answer("00-rerun", "")

# %% id="question-which"
answer("00-which", "")

# %% [markdown] id="recap"
# ## Recap
#
# - A page fault is handled in six goals: find vma, try, wait, wake, decide, retry.
# - A wake brings no page. After it the kernel looks again, inside the same page fault.
# - Who waits for a monitor does not hold `mmap_sem`. So the area is looked up again after each RETRY.
# - Linux 5.6 allowed one wait in a fault: it cleared `ALLOW_RETRY`, and a second wait became SIGBUS. From
#   Linux 5.7 on, the permission stays.
# - In a trace, look at the flags of attempt 2: {{old_2}} without the permission, {{new_2}} with it.
#
# In one sentence of your own: why could the older kernel not wait a second time?
#
# Next: write the newer loop yourself, in exercise [e04_loop](../exercises/e04_loop.ipynb).
