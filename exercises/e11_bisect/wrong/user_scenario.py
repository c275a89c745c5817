# %% id="own-scenario"
SCENARIO = {
    "T": "read 1",
    "M": "wait_message; pause ticks=20000; copy 1",
    "S": "pause ticks=10000; signal task=T signal=SIGUSR1",
    "apart": "S",
}
