# %% id="proof-a"
from itertools import product


def domain_a():
    ends = "there", "RETRY", "error", "SIGKILL"
    return [*product(("normal", "huge"), (0, 1), (1, 2, 3), (0, 1), ends, (False, True), (False, True))]


def same_a(decide, case):
    return decide(1, case)["count"] == decide(2, case)["count"]
