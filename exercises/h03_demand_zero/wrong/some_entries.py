# %% id="fork-cell"
def fork(kernel, parent, child):
    for address in kernel.pages(parent):
        entry = kernel.entry(parent, address)
        if entry is not None and entry[1]:
            frame, _ = entry
            kernel.get(frame)
            kernel.set_entry(parent, address, frame, False)
            kernel.flush(parent, address)
            kernel.set_entry(child, address, frame, False)
