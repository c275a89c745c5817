# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, auto_pickle=False, binding=False
"""The compiled twin of `pyemu.hw.ref`: the same walks, TLB and counters over raw memory.

Read `pyemu.hw.ref` first. Here is the Python side of the twin: what comes in is checked and turned
into C, and what comes out into the records of `pyemu.hw.tlb`. The work is done by the C files of the
folder ``core``; ``core/core.h`` says how the data lie. A batch runs without the GIL and touches no
Python object.
"""

from array import array

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.exc cimport PyErr_Clear
from cpython.long cimport PyLong_AsUnsignedLongLong, PyLong_FromUnsignedLongLong
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from pyemu.errors import HardwareError
from pyemu.hw import bits, check, events
from pyemu.hw.anon import BulkResult, Stop
from pyemu.hw.faults import GeneralProtection, PageFault, RiscvPageFault
from pyemu.hw.registers import Registers, RiscvRegisters
from pyemu.hw.tlb import (
    Access, ArraySnapshot, HitLevel, TableRef, TlbEntry, TlbSnapshot, TlbStats, WalkEntry
)

cdef extern from "core/core.h" nogil:
    const uint64_t E_W, E_U, E_R, E_RX, E_D, E_GLOBAL, E_NX, E_FRAME
    const uint64_t K_VALID, K_GLOBAL, K_SPACE, NO_ADDRESS
    const int E_SIZE_SHIFT, K_SIZE_SHIFT
    const uint32_t NOT_CANONICAL
    const int READ, WRITE, FETCH, DATA, CODE, N_CLASSES, N_SIZES, MAX_LEVELS, MAX_ARRAYS
    const int LRU, PLRU, FIFO, RANDOM
    const int X86_4_LEVEL, X86_5_LEVEL, SV39, SV48

    ctypedef uint64_t Given64

    ctypedef struct Event:
        pass

    ctypedef struct Cpu:
        int format, width, top, svade, globals
        uint64_t root, reserved, space, space_mask
        uint64_t want[4]
        uint64_t care[4]
        uint32_t code[4]

    ctypedef struct Array:
        uint8_t *blocks
        uint64_t n_sets
        uint32_t n_ways, n_lanes, entries_at, stride
        int policy
        uint64_t random

    ctypedef struct Probe:
        Array *array
        int size

    ctypedef struct Level:
        Array *arrays
        int n_arrays
        Probe probes[2][25]
        Probe homes[2][3]

    ctypedef struct Core:
        uint8_t *ram
        uint64_t last_entry
        Cpu cpu
        int per_level
        Level l1, l2
        Array *walk_caches
        int n_walk_caches
        uint64_t n_accesses, n_not_canonical, n_faults, n_l1_misses, n_l2_misses, n_d_walks
        uint64_t n_walks[6][6]
        uint64_t n_walk_cache_hits[6]
        int found
        uint32_t fault_code
        int n_refs, noting, ref_level
        uint64_t last
        uint64_t refs[5]

    ctypedef struct Run:
        const Given64 *addresses
        const uint8_t *kinds
        Given64 *pa
        uint32_t *status
        uint8_t *level
        uint8_t *refs
        int64_t n, n_faults
        int skip
        Event *log
        uint64_t n_log, max_log, first

    ctypedef int64_t RunLoop(Core *m, Run *run)

    RunLoop *core_variant(const char *name)
    uint64_t core_walk(Core *m, uint64_t va, unsigned kind)
    uint64_t core_quick(Core *m, uint64_t va, unsigned kind)
    int core_new_array(Array *a, uint64_t n_sets, uint32_t n_ways, int policy, uint64_t seed)
    void core_free(Core *m)
    void core_prepare(Core *m)
    void core_clear(Core *m)
    void core_flush(Core *m)
    void core_drop_where(Core *m, uint64_t mask, uint64_t value)
    void core_drop_page(Core *m, uint64_t va, uint64_t space, int all_spaces, int globals)
    void core_drop_walks(Core *m, uint64_t space)
    bint canonical(const Cpu *cpu, uint64_t va)
    uint64_t *keys_of(uint8_t *block)
    void *order_of(uint8_t *block, uint32_t n_lanes)
    uint64_t *entries_of(uint8_t *block, uint32_t entries_at)

cdef extern from "core/bulk.h" nogil:
    const int MAY_READ, MAY_WRITE

    ctypedef struct Area:
        uint64_t start, end, prot

    ctypedef struct Bulk:
        const Area *areas
        int64_t n_areas
        uint32_t *refcount
        uint32_t *mapcount
        uint64_t n_frames, zero_pfn
        const uint64_t *free
        uint64_t n_free, next
        const uint8_t *values
        uint64_t n_faults, n_zero_maps, n_zero_fills, n_zero_copies, n_copies, n_reuses, n_tables

    int bulk_run(Core *m, RunLoop *loop, Bulk *b, const Run *whole, int64_t *done)


# ------------------------------------------------------------------------------------ what comes in

cdef dict KINDS = check.KINDS
cdef tuple LEVELS = tuple(HitLevel)
cdef tuple PAGE_SIZES = (1 << 12, 1 << 21, 1 << 30)
cdef dict POLICIES = {"lru": LRU, "plru": PLRU, "fifo": FIFO, "random": RANDOM}

# Values of registers, which Python compares faster than C would convert them.
cdef object CR0_WP = bits.CR0_WP, CR3_NO_FLUSH = 1 << 63, CR4_PGE = bits.CR4_PGE, CR4_LA57 = bits.CR4_LA57
cdef object CR4_PCIDE = bits.CR4_PCIDE, CR4_SMEP = bits.CR4_SMEP, CR4_SMAP = bits.CR4_SMAP


cdef uint64_t address(object va) except? 0:
    """A 64-bit address; what C can't hold is refused in the words of the readable twin."""
    if type(va) is int:
        try:
            return va
        except OverflowError:
            pass
    return check.address(va)


cdef unsigned kind_number(object kind) except? 3:
    try:
        return KINDS[kind]
    except (KeyError, TypeError):
        return check.kind(kind)


cdef Py_ssize_t first_bad_kind(const uint8_t *kinds, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef uint8_t worst = 0
    for i in range(n):
        worst = kinds[i] if kinds[i] > worst else worst
    if worst <= FETCH:
        return -1
    for i in range(n):
        if kinds[i] > FETCH:
            return i
    return -1


cdef int refuse_bad_kinds(const uint8_t *kinds, Py_ssize_t n) except -1:
    cdef Py_ssize_t i = first_bad_kind(kinds, n)
    if i >= 0:
        raise check.bad_kind(i, kinds[i])
    return 0


cdef int set_cpu(Cpu *c, object cpu) except -1:
    """What registers mean to a walk (ref.x86.permits, ref.riscv.permits), as tables by kind."""
    if type(cpu) is Registers:
        return set_x86(c, cpu)
    return set_riscv(c, cpu)


cdef int set_x86(Cpu *c, object cpu) except -1:
    cdef bint user = cpu.user, wp = bool(cpu.cr0 & CR0_WP)
    cdef bint smep = bool(cpu.cr4 & CR4_SMEP), smap = bool(cpu.cr4 & CR4_SMAP) and not cpu.ac
    cdef int kind
    memset(c, 0, sizeof(Cpu))
    c.top = cpu.levels
    c.format = X86_5_LEVEL if c.top == 5 else X86_4_LEVEL
    c.width = cpu.va_bits
    c.globals = bool(cpu.cr4 & CR4_PGE)
    c.root = cpu.root
    c.reserved = cpu.reserved
    c.space_mask = <uint64_t>0xFFF << 45
    c.space = space_of(c, cpu.asid)
    for kind in range(3):
        if user:
            c.want[kind] = E_U
            c.care[kind] = E_U
        elif smep if kind == FETCH else smap:
            c.care[kind] = E_U
        c.code[kind] = 4 if user else 0
    c.want[WRITE] |= E_D
    c.care[WRITE] |= E_D
    c.code[WRITE] |= 2
    if user or wp:
        c.want[WRITE] |= E_W
        c.care[WRITE] |= E_W
    c.care[FETCH] |= E_NX
    if cpu.tells_fetch:
        c.code[FETCH] |= 16
    return 0


cdef int set_riscv(Cpu *c, object cpu) except -1:
    cdef bint user = cpu.user
    cdef int kind
    memset(c, 0, sizeof(Cpu))
    c.top = cpu.levels
    c.format = SV48 if c.top == 4 else SV39
    c.width = cpu.va_bits
    c.globals = True
    c.svade = cpu.svade
    c.root = cpu.root
    c.space_mask = <uint64_t>0xFFFF << 36
    c.space = space_of(c, cpu.asid)
    for kind in range(3):
        if user:
            c.want[kind] = E_U
            c.care[kind] = E_U
        elif kind == FETCH or not cpu.sum:
            c.care[kind] = E_U
    c.want[READ] |= E_RX if cpu.mxr else E_R
    c.care[READ] |= E_RX if cpu.mxr else E_R
    c.want[WRITE] |= E_W | E_D
    c.care[WRITE] |= E_W | E_D
    c.care[FETCH] |= E_NX
    c.code[FETCH], c.code[READ], c.code[WRITE] = 12, 13, 15  # what scause gets
    return 0


cdef uint64_t space_of(const Cpu *c, uint64_t asid) noexcept:
    """An address space at its place in a key."""
    return asid << (45 if c.format <= X86_5_LEVEL else 36)


cdef uint64_t asid_of(const Cpu *c, uint64_t key) noexcept:
    return (key & c.space_mask) >> (45 if c.format <= X86_5_LEVEL else 36)


cdef class Held:
    """A buffer that is held while this object lives."""
    cdef Py_buffer view
    cdef bint held      # `view` has been taken, so it must be given back

    def __cinit__(self, buffer, bint writable):
        PyObject_GetBuffer(buffer, &self.view, PyBUF_WRITABLE if writable else PyBUF_SIMPLE)
        self.held = True

    def __dealloc__(self):
        if self.held:
            PyBuffer_Release(&self.view)


# ------------------------------------------------------------------------------------ what comes out

cdef object fault_object(const Core *m, uint64_t va):
    """The exception for the last fault."""
    if m.fault_code == NOT_CANONICAL:
        return GeneralProtection(va)
    if m.cpu.format <= X86_5_LEVEL:
        return PageFault(m.fault_code, va)
    return RiscvPageFault(m.fault_code, va)


cdef uint32_t status_of(const Core *m) noexcept nogil:
    """HardwareFault.status of the last fault."""
    if m.fault_code == NOT_CANONICAL:
        return <uint32_t>13 << 16
    return <uint32_t>14 << 16 | m.fault_code if m.cpu.format <= X86_5_LEVEL else m.fault_code


cdef object page_size(uint64_t entry):
    return PAGE_SIZES[entry >> E_SIZE_SHIFT & 3]


cdef uint64_t flags_of(const Cpu *c, uint64_t entry) noexcept:
    """Rights and D of a packed entry in the bits of the format."""
    if c.format <= X86_5_LEVEL:
        return entry & (E_W | E_U | E_D | E_NX)
    return (
        (2 if entry & E_R else 0) | (4 if entry & E_W else 0) | (0 if entry & E_NX else 8)
        | (16 if entry & E_U else 0) | (128 if entry & E_D else 0)
    )


cdef object tlb_entry(const Cpu *c, uint64_t key, uint64_t entry):
    cdef int held = key >> K_SIZE_SHIFT & 3
    cdef bint is_global = bool(key & K_GLOBAL)
    cdef uint64_t page = key & K_SPACE & ~c.space_mask
    return TlbEntry(
        page << (9 * held), (entry & E_FRAME) >> 12, flags_of(c, entry), page_size(entry), PAGE_SIZES[held],
        0 if is_global else asid_of(c, key), is_global,
    )


cdef object walk_entry(const Cpu *c, uint64_t key, uint64_t entry):
    cdef uint64_t flags = entry & (E_W | E_U | E_NX)
    if c.format > X86_5_LEVEL:
        flags = 32 if entry & E_GLOBAL else 0
    return WalkEntry(key & K_SPACE & ~c.space_mask, entry & E_FRAME, flags, asid_of(c, key))


cdef object snapshot_of(const Cpu *c, Array *a, bint walks):
    """One array: entries in the order that its policy says (ref.sets)."""
    cdef uint64_t i
    cdef uint32_t way
    cdef uint8_t *block
    cdef uint64_t *keys
    cdef uint64_t *entries
    cdef uint16_t *ranks
    sets, state = [], []
    for i in range(a.n_sets):
        block = a.blocks + i * a.stride
        keys, entries = keys_of(block), entries_of(block, a.entries_at)
        ranks = <uint16_t *>order_of(block, a.n_lanes)
        if a.policy == PLRU:
            state.append((<uint64_t *>order_of(block, a.n_lanes))[0])
        held = [way for way in range(a.n_ways) if keys[way]]
        if a.policy == LRU or a.policy == FIFO:
            held = [way for _, way in sorted([(ranks[way], way) for way in held])]
        found = []
        for way in held:
            found.append(
                walk_entry(c, keys[way], entries[way]) if walks else tlb_entry(c, keys[way], entries[way])
            )
        sets.append(tuple(found))
    if a.policy == RANDOM:
        state.append(a.random)
    return ArraySnapshot(tuple(sets), tuple(state))


# -------------------------------------------------------------------------------- without a TLB

cdef int without_tlb(Core *m, Held memory, object cpu, bint per_level) except -1:
    memset(m, 0, sizeof(Core))
    m.ram = <uint8_t *>memory.view.buf
    m.last_entry = memory.view.len - 8
    m.per_level = per_level
    return set_cpu(&m.cpu, cpu)


cdef uint64_t raw_access(Core *m, uint64_t va, unsigned kind) noexcept nogil:
    if canonical(&m.cpu, va):
        return core_walk(m, va, kind)
    m.fault_code = NOT_CANONICAL if m.cpu.format <= X86_5_LEVEL else m.cpu.code[kind]
    return 0


def walk_one(ram, cpu, va, kind, bint per_level):
    """One access without a TLB (raw.access)."""
    cdef Core m
    cdef Held memory = Held(check.ram(ram), True)
    cdef uint64_t c_va = address(va), entry
    cdef unsigned c_kind = kind_number(kind)
    check.root(memory.view.len, cpu)
    without_tlb(&m, memory, cpu, per_level)
    entry = raw_access(&m, c_va, c_kind)
    if not entry:
        raise fault_object(&m, c_va)
    return Access((entry & E_FRAME) | (c_va & 0xFFF), page_size(entry), HitLevel.WALK, m.n_refs)


def walk_many(ram, cpu, addresses, kinds, out, status, bint per_level):
    """Many accesses without a TLB; none stops at a fault (raw.access_many)."""
    cdef Core m
    cdef Held memory = Held(ram, True), vas = Held(addresses, False), whats = Held(kinds, False)
    cdef Held pas = Held(out, True), states = Held(status, True)
    cdef const Given64 *va = <const Given64 *>vas.view.buf
    cdef const uint8_t *kind = <const uint8_t *>whats.view.buf
    cdef Given64 *pa = <Given64 *>pas.view.buf
    cdef uint32_t *state = <uint32_t *>states.view.buf
    cdef Py_ssize_t i, n = whats.view.len
    cdef uint64_t entry
    refuse_bad_kinds(kind, n)
    without_tlb(&m, memory, cpu, per_level)
    with nogil:
        for i in range(n):
            entry = raw_access(&m, va[i], kind[i] & 3)
            pa[i] = (entry & E_FRAME) | (va[i] & 0xFFF) if entry else NO_ADDRESS
            state[i] = 0 if entry else status_of(&m)


# ------------------------------------------------------------------------------------------- the MMU

def variants():
    """Names of the variants that this build and this processor have, the plainest first."""
    return tuple(name for name in ("plain", "avx2", "avx512") if core_variant(name.encode()) != NULL)


cdef int new_array(Array *a, object config, object seed) except -1:
    cdef uint64_t c_seed = mixed(seed)
    if core_new_array(a, config.sets, config.ways, POLICIES[config.policy], c_seed):
        raise MemoryError()
    return 0


cdef uint64_t mixed(object seed):
    """Where a generator starts: SplitMix64 of a seed (ref.sets)."""
    cdef uint64_t z = seed & bits.MAX_U64
    z += <uint64_t>0x9E3779B97F4A7C15ULL
    z = (z ^ z >> 30) * <uint64_t>0xBF58476D1CE4E5B9ULL
    z = (z ^ z >> 27) * <uint64_t>0x94D049BB133111EBULL
    return z ^ z >> 31 | 1


cdef int new_level(Level *level, object arrays, object seeds) except -1:
    """Make the arrays of a level, and say where to look for a class of accesses and where to put."""
    cdef int k, size, best, n, class_
    for k in range(len(arrays)):
        new_array(&level.arrays[k], arrays[k], seeds[k])
        level.n_arrays = k + 1
    for class_ in range(N_CLASSES):
        n = 0
        for k in range(level.n_arrays):
            if arrays[k].serves_class(class_ == CODE):
                for held in arrays[k].sizes:
                    level.probes[class_][n].array = &level.arrays[k]
                    level.probes[class_][n].size = PAGE_SIZES.index(held)
                    n += 1
        for size in range(N_SIZES):
            best = -1
            for k in range(n):
                if level.probes[class_][k].size <= size and level.probes[class_][k].size > best:
                    best = level.probes[class_][k].size
                    level.homes[class_][size] = level.probes[class_][k]
    return 0


cdef class FastMmu:
    """The memory management unit of one emulated CPU: see `pyemu.hw.Mmu` for the contract."""
    cdef Core m
    cdef RunLoop *loop  # the variant that makes accesses
    cdef Held ram       # keeps `m.ram` valid
    cdef bint busy      # a batch runs in another thread: one MMU is one CPU
    cdef object cpu     # the registers of the last load or set_mode; None before
    cdef tuple levels   # of the walk caches, in the order of the configuration
    cdef uint64_t n_flushes
    cdef uint64_t n_invalidations

    twin = "fast"

    def __cinit__(self, ram, config, bint per_level, variant):
        self.loop = core_variant(variant.encode())
        if self.loop == NULL:
            raise check.BadValueError(f"variant is {variant!r}; this machine has {', '.join(variants())}")
        self.ram = Held(check.ram(ram), True)
        self.m.ram = <uint8_t *>self.ram.view.buf
        self.m.last_entry = self.ram.view.len - 8
        self.m.per_level = per_level
        n1 = len(config.l1)
        n2 = n1 + len(config.l2)
        self.levels = tuple([cache.level for cache in config.walk_caches])
        seeds = [config.seed + i + 1 for i in range(n2 + len(self.levels))]
        new_level(&self.m.l1, config.l1, seeds)
        new_level(&self.m.l2, config.l2, seeds[n1:])
        for cache, seed in zip(config.walk_caches, seeds[n2:]):
            new_array(&self.m.walk_caches[<int>cache.level], cache, seed)
        self.m.n_walk_caches = len(self.levels)

    def __dealloc__(self):
        core_free(&self.m)

    cdef int ready(self) except -1:
        if self.cpu is None:
            raise check.not_loaded()
        return self.idle()

    cdef int idle(self) except -1:
        if self.busy:
            raise HardwareError("this MMU runs a batch in another thread; make one MMU for each CPU")
        return 0

    cdef object x86(self, operation):
        """The registers, if they are those of x86."""
        self.ready()
        if type(self.cpu) is not Registers:
            raise check.wrong_format(operation, "x86", "RISC-V")
        return self.cpu

    # -- registers

    # Python code may let another thread run. So all of it comes before the question whether the MMU is idle.

    def load(self, cpu):
        """Load the registers; what they change decides what is dropped."""
        cdef Cpu c
        check.root(self.ram.view.len, cpu)
        set_cpu(&c, cpu)
        cdef bint all_goes = drops_all(self.cpu, cpu), space_goes = drops_space(self.cpu, cpu)
        cdef uint64_t asid = cpu.asid
        self.idle()
        self.cpu, self.m.cpu = cpu, c
        core_prepare(&self.m)
        if all_goes:
            self.flush_all()
        elif space_goes:
            self.flush_space(asid)

    def set_mode(self, cpl, ac=False):
        """Change privilege level and EFLAGS.AC; the TLB stays."""
        cdef Cpu c
        cpu = self.x86("set_mode")
        cpu = Registers(cpu.cr0, cpu.cr3, cpu.cr4, cpu.efer, cpl, ac, cpu.maxphyaddr)
        set_cpu(&c, cpu)
        self.idle()
        self.cpu, self.m.cpu = cpu, c

    # -- invalidation

    cdef int flush_all(self) except -1:
        core_flush(&self.m)
        self.n_flushes += 1
        return 0

    cdef int flush_space(self, uint64_t asid) except -1:
        """Forget all of one address space, but nothing global."""
        cdef Cpu *c = &self.m.cpu
        core_drop_where(&self.m, K_VALID | K_GLOBAL | c.space_mask, K_VALID | space_of(c, asid))
        self.n_flushes += 1
        return 0

    def invlpg(self, va):
        """Forget the translations of the page around `va`, global ones too, and the walk caches."""
        cdef uint64_t c_va = address(va)
        self.idle()
        if self.cpu is not None:
            self.x86("invlpg")
            if canonical(&self.m.cpu, c_va):
                core_drop_page(&self.m, c_va, self.m.cpu.space, False, True)
                core_drop_walks(&self.m, self.m.cpu.space)
        self.n_invalidations += 1

    def invpcid(self, kind, pcid=0, va=0):
        """Forget by PCID: see `pyemu.hw.Mmu.invpcid`."""
        cpu = self.x86("invpcid")
        check.one_of("the kind of invpcid", kind, ("address", "context", "all", "all_non_global"))
        check.integer("the PCID", pcid, 0, 0xFFF)
        cdef uint64_t c_va = address(va), space = space_of(&self.m.cpu, pcid)
        if kind in ("address", "context") and pcid and not cpu.cr4 & CR4_PCIDE:
            raise check.BadValueError(f"the PCID is {pcid:#x}; while CR4.PCIDE is clear it must be 0")
        self.idle()
        if kind == "address":
            if not canonical(&self.m.cpu, c_va):
                raise check.BadValueError(f"va is {va:#x}; invpcid needs an address that is canonical")
            core_drop_page(&self.m, c_va, space, False, False)
            core_drop_walks(&self.m, space)
            self.n_invalidations += 1
        elif kind == "context":
            self.flush_space(pcid)
        elif kind == "all":
            self.flush_all()
        else:
            core_drop_where(&self.m, K_VALID | K_GLOBAL, K_VALID)
            self.n_flushes += 1

    def sfence_vma(self, va=None, asid=None):
        """Forget by address and address space: see `pyemu.hw.Mmu.sfence_vma`."""
        self.ready()
        cdef uint64_t c_va
        if type(self.cpu) is not RiscvRegisters:
            raise check.wrong_format("sfence_vma", "RISC-V", "x86")
        if asid is not None:
            check.integer("the ASID", asid, 0, 0xFFFF)
            self.idle()
        if va is not None:
            c_va = address(va)
            self.idle()
            if canonical(&self.m.cpu, c_va):
                core_drop_page(&self.m, c_va, space_of(&self.m.cpu, asid or 0), asid is None, asid is None)
            self.n_invalidations += 1
        elif asid is not None:
            self.flush_space(asid)
        else:
            self.flush_all()

    def clear(self):
        """Forget all translations and counts; the registers stay."""
        self.idle()
        core_clear(&self.m)
        self.n_flushes = self.n_invalidations = 0

    # -- accesses

    cdef object one(self, object va, unsigned kind):
        """One access: the physical address."""
        cdef uint64_t c_va, entry
        if self.cpu is not None and not self.busy and type(va) is int:
            c_va = PyLong_AsUnsignedLongLong(va)
            if c_va != NO_ADDRESS:  # else perhaps an error, which the long way tells
                entry = core_quick(&self.m, c_va, kind)
                if entry:
                    return PyLong_FromUnsignedLongLong((entry & E_FRAME) | (c_va & 0xFFF))
            else:
                PyErr_Clear()
        return self.one_slowly(va, kind)

    cdef object one_slowly(self, object va, unsigned kind):
        cdef uint64_t c_va = address(va), pa = NO_ADDRESS
        cdef uint8_t c_kind = kind
        cdef Run run
        self.ready()
        memset(&run, 0, sizeof(Run))
        run.addresses, run.kinds, run.pa, run.n = &c_va, &c_kind, &pa, 1
        if not self.loop(&self.m, &run):
            raise fault_object(&self.m, c_va)
        return pa

    @cython.always_allow_keywords(False)
    def read(self, va, /):
        """Translate one read and return the physical address."""
        return self.one(va, READ)

    @cython.always_allow_keywords(False)
    def write(self, va, /):
        """Translate one write and return the physical address."""
        return self.one(va, WRITE)

    @cython.always_allow_keywords(False)
    def fetch(self, va, /):
        """Translate one instruction fetch and return the physical address."""
        return self.one(va, FETCH)

    def access(self, va, kind, list refs=None):
        """Translate one access; raises the fault that the processor would raise."""
        cdef Core *m = &self.m
        self.ready()
        cdef uint64_t c_va = address(va), pa = NO_ADDRESS
        cdef uint8_t c_kind = kind_number(kind), level = 0, n_refs = 0
        cdef uint32_t status = 0
        cdef int i
        cdef int64_t done
        cdef Run run
        self.idle()
        memset(&run, 0, sizeof(Run))
        run.addresses, run.kinds, run.pa, run.n = &c_va, &c_kind, &pa, 1
        run.status, run.level, run.refs = &status, &level, &n_refs
        m.noting = True
        done = self.loop(m, &run)
        m.noting = False
        if refs is not None:
            for i in range(n_refs):
                refs.append(TableRef(m.ref_level - i, m.refs[i]))
        if not done:
            raise fault_object(m, c_va)
        return Access(pa, page_size(m.last), LEVELS[level], n_refs)

    def access_many(
        self, addresses, kinds, out=None, *, quantum=None, on_fault="stop", detail=False, events=None
    ):
        """Run a batch up to its first fault, its end or `quantum` accesses."""
        self.ready()
        return FastBatch(self, addresses, kinds, out, on_fault, detail, events).resume(quantum)

    # -- what views and tests see

    @property
    def stats(self):
        """The counters, as they stand now."""
        cdef Core *m = &self.m
        cdef uint64_t refs[6]
        cdef int first, last, level
        memset(refs, 0, sizeof(refs))
        for first in range(1, MAX_LEVELS + 1):
            for last in range(1, first + 1):
                for level in range(last, first + 1):
                    refs[level] += m.n_walks[first][last]
        return TlbStats(
            accesses=m.n_accesses,
            l1_hits=m.n_accesses - m.n_not_canonical - m.n_l1_misses,
            l1_misses=m.n_l1_misses,
            l2_hits=m.n_l1_misses - m.n_l2_misses,
            l2_misses=m.n_l2_misses,
            walks=m.n_l2_misses,
            d_walks=m.n_d_walks,
            faults=m.n_faults,
            walk_refs=(refs[1], refs[2], refs[3], refs[4], refs[5]),
            walk_cache_hits=(
                m.n_walk_cache_hits[2], m.n_walk_cache_hits[3], m.n_walk_cache_hits[4], m.n_walk_cache_hits[5]
            ),
            flushes=self.n_flushes,
            invalidations=self.n_invalidations,
        )

    def tlb_entries(self):
        """Return all that is cached."""
        self.idle()
        return TlbSnapshot(
            self.snapshot_level(&self.m.l1),
            self.snapshot_level(&self.m.l2),
            tuple([snapshot_of(&self.m.cpu, &self.m.walk_caches[<int>level], True) for level in self.levels]),
        )

    cdef object snapshot_level(self, Level *level):
        cdef int k
        return tuple([snapshot_of(&self.m.cpu, &level.arrays[k], False) for k in range(level.n_arrays)])


def drops_all(old, new):
    """Whether a load of registers changes how entries are read (ref.mmu.drops_all)."""
    if type(old) is Registers and type(new) is Registers:
        return bool(
            (old.cr4 ^ new.cr4) & (CR4_PGE | CR4_LA57)
            or (old.efer ^ new.efer) & bits.EFER_NXE
            or old.maxphyaddr != new.maxphyaddr
            or old.cr4 & ~new.cr4 & CR4_PCIDE
        )
    if type(old) is RiscvRegisters and type(new) is RiscvRegisters:
        return old.mode != new.mode
    return True


def drops_space(old, new):
    """Whether a load drops what isn't global of the new address space (ref.mmu.drops_space)."""
    if type(old) is not Registers or type(new) is not Registers:
        return False
    stays = new.cr4 & CR4_PCIDE and new.cr3 & CR3_NO_FLUSH
    return not stays or bool(~old.cr4 & new.cr4 & CR4_SMEP)


cdef class FastBatch:
    """A batch of accesses and how far it got: see `pyemu.hw.Batch` for the contract."""
    cdef FastMmu mmu
    cdef Run run
    cdef Held vas       # the addresses, uint64
    cdef Held whats     # the kinds, uint8
    cdef Held pas       # the results, uint64: the buffer of `pa`
    cdef tuple details  # the buffers of `status`, `level` and `refs`
    cdef Held events    # the buffer of the log,
    cdef object log     # which is this
    cdef readonly Py_ssize_t n
    cdef readonly Py_ssize_t n_done
    cdef readonly object fault
    cdef readonly object pa
    cdef readonly object status
    cdef readonly object level
    cdef readonly object refs

    def __cinit__(self, FastMmu mmu not None, addresses, kinds, out, on_fault, detail, log):
        self.run.skip = check.skips(on_fault)
        self.log = events.checked(log)
        view = check.addresses(addresses)
        self.mmu = mmu
        self.n = len(view)
        self.vas = Held(view, False)
        self.whats = Held(check.kinds(kinds, self.n), False)
        refuse_bad_kinds(<const uint8_t *>self.whats.view.buf, self.n)
        self.pa = check.output(out, self.n, addresses)
        self.pas = Held(self.pa, True)
        if detail:
            self.status, self.level, self.refs = [check.results(code, self.n, addresses) for code in "IBB"]
            self.details = (Held(self.status, True), Held(self.level, True), Held(self.refs, True))
        if self.log is not None:
            self.events = Held(self.log.buffer, True)

    @property
    def done(self):
        """Whether every access has been made."""
        return self.n_done == self.n

    @property
    def n_faults(self):
        """Faults that this batch met; one for each try."""
        return self.run.n_faults

    def resume(self, quantum=None):
        """Go on with the access that faulted, or with the next one."""
        cdef Core *m = &self.mmu.m
        cdef Run *run = &self.run
        cdef uint64_t most = check.quantum(quantum, self.n), n_log = events.used(self.log)
        cdef int64_t n_faults, n_made
        self.mmu.ready()
        cdef Py_ssize_t done = self.n_done
        n_faults = run.n_faults
        run.n = min(<int64_t>most, self.n - done)
        run.first = done
        run.addresses = <const Given64 *>self.vas.view.buf + done
        run.kinds = <const uint8_t *>self.whats.view.buf + done
        run.pa = <Given64 *>self.pas.view.buf + done
        if self.details is not None:
            run.status = <uint32_t *>(<Held>self.details[0]).view.buf + done
            run.level = <uint8_t *>(<Held>self.details[1]).view.buf + done
            run.refs = <uint8_t *>(<Held>self.details[2]).view.buf + done
        if self.log is not None:
            run.log = <Event *>self.events.view.buf
            run.max_log = self.events.view.len // sizeof(Event)
            run.n_log = n_log
        self.mmu.busy = True
        with nogil:
            n_made = self.mmu.loop(m, run)
        self.mmu.busy = False
        if self.log is not None:
            self.log.n = run.n_log
        self.n_done += n_made
        self.fault = None
        if run.n_faults > n_faults and not run.skip:
            self.fault = fault_object(m, run.addresses[n_made])
        return self


# ------------------------------------------------------------------------------ faults of anonymous memory

def run_bulk(FastMmu mmu not None, addresses, kinds, out, values, areas, frames):
    """Make accesses, serve faults, store what is written: see `pyemu.hw.bulk.run_bulk`."""
    cdef Held vas = Held(addresses, False), whats = Held(kinds, False), pas = Held(out, True)
    cdef Held refcount = Held(frames.refcount, True), mapcount = Held(frames.mapcount, True)
    cdef Held bytes_ = None if values is None else Held(values, False)
    cdef Held ranges, freed
    cdef Run run
    cdef Bulk b
    cdef int64_t done = 0
    cdef int stop
    check.user_mode("run_bulk", mmu.x86("run_bulk"))
    frames.check(mmu.ram.view.len)
    memset(&run, 0, sizeof(Run))
    run.addresses, run.kinds = <const uint64_t *>vas.view.buf, <const uint8_t *>whats.view.buf
    run.pa, run.n = <uint64_t *>pas.view.buf, whats.view.len
    refuse_bad_kinds(run.kinds, run.n)
    numbers = array("Q")
    for area in areas:
        prot = (MAY_READ if area.readable else 0) | (MAY_WRITE if area.writable else 0)
        numbers.extend((area.start, area.end, prot))
    ranges, freed = Held(numbers, False), Held(array("Q", frames.free), False)
    memset(&b, 0, sizeof(Bulk))
    b.areas, b.n_areas = <const Area *>ranges.view.buf, len(areas)
    b.refcount, b.mapcount = <uint32_t *>refcount.view.buf, <uint32_t *>mapcount.view.buf
    b.n_frames, b.zero_pfn, b.next = frames.end, frames.zero_pfn, frames.next
    b.free, b.n_free = <const uint64_t *>freed.view.buf, len(frames.free)
    if values is not None:
        b.values = <const uint8_t *>bytes_.view.buf
    mmu.busy = True
    with nogil:
        stop = bulk_run(&mmu.m, mmu.loop, &b, &run, &done)
    mmu.busy = False
    mmu.n_invalidations += b.n_zero_copies + b.n_copies
    frames.next = b.next
    del frames.free[b.n_free:]
    return BulkResult(
        n=run.n,
        n_done=done,
        stop=Stop(stop),
        pa=out,
        n_faults=b.n_faults,
        n_zero_maps=b.n_zero_maps,
        n_zero_fills=b.n_zero_fills,
        n_zero_copies=b.n_zero_copies,
        n_copies=b.n_copies,
        n_reuses=b.n_reuses,
        n_tables=b.n_tables,
    )
