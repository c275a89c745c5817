# %% id="bisection"
def bisect(run):
    return {name: first(run, symptom) for name, symptom in SYMPTOMS.items()}


def first(run, symptom):
    seen = [symptom(run(n)) for n in range(17)]
    if True not in seen:
        return None
    n = seen.index(True)
    return n - 1, n


def awake(shown):
    slept = [text for task, kind, text in shown["events"] if task == "T" and kind in ("sleep", "wake")]
    return not slept or "wakes: signal" in slept


SYMPTOMS = {
    "wrong": lambda shown: shown["outcome"] == "EFAULT",
    "awake": awake,
    "unbounded": lambda shown: "spin" in [kind for task, kind, _ in shown["events"] if task == "T"],
}
