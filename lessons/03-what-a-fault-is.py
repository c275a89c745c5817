# ---
# title: What a fault is
# objective: You predict error code, CR2 and counters of the page faults of seven short programs.
# needs: ["B1", "01 as a five-minute recap, in this lesson"]
# out_of_scope: [huge pages, swapping, faults that wait for another task, how a page is chosen to be freed]
# minutes: 40
# ---

# %% [markdown] id="story"
# ## Story: a snapshot that costs nothing, and then costs
#
# You write a database. It keeps all its data in memory. Once an hour it saves a snapshot to the disk, and
# your users must not wait for that. So it calls `fork()`: now there are two processes with the same memory.
# The child writes the data out and ends. The parent goes on serving.
#
# It works, and three things puzzle you.
#
# - `fork()` takes a moment, though there are gigabytes of data. Nobody can have copied them so fast.
# - The child reads every byte of the data. You count its [page faults](term:page fault) while it does: none.
# - The parent gets slow, but only while it *writes*, and only once for each page. Its page faults shoot up.
#
# So a page that was there, and worked, faults when you write to it. A page that a new process has never
# touched does not fault when you read it. What *is* a page fault, then?

# %% [markdown] id="recap-words"
# ### Five minutes of recap
#
# If you have done lesson 01, read only the code at the end.
#
# Memory comes in **pages** of `4096` bytes. Behind each page of a program there may be a **frame**: a block
# of RAM. Which one, and what may be done there, stands in the page's **entry** in the process's
# [page table](term:page table). The kernel writes entries, the processor reads them. Three bits matter here:
# `P` (present: there is a frame), `RW` (writes are allowed), `US` (the program may use it, not the kernel
# alone).
#
# An access that the entry does not allow is a **page fault**: the processor stops in the middle of the
# instruction and calls the kernel. It leaves two numbers. **CR2** is the address that was accessed. The
# **error code** says what was wrong, bit by bit:
#
# | bit | set | clear |
# |---|---|---|
# | `0x1` `P` | there is a page, the right is missing | there is no page |
# | `0x2` `W` | the access was a write | it was a read |
# | `0x4` `U` | the program made it (user mode) | the kernel made it (bridge B1) |
#
# The kernel has a second book: the list of **[areas](term:area)** (VMAs), ranges of addresses and what the
# program may do there. The processor never sees that one.

# %% id="setup"
from course.memory import own_faults, touch, try_fault
from course.predictions import answer, predict, reveal
from course.views import ready, timeline
from pyemu import Tree

ready()

# %% [markdown] id="touch-text"
# `touch` does some steps on the emulator, one after the other, and says what each costs. Your program has an
# area of four pages, from `0x5000` up to `0x9000`, which it may read and write. It has never touched it. Here
# it writes twice.

# %% id="touch-first"
touch("write 0x5010 7", "write 0x5020 8")

# %% [markdown] id="touch-read"
# Read the first line from left to right. The write faulted: `0x6` is `W` and `U`, and no `P`. There was no
# page. The kernel took a fresh frame, full of zeros, made the entry (frame `0x3000`, with `RW`), and the
# processor made the write again. This is **demand zero**: memory is given when it is first touched, not when
# it is asked for. [fact:demand-zero]
#
# The second write had an entry that allows it. So nobody called the kernel.
#
# *counted* says how the kernel counts the fault. **Minor**: it was served without waiting for the page.
# **Major**: it had to wait, for example for a disk.

# %% [markdown] id="predict"
# ## Predict: the child reads
#
# Now the snapshot. The parent has written a page, and forks. The child has never touched anything. It reads
# the page. How many page faults does that read take?

# %% id="predict-child"
predict("03-child", "")

# %% [markdown] id="run"
# ## Run: fork, and read

# %% id="run-child"
snapshot = touch("write 0x5010 7", "fork", "child read 0x5010")
reveal("03-child", str(len(snapshot.accesses[-1].faults)))

# %% id="show-child"
snapshot

# %% [markdown] id="crash"
# The child reads the `7` of its parent, from the same frame, and nobody called the kernel. This is how a
# child can read gigabytes for nothing: `fork` copies the *entries*, eight bytes for a page, and no page.
# [fact:fork-read-is-free]
#
# But compare the first and the last line of *entry afterwards*. The parent's entry had `RW`. The child's, on
# the same frame, has not.

# %% [markdown] id="predict-write-text"
# Now the child writes `9`, and after that the parent reads. What does the parent see?

# %% id="predict-copy"
predict("03-copy", "")

# %% id="run-copy"
shared = touch("write 0x5010 7", "fork", "child write 0x5010 9", "read 0x5010")
reveal("03-copy", shared.accesses[-1].outcome)

# %% id="show-copy"
shared

# %% [markdown] id="moment"
# **Reading is free, writing copies.** The child's write found a page (`P` in the error code) and no right.
# The kernel took a new frame, copied the old contents into it, and gave the child an entry with `RW` on the
# copy. The write was made again there. The parent's frame was never touched. This is **copy on write**, COW
# for short. [fact:fork-shares]

# %% [markdown] id="trace"
# ## Trace: the fault that copies
#
# Find the child's fault in the timeline. Two things are worth a look. What does `fork` do to *both* entries,
# while it holds [`mmap_sem`](term:mmap_sem), the lock on the list of areas? And how often is the child's
# write made?

# %% id="timeline-copy"
timeline(touch("write 0x5010 7", "fork", "child write 0x5010 9", title="fork").result)

# %% [markdown] id="trace-text"
# `fork` takes two locks for writing, the parent's and the child's. Then it puts *two* entries in place: a new
# one for the child, and a new one for the parent, without `RW`. So the parent's next write faults as well.
# That is what slows your database down: one fault, and one copy, for each page that it changes while the
# child lives. [fact:fork-protects]
#
# (The parent's old entry had `RW`, and the processor may remember it: the [TLB](term:TLB) of lesson 02. So
# `fork` also flushes.)

# %% [markdown] id="mechanism"
# ## Mechanism: a fault is a question
#
# An entry does not say what a program may do. It says what the processor may do *without asking*. Everything
# else is a question to the kernel, and the kernel looks the answer up in its own books:
#
# 1. **find vma**: is there an area at this address? If not: **SIGSEGV**, the signal for a wrong address.
#    Its code is `1` (MAPERR). [fact:x86-bad-area]
# 2. Does the *area* allow this access? It asks the area, not the entry. [fact:x86-access-error] If not:
#    SIGSEGV, with code `2` (ACCERR).
# 3. **try**: the access is right, so make it possible. What is there?
#    - **no entry, a read**: map the **zero page**, one frame of zeros that everybody shares, without `RW`.
#      [fact:demand-zero]
#    - **no entry, a write**: map a fresh frame.
#    - **an entry, a write**: the frame may be shared. Copy it. If nobody else has it any more, let the
#      program write on it: **reuse**.
#    - **a file**: map its page from the kernel's cache. If it is not there, read it from the disk: wait.
# 4. **decide**: count the fault, go back, and let the processor make the access again.
#
# Steps **wait**, **wake** and **retry** of lesson 00 come in when the page has to be waited for, as for a
# disk.

# %% [markdown] id="worked"
# ## Worked example: read first, then write
#
# A fresh page again, but this time the program reads before it writes. How many faults in all?

# %% id="predict-zero"
predict("03-zero", "")

# %% id="run-zero"
zero = touch("read 0x6010", "write 0x6010 7")
reveal("03-zero", str(len(zero.faults)))

# %% id="show-zero"
zero

# %% [markdown] id="zero-text"
# Two. The read is answered by case "no entry, a read": the zero page, read-only. The write finds an entry
# without `RW`. The zero page is shared with all, so the program gets a frame of its own.
# [fact:zero-page-write] To write at once would have cost one fault.
#
# **Who is the last?** After a fork, the parent writes, and then the child does:

# %% id="run-last"
touch("write 0x5010 7", "fork", "write 0x5010 8", "child write 0x5010 9")

# %% [markdown] id="last-text"
# Both fault. But only the first write copies. When the child writes, nobody else has the old frame: it is
# reused. The fault costs a call of the kernel, and no copy.
#
# **Two errors.** The first access has an area that forbids it, the second has no area at all. (The step
# `protect` calls `mprotect`, which changes what an area allows.)

# %% id="run-errors"
touch("write 0x5010 7", "protect 0x5000 r", "write 0x5010 8", "read 0x9010")

# %% [markdown] id="errors-text"
# The error code of the first is `0x7`, the same as for copy on write. The processor can't tell the two apart.
# The kernel can: it asks the area. And *neither* is counted as [minor](term:minor fault) or
# [major](term:major fault): only a fault that was served is.
#
# **A file.** Nothing of it is in memory. Another program maps it too, and comes second.

# %% id="run-file"
touch("read 0x5010", "read 0x6010", "other read 0x5010", file="cold")

# %% [markdown] id="file-text"
# Major, then none, then minor. The first read had to wait for the disk. With it, the kernel mapped the pages
# around the fault which were in its cache by then: a **fault-around**. [fact:fault-around] So the next page
# was there already. And for the other program the disk had been asked before.

# %% [markdown] id="gap"
# ## Fill the gap: seven programs
#
# All run on fresh memory from `0x5000` up to `0x9000`.
#
# | | steps |
# |---|---|
# | A | write `0x5010`; write `0x5020` |
# | B | read `0x6010`; write `0x6010` |
# | C | write `0x5010`; give the page back (`madvise`, `MADV_DONTNEED`: its entry is emptied); read `0x5010` |
# | D | write `0x5010`; `mprotect` it read-only; write `0x5ff8` |
# | E | read `0x9010` |
# | F | a file, not in memory: read `0x5010`; read `0x6010` |
# | G | write `0x5010`; fork; child reads `0x5010`; parent writes `0x5010`; child writes `0x5018` |
#
# For each access put `no`, or three words: error code, CR2, and `minor`, `major` or `neither`. A is done.
# Guess before you look anything up.

# %% id="own-faults"
own_faults(
    A=["0x6 0x5010 minor", "no"],
    B=["?", "?"],
    C=["?", "?"],
    D=["?", "?"],
)

# %% [markdown] id="own-more-text"
# And the other three. The last one is your database.

# %% id="own-more"
own_faults(
    E=["?"],
    F=["?", "?"],
    G=["?", "?", "?", "?"],
)

# %% [markdown] id="write"
# ## Write it: what a fault is given
#
# `my_fault` answers the question for memory without a file. It gets the rights of the `area` (`""`: there is
# none), whether the access would `write`, whether the page is `present`, and how many processes have its
# frame (`owners`; of the zero page, very many). It gives one of five words: `SIGSEGV 1`, `SIGSEGV 2`,
# `zero page`, `fresh frame`, `same frame`. Two gaps are left.


# %% id="my-fault"
def my_fault(area, write, present, owners):
    if not area:
        return "SIGSEGV 1"
    if write and area == "r":
        return "SIGSEGV 2"
    if not present:
        return "?"  # the first gap: a read or a write?
    return "?"  # the second gap: how many owners?


# %% [markdown] id="try-fault-text"
# Your function against the kernel, for each fault of many short programs with forks, given-back pages and
# protected ones:

# %% id="try-fault"
try_fault(my_fault)

# %% [markdown] id="break"
# ## Break it: "what I have written does not fault any more"
#
# That sounds like a safe rule. Here a program writes to a page, and later writes to it again. Put steps in
# between that make the last write fault, and **leave no error**: the write must succeed. There are at least
# three ways. (The steps: `fork`, `child exit`, `drop 0x5000`, `protect 0x5000 r`, `protect 0x5000 rw`, reads
# and writes.)

# %% id="break-it"
touch("write 0x5010 7", "read 0x5010", "write 0x5010 8")

# %% [markdown] id="break-more"
# For each way that you find: which case of **try** is it? And which of them costs a copy?

# %% id="numbers" tags=["numbers"]
_same = "write 0x5010", "protect 0x5000 r", "protect 0x5000 rw", "write 0x5010"
_old, _new = (touch(*_same, tree=Tree.parse(tree)) for tree in ("v5_7", "v6_1"))
_fork = touch("write 0x5010", "fork", "child read 0x5010", "child write 0x5010")
_file = touch("read 0x5010", file="cold")
{
    "old_faults": len(_old.accesses[-1].faults),
    "new_faults": len(_new.accesses[-1].faults),
    "child_reads": len(_fork.accesses[2].faults),
    "child_writes": len(_fork.accesses[3].faults),
    "file_attempts": _file.result.tasks["T"].stats["attempts"],
    "file_faults": _file.result.tasks["T"].stats["exceptions"],
}

# %% [markdown] id="real"
# ## The real thing: what kernels did
#
# A small C program made these steps on real kernels, from 5.4 to 6.18, and counted. The child's read cost
# {{child_reads}} faults, its first write {{child_writes}}. [fact:fork-read-is-free] [fact:fork-shares]
# A write to fresh memory cost one, a read before it one more. [fact:demand-zero] In one of the steps of this
# lesson the kernels differ. Make an area read-only, then writable again, and write:

# %% id="run-mprotect"
protect = ("write 0x5010 7", "protect 0x5000 r", "protect 0x5000 rw", "write 0x5010 8")
for name in ("v5_7", "v6_1"):
    last = touch(*protect, tree=Tree.parse(name)).accesses[-1]
    print(name, "page faults:", len(last.faults))

# %% [markdown] id="real-text"
# In Linux 5.7 that write costs {{old_faults}} fault: `mprotect` leaves the entry without `RW`, and lets the
# fault find out. [fact:mprotect-leaves-read-only] Since Linux 6.0 it costs {{new_faults}}: `mprotect` sets
# `RW` at once where no fault would be needed. [fact:mprotect-maps-writable] Both are right. An entry without
# `RW` says "ask me first", and a kernel may be asked more often than it must.
#
# Whether a page has another owner is a question with a history as well. Linux 5.7 counts the entries that
# name the frame. [fact:cow-by-mapcount] Since Linux 5.9 any other reference to it is enough for a copy.
# [fact:cow-by-references]
#
# And one hint at what comes next. The fault on the file was {{file_faults}} page fault, but it took
# {{file_attempts}} [attempts](term:attempt): the kernel waited for the disk, and then looked again. What it
# does with its lock meanwhile is lesson 04.

# %% [markdown] id="questions"
# ## Questions
#
# Put a letter between the quotes. Each choice has its own comment.

# %% id="question-fork"
answer("03-fork", "")

# %% id="question-fresh"
answer("03-fresh", "")

# %% [markdown] id="recap"
# ## Recap
#
# - A page fault is a question to the kernel, not yet an error. The error code says what was missing, CR2
#   where.
# - The area decides whether the access is right. The entry decides only whether the processor has to ask.
# - `0x4`: a read, no page. `0x6`: a write, no page. `0x7`: a write, there is a page. The last one may be copy
#   on write, or an error.
# - `fork` copies entries and takes `RW` away from both. Reading is free. The first write to each page copies,
#   and the last owner reuses.
# - Minor: served at once. Major: it waited. Neither: it was not served.
#
# In one sentence of your own: why does the parent of a snapshot fault on pages that it has written before?
#
# Next in the course: sleeping and waking. To serve demand zero and copy on write in code of your own is the
# exercise [h03_demand_zero](../exercises/h03_demand_zero.ipynb).
