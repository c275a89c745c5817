# ---
# title: Making it fast
# objective: You make a walk more than fifty times as fast, check it, and say what should not be compiled.
# needs: ["01", Python]
# out_of_scope: [the TLB, A and D bits, rights, threads, vector instructions]
# minutes: 35
# ---

# %% [markdown] id="story"
# ## Story: you compiled it, and nothing happened
#
# This lesson is optional. It is about the emulator itself.
#
# You want to know what a program does to a TLB, so you record its memory accesses. A Perl script that does
# no more than sort `1500` numbers makes {{n_accesses}} of them. Your walk from lesson 01 is right, and you
# send each address through it. Then you wait. Then you go for coffee.
#
# A colleague looks over your shoulder. "Python. Compile it. C is a hundred times faster." There is a tool
# for that. **Cython** reads Python text and writes C; a C compiler does the rest. You change no line, you
# compile, you measure. It is hardly faster than before.
#
# So what did the compiler compile?
#
# Run the next two cells. The second holds a walk like that of lesson 01, without the rights. It is a text, so
# that Python can run it *and* Cython can translate it.

# %% id="setup"
from course.compiled import *
from course.predictions import answer, fill, predict, reveal

compiler()

# %% id="walk"
walk = """def walk_all(ram, root, vas, pas):
    for i in range(len(vas)):
        table = root
        for shift in range(39, 3, -9):
            entry = ram[(table >> 3) + (vas[i] >> shift & 511)]
            table = entry & 0xFFFFFFFFFF000
        pas[i] = table | vas[i] & 4095"""

# %% [markdown] id="walk-text"
# It takes many virtual addresses, `vas`, and puts the physical ones into `pas`. `ram` is an array of
# entries of eight bytes, so the entry at physical address `pa` is `ram[pa >> 3]`. The shifts are `39`,
# `30`, `21` and `12`, one a level. `0xFFFFFFFFFF000` keeps the address of an entry and drops its bits.
# What to do about a page that is missing comes later.

# %% [markdown] id="predict"
# ## Predict: the same text, compiled
#
# Put your letter between the empty quotes, and run the cell.

# %% id="predict-unchanged"
predict("16-unchanged", "")

# %% [markdown] id="run"
# ## Run: a race
#
# `race` lets both walk to the same ten thousand addresses, in turns, and compares. Times differ from machine
# to machine and from minute to minute, so it says only on which side of a mark the ratio lies. Here the
# marks are `10` and `50`.

# %% id="run-unchanged"
unchanged = race(Python(walk), Compiled(walk), 10, 50)
reveal("16-unchanged", unchanged.outcome)

# %% [markdown] id="crash"
# It *is* machine code. (When this page was written it was about {{r_unchanged}} times as fast; `unchanged` in
# a cell of its own shows your number too, if you run JupyterLab.) Where does the time go?

# %% [markdown] id="trace"
# ## Trace: what the C does, line by line
#
# Cython can tell for each line what C it became. `annotate` marks the lines whose C handles **Python
# objects**.

# %% id="trace-unchanged"
annotate(walk)

# %% [markdown] id="trace-text"
# Take `table = entry & 0xFFFFFFFFFF000`. In C it should be one instruction. But nobody said that `entry` is a
# number. It could be a set, or a class of yours with an `&` of its own. So the C asks Python: it looks up
# what kind of object `entry` is, calls the function that this kind has for `&`, gets a new object, counts
# who uses it, and frees the old one. The machine code does exactly what Python would have done.
#
# **A compiler doesn't make Python fast. Knowing the types does.**

# %% [markdown] id="mechanism"
# ## Mechanism: say what you know
#
# 1. **type** every variable: say which C type it has.
# 2. **view** every array: say what its elements are, so that an index is an address and no call.
# 3. **look** at the annotation: no line of a loop may handle an object.
# 4. **batch**: one call for many addresses.
# 5. **prove** what you switch off.
# 6. **compare** with the slow one, on inputs that nobody chose by hand.
#
# Here is what you know about the walk. `uint64_t` is C's whole number of `64` bits without a sign.
# `uint64_t[::1]` is a **memoryview**: an array of such numbers, one after the other, wherever it came from.
# With `const`, it is only read. `Py_ssize_t` is the type of an index.

# %% id="types"
types = {"ram": "const uint64_t[::1]", "vas": "const uint64_t[::1]", "pas": "uint64_t[::1]"}
types |= {"root": "uint64_t", "table": "uint64_t", "entry": "uint64_t"}
types |= {"i": "Py_ssize_t", "shift": "int"}
print(typed(walk, types))

# %% [markdown] id="types-text"
# `typed` has written your types into the text: those of the parameters in the first line, the others as
# `cdef` lines. The lines of the walk are as they were. Every parameter and every variable has a type now.

# %% id="predict-typed"
predict("16-typed", "")

# %% id="run-typed"
most = typed(walk, types)
almost = race(Python(walk), Compiled(most), 50)
reveal("16-typed", almost.outcome)

# %% [markdown] id="worked"
# ## Worked example: the ninth type
#
# About {{r_almost}} times. Your colleague said a hundred. Step 3: look at the annotation.

# %% id="trace-typed"
annotate(most)

# %% [markdown] id="worked-text"
# One line is left, and all its variables are C numbers. What else is in that line?
#
# A number. In Python a number may be as long as it likes, so it is an object. Cython makes C numbers of
# those that surely fit, up to `31` bits. This one is longer, and it stays a Python object. So `entry` is
# made an object too, Python does the `&`, and the result is taken apart again. Four times a walk.
#
# A number needs a type like anything else. In Cython you write it before the number, in angle brackets:
# `<uint64_t>`.

# %% id="ninth"
types["0xFFFFFFFFFF000"] = "uint64_t"
fast = typed(walk, types)
annotate(fast)

# %% id="run-fast"
race(Python(walk), Compiled(fast), 50)

# %% [markdown] id="moment"
# About {{r_fast}} times, when this page was written, against {{r_almost}} before. **One missing type costs
# most of it.** Not one ninth: what is made in C has to be packed into an object, handled by Python, and
# unpacked, in the innermost loop.
#
# Is it this type only? Leave out each of the nine, one after the other. (This cell takes some seconds.)

# %% id="each"
each_missing(walk, types)

# %% [markdown] id="each-text"
# Three can go without harm. `root` is used once for each address, outside the inner loop. `entry` and `i`
# are guessed by Cython: an element of a typed array, and a counter up to a length, can't be anything else.
# You need not learn what it guesses. The column in the middle tells you.
#
# ### The same trap, smaller
#
# Where is the limit for numbers? Look at three of them.

# %% id="numbers-text"
masks = """def masks(va, a, b, c):
    a = va & 0x7FFFFFFF
    b = va & 0x80000000
    c = va & 1 << 63
    return a | b | c"""
annotate(typed(masks, dict.fromkeys(["va", "a", "b", "c"], "uint64_t")))

# %% [markdown] id="limit"
# `0x7FFFFFFF` is the largest number of `31` bits. The next one is an object, and so is `1 << 63`, the mask
# of the bit `NX`.

# %% [markdown] id="traps"
# ### Fast and wrong
#
# A type is a promise, and C believes you. Here are two functions of an entry: one wants its highest bit,
# `NX`, the other the number of its frame. They get an entry with `NX` set, and a frame that lies above `4`
# GiB.

# %% id="traps-code"
wrong = """from libc.stdint cimport int64_t, uint32_t, uint64_t
def nx(uint64_t raw):
    cdef int64_t entry = raw
    return entry >> 63
def frame(uint64_t raw):
    cdef uint32_t entry = raw
    return entry >> 12"""

# %% id="traps-run"
entry = 0x8000000ABCDEF007
print("NX:   ", ask(wrong, "nx", entry), "and not", entry >> 63)
print("frame:", hex(ask(wrong, "frame", entry)), "and not", hex(entry >> 12 & 0xFFFFFFFFFF))

# %% [markdown] id="traps-text"
# `int64_t` has a sign, and a shift to the right copies it down: the bit comes out as minus one. `uint32_t`
# has no room for the high half, and drops it. Neither says a word. Python's own numbers do neither: they
# have no highest bit.

# %% [markdown] id="gap"
# ## Fill the gap: which types?
#
# Four gaps. Write a type, or a number, between the quotes.

# %% id="fill-types"
fill("16-ctypes", entry="", va="", shift="", mask="")

# %% [markdown] id="batch"
# ### One call for many
#
# You have a walk that is fast. Now use it as you would use any function: one address a call.

# %% id="one"
one = """def walk_one(ram, root, va):
    table = root
    for shift in range(39, 3, -9):
        entry = ram[(table >> 3) + (va >> shift & 511)]
        table = entry & 0xFFFFFFFFFF000
    return table | va & 4095"""

# %% id="one-typed"
one_types = {name: types[name] for name in types if name not in ("vas", "pas", "i")} | {"va": "uint64_t"}
one = typed(one, one_types)
annotate(one)

# %% id="predict-calls"
predict("16-calls", "")

# %% id="run-calls"
calls = race(Calls(one), Compiled(fast), 2, 10)
reveal("16-calls", calls.outcome)

# %% [markdown] id="batch-text"
# The same walk, the same types, and no line with an object in it. The objects are at the door: each call
# makes one of the address, takes it apart, asks `ram` for its buffer, checks the kind of its elements, and
# makes an object of the result. **The call costs more than the walk.** Walking in C and calling from Python
# was about {{r_calls}} times as fast as plain Python. So the emulator takes batches: a whole array of
# addresses in one call.

# %% [markdown] id="locks"
# ### Let go of the lock
#
# Only one thread at a time may handle Python objects: the one that holds Python's lock, the **GIL**. (In the
# usual builds of Python.) Code that handles none can let go of it, and others may run meanwhile. In Cython
# you write `with nogil:`. And now Cython checks what you claim. Here is the walk with eight types, whose
# number had none:

# %% id="refused"
eight = {name: c for name, c in types.items() if name != "0xFFFFFFFFFF000"}
refusal(typed(walk, eight, nogil=True))

# %% [markdown] id="refused-text"
# So `nogil` is worth writing even if you have one thread: **the compiler refuses the missing type** that
# you would have had to look for. With nine types it has nothing to say:

# %% id="free"
free = typed(walk, types, nogil=True)
refusal(free)

# %% [markdown] id="bounds"
# ### Switch off the checks?
#
# Python checks each index, and Cython's views do so too. C doesn't. You may switch the check off. What does
# that gain? And what does it cost? This array has four numbers, and a function gets the first two of them.

# %% id="bounds-race"
bare = typed(walk, types, nogil=True, checks=False)
race(Compiled(free), Compiled(bare), 2)

# %% id="bounds-code"
from array import array

look = "def look(numbers, i):\n    return numbers[i]"
view = {"numbers": "const uint64_t[::1]", "i": "Py_ssize_t"}
two = memoryview(array("Q", [1, 2, 1234, 5678]))[:2]
print(ask(typed(look, view), "look", two, 2))
print(ask(typed(look, view, checks=False), "look", two, 2))

# %% [markdown] id="bounds-text"
# It gains little here, and the second answer is memory that the function was never given. Switch the check
# off only where you can **prove** that no index is outside. For the walk:
#
# - `vas[i]`, `pas[i]`: `i` runs up to `len(vas)`, and `pas` is as long. (Check that *once*, before the loop.)
# - `ram[(table >> 3) + index]`: `& 511` keeps an index from `0` to `511`, and the mask makes `table` a
#   multiple of `4096`. So the entry is inside if the *table* is.
# - And is the table? That is a number from RAM. **It proves nothing.** It must be asked, at each level.
#
# The emulator asks that one question itself and leaves out Cython's; a table outside of RAM reads as zeros.

# %% [markdown] id="write"
# ## Write it: stop at the fault
#
# Now the page that is missing. Its entry has the bit `P` clear, the lowest. The walk can't go on there, and
# shouldn't: what comes next is the kernel's work. So it **stops** and says how far it came. Whoever called
# it serves the fault, and calls again with the rest.
#
# Two gaps are left, each a `None`: when does it stop, and what does it give back?

# %% id="my-stop"
check = """
            if None:
                return None
            table = entry"""
mine = walk.replace("\n            table = entry", check) + "\n    return len(vas)"

# %% [markdown] id="my-stop-text"
# `try_walk` compiles it and compares: twenty page tables, made at random, with addresses of both halves and
# pages that are missing. What is right is what `pyemu.hw.ref` says, the readable twin that nobody made
# fast. That is step 6, and without it the other five are worth nothing.

# %% id="try-mine"
try_walk(typed(mine, types))

# %% [markdown] id="break"
# ## Break it: fast, accepted, wrong
#
# `right_walk()` is the text of a walk that is right; yours, if it agreed above, will do as well. Change
# **one** type, so that Cython still accepts it and the answers are wrong. Which of the nine can do that?
# Then find one that you can change without harm. (`try_walk` runs the walk in a process of its own. Some
# types are so wrong that it never ends.)

# %% id="right"
stop = right_walk()
try_walk(typed(stop, types))

# %% id="break-it"
changed = types | {"shift": "int"}  # your change: a name of the nine, and another type
try_walk(typed(stop, changed))

# %% [markdown] id="real"
# ## The real thing: what this course compiles, and what not
#
# `serve` lets a program begin without a single page. Your compiled walk translates; where it stops, plain
# Python maps a page, and the walk is called again.

# %% id="serve"
serve(typed(stop, types))

# %% id="numbers" tags=["numbers"]
from course.compiled.races import raced_before
from pyemu.memtrace import Memtrace
from pyemu.memtrace.pages import PageCounts
from pyemu.memtrace.sample import SAMPLE

race(Python(walk), Calls(one))
_pages, _n = PageCounts(), 0
for _chunk in Memtrace(SAMPLE).chunks():
    _pages.add(_chunk)
    _n += len(_chunk.addresses)
{
    "n_accesses": _n,
    "n_pages": len(_pages.pages),
    "per_fault": _n // len(_pages.pages),
    "r_unchanged": raced_before(Python(walk), Compiled(walk)),
    "r_almost": raced_before(Python(walk), Compiled(most)),
    "r_fast": raced_before(Python(walk), Compiled(fast)),
    "r_calls": raced_before(Python(walk), Calls(one)),
}

# %% [markdown] id="real-text"
# This is how the emulator is built. Hits and walks are compiled: C in `pyemu/hw/core`, with Cython at the
# door (`pyemu/hw/_fast.pyx`), in batches, without the GIL. Beside it stands `pyemu/hw/ref`, which does the
# same in Python. You read the one and run the other, and a test compares them on random tables, bit by bit.
# `FAULTLAB_TWIN=ref` runs any lesson on the readable one: the same outputs, slower.
#
# And the faults? All of `pyemu/kernel` is Python. Count, before you ask for more speed. The Perl script made
# {{n_accesses}} accesses and touched {{n_pages}} pages: one access in {{per_fault}} is the first of its page.
# What happens that rarely may be slow.
#
# It *could* be compiled. `pyemu.hw.bulk` does it, for the simplest faults and for traces of millions. It has
# no locks, no signals and no retry, and a test holds it to what the Python leaves. The fault path of this
# course is there to be read, stopped at any line, and replaced by yours. **Don't compile what people have to
# read.**
#
# Linux splits in the same place. `get_user_pages_fast` looks at the page table without `mmap_sem`; what is
# missing there goes the slow way. [fact:gup-fast]
#
# One more thing that was not done: no flag asks the C compiler for *your* processor (`-march=native`). What
# is built here has to run elsewhere. The newer instructions are in files of their own, and one is chosen
# when the emulator starts.

# %% [markdown] id="questions"
# ## Questions
#
# Put a letter between the quotes. Each choice has its own comment.

# %% id="question-faults"
answer("16-faults", "")

# %% id="question-batch"
answer("16-batch", "")

# %% [markdown] id="recap"
# ## Recap
#
# - Compiling Python text unchanged gains little: the C does what Python would do, with Python's objects.
# - Say the types. One that is missing in the inner loop, be it that of a number, costs most of the speed.
# - The annotation finds it. `with nogil:` makes the compiler refuse it.
# - A type is a promise. A sign is copied down, a high half is lost, and nobody tells you.
# - The call costs more than the walk: batch.
# - Switch off a check only with a proof. What was read from RAM proves nothing.
# - Right is what the slow, readable twin says, on inputs that nobody chose.
# - Rare things stay readable.
#
# In one sentence of your own: why is "it is compiled now" no answer to "is it fast?"
#
# To write a walk that also marks what it uses, and stops where it must, is the exercise
# [h05_cython_walker](../exercises/h05_cython_walker.ipynb).
