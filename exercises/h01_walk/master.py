# %% [markdown] id="story"
# In lesson 01 you wrote a walk that finds the address of a page that is there. A processor has to do more:
# it finds pages of three sizes, it refuses what is forbidden, and it says in a number what was wrong. The
# kernel believes that number. If a bit of it is wrong, a program is killed for a page that was only missing,
# or reads what it must not.
#
# You write the walk of an x86-64 processor, and it is compared with the processor of the emulator.

# %% id="imports"
from course import check, hint
from course.paging import Computer, try_access
from course.views import ready
from pyemu.hw import x86
from pyemu.stubs import *

ready()

# %% [markdown] id="crash"
# ## First, where the short walk fails
#
# This is the walk of lesson 01. The small computer has one page, at `0x5000`, which may only be read.


# %% id="short"
def short_walk(memory, cpu, address, kind):
    table = cpu["cr3"]
    for shift in (39, 30, 21, 12):
        table = memory.read(table + 8 * (address >> shift & 511)) & x86.ADDRESS
    return table + (address & 4095)


computer = Computer()
computer.map(0x5000, 0x20000, x86.P | x86.US)

# %% id="run-short"
try_access(short_walk, computer, 0x5010)
try_access(short_walk, computer, 0x5010, "write")
try_access(short_walk, computer, 0x6010)
try_access(short_walk, computer, 0x8000_0000_5010)

# %% [markdown] id="task"
# ## Your part
#
# `walk(memory, cpu, address, kind)` gives one of three things:
#
# | it gives | when |
# |---|---|
# | the physical address, a number | the access is right |
# | `"#PF", code, cr2` | a page fault, with error code and CR2 |
# | `"#GP"` | the address is not **canonical**: its bits 63 to 48 are not all as bit 47. No table is read |
#
# `kind` is `"read"`, `"write"` or `"fetch"`. `address` is a number of 64 bits.
#
# | you may use | for |
# |---|---|
# | `memory.read(place)` | the entry at a physical address |
# | `memory.write(place, value)` | puts an entry there |
# | `cpu["cr3"]` | the physical address of the table of level 4 |
# | `cpu["user"]` | True in user mode, False in the kernel |
# | `cpu["wp"]` | the bit **WP** of the register CR0: the kernel's writes, too, need `RW` |
# | `reserved(entry, level)` | whether a present entry has a bit that must be clear |
#
# And these are the rules that lesson 01 has left out:
#
# - **PS** in an entry of level 3 or 2 says that it is the leaf: of a page of 1 GiB or 2 MiB. In an entry of
#   level 1 the same bit means something else.
# - The kernel may use pages with and without `US`. It writes where `RW` is missing only while WP is clear.
#   `NX` holds for both.
# - An entry that is present and has a **reserved** bit ends the walk there: a page fault, with the bits
#   `X86_PF_PROT` and `X86_PF_RSVD`.
# - A walk that succeeds sets **A** (accessed) in each entry that it used. If the access is a write, it sets
#   **D** (dirty) in the leaf.
#
# The bits of the error code are `X86_PF_PROT` (bit 0), `X86_PF_WRITE`, `X86_PF_USER`, `X86_PF_RSVD` (bit 3)
# and `X86_PF_INSTR`. `reserved` is written already. The first lines of the cell belong to your answer.
#
# If you are stuck, `hint("h01_walk", 1)` gives a nudge; 2 and 3 say more.


# %% id="walk" tags=["answer"]
P, RW, US, A, D, PS, NX = 0x1, 0x2, 0x4, 0x20, 0x40, 0x80, 1 << 63  # bits of an entry
ADDRESS = 0x000F_FFFF_FFFF_F000  # the bits of an entry that are an address


def reserved(entry, level):
    """Say whether a present entry has a bit that must be clear at its level."""
    if level == 4 and entry & PS:
        return True
    if level in (2, 3) and entry & PS and entry & (1 << 9 * level + 3) - 1 & ~0x1FFF:
        return True
    return bool(entry & ADDRESS >> 40 << 40)  # this processor has physical addresses of 40 bits


def walk(memory, cpu, address, kind):
    ### BEGIN SOLUTION
    if address >> 47 not in (0, 0x1FFFF):
        return "#GP"
    code = (X86_PF_WRITE if kind == "write" else 0) | (X86_PF_INSTR if kind == "fetch" else 0)
    code |= X86_PF_USER if cpu["user"] else 0
    table, rights, forbidden, seen = cpu["cr3"], RW | US, 0, []
    for level in (4, 3, 2, 1):
        shift = 12 + 9 * (level - 1)
        place = table + 8 * (address >> shift & 511)
        entry = memory.read(place)
        if not entry & P:
            return "#PF", code, address
        if reserved(entry, level):
            return "#PF", code | X86_PF_PROT | X86_PF_RSVD, address
        seen.append((place, entry))
        rights &= entry
        forbidden |= entry & NX
        if level == 1 or entry & PS:
            break
        table = entry & ADDRESS
    denied = cpu["user"] and not rights & US
    if kind == "write" and not rights & RW:
        denied |= cpu["user"] or cpu["wp"]
    if denied or (kind == "fetch" and forbidden):
        return "#PF", code | X86_PF_PROT, address
    for place, entry in seen:
        entry |= A
        if kind == "write" and place == seen[-1][0]:
            entry |= D
        memory.write(place, entry)
    offset = (1 << shift) - 1
    return (entry & ADDRESS & ~offset) | (address & offset)
    ### STUB
    # table = cpu["cr3"]
    # entry = memory.read(table + 8 * (address >> 39 & 511))
    # raise NotImplementedError("only the entry of level 4 is read so far")
    ### END SOLUTION


# %% id="stuck" tags=["scratch"]
hint("h01_walk")

# %% [markdown] id="checks"
# ## The checks
#
# Each check draws page tables, and makes accesses with your walk in a process of its own, and with the
# processor. What is shown below a check before you run it is the verdict on a right answer.

# %% id="address" tags=["check"]
check("h01_walk", "address")

# %% id="sizes" tags=["check"]
check("h01_walk", "sizes")

# %% id="rights" tags=["check"]
check("h01_walk", "rights")

# %% id="codes" tags=["check"]
check("h01_walk", "codes")

# %% [markdown] id="marks-text"
# The last one reads what your walk has left in the entries. A walk that faults may have set A on its way, or
# not: the manual allows both.

# %% id="marks" tags=["check"]
check("h01_walk", "marks")

# %% [markdown] id="sum"
# ## All together
#
# When every check passes, this cell says why the processor does it so.

# %% id="all" tags=["scratch"]
check("h01_walk")

# %% [markdown] id="try"
# ## Your own runs
#
# `computer.change` sets and clears bits of an entry at a level; `try_access` makes an access with your walk,
# and with the processor, and leaves the tables as they are.

# %% id="play" tags=["scratch"]
# computer.change(0x5000, level=3, set=x86.NX)
# try_access(walk, computer, 0x5010, "fetch")
# try_access(walk, computer, 0x5010, "write", user=False, wp=False)
