# %% id="form"
RELEASES = {
    "served": 1,
    "RETRY": 0,
    "RETRY, killed": 0,
    "OOM": 1,
    "OOM, killed": 2,
    "SIGBUS": 2,
    "SIGSEGV": 2,
}
PATCH = 8
TROUBLE = "too many"
