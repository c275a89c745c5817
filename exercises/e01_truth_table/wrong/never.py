HARMLESS = ("SIGUSR1", "SIGUSR2", "SIGTERM", "SIGSTOP")


def patch_3(fault, mode, signals):
    return bool(fault & VM_FAULT_RETRY) and "SIGKILL" in signals


def patch_9(fault, mode, signals):
    called_away = mode == "user" and any(name in signals for name in HARMLESS)
    return bool(fault & VM_FAULT_RETRY) and ("SIGKILL" in signals or called_away)
