# %% id="give-back"
def dontneed(kernel, process, address):
    entry = kernel.entry("parent", address)
    if entry is not None:
        kernel.clear_entry("parent", address)
        kernel.flush("parent", address)
        kernel.put(entry[0])
