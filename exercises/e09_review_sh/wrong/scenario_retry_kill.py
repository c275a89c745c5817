# %% id="own-scenario"
SCENARIO = {
    "arch": "sh",
    "area": "userfaultfd",
    "T": "read 1",
    "M": "wait_message; signal task=T signal=SIGKILL",
}
