# %% id="tests"
TESTS = [
    ({"T": "read 1", "M": "wait_message; copy it"}, {"outcome": "ret=5", "attempts": 2}),
    ({"T": "write 2", "M": "wait_message; pause ticks=500; copy it"}, {"outcome": "ret=7", "messages": 1}),
    ("S9", {"exceptions": 2, "handler_runs": 1}),
]
