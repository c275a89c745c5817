# %% id="tests"
TESTS = [
    ({"T": "read 1", "M": "wait_message; wake it; wait_message; copy it"}, {"attempts": 2}),
    ("S13", {"flags": (0x254, 0x274, 0x274)}),
    ("S9-relock", {"attempts": 2}),
]
