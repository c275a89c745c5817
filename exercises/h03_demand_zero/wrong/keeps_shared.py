# %% id="give-back"
def dontneed(kernel, process, address):
    entry = kernel.entry(process, address)
    if entry is None or (process == "parent" and kernel.owners(entry[0]) == 2):
        return
    kernel.clear_entry(process, address)
    kernel.flush(process, address)
    kernel.put(entry[0])
