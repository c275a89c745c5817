# %% id="x86-and-arc"
OVER = VM_FAULT_RETRY | VM_FAULT_ERROR
RULES = {
    "x86": ("end", lambda seen, flags, bits: seen),
    "arc": ("end", lambda seen, flags, bits: bits & VM_FAULT_MAJOR),
    "gated": ("gate", lambda seen, flags, bits: bits & VM_FAULT_MAJOR),
    "5.9": ("end", lambda seen, flags, bits: bits & VM_FAULT_MAJOR or flags & FAULT_FLAG_TRIED),
}


def by(rule, attempts):
    where, slow = RULES[rule]
    totals, seen = {True: 0, False: 0}, 0
    for place, (flags, bits, _) in enumerate(attempts):
        seen |= bits & VM_FAULT_MAJOR
        end = place + 1 == len(attempts)
        counts = end if where == "end" else flags & FAULT_FLAG_ALLOW_RETRY
        if counts and not (end and bits & OVER):
            totals[bool(slow(seen, flags, bits))] += 1
    return totals[True], totals[False]


def count_x86(attempts):
    return by("x86", attempts)


def count_arc(attempts):
    return by("arc", attempts)


# %% id="gated-rule"
def count_gated(attempts):
    return by("gated", attempts)


# %% id="since-5-9"
def count_since_5_9(attempts, regs):
    pair = by("5.9", attempts)
    return (*pair, sum(pair) * bool(regs))


# %% id="vmstat-rule"
def vmstat_5_7(attempts):
    columns = list(zip(*attempts, strict=True))
    return len(columns[0]), sum(columns[2])
