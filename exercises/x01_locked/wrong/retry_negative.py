# %% id="gup"
def gup_says(entry, pages, nowait, killed):
    pointer = entry == "get_user_pages_locked"
    done, dropped = 0, False
    for page in pages:
        if page == "there":
            done += 1
        elif nowait:
            done = done or "EBUSY"
            break
        elif entry == "get_user_pages":
            if page != "disk":
                return (done or "EFAULT"), None, True
            done += 1
        else:
            dropped = True
            if killed:
                done = done or ("EFAULT" if page == "huge" else "ERESTARTSYS")
                break
            done += 1
    if pointer:
        return done, 0 if dropped else 1, not dropped
    return done, None, entry == "get_user_pages"


# %% id="calls"
def syscall_gives(call, wakes):
    return (0, wakes + 1) if call == "mlock" else ("EIO", 0)


# %% id="entry-value"
ENTRY = 1
