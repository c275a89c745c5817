# %% id="source"
# A Python function is called for each address.
SOURCE = r'''
from libc.stdint cimport uint8_t, uint64_t

def walk_one(uint64_t[::1] ram, uint64_t root, uint64_t va, bint write):
    cdef uint64_t table = root, entry, mask = 0xFFFFFFFFFF000
    cdef Py_ssize_t place, n_entries = len(ram)
    cdef int shift
    for shift in range(39, 3, -9):
        place = (table >> 3) + (va >> shift & 511)
        if place >= n_entries:
            return None
        entry = ram[place]
        if not entry & 1:
            return None
        entry |= 0x60 if shift == 12 and write else 0x20
        ram[place] = entry
        table = entry & mask
    return table | va & 4095

def walk_all(ram, root, vas, writes, pas):
    for i in range(len(vas)):
        pa = walk_one(ram, root, vas[i], writes[i])
        if pa is None:
            return i
        pas[i] = pa
    return len(vas)
'''
