# %% id="form"
RELEASES = {
    "served": 1,
    "RETRY": 1,
    "RETRY, killed": 0,
    "OOM": 1,
    "OOM, killed": 1,
    "SIGBUS": 2,
    "SIGSEGV": 2,
}
PATCH = 8
TROUBLE = "too many"
