/* The access loop (pyemu.hw.ref.mmu): compiled once for each variant under the name FL_RUN.
 *
 * It is written once and compiled in four forms, by the constant `form`:
 *
 *     PLAIN       the usual shape and mode (core_prepare): one L1 array of 4 ways and one L2 array of 12,
 *                 LRU, pieces of 4 KiB, x86 with 4 levels, no global entries, no walk caches; no details,
 *                 no events, and a fault ends the run
 *     FRONTS      anything on addresses of 48 bits, but the arrays that are looked at first have these shapes
 *     FRONTS | LOGGING    the same with events
 *     GENERAL | LOGGING   anything
 */
#ifndef FAULTLAB_LOOP_H
#define FAULTLAB_LOOP_H

#include <string.h>

#include "walk.h"

/* The bits in which a packed entry isn't what this access needs. */
INLINE uint64_t lacking(const Core *m, uint64_t entry, unsigned kind) {
    return (entry ^ m->cpu.want[kind]) & m->cpu.care[kind];
}

/* Whether it serves this access as it is. */
INLINE int permitted(const Core *m, uint64_t entry, unsigned kind) { return !lacking(m, entry, kind); }

INLINE int size_of(uint64_t entry) { return (int)(entry >> E_SIZE_SHIFT & 3); }

/* Bits of an address inside an entry of this size, above the 4 KiB. */
INLINE uint64_t within(int size) { return ((4096ULL << (9 * size)) - 1) & E_FRAME; }

INLINE uint8_t *block_of(const Array *a, uint64_t page, Shape shape, const int form) {
    uint64_t set = form & GENERAL ? set_number(a, page) : page & a->mask;
    return a->blocks + set * shape.stride;
}

INLINE uint64_t page_of(const Core *m, uint64_t va, int size, const int form) {
    return form & GENERAL ? page_number(&m->cpu, va, size) : va << 16 >> 28;
}

/* Where a lookup found its entry. */
typedef struct {
    Array *array;
    uint8_t *block;
    int way;
    int size;
    int lacks_d;            /* it permits the access but for D */
    Shape shape;
} Place;

/* Look for one key in its block; an entry that doesn't permit the access is removed. A packed entry for
 * the 4 KiB around `va`, or 0. D may be missing (`lacks_d`). */
INLINE uint64_t look_for(
    Core *m, Array *a, uint8_t *block, int size, uint64_t key, uint64_t va, unsigned kind, Shape shape, Place *place
) {
    int way = find(keys_of(block), key, shape.lanes);
    if (way < 0)
        return 0;
    uint64_t entry = entries_of(block, shape.entries_at)[way];
    place->lacks_d = 0;
    if (UNLIKELY(!permitted(m, entry, kind))) {
        if (lacking(m, entry, kind) != E_D) {
            forget(a, block, way);
            return 0;
        }
        place->lacks_d = 1;
    }
    place->array = a;
    place->block = block;
    place->way = way;
    place->size = size;
    place->shape = shape;
    return entry | E_VALID | (va & within(size)); /* it is valid: so a compiler knows that it isn't 0 */
}

/* Look in one array for entries of one size: an own one first, then a global one. */
INLINE uint64_t look_in(Core *m, Array *a, int size, uint64_t va, unsigned kind, Place *place) {
    Shape shape = shape_of(a);
    uint64_t page = page_number(&m->cpu, va, size), key = K_VALID | (uint64_t)size << K_SIZE_SHIFT | page;
    uint8_t *block = block_of(a, page, shape, GENERAL);
    uint64_t entry = look_for(m, a, block, size, key | m->cpu.space, va, kind, shape, place);
    if (!entry && m->holds_globals && m->cpu.globals)
        entry = look_for(m, a, block, size, key | K_GLOBAL, va, kind, shape, place);
    return entry;
}

/* Look in the arrays of a level, from the probe of this number on. */
INLINE uint64_t look_on(Core *m, Level *level, int first, uint64_t va, unsigned kind, Place *place) {
    for (const Probe *probe = level->probes[kind == FETCH] + first; probe->array; probe++) {
        if (!(probe->array->held >> probe->size & 1))
            continue;
        uint64_t entry = look_in(m, probe->array, probe->size, va, kind, place);
        if (entry)
            return entry;
    }
    return 0;
}

COLD uint64_t look_out_of_line(Core *m, Level *level, int first, uint64_t va, unsigned kind, Place *place) {
    return look_on(m, level, first, va, kind, place);
}

/* The same. What a call gets the address of is in memory; so it is none of the loop's own. */
INLINE uint64_t look_further(Core *m, Level *level, int first, uint64_t va, unsigned kind, Place *place) {
    Place found;
    uint64_t entry = look_out_of_line(m, level, first, va, kind, &found);
    *place = found;
    return entry;
}

/* Look in a whole level, whose front has this shape, unless the form is the general one. */
INLINE uint64_t look(Core *m, Level *level, uint64_t va, unsigned kind, Shape shape, Place *place, const int form) {
    if (form & GENERAL)
        return look_on(m, level, 0, va, kind, place);
    Array *front = form == PLAIN ? &level->arrays[0] : level->front[kind];
    if (form != PLAIN && UNLIKELY(!front))
        return look_further(m, level, 0, va, kind, place);
    uint64_t page = page_of(m, va, 0, form);
    uint8_t *block = block_of(front, page, shape, form);
    uint64_t entry = look_for(m, front, block, 0, K_VALID | m->cpu.space | page, va, kind, shape, place);
    if (form != PLAIN && !entry && UNLIKELY(level->further))
        entry = look_further(m, level, !m->holds_globals, va, kind, place);
    return entry;
}

/* Put a translation of the 4 KiB around `va` into an array, as a piece of this size. */
INLINE void put(Core *m, Array *a, int size, uint64_t va, uint64_t entry, Shape shape, const int form) {
    uint64_t page = page_of(m, va, size, form);
    uint8_t *block = block_of(a, page, shape, form);
    int way = take(a, block, shape.policy, shape.lanes, shape.ranks);
    uint64_t space = form & GENERAL && entry & E_GLOBAL ? K_GLOBAL : m->cpu.space;
    keys_of(block)[way] = K_VALID | (uint64_t)size << K_SIZE_SHIFT | space | page;
    entries_of(block, shape.entries_at)[way] = entry & ~within(size);
}

/* Whether an entry is of 4 KiB and of one address space: if the loop knows the front, it goes there. */
INLINE int simple(uint64_t entry) { return !(entry & (E_GLOBAL | 3 << E_SIZE_SHIFT)); }

/* Put any translation that covers `size` into the array of a level that takes it, if one does. With
 * `instead`, an entry with this key may be there: the lookup ended before it came to it. */
COLD void keep_any(Core *m, Level *level, int size, uint64_t va, unsigned kind, uint64_t entry, int instead) {
    const Probe *home = &level->homes[kind == FETCH][size];
    Array *a = home->array;
    if (!a)
        return;
    if (instead) {
        uint64_t page = page_number(&m->cpu, va, home->size);
        uint64_t space = entry & E_GLOBAL ? K_GLOBAL : m->cpu.space;
        uint8_t *block = set_of(a, page);
        int way = find(keys_of(block), K_VALID | (uint64_t)home->size << K_SIZE_SHIFT | space | page, a->n_lanes);
        if (way >= 0)
            forget(a, block, way);
    }
    put(m, a, home->size, va, entry, shape_of(a), GENERAL);
    a->held |= 1 << home->size;
    level->further |= a != level->front[kind] || home->size || entry & E_GLOBAL;
    m->holds_pieces |= size_of(entry) > home->size;
    m->holds_globals |= (entry & E_GLOBAL) != 0;
}

/* The same for a translation that isn't in the level yet. */
INLINE void keep_in(Core *m, Level *level, int size, uint64_t va, unsigned kind, uint64_t entry, Shape shape, const int form) {
    Array *front = form == PLAIN ? &level->arrays[0] : level->front[kind];
    if (form == PLAIN || (form & FRONTS && LIKELY(simple(entry) && front))) {
        front->held |= 1;
        put(m, front, 0, va, entry, shape, form);
    } else
        keep_any(m, level, size, va, kind, entry, 0);
}

/* A page fault drops what is cached for its address. */
COLD uint64_t fault(Core *m, Run *run, int64_t i, uint64_t va) {
    m->n_faults++;
    m->found = FOUND_WALK;
    if (run->log)
        tell(run, i, PAGE_FAULT, 0, m->fault_code, va);
    core_fault(m, va);
    return 0;
}

/* The same where the two lookups have said that nothing is cached: there are no other arrays or sizes. */
INLINE uint64_t fault_uncached(Core *m) {
    m->n_faults++;
    m->found = FOUND_WALK;
    return 0;
}

COLD uint64_t not_canonical(Core *m, Run *run, int64_t i, uint64_t va, unsigned kind) {
    int x86 = m->cpu.format <= X86_5_LEVEL;
    m->n_not_canonical++;
    m->n_faults++;
    m->n_refs = 0;
    m->found = FOUND_WALK;
    m->fault_code = x86 ? NOT_CANONICAL : m->cpu.code[kind];
    if (run->log)
        tell(run, i, x86 ? GENERAL_PROTECTION : PAGE_FAULT, 0, x86 ? 0 : m->fault_code, va);
    return 0;
}

COLD uint64_t walk_again(Core *m, Run *run, int64_t i, uint64_t va, const int found) {
    m->n_d_walks++;
    if (!run->log)
        return walk(m, run, i, va, WRITE, GENERAL);
    tell(run, i, D_WALK, found, 0, va);
    return walk(m, run, i, va, WRITE, GENERAL | LOGGING);
}

INLINE void use_place(const Place *place) {
    use(place->array, place->block, place->way, place->shape.policy, place->shape.lanes, place->shape.ranks);
}

/* A write met an entry without D: the tables say what is true now, and their answer replaces it. */
COLD uint64_t walk_for_d(Core *m, Run *run, int64_t i, uint64_t va, int found, Level *level, Place place) {
    use_place(&place);
    uint64_t entry = walk_again(m, run, i, va, found);
    if (!entry)
        return fault(m, run, i, va);
    forget(place.array, place.block, place.way);
    keep_any(m, level, size_of(entry), va, WRITE, entry, 1);
    m->found = found;
    return entry;
}

#define AHEAD 8

/* Ask the memory for the leaf entry of an address to come: nothing that can be observed changes. The upper
 * two tables are read once for each GiB; if they are no longer those, it asks for nothing useful. */
INLINE void fetch_ahead(Core *m, uint64_t va) {
    uint64_t region = va << 16 >> 46;
    if (UNLIKELY(m->ahead_region != region)) {
        uint64_t table = m->cpu.root;
        for (int shift = 39; shift >= 30; shift -= 9)
            table = load(m, table + ((va >> shift) & 511) * 8) & X86_ADDRESS;
        m->ahead_region = region;
        m->ahead_table = table;
    }
    uint64_t entry = load(m, m->ahead_table + ((va >> 21) & 511) * 8);
    uint64_t leaf = (entry & X86_ADDRESS) + ((va >> 12) & 511) * 8;
    if (leaf <= m->last_entry)
        __builtin_prefetch(m->ram + leaf, 1);
}

/* All that isn't found in L1: a packed entry for 4 KiB, or 0 with `fault_code` set. */
INLINE uint64_t miss(Core *m, Run *run, int64_t i, uint64_t va, unsigned kind, const int form) {
    Place place;
    int size = 0;
    m->n_l1_misses++;
    if (form & LOGGING)
        tell(run, i, L1_MISS, 0, 0, va);
    uint64_t entry = look(m, &m->l2, va, kind, L2_SHAPE, &place, form);
    if (entry) {
        if (form != PLAIN)
            m->found = FOUND_L2;
        if (UNLIKELY(place.lacks_d)) {
            entry = walk_for_d(m, run, i, va, FOUND_L2, &m->l2, place);
            if (!entry)
                return 0;
            size = size_of(entry); /* as large as the walk says */
        } else {
            use_place(&place);
            size = place.size;
        }
    } else {
        m->n_l2_misses++;
        if (form & LOGGING)
            tell(run, i, L2_MISS, 0, 0, va);
        if (LIKELY(i + AHEAD < run->n) && (form == PLAIN || m->cpu.format == X86_4_LEVEL))
            fetch_ahead(m, run->addresses[i + AHEAD]);
        entry = walk(m, run, i, va, kind, form);
        if (UNLIKELY(!entry))
            return form == PLAIN && !m->holds_pieces ? fault_uncached(m) : fault(m, run, i, va);
        if (form != PLAIN) {
            m->found = FOUND_WALK;
            size = size_of(entry);
        }
        keep_in(m, &m->l2, size, va, kind, entry, L2_SHAPE, form);
    }
    keep_in(m, &m->l1, size, va, kind, entry, L1_SHAPE, form);
    return entry;
}

/* Out of line, so that what is usual stays small; one for each form. */
COLD uint64_t miss_plain(Core *m, Run *run, int64_t i, uint64_t va, unsigned kind) {
    return miss(m, run, i, va, kind, PLAIN);
}

COLD uint64_t miss_fronts(Core *m, Run *run, int64_t i, uint64_t va, unsigned kind) {
    return miss(m, run, i, va, kind, FRONTS);
}

COLD uint64_t miss_fronts_logging(Core *m, Run *run, int64_t i, uint64_t va, unsigned kind) {
    return miss(m, run, i, va, kind, FRONTS | LOGGING);
}

COLD uint64_t miss_general(Core *m, Run *run, int64_t i, uint64_t va, unsigned kind) {
    return run->log ? miss(m, run, i, va, kind, GENERAL | LOGGING) : miss(m, run, i, va, kind, GENERAL);
}

/* One access: a packed entry for the 4 KiB around `va`, or 0 with `fault_code` set. */
INLINE uint64_t access_one(Core *m, Run *run, int64_t i, uint64_t va, unsigned kind, const int form) {
    Place place;
    if (UNLIKELY(!(form & GENERAL ? canonical(&m->cpu, va) : (va + (1ULL << 47)) >> 48 == 0)))
        return not_canonical(m, run, i, va, kind);
    uint64_t entry = look(m, &m->l1, va, kind, L1_SHAPE, &place, form);
    if (!entry)
        return form == PLAIN              ? miss_plain(m, run, i, va, kind)
             : form == FRONTS             ? miss_fronts(m, run, i, va, kind)
             : form == (FRONTS | LOGGING) ? miss_fronts_logging(m, run, i, va, kind)
                                          : miss_general(m, run, i, va, kind);
    if (UNLIKELY(place.lacks_d))
        return walk_for_d(m, run, i, va, FOUND_L1, &m->l1, place);
    use_place(&place);
    return entry;
}

enum { BLOCK = 8 };

/* Which kinds an entry serves as it is, if an access of this class has found it: the kinds of a block, one
 * a byte, are served iff ((kinds ^ like) & but) == 0. */
typedef struct {
    uint64_t like;
    uint64_t but;
} Served;

INLINE Served served_by(const Core *m, uint64_t entry, unsigned kind) {
    Served served = {0x0101010101010101ULL * kind, ~0ULL};
    if (kind != FETCH && permitted(m, entry, READ) && permitted(m, entry, WRITE)) {
        served.like = 0;
        served.but = ~0x0101010101010101ULL;
    }
    return served;
}

/* Fill in a block of accesses, if all go to the page of `va` and are of kinds that its entry serves. */
INLINE int fill(Run *run, int64_t i, uint64_t va, uint64_t frame, Served served, const int details) {
    const Given64 *addresses = run->addresses + i;
    Given64 *pa = run->pa + i;
    uint64_t kinds;
    memcpy(&kinds, run->kinds + i, BLOCK);
#if defined(FL_AVX512)
    const __m512i page = _mm512_set1_epi64(~0xFFFLL), vas = _mm512_loadu_si512(addresses);
    if (_mm512_test_epi64_mask(_mm512_xor_si512(vas, _mm512_set1_epi64((long long)va)), page))
        return 0;
    if ((kinds ^ served.like) & served.but)
        return 0;
    _mm512_storeu_si512(pa, _mm512_or_si512(_mm512_andnot_si512(page, vas), _mm512_set1_epi64((long long)frame)));
#else
    uint64_t apart = 0;
    for (int k = 0; k < BLOCK; k++)
        apart |= addresses[k] ^ va;
    if (apart >> 12 || (kinds ^ served.like) & served.but)
        return 0;
    for (int k = 0; k < BLOCK; k++)
        pa[k] = frame | (addresses[k] & 0xFFF);
#endif
    if (details) {
        memset(run->status + i, 0, BLOCK * sizeof *run->status);
        memset(run->level + i, FOUND_L1, BLOCK);
        memset(run->refs + i, 0, BLOCK);
    }
    return 1;
}

/* Note the details of one access. What isn't a hit in L1 has said so. */
INLINE void note(Core *m, Run *run, int64_t i, uint32_t status) {
    run->status[i] = status;
    run->level[i] = (uint8_t)m->found;
    run->refs[i] = (uint8_t)m->n_refs;
    m->found = FOUND_L1;
    m->n_refs = 0;
}

INLINE uint32_t status_of(const Core *m) {
    if (m->fault_code == NOT_CANONICAL)
        return 13U << 16;
    return m->cpu.format <= X86_5_LEVEL ? 14U << 16 | m->fault_code : m->fault_code;
}

/* Make one access and write down what came out: a packed entry, or 0 if it faulted. */
INLINE uint64_t make(
    Core *m, Run *run, int64_t i, uint64_t va, unsigned kind, Given64 *pa, const int details, const int form
) {
    uint64_t entry = access_one(m, run, i, va, kind & 3, form);
    if (LIKELY(entry))
        *pa = (entry & E_FRAME) | (va & 0xFFF);
    if (details) {
        m->last = entry;
        note(m, run, i, entry ? 0 : status_of(m));
    }
    return entry;
}

INLINE int no_room(const Run *run, const int form) {
    return form & LOGGING && run->max_log - run->n_log < MAX_EVENTS;
}

INLINE int64_t run_as(Core *m, Run *run, const int form) {
    const Given64 *const addresses = run->addresses;
    const uint8_t *const kinds = run->kinds;
    Given64 *const pa = run->pa;
    const int details = form != PLAIN && run->status;
    m->found = FOUND_L1;
    m->n_refs = 0;
    m->ahead_region = NO_ADDRESS;
    int64_t i = 0, n = run->n;
    while (i < n) {
        int64_t end = n - i < BLOCK ? n : i + BLOCK;
        uint64_t va = addresses[i];
        if (UNLIKELY((addresses[end - 1] ^ va) >> 12 == 0) && end - i == BLOCK) {
            /* After a hit in L1, more accesses to the page change nothing: it is the newest already. After a
             * miss, so it is in the plain form; else L1 may hold nothing of it, or an older entry first. */
            int64_t first = i;
            if (no_room(run, form))
                break;
            uint64_t n_slow = m->n_l1_misses + m->n_d_walks;
            uint64_t entry = make(m, run, i, addresses[i], kinds[i], pa + i, details, form);
            if (UNLIKELY(!entry))
                goto faulted;
            uint8_t level = details ? run->level[i] : 0, refs = details ? run->refs[i] : 0;
            Served served = served_by(m, entry, kinds[i] & 3);
            if (form == PLAIN || m->n_l1_misses + m->n_d_walks == n_slow)
                while (n - i >= BLOCK && fill(run, i, va, entry & E_FRAME, served, details))
                    i += BLOCK;
            if (details) {
                run->level[first] = level;
                run->refs[first] = refs;
            }
            if (i > first)
                continue;
            i++;
        }
        for (; i < end; i++) {
            if (no_room(run, form))
                goto out;
            if (UNLIKELY(!make(m, run, i, addresses[i], kinds[i], pa + i, details, form)))
                goto faulted;
        }
        continue;
    faulted:
        run->n_faults++;
        if (form == PLAIN || !run->skip) {
            m->n_accesses++;
            goto out;
        }
        pa[i++] = NO_ADDRESS;
    }
out:
    m->n_accesses += (uint64_t)i;
    return i;
}

/* One function for each form, so that each has its registers for itself. */
COLD int64_t run_form_plain(Core *m, Run *run) { return run_as(m, run, PLAIN); }
COLD int64_t run_form_fronts(Core *m, Run *run) { return run_as(m, run, FRONTS); }
COLD int64_t run_form_fronts_logging(Core *m, Run *run) { return run_as(m, run, FRONTS | LOGGING); }
COLD int64_t run_form_general(Core *m, Run *run) { return run_as(m, run, GENERAL); }
COLD int64_t run_form_general_logging(Core *m, Run *run) { return run_as(m, run, GENERAL | LOGGING); }

int64_t FL_RUN(Core *m, Run *run) {
    if (m->noting)
        return run_form_general(m, run);
    if (m->plain && !run->status && !run->skip && !run->log) {
        return run_form_plain(m, run);
    }
    if (m->fronts)
        return run->log ? run_form_fronts_logging(m, run) : run_form_fronts(m, run);
    return run->log ? run_form_general_logging(m, run) : run_form_general(m, run);
}

#endif
