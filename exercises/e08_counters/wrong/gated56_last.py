# %% id="x86-and-arc"
def served(attempts):
    return not attempts[-1][1] & (VM_FAULT_RETRY | VM_FAULT_ERROR)


def total(majors):
    majors = list(majors)
    return sum(majors), len(majors) - sum(majors)


def major(attempt):
    return bool(attempt[1] & VM_FAULT_MAJOR)


def count_x86(attempts):
    return total([any(map(major, attempts))] if served(attempts) else [])


def count_arc(attempts):
    return total([major(attempts[-1])] if served(attempts) else [])


# %% id="gated-rule"
def count_gated(attempts):
    if not attempts[-1][0] & FAULT_FLAG_ALLOW_RETRY:
        return total([major(attempts[-1])] if served(attempts) else [])
    done = attempts if served(attempts) else attempts[:-1]
    return total(major(one) for one in done if one[0] & FAULT_FLAG_ALLOW_RETRY)


# %% id="since-5-9"
def count_since_5_9(attempts, regs):
    late = attempts[-1][0] & FAULT_FLAG_TRIED
    maj, least = total([major(attempts[-1]) or bool(late)] if served(attempts) else [])
    return maj, least, maj + least if regs else 0


# %% id="vmstat-rule"
def vmstat_5_7(attempts):
    return len(attempts), sum(read for flags, bits, read in attempts)
