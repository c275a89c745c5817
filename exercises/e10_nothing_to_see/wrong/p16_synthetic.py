# %% id="proof-b"
from itertools import product


def domain_b():
    return [*product(*[(False, True)] * 5, ("none", "SIGUSR1", "SIGKILL"))]


def same_b(decide, case):
    return decide(15, case) == decide(16, case)


def happens_b(case):
    allow_retry, nowait, killable, interruptible, user, _ = case
    by_callers = killable and (interruptible or not user)
    alone = not killable and not interruptible and not user
    return allow_retry and not nowait and (by_callers or alone)


BEFORE_16 = 15
