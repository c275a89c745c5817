# %% [markdown] id="story"
# A driver wants pages of a program, calls `get_user_pages_locked`, and passes a pointer. Up to Linux v5.6 the
# pointer was called `nonblocking` at one place and `locked` at another. Patch 1 of the series gives it one
# name. [fact:p01-rename] What does it tell, on the way in and on the way out?

# %% id="imports"
from course import check, hint
from course.sketch import sketch
from course.views import ready
from pyemu import Tree, run

ready()

# %% [markdown] id="crash"
# ## First, the crash
#
# "A pointer named *nonblocking*: so the call won't block." The page is missing, and a monitor needs five
# seconds for it.

# %% id="run-nonblocking"
SLOW = "wait_message; pause ticks=5000000; copy it"
slept = run(sketch("driver", T="pin 1 entry=get_user_pages_locked", M=SLOW), Tree.before)
print(slept, "after", slept.ticks // 1_000_000, "s")
for event in slept.trace.select("gup", "lock_taken", "lock_dropped", task="T"):
    print(event.text)

# %% [markdown] id="task"
# It blocked. And at the end it says that the lock was dropped, although it had just taken it again.
#
# ## Your part
#
# `gup_says` gives three values for one call: the **count** of pages, or the name of an error; what
# **`*locked`** is afterwards, or `None` if the caller is told nothing of the lock; and whether an **area**
# that the caller found before the call may still be used (`True` or `False`). That needs a lock which the
# caller held all the time. All calls are of the kernel before the series. [fact:gup-locked-contract]
#
# | you get | it is |
# |---|---|
# | `entry` | `"get_user_pages_locked"`: a pointer to a number is passed |
# | | `"get_user_pages"`: no pointer is passed [fact:gup-locked-null] |
# | | `"get_user_pages_unlocked"`: it takes the lock itself, and its caller has none |
# | `pages` | what it takes to get each page, in order |
# | `nowait` | whether the call says FOLL_NOWAIT [fact:gup-nowait] |
# | `killed` | whether SIGKILL comes while the call waits, and no page |
#
# A page may be `"there"` (in memory), or it must be brought by a `"disk"` or by a `"monitor"`; `"huge"` is a
# huge page that a monitor must bring. Errors have the names `"EFAULT"`, and after SIGKILL `"ERESTARTSYS"` or,
# for a huge page, the one that its own walk gives. [fact:gup-partial] [fact:gup-hugetlb-walk]
#
# For the calls with `killed`, the error is lost if there is a page already.

# %% id="gup" tags=["answer"]
def gup_says(entry, pages, nowait, killed):
    """Give (count or error, *locked or None, may the area be used)."""
    ### BEGIN SOLUTION
    count, dropped, error = 0, False, None
    for page in pages:
        if page != "there" and nowait:
            break
        if page != "there" and entry == "get_user_pages" and page != "disk":
            error = "EFAULT"
            break
        if page != "there" and entry != "get_user_pages":
            dropped = True
            if killed:
                error = "EFAULT" if page == "huge" else "ERESTARTSYS"
                break
        count += 1
    told = count if count or error is None else error
    if entry == "get_user_pages":
        return told, None, True
    if entry == "get_user_pages_unlocked":
        return told, None, False
    return told, 0 if dropped else 1, not dropped
    ### STUB
    # raise NotImplementedError("nothing is said yet")
    ### END SOLUTION


# %% [markdown] id="calls-text"
# Two system calls call the family for you. `"mlock"` fetches the pages of an area, `"proc_mem"` is a read of
# `/proc/self/mem`. A monitor has to bring their one page; before that, it wakes the task `wakes` times
# without a page. `syscall_gives` gives what the call returns (a number, or the name of an error) and how many
# messages the monitor gets. [fact:mm-populate] [fact:proc-mem]

# %% id="calls" tags=["answer"]
def syscall_gives(call, wakes):
    """Give (result, messages) of a system call."""
    ### BEGIN SOLUTION
    if call == "mlock":
        return 0, 1 + wakes
    return "EIO", 0
    ### STUB
    # raise NotImplementedError("no system call yet")
    ### END SOLUTION


# %% [markdown] id="entry-text"
# And which number does the pointer hold when a driver, which holds `mmap_sem`, calls?

# %% id="entry-value" tags=["answer"]
### BEGIN SOLUTION
ENTRY = 1
### STUB
# ENTRY = None
### END SOLUTION

# %% id="stuck" tags=["scratch"]
hint("x01_locked")

# %% [markdown] id="check-text"
# ## Seven checks
#
# Run your three cells first. Each check asks them in a process of its own, and runs the emulator for what is
# right. What is shown below a check before you run it is the verdict on a right answer.

# %% id="pointer" tags=["check"]
check("x01_locked", "pointer")

# %% id="nowait" tags=["check"]
check("x01_locked", "nowait")

# %% id="null" tags=["check"]
check("x01_locked", "null")

# %% id="own" tags=["check"]
check("x01_locked", "own")

# %% id="killed" tags=["check"]
check("x01_locked", "killed")

# %% id="entry" tags=["check"]
check("x01_locked", "entry")

# %% id="callers" tags=["check"]
check("x01_locked", "callers")

# %% [markdown] id="sum"
# ## All together
#
# When every check passes, this cell says why GUP answers so.

# %% id="all" tags=["scratch"]
check("x01_locked")

# %% [markdown] id="try"
# ## Your own calls
#
# Any call can be tried. In a sketch page 0 is there, and page 1 is the monitor's.

# %% id="play" tags=["scratch"]
# print(run(sketch("mine", T="pin 0-1 entry=get_user_pages", M=SLOW), Tree.before).trace)
