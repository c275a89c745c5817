BREAKS = {
    1: {
        "served": "missing+wp",
        "T": "write 2",
        "M": "wait_message; wake it; wait_message; copy it protect=yes; wait_message; wake it; "
        "wait_message; writeprotect it protect=no",
    },
    2: {
        "T": "write 2",
        "U": "wait_post; munmap 2; post task=M",
        "M": "wait_message; post task=U; wait_post; wake 2",
    },
    3: {
        "T": "tmpfs_write 1",
        "M": "wait_message; copy 1",
        "S": "signal task=T signal=SIGUSR1",
        "apart": "S",
    },
    4: {
        "T": "tmpfs_write 2",
        "S": "signal task=T signal=SIGKILL",
        "M": "wait_message",
        "apart": "S",
    },
    5: {
        "area": "sigsegv",
        "T": "write 0",
    },
}
