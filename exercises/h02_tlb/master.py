# %% [markdown] id="story"
# The TLB of lesson 02 belongs to one program. A processor runs many, and each has page tables of its own: the
# address `0x5000` means something else in each. Old processors forgot the whole TLB when the kernel switched
# from one program to the next, and then each of them began with misses.
#
# Newer ones put a tag on each entry, the **PCID**: the number of the address space that it belongs to. Then
# nothing has to be forgotten, and what is the same for all, as the kernel's own pages, is marked **global**.
# You write such a TLB, and it is compared with that of the emulator.

# %% id="imports"
from course import check, hint
from course.paging import Operation, try_pcid_tlb
from course.views import ready

ready()

# %% [markdown] id="crash"
# ## First, a TLB without tags
#
# Here is one that keeps all it sees, without sets, and has never heard of address spaces. Two programs,
# PCID 1 and PCID 2, have a page at `0x5000`, each in a frame of its own. (Bit 63 of a value for CR3 says
# "forget nothing".)


# %% id="naive"
seen = {}


def naive_access(address, kind, walk):
    page = address >> 12
    if page in seen:
        return "hit", seen[page] + address % 4096
    seen[page] = walk(address, kind)["frame"]
    return "miss", seen[page] + address % 4096


def nothing(*_):
    pass


naive = {"power_on": nothing, "access": naive_access, "load_cr3": nothing, "invlpg": nothing}

# %% id="run-naive"
KEEP = 1 << 63
two_programs = [
    Operation("map", 0x5000, pcid=1, frame=0x20000),
    Operation("map", 0x5000, pcid=2, frame=0x30000),
    Operation("load_cr3", 1),
    Operation("read", 0x5010),
    Operation("load_cr3", 2 | KEEP),
    Operation("read", 0x5010),
    Operation("load_cr3", 1 | KEEP),
    Operation("read", 0x5010),
]
try_pcid_tlb(two_programs, 4, 2, **naive)

# %% [markdown] id="task"
# ## Your part
#
# The second program reads the first one's memory. Yours must do better. It has three functions:
#
# | function | what it gives |
# |---|---|
# | `access(address, kind, walk)` | `"hit", pa` or `"miss", pa` with the physical address, or `"fault"` |
# | `load_cr3(value)` | nothing: the kernel switches to the PCID in bits 11 to 0 of the value |
# | `invlpg(address)` | nothing: the kernel wants one page forgotten |
#
# `kind` is `"read"` or `"write"`. `walk(address, kind)` walks the present page tables. It gives None for a
# page fault, or a dict with what it found:
#
# | key | value |
# |---|---|
# | `"page"`, `"frame"` | where the page begins, as virtual and as physical address |
# | `"size"` | its bytes: `4096` or `2 << 20` |
# | `"writable"` | whether it may be written |
# | `"dirty"` | whether D is set in its entry; a walk for a write sets it |
# | `"global"` | whether it serves every address space |
#
# These are the rules:
#
# 1. An entry lies in the set `address // size % n_sets`, with the size of its own page.
# 2. It serves an access of its PCID, or of any if it is global. A hit reads no table: no walk.
# 3. In a full set, the entry that was not used for longest makes room. What is not present is never kept.
# 4. **First write**: an entry whose D was clear when it was kept. A write has to walk, so that D gets set,
#    and keeps what this walk finds instead. It still is a hit, unless the walk finds a page fault.
# 5. An entry that does not allow the write is forgotten, and the tables are asked: a miss, or a fault.
# 6. `load_cr3` forgets the entries of the new PCID that are not global. With bit 63 set it forgets nothing.
# 7. `invlpg` forgets the page that the address lies in, whatever its size, if the entry is global or of the
#    present PCID.
#
# `power_on` empties the TLB. `lookup` is written, and asks your `belongs`. All that you write stands in this
# one cell. If you are stuck, `hint("h02_tlb", 1)` gives a nudge; 2 and 3 say more.


# %% id="tlb" tags=["answer"]
tlb = {}


def power_on(n_sets, n_ways):
    """Empty the TLB. Each set is a list of entries, the last used one in front."""
    tlb.update(sets=[[] for _ in range(n_sets)], n_ways=n_ways, pcid=0)


def lookup(address):
    """Give the entry for an address, and its set; None and an empty list without one."""
    for size in (4 << 10, 2 << 20):
        ways = tlb["sets"][address // size % len(tlb["sets"])]
        for entry in ways:
            if (entry["size"], entry["page"]) == (size, address & -size) and belongs(entry):
                return entry, ways
    return None, []


### BEGIN SOLUTION
def belongs(entry):
    return entry["global"] or entry["pcid"] == tlb["pcid"]


def access(address, kind, walk):
    word = "miss"
    entry, ways = lookup(address)
    if entry is not None:
        ways.remove(entry)
        if kind == "read" or entry["writable"]:
            word = "hit"
            if kind == "read" or entry["dirty"]:
                ways.insert(0, entry)
                return word, entry["frame"] + address % entry["size"]
    found = walk(address, kind)
    if found is None:
        return "fault"
    ways = tlb["sets"][address // found["size"] % len(tlb["sets"])]
    ways.insert(0, {**found, "pcid": tlb["pcid"]})
    del ways[tlb["n_ways"] :]
    return word, found["frame"] + address % found["size"]


def load_cr3(value):
    tlb["pcid"] = value & 0xFFF
    if not value >> 63:
        forget(lambda entry: entry["pcid"] == tlb["pcid"] and not entry["global"])


def invlpg(address):
    forget(lambda entry: belongs(entry) and entry["page"] == address & -entry["size"])


def forget(doomed):
    for ways in tlb["sets"]:
        ways[:] = [entry for entry in ways if not doomed(entry)]
### STUB
# def belongs(entry):
#     return True  # may the present address space use it?
#
#
# def access(address, kind, walk):
#     entry, ways = lookup(address)
#     if entry is not None:
#         return "hit", entry["frame"] + address % entry["size"]
#     raise NotImplementedError("a miss is not served so far")
#
#
# def load_cr3(value):
#     raise NotImplementedError("no address space is known so far")
#
#
# def invlpg(address):
#     raise NotImplementedError("nothing is forgotten so far")
### END SOLUTION


# %% id="stuck" tags=["scratch"]
hint("h02_tlb")

# %% [markdown] id="checks"
# ## The checks
#
# Each check lets a kernel work with your TLB in a process of its own, and with the processor. It compares
# every access: hit or miss, the physical address, and the number of walks. What is shown below a check before
# you run it is the verdict on a right answer.

# %% id="hits" tags=["check"]
check("h02_tlb", "hits")

# %% id="lru" tags=["check"]
check("h02_tlb", "lru")

# %% id="pcid" tags=["check"]
check("h02_tlb", "pcid")

# %% id="forget" tags=["check"]
check("h02_tlb", "forget")

# %% [markdown] id="sum"
# ## All together
#
# When every check passes, this cell says why the processor does it so. Linux, too, forgets as little as it
# can: more than `33` pages at a time are not worth it, and then all of a process goes.
# [fact:x86-flush-ceiling]

# %% id="all" tags=["scratch"]
check("h02_tlb")

# %% [markdown] id="try"
# ## Your own runs
#
# `Operation` takes what is done and an address (or a value for CR3). Edits of a table (`map`, `unmap`,
# `remap`, `protect`, `allow`) take the `pcid` whose table it is; `bits` of a `map` may be
# `x86.P | x86.US | x86.RW | x86.G`, or with `x86.PS` for a page of 2 MiB.

# %% id="play" tags=["scratch"]
# mine = dict(power_on=power_on, access=access, load_cr3=load_cr3, invlpg=invlpg)
# try_pcid_tlb([*two_programs, Operation("invlpg", 0x5000), Operation("read", 0x5010)], 4, 2, **mine)
