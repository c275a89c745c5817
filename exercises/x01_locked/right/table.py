# %% id="gup"
FIRST_MISSING = {
    # entry, FOLL_NOWAIT, SIGKILL, kind of the first page that isn't there: how it ends
    ("get_user_pages_locked", True, False, "monitor"): ("short", 1, True),
    ("get_user_pages_locked", True, False, "disk"): ("short", 1, True),
    ("get_user_pages_locked", False, False, "monitor"): ("all", 0, False),
    ("get_user_pages_locked", False, False, "disk"): ("all", 0, False),
    ("get_user_pages_locked", False, True, "monitor"): ("ERESTARTSYS", 0, False),
    ("get_user_pages_locked", False, True, "huge"): ("EFAULT", 0, False),
    ("get_user_pages", False, False, "monitor"): ("EFAULT", None, True),
    ("get_user_pages", False, False, "disk"): ("all", None, True),
    ("get_user_pages_unlocked", False, False, "monitor"): ("all", None, False),
    ("get_user_pages_unlocked", False, False, "disk"): ("all", None, False),
}
NONE_MISSING = {
    "get_user_pages_locked": (1, True),
    "get_user_pages": (None, True),
    "get_user_pages_unlocked": (None, False),
}


def gup_says(entry, pages, nowait, killed):
    missing = [number for number, kind in enumerate(pages) if kind != "there"]
    if not missing:
        return (len(pages), *NONE_MISSING[entry])
    end, locked, usable = FIRST_MISSING[entry, nowait, killed, pages[missing[0]]]
    if end == "all":
        return len(pages), locked, usable
    n = missing[0]
    return n if n or end == "short" else end, locked, usable


# %% id="calls"
RESULTS = {"mlock": 0, "proc_mem": "EIO"}


def syscall_gives(call, wakes):
    return RESULTS[call], 1 + wakes if RESULTS[call] == 0 else 0


# %% id="entry-value"
ENTRY: int = 1
