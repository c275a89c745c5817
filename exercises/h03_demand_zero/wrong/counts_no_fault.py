# %% id="give-back"
def dontneed(kernel, process, address):
    entry = kernel.entry(process, address)
    if entry is not None:
        kernel.clear_entry(process, address)
        kernel.flush(process, address)
        kernel.put(entry[0])
    kernel.count("min_flt")
