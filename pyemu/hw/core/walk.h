/* Walks of the page tables: `walk` gives a packed entry for 4 KiB, or 0 with `fault_code` set.
 *
 * Counterparts in Python: pyemu.hw.ref's walks. `form` is a constant, see loop.h.
 */
#ifndef FAULTLAB_WALK_H
#define FAULTLAB_WALK_H

#include <string.h>

#include "ways.h"

/* Read one entry; beyond ram there are zeros. */
INLINE uint64_t load(const Core *m, uint64_t pa) {
    uint64_t entry = 0;
    if (LIKELY(pa <= m->last_entry))
        memcpy(&entry, m->ram + pa, 8); /* ram may start at any byte of a larger buffer */
    return entry;
}

/* Write back an entry that `load` found present, so inside ram. */
INLINE void store(Core *m, uint64_t pa, uint64_t entry) { memcpy(m->ram + pa, &entry, 8); }

/* The forms of the loop: all that isn't usual is tested for in none of the plain one (loop.h). */
enum { PLAIN = 0, FRONTS = 1, LOGGING = 2, GENERAL = 4 };

/* Note an event; the loop has made sure that there is room for those of one access. */
INLINE void tell(Run *run, int64_t i, int what, int level, uint32_t code, uint64_t value) {
    Event event = {(uint32_t)(run->first + (uint64_t)i), (uint8_t)what, (uint8_t)level, (uint16_t)code, value};
    run->log[run->n_log++] = event;
}

/* What a walk knows when it comes to a level: `every` has the rights that all entries above grant. */
typedef struct {
    uint64_t table;
    uint64_t every;
    uint64_t some;
    int level;
} Walk;

/* Where the walk caches would hold what a walk reads, by level. */
typedef struct {
    uint64_t key[MAX_LEVELS + 1];
    uint8_t *block[MAX_LEVELS + 1];
} Kept;

/* The walk caches that a walk may meet: none, such as have the shape of a small L1, or any. */
enum { NO_CACHES, SMALL_CACHES, ANY_CACHES };

INLINE Shape cache_shape(const Array *cache, const int caches) {
    return caches == SMALL_CACHES ? L1_SHAPE : shape_of(cache);
}

/* Start at the root, or below what a walk cache holds; the lowest one counts. */
INLINE void start(
    Core *m, Run *run, int64_t i, uint64_t va, Walk *walk, Kept *kept, const int caches, const int form
) {
    const int top = caches == SMALL_CACHES ? 4 : m->cpu.top, width = caches == SMALL_CACHES ? 48 : m->cpu.width;
    FL_UNROLL
    for (int level = 2; level <= top; level++) {
        Array *cache = &m->walk_caches[level];
        if (!cache->blocks)
            continue;
        Shape shape = cache_shape(cache, caches);
        uint64_t prefix = (va & ((1ULL << width) - 1)) >> (12 + 9 * (level - 1));
        uint64_t key = kept->key[level] = K_VALID | m->cpu.space | prefix;
        uint64_t set = caches == SMALL_CACHES ? prefix & cache->mask : set_number(cache, prefix);
        uint8_t *block = kept->block[level] = cache->blocks + set * shape.stride;
        int way = find(keys_of(block), key, shape.lanes);
        if (way < 0)
            continue;
        uint64_t entry = entries_of(block, shape.entries_at)[way];
        use(cache, block, way, shape.policy, shape.lanes, shape.ranks);
        m->n_walk_cache_hits[level]++;
        walk->table = entry & E_FRAME;
        walk->every = entry;
        walk->some = entry;
        walk->level = level - 1;
        if (form & LOGGING)
            tell(run, i, WALK_CACHE_HIT, level, 0, walk->table);
        return;
    }
}

/* Put what a successful walk read into the walk caches, from the top down. It isn't there: `start` looked. */
INLINE void keep(Core *m, const Kept *kept, int first, int last, const uint64_t *upper, const int caches) {
    for (int level = first; level > last; level--) {
        Array *cache = &m->walk_caches[level];
        if (!cache->blocks)
            continue;
        Shape shape = cache_shape(cache, caches);
        uint8_t *block = kept->block[level];
        int way = take(cache, block, shape.policy, shape.lanes, shape.ranks);
        keys_of(block)[way] = kept->key[level];
        entries_of(block, shape.entries_at)[way] = upper[level];
        cache->held = 1;
    }
}

/* But for the general form, the levels are 4. */
INLINE uint64_t walk_x86(
    Core *m, Run *run, int64_t i, uint64_t va, unsigned kind, const int caches, const int form
) {
    Walk w = {m->cpu.root, X86_RW | X86_US | X86_P, 0, form & GENERAL ? m->cpu.top : 4};
    uint64_t where = 0, entry = 0, marked, inside, result, upper[MAX_LEVELS + 1];
    uint64_t to_mark[MAX_LEVELS]; /* upper entries whose A waits until the walk has succeeded */
    int n_to_mark = 0, shift, first;
    uint32_t code = 0;
    Kept kept;
    if (caches)
        start(m, run, i, va, &w, &kept, caches, form);
    first = w.level;
    FL_UNROLL
    for (; w.level > 0; w.level--) {
        shift = 12 + 9 * (w.level - 1);
        where = w.table + ((va >> shift) & 511) * 8;
        entry = load(m, where);
        w.every &= entry;
        w.some |= entry;
        if (form & (GENERAL | LOGGING)) /* single accesses tell them, and have no other forms */
            m->refs[first - w.level] = where;
        if (form & LOGGING)
            tell(run, i, TABLE_REF, w.level, 0, where);
        /* One test passes the usual upper entry: present, well formed, no leaf, accessed before. */
        if (w.level == 1 || UNLIKELY((entry & (X86_P | X86_A | X86_PS | m->cpu.reserved)) != (X86_P | X86_A))) {
            if (UNLIKELY(!(entry & X86_P)))
                goto fault;
            if (UNLIKELY(entry & m->cpu.reserved || (w.level >= 4 && entry & X86_PS))) {
                code = 9;
                goto fault;
            }
            if (w.level == 1)
                break;
            if (m->per_level && (w.level >= 3 || !(entry & X86_PS))) /* QEMU: a leaf of 1 GiB too */
                store(m, where, entry | X86_A);
            if (entry & X86_PS)
                break;
            if (!m->per_level)
                to_mark[n_to_mark++] = where;
        }
        w.table = entry & X86_ADDRESS;
        if (caches)
            upper[w.level] = w.table | (w.every & (X86_RW | X86_US | X86_P)) | (w.some & X86_NX);
    }
    inside = (1ULL << shift) - 1;
    code = 9;
    if (UNLIKELY(entry & inside & X86_ADDRESS & ~0x1000ULL)) /* bit 12 is PAT */
        goto fault;
    result = (w.every & (X86_RW | X86_US | X86_P)) | (w.some & X86_NX);
    code = 1;
    if (UNLIKELY((result ^ m->cpu.want[kind]) & m->cpu.care[kind] & ~E_D))
        goto fault;
    while (UNLIKELY(n_to_mark > 0)) {
        n_to_mark--;
        store(m, to_mark[n_to_mark], load(m, to_mark[n_to_mark]) | X86_A);
    }
    /* Read anew, because a table may contain itself and A above may have been set in this very entry. */
    entry = load(m, where);
    marked = entry | X86_A | (uint64_t)(kind == WRITE) << 6; /* no branch on the kind: it is hard to guess */
    if (UNLIKELY(marked != entry))
        store(m, where, marked);
    entry = marked;
    m->n_walks[first][w.level]++;
    result |= entry & X86_D;
    if (form == PLAIN) {
        if (LIKELY(w.level == 1))
            return result | (entry & X86_ADDRESS);
        m->holds_pieces = 1;
    } else {
        m->n_refs = first - w.level + 1;
        m->ref_level = first;
        if (caches)
            keep(m, &kept, first, w.level, upper, caches);
        if (UNLIKELY(m->cpu.globals && entry & X86_G))
            result |= E_GLOBAL;
        if (LIKELY(w.level == 1))
            return result | (entry & X86_ADDRESS);
    }
    return result | (entry & X86_ADDRESS & ~inside) | (va & inside & E_FRAME) | (uint64_t)(w.level - 1) << E_SIZE_SHIFT;
fault:
    m->n_walks[first][w.level]++;
    m->n_refs = first - w.level + 1;
    m->ref_level = first;
    m->fault_code = m->cpu.code[kind] | code;
    return 0;
}

COLD uint64_t walk_riscv(Core *m, Run *run, int64_t i, uint64_t va, unsigned kind) {
    Walk w = {m->cpu.root, 0, 0, m->cpu.top};
    uint64_t where, entry, inside, rights, upper[MAX_LEVELS + 1];
    int shift, first;
    Kept kept;
    if (m->n_walk_caches)
        start(m, run, i, va, &w, &kept, ANY_CACHES, run && run->log ? LOGGING : GENERAL);
    first = w.level;
    w.some &= E_GLOBAL;
    for (;; w.level--) {
        shift = 12 + 9 * (w.level - 1);
        where = w.table + ((va >> shift) & 511) * 8;
        entry = load(m, where);
        m->refs[first - w.level] = where;
        if (run && run->log)
            tell(run, i, TABLE_REF, w.level, 0, where);
        if (!(entry & RV_V) || (entry & (RV_R | RV_W)) == RV_W || entry & RV_RESERVED)
            goto fault;
        w.some |= entry & RV_G ? E_GLOBAL : 0;
        if (entry & (RV_R | RV_X))
            break;
        if (w.level == 1 || entry & (RV_A | RV_D | RV_U))
            goto fault;
        w.table = (entry & RV_PPN) << 2;
        upper[w.level] = w.table | w.some;
    }
    inside = (1ULL << shift) - 1;
    if (w.level > N_SIZES || (entry & RV_PPN) << 2 & inside)
        goto fault;
    rights = (entry & RV_W ? E_W : 0) | (entry & RV_U ? E_U : 0) | (entry & RV_R ? E_R : 0)
           | (entry & (RV_R | RV_X) ? E_RX : 0) | (entry & RV_X ? 0 : E_NX);
    if ((rights ^ m->cpu.want[kind]) & m->cpu.care[kind] & ~E_D)
        goto fault;
    if (!(entry & RV_A) || (kind == WRITE && !(entry & RV_D))) {
        if (m->cpu.svade)
            goto fault;
        entry |= RV_A | (kind == WRITE ? RV_D : 0);
        store(m, where, entry);
    }
    m->n_walks[first][w.level]++;
    m->n_refs = first - w.level + 1;
    m->ref_level = first;
    if (m->n_walk_caches)
        keep(m, &kept, first, w.level, upper, ANY_CACHES);
    return ((entry & RV_PPN) << 2 & ~inside) | (va & inside & E_FRAME) | rights | (entry & RV_D ? E_D : 0) | w.some
         | (uint64_t)(w.level - 1) << E_SIZE_SHIFT | E_VALID;
fault:
    m->n_walks[first][w.level]++;
    m->n_refs = first - w.level + 1;
    m->ref_level = first;
    m->fault_code = m->cpu.code[kind];
    return 0;
}

INLINE uint64_t walk(Core *m, Run *run, int64_t i, uint64_t va, unsigned kind, const int form) {
    if (form == PLAIN)
        return walk_x86(m, run, i, va, kind, NO_CACHES, form);
    if (UNLIKELY(m->cpu.format > X86_5_LEVEL))
        return walk_riscv(m, run, i, va, kind);
    if (!m->n_walk_caches)
        return walk_x86(m, run, i, va, kind, NO_CACHES, form);
    if (form & FRONTS && m->small_walk_caches)
        return walk_x86(m, run, i, va, kind, SMALL_CACHES, form);
    return walk_x86(m, run, i, va, kind, ANY_CACHES, form);
}

#endif
