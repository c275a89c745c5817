# %% id="source"
# Pointers, a function for an entry, and shifts in place of the mask.
SOURCE = r'''
from libc.stdint cimport uint8_t, uint64_t

cdef uint64_t *entry_at(uint64_t *ram, Py_ssize_t n_entries, uint64_t place) noexcept nogil:
    if place >= <uint64_t>n_entries or ram[place] % 2 == 0:
        return NULL
    return ram + place

cdef Py_ssize_t run(uint64_t *ram, Py_ssize_t n_entries, uint64_t root, const uint64_t *va,
                    const uint8_t *write, uint64_t *pa, Py_ssize_t n) noexcept nogil:
    cdef uint64_t at
    cdef uint64_t *found
    cdef Py_ssize_t nth
    cdef int level
    for nth in range(n):
        at = root
        for level in range(4):
            found = entry_at(ram, n_entries, at // 8 + (va[nth] >> (39 - 9 * level)) % 512)
            if found == NULL:
                return nth
            found[0] |= 1 << 5
            at = found[0] << 12 >> 24 << 12
        if write[nth]:
            found[0] |= 1 << 6
        pa[nth] = at + va[nth] % 4096
    return n

def walk_all(uint64_t[::1] ram, uint64_t root, const uint64_t[::1] vas, const uint8_t[::1] writes,
             uint64_t[::1] pas):
    cdef Py_ssize_t done
    with nogil:
        done = run(&ram[0], ram.shape[0], root, &vas[0], &writes[0], &pas[0], vas.shape[0])
    return done
'''
