# ---
# title: Twice only
# objective: You write the loop of Linux 5.6, and predict SIGBUS, EFAULT and a short count.
# needs: ["05"]
# out_of_scope: [what a signal does to a fault, how kernel code finds its fixup, other architectures]
# minutes: 35
# ---

# %% [markdown] id="story"
# ## Story: four lines in a log, and three complaints
#
# Your company runs the monitor of lesson 05, the one that now and then wakes a task too early. On one test
# machine runs an older kernel that was built with extra checks (`CONFIG_DEBUG_VM`). Its log holds four lines
# like these, each followed by a list of functions:
#
# ```
# FAULT_FLAG_ALLOW_RETRY missing 70
# FAULT_FLAG_ALLOW_RETRY missing 31
# FAULT_FLAG_ALLOW_RETRY missing 31
# FAULT_FLAG_ALLOW_RETRY missing 30
# ```
#
# From the same hour you have the complaints of the users. A viewer died of SIGBUS. A backup says "Bad
# address", the text for the error `EFAULT`. A copy was left half done: the call gave `4096` of `8192` bytes.
#
# That makes three. The fourth line belongs to a program that writes into a pipe. You ask its owner. She has
# not noticed anything.
#
# One mistake of one monitor, four lines, and four different ends. In half an hour you can tell from such a
# line who made the access and how, say why the ends differ, and write the loop that causes them.

# %% [markdown] id="cast"
# ### Who takes part
#
# The monitor is the same in all runs. It answers the first message with a wake, and brings nothing. Should it
# be asked again, it brings the page. `once` runs that against an access of T, on the older kernel.

# %% id="setup"
from course.decide import try_twice
from course.predictions import answer, fill, predict, reveal
from course.sketch import sketch
from course.views import ready, timeline
from pyemu import Tree, run

ready()

# %% id="once"
EARLY = "wait_message; pause ticks=10000; wake it; wait_message; pause ticks=10000; copy it"


def once(access, tree=Tree.before):
    return run(sketch(access, T=access, M=EARLY), tree)


print(once("read 1"))

# %% [markdown] id="once-text"
# That is the viewer. You know it from lesson 00: [attempt](term:attempt) 2 may not wait, and so the fault
# ends in SIGBUS.
#
# ## Predict: the same, but the kernel makes the access
#
# The backup reads zeros from `/dev/zero`: `read(fd, buffer, 4096)`, and its buffer is the missing page. Now
# it is not the program that touches the page. The *kernel* does it, on the program's behalf, to put the
# data there (lesson B1). What does the call give on the older kernel?

# %% id="predict-kernel"
predict("06-kernel", "")

# %% [markdown] id="run"
# ## Run: the kernel touches the page
#
# `read_zero 1` reads from `/dev/zero` into page `1`.

# %% id="run-kernel"
backup = once("read_zero 1")
print(backup)
reveal("06-kernel", backup.tasks["T"].outcome)

# %% [markdown] id="trace"
# ## Trace: a line near the end
#
# Compare it with the trace of lesson 00. The first attempt, the wake, [RETRY](term:VM_FAULT_RETRY), the
# second attempt: all the same. Only T's state is another, D in the place of S: asleep as well, but only
# SIGKILL may end the sleep (lesson B2).
#
# Then look for the line that says how T goes on: it stands shortly before its last one.

# %% id="trace-kernel"
timeline(backup)

# %% id="numbers-flags" tags=["numbers"]
from pyemu.flags import FAULT_FLAG_ALLOW_RETRY as _A
from pyemu.flags import FAULT_FLAG_KILLABLE as _K
from pyemu.flags import FAULT_FLAG_TRIED as _T
from pyemu.flags import FAULT_FLAG_USER as _U
from pyemu.flags import FAULT_FLAG_WRITE as _W

_runs = {name: once(access) for name, access in (("user", "read 1"), ("zero", "read_zero 1"))}
_words = {name: [f"{e.a:#x}" for e in one.trace.select("attempt")] for name, one in _runs.items()}
{
    "user_1": _words["user"][0],
    "user_2": _words["user"][1],
    "zero_1": _words["zero"][0],
    "zero_2": _words["zero"][1],
    "f_write": f"{int(_W):#x}",
    "f_allow": f"{int(_A):#x}",
    "f_killable": f"{int(_K):#x}",
    "f_tried": f"{int(_T):#x}",
    "f_user": f"{int(_U):#x}",
}

# %% [markdown] id="trace-text"
# The attempt ends in SIGBUS as before. Two things have this name. What an attempt gives is a bit,
# [`VM_FAULT_SIGBUS`](term:VM_FAULT_SIGBUS). Only if the access came from user mode does the kernel turn it
# into the *signal*. T was in the middle of a system call. So the kernel code "goes on at its **fixup**": a
# place, prepared for each such access, where it goes on when the access fails. [fact:x86-fixup] There, the
# copy counts what it has got done. It was nothing, so the call gives the error `EFAULT`. (How that works is
# lesson B4.)
#
# ## Mechanism: one loop, one permission
#
# All four lines come from one loop, the one around `handle_mm_fault`. This is how Linux 5.6 does it on x86
# [fact:x86-retry-5-6], with the goals of lesson 00. What a signal may change here is lesson 07a.
#
# 1. **find vma**: take [`mmap_sem`](term:mmap_sem), look up the [area](term:area).
# 2. **try**: call `handle_mm_fault` with the flags. In it, the fault may **wait** and be **woken**.
# 3. **decide**: was it RETRY, and does this attempt still have [`ALLOW_RETRY`](term:FAULT_FLAG_ALLOW_RETRY)?
# 4. **retry**: then *clear* `ALLOW_RETRY`, set [`TRIED`](term:FAULT_FLAG_TRIED), and go to step 1. Otherwise
#    the fault is over.
#
# Step 4 runs at most once: after it, `ALLOW_RETRY` is gone. So a fault has at most **two attempts**, and only
# the first may release the lock to wait. Two attempts, **one wait**: that is a fault's budget.
#
# What does the second attempt do when it would have to wait again?
#
# - It needs a page that is being read from a disk, and is locked: it waits *with* `mmap_sem` held. That is
#   slow for everybody else, but it comes to an end. [fact:twice-is-two-calls]
# - It needs the monitor: waiting with `mmap_sem` held could last for ever. So it does not wait. It gives
#   SIGBUS. With `CONFIG_DEBUG_VM` it writes a line into the log first, with the flags of the attempt.
#   [fact:debug-vm-log]
#
# So "ALLOW_RETRY missing" is no bug of the program. It says: this fault had its one wait, and has been woken
# without its page.

# %% id="figure-loop"
from course import figures

figures.retry_loop(Tree.before)

# %% [markdown] id="read-log"
# ### Read the log
#
# The number at the end is the flag word of the second attempt, in hexadecimal. Take it apart:
# `WRITE` {{f_write}}, `ALLOW_RETRY` {{f_allow}}, [`KILLABLE`](term:FAULT_FLAG_KILLABLE) {{f_killable}},
# `TRIED` {{f_tried}}, `USER` {{f_user}}.
#
# | who | attempt 1 | attempt 2, as in the log |
# |---|---|---|
# | the viewer, in user mode | {{user_1}} | {{user_2}} |
# | the backup, a write by the kernel | {{zero_1}} | {{zero_2}} |
#
# The `31` is a write, and no `USER`: it came from kernel code. What is the `30`? And why are there two
# times `31`, with different complaints?
#
# The emulator keeps no log, but its trace has all that is needed.


# %% id="log"
def log(result):
    attempts = result.trace.select("attempt")
    for attempt, end in zip(attempts, result.trace.select("attempt_end"), strict=True):
        if end.text.endswith("SIGBUS"):
            print(f"FAULT_FLAG_ALLOW_RETRY missing {attempt.a:x}")


log(backup)

# %% [markdown] id="worked"
# ## Worked example: half a copy, and a pipe
#
# **The copy.** It reads two pages from `/dev/zero` in one call. Its buffer begins in page `0`, which is
# there, and goes on in page `1`, which is missing. The monitor wakes too early, as always.

# %% id="predict-short"
predict("06-short", "")

# %% id="run-short"
copy = once("read_zero 0-1")
print(copy)
log(copy)
reveal("06-short", copy.tasks["T"].outcome)

# %% [markdown] id="short-text"
# The same line in the log, and another end: `4096`. Page `0` was done already, and a system call that got
# something done says how much. That is a **short count**, and no error at all. A program that does not
# compare the count with what it asked for loses half of its data, without a word.
#
# Now you have the rule for who hears what, if the fault has failed and nobody tries again:
#
# | who made the access | nothing done yet | something done |
# |---|---|---|
# | the program itself | SIGBUS | - |
# | the kernel, for a system call | `EFAULT` | a short count |
#
# **The pipe.** A program writes one page into a pipe. The page is missing, and the kernel reads from it. One
# wake, without a page.

# %% id="predict-pipe"
predict("06-pipe", "")

# %% id="run-pipe"
pipe = once("pipe_write 1")
print(pipe)
log(pipe)
reveal("06-pipe", f"{pipe.tasks['T'].outcome}, {pipe.tasks['T'].stats['messages_queued']} messages")

# %% [markdown] id="pipe-text"
# Here is the `30`, and here is a program that has noticed nothing. What has saved it? Look at all of its
# attempts.

# %% id="trace-pipe"
for event in pipe.trace.select("exception", "attempt", "attempt_end", "message", "fixup", task="T"):
    print(event.t, "us:", event.text)

# %% id="numbers-pipe" tags=["numbers"]
{
    "pipe_exceptions": pipe.tasks["T"].stats["exceptions"],
}

# %% [markdown] id="pipe-explained"
# There are {{pipe_exceptions}} exceptions. The first fault uses up its wait, fails, and the copy goes to its
# fixup. But this fixup is stubborn: before it reports failure, it tries the rest once more, byte by byte.
# [fact:copy-user-tail] That access faults again. It is a *new* fault, and a new fault has a new budget: its
# first attempt has `ALLOW_RETRY`, sends a second message, and waits. This time the page comes.
#
# So the budget is **per fault**. Not per page, not per system call, not per program. The kernel happens to
# make two faults on the same page here.
#
# Which code is stubborn, and which is not? The one that copies a *block of bytes* between kernel and program
# is: it wants to report the exact count. The others give up at their first fault:
#
# | call | how it touches the program's page | after a failed fault |
# |---|---|---|
# | `write` to a pipe, `read` from one | copies a block | tries the rest again [fact:copy-user-tail] |
# | `read` from `/dev/zero` | writes zeros | gives up [fact:clear-user-single] |
# | `write` to tmpfs (files in memory) | reads a byte, to have the page there | gives up [fact:tmpfs-write] |
#
# That is a matter of how each routine was written in these versions, and no promise to anybody.
#
# Another code that begins afresh: `process_vm_readv` reads the memory of a process, page by page, and asks
# for the pages in advance. Two pages again, the first one is there:

# %% id="run-pvm"
for access in ("process_vm_readv 1", "process_vm_readv 0-1"):
    print(once(access))
    log(once(access))

# %% [markdown] id="pvm-text"
# One page: `EFAULT`. Two pages: all `8192` bytes, from the same monitor. With two, the kernel got page `0`
# and failed at page `1`. It copied what it had, and went on with the rest: page `1`, by a new fault with a
# new budget. [fact:pvm-readv-afresh] So a batch that came out short is no end here, where for `read` it is a
# short count. With one page it had nothing to go on with.
#
# The log shows `a1` here, and you can take that apart as well. `0x80` is `REMOTE`: the memory of a process,
# touched for somebody else. `KILLABLE` is not there. And `WRITE` is, though the call only *reads*: for a
# private page these kernels ask as if for a write, to get a copy that is nobody else's.
# [fact:gup-read-as-write] More of this way to get pages in lesson 12a.

# %% [markdown] id="gap"
# ## Fill the gap: the loop
#
# The older loop, in the emulator's words, without the part about signals. Four names are missing.

# %% id="fill-loop"
fill("06-loop", gave="", allowed="", cleared="", marked="")

# %% [markdown] id="write"
# ## Write it: the older loop
#
# Now without a net. Two helpers are given. `one_try` is the goals *find vma* and *try* (it leaves out the
# questions whether there is an area, and whether it allows the access). `finish` ends a fault that is over:
# it releases the lock, so the lock must be held, and counts the fault or reports its error. (It is
# simplified: it counts every fault as minor.) Each operation of the kernel is written with `await`, and so is
# each function that has an `await` inside, as `one_try`: so the emulator can let another task run in between.

# %% id="helpers"
from pyemu.stubs import current, down_read, find_vma, handle_mm_fault, up_read


async def one_try(mm, address, flags):
    await down_read(mm)
    vma = await find_vma(mm, address)
    return await handle_mm_fault(vma, address, flags)


# %% id="finish"
from pyemu.stubs import VM_FAULT_ERROR, count, mm_fault_error


async def finish(mm, regs, error_code, address, fault):
    await up_read(mm)
    if fault & VM_FAULT_ERROR:
        await mm_fault_error(regs, error_code, address, fault)
    else:
        await count("min_flt")


# %% [markdown] id="write-text"
# And this is yours. The names that you need: `VM_FAULT_RETRY`, `FAULT_FLAG_ALLOW_RETRY`, `FAULT_FLAG_TRIED`.
# `fault & X` asks for a bit, `flags |= X` sets it, `flags &= ~X` clears it.

# %% id="flags-names"
from pyemu.flags import FAULT_FLAG_ALLOW_RETRY, FAULT_FLAG_KILLABLE, FAULT_FLAG_TRIED, FAULT_FLAG_USER
from pyemu.stubs import FAULT_FLAG_WRITE, VM_FAULT_RETRY, X86_PF_WRITE

START = FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE | FAULT_FLAG_USER
print(f"START is {START:#x}, TRIED is {FAULT_FLAG_TRIED:#x}, RETRY is {VM_FAULT_RETRY:#x}")

# %% id="my-fault"
async def my_fault(regs, error_code, address):
    mm, flags = await current.mm, START
    if error_code & X86_PF_WRITE:
        flags |= FAULT_FLAG_WRITE
    fault = await one_try(mm, address, flags)
    # Your lines: what does Linux 5.6 do after RETRY?
    await finish(mm, regs, error_code, address, fault)


# %% [markdown] id="try-text"
# `try_twice` lets it serve four cases, beside the older kernel, and stops where the two part: T reads a page
# that comes with the wake; T reads one that does not; T writes to a page whose
# [userfaultfd](term:userfaultfd) was closed before; T reads one page and then writes to another. In each of
# them the program itself makes the access, so `USER` is in `START`.

# %% id="try-twice"
try_twice(my_fault)

# %% [markdown] id="break"
# ## Break it: more wakes
#
# One wake was harmless for the pipe. And two? This monitor wakes `n` times before it brings the page.

# %% id="predict-wakes"
predict("06-wakes", "")


# %% id="wakes"
def wakes(n, access, tree=Tree.before):
    monitor = "wait_message; wake it; " * n + "wait_message; copy it"
    return run(sketch(f"{n} wakes, {access}", T=access, M=monitor), tree)


twice = wakes(2, "pipe_write 1")
print(twice)
reveal("06-wakes", twice.tasks["T"].outcome)

# %% [markdown] id="break-text"
# Two budgets, two wakes, and nothing is left. **Your turn.** Among these accesses is one that *no* number of
# wakes can break, even on the older kernel: `read 1`, `pipe_read 1`, `process_vm_readv 0-1`, `tmpfs_write 1`,
# `mlock 1`. Find it: three wakes are enough to know. Then run the other four on `Tree.after`, with three
# wakes.

# %% id="try-wakes"
print(wakes(1, "read 1"))
print(wakes(1, "read 1", Tree.after))

# %% id="numbers-real" tags=["numbers"]
from course.conform.experiment import Experiment
from course.conform.prediction import predict as _predict

_accesses = {
    "user": "user_read",
    "zero": "read_zero",
    "zero2": "read_zero_partial",
    "pipe": "pipe_write",
    "pvm2": "pvm_readv_partial",
    "mlock": "mlock",
}
_numbers = {}
for _name, _access in _accesses.items():
    for _column, _event, _tree in (
        ("a", "wake1", Tree.before),
        ("b", "wake2", Tree.before),
        ("c", "wake2", Tree.v5_7),
    ):
        _fields = _predict(Experiment(_access, _event), _tree).fields
        _numbers[f"{_name}_{_column}"] = f"`{_fields['outcome']}`, {_fields['messages']}"
_numbers

# %% [markdown] id="patch"
# ## The real patch: the line that went away
#
# In Linux 5.6 the loop stands in `arch/x86/mm/fault.c`, in `do_user_addr_fault`, and each architecture has
# one like it. [fact:x86-retry-5-6] [fact:arch-handlers] `TRIED` means "the second and last attempt" there.
# [fact:flag-tried-5-6] For a locked page this limit is good: the second attempt waits with the lock, so
# such a fault always comes to its end. For a monitor it is a trap.
#
# Linux 5.7 keeps the permission for the whole fault, and takes over that care in another place: who waits
# for a *locked page* may release `mmap_sem` at the first attempt only. That is patch 13, commit
# `4064b9827063`. [fact:p13-multi-retry] [fact:retry-first-helper] You will write that loop in lesson 10.
#
# ### Do real kernels agree?
#
# A C program made these accesses on two real kernels, with a monitor that wakes once, or twice, before it
# brings the page. Outcome and number of messages: [fact:wake-is-fatal-before] [fact:one-wait-per-fault]
# [fact:wake-is-harmless-after]
#
# | access | 5.4.59, one wake | 5.4.59, two wakes | 5.7.14, two wakes |
# |---|---|---|---|
# | the program reads | {{user_a}} | {{user_b}} | {{user_c}} |
# | `read()` into the page | {{zero_a}} | {{zero_b}} | {{zero_c}} |
# | `read()` into two pages | {{zero2_a}} | {{zero2_b}} | {{zero2_c}} |
# | `write()` to a pipe | {{pipe_a}} | {{pipe_b}} | {{pipe_c}} |
# | `process_vm_readv`, two pages | {{pvm2_a}} | {{pvm2_b}} | {{pvm2_c}} |
# | `mlock` | {{mlock_a}} | {{mlock_b}} | {{mlock_c}} |
#
# (The kernel before the series that was recorded is 5.4.59. The emulator's older kernel was written from the
# source of 5.6.4.) `mlock` is the odd one out. A loop of its own asks for the page, and after each RETRY it
# asks afresh, from the beginning, as if it had never tried. [fact:mm-populate] Each time is a first attempt.
# It had no limit even before the series.

# %% [markdown] id="questions"
# ## Questions
#
# Put a letter between the quotes. Each choice has its own comment.

# %% id="question-two"
answer("06-two", "")

# %% id="question-fifo"
answer("06-fifo", "")

# %% id="question-log"
answer("06-log", "")

# %% [markdown] id="recap"
# ## Recap
#
# - In Linux 5.6 a fault has at most two attempts. `ALLOW_RETRY` is cleared after the first, and `TRIED` is
#   set. [fact:x86-retry-5-6]
# - So a fault has a budget of one wait for a monitor. An attempt that needs the monitor, and has
#   no `ALLOW_RETRY`, ends in SIGBUS.
# - Who hears of it: a program that made the access gets the signal. A system call gives `EFAULT`, or a short
#   count if something was done before.
# - The budget is per fault. A path that faults twice has two.
# - `ALLOW_RETRY missing 70` in a log: a fault was woken without its page. The number is the flag word of
#   attempt 2.
#
# In one sentence of your own: why did the pipe survive one early wake, and not two? (Yours may say: its copy
# faults twice, and each of the two faults may wait once.)
#
# Next: what a signal is, from `kill()` to the handler (lesson B3), and then what it may do to a fault. The
# whole function, with SIGKILL, errors and counters, is the exercise
# [e03_loop_before](../exercises/e03_loop_before.ipynb).
