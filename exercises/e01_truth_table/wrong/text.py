def pending(signals):
    return [name for name, how in signals if how not in ("blocked", "ignored")]


def patch_3(fault, mode, signals):
    return "leave" if fault & VM_FAULT_RETRY and "SIGKILL" in pending(signals) else "stay"


def patch_9(fault, mode, signals):
    sent = pending(signals)
    return "leave" if fault & VM_FAULT_RETRY and ("SIGKILL" in sent or (mode == "user" and sent)) else "stay"
