def pending(signals):
    return [name for name, how in signals[:2] if how not in ("blocked", "ignored")]


def patch_3(fault, mode, signals):
    sent = pending(signals)
    return bool(fault & VM_FAULT_RETRY) and "SIGKILL" in sent


def patch_9(fault, mode, signals):
    sent = pending(signals)
    return bool(fault & VM_FAULT_RETRY) and ("SIGKILL" in sent or (mode == "user" and bool(sent)))
