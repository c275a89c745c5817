# %% id="page-fault"
def page_fault(kernel, process, address, error_code):
    area = kernel.area(process, address)
    write = bool(error_code & X86_PF_WRITE)
    entry = kernel.entry(process, address) if area else None
    owners = 0 if entry is None else kernel.owners(entry[0])
    case = (area, write, 2 if owners > 1 else owners)

    def signal(code):
        kernel.force_sig_fault(SIGSEGV, code)

    def zeros():
        put_in_place(kernel.zero_frame(), False)

    def frame_of_zeros():
        put_in_place(kernel.alloc(), True)

    def same():
        put_in_place(entry[0], True)

    def copied():
        mine = kernel.alloc()
        kernel.copy(mine, entry[0])
        put_in_place(mine, True)
        kernel.put(entry[0])

    def put_in_place(which, writable):
        kernel.set_entry(process, address, which, writable)
        kernel.flush(process, address)
        kernel.count("min_flt")

    table = {
        ("rw", False, 0): zeros,
        ("r", False, 0): zeros,
        ("rw", True, 0): frame_of_zeros,
        ("rw", True, 1): same,
        ("rw", True, 2): copied,
    }
    if case in table:
        table[case]()
    else:
        signal(SEGV_ACCERR if area else SEGV_MAPERR)


# %% id="fork-cell"
def fork(kernel, parent, child):
    present = {page: kernel.entry(parent, page) for page in kernel.pages(parent)}
    for page, entry in present.items():
        if entry is None:
            continue
        for process in (parent, child):
            kernel.set_entry(process, page, entry[0], False)
        kernel.flush(parent, page)
        kernel.get(entry[0])


# %% id="give-back"
def dontneed(kernel, process, address):
    match kernel.entry(process, address):
        case (which, _):
            kernel.clear_entry(process, address)
            kernel.flush(process, address)
            kernel.put(which)
