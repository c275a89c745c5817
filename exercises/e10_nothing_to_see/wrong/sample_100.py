# %% id="proof-a"
from itertools import product
from random import Random


def domain_a():
    ends = "there", "RETRY", "error", "SIGKILL"
    every = [*product(("normal", "huge"), (0, 1), (1, 2, 3), (0, 1), ends, (False, True), (False, True))]
    return Random(1).sample(every, 100)


def same_a(decide, case):
    old, new = decide(1, case), decide(2, case)
    fires = [any(one.pop("bug_on")) for one in (old, new)]
    return old == new and fires[0] == fires[1]
