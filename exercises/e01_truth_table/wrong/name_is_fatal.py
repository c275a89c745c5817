def pending(signals):
    return [name for name, how in signals if how not in ("blocked", "ignored")]


def fatal(signals):
    return any(name in ("SIGKILL", "SIGTERM", "SIGINT") for name in pending(signals))


def patch_3(fault, mode, signals):
    return bool(fault & VM_FAULT_RETRY) and fatal(signals)


def patch_9(fault, mode, signals):
    away = mode == "user" and bool(pending(signals))
    return bool(fault & VM_FAULT_RETRY) and (fatal(signals) or away)
