# %% id="give-back"
def dontneed(kernel, process, address):
    entry = kernel.entry(process, address)
    if entry is None:
        kernel.force_sig_fault(SIGSEGV, SEGV_MAPERR)
        return
    kernel.clear_entry(process, address)
    kernel.flush(process, address)
    kernel.put(entry[0])
