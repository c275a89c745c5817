# ---
# title: Copying for a system call
# objective: You trace a copy of the kernel through a fault, the exception table and a short count.
# needs: ["B1", "06"]
# out_of_scope: [signals during a copy, copies with page faults disabled, faults on the kernel's own memory]
# minutes: 25
# ---

# %% [markdown] id="skip"
# ### May you skip this bridge?
#
# Answer the five questions, then run the last cell of this part. It says whether you may go on to lesson
# 07b.

# %% id="setup"
from course.memory import touch, try_result
from course.predictions import answer, order, predict, reveal, self_test
from course.views import ready, timeline
from pyemu.effects import extable

ready()

# %% id="test-1"
answer("B4-test-1", "")

# %% id="test-2"
answer("B4-test-2", "")

# %% id="test-3"
answer("B4-test-3", "")

# %% id="test-4"
answer("B4-test-4", "")

# %% id="test-5"
answer("B4-test-5", "")

# %% id="self-test"
self_test("B4")

# %% [markdown] id="story"
# ## Story: the file that became shorter
#
# Two programs of yours map the same log file into their memory. The first looks for a word in it, byte by
# byte. The second makes a backup: it calls `write(fd, log, 8192)` with the address of the mapping.
#
# One night a third program cuts the log down to one page, and the mapping still has two. In the morning the
# first program is dead, by SIGBUS. The second is alive, and its backup is short: `write()` gave `4096`, not
# `8192`, and no error.
#
# Same file, same missing page. Why does one program die, and the other only get a number?

# %% [markdown] id="words"
# ### A page that nobody can bring
#
# In bridge B1 the kernel read your memory in a system call, met a missing page, and served the fault. This
# time there is nothing to serve it with. The [area](term:area) is fine, but the file ends before this page.
# The [attempt](term:attempt) gives **SIGBUS**: "this memory can't be reached". [fact:file-beyond-end]
#
# The same answer came in lesson 06, from the older kernel, when a fault had used up its one wait.

# %% [markdown] id="predict"
# ## Predict: the same page, by `write()`
#
# The mapping has the pages `0x5000` and `0x6000`; the file has only the first. The program reads at
# `0x6010`: SIGBUS. (It has a handler for it, so it lives.) Then it calls `write(file, 0x6000, 4096)`. What
# does the call give?

# %% id="predict-same"
predict("B4-same", "")

# %% [markdown] id="run"
# ## Run: once by you, once for you

# %% id="run-same"
same = touch("read 0x6010", "syscall write 0x6000", file="cached", file_pages=1)
reveal("B4-same", same.accesses[1].outcome)

# %% id="show-same"
same

# %% [markdown] id="crash"
# **The same fault: SIGBUS for you, EFAULT for the kernel.** The attempt ended with the same bits. What
# differs is who made the access. You get a signal. The kernel can't: the instruction that faulted is its
# own, and a signal handler of yours would not help it. It has to get out of this instruction in another
# way.

# %% [markdown] id="trace"
# ## Trace: a copy that breaks off
#
# Now two pages at once, and the first one is good. Read how the copy goes on after the second fault. (The
# disk has a column of its own. It has nothing to do here: the file's page is in the page cache.)

# %% id="timeline-short"
short = touch("syscall write 0x5000 2", file="cached", file_pages=1, title="two pages")
timeline(short.result)

# %% [markdown] id="trace-text"
# The first page faults too, and is served, and copied. At the second one the attempt ends in SIGBUS. Then
# comes a line that no fault of a program has: *kernel code goes on at its fixup*. And the call gives
# `4096`: what had been copied by then. That is a **short count**.

# %% [markdown] id="mechanism"
# ## Mechanism: the exception table
#
# The kernel touches your memory with a handful of functions only, such as `copy_from_user` and
# `copy_to_user`, and in them with a handful of instructions. Each of these is in a list that is made when
# the kernel is built, the **exception table**. An entry has two addresses *of code*: an instruction that
# may fault, and where to go on if its fault can't be served, the **[fixup](term:fixup)**. [fact:x86-fixup]
#
# Here is that of the emulator:

# %% id="show-table"
names = {value: name for name, value in vars(extable).items() if name.isupper() and name != "EXCEPTION_TABLE"}
for instruction, fixup in extable.EXCEPTION_TABLE.items():
    print(f"{names[instruction]:15} if its fault can't be served: {names[fixup]}")

# %% [markdown] id="mechanism-text"
# (The last one is for virtual machines on s390.) No address of your memory is in it, and no page. The
# kernel does not know beforehand *what* will fault. It knows *which of its instructions* may. So it needs
# no look into the [page table](term:page table) before it copies. (A `write()` to a file does read one byte
# of each page first. It wants the page there because its copy runs with [page faults](term:page fault)
# disabled. [fact:tmpfs-write])
#
# A system call that copies goes through these steps:
#
# 1. **try**: the instruction reads or writes at your address. If the page is there, that is all.
# 2. A page fault, with `U` clear. **find vma**, **try**, perhaps **wait**: as for a program.
# 3. **decide**: served? The instruction is made again. Not served: was it user mode? Then a signal.
# 4. It was kernel mode: look into the exception table for the address of the *instruction*.
# 5. Found: go on at the fixup. It reports how many bytes are left. Not found: the kernel has met a fault
#    that nobody foresaw. It is broken, and says so: an **[oops](term:oops)**.
# 6. The system call looks at what was copied. Some bytes: it gives their number. None: `EFAULT`.
#
# A copy of a block has *two* entries: `COPY_USER`, which copies in large pieces, and `COPY_USER_TAIL`,
# which tries the rest once more, byte by byte, to count exactly. [fact:copy-user-tail] So one copy may make
# two exceptions, and by the rules of lesson 06 each is a fault with a budget of its own.

# %% [markdown] id="order"
# ## Order the lines: from the access to the number
#
# Put the lines into the order in which they happen, for a copy whose first page can't be had.

# %% id="order-copy"
order("B4-copy", "")

# %% [markdown] id="write"
# ## Write it: what does the call give?
#
# `asked` bytes were to be copied, and `left` of them could not be. What does `write()` give? A number, or
# `"EFAULT"`. Two gaps.


# %% id="my-result"
def my_result(asked, left):
    if left == asked:
        return "?"  # the first gap: nothing was copied
    return "?"  # the second gap


# %% id="try-result"
try_result(my_result)

# %% [markdown] id="break"
# ## Break it: an error that is no error
#
# The call below asks for one page and gives `EFAULT`. Change its address or its length (the last number:
# how many pages) so that the *same* missing page gives a positive number. Then find a call that gives all
# it was asked for. The area goes from `0x5000` up to `0x9000`; the file has two pages this time.

# %% id="break-it"
touch("syscall write 0x7000 1", file="cached", file_pages=2)

# %% [markdown] id="break-more"
# A program that calls `write()` once, and looks only for an error, has lost data. What does it have to do
# with a short count?

# %% id="numbers" tags=["numbers"]
from course.conform.experiment import Experiment
from course.conform.prediction import predict as _predict
from pyemu import Tree as _Tree

_accesses = ("user_read", "read_zero", "read_zero_partial", "pipe_write")
{
    f"{access}_{name}": _predict(Experiment(access, "wake1"), tree).fields["outcome"]
    for access in _accesses
    for name, tree in (("old", _Tree.before), ("new", _Tree.v5_7))
}

# %% [markdown] id="real"
# ## The real thing: one wake, four accesses
#
# A monitor wakes its sleeper once and brings nothing: lesson 06. This was recorded on real kernels, with
# several ways to touch the page: [fact:wake-is-fatal-before] [fact:wake-is-harmless-after]
#
# | access | 5.4.59, before the series | 5.7.14, after |
# |---|---|---|
# | the program reads the page | `{{user_read_old}}` | `{{user_read_new}}` |
# | `read()` of zeros, into the page | `{{read_zero_old}}` | `{{read_zero_new}}` |
# | the same, with a good page before it | `{{read_zero_partial_old}}` | `{{read_zero_partial_new}}` |
# | `write()` to a pipe, from the page | `{{pipe_write_old}}` | `{{pipe_write_new}}` |
#
# The third line is a short count: one page of two. And look at the last one. On the older kernel a pipe got
# its page, with the same wake. It copies with `COPY_USER`: the first exception used up its wait and went to
# the fixup, and the fixup tried the rest again. A second exception, a second budget. [fact:copy-user-tail]
#
# In Linux 5.7 on x86 the way out is `no_context` in `arch/x86/mm/fault.c`. It sends no signal for such a
# fault: it sets the place where the kernel goes on. [fact:x86-fixup] And no copy gives `EINTR` because a
# signal came: the way out is for faults that can't be served, and for a task that is being killed.
# [fact:no-eintr]

# %% [markdown] id="questions"
# ## Questions
#
# Put a letter between the quotes. Each choice has its own comment.

# %% id="question-fails"
answer("B4-fails", "")

# %% id="question-table"
answer("B4-table", "")

# %% [markdown] id="recap"
# ## Recap
#
# - A fault that can't be served: a signal in user mode, the fixup in kernel mode.
# - The exception table lists instructions of the kernel and where each goes on. It knows no pages.
# - The fixup reports what is left. Some bytes copied: a short count. None: `EFAULT`.
# - A short count is no error. Ask again for the rest, and you meet the same page.
# - A block copy may make two exceptions on one page, and each has a budget of its own.
#
# In one sentence of your own: why is it no way out for the kernel to send you SIGBUS?
#
# Next in the course: lesson 07b, kernel mode, and five habits.
