# %% id="form"
RELEASES = {
    "served": 1,
    "RETRY": 0,
    "RETRY, killed": 0,
    "OOM": 2,
    "OOM, killed": 2,
    "SIGBUS": 1,
    "SIGSEGV": 1,
}
PATCH = 8
TROUBLE = "too many"
