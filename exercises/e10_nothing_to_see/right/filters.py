# %% id="proof-a"
def combined(*axes):
    if not axes:
        return [()]
    return [(value, *rest) for value in axes[0] for rest in combined(*axes[1:])]


def domain_a():
    yes_or_no = (False, True)
    ends = ("there", "RETRY", "error", "SIGKILL")
    return combined(("normal", "huge"), (0, 1), (1, 2, 3), (0, 1), ends, yes_or_no, yes_or_no)


def visible(found):
    fires = any(found["bug_on"])
    return "bug" if fires else (found["goes_on"], found["count"], found["locked"], found["dead_area"])


def same_a(decide, case):
    return len({visible(decide(patches, case)) for patches in (1, 2)}) == 1


# %% id="proof-b"
def domain_b():
    words = [()]
    for _ in range(5):
        words = [(*word, bit) for word in words for bit in (False, True)]
    return {(*word, signal) for word in words for signal in ("SIGKILL", "none", "SIGUSR1")}


def same_b(decide, case):
    old, new = (tuple(decide(patches, case).values()) for patches in (15, 16))
    return old == new


def happens_b(case):
    allow_retry, nowait, killable, interruptible, user, _ = case
    handler = allow_retry and killable and interruptible
    pinning = allow_retry and killable and not interruptible and not user
    return (handler or pinning) and not nowait


BEFORE_16 = 15


# %% id="proof-c"
def domain_c():
    attempts = [(flag, fault) for flag in (1 == 1, 1 == 0) for fault in FAULTS]
    return [(*one, mode, signal) for one in attempts for mode in ("user", "kernel") for signal in SIGNALS]


FAULTS = ["SIGBUS", "done", "MAJOR", "RETRY", "RETRY|MAJOR"]
SIGNALS = ["none", "SIGKILL", "SIGUSR1"]


def same_c(decide, case):
    return sorted(decide(3, case).items()) == sorted(decide(4, case).items())


def happens_c(case):
    dropped = case[1] in ("RETRY", "RETRY|MAJOR")
    return not (dropped and not case[0] and case[3] != "SIGKILL")


# %% id="proof-d"
def domain_d():
    callers = {"x86": 2, "arm64": 2, "riscv": 2, "csky": 2, "khugepaged": 1, "get_user_pages": 1}
    bits = (False, True)
    first = [
        (caller, user, *more)
        for caller, modes in callers.items()
        for user in bits[:modes]
        for more in combined(bits, bits, bits)
    ]
    return tuple(first)


def same_d(decide, case):
    words = [decide(patches, case) for patches in range(10, 12)]
    return words[0] == words[1]
