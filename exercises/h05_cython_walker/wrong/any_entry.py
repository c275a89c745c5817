# %% id="source"
# Who looks at all bits takes an entry that says where a page lies for a present one.
SOURCE = r'''
from libc.stdint cimport uint8_t, uint64_t

def walk_all(uint64_t[::1] ram, uint64_t root, const uint64_t[::1] vas, const uint8_t[::1] writes,
             uint64_t[::1] pas):
    cdef uint64_t table, entry, mask = 0xFFFFFFFFFF000
    cdef Py_ssize_t i, place, n_entries = len(ram)
    cdef int shift
    for i in range(len(vas)):
        table = root
        for shift in range(39, 3, -9):
            place = (table >> 3) + (vas[i] >> shift & 511)
            if place >= n_entries:
                return i
            entry = ram[place]
            if entry == 0:
                return i
            entry |= 0x60 if shift == 12 and writes[i] else 0x20
            ram[place] = entry
            table = entry & mask
        pas[i] = table | vas[i] & 4095
    return len(vas)
'''
