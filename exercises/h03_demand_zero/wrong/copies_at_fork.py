# %% id="fork-cell"
def fork(kernel, parent, child):
    for address in kernel.pages(parent):
        entry = kernel.entry(parent, address)
        if entry is not None:
            frame, _ = entry
            mine = kernel.alloc()
            kernel.copy(mine, frame)
            kernel.set_entry(child, address, mine, True)
