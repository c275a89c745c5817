# %% id="reactions"
KERNEL = dict.fromkeys(("x86", "arm64", "powerpc", "arc", "um"), "retry retry fixup")
KERNEL["riscv"] = "retry retry livelock"
EARLY, LATE = "retry retry return", "retry return return"


def reaction_of(arch, mode, signal, patches):
    column = ["none", "SIGUSR1", "SIGKILL"].index(signal)
    if mode == "kernel":
        return KERNEL[arch].split()[column]
    row = EARLY if patches < 9 or arch == "um" else LATE
    return row.split()[column]


# %% id="counters"
MAJOR, MINOR, BOTH = (1, 0), (0, 1), (1, 1)
COUNTS = {
    "x86": (MAJOR, MAJOR),
    "arm64": (MAJOR, MAJOR),
    "powerpc": (MAJOR, MAJOR),
    "arc": (MINOR, MINOR),
    "riscv": (MAJOR, BOTH),
    "um": (MAJOR, BOTH),
}


def counts_of(arch, patches):
    return COUNTS[arch][patches > 12]


# %% id="others"
OTHERS = {}
OTHERS["sh"], OTHERS["csky"], OTHERS["alpha"] = [1, 2], 1, [False, True]
OTHERS["order"] = list(range(3, 9))
