# %% id="page-fault"
def page_fault(kernel, process, address, error_code):
    area = kernel.area(process, address)
    if area == "":
        return kernel.force_sig_fault(SIGSEGV, SEGV_MAPERR)
    entry = kernel.entry(process, address)
    if error_code & X86_PF_WRITE:
        if "w" not in area:
            return kernel.force_sig_fault(SIGSEGV, SEGV_ACCERR)
        if entry and kernel.owners(entry[0]) == 1:
            kernel.set_entry(process, address, entry[0], True)
        else:
            mine = kernel.alloc()
            if entry:
                if entry[0] != kernel.zero_frame():
                    kernel.copy(mine, entry[0])
                kernel.clear_entry(process, address)
                kernel.flush(process, address)
                kernel.put(entry[0])
            kernel.set_entry(process, address, mine, True)
    else:
        kernel.set_entry(process, address, kernel.zero_frame(), False)
    return kernel.count("min_flt")


# %% id="fork-cell"
def fork(kernel, parent, child):
    for page in kernel.pages(parent):
        found = kernel.entry(parent, page)
        if found:
            which, writable = found
            if writable:
                kernel.set_entry(parent, page, which, False)
                kernel.flush(parent, page)
            kernel.set_entry(child, page, which, False)
            kernel.get(which)


# %% id="give-back"
def dontneed(kernel, process, address):
    found = kernel.entry(process, address)
    if not found:
        return
    kernel.clear_entry(process, address)
    kernel.flush(process, address)
    kernel.put(found[0])
