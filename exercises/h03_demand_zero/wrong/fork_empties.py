# %% id="fork-cell"
def fork(kernel, parent, child):
    for address in kernel.pages(parent):
        entry = kernel.entry(parent, address)
        if entry is not None:
            frame, _ = entry
            kernel.get(frame)
            kernel.clear_entry(parent, address)
            kernel.flush(parent, address)
            kernel.set_entry(child, address, frame, False)
