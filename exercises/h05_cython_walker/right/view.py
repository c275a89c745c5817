# %% id="source"
# Memoryviews, level by level.
SOURCE = r'''
from libc.stdint cimport uint8_t, uint64_t

def walk_all(uint64_t[::1] ram, uint64_t root, const uint64_t[::1] vas, const uint8_t[::1] writes,
             uint64_t[::1] pas):
    cdef uint64_t address = 0xFFFFFFFFFF000
    cdef uint64_t at, va
    cdef Py_ssize_t n
    cdef int level
    for n in range(vas.shape[0]):
        va, at = vas[n], root
        for level in (4, 3, 2, 1):
            at = at // 8 + (va >> (9 * level + 3) & 511)
            if at >= <uint64_t>ram.shape[0]:
                return n
            if ram[at] & 1 == 0:
                return n
            ram[at] = ram[at] | 32
            if level == 1 and writes[n]:
                ram[at] = ram[at] | 64
            at = ram[at] & address
        pas[n] = at + (va & 4095)
    return vas.shape[0]
'''
