def pending(signals):
    treated = [how for _, how in signals]
    if treated.count("blocked") == len(signals) or treated.count("ignored") == len(signals):
        return []
    return [name for name, _ in signals]


def patch_3(fault, mode, signals):
    sent = pending(signals)
    return bool(fault & VM_FAULT_RETRY) and "SIGKILL" in sent


def patch_9(fault, mode, signals):
    sent = pending(signals)
    return bool(fault & VM_FAULT_RETRY) and ("SIGKILL" in sent or (mode == "user" and bool(sent)))
