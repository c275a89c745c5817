# %% id="own-scenario"
SCENARIO = {
    "T": "pipe_write 3",
    "M": "wait_message; signal task=T signal=SIGUSR1; pause ticks=5000; copy it",
}

# %% id="bisection"
def bisect(run):
    answers = {}

    def ask(n, symptom):
        told = answers[n] = answers[n] if n in answers else run(n)
        mine = [f"{kind} {text}" for task, kind, text in told["events"] if task == "T"]
        if symptom == "unbounded":
            return any(line.startswith("spin") for line in mine)
        if symptom == "awake":
            return "wake wakes: userfaultfd" not in mine
        return told["outcome"] == "EFAULT"

    def halve(symptom, low, high):
        if high - low == 1:
            return (low, high) if ask(high, symptom) and not ask(low, symptom) else None
        middle = (low + high + 1) // 2
        return halve(symptom, low, middle) if ask(middle, symptom) else halve(symptom, middle, high)

    found = {symptom: halve(symptom, 0, 16) for symptom in ("awake", "unbounded")}
    found["wrong"] = halve("wrong", 0, found["unbounded"][0]) if found["unbounded"] else None
    return found
