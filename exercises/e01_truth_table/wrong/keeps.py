found = []


def pending(signals):
    for name, how in signals:
        if how not in ("blocked", "ignored"):
            found.append(name)
    return found


def patch_3(fault, mode, signals):
    sent = pending(signals)
    return bool(fault & VM_FAULT_RETRY) and "SIGKILL" in sent


def patch_9(fault, mode, signals):
    sent = pending(signals)
    return bool(fault & VM_FAULT_RETRY) and ("SIGKILL" in sent or (mode == "user" and bool(sent)))
