# %% id="give-back"
def dontneed(kernel, process, address):
    entry = kernel.entry(process, address)
    if entry is not None:
        kernel.clear_entry(process, address)
        kernel.flush(process, address)
        if kernel.owners(entry[0]) == 1:
            kernel.put(entry[0])
