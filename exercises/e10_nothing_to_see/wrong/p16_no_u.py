# %% id="proof-b"
from itertools import product


def domain_b():
    flag = (False, True)
    return [*product(flag, flag, (True,), flag, flag, ("none", "SIGUSR1", "SIGKILL"))]


def same_b(decide, case):
    return decide(15, case) == decide(16, case)


def happens_b(case):
    allow_retry, nowait, killable, interruptible, user, _ = case
    return allow_retry and killable and not nowait and (interruptible or not user)


BEFORE_16 = 15
