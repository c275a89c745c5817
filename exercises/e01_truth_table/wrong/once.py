def pending(signals):
    left = dict(signals)
    treated = [how for _, how in signals]
    for how in ("blocked", "ignored"):
        if how in treated:
            left.pop(signals[treated.index(how)][0])
    return list(left)


def patch_3(fault, mode, signals):
    sent = pending(signals)
    return bool(fault & VM_FAULT_RETRY) and "SIGKILL" in sent


def patch_9(fault, mode, signals):
    sent = pending(signals)
    return bool(fault & VM_FAULT_RETRY) and ("SIGKILL" in sent or (mode == "user" and bool(sent)))
