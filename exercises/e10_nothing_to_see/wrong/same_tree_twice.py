# %% id="proof-d"
from itertools import product


def domain_d():
    callers = "x86", "arm64", "riscv", "csky", "khugepaged", "get_user_pages"
    return [*product(callers, *[(False, True)] * 4)]


def same_d(decide, case):
    return decide(11, case) == decide(11, case)
