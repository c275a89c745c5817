# %% [markdown] id="story"
# In lesson 16 you made a short walk fast. It only read. A processor does more while it walks: it marks the
# entries that it uses, and it stops where a page is missing, so that the kernel can do its work.
#
# You write that walk in Cython: for a whole array of accesses, right to the last bit, and fast.

# %% id="imports"
from course import check, hint
from course.compiled import annotate, compiler
from course.views import ready

ready()
compiler()

# %% [markdown] id="crash"
# ## First, what compiling alone gives
#
# This is the walk of the lesson, as Python. Each line with a mark handles Python objects once it is compiled.

# %% id="plain"
PLAIN = """def walk_all(ram, root, vas, pas):
    for i in range(len(vas)):
        table = root
        for shift in range(39, 3, -9):
            entry = ram[(table >> 3) + (vas[i] >> shift & 511)]
            table = entry & 0xFFFFFFFFFF000
        pas[i] = table | vas[i] & 4095
""".rstrip()

annotate(PLAIN)

# %% [markdown] id="task"
# ## Your part
#
# `SOURCE` is a text in Cython that defines `walk_all(ram, root, vas, writes, pas)`.
#
# | it is given | what it is | its elements |
# |---|---|---|
# | `ram` | the page tables: the entry at address `pa` is `ram[pa >> 3]` | `uint64_t`, read and written |
# | `root` | the physical address of the table of level 4 | a number |
# | `vas` | virtual addresses | `uint64_t`, only to read |
# | `writes` | 1 where the access is a write, else 0 | `uint8_t`, only to read |
# | `pas` | where the physical addresses go, as long as `vas` | `uint64_t` |
#
# - Each present entry on the way gets **A**, `0x20`. The last one gets **D**, `0x40`, if the access is a
#   write. All pages have 4 KiB, and all rights are granted.
# - At an entry without bit `0`, the lowest, the walk **stops**: it returns the number of accesses that came
#   before, and touches nothing after. Without a fault it returns `len(vas)`. A walk that faults may have set
#   A on its way.
# - A table that lies outside of `ram` reads as zeros: the walk stops there, too. Behind `ram` lies memory
#   that isn't yours.
# - It is called many times. Between two calls the tables may change.
# - It must be more than `30` times as fast as a plain Python walk that does the same. The race measures
#   processor time, both in turns, so a busy machine does no harm.
# - A text may `cimport` from `libc.stdint`, `libc.stddef` and `cython`. A flag for one processor, such as
#   `-march=native`, is refused: what is built here must run elsewhere.
#
# If you are stuck, `hint("h05_cython_walker", 1)` gives a nudge; 2 and 3 say more.

# %% id="source" tags=["answer"]
### BEGIN SOLUTION
SOURCE = r'''
from libc.stdint cimport uint8_t, uint64_t

def walk_all(uint64_t[::1] ram, uint64_t root, const uint64_t[::1] vas, const uint8_t[::1] writes,
             uint64_t[::1] pas):
    cdef uint64_t table, entry, mask = 0xFFFFFFFFFF000
    cdef Py_ssize_t i, place, n_entries = len(ram)
    cdef int shift
    for i in range(len(vas)):
        table = root
        for shift in range(39, 3, -9):
            place = (table >> 3) + (vas[i] >> shift & 511)
            if place >= n_entries:
                return i
            entry = ram[place]
            if not entry & 1:
                return i
            entry |= 0x60 if shift == 12 and writes[i] else 0x20
            ram[place] = entry
            table = entry & mask
        pas[i] = table | vas[i] & 4095
    return len(vas)
'''
### STUB
# # A text, between r''' and '''. Its first line cimports the types that it needs from libc.stdint.
# SOURCE = None
### END SOLUTION

# %% id="stuck" tags=["scratch"]
hint("h05_cython_walker")

# %% [markdown] id="checks"
# ## The checks
#
# Each check compiles your text, and runs it in a process of its own, on page tables that are drawn. What is
# shown below a check before you run it is the verdict on a right answer. Without a C compiler the checks are
# skipped, and say so.

# %% id="equal" tags=["check"]
check("h05_cython_walker", "equal")

# %% id="faults" tags=["check"]
check("h05_cython_walker", "faults")

# %% id="speed" tags=["check"]
check("h05_cython_walker", "speed")

# %% [markdown] id="sum"
# ## All together

# %% id="all" tags=["scratch"]
check("h05_cython_walker")

# %% [markdown] id="try"
# ## Your own look
#
# Which lines of yours still handle objects?

# %% id="play" tags=["scratch"]
# annotate(SOURCE)
