# ---
# title: Two modes, one process
# objective: You mark on a run where the kernel is entered and left, and say what threads share.
# needs: ["00"]
# out_of_scope: [page tables, what the kernel does about each kind of fault, signals]
# minutes: 20
# ---

# %% [markdown] id="skip"
# ### May you skip this bridge?
#
# A **bridge** is a short lesson about something that you may know. Five questions say whether you do.
# Answer them, then run the last cell of this part. It says whether you may go on to lesson 03.

# %% id="setup"
from course.memory import modes, own_modes, touch
from course.predictions import answer, predict, reveal, self_test
from course.views import ready

ready()

# %% id="test-1"
answer("B1-test-1", "")

# %% id="test-2"
answer("B1-test-2", "")

# %% id="test-3"
answer("B1-test-3", "")

# %% id="test-4"
answer("B1-test-4", "")

# %% id="test-5"
answer("B1-test-5", "")

# %% id="self-test"
self_test("B1")

# %% [markdown] id="story"
# ## Story: a page fault, and nobody touched the page
#
# You look for [page faults](term:page fault) in a program that copies data. It is not in one of your own
# loops. All that it does with this buffer is this line:
#
# ```c
# write(fd, buffer, 4096);
# ```
#
# Nothing in your program reads `buffer`. It only passes the address. But there is a page fault at that
# address, and it is counted for *your* process. Who made it?

# %% [markdown] id="words"
# ### Two modes
#
# The processor runs in one of two **modes**. In **user mode** it runs your program, and must not do
# everything: not talk to the disk, not change [page tables](term:page table). In **kernel mode** it runs the
# kernel, which may.
#
# A program can't choose to be in kernel mode. It can only *enter the kernel* at fixed doors:
#
# - a **system call**: the program asks, as with `write()`;
# - an **exception**: the processor can't go on with an instruction. A page fault is one;
# - an **interrupt**: a device or a clock wants something. We leave these out.
#
# After each of them the kernel does its work and the processor goes back to where it came from.
#
# What does *not* change at the door is the process. The kernel runs *in your process's name*: with its
# memory, at its addresses, on its account. There is no other program that it would switch to.

# %% [markdown] id="predict"
# ## Predict: the same address, read twice
#
# The program below reads its fresh memory at `0x5010` itself. Then it gives the page back to the kernel
# (`madvise` with `DONTNEED`), so that it is missing again. Then it calls `write()` with the address
# `0x5000`.
#
# Which page faults are there?

# %% id="predict-twice"
predict("B1-twice", "")

# %% [markdown] id="run"
# ## Run: by you, and for you
#
# `touch` does the steps on the emulator. Read a line from left to right: which step, the error code of its
# page fault, the address (CR2), what the kernel did, how it counted it, the page's entry in the page table
# afterwards, and what the step gave.

# %% id="run-twice"
twice = touch("read 0x5010", "drop 0x5000", "syscall write 0x5000")
reveal("B1-twice", " and ".join(f"{fault.error_code:#x}" for fault in twice.faults))

# %% id="show-twice"
twice

# %% [markdown] id="crash"
# So there it is. To write the buffer to the file, somebody has to *read* it. That is the kernel. It reads
# at your address, through your page table, and the page is missing for it as it was for you. Both page
# faults end in the same way: the kernel puts a page there (one full of zeros), and the read is made again.
#
# The only difference is one bit of the **error code**, the number in which the processor says what was
# wrong. `0x4` is `U`, user mode. In the second one it is clear: the instruction that read was one of the
# kernel's.
#
# **The same address, read twice: once by you, once for you.**

# %% [markdown] id="trace"
# ## Trace: in and out
#
# Here is a run of this kind, event by event, on two pages. ([`mmap_sem`](term:mmap_sem) is the lock on the
# list of areas, from lesson 00.) Read it and look for the doors.

# %% id="show-modes"
two = touch("read 0x5010", "syscall write 0x6000")
modes(two.result)

# %% [markdown] id="gap"
# ### Fill the gap: which mode?
#
# For each line: in which mode is the processor *right after it*? Put `U` or `K` in the place of each
# question mark. The first two are done: the program reads (`U`), and the fault enters the kernel (`K`).

# %% id="own-modes"
own_modes(two.result, "UK?????? ???????????")

# %% [markdown] id="gap-more"
# When all are right, look at the second page fault once more. It came *out of kernel mode* and went back
# *into kernel mode*. Where a fault goes back to is where it came from. (Why does the kernel read at
# `0x6000` before it copies? It reads one byte of the page first, so that the page is there when the copy
# begins. [fact:tmpfs-write])

# %% [markdown] id="mechanism"
# ## Mechanism: one process, seen from two sides
#
# | | user mode | kernel mode, for this process |
# |---|---|---|
# | who wrote the code | you | the kernel's authors |
# | page table | that of the process | the same |
# | areas and `mmap_sem` | those of the process | the same |
# | the page fault's error code | `U` set | `U` clear |
# | after the fault | the program's instruction again | the kernel's instruction again |
# | if the access was wrong | a signal, such as SIGSEGV | the system call gives an error |
#
# Look at the last line in a run. Nothing is at `0x9000`: no area.

# %% id="run-wrong"
touch("read 0x9010", "syscall write 0x9000")

# %% [markdown] id="wrong-text"
# For you SIGSEGV, for the kernel `EFAULT`: "bad address" is what `write()` gives. [fact:x86-bad-area] How
# the kernel does that is bridge B4.
#
# It goes the other way round as well. `read()` *writes* into your memory. The page is fresh; afterwards
# your program finds it in place.

# %% id="run-read"
touch("syscall read 0x5000", "read 0x5010")

# %% [markdown] id="threads"
# ### What threads share
#
# A **thread** is a second task in the same process. Each has its own registers, its own stack pointer and
# its own place in the code. But the memory is one: one page table, one list of areas, one `mmap_sem`.
#
# First predict. The program writes a page. Then a second thread of it reads there, for the first time.

# %% id="predict-thread"
predict("B1-thread", "")

# %% id="run-thread"
threads = touch("write 0x5010 7", "thread read 0x5010", "thread drop 0x5000", "read 0x5010")
reveal("B1-thread", str(len(threads.accesses[1].faults)))

# %% id="show-thread"
threads

# %% [markdown] id="thread-text"
# No fault: the page is in the page table, and there is only one. And the other way round: the thread gives
# the page back, and it is gone for all. (The last read finds zeros.)
#
# Another **process** has a page table and areas of its own. What two of them may share is further down: a
# page of a file. The kernel reads it from the disk once, into its **page cache**, and gives the same frame
# of RAM to everybody who maps it. *other* is another program that maps the file.

# %% id="run-cache"
touch("read 0x5010", "thread read 0x5010", "other read 0x5010", file="cold")

# %% [markdown] id="cache-text"
# The first read had to wait for the disk: a **major** fault. The thread has the same page table: no fault.
# The other program has its own, where the page was missing: a fault. But the page was in the cache, so
# nothing had to be waited for: **minor**. All three read the same frame of RAM.

# %% [markdown] id="break"
# ## Break it: a system call without a page fault, and one with two
#
# The step below makes one page fault. Put other steps in front of it, so that `write()` makes none. Then
# find a system call with *two* page faults. (Steps: `read`, `write`, `drop` and an address from `0x5000` up
# to `0x9000`; `syscall write` and `syscall read`, an address, and how many pages; `thread` before a step.)

# %% id="break-it"
touch("syscall write 0x5000")

# %% id="numbers" tags=["numbers"]
from course.conform.experiment import Experiment
from course.conform.prediction import predict as _predict
from pyemu import Tree as _Tree

_wake = {
    access: _predict(Experiment(access, "wake1"), _Tree.before).fields["outcome"]
    for access in ("user_read", "read_zero")
}
{"user_wake": _wake["user_read"], "kernel_wake": _wake["read_zero"]}

# %% [markdown] id="real"
# ## The real thing: one handler for both
#
# In Linux 5.7 on x86, the function `do_user_addr_fault` (`arch/x86/mm/fault.c`) serves faults of both
# kinds. It remembers the mode in one flag, `USER`, which you have seen in lesson 00. [fact:flag-user] Most
# of its code does not care. Only at the end, when something went wrong, it asks: user mode? Then a signal.
# Kernel mode? Then the system call has to end somehow. [fact:x86-fault-error]
#
# The failure of lesson 00 looks like this from the two sides. The older kernel was recorded with a monitor
# that wakes and brings no page: a program that reads the page itself got `{{user_wake}}`. A program that
# called `write()` got `{{kernel_wake}}`. [fact:wake-is-fatal-before] The fault was the same. The mode was
# not.

# %% [markdown] id="questions"
# ## Questions
#
# Put a letter between the quotes. Each choice has its own comment.

# %% id="question-who"
answer("B1-who", "")

# %% id="question-share"
answer("B1-share", "")

# %% [markdown] id="recap"
# ## Recap
#
# - The kernel is entered by a system call, an exception or an interrupt, and goes back to where it came
#   from.
# - It runs in your process's name: same page table, same areas, same addresses.
# - `write()` reads your memory, `read()` writes it. So a system call can have page faults at your
#   addresses.
# - A page fault of kernel code has no `U` in its error code, and goes back into the kernel.
# - Threads share memory, areas and `mmap_sem`. Processes share at most frames, such as those of the page
#   cache.
#
# In one sentence of your own: why does a wrong address give you a signal, and `write()` an error?
#
# Next in the course: lesson 03, what a fault is.
