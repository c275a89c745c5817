# %% id="page-fault"
def page_fault(kernel, process, address, error_code):
    area = kernel.area(process, address)
    write = bool(error_code & X86_PF_WRITE)
    if not area:
        kernel.force_sig_fault(SIGSEGV, SEGV_MAPERR)
        return
    entry = kernel.entry(process, address)
    if entry is None:
        if write and area == "r":
            kernel.force_sig_fault(SIGSEGV, SEGV_ACCERR)
            return
        if write:
            kernel.set_entry(process, address, kernel.alloc(), True)
        else:
            kernel.set_entry(process, address, kernel.zero_frame(), False)
    elif entry[0] == kernel.zero_frame() or kernel.owners(entry[0]) == 1:
        if area == "r":
            kernel.force_sig_fault(SIGSEGV, SEGV_ACCERR)
            return
        which = entry[0] if kernel.owners(entry[0]) == 1 else kernel.alloc()
        kernel.set_entry(process, address, which, True)
        kernel.flush(process, address)
    else:
        fresh = kernel.alloc()
        kernel.copy(fresh, entry[0])
        kernel.set_entry(process, address, fresh, True)
        kernel.flush(process, address)
        kernel.put(entry[0])
    kernel.count("min_flt")
