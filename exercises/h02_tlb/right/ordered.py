from collections import OrderedDict

SIZES = (1 << 12, 1 << 21)
EVERYBODY = -1


class Tlb:
    sets: list
    ways: int
    pcid: int

    def place(self, address, size):
        return self.sets[address // size % len(self.sets)]

    def keys(self, address):
        """Give each key under which an entry for the address may lie, with its set."""
        for size in SIZES:
            for owner in (self.pcid, EVERYBODY):
                yield self.place(address, size), (address // size, size, owner)

    def put(self, found, address):
        owner = EVERYBODY if found["global"] else self.pcid
        ways = self.place(address, found["size"])
        key = (address // found["size"], found["size"], owner)
        ways.pop(key, None)
        if len(ways) >= self.ways:
            ways.popitem(last=False)
        ways[key] = found


cpu = Tlb()


def power_on(n_sets, n_ways):
    cpu.sets, cpu.ways, cpu.pcid = [OrderedDict() for _ in range(n_sets)], n_ways, 0


def access(address, kind, walk):
    word = "miss"
    for ways, key in cpu.keys(address):
        found = ways.get(key)
        if found is None:
            continue
        if kind == "write" and not (found["writable"] and found["dirty"]):
            word = "hit" if found["writable"] else "miss"
            del ways[key]
            break
        ways.move_to_end(key)
        return "hit", found["frame"] + address % found["size"]
    found = walk(address, kind)
    if not found:
        return "fault"
    cpu.put(found, address)
    return word, found["frame"] + address % found["size"]


def load_cr3(value):
    cpu.pcid = value & 4095
    if value & 1 << 63 == 0:
        for ways in cpu.sets:
            for key in [key for key in ways if key[2] == cpu.pcid]:
                ways.pop(key)


def invlpg(address):
    for ways, key in cpu.keys(address):
        ways.pop(key, None)
