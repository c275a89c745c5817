/* The ways of a set: finding a key, and what the policies keep about them.
 *
 * Included by each variant, which says by FL_AVX2 or FL_AVX512 what the processor has. All variants
 * compare all ways of a small set, because a branch that ends the search early is guessed wrong too
 * often. `lanes` and `ranks` are constants where the caller knows them, so that loops unroll.
 */
#ifndef FAULTLAB_WAYS_H
#define FAULTLAB_WAYS_H

#include <string.h>

#include "core.h"

#if defined(FL_AVX2) || defined(FL_AVX512)
#include <immintrin.h>
#endif

/* ---------------------------------------------------------------------------------------- find */

#if defined(FL_AVX2) || defined(FL_AVX512)

/* For AVX-512 too: GCC 12 takes the 8 bits that its comparisons give for a number of 32 bits, and if it
 * runs out of registers stores 8 and loads 32. */
INLINE uint32_t matches4(const uint64_t *keys, uint64_t key) {
    __m256i same = _mm256_cmpeq_epi64(_mm256_loadu_si256((const void *)keys), _mm256_set1_epi64x((long long)key));
    return (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(same));
}
INLINE uint32_t matches8(const uint64_t *keys, uint64_t key) {
    return matches4(keys, key) | matches4(keys + 4, key) << 4;
}

/* The way that holds `key`, or -1. */
INLINE int find(const uint64_t *keys, uint64_t key, uint32_t lanes) {
    uint32_t found = 0;
    if (lanes == 4)
        found = matches4(keys, key);
    else if (lanes == 8)
        found = matches8(keys, key);
    else if (lanes == 12)
        found = matches8(keys, key) | matches4(keys + 8, key) << 8;
    else
        for (uint32_t i = 0; i < lanes; i += 4) {
            found = matches4(keys + i, key);
            if (found)
                return (int)i + __builtin_ctz(found);
        }
    return found ? __builtin_ctz(found) : -1;
}

#else

INLINE int find_in(const uint64_t *keys, uint64_t key, uint32_t lanes) {
    int found = 0;
    for (uint32_t i = 0; i < lanes; i++)
        found |= -(keys[i] == key) & (int)(i + 1);
    return found - 1;
}

INLINE int find(const uint64_t *keys, uint64_t key, uint32_t lanes) {
    if (lanes == 4)
        return find_in(keys, key, 4);
    if (lanes == 12)
        return find_in(keys, key, 12);
    for (uint32_t i = 0; i < lanes; i += 4) {
        int way = find_in(keys + i, key, 4);
        if (way >= 0)
            return (int)i + way;
    }
    return -1;
}

#endif

/* --------------------------------------------------------------------------- ranks: lru and fifo */

#if defined(FL_AVX2) || defined(FL_AVX512)

/* The rank `rank` becomes 0, and those that were newer grow older by one. */
INLINE void renew(uint16_t *order, int rank, uint32_t ranks) {
    if (ranks == 4) {
        __m128i was = _mm_loadl_epi64((const void *)order), it = _mm_set1_epi16((short)rank);
        __m128i now = _mm_sub_epi16(was, _mm_cmpgt_epi16(it, was));
        _mm_storel_epi64((void *)order, _mm_andnot_si128(_mm_cmpeq_epi16(was, it), now));
    } else if (ranks == 8) {
        __m128i was = _mm_loadu_si128((const void *)order), it = _mm_set1_epi16((short)rank);
        __m128i now = _mm_sub_epi16(was, _mm_cmpgt_epi16(it, was));
        _mm_storeu_si128((void *)order, _mm_andnot_si128(_mm_cmpeq_epi16(was, it), now));
    } else {
        __m256i it = _mm256_set1_epi16((short)rank);
        for (uint32_t i = 0; i < ranks; i += 16) {
            __m256i was = _mm256_loadu_si256((const void *)(order + i));
            __m256i now = _mm256_sub_epi16(was, _mm256_cmpgt_epi16(it, was));
            _mm256_storeu_si256((void *)(order + i), _mm256_andnot_si256(_mm256_cmpeq_epi16(was, it), now));
        }
    }
}

/* The way that has this rank; there is one. */
INLINE int way_of_rank(const uint16_t *order, int rank, uint32_t ranks) {
    uint32_t found = 0;
    if (ranks <= 8) {
        __m128i all = ranks == 4 ? _mm_loadl_epi64((const void *)order) : _mm_loadu_si128((const void *)order);
        found = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi16(all, _mm_set1_epi16((short)rank)));
        return ranks == 4 ? (__builtin_ctz(found | 0x100) >> 1) & 3 : __builtin_ctz(found) >> 1;
    }
    uint32_t i = 0;
    for (;; i += 16) {
        __m256i all = _mm256_loadu_si256((const void *)(order + i));
        found = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi16(all, _mm256_set1_epi16((short)rank)));
        if (found || ranks <= 16)
            return (int)i + (__builtin_ctz(found) >> 1);
    }
}

#else

INLINE void renew_in(uint16_t *order, int rank, uint32_t ranks) {
    for (uint32_t i = 0; i < ranks; i++) {
        uint16_t was = order[i];
        uint16_t now = (uint16_t)(was + (was < rank));
        order[i] = was == rank ? 0 : now;
    }
}

INLINE void renew(uint16_t *order, int rank, uint32_t ranks) {
    if (ranks == 4)
        renew_in(order, rank, 4);
    else if (ranks == 16)
        renew_in(order, rank, 16);
    else
        renew_in(order, rank, ranks);
}

INLINE int way_of_rank_in(const uint16_t *order, int rank, uint32_t ranks) {
    uint32_t way = 0;
    for (uint32_t i = 0; i < ranks; i++)
        way |= (uint32_t)-(order[i] == rank) & i;
    return (int)way;
}

INLINE int way_of_rank(const uint16_t *order, int rank, uint32_t ranks) {
    if (ranks == 4)
        return way_of_rank_in(order, rank, 4);
    if (ranks == 16)
        return way_of_rank_in(order, rank, 16);
    return way_of_rank_in(order, rank, ranks);
}

#endif

/* ------------------------------------------------------------------------------------- policies */

INLINE uint64_t next_random(uint64_t x) {
    x ^= x << 13;
    x ^= x >> 7;
    return x ^ x << 17;
}

/* A way was hit. */
INLINE void use(const Array *a, uint8_t *block, int way, int policy, uint32_t lanes, uint32_t ranks) {
    if (LIKELY(policy == LRU)) {
        uint16_t *order = order_of(block, lanes);
        renew(order, order[way], ranks);
    } else if (policy == PLRU) {
        uint64_t *bits = order_of(block, lanes);
        *bits = (*bits & ~a->tree[2 * way]) | a->tree[2 * way + 1];
    }
}

/* The way that the tree points to. */
INLINE int tree_victim(uint64_t bits, int n_ways) {
    int low = 0, high = n_ways;
    while (high - low >= 2) {
        int middle = (low + high + 1) / 2;
        if (bits >> middle & 1)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* The lowest empty way, or -1. (`find` won't do: several ways may be empty.) */
INLINE int empty_way(const uint64_t *keys, uint32_t n_ways) {
    for (uint32_t way = 0; way < n_ways; way++)
        if (!keys[way])
            return (int)way;
    return -1;
}

/* The way that a new entry takes: an empty one or the policy's choice. It counts as used. */
INLINE int take(Array *a, uint8_t *block, int policy, uint32_t lanes, uint32_t ranks) {
    if (LIKELY(policy == LRU || policy == FIFO)) {
        uint16_t *order = order_of(block, lanes);
        int way = way_of_rank(order, (int)a->n_ways - 1, ranks);
        renew(order, (int)a->n_ways - 1, ranks);
        return way;
    }
    int way = empty_way(keys_of(block), a->n_ways);
    if (way < 0) {
        if (policy == PLRU) {
            uint64_t *bits = order_of(block, lanes);
            way = tree_victim(*bits, (int)a->n_ways);
        } else {
            a->random = next_random(a->random);
            way = (int)((a->random >> 32) * a->n_ways >> 32);
        }
    }
    use(a, block, way, policy, lanes, ranks);
    return way;
}

/* The shape of an array, as constants where the caller knows them. */
typedef struct {
    int policy;
    uint32_t lanes;
    uint32_t ranks;
    uint32_t entries_at;
    uint32_t stride;
} Shape;

static const Shape L1_SHAPE = {LRU, 4, 4, 64, 128}, L2_SHAPE = {LRU, 12, 16, 128, 256};

INLINE Shape shape_of(const Array *a) {
    Shape shape = {a->policy, a->n_lanes, a->n_ranks, a->entries_at, a->stride};
    return shape;
}

/* Forget a way. It becomes the oldest; the tree and the generator don't notice. */
INLINE void forget(Array *a, uint8_t *block, int way) {
    keys_of(block)[way] = 0;
    if (a->policy == LRU || a->policy == FIFO) {
        uint16_t *order = order_of(block, a->n_lanes);
        uint16_t rank = order[way];
        for (uint32_t i = 0; i < a->n_ways; i++)
            order[i] = (uint16_t)(order[i] - (order[i] > rank));
        order[way] = (uint16_t)(a->n_ways - 1);
    }
}

#endif
