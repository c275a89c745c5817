# %% id="form"
RELEASES = {
    "served": 1,
    "RETRY": 0,
    "RETRY, killed": 0,
    "OOM": 1,
    "OOM, killed": 1,
    "SIGBUS": 2,
    "SIGSEGV": 2,
}
PATCH = 3
TROUBLE = "too many"
