tlb = {}


def power_on(n_sets, n_ways):
    """Empty the TLB. Each set is a list of entries, the last used one in front."""
    tlb.update(sets=[[] for _ in range(n_sets)], n_ways=n_ways, pcid=0)


def access(address, kind, walk):
    for size in (4 << 10, 2 << 20):
        ways = tlb["sets"][address // size % len(tlb["sets"])]
        for entry in ways:
            if (entry["size"], entry["page"]) == (size, address & -size) and belongs(entry):
                return use(ways, entry, address, kind, walk)
    return fill("miss", address, kind, walk)


def belongs(entry):
    return entry["global"] or entry["pcid"] == tlb["pcid"]


def use(ways, entry, address, kind, walk):
    ways.remove(entry)
    if kind == "write" and not entry["writable"]:
        return fill("miss", address, kind, walk)
    return fill("hit", address, kind, walk)


def fill(word, address, kind, walk):
    found = walk(address, kind)
    if found is None:
        return "fault"
    ways = tlb["sets"][found["page"] // found["size"] % len(tlb["sets"])]
    ways.insert(0, {**found, "pcid": tlb["pcid"]})
    del ways[tlb["n_ways"] :]
    return word, found["frame"] + address % found["size"]


def load_cr3(value):
    tlb["pcid"] = value & 0xFFF
    if not value >> 63:
        forget(lambda entry: entry["pcid"] == tlb["pcid"] and not entry["global"])


def invlpg(address):
    forget(lambda entry: belongs(entry) and entry["page"] == address & -entry["size"])


def forget(doomed):
    for ways in tlb["sets"]:
        ways[:] = [entry for entry in ways if not doomed(entry)]
