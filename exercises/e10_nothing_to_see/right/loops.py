# %% id="proof-a"
def domain_a():
    found = []
    for kind in ("huge", "normal"):
        for pinned in range(2):
            for wanted in range(1, 4):
                for ready in range(2):
                    for end in ("SIGKILL", "error", "RETRY", "there"):
                        first = kind, pinned, wanted, ready, end
                        found += [(*first, bool(bits & 1), bool(bits & 2)) for bits in range(4)]
    return found


def same_a(decide, case):
    before, after = decide(1, case), decide(2, case)
    for name in ("goes_on", "count", "locked", "dead_area"):
        if before[name] != after[name]:
            return False
    return (True in before["bug_on"]) is (True in after["bug_on"])


# %% id="proof-b"
def domain_b():
    signals = "none", "SIGUSR1", "SIGKILL"
    return [(*(bool(word >> n & 1) for n in range(5)), one) for word in range(32) for one in signals]


def same_b(decide, case):
    before, after = decide(15, case), decide(16, case)
    return before["sleep"] == after["sleep"] and before["ends"] == after["ends"]


def happens_b(case):
    words = [
        (True, False, True, True, False),
        (True, False, True, True, True),
        (True, False, True, False, False),
    ]
    return case[:5] in words


BEFORE_16 = 15


# %% id="proof-c"
def domain_c():
    found = []
    for first in (True, False):
        for fault in ("SIGBUS", "RETRY|MAJOR", "RETRY", "MAJOR", "done"):
            for mode in ("kernel", "user"):
                found += [(first, fault, mode, signal) for signal in ("SIGKILL", "SIGUSR1", "none")]
    return found


def same_c(decide, case):
    before, after = decide(3, case), decide(4, case)
    return all(before[name] == after[name] for name in ("then", "releases", "flags", "counts"))


def happens_c(case):
    first, fault, _, signal = case
    if "RETRY" in fault and not first:
        return signal == "SIGKILL"
    return True


# %% id="proof-d"
def domain_d():
    found = []
    for arch in ("x86", "arm64", "riscv", "csky"):
        for user in (False, True):
            found += [(arch, user, write, False, False) for write in (False, True)]
    found.append(("khugepaged", False, False, False, False))
    more = [(bool(bits & 1), bool(bits & 2), bool(bits & 4)) for bits in range(8)]
    return found + [("get_user_pages", False, *one) for one in more]


def same_d(decide, case):
    return not decide(11, case) ^ decide(10, case)
