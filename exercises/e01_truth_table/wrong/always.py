def patch_3(fault, mode, signals):
    return bool(fault & VM_FAULT_RETRY)


def patch_9(fault, mode, signals):
    return bool(fault & VM_FAULT_RETRY)
