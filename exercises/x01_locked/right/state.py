# %% id="gup"
class Gup:
    def __init__(self, entry, nowait, killed):
        self.entry, self.nowait, self.killed = entry, nowait, killed
        self.count, self.error, self.lost = 0, None, False

    def get(self, kind):
        """Get one page; say whether to go on."""
        if kind != "there":
            if self.nowait:
                return False
            if self.entry == "get_user_pages":
                self.error = None if kind == "disk" else "EFAULT"
            else:
                self.lost = True
                self.error = {False: None, True: "ERESTARTSYS"}[self.killed]
                if self.error and kind == "huge":
                    self.error = "EFAULT"
        if self.error is None:
            self.count += 1
        return self.error is None

    def said(self):
        value = self.error if self.error and not self.count else self.count
        locked = {"get_user_pages_locked": int(not self.lost)}.get(self.entry)
        good = {"get_user_pages": True, "get_user_pages_unlocked": False}.get(self.entry, not self.lost)
        return value, locked, good


def gup_says(entry, pages, nowait, killed):
    gup = Gup(entry, nowait, killed)
    rest = list(pages)
    while rest and gup.get(rest.pop(0)):
        pass
    return gup.said()


# %% id="calls"
def syscall_gives(call, wakes):
    if call == "proc_mem":
        return ["EIO", 0]
    return [0, 1 + wakes]


# %% id="entry-value"
ENTRY = int(True)
