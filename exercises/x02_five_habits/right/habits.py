# %% id="reactions"
HABITS = {
    "x86": {"helper": True, "table": True},
    "arm64": {"helper": True, "table": True},
    "powerpc": {"helper": True, "table": True},
    "arc": {"helper": True, "table": True},
    "riscv": {"helper": True, "table": False},
    "um": {"helper": False, "table": True},
}


def reaction_of(arch, mode, signal, patches):
    habit = HABITS[arch]
    fatal = signal == "SIGKILL"
    harmless = signal == "SIGUSR1" and mode == "user" and habit["helper"] and patches not in range(9)
    if not (fatal or harmless):
        return "retry"
    if mode == "user":
        return "return"
    return "fixup" if habit["table"] else "livelock"


# %% id="counters"
def counts_of(arch, patches):
    attempts = [True, False]  # MAJOR of each
    if arch in {"x86", "arm64", "powerpc"}:
        counted = [any(attempts)]
    elif arch == "arc":
        counted = attempts[-1:]
    else:
        counted = attempts if patches > 12 else attempts[:1]
    return counted.count(True), counted.count(False)


# %% id="others"
OTHERS = {"order": (3, 8, 7, 6, 5, 4), "alpha": (False, True), "sh": (1, 2), "csky": 1}
