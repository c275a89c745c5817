BREAKS = {
    1: {
        "T": "wait_post; read 1",
        "M": "wake 1; wake 1; post task=T; wait_message; copy 1",
    },
    2: {
        "T": "read 1",
        "U": "wait_post; munmap 1; post task=M",
        "M": "wait_message; post task=U; wait_post; wake 1",
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
