ROWS = {
    ("user", "nothing"): (False, False),
    ("user", "harmless"): (False, True),
    ("user", "SIGKILL"): (True, True),
    ("kernel", "nothing"): (False, False),
    ("kernel", "harmless"): (False, False),
    ("kernel", "SIGKILL"): (True, True),
}


def row(fault, mode, signals):
    if fault & VM_FAULT_RETRY == 0:
        return False, False
    there = "nothing"
    for name, how in signals:
        if name == "SIGKILL":
            return ROWS[mode, "SIGKILL"]
        if how in ("handler", "default"):
            there = "harmless"
    return ROWS[mode, there]


def patch_3(fault, mode, signals):
    return row(fault, mode, signals)[0]


def patch_9(fault, mode, signals):
    return row(fault, mode, signals)[1]
