SETS, STATE = [], {}


def power_on(n_sets, n_ways):
    SETS[:] = [[] for _ in range(n_sets)]
    STATE.update(ways=n_ways, pcid=None)


def mine(one):
    return one["tag"] in (None, STATE["pcid"])


def covers(one, address):
    return one["page"] <= address < one["page"] + one["size"]


def drop(test):
    for one_set in SETS:
        for one in [one for one in one_set if test(one)]:
            one_set.remove(one)


def access(address, kind, walk):
    candidates = [SETS[(address >> shift) % len(SETS)] for shift in (12, 21)]
    known = next((one for ways in candidates for one in ways if covers(one, address) and mine(one)), None)
    word = "miss"
    if known is not None:
        drop(lambda one: one is known)
        if kind == "read" or known["writable"]:
            word = "hit"
            if kind == "read" or known["dirty"]:
                return word, keep(known) + address - known["page"]
    fresh = walk(address, kind)
    if fresh is None:
        return "fault"
    fresh["tag"] = None if fresh["global"] else STATE["pcid"]
    return word, keep(fresh) + address - fresh["page"]


def keep(one):
    one_set = SETS[one["page"] // one["size"] % len(SETS)]
    if len(one_set) == STATE["ways"]:
        one_set.pop(0)
    one_set.append(one)
    return one["frame"]


def load_cr3(value):
    STATE["pcid"] = value % 4096
    if value < 1 << 63:
        drop(lambda one: one["tag"] == STATE["pcid"])


def invlpg(address):
    drop(lambda one: mine(one) and covers(one, address))
