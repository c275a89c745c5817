# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, auto_pickle=False
"""The compiled twin of `pyemu.hw.ref`: the same walk, TLB and counters over raw memory.

Read `pyemu.hw.ref` first; each function here names its counterpart there. What is only here is
layout. A TLB level is one block of words, cut into sets. A set of n ways is three rows of n words::

    tag[0..n-1]     page number | VALID, or 0 for an empty way
    entry[0..n-1]   the translation, packed as below
    used[0..n-1]    time of the last use (0 for an empty way) and below it the number of the way:
                    the smallest one tells the way that goes next

A packed translation keeps the places of a page-table entry, so that a test of rights is one xor and
one and (`Cpu.want`, `Cpu.care`)::

    63 | 51               12 | 10     9 | 6 | 2  | 1  | 0
    NX | frame of the 4 KiB  | level - 1| D | US | RW | P, always set: 0 means "no translation"

A batch runs without the GIL and touches no Python object. It ends at a fault.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from pyemu.errors import HardwareError
from pyemu.hw import bits, check
from pyemu.hw.faults import GeneralProtection, PageFault
from pyemu.hw.tlb import Access, HitLevel, TableRef, TlbEntry, TlbSnapshot, TlbStats

# The bits of pyemu.hw.bits as C constants. They are macros, because Cython turns a literal of 2^63
# or more inside an expression into a Python object, and a module variable into a load from memory.
cdef extern from *:
    """
    #define FL_P 0x1ULL
    #define FL_RW 0x2ULL
    #define FL_US 0x4ULL
    #define FL_A 0x20ULL
    #define FL_D 0x40ULL
    #define FL_PS 0x80ULL
    #define FL_NX 0x8000000000000000ULL
    #define FL_VALID 0x8000000000000000ULL
    #define FL_ADDRESS 0x000FFFFFFFFFF000ULL
    #define FL_NO_ADDRESS 0xFFFFFFFFFFFFFFFFULL
    #define FL_SIZE_SHIFT 9
    #if defined(__GNUC__) || defined(__clang__)
    #define FL_LIKELY(condition) __builtin_expect(!!(condition), 1)
    #else
    #define FL_LIKELY(condition) (condition)
    #endif
    """
    const uint64_t P "FL_P"
    const uint64_t RW "FL_RW"
    const uint64_t US "FL_US"
    const uint64_t A "FL_A"
    const uint64_t D "FL_D"
    const uint64_t PS "FL_PS"
    const uint64_t NX "FL_NX"
    const uint64_t VALID "FL_VALID"
    const uint64_t ADDRESS "FL_ADDRESS"
    const uint64_t NO_ADDRESS "FL_NO_ADDRESS"
    const int SIZE_SHIFT "FL_SIZE_SHIFT"
    bint likely "FL_LIKELY"(bint condition) noexcept nogil

cdef enum:
    READ = 0
    WRITE = 1
    FETCH = 2
    CODE_P = 1
    CODE_RSVD = 8
    NOT_CANONICAL = 1 << 16  # where an error code would stand: #GP, not #PF
    WAY_BITS = 10            # of TlbGeometry's limit, 1024 ways
    FOUND_L1 = 0
    FOUND_STLB = 1
    FOUND_WALK = 2


cdef struct Cpu:
    uint64_t root           # physical address of the level-4 table
    uint64_t reserved       # entry bits reserved at every level
    uint64_t want[4]        # by kind: a translation e permits the access iff
    uint64_t care[4]        # (e ^ want) & care == 0. D of writes included; [3] is never used
    uint32_t code[4]        # by kind: the error code's bits that don't depend on the tables


cdef struct Level:
    uint64_t *sets          # n_sets blocks of 3 * n_ways words
    uint64_t n_sets
    int n_ways              # at most 1 << WAY_BITS
    uint64_t stride         # words of a set: 3 * n_ways
    uint64_t mask           # n_sets - 1 if that is a power of two, else 0: then modulo
    uint64_t n_misses       # lookups that found nothing usable


cdef struct Core:
    uint8_t *ram            # physical address 0
    uint64_t last_entry     # the highest physical address at which 8 bytes of ram start
    Cpu cpu
    bint per_level          # a walk that faults has set A in the tables above
    Level l1
    Level stlb
    uint64_t clock          # accesses so far: the time stamps of the TLB
    uint64_t n_d_walks      # walks because a write hit a translation without D
    uint64_t n_faults       # page faults and accesses to addresses that aren't canonical
    uint64_t n_not_canonical
    bint holds_large        # a piece of a large page was cached since the last flush
    # About the last access that was no plain L1 hit:
    int found               # where its translation was found
    uint32_t fault_code     # its error code or NOT_CANONICAL, if it faulted
    bint recording          # whether its walk notes what it reads:
    int n_refs              # how many entries,
    uint64_t refs[4]        # and their physical addresses, from level 4 down


# ------------------------------------------------------------------------------------------- walk

cdef inline uint64_t load(const Core *m, uint64_t pa) noexcept nogil:
    """Read one entry; beyond ram there are zeros (tables.read_entry)."""
    cdef uint64_t entry = 0
    if likely(pa <= m.last_entry):
        memcpy(&entry, m.ram + pa, 8)  # ram may start at any byte of a larger buffer
    return entry


cdef inline void store(Core *m, uint64_t pa, uint64_t entry) noexcept nogil:
    """Write back an entry that `load` found present, so inside ram."""
    memcpy(m.ram + pa, &entry, 8)


cdef inline uint64_t fail(Core *m, unsigned kind, uint32_t code) noexcept nogil:
    m.fault_code = m.cpu.code[kind] | code
    return 0


cdef uint64_t walk(Core *m, uint64_t va, unsigned kind) noexcept nogil:
    """Translate through the tables (ref.walk): a packed translation, or 0 with `fault_code` set."""
    cdef uint64_t table = m.cpu.root, where, entry, inside
    cdef uint64_t every = RW | US, some = 0  # bits that every entry has, and that some entry has
    cdef uint64_t to_mark[3]  # upper entries whose A waits until the walk has succeeded
    cdef int n_to_mark = 0, shift = 39
    while True:
        where = table + ((va >> shift) & 511) * 8
        entry = load(m, where)
        every &= entry
        some |= entry
        if m.recording:
            m.refs[m.n_refs] = where
            m.n_refs += 1
        # One test passes the usual upper entry: present, well formed, no leaf, accessed before.
        if shift == 12 or entry & (P | A | PS | m.cpu.reserved) != P | A:
            if not likely(entry & P):
                return fail(m, kind, 0)
            if entry & m.cpu.reserved or (shift == 39 and entry & PS):
                return fail(m, kind, CODE_P | CODE_RSVD)
            if shift == 12:
                break
            if m.per_level and (shift == 30 or not entry & PS):  # QEMU: a leaf of 1 GiB too
                store(m, where, entry | A)
            if entry & PS:
                break
            if not m.per_level:
                to_mark[n_to_mark] = where
                n_to_mark += 1
        table = entry & ADDRESS
        shift -= 9
    inside = (<uint64_t>1 << shift) - 1
    if not likely((entry & inside & ADDRESS & ~<uint64_t>0x1000) == 0):  # bit 12 is PAT
        return fail(m, kind, CODE_P | CODE_RSVD)
    every |= some & NX
    if not likely(((every ^ m.cpu.want[kind]) & m.cpu.care[kind] & ~D) == 0):
        return fail(m, kind, CODE_P)
    while n_to_mark:
        n_to_mark -= 1
        store(m, to_mark[n_to_mark], load(m, to_mark[n_to_mark]) | A)
    entry = load(m, where)  # anew, because a table may contain itself
    if kind == WRITE and not entry & D or not entry & A:
        entry |= A | (D if kind == WRITE else 0)
        store(m, where, entry)
    table = (entry & ADDRESS & ~inside) | (va & inside & ADDRESS)
    if shift > 12:
        m.holds_large = True
        table |= <uint64_t>((shift - 12) // 9) << SIZE_SHIFT
    return table | (every & (RW | US | NX)) | (entry & D) | P


# -------------------------------------------------------------------------------------------- TLB

cdef inline uint64_t *set_of(const Level *level, uint64_t vpn) noexcept nogil:
    """The set of a page."""
    cdef uint64_t i = vpn & level.mask if likely(level.mask) else vpn % level.n_sets
    return level.sets + i * level.stride


cdef inline int find_in(const uint64_t *tags, uint64_t tag, int n_ways) noexcept nogil:
    cdef int way, found = 0
    for way in range(n_ways):
        found |= -<int>(tags[way] == tag) & (way + 1)
    return found - 1


cdef inline int find(const uint64_t *tags, uint64_t tag, int n_ways) noexcept nogil:
    """The way that holds `tag`, or -1.

    All ways are compared, because a branch that ends the search early is guessed wrong too often.
    The usual numbers of ways stand as constants, so that the compiler unrolls the loop.
    """
    if n_ways == 4:
        return find_in(tags, tag, 4)
    if n_ways == 12:
        return find_in(tags, tag, 12)
    return find_in(tags, tag, n_ways)


cdef inline int oldest_in(const uint64_t *used, int n_ways) noexcept nogil:
    cdef uint64_t least = used[0]
    cdef int way
    for way in range(1, n_ways):
        least = used[way] if used[way] < least else least
    return <int>(least & ((1 << WAY_BITS) - 1))


cdef inline int oldest(const uint64_t *used, int n_ways) noexcept nogil:
    """The way that an insertion takes: an empty one, or the least recently used.

    Empty ways have time 0, so the number below decides among them.
    """
    if n_ways == 4:
        return oldest_in(used, 4)
    if n_ways == 12:
        return oldest_in(used, 12)
    return oldest_in(used, n_ways)


cdef inline uint64_t stamp(uint64_t now, int way) noexcept nogil:
    return now << WAY_BITS | <uint64_t>way


cdef inline void put(uint64_t *ways, int n, int way, uint64_t tag, uint64_t entry, uint64_t now) noexcept nogil:
    ways[way] = tag
    ways[n + way] = entry
    ways[2 * n + way] = stamp(now, way)


cdef void drop_page(Level *level, uint64_t vpn, bint pieces) noexcept nogil:
    """Forget one page number and, if `pieces`, every piece of a large page that covers it."""
    cdef int n = level.n_ways, way
    cdef uint64_t *ways = set_of(level, vpn)
    cdef uint64_t i
    cdef int shift
    way = find(ways, vpn | VALID, n)
    if way >= 0:
        put(ways, n, way, 0, 0, 0)
    if pieces:
        for i in range(level.n_sets):
            ways = level.sets + i * level.stride
            for way in range(n):
                shift = 9 * <int>((ways[n + way] >> SIZE_SHIFT) & 3)
                if ways[way] and (ways[way] ^ (vpn | VALID)) >> shift == 0:
                    put(ways, n, way, 0, 0, 0)


cdef void invalidate(Core *m, uint64_t va) noexcept nogil:
    """INVLPG (ref.RefMmu.invlpg)."""
    drop_page(&m.l1, va >> 12, m.holds_large)
    drop_page(&m.stlb, va >> 12, m.holds_large)


cdef void empty(Level *level) noexcept nogil:
    cdef uint64_t i
    cdef int way
    for i in range(level.n_sets):
        for way in range(level.n_ways):
            put(level.sets + i * level.stride, level.n_ways, way, 0, 0, 0)


cdef void flush(Core *m) noexcept nogil:
    empty(&m.l1)
    empty(&m.stlb)
    m.holds_large = False


cdef inline uint64_t fault(Core *m, uint64_t va) noexcept nogil:
    """A page fault invalidates what is cached for its address."""
    m.n_faults += 1
    invalidate(m, va)
    return 0


# ----------------------------------------------------------------------------------------- access

cdef inline bint permitted(const Core *m, uint64_t entry, unsigned kind) noexcept nogil:
    """Whether a packed translation serves this access as it is (ref.permits, and D of writes)."""
    return ((entry ^ m.cpu.want[kind]) & m.cpu.care[kind]) == 0


cdef uint64_t slow(
    Core *m, uint64_t va, unsigned kind, uint64_t now, uint64_t *l1, int way
) noexcept nogil:
    """All that isn't a plain L1 hit: a packed translation, or 0 with `fault_code` set.

    `way` is where the L1 set holds the page, or -1.
    """
    cdef uint64_t vpn = va >> 12, tag = vpn | VALID, entry = 0
    cdef uint64_t want = m.cpu.want[kind], care = m.cpu.care[kind]
    cdef uint64_t *stlb
    cdef int n1 = m.l1.n_ways, n2 = m.stlb.n_ways, w
    if not likely(((va >> 47) + 1) & 0x1FFFE == 0):
        m.n_not_canonical += 1
        m.n_faults += 1
        m.fault_code = NOT_CANONICAL
        return 0
    if way >= 0:
        if (l1[n1 + way] ^ want) & care & ~D == 0:  # only D is missing
            m.found = FOUND_L1
            m.n_d_walks += 1
            entry = walk(m, va, kind)
            if not entry:
                return fault(m, va)
            l1[n1 + way] = entry
            l1[2 * n1 + way] = stamp(now, way)
            return entry
        put(l1, n1, way, 0, 0, 0)
    m.l1.n_misses += 1
    stlb = set_of(&m.stlb, vpn)
    w = find(stlb, tag, n2)
    if w >= 0:
        entry = stlb[n2 + w]
        if (entry ^ want) & care & ~D:
            put(stlb, n2, w, 0, 0, 0)
            w = -1
    if w >= 0:
        m.found = FOUND_STLB
        if (entry ^ want) & care:
            m.n_d_walks += 1
            entry = walk(m, va, kind)
            if not entry:
                return fault(m, va)
            stlb[n2 + w] = entry
        stlb[2 * n2 + w] = stamp(now, w)
    else:
        m.found = FOUND_WALK
        m.stlb.n_misses += 1
        entry = walk(m, va, kind)
        if not entry:
            return fault(m, va)
        put(stlb, n2, oldest(stlb + 2 * n2, n2), tag, entry, now)
    put(l1, n1, oldest(l1 + 2 * n1, n1), tag, entry, now)
    return entry


cdef inline Py_ssize_t run_ways(
    Core *m, const uint64_t *addresses, const uint8_t *kinds, uint64_t *pa, Py_ssize_t n, int n_ways
) noexcept nogil:
    cdef Py_ssize_t i = 0
    cdef uint64_t va, vpn, entry = 0, vpn_of_entry = NO_ADDRESS, now = m.clock
    cdef uint64_t *l1
    cdef unsigned kind
    cdef int way
    while i < n:
        va = addresses[i]
        vpn = va >> 12
        kind = kinds[i] & 3
        now += 1
        # The page of the last access is already the most recently used one of its set.
        if vpn != vpn_of_entry or not permitted(m, entry, kind):
            l1 = set_of(&m.l1, vpn)
            way = find(l1, vpn | VALID, n_ways)
            entry = l1[n_ways + way] if way >= 0 else 0
            if likely(way >= 0 and permitted(m, entry, kind)):
                l1[2 * n_ways + way] = stamp(now, way)
            else:
                entry = slow(m, va, kind, now, l1, way)
                if not entry:
                    break
            vpn_of_entry = vpn
        pa[i] = (entry & ADDRESS) | (va & 0xFFF)
        i += 1
    m.clock = now
    return i


cdef Py_ssize_t run(
    Core *m, const uint64_t *addresses, const uint8_t *kinds, uint64_t *pa, Py_ssize_t n
) noexcept nogil:
    """Make up to `n` accesses (ref.RefMmu._access); returns how many succeeded before a fault."""
    if m.l1.n_ways == 4:
        return run_ways(m, addresses, kinds, pa, n, 4)
    return run_ways(m, addresses, kinds, pa, n, m.l1.n_ways)


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


# ---------------------------------------------------------------------------------------- Python

cdef dict KINDS = check.KINDS
cdef tuple LEVELS = tuple(HitLevel)


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


cdef object fault_object(uint32_t code, uint64_t va):
    return GeneralProtection(va) if code == NOT_CANONICAL else PageFault(code, va)


cdef object page_size(uint64_t entry):
    return 4096 << (9 * <int>((entry >> SIZE_SHIFT) & 3))


cdef int set_cpu(Cpu *c, object registers) except -1:
    """What `Registers` mean to a walk (ref.permits, ref.error_code, as tables by kind)."""
    cdef bint user = registers.user, wp = bool(registers.cr0 & bits.CR0_WP)
    cdef bint smep = bool(registers.cr4 & bits.CR4_SMEP)
    cdef bint smap = bool(registers.cr4 & bits.CR4_SMAP) and not registers.ac
    cdef unsigned kind
    memset(c, 0, sizeof(Cpu))
    c.root = registers.root
    c.reserved = registers.reserved
    for kind in range(3):
        if user:
            c.want[kind] = US
            c.care[kind] = US
        elif smep if kind == FETCH else smap:
            c.care[kind] = US
        c.code[kind] = 4 if user else 0
    c.want[WRITE] |= D
    c.care[WRITE] |= D
    c.code[WRITE] |= 2
    if user or wp:
        c.want[WRITE] |= RW
        c.care[WRITE] |= RW
    c.care[FETCH] |= NX
    if registers.tells_fetch:
        c.code[FETCH] |= 16
    return 0


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


def walk_one(ram, cpu, va, kind, bint per_level):
    """One access without a TLB (x86.access)."""
    cdef Core m
    cdef Held memory = Held(check.ram(ram), True)
    cdef uint64_t c_va = address(va), entry
    cdef unsigned c_kind = kind_number(kind)
    check.root(memory.view.len, cpu)
    memset(&m, 0, sizeof(Core))
    m.ram = <uint8_t *>memory.view.buf
    m.last_entry = memory.view.len - 8
    m.per_level = per_level
    set_cpu(&m.cpu, cpu)
    if ((c_va >> 47) + 1) & 0x1FFFE:
        raise GeneralProtection(va)
    entry = walk(&m, c_va, c_kind)
    if not entry:
        raise fault_object(m.fault_code, c_va)
    return Access((entry & ADDRESS) | (c_va & 0xFFF), page_size(entry))


def walk_many(ram, cpu, addresses, kinds, out, status, bint per_level):
    """Many accesses without a TLB; none stops at a fault (x86.access_many)."""
    cdef Core m
    cdef Held memory = Held(ram, True), vas = Held(addresses, False), whats = Held(kinds, False)
    cdef Held pas = Held(out, True), states = Held(status, True)
    cdef const uint64_t *va = <const uint64_t *>vas.view.buf
    cdef const uint8_t *kind = <const uint8_t *>whats.view.buf
    cdef uint64_t *pa = <uint64_t *>pas.view.buf
    cdef uint32_t *state = <uint32_t *>states.view.buf
    cdef Py_ssize_t i, n = whats.view.len
    cdef uint64_t entry
    i = first_bad_kind(kind, n)
    if i >= 0:
        raise check.bad_kind(i, kind[i])
    memset(&m, 0, sizeof(Core))
    m.ram = <uint8_t *>memory.view.buf
    m.last_entry = memory.view.len - 8
    m.per_level = per_level
    set_cpu(&m.cpu, cpu)
    with nogil:
        for i in range(n):
            if ((va[i] >> 47) + 1) & 0x1FFFE:
                pa[i] = NO_ADDRESS
                state[i] = 13 << 16
                continue
            entry = walk(&m, va[i], kind[i] & 3)
            pa[i] = (entry & ADDRESS) | (va[i] & 0xFFF) if entry else NO_ADDRESS
            state[i] = 0 if entry else 14 << 16 | m.fault_code


cdef class FastMmu:
    """The memory management unit of one emulated CPU: see `pyemu.hw.Mmu` for the contract."""
    cdef Core m
    cdef Held ram       # keeps `m.ram` valid
    cdef bint loaded    # registers have been loaded
    cdef bint busy      # a batch runs in another thread: one MMU is one CPU
    cdef object cpu     # the Registers of the last load or set_mode

    twin = "fast"

    def __cinit__(self, ram, geometry, bint per_level):
        self.ram = Held(check.ram(ram), True)
        self.m.ram = <uint8_t *>self.ram.view.buf
        self.m.last_entry = self.ram.view.len - 8
        self.m.per_level = per_level
        new_level(&self.m.l1, geometry.l1_sets, geometry.l1_ways)
        new_level(&self.m.stlb, geometry.stlb_sets, geometry.stlb_ways)

    def __dealloc__(self):
        PyMem_Free(self.m.l1.sets)
        PyMem_Free(self.m.stlb.sets)

    cdef int ready(self) except -1:
        if not self.loaded:
            raise check.not_loaded()
        return self.idle()

    cdef int idle(self) except -1:
        if self.busy:
            raise HardwareError("this MMU runs a batch in another thread; make one MMU for each CPU")
        return 0

    def load(self, cpu):
        """Load CR3 and the other registers; the TLB is flushed."""
        self.idle()
        check.root(self.ram.view.len, cpu)
        set_cpu(&self.m.cpu, cpu)
        self.cpu = cpu
        self.loaded = True
        flush(&self.m)

    def set_mode(self, cpl, ac=False):
        """Change privilege level and EFLAGS.AC; the TLB stays."""
        self.ready()
        cpu = self.cpu
        self.cpu = type(cpu)(cpu.cr0, cpu.cr3, cpu.cr4, cpu.efer, cpl, ac, cpu.maxphyaddr)
        set_cpu(&self.m.cpu, self.cpu)

    def invlpg(self, va):
        """Forget the translations of the page around `va`."""
        self.idle()
        invalidate(&self.m, address(va))

    def clear(self):
        """Forget all translations and counts; the registers stay."""
        self.idle()
        flush(&self.m)
        self.m.clock = self.m.n_d_walks = self.m.n_faults = self.m.n_not_canonical = 0
        self.m.l1.n_misses = self.m.stlb.n_misses = 0

    def access(self, va, kind, list refs=None):
        """Translate one access; raises the fault that the processor would raise."""
        self.ready()
        cdef Core *m = &self.m
        cdef uint64_t c_va = address(va), pa = NO_ADDRESS
        cdef uint8_t c_kind = kind_number(kind)
        cdef uint64_t *ways
        cdef int n1 = m.l1.n_ways, i
        m.found = FOUND_L1
        m.n_refs = 0
        m.recording = refs is not None
        run(m, &c_va, &c_kind, &pa, 1)
        m.recording = False
        if refs is not None:
            for i in range(m.n_refs):
                refs.append(TableRef(4 - i, m.refs[i]))
        if pa == NO_ADDRESS:
            raise fault_object(m.fault_code, c_va)
        ways = set_of(&m.l1, c_va >> 12)  # an access that succeeded is in the L1
        i = find(ways, (c_va >> 12) | VALID, n1)
        return Access(pa, page_size(ways[n1 + i]), LEVELS[m.found])

    def access_many(self, addresses, kinds, out=None, *, quantum=None):
        """Run a batch up to its first fault, its end or `quantum` accesses."""
        self.ready()
        return FastBatch(self, addresses, kinds, out).resume(quantum)

    @property
    def stats(self):
        """The counters, as they stand now."""
        cdef Core *m = &self.m
        return TlbStats(
            accesses=m.clock,
            l1_hits=m.clock - m.n_not_canonical - m.l1.n_misses,
            l1_misses=m.l1.n_misses,
            stlb_hits=m.l1.n_misses - m.stlb.n_misses,
            stlb_misses=m.stlb.n_misses,
            walks=m.stlb.n_misses,
            d_walks=m.n_d_walks,
            faults=m.n_faults,
        )

    def tlb_entries(self):
        """Return all cached translations, the most recently used of each set first."""
        self.idle()
        return TlbSnapshot(level_entries(&self.m.l1), level_entries(&self.m.stlb))


cdef int new_level(Level *level, uint64_t n_sets, int n_ways) except -1:
    level.n_sets = n_sets
    level.n_ways = n_ways
    level.stride = 3 * <uint64_t>n_ways
    level.mask = n_sets - 1 if n_sets & (n_sets - 1) == 0 else 0  # one set: 0 % 1 is right too
    level.sets = <uint64_t *>PyMem_Calloc(n_sets * level.stride, 8)
    if level.sets == NULL:
        raise MemoryError()
    empty(level)
    return 0


cdef bint is_empty(const uint64_t *tags, int n_ways) noexcept nogil:
    cdef uint64_t some = 0
    cdef int way
    for way in range(n_ways):
        some |= tags[way]
    return some == 0


cdef tuple level_entries(const Level *level):
    """All sets, the most recently used entry of each first (ref.TlbLevel.snapshot)."""
    cdef uint64_t i, entry
    cdef int n = level.n_ways, way
    cdef const uint64_t *ways
    result = []
    for i in range(level.n_sets):
        ways = level.sets + i * level.stride
        if is_empty(ways, n):  # most are, in the small machines whose states are compared often
            result.append(())
            continue
        held = [(ways[2 * n + way], way) for way in range(n) if ways[way]]
        held.sort(reverse=True)
        entries = []
        for _, way in held:
            entry = ways[n + way]
            entries.append(TlbEntry(
                ways[way] & ~VALID, (entry & ADDRESS) >> 12, entry & (RW | US | NX | D), page_size(entry)
            ))
        result.append(tuple(entries))
    return tuple(result)


cdef class FastBatch:
    """A batch of accesses and how far it got: see `pyemu.hw.Batch` for the contract."""
    cdef FastMmu mmu
    cdef Held vas       # the addresses, uint64
    cdef Held whats     # the kinds, uint8
    cdef Held pas       # the results, uint64: the buffer of `pa`
    cdef readonly Py_ssize_t n
    cdef readonly Py_ssize_t n_done
    cdef readonly object fault
    cdef readonly object pa

    def __cinit__(self, FastMmu mmu not None, addresses, kinds, out):
        cdef Py_ssize_t i
        view = check.addresses(addresses)
        self.mmu = mmu
        self.n = len(view)
        self.vas = Held(view, False)
        self.whats = Held(check.kinds(kinds, self.n), False)
        i = first_bad_kind(<const uint8_t *>self.whats.view.buf, self.n)
        if i >= 0:
            raise check.bad_kind(i, (<const uint8_t *>self.whats.view.buf)[i])
        self.pa = check.output(out, self.n, addresses)
        self.pas = Held(self.pa, True)

    @property
    def done(self):
        """Whether every access has been made."""
        return self.n_done == self.n

    def resume(self, quantum=None):
        """Go on with the access that faulted, or with the next one."""
        cdef Core *m = &self.mmu.m
        cdef const uint64_t *va = <const uint64_t *>self.vas.view.buf + self.n_done
        cdef const uint8_t *kind = <const uint8_t *>self.whats.view.buf + self.n_done
        cdef uint64_t *pa = <uint64_t *>self.pas.view.buf + self.n_done
        cdef Py_ssize_t n = self.n - self.n_done, n_made
        self.mmu.ready()
        if quantum is not None:
            n = check.quantum(quantum, n)
        self.mmu.busy = True
        with nogil:
            n_made = run(m, va, kind, pa, n)
        self.mmu.busy = False
        self.n_done += n_made
        self.fault = fault_object(m.fault_code, va[n_made]) if n_made < n else None
        return self
