# %% id="own-scenario"
# The signal comes before the fault does: T never falls asleep.
SCENARIO = {
    "T": "tmpfs_write 2",
    "S": "signal task=T signal=SIGUSR1",
    "M": "pause ticks=7000; copy 2",
    "apart": "S",
}

# %% id="bisection"
def bisect(run):
    trees = [run(n) for n in range(17)]
    return {name: change([holds(told) for told in trees]) for name, holds in LOOKED_FOR.items()}


def change(seen):
    return next(((n - 1, n) for n in range(1, 17) if seen[n] and not seen[n - 1]), None)


def of_t(told, kind):
    return [text for task, one, text in told["events"] if task == "T" and one == kind]


LOOKED_FOR = {
    "wrong": lambda told: not told["outcome"].startswith("ret=") and told["outcome"] != "none",
    "awake": lambda told: "wakes: userfaultfd" not in of_t(told, "wake"),
    "unbounded": lambda told: len(of_t(told, "spin")) > 0,
}
