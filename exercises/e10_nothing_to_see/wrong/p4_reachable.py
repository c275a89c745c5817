# %% id="proof-c"
from itertools import product


def domain_c():
    faults = "done", "MAJOR", "RETRY", "RETRY|MAJOR", "SIGBUS"
    return [*product((False, True), faults, ("user", "kernel"), ("none", "SIGUSR1", "SIGKILL"))]


def same_c(decide, case):
    return decide(3, case) == decide(4, case)


def happens_c(case):
    return True
