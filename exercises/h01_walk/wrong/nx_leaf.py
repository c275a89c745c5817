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
    if address >> 47 not in (0, 0x1FFFF):
        return "#GP"
    code = (X86_PF_WRITE if kind == "write" else 0) | (X86_PF_INSTR if kind == "fetch" else 0)
    code |= X86_PF_USER if cpu["user"] else 0
    table, rights, forbidden, seen = cpu["cr3"], RW | US, 0, []
    for level in (4, 3, 2, 1):
        shift = 12 + 9 * (level - 1)
        place = table + 8 * (address >> shift & 511)
        entry = memory.read(place)
        if not entry & P:
            return "#PF", code, address
        if reserved(entry, level):
            return "#PF", code | X86_PF_PROT | X86_PF_RSVD, address
        seen.append((place, entry))
        rights &= entry
        forbidden = entry & NX
        if level == 1 or entry & PS:
            break
        table = entry & ADDRESS
    denied = cpu["user"] and not rights & US
    if kind == "write" and not rights & RW:
        denied |= cpu["user"] or cpu["wp"]
    if denied or (kind == "fetch" and forbidden):
        return "#PF", code | X86_PF_PROT, address
    for place, entry in seen:
        entry |= A
        if kind == "write" and place == seen[-1][0]:
            entry |= D
        memory.write(place, entry)
    offset = (1 << shift) - 1
    return (entry & ADDRESS & ~offset) | (address & offset)
