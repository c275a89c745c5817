P, RW, US, A, D, PS, NX = 0x1, 0x2, 0x4, 0x20, 0x40, 0x80, 1 << 63  # bits of an entry
ADDRESS = 0x000F_FFFF_FFFF_F000  # the bits of an entry that are an address


def reserved(entry, level):
    """Say whether a present entry has a bit that must be clear at its level."""
    if level == 4 and entry & PS:
        return True
    if level in (2, 3) and entry & PS and entry & (1 << 9 * level + 3) - 1 & ~0x1FFF:
        return True
    return bool(entry & ADDRESS >> 40 << 40)  # this processor has physical addresses of 40 bits


def walk(memory, cpu, address, kind):
    top = address >> 47
    if top != 0 and top != (1 << 17) - 1:
        return ("#GP",)
    user, write, fetch = cpu["user"], kind == "write", kind == "fetch"
    places, entries = [], []
    next_table, failed = cpu["cr3"], None
    for shift in (39, 30, 21, 12):
        places.append(next_table + (address >> shift) % 512 * 8)
        entries.append(memory.read(places[-1]))
        next_table = entries[-1] & ADDRESS
        if entries[-1] % 2 == 0:
            failed = 0
        elif reserved(entries[-1], len(places) * -1 + 5):
            failed = 9
        elif shift != 12 and not entries[-1] & PS:
            continue
        break
    if failed is None:
        allowed = all(one & US for one in entries) if user else True
        if write:
            allowed = allowed and (all(one & RW for one in entries) or not (user or cpu["wp"]))
        if fetch:
            allowed = allowed and not any(one & NX for one in entries)
        failed = None if allowed else 1
    if failed is not None:
        return "#PF", failed + 2 * write + 4 * user + 16 * fetch, address
    for which, one in zip(places, entries, strict=True):
        memory.write(which, one | A)
    if write:
        memory.write(places[-1], entries[-1] | A | D)
    size = 1 << shift
    return next_table // size * size + address % size
