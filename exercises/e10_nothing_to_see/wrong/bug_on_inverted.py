# %% id="proof-a"
from itertools import product


def domain_a():
    ends = "there", "RETRY", "error", "SIGKILL"
    return [*product(("normal", "huge"), (0, 1), (1, 2, 3), (0, 1), ends, (False, True), (False, True))]


def same_a(decide, case):
    old, new = decide(1, case), decide(2, case)
    fires = [not all(one.pop("bug_on")) for one in (old, new)]
    return old == new and fires[0] == fires[1]
