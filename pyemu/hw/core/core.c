/* All that isn't in the access loop: making arrays, emptying and invalidating, choosing a variant. */
#include "core.h"

#include <stdlib.h>
#include <string.h>

#include "variants.h"
#include "ways.h"

/* ---------------------------------------------------------------------------------------- making */

static void empty(Array *a) {
    for (uint64_t i = 0; i < a->n_sets; i++) {
        uint8_t *block = a->blocks + i * a->stride;
        memset(keys_of(block), 0, 8 * a->n_lanes);
        if (a->policy == LRU || a->policy == FIFO) {
            uint16_t *order = order_of(block, a->n_lanes);
            for (uint32_t k = 0; k < a->n_ranks; k++)
                order[k] = (uint16_t)(k < a->n_ways ? k : NO_RANK);
        }
    }
    a->held = 0;
}

static void reset_policy(Array *a) {
    a->random = a->seed;
    if (a->policy == PLRU)
        for (uint64_t i = 0; i < a->n_sets; i++)
            memset(order_of(a->blocks + i * a->stride, a->n_lanes), 0, 8);
}

/* The bits of the tree on the way to `way`: those to the right of it are cleared, the others set. */
static void draw_tree(uint64_t *bits, int n_ways, int way) {
    int low = 0, high = n_ways;
    bits[0] = bits[1] = 0;
    while (high - low >= 2) {
        int middle = (low + high + 1) / 2;
        if (way < middle) {
            bits[1] |= 1ULL << middle;
            high = middle;
        } else {
            bits[0] |= 1ULL << middle;
            low = middle;
        }
    }
}

int core_new_array(Array *a, uint64_t n_sets, uint32_t n_ways, int policy, uint64_t seed) {
    memset(a, 0, sizeof *a);
    a->n_sets = n_sets;
    a->mask = (n_sets & (n_sets - 1)) == 0 ? n_sets - 1 : 0; /* one set: page % 1 is right too */
    a->n_ways = n_ways;
    a->n_lanes = (n_ways + 3) / 4 * 4;
    a->n_ranks = n_ways <= 4 ? 4 : n_ways <= 8 ? 8 : (n_ways + 15) / 16 * 16;
    a->entries_at = (8 * a->n_lanes + 2 * a->n_ranks + 31) / 32 * 32; /* order: at least 8 bytes */
    a->stride = (a->entries_at + 8 * a->n_lanes + 63) / 64 * 64;
    a->policy = policy;
    a->seed = seed;
    a->memory = calloc(n_sets * a->stride + 63, 1);
    if (!a->memory)
        return -1;
    a->blocks = (uint8_t *)(((uintptr_t)a->memory + 63) / 64 * 64);
    if (policy == PLRU) {
        a->tree = malloc(16 * (size_t)n_ways);
        if (!a->tree)
            return -1; /* core_free gives the rest back */
        for (uint32_t way = 0; way < n_ways; way++)
            draw_tree(a->tree + 2 * way, (int)n_ways, (int)way);
    }
    empty(a);
    reset_policy(a);
    return 0;
}

static void free_array(Array *a) {
    free(a->memory);
    free(a->tree);
    memset(a, 0, sizeof *a);
}

/* Call `what` for every array and every walk cache. */
#define EACH_ARRAY(m, a, what)                                    \
    do {                                                          \
        for (int k_ = 0; k_ < (m)->l1.n_arrays; k_++) {           \
            Array *a = &(m)->l1.arrays[k_];                       \
            what;                                                 \
        }                                                         \
        for (int k_ = 0; k_ < (m)->l2.n_arrays; k_++) {           \
            Array *a = &(m)->l2.arrays[k_];                       \
            what;                                                 \
        }                                                         \
    } while (0)

#define EACH_WALK_CACHE(m, a, what)                               \
    do {                                                          \
        for (int k_ = 0; k_ <= MAX_LEVELS; k_++) {                \
            Array *a = &(m)->walk_caches[k_];                     \
            if (a->blocks)                                        \
                what;                                             \
        }                                                         \
    } while (0)

void core_free(Core *m) {
    EACH_ARRAY(m, a, free_array(a));
    for (int k = 0; k <= MAX_LEVELS; k++)
        free_array(&m->walk_caches[k]);
}

/* Find out whether what is looked at first has the shape for which the loop is compiled; returns whether
 * there is nothing else. */
static int prepare(Level *level, uint32_t n_ways) {
    int others = level->n_arrays > 1;
    for (int kind = READ; kind < N_KINDS; kind++) {
        const Probe *first = level->probes[kind == FETCH];
        Array *a = first->array;
        int known = a && !first->size && a->policy == LRU && a->n_ways == n_ways && !(a->n_sets & (a->n_sets - 1));
        level->front[kind] = known ? a : NULL;
        others |= a && first[1].array;
    }
    return level->front[READ] && level->front[FETCH] && !others;
}

void core_prepare(Core *m) {
    int usual1 = prepare(&m->l1, 4), usual2 = prepare(&m->l2, 12);
    m->small_walk_caches = 1;
    EACH_WALK_CACHE(m, a, m->small_walk_caches &= a->policy == LRU && a->n_lanes == 4 && a->mask + 1 == a->n_sets);
    m->fronts = m->l1.front[READ] && m->l2.front[READ] && m->cpu.width == 48;
    m->plain = usual1 && usual2 && m->cpu.format == X86_4_LEVEL && !m->cpu.globals && !m->n_walk_caches;
}

/* -------------------------------------------------------------------------------------- emptying */

void core_flush(Core *m) {
    EACH_ARRAY(m, a, empty(a));
    EACH_WALK_CACHE(m, a, empty(a));
    m->holds_pieces = m->holds_globals = m->l1.further = m->l2.further = 0;
}

void core_clear(Core *m) {
    core_flush(m);
    EACH_ARRAY(m, a, reset_policy(a));
    EACH_WALK_CACHE(m, a, reset_policy(a));
    m->n_accesses = m->n_not_canonical = m->n_faults = 0;
    m->n_l1_misses = m->n_l2_misses = m->n_d_walks = 0;
    memset(m->n_walks, 0, sizeof m->n_walks);
    memset(m->n_walk_cache_hits, 0, sizeof m->n_walk_cache_hits);
}

/* ------------------------------------------------------------------------------------ invalidating */

static void drop_where(Array *a, uint64_t mask, uint64_t value) {
    if (!a->held)
        return;
    for (uint64_t i = 0; i < a->n_sets; i++) {
        uint8_t *block = a->blocks + i * a->stride;
        uint64_t *keys = keys_of(block);
        for (uint32_t way = 0; way < a->n_ways; way++)
            if ((keys[way] & mask) == value)
                forget(a, block, (int)way);
    }
}

void core_drop_where(Core *m, uint64_t mask, uint64_t value) {
    EACH_ARRAY(m, a, drop_where(a, mask, value));
    EACH_WALK_CACHE(m, a, drop_where(a, mask, value));
}

void core_drop_walks(Core *m, uint64_t space) {
    uint64_t mask = K_VALID | m->cpu.space_mask;
    EACH_WALK_CACHE(m, a, drop_where(a, mask, K_VALID | space));
}

static void drop_key(Array *a, uint64_t page, uint64_t key) {
    uint8_t *block = set_of(a, page);
    int way = find(keys_of(block), key, a->n_lanes);
    if (way >= 0)
        forget(a, block, way);
}

void core_drop_walk(Core *m, uint64_t va) {
    for (int level = 2; level <= m->cpu.top; level++) {
        Array *cache = &m->walk_caches[level];
        uint64_t key = walk_key(&m->cpu, va, level);
        if (cache->blocks && cache->held)
            drop_key(cache, key & ~(K_VALID | m->cpu.space_mask), key);
    }
}

/* Whether the page that an entry is of, or a piece of, contains the address with this 4-KiB page number. */
static int covers(const Cpu *cpu, uint64_t key, uint64_t entry, uint64_t page) {
    int held = (int)(key >> K_SIZE_SHIFT & 3), size = (int)(entry >> E_SIZE_SHIFT & 3);
    uint64_t number = key & K_SPACE & ~cpu->space_mask;
    return number >> (9 * (size - held)) == page >> (9 * size);
}

static void drop_page(
    const Core *m, Array *a, uint64_t va, uint64_t space, int all_spaces, int globals, int search
) {
    const Cpu *cpu = &m->cpu;
    if (!a->held)
        return;
    if (!search) {
        for (int size = 0; size < N_SIZES; size++) {
            uint64_t page = page_number(cpu, va, size);
            uint64_t key = K_VALID | (uint64_t)size << K_SIZE_SHIFT | page;
            if (!(a->held >> size & 1))
                continue;
            drop_key(a, page, key | space);
            if (globals && m->holds_globals)
                drop_key(a, page, key | K_GLOBAL);
        }
        return;
    }
    for (uint64_t i = 0; i < a->n_sets; i++) {
        uint8_t *block = a->blocks + i * a->stride;
        uint64_t *keys = keys_of(block), *entries = entries_of(block, a->entries_at);
        for (uint32_t way = 0; way < a->n_ways; way++) {
            uint64_t key = keys[way];
            int meant = key & K_GLOBAL ? globals : all_spaces || (key & cpu->space_mask) == space;
            if (key && meant && covers(cpu, key, entries[way], page_number(cpu, va, 0)))
                forget(a, block, (int)way);
        }
    }
}

void core_drop_page(Core *m, uint64_t va, uint64_t space, int all_spaces, int globals) {
    int search = m->holds_pieces || all_spaces;
    EACH_ARRAY(m, a, drop_page(m, a, va, space, all_spaces, globals, search));
}

void core_fault(Core *m, uint64_t va) {
    core_drop_page(m, va, m->cpu.space, 0, 1);
    core_drop_walk(m, va);
}

/* --------------------------------------------------------------------------------------- variants */

RunLoop *core_variant(const char *name) {
    if (strcmp(name, "plain") == 0)
        return run_plain;
#ifdef FL_HAVE_SIMD
    __builtin_cpu_init();
    int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    if (strcmp(name, "avx2") == 0)
        return avx2 ? run_avx2 : NULL;
    if (strcmp(name, "avx512") == 0)
        return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")
                && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")
            ? run_avx512
            : NULL;
#endif
    return NULL;
}
