def killed_and_pending(signals):
    killed = called = 0
    for one in signals:
        match one:
            case (_, "blocked" | "ignored"):
                continue
            case ("SIGKILL", _):
                killed = called = 1
            case _:
                called = 1
    return killed, called


def patch_3(fault, mode, signals):
    if fault & VM_FAULT_RETRY:
        return killed_and_pending(signals)[0]
    return None


def patch_9(fault, mode, signals):
    killed, called = killed_and_pending(signals)
    if fault & VM_FAULT_RETRY and (killed or (called and mode != "kernel")):
        return True
    return None
