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
    sign = address >> 48
    if sign != (0xFFFF if address >> 47 & 1 else 0):
        return "#GP"
    error = X86_PF_USER * cpu["user"] | {"read": 0, "write": X86_PF_WRITE, "fetch": X86_PF_INSTR}[kind]

    def permits(granted, nx):
        if cpu["user"] and not granted & US:
            return False
        if kind == "write":
            return bool(granted & RW) or (not cpu["user"] and not cpu["wp"])
        return kind == "read" or not nx

    def down(where, level, granted, nx):
        """Give the physical address, or error bits in a tuple; mark the entry only on the way back."""
        size = 4096 << 9 * (level - 1)
        at = where + 8 * (address // size % 512)
        found = memory.read(at)
        if not found & P:
            return (error,)
        if reserved(found, level):
            return (error | X86_PF_PROT | X86_PF_RSVD,)
        granted, nx = granted & found, nx or found & NX
        if level > 1 and not found & PS:
            result = down(found & ADDRESS, level - 1, granted, nx)
            mark = A
        else:
            frame = (found & ADDRESS) // size * size
            result = frame + address % size if permits(granted, nx) else (error | X86_PF_PROT,)
            mark = A | D if kind == "write" else A
        if not isinstance(result, tuple):
            memory.write(at, found | mark)
        return result

    result = down(cpu["cr3"], 4, RW | US, 0)
    return ("#PF", result[0], address) if isinstance(result, tuple) else result
