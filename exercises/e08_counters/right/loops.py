# %% id="x86-and-arc"
def count_x86(attempts):
    major = 0
    for _flags, fault, _reads in attempts:
        major |= fault & VM_FAULT_MAJOR
        if fault & VM_FAULT_ERROR:
            return (0, 0)
    if fault & VM_FAULT_RETRY:
        return (0, 0)
    return (int(major > 0), int(major == 0))


def count_arc(attempts):
    for _flags, fault, _reads in attempts:
        if fault & VM_FAULT_ERROR:
            return (0, 0)
    if fault & VM_FAULT_RETRY:
        return (0, 0)
    return (int(fault & VM_FAULT_MAJOR > 0), int(fault & VM_FAULT_MAJOR == 0))


# %% id="gated-rule"
def count_gated(attempts):
    counts = [0, 0]
    rest = list(attempts)
    while rest:
        flags, fault, _reads = rest.pop(0)
        signal = fault & VM_FAULT_RETRY and not rest
        if signal or fault & VM_FAULT_ERROR:
            break
        if flags & FAULT_FLAG_ALLOW_RETRY:
            counts[0 if fault & VM_FAULT_MAJOR else 1] += 1
    return counts


# %% id="since-5-9"
def count_since_5_9(attempts, regs):
    maj = least = perf = 0
    for flags, fault, _reads in attempts:
        if fault & VM_FAULT_RETRY or fault & VM_FAULT_ERROR:
            continue
        if flags & FAULT_FLAG_TRIED or fault & VM_FAULT_MAJOR:
            maj += 1
        else:
            least += 1
        if regs:
            perf += 1
    return maj, least, perf


# %% id="vmstat-rule"
def vmstat_5_7(attempts):
    pgfault = pgmajfault = 0
    for _flags, _fault, reads in attempts:
        pgfault += 1
        pgmajfault += reads
    return pgfault, pgmajfault
