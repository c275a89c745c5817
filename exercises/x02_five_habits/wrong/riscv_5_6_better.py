# %% id="reactions"
def reaction_of(arch, mode, signal, patches):
    if signal == "none":
        return "retry"
    if signal == "SIGUSR1":
        converted = arch != "um"
        return "return" if mode == "user" and converted and patches >= 9 else "retry"
    if mode == "user":
        return "return"
    return "livelock" if arch == "riscv" and patches >= 3 else "fixup"


# %% id="counters"
def counts_of(arch, patches):
    if arch == "arc":
        return 0, 1
    if arch in ("riscv", "um"):
        return (1, 1) if patches >= 13 else (1, 0)
    return 1, 0


# %% id="others"
OTHERS = {
    "sh": (1, 2),
    "csky": 1,
    "alpha": (False, True),
    "order": [3, 5, 4, 6, 8, 7],
}
