# %% id="proof-c"
from itertools import product


def domain_c():
    faults = "done", "MAJOR", "RETRY", "RETRY|MAJOR", "SIGBUS"
    return [*product((False, True), faults, ("user", "kernel"), ("none", "SIGUSR1", "SIGKILL"))]


def same_c(decide, case):
    old, new = decide(3, case), decide(4, case)
    return all(old[name] == new[name] for name in ("then", "flags", "counts"))


def happens_c(case):
    allow_retry, fault, _, signal = case
    return allow_retry or not fault.startswith("RETRY") or signal == "SIGKILL"
