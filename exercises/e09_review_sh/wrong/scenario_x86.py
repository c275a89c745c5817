# %% id="own-scenario"
SCENARIO = {"arch": "x86", "area": "file", "T": "read 1"}
