def noticed(signals):
    return {name for name, how in signals} - {name for name, how in signals if how in ("blocked", "ignored")}


def patch_3(fault, mode, signals):
    return fault & VM_FAULT_RETRY and "SIGKILL" in noticed(signals)


def patch_9(fault, mode, signals):
    fatal, any_signal = "SIGKILL" in noticed(signals), len(noticed(signals)) > 0
    return fault & VM_FAULT_RETRY and (fatal or (mode == "user" and any_signal))
