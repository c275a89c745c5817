# ---
# title: Addresses and page tables
# objective: You walk a page table by hand, and name the bit of the entry that forbids an access.
# needs: ["00"]
# out_of_scope: [the TLB, pages larger than 4096 bytes, what the kernel does about a fault]
# minutes: 35
# ---

# %% [markdown] id="story"
# ## Story: a fault where the list says "yes"
#
# You look after a machine that runs Linux 6.1, and on it a shell. You count the shell's
# [page faults](term:page fault). Some come from memory that it has owned for minutes. It even wrote there
# before. Why does it fault? [fact:fork-protects]
#
# Linux has a list of the areas that a program may use. You print it, with `cat /proc/PID/maps`. One line:
#
# ```
# 005e2000-005e5000 rw-p 001e1000 00:02 10           /bin/busybox
# ```
#
# From address `0x5e2000` up to `0x5e5000` the shell may read (`r`) and write (`w`). The list says nothing
# about a fault. So you stop the whole machine and write its memory to a file, a **dump**. Now you can ask
# what no running machine tells you: what would the processor do if the shell wrote to `0x5e3018` *now*?
#
# The processor has never seen the kernel's list. It looks elsewhere. You are about to look there too, with
# the processor's own rules, and come to the same answer.

# %% [markdown] id="words"
# ### Two kinds of address
#
# A **virtual address** is what a program uses: the value of a pointer in C. A **physical address** is a
# place in RAM. The processor translates each address of each access.
#
# It translates whole blocks. A block of `4096` bytes of virtual addresses is a **page**; the block of RAM
# behind it is a **frame**. Where each page lies stands in **[page tables](term:page table)**. They are in
# RAM, the kernel writes them, and the processor reads them. To read them for one address is called a
# **walk**.
#
# Run the next cell. It opens the dump.

# %% id="setup"
from course.paging import Computer, frozen, own_walk, split, try_walk
from course.predictions import answer, predict, reveal
from course.views import ready
from pyemu.hw import x86

machine = frozen()
ready()

# %% [markdown] id="predict"
# ## Predict: the shell writes to 0x5e3018
#
# A **page fault** is what the processor raises when it can't, or must not, finish an access: it stops the
# program and calls the kernel.
#
# Put your letter between the empty quotes, and run the cell.

# %% id="predict-write"
predict("01-write", "")

# %% [markdown] id="run"
# ## Run: ask the processor
#
# `machine.walk` makes the access with the rules of the processor, on the page tables of the dump.

# %% id="run-write"
write = machine.walk(0x5E3018, "write")
print(write.outcome)
reveal("01-write", write.outcome)

# %% [markdown] id="crash"
# It faults. With each fault the processor leaves a number for the kernel, the **error code**: each bit says
# something about the access. How it came to this number is the rest of the lesson.

# %% [markdown] id="trace"
# ## Trace: the walk, entry by entry
#
# Here is the whole walk. There are four levels of tables, and the walk reads one **entry** in each. It
# starts at level 4. Read from the top: what leads from one line to the next?

# %% id="trace-write"
write

# %% [markdown] id="trace-split"
# Three columns make the chain: *leads to* is the address of the next table, *index* is the place in that
# table, and *entry at* is both together. An entry has eight bytes, so it stands at `table + 8 * index`.
#
# And the index? It comes from the virtual address. Nine bits for each level, and what is left over.

# %% id="split-write"
split(0x5E3018)

# %% [markdown] id="figure-text"
# The same as a picture. Above, the parts of the address. Below each part, the table in which it is the
# index.

# %% id="figure-walk"
from course import figures

figures.walk(write)

# %% [markdown] id="trace-hand"
# Now do the last step by hand. The entry of level 2 leads to the table at `0x558b000`. The index of
# level 1 is `483`. So read the entry there. (`0x` numbers and others may be mixed.)

# %% id="hand-entry"
machine.entry(0x558B000 + 8 * 483)

# %% [markdown] id="trace-bits"
# That is one number of `64` bits, and it holds two things: an address, and bits with names. In hexadecimal
# you can tell them apart by eye. The last three digits are bits (`865`), the `8` in front is one more
# (`NX`), and what is left is the address: `0x29e7000`.
#
# An entry of level 1 is a **leaf**: its address is that of the frame, and no longer that of a table.
#
# This leaf has `P` and `US`, but no `RW`. Here is your fault. What do the names say?

# %% [markdown] id="mechanism"
# ## Mechanism: six steps of a walk
#
# 1. **split** the virtual address: four indices of nine bits, and an offset of twelve.
# 2. **start** at the table of level 4. The register **CR3** holds its physical address.
# 3. **read** the entry at `table + 8 * index`.
# 4. **check** the entry. Is its bit `P` clear? Then the walk ends here, with a page fault.
# 5. **go down**: the address in the entry is the next table. Steps 3 to 5 come four times.
# 6. **add** the offset to the address in the leaf. That is the physical address.
#
# Why not one large table? It would need an entry for each page that a program *could* have. In a tree,
# what isn't used has no table at all.
#
# ### The bits
#
# | bit | says | over four levels |
# |---|---|---|
# | `P` | present: this entry leads somewhere | each level must have it |
# | `RW` | writes are allowed | each level must have it |
# | `US` | the program may use it, not the kernel alone | each level must have it |
# | `NX` | no instruction may be fetched from here | one level is enough to forbid |
# | `A` | accessed: the processor has walked through here | |
# | `D` | dirty: the processor has written to the page | only a leaf's has a meaning |
#
# A program runs in **user mode** (in the manual: `CPL 3`), the kernel does not.
#
# **One level that says no is enough.** `P`, `RW` and `US` are permissions, joined by AND. `NX` forbids,
# joined by OR. A walk collects these rights on its way down and decides at the end: so a missing page is
# noticed before a missing right.
#
# ### The error code
#
# | bit | name | set when |
# |---|---|---|
# | `0x1` | `P` | each entry was present: the page is there, and the access was forbidden |
# | `0x2` | `W` | the access was a write |
# | `0x4` | `U` | the access came from user mode |
# | `0x10` | `I` | the processor fetched an instruction |
#
# `0x7` is `0x4 + 0x2 + 0x1`. The first bit is the one to look at: set, a permission is missing; clear, a
# page is missing. The address that was accessed, `0x5e3018`, is in the register **CR2**.

# %% [markdown] id="worked"
# ## Worked example: an instruction of the shell
#
# The shell fetches an instruction at `0x401123`. Walk along. **Split**: shift to the right until the bits of
# a level are the lowest, then keep nine of them (`& 511`). How far to shift is the last number in each row
# of the table above: `39` for level 4, then `30`, `21` and `12`.

# %% id="worked-split"
va = 0x401123
[va >> shift & 511 for shift in (39, 30, 21, 12)]

# %% [markdown] id="worked-start-text"
# **Start** and **read**. `machine.root` is the address from CR3.

# %% id="worked-level-4"
level_4 = machine.entry(machine.root + 8 * 0)
level_4

# %% [markdown] id="worked-check"
# **Check**: `P` is there. **Go down**: keep the address, drop the bits. `level_4 & x86.ADDRESS` does that.
# (A table's entry may show `D`. There it has no meaning, and the table of `walk` leaves it out.)

# %% id="worked-down"
level_3 = machine.entry((level_4 & x86.ADDRESS) + 8 * 0)
level_2 = machine.entry((level_3 & x86.ADDRESS) + 8 * 2)
leaf = machine.entry((level_2 & x86.ADDRESS) + 8 * 1)
leaf

# %% [markdown] id="worked-rights"
# The leaf has `P` and `US` and no `NX`, so the program may fetch from here. It has no `RW`. **Add** the
# offset: the lowest twelve bits, `0x123`.

# %% id="worked-add"
pa = (leaf & x86.ADDRESS) + (va & 4095)
print(f"by hand {pa:#x}, by the processor {machine.walk(va, 'fetch').pa:#x}")

# %% [markdown] id="rights"
# ### Who decides about rights?
#
# In the dump, all upper entries of the shell grant everything, and the leaf alone decides. It need not be
# so. Here is a small computer whose tables you may edit. One page is mapped at `0x5000`, with all rights.

# %% id="small"
computer = Computer()
computer.map(0x5000, 0x20000)
computer.walk(0x5000)

# %% [markdown] id="predict-upper-text"
# Now `US` is taken away in the entry of level 2. The leaf keeps its `US`. What does a read of the program
# give?

# %% id="predict-upper"
predict("01-upper", "")

# %% id="run-upper"
computer.change(0x5000, 2, clear=x86.US)
reveal("01-upper", computer.walk(0x5000).outcome)

# %% id="show-upper"
computer.walk(0x5000)

# %% [markdown] id="gap"
# ## Fill the gap: your own walk
#
# Take paper. Walk to `0x7ffed8550a40`, an address on the shell's stack. The next cell prints the nine bits of
# each level and the offset. Python reads such bits as a number if you put `0b` before them. Change the last
# line, and read one entry after the other with it.

# %% id="own-bits"
bits = f"{0x7FFED8550A40:048b}"
print(bits[0:9], bits[9:18], bits[18:27], bits[27:36], bits[36:48])
machine.entry(machine.root + 8 * 0b000000000)

# %% [markdown] id="own-text"
# Put what you find in the place of each `None`, and run. Write `True` or `False` for `may_write`.

# %% id="own-walk"
indices = [None, None, None, None]  # of level 4, 3, 2, 1
pa = None
may_write = None
own_walk(machine, 0x7FFED8550A40, indices, pa, may_write)

# %% [markdown] id="write"
# ## Write it: the walk as a function
#
# You have walked to one page. Let a function walk to all of them. Two gaps are left, each a `None`. `|`
# joins bits, `&` keeps those that both sides have.

# %% id="my-walk"
def my_walk(entry, root, va):
    table, rights = root, x86.RW | x86.US
    for shift in (39, 30, 21, 12):
        found = entry(table + 8 * (va >> shift & 511))
        rights = None  # the first gap: which rights are left after this entry?
        table = found & x86.ADDRESS
    return None, rights  # the second gap: the physical address


# %% [markdown] id="try-text"
# Now the walk of the processor, for each page that the shell may use, against yours. When both agree on all
# of them, you have written what every access of every program goes through.

# %% id="try-walk"
try_walk(machine, my_walk)

# %% [markdown] id="break"
# ## Break it: forbid it from above
#
# Make a page that the program can read and can't write, and **leave its leaf as it is**. Choose a level and
# a bit. The goal: the read is `translated`, the write gives `error code 0x7`.

# %% id="break-it"
level, bit = 4, 0  # your choice: a level from 4 to 2, and x86.P, x86.RW or x86.US
computer = Computer()
computer.map(0x5000, 0x20000)
computer.change(0x5000, level, clear=bit)
print("read: ", computer.walk(0x5000).outcome)
print("write:", computer.walk(0x5000, "write").outcome)

# %% [markdown] id="break-more"
# Then try the other two bits. Which one gives an *even* error code, and why?

# %% id="numbers" tags=["numbers"]
_write = machine.walk(0x5E3018, "write").found.steps
_pages = list(machine.pages())
{"leaf": f"{_write[-1].entry:#x}", "n_pages": len(_pages), "n_entries": len(_write)}

# %% [markdown] id="real"
# ## The real thing: what Linux says and does
#
# Back to the shell. Its leaf is {{leaf}}: present, and without `RW`. The list says `rw`. Both are right.
#
# There was a **fork**: one process made a second one with the same memory, and the shell is one of the two.
# Linux copies no pages for that. It takes `RW` away in the entries of both, and leaves the area in the list
# writable. The first write faults. [fact:fork-protects] Now the kernel looks at its list, and what it asks
# for a write is the right of the *area*, not the bit in the entry. [fact:x86-access-error] The area says
# yes, so nothing is wrong, and the kernel makes a copy. Lesson 03 goes on from here.
#
# So an entry without `RW` does not say "never". It says "**ask me first**".
#
# When Linux can't serve a fault of its own, it reports what you have read here. It says the error code in
# words [fact:x86-oops-error-code] and prints the walk, under names of its own: [fact:x86-oops-walk]
#
# | | processor's manual | Linux |
# |---|---|---|
# | level 4 | PML4 | PGD (and P4D: a fifth level, unused here) |
# | level 3 | PDPT | PUD |
# | level 2 | PD | PMD |
# | level 1 | PT | PTE |
#
# In a terminal, walk anywhere in this dump, or list all that it maps. `--kind` is `read`, `write` or
# `fetch`.
#
# ```
# faultlab walk sample 0x5e3018 --kind write
# faultlab walk sample 0x7ffed8550a40 --kind fetch
# faultlab walk sample --list
# ```

# %% [markdown] id="questions"
# ## Questions
#
# Put a letter between the quotes. Each choice has its own comment.

# %% id="question-rights"
answer("01-rights", "")

# %% id="question-code"
answer("01-code", "")

# %% [markdown] id="recap"
# ## Recap
#
# - A walk: split, start at CR3, read, check, go down, add the offset. It reads {{n_entries}} entries here,
#   one a level.
# - `P`, `RW` and `US` must be set at every level. `NX` forbids from any level.
# - Error code, bit `0x1`: set, the page is there and the access is forbidden; clear, there is no page.
# - The processor reads the page tables alone. The kernel's list of areas is asked later, by the kernel.
# - You did it by hand, and a function did it for {{n_pages}} pages of a real program.
#
# In one sentence of your own: how can a page be read-only although its leaf has `RW`?
#
# Four reads of RAM before each access would make a processor very slow. How it gets around them, and what
# goes wrong then, is lesson 02. To write the whole walk, with all its rules, is the exercise
# [h01_walk](../exercises/h01_walk.ipynb).
