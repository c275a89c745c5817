BREAKS = {
    1: {
        "T": "read 1",
        "M": "wait_message; wake 1; wait_message; wake 1; wait_message; copy 1",
    },
    2: {
        "area": "private",
        "T": "write 1; munmap 1; read 2",
    },
    3: {
        "T": "tmpfs_write 1",
        "M": "wait_message; signal task=T signal=SIGUSR1; copy 1",
    },
    4: {
        "T": "tmpfs_write 1",
        "M": "wait_message; signal task=T signal=SIGKILL",
    },
    5: {
        "area": "file",
        "T": "read 1",
    },
}
