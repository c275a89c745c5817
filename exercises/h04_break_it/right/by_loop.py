def monitor(*steps):
    return "; ".join(("wait_message", *steps))


BREAKS = {1: {"T": "read 3", "M": "; ".join([monitor("wake 3")] * 4 + [monitor("copy 3")])}}
for handler, signal in ((3, "SIGUSR1"), (4, "SIGKILL")):
    steps = (f"signal task=T signal={signal}", "copy 1")[: 5 - handler]
    BREAKS[handler] = {"T": "tmpfs_write 1", "M": monitor(*steps)}
BREAKS[2] = {
    "T": "read 2",
    "U": "munmap 2; post task=M",
    "M": monitor("wait_post", "wake 2"),
}
BREAKS[5] = {"area": "file", "T": "tmpfs_write 3"}
