def first(signals):
    return signals[0] if signals else ("none", "ignored")


def patch_3(fault, mode, signals):
    name, _ = first(signals)
    return bool(fault & VM_FAULT_RETRY) and name == "SIGKILL"


def patch_9(fault, mode, signals):
    name, how = first(signals)
    counts = how not in ("blocked", "ignored")
    return bool(fault & VM_FAULT_RETRY) and counts and (name == "SIGKILL" or mode == "user")
