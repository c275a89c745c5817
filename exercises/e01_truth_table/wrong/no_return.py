def pending(signals):
    return [name for name, how in signals if how not in ("blocked", "ignored")]


def patch_3(fault, mode, signals):
    bool(fault & VM_FAULT_RETRY) and "SIGKILL" in pending(signals)


def patch_9(fault, mode, signals):
    sent = pending(signals)
    bool(fault & VM_FAULT_RETRY) and ("SIGKILL" in sent or (mode == "user" and bool(sent)))
