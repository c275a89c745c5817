BREAKS = {
    1: {
        "T": "read 1",
        "M": "wait_message; wake 1; wait_message; wake 1; wait_message; copy 1",
    },
    2: {
        "T": "read 1; read 2; read 3",
        "U": "read 3; munmap 1; read 2",
        "N": "read 2; read 3",
        "M": "wait_message; copy 1; copy 2; copy 3",
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
