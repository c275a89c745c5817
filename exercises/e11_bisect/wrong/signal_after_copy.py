# %% id="own-scenario"
SCENARIO = {
    "T": "tmpfs_write 1",
    "M": "wait_message; pause ticks=20000; copy 1",
    "S": "pause ticks=40000; signal task=T signal=SIGUSR1",
    "apart": "S",
}
