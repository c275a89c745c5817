# %% id="bisection"
def bisect(run):
    """Give for each symptom the pair (last good tree, first bad tree), or None."""
    kept = {}

    def shown(n):
        if n not in kept:
            kept[n] = run(n)
        return kept[n]

    def first(symptom, good, bad):
        if symptom(shown(good)) or not symptom(shown(bad)):
            return None
        while bad - good > 1:
            middle = (good + bad) // 2
            good, bad = (good, middle) if symptom(shown(middle)) else (middle, bad)
        return good, bad

    awake, unbounded = first(stays_awake, 0, 16), first(spins, 0, 16)
    tops = [n for n in range(16, 0, -1) if fails(shown(n))]
    wrong = first(fails, 0, tops[0]) if tops else None
    return {"wrong": wrong, "awake": awake, "unbounded": unbounded}


def fails(shown):
    return shown["outcome"] == "EFAULT"


def stays_awake(shown):
    mine = [(kind, text) for task, kind, text in shown["events"] if task == "T"]
    return not any(kind == "sleep" for kind, _ in mine) or ("wake", "wakes: signal") in mine


def spins(shown):
    return shown["attempts"] > 1 and stays_awake(shown)
