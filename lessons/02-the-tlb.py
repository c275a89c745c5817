# ---
# title: The TLB
# objective: You predict hit, miss and stale hit, and put the steps that take a page away into a safe order.
# needs: ["01"]
# out_of_scope: [several CPUs, PCIDs and global pages, large pages, how A and D get into the entry]
# minutes: 35
# ---

# %% [markdown] id="story"
# ## Story: a page table that is right, and a secret that leaks
#
# You write the memory part of a small kernel. Two programs run on it, an editor and a mailer. The editor
# gives a page back. You clear the bit `P` in its entry, and hand the frame to the mailer. All tests pass.
#
# Weeks later comes a report: the editor has shown a password, and it was the mailer's. You stop the machine
# and look at the editor's [page table](term:page table). It is right: the entry of this page is not present.
# A walk ends in a [page fault](term:page fault), as you wanted.
#
# So how can a program read a page that its page table does not have?
#
# You rebuild the case on the small computer of lesson 01. Run the next two cells. The editor has a page at
# `0x5000`. Behind it is the frame at `0x20000`, where it keeps a draft. It reads the page.

# %% id="setup"
from course.paging import Computer, own_hits, rounds, try_order, try_tlb
from course.predictions import answer, predict, reveal
from course.views import ready
from pyemu.hw import TlbArray, TlbConfig, x86

ready()

# %% id="draft"
computer = Computer()
computer.map(0x5000, 0x20000)
computer.store(0x20000, "the draft")
first = computer.read(0x5000)
print(first.outcome)

# %% [markdown] id="predict"
# ## Predict: the editor reads once more
#
# Now your kernel does its two steps: it clears `P` in the editor's entry, and it gives the frame to the
# mailer, which writes a password there. Then the editor reads `0x5000` again.
#
# Put your letter between the empty quotes, and run the cell.

# %% id="predict-cleared"
predict("02-cleared", "")

# %% [markdown] id="run"
# ## Run: take the page away

# %% id="run-cleared"
computer.change(0x5000, clear=x86.P)
computer.store(0x20000, "the password")
again = computer.read(0x5000)
reveal("02-cleared", again.outcome)

# %% [markdown] id="crash"
# There it is. And the page table? Walk through it, as in lesson 01:

# %% id="walk-cleared"
computer.walk(0x5000)

# %% [markdown] id="trace"
# ## Trace: what the processor looked at
#
# The tables say page fault. The processor says password. Look at what it did for each of the two reads:

# %% id="trace-reads"
print(first)
print(again)

# %% [markdown] id="trace-text"
# For the first read it walked: four entries, one a level. For the second it did not walk at all. It never saw
# that you had cleared the entry. So where did it have the address from? From here:

# %% id="trace-tlb"
computer.tlb()

# %% [markdown] id="mechanism"
# ## Mechanism: a memory of translations
#
# Four reads of RAM before each access would be slow. So the processor keeps the results of its last walks, in
# a small memory of its own: the **[TLB](term:TLB)** (translation lookaside buffer). These are its rules.
#
# 1. **look up**: cut the offset off the address. Is the translation of this *page* in the TLB?
# 2. **hit**: yes. Use it, with the rights that the walk had found. The tables are not read.
# 3. **miss**: no. Walk. The processor does this by itself, and the kernel is not called.
# 4. **keep**: put the result of the walk into the TLB. A page that is *not present* is never kept.
# 5. **make room**: if there is no place, the translation that was not used for the longest time leaves.
# 6. **forget**: only when told. The instruction **INVLPG** forgets one page: a **flush**.
#
# The third rule says what a miss is *not*: a **TLB miss is no page fault**. A miss costs a walk. Only if
# that walk finds no page, or no right, it ends in a page fault.
#
# And the second rule is your bug. Nobody tells the TLB that an entry in RAM has changed. It goes on with
# what it knew. A translation in the TLB that the tables no longer have is **stale**. It works like any
# other, until it is flushed or has to make room.
#
# Flush it, and read again:

# %% id="flush"
computer.flush(0x5000)
computer.read(0x5000)

# %% [markdown] id="worked"
# ## Worked example: three changes without a flush
#
# **A right is taken away.** The editor writes to a page. Then the kernel clears `RW`, and the editor writes
# again. What now?

# %% id="predict-readonly"
predict("02-readonly", "")

# %% id="run-readonly"
computer.map(0x6000, 0x21000)
computer.write(0x6000, "one")
computer.change(0x6000, clear=x86.RW)
write = computer.write(0x6000, "two")
reveal("02-readonly", write.outcome)

# %% [markdown] id="added-text"
# The second rule once more: the TLB has kept the rights, too. The write was a hit.
#
# **A right is added.** Page `0x7000` may only be read, and the editor reads it. Then the kernel sets `RW`.

# %% id="run-added"
computer.map(0x7000, 0x22000, x86.P | x86.US)
computer.read(0x7000)
computer.change(0x7000, set=x86.RW)
computer.write(0x7000, "new")

# %% [markdown] id="new-text"
# Before it refuses, this processor asks the tables: a translation that doesn't allow the access is no hit.
# So it missed, walked, and found `RW`. (Another kind of processor may raise a page fault first. Linux v5.7
# finds the entry as it should be, drops the old translation, and the access is made again.
# [fact:spurious-fault])
#
# **A page is added.** The editor reads at `0x8000`, where nothing is. Then the kernel maps a page there.

# %% id="run-new"
print(computer.read(0x8000))
computer.map(0x8000, 0x23000)
print(computer.read(0x8000))

# %% [markdown] id="rule"
# The fourth rule: what is not present is never kept, so nothing could be stale. You can now say when a
# flush is needed: **when something is taken away or replaced**, a page, a frame or a right. Not when
# something is added.
#
# ### Where a translation lies
#
# To be fast, the TLB doesn't search everywhere. It has **sets**, and each page has one where it may lie: its
# page number modulo the number of sets. A set has a few places, its **ways**.
#
# The next computer has a tiny TLB: four sets of two ways. `run` takes page numbers. Page `5` is the page at
# `0x5000`. Its set is `5 % 4`, which is `1`.

# %% id="tiny"
tiny = TlbConfig((TlbArray(4, 2),))  # one array: four sets, two ways
small = Computer(tiny)
small.run([0, 1, 4, 0, 8, 4])

# %% id="tiny-tlb"
small.tlb()

# %% id="figure-sets"
from course import figures

figures.tlb_sets(small, 8)

# %% [markdown] id="tiny-text"
# Pages `0`, `4` and `8` share set `0`, which has two ways. Page `8` needed room. Page `0` had been used a
# moment before, so page `4` had to leave, and the last access missed. Sets `2` and `3` are empty all the
# while.

# %% [markdown] id="order"
# ## Order the lines: take a page away
#
# Back to your kernel. Taking a page away has three steps. While your kernel works, the editor may read at any
# moment.
#
# - `C`: **c**lear `P` in the editor's entry
# - `F`: **f**lush the editor's page from the TLB
# - `G`: **g**ive the frame to the mailer, which writes there
#
# Put the three letters into an order in which the editor never sees the password. Then try the other five.
# One of them clears *and* flushes before the frame is given away, and leaks all the same: why?

# %% id="try-order"
try_order("")

# %% [markdown] id="gap"
# ## Fill the gap: hit or miss?
#
# The tiny TLB is empty again. A program reads these eight pages. Write `H` for a hit and `M` for a miss in
# the place of each `?`. Draw the sets on paper, the last used page in front.

# %% id="own-hits"
pages = [1, 5, 1, 9, 1, 5, 2, 1]
own_hits(tiny, pages, "????????")

# %% [markdown] id="write"
# ## Write it: a TLB
#
# A set is a list of page numbers here, the last used one in front. `my_tlb` is called for each access, and
# brings the sets up to date. Two gaps are left. (`ways.pop()` takes the last one of a list away,
# `ways.pop(0)` the first.)

# %% id="my-tlb"
def my_tlb(sets, page):
    ways = sets[0]  # the first gap: which set?
    if page in ways:
        ways.remove(page)
    elif len(ways) == 2:
        pass  # the second gap: who makes room?
    ways.insert(0, page)


# %% [markdown] id="try-tlb-text"
# Your sets against those of the processor, after each access of a long sequence:

# %% id="try-tlb"
try_tlb(tiny, my_tlb)

# %% [markdown] id="break"
# ## Break it: always miss
#
# The tiny TLB has room for eight pages. Even so, a program that goes round and round through very few pages
# can miss *every* time. Find such pages, as few as you can.

# %% id="break-it"
pages = [0, 1, 2, 3]
rounds(tiny, pages)

# %% [markdown] id="break-more"
# Then the opposite: how many different pages can go round and round and *never* miss after the first round?

# %% id="numbers" tags=["numbers"]
from itertools import islice

from pyemu.hw import make_mmu
from pyemu.hw.presets import PRESETS
from pyemu.memtrace import Memtrace
from pyemu.memtrace.pages import mapped, touched
from pyemu.memtrace.sample import SAMPLE

_sky = PRESETS["skylake"].config
_chunk = next(islice(Memtrace(SAMPLE).chunks(), 1))
_machine = mapped(touched(iter([_chunk])))
_mmu = make_mmu(_machine.ram, tlb=_sky)
_mmu.load(_machine.cpu)
_n = 200_000
_mmu.access_many(_chunk.addresses[:_n], _chunk.kinds[:_n])
{
    "l1_sets": _sky.l1[0].sets,
    "l1_ways": _sky.l1[0].ways,
    "l2_sets": _sky.l2[0].sets,
    "l2_ways": _sky.l2[0].ways,
    "reach": f"{_sky.l2[0].sets * _sky.l2[0].ways * 4096 // 2**20} MiB",
    "n_accesses": _mmu.stats.accesses,
    "n_misses": _mmu.stats.l1_misses,
    "n_walks": _mmu.stats.walks,
    "per_walk": _mmu.stats.accesses // _mmu.stats.walks,
}

# %% [markdown] id="real"
# ## The real thing: processors, programs, Linux
#
# **Processors.** A Skylake (Intel) has {{l1_sets}} sets of {{l1_ways}} ways for data, and behind them a
# second, larger TLB of {{l2_sets}} sets of {{l2_ways}} ways, asked before a walk. (That a page's set is its
# number modulo the sets, and that the longest unused leaves, is how this course models it.) The second one
# reaches over {{reach}} of small pages. Each CPU has TLBs of its own: to flush a page everywhere, the
# kernel has to ask the other CPUs by interrupt.
#
# **Programs.** Why do so few entries help? Because programs use the same pages again and again. Here are
# the first {{n_accesses}} accesses of a real one, recorded, on that TLB: {{n_misses}} missed the first
# level, {{n_walks}} had to walk. That is one walk in {{per_walk}} accesses. In a terminal you can try the
# whole recording on other TLBs:
#
# ```
# faultlab trace run --tlb skylake --tlb 4x2
# faultlab trace curve
# ```
#
# **Linux** takes pages away in the order that you have found. It gathers the pages, flushes, and frees them
# only then. [fact:free-after-flush] When a write gets its own copy of a page, Linux clears the old entry
# and flushes it *before* it sets the new one, so that no CPU still has the old page while another has the
# new one. [fact:cow-flush-first] And a flush of many pages one by one is slow: for more than `33` pages,
# x86 flushes all of a process. [fact:x86-flush-ceiling]

# %% [markdown] id="questions"
# ## Questions
#
# Put a letter between the quotes. Each choice has its own comment.

# %% id="question-stale"
answer("02-stale", "")

# %% id="question-miss"
answer("02-miss", "")

# %% [markdown] id="recap"
# ## Recap
#
# - A hit uses what the TLB has kept, address and rights, and reads no table.
# - A miss is a walk, made by the processor. It is no page fault.
# - The TLB is not told when an entry in RAM changes. A stale translation works until it is flushed, or makes
#   room.
# - Flush when you take something away. Then the order is: clear, flush, and only then give the frame away.
# - Not present is never kept. So nothing has to be flushed when a page is added.
# - Three pages can be too many for a TLB with room for eight: sets.
#
# In one sentence of your own: why is it not enough to flush first and clear then?
#
# Next in the course: two modes, one process. To write a TLB with PCIDs, global pages and large pages is
# the exercise [h02_tlb](../exercises/h02_tlb.ipynb).
