# %% id="fork-cell"
def fork(kernel, parent, child):
    for address in kernel.pages(parent):
        entry = kernel.entry(parent, address)
        if entry is not None:
            kernel.set_entry(parent, address, entry[0], False)
            kernel.flush(parent, address)
