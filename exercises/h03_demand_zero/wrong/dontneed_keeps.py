# %% id="give-back"
def dontneed(kernel, process, address):
    kernel.flush(process, address)
