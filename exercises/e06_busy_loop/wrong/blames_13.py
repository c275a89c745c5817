# %% id="diagnosis"
S12 = {"patch": 13, "flag": FAULT_FLAG_INTERRUPTIBLE, "mode": "kernel"}
