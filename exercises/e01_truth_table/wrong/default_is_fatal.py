def patch_3(fault, mode, signals):
    return bool(fault & VM_FAULT_RETRY) and any(how == "default" for name, how in signals)


def patch_9(fault, mode, signals):
    fatal = any(how == "default" for name, how in signals)
    handled = any(how == "handler" for name, how in signals)
    return bool(fault & VM_FAULT_RETRY) and (fatal or (mode == "user" and handled))
