# %% id="proof-d"
from itertools import product


def domain_d():
    callers = "x86", "arm64", "riscv", "csky", "khugepaged", "get_user_pages"
    return [*product(callers, *[(False, True)] * 4)]


def same_d(decide, case):
    old, new = decide(10, case), decide(11, case)
    if case[0] == "get_user_pages":
        default = 0x14
        return new & default == default
    return old == new
