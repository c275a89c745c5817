/* The compiled half of pyemu.hw: page walk, TLB arrays and the access loop, over raw memory.
 *
 * Read `pyemu/hw/ref` first: it says the same in Python, and every test compares the two bit by bit.
 * What is only here is layout, and a loop that several variants of the machine code share:
 *
 *     core.h      the data, and what the Cython side calls (this file)
 *     core.c      all that isn't in the access loop: making, emptying, invalidating
 *     walk.h      walks of the page tables of each format
 *     ways.h      searching and ageing the ways of a set: plain C, AVX2, AVX-512
 *     loop.h      the access loop, compiled once for each variant by the next three
 *     plain.c     for every compiler and machine
 *     avx2.c, avx512.c    for processors that have these instructions, chosen at run time
 *     bulk.h, bulk.c      many accesses to anonymous memory, with a handler of their faults
 *
 * A set of an array is one block of memory, a whole number of cache lines:
 *
 *     key[0..lanes-1]     uint64   which translation, or 0 for an empty way
 *     order               lru, fifo: uint16 a lane, its rank: 0 is the newest, ways - 1 goes next
 *                         plru: one uint64, the bits of the tree; random: nothing
 *     entry[0..lanes-1]   uint64   the translation itself, packed
 *
 * `lanes` is the number of ways, rounded up to the width of a vector. The ranks of the ways are a
 * permutation, and empty ways always are the oldest; lanes beyond the last way have rank NO_RANK.
 *
 * A key:    63    | 62     | 61 60      | 59                                        0
 *           VALID | GLOBAL | size class | address space, above the page number at that size
 *
 * An entry keeps the places of an x86 page-table entry, so that a test of rights is one xor and one
 * and (`Cpu.want`, `Cpu.care`):
 *
 *     63 | 55                12 | 10 9       | 8      | 6 | 4      | 3 | 2 | 1 | 0
 *     NX | frame of 4 KiB       | size class | GLOBAL | D | R or X | R | U | W | 1
 *
 * The size class (0: 4 KiB, 1: 2 MiB, 2: 1 GiB) of a key is what the entry covers; that of an entry
 * is the page that the tables map, of which the entry may be a piece. An entry of a walk cache has
 * the next table's address in place of the frame.
 */
#ifndef FAULTLAB_CORE_H
#define FAULTLAB_CORE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__) || defined(__clang__)
#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define INLINE static inline __attribute__((always_inline))
#define COLD static __attribute__((noinline))
#else
#define LIKELY(condition) (condition)
#define INLINE static inline
#define COLD static
#endif
#define UNLIKELY(condition) (!LIKELY(!(condition)))
#if defined(__GNUC__) && !defined(__clang__)
#define FL_UNROLL _Pragma("GCC unroll 4")
#else
#define FL_UNROLL
#endif

/* A number in an array that a caller gave: it may start at any byte. */
#if defined(__GNUC__) || defined(__clang__)
typedef uint64_t __attribute__((aligned(1))) Given64;
#else
typedef uint64_t Given64;
#endif

/* Bits of an x86 page-table entry (pyemu.hw.bits). */
#define X86_P 0x1ULL
#define X86_RW 0x2ULL
#define X86_US 0x4ULL
#define X86_A 0x20ULL
#define X86_D 0x40ULL
#define X86_PS 0x80ULL
#define X86_G 0x100ULL
#define X86_NX 0x8000000000000000ULL
#define X86_ADDRESS 0x000FFFFFFFFFF000ULL

/* Bits of a RISC-V page-table entry (pyemu.hw.riscv). */
#define RV_V 0x1ULL
#define RV_R 0x2ULL
#define RV_W 0x4ULL
#define RV_X 0x8ULL
#define RV_U 0x10ULL
#define RV_G 0x20ULL
#define RV_A 0x40ULL
#define RV_D 0x80ULL
#define RV_RESERVED 0xFFC0000000000000ULL
#define RV_PPN 0x003FFFFFFFFFFC00ULL

/* Bits of a packed entry. */
#define E_VALID 0x1ULL
#define E_W 0x2ULL
#define E_U 0x4ULL
#define E_R 0x8ULL
#define E_RX 0x10ULL
#define E_D 0x40ULL
#define E_GLOBAL 0x100ULL
#define E_SIZE_SHIFT 9
#define E_NX 0x8000000000000000ULL
#define E_FRAME 0x00FFFFFFFFFFF000ULL

/* Bits of a key. */
#define K_VALID 0x8000000000000000ULL
#define K_GLOBAL 0x4000000000000000ULL
#define K_SIZE_SHIFT 60
#define K_SPACE 0x0FFFFFFFFFFFFFFFULL /* address space and page number */

#define NO_ADDRESS 0xFFFFFFFFFFFFFFFFULL
#define NO_RANK 0x7FFF

enum { READ, WRITE, FETCH, N_KINDS };
enum { DATA, CODE, N_CLASSES };          /* classes of access: arrays may serve one of them only */
enum { FOUND_L1, FOUND_L2, FOUND_WALK };  /* pyemu.hw.HitLevel */
enum { N_SIZES = 3, MAX_LEVELS = 5, MAX_ARRAYS = 8, MAX_PROBES = MAX_ARRAYS * N_SIZES };
enum Policy { LRU, PLRU, FIFO, RANDOM };
enum Format { X86_4_LEVEL, X86_5_LEVEL, SV39, SV48 };
enum What { L1_MISS = 1, L2_MISS, WALK_CACHE_HIT, TABLE_REF, D_WALK, PAGE_FAULT, GENERAL_PROTECTION };
enum { MAX_EVENTS = 16 };                 /* of one access; a run ends when fewer would fit */

/* What an access that failed did, in `Core.fault_code`: the error code or cause of a page fault, or: */
#define NOT_CANONICAL 0x10000U

/* One event of a log: pyemu.hw.events. */
typedef struct {
    uint32_t access;
    uint8_t what;
    uint8_t level;
    uint16_t code;
    uint64_t value;
} Event;

/* What the registers mean to a walk and to the TLB. */
typedef struct {
    int format;
    int width;              /* bits of a virtual address */
    int top;                /* level of the root table */
    int svade;              /* RISC-V: a walk faults where it would set A or D */
    int globals;            /* entries may be global */
    uint64_t root;          /* physical address of the root table */
    uint64_t reserved;      /* entry bits that are reserved at every level */
    uint64_t space;         /* the address space, at its place in a key */
    uint64_t space_mask;    /* all bits of that place */
    uint64_t want[4];       /* by kind: an entry e permits the access iff */
    uint64_t care[4];       /* ((e ^ want) & care) == 0; D of writes included; [3] is never used */
    uint32_t code[4];       /* by kind: the error code's bits that don't depend on the tables, or cause */
} Cpu;

/* One array of a TLB level, or one walk cache. */
typedef struct {
    uint8_t *blocks;        /* its sets */
    void *memory;           /* what to free */
    uint64_t n_sets;
    uint64_t mask;          /* n_sets - 1 if that is a power of two, else 0: then modulo */
    uint32_t n_ways;
    uint32_t n_lanes;
    uint32_t n_ranks;       /* ranks in a block, those beyond the last way included */
    uint32_t entries_at;    /* bytes of a block before its entries */
    uint32_t stride;        /* bytes of a block */
    int policy;
    int held;               /* bit s: an entry of size class s was put in since it was emptied */
    uint64_t random;        /* state of the random policy's generator */
    uint64_t seed;          /* and where it starts */
    uint64_t *tree;         /* plru: by way, the bits that a use clears, then those that it sets */
} Array;

/* Where a translation may be, or goes. */
typedef struct {
    Array *array;           /* NULL ends a list of probes; as a home: the level doesn't hold it */
    int size;               /* size class */
} Probe;

/* One of the two levels. */
typedef struct {
    Array arrays[MAX_ARRAYS];
    int n_arrays;
    Array *front[4];        /* by kind: what is looked at first, if it has the shape that the loop knows, else NULL */
    int further;            /* since all was emptied: an entry was put elsewhere than there, or a global one */
    Probe probes[N_CLASSES][MAX_PROBES + 1]; /* where to look, in this order */
    Probe homes[N_CLASSES][N_SIZES];         /* by size class: where it goes, and as what */
} Level;

/* Everything of one MMU. */
typedef struct {
    uint8_t *ram;           /* physical address 0 */
    uint64_t last_entry;    /* the highest physical address at which 8 bytes of ram start */
    Cpu cpu;
    int per_level;          /* x86: a walk that faults has set A in the tables above */
    int fronts;             /* for data, what is looked at first has the shapes that the loop knows, */
    int plain;              /* and there is nothing else than those (core_prepare) */
    Level l1;
    Level l2;
    Array walk_caches[MAX_LEVELS + 1]; /* by level of the entry held; without blocks: none */
    int n_walk_caches;
    int small_walk_caches;  /* all have the shape that the loop knows (core_prepare) */
    uint64_t ahead_region;  /* for fetch_ahead: the GiB where it was last, */
    uint64_t ahead_table;   /* and the table of level 2 there */
    int holds_pieces;       /* since all was emptied: an entry smaller than its page was put in, */
    int holds_globals;      /* and a global one */
    uint64_t n_accesses;
    uint64_t n_not_canonical;
    uint64_t n_faults;
    uint64_t n_l1_misses;
    uint64_t n_l2_misses;
    uint64_t n_d_walks;
    uint64_t n_walks[MAX_LEVELS + 1][MAX_LEVELS + 1]; /* by levels of the first and last entry read */
    uint64_t n_walk_cache_hits[MAX_LEVELS + 1];
    /* About the last access that was no plain hit: */
    int found;
    uint32_t fault_code;
    int n_refs;             /* table entries that its walk read, and if `noting`: */
    int noting;
    int ref_level;          /* level of the first one, */
    uint64_t refs[MAX_LEVELS]; /* their physical addresses, */
    uint64_t last;          /* and the packed entry that served it */
} Core;

/* One run of accesses: what goes in, what comes out, how far it got. */
typedef struct {
    const Given64 *addresses;
    const uint8_t *kinds;
    Given64 *pa;
    uint32_t *status;       /* NULL, or */
    uint8_t *level;         /* where details go: these three together */
    uint8_t *refs;
    int64_t n;              /* accesses asked for */
    int64_t n_faults;       /* faults so far */
    int skip;               /* faults don't end the run */
    Event *log;             /* NULL, or where events go: */
    uint64_t n_log;
    uint64_t max_log;
    uint64_t first;         /* number of the first access, for the log */
} Run;

/* A hit in the front array of L1, if all is usual; else 0, and nothing has changed. */
uint64_t core_quick(Core *m, uint64_t va, unsigned kind);

/* Makes accesses up to the end, a fault or a full log; returns how many were made. */
typedef int64_t RunLoop(Core *m, Run *run);

int64_t run_plain(Core *m, Run *run);
int64_t run_avx2(Core *m, Run *run);
int64_t run_avx512(Core *m, Run *run);

/* By name ("plain", "avx2", "avx512"); NULL if this build or this processor doesn't have it. */
RunLoop *core_variant(const char *name);

/* A walk without a TLB: a packed entry, or 0 with `fault_code` set. The address must be canonical. */
uint64_t core_walk(Core *m, uint64_t va, unsigned kind);

int core_new_array(Array *a, uint64_t n_sets, uint32_t n_ways, int policy, uint64_t seed); /* 0, or -1: no memory */
void core_free(Core *m);
void core_prepare(Core *m); /* after registers or arrays have changed */
void core_clear(Core *m);   /* all entries, counters and policies as at the start */
void core_flush(Core *m);   /* all entries */

/* Drop the entries and walk cache entries whose key, masked, has this value. */
void core_drop_where(Core *m, uint64_t mask, uint64_t value);
/* Drop what is cached for the page around an address: of one address space (its place in a key) or of
 * all, with or without global ones. */
void core_drop_page(Core *m, uint64_t va, uint64_t space, int all_spaces, int globals);
/* Drop what a walk in the current address space would use for an address. */
void core_drop_walk(Core *m, uint64_t va);
/* Drop all walk cache entries of one address space. */
void core_drop_walks(Core *m, uint64_t space);
/* A page fault drops what is cached for its address. */
void core_fault(Core *m, uint64_t va);

INLINE int canonical(const Cpu *cpu, uint64_t va) {
    return (va + (1ULL << (cpu->width - 1))) >> cpu->width == 0;
}

/* Page number of an address at a size class, without the bits above the address's width. */
INLINE uint64_t page_number(const Cpu *cpu, uint64_t va, int size) {
    return (va & ((1ULL << cpu->width) - 1)) >> (12 + 9 * size);
}

INLINE uint64_t own_key(const Cpu *cpu, uint64_t va, int size) {
    return K_VALID | (uint64_t)size << K_SIZE_SHIFT | cpu->space | page_number(cpu, va, size);
}

INLINE uint64_t global_key(const Cpu *cpu, uint64_t va, int size) {
    return K_VALID | K_GLOBAL | (uint64_t)size << K_SIZE_SHIFT | page_number(cpu, va, size);
}

/* Prefix of an address that an entry of a table at `level` translates, as a key of a walk cache. */
INLINE uint64_t walk_key(const Cpu *cpu, uint64_t va, int level) {
    return K_VALID | cpu->space | (va & ((1ULL << cpu->width) - 1)) >> (12 + 9 * (level - 1));
}

INLINE uint64_t set_number(const Array *a, uint64_t page) {
    return LIKELY(a->mask) ? page & a->mask : page % a->n_sets;
}

INLINE uint8_t *set_of(const Array *a, uint64_t page) {
    return a->blocks + set_number(a, page) * a->stride;
}

INLINE uint64_t *keys_of(uint8_t *block) { return (uint64_t *)block; }
INLINE void *order_of(uint8_t *block, uint32_t n_lanes) { return (uint64_t *)block + n_lanes; }
INLINE uint64_t *entries_of(uint8_t *block, uint32_t entries_at) { return (uint64_t *)(block + entries_at); }

#endif
