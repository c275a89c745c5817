# %% [markdown] id="story"
# A database keeps all its data in memory. Once an hour it forks, and the child writes a snapshot to the disk.
# In lesson 03 you have seen why that costs nothing at first: `fork` copies entries and no pages, and memory
# is given when it is touched. [fact:fork-shares] [fact:demand-zero]
#
# Here the kernel that does it is missing. You write it: three short functions, on a small memory with real
# processors of the emulator.

# %% id="imports"
from course import check, hint
from course.memory import touch, try_kernel
from course.views import ready
from pyemu.stubs import *

ready()

# %% [markdown] id="crash"
# ## First, what goes wrong
#
# Here is a kernel whose `fork` gives the child the parent's entries as they are. The child writes, and then
# the parent reads what it wrote itself.


# %% id="careless"
def careless_fork(kernel, parent, child):
    for page in kernel.pages(parent):
        if kernel.entry(parent, page):
            kernel.set_entry(child, page, *kernel.entry(parent, page))


def careless_fault(kernel, process, address, error_code):
    kernel.set_entry(process, address, kernel.alloc(), True)


# %% id="run-careless"
steps = "write 0x5010 7", "fork", "child write 0x5010 9", "read 0x5010"
try_kernel(*steps, page_fault=careless_fault, fork=careless_fork, dontneed=None)

# %% [markdown] id="crash-text"
# The parent's `7` is gone, the frame was given back while an entry still named it, and nobody counted a
# fault. What never may happen is told below the steps:
#
# - when a step is done, a processor still knows what an entry no longer says
# - a frame is put before the entry that named it is gone, and the processors have forgotten it
# - a frame is copied to while an entry names it
# - the zero page is written
# - a frame is given back twice, or never
# - a signal is sent where nothing was accessed
#
# The kernel of the emulator does better:

# %% id="run-kernel"
touch(*steps)

# %% [markdown] id="task"
# ## Your part
#
# `page_fault` is called when a processor can't make an access. When it returns, the access is made again. A
# signal ends the access instead. `fork` is called when the child has its areas, and no entry yet. `dontneed`
# gives one page back, as `madvise(MADV_DONTNEED)` does.
#
# A process is `"parent"` or `"child"`. The parent has two threads, each on a processor of its own. An
# address is any address in a page. A **frame** is a number, and it has **owners**: whoever names it in an
# entry. You count them, with `get` and `put`. Between two of your calls another processor may look an entry
# up, so their order matters: here a further one of the parent does, before your first call and after each
# `set_entry`, `clear_entry` and `flush`. What it finds then it knows, until you flush that page again. A
# processor that faults has forgotten its translation already; the others have not.
#
# | you may use, as `kernel.alloc()` | for |
# |---|---|
# | `area(process, address)` | what the area allows: `"rw"`, `"r"`, or `""` where there is none |
# | `pages(process)` | the first address of each page that has an area |
# | `entry(process, address)` | the entry, as a pair `(frame, writable)`, or None |
# | `set_entry(process, address, frame, writable)` | puts an entry in place of the old one |
# | `clear_entry(process, address)` | empties an entry |
# | `flush(process, address)` | its processors forget the translation: once an entry went, or lost a right |
# | `zero_frame()` | the frame of zeros that all share; it counts 100 owners, whatever you get or put |
# | `alloc()` | a fresh frame, full of zeros, with one owner |
# | `copy(to, source)` | copies the contents of a frame |
# | `owners(frame)` | how many owners it has |
# | `get(frame)`, `put(frame)` | one owner more, one less; a frame without owners is free: others may get it |
# | `count("min_flt")` | counts a fault that was served |
# | `force_sig_fault(SIGSEGV, code)` | a signal; the code is `SEGV_MAPERR` (no area) or `SEGV_ACCERR` |
#
# The error code has the bits of lesson 03: `X86_PF_PROT` (there is an entry), `X86_PF_WRITE`,
# `X86_PF_USER`. If you are stuck, `hint("h03_demand_zero", 1)` gives a nudge; 2 and 3 say more.

# %% [markdown] id="fault-text"
# **The fault.** One case is written already: a write where there is no entry. Which questions come before
# it, and which cases are left? Two checks below need no other function: you can run `zero` and `segv` as
# soon as this one is written. [fact:x86-bad-area] [fact:x86-access-error]


# %% id="page-fault" tags=["answer"]
def page_fault(kernel, process, address, error_code):
    area = kernel.area(process, address)
    write = bool(error_code & X86_PF_WRITE)
    ### BEGIN SOLUTION
    if not area:
        kernel.force_sig_fault(SIGSEGV, SEGV_MAPERR)
        return
    if write and area == "r":
        kernel.force_sig_fault(SIGSEGV, SEGV_ACCERR)
        return
    entry = kernel.entry(process, address)
    if entry is None and write:
        kernel.set_entry(process, address, kernel.alloc(), True)
    elif entry is None:
        kernel.set_entry(process, address, kernel.zero_frame(), False)
    else:
        frame, _ = entry
        if kernel.owners(frame) == 1:
            kernel.set_entry(process, address, frame, True)
        else:
            fresh = kernel.alloc()
            kernel.copy(fresh, frame)
            kernel.set_entry(process, address, fresh, True)
            kernel.flush(process, address)
            kernel.put(frame)
    kernel.count("min_flt")
    ### STUB
    # if write and kernel.entry(process, address) is None:
    #     kernel.set_entry(process, address, kernel.alloc(), True)
    #     kernel.count("min_flt")
    #     return
    # raise NotImplementedError("only the write to a missing page is served so far")
    ### END SOLUTION


# %% [markdown] id="fork-text"
# **The fork.** The child gets an entry for each one of the parent. What must neither of them do from now on?
# And who may still know the old entry? [fact:fork-protects]


# %% id="fork-cell" tags=["answer"]
def fork(kernel, parent, child):
    ### BEGIN SOLUTION
    for address in kernel.pages(parent):
        entry = kernel.entry(parent, address)
        if entry is not None:
            frame, _ = entry
            kernel.get(frame)
            kernel.set_entry(parent, address, frame, False)
            kernel.flush(parent, address)
            kernel.set_entry(child, address, frame, False)
    ### STUB
    # raise NotImplementedError("the child gets nothing so far")
    ### END SOLUTION


# %% [markdown] id="dontneed-text"
# **Giving back.** Afterwards the page is as if it had never been touched. Perhaps it never was.


# %% id="give-back" tags=["answer"]
def dontneed(kernel, process, address):
    ### BEGIN SOLUTION
    entry = kernel.entry(process, address)
    if entry is not None:
        frame, _ = entry
        kernel.clear_entry(process, address)
        kernel.flush(process, address)
        kernel.put(frame)
    ### STUB
    # raise NotImplementedError("nothing is given back so far")
    ### END SOLUTION


# %% id="stuck" tags=["scratch"]
hint("h03_demand_zero")

# %% [markdown] id="one"
# ## One process
#
# Each check does steps on a fresh small memory with your three functions, and the same steps on the emulator
# with its own kernel. At the end every process ends and gives its frames back. Only the cells with your
# functions are taken: put what they use into them, and checks into others. A name that you define elsewhere
# is not known there, or is the one of `pyemu.stubs`. What is shown below a check before you run it is the
# verdict on a right answer.

# %% id="zero" tags=["check"]
check("h03_demand_zero", "zero")

# %% id="dontneed" tags=["check"]
check("h03_demand_zero", "dontneed")

# %% id="segv" tags=["check"]
check("h03_demand_zero", "segv")

# %% [markdown] id="two"
# ## Two processes

# %% id="fork" tags=["check"]
check("h03_demand_zero", "fork")

# %% id="cow" tags=["check"]
check("h03_demand_zero", "cow")

# %% id="reuse" tags=["check"]
check("h03_demand_zero", "reuse")

# %% id="counters" tags=["check"]
check("h03_demand_zero", "counters")

# %% [markdown] id="sum"
# ## All together
#
# When every check passes, this cell says why the kernel does it so. Who is the last owner of a frame is a
# question with a history: Linux 5.7 counts the entries that name it, as you did. [fact:cow-by-mapcount] Since
# Linux 5.9 any other reference is enough for a copy. [fact:cow-by-references]

# %% id="all" tags=["scratch"]
check("h03_demand_zero")

# %% [markdown] id="try"
# ## Your own runs
#
# Steps are those of lesson 03, and `thread` before one is the parent's second thread. Each line says what
# your kernel came to, and the emulator's where it differs. One difference is no mistake: as long as nothing
# was written in an area, fork in Linux 5.7 copies none of its entries, not even of the zero page. The child
# faults on them itself, while yours does not. [fact:fork-leaves-out]

# %% id="play" tags=["scratch"]
# mine = dict(page_fault=page_fault, fork=fork, dontneed=dontneed)
# try_kernel("write 0x5010 7", "fork", "child write 0x5010 9", "thread read 0x5010", **mine)
