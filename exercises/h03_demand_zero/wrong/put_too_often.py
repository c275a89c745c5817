# %% id="page-fault"
def page_fault(kernel, process, address, error_code):
    area = kernel.area(process, address)
    write = bool(error_code & X86_PF_WRITE)
    if not area:
        kernel.force_sig_fault(SIGSEGV, SEGV_MAPERR)
        return
    if write and area == "r":
        kernel.force_sig_fault(SIGSEGV, SEGV_ACCERR)
        return
    entry = kernel.entry(process, address)
    if entry is None and write:
        kernel.set_entry(process, address, kernel.alloc(), True)
    elif entry is None:
        kernel.set_entry(process, address, kernel.zero_frame(), False)
    else:
        frame, _ = entry
        if kernel.owners(frame) == 1:
            kernel.set_entry(process, address, frame, True)
        else:
            fresh = kernel.alloc()
            kernel.copy(fresh, frame)
            kernel.set_entry(process, address, fresh, True)
            kernel.flush(process, address)
        kernel.put(frame)
    kernel.count("min_flt")
