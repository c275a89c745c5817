# %% id="source"
# Answers are kept between calls.
SOURCE = r'''
from libc.stdint cimport uint8_t, uint64_t

cdef uint64_t[4096] known
cdef uint64_t[4096] frame

def walk_all(uint64_t[::1] ram, uint64_t root, const uint64_t[::1] vas, const uint8_t[::1] writes,
             uint64_t[::1] pas):
    cdef uint64_t table, entry, mask = 0xFFFFFFFFFF000
    cdef Py_ssize_t i, place, n_entries = len(ram)
    cdef int shift, slot
    for i in range(len(vas)):
        slot = (vas[i] >> 12) % 2048 * 2 + writes[i]
        if known[slot] == vas[i] >> 12 and frame[slot]:
            pas[i] = frame[slot] | vas[i] & 4095
            continue
        table = root
        for shift in range(39, 3, -9):
            place = (table >> 3) + (vas[i] >> shift & 511)
            if place >= n_entries:
                return i
            entry = ram[place]
            if not entry & 1:
                return i
            entry |= 0x60 if shift == 12 and writes[i] else 0x20
            ram[place] = entry
            table = entry & mask
        pas[i] = table | vas[i] & 4095
        known[slot] = vas[i] >> 12
        frame[slot] = table
    return len(vas)
'''
