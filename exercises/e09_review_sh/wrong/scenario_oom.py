# %% id="own-scenario"
SCENARIO = {"arch": "sh", "area": "oom", "T": "read 1"}
