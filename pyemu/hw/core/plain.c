/* The access loop for every compiler and every machine, and what needs no more than that. */
#define FL_RUN run_plain
#include "loop.h"

uint64_t core_walk(Core *m, uint64_t va, unsigned kind) { return walk(m, NULL, 0, va, kind, GENERAL); }

uint64_t core_quick(Core *m, uint64_t va, unsigned kind) {
    Array *front = m->l1.front[kind];
    if (!front || m->cpu.width != 48 || (va + (1ULL << 47)) >> 48)
        return 0;
    uint64_t page = page_of(m, va, 0, FRONTS);
    uint8_t *block = block_of(front, page, L1_SHAPE, FRONTS);
    int way = find(keys_of(block), K_VALID | m->cpu.space | page, L1_SHAPE.lanes);
    if (way < 0 || !permitted(m, entries_of(block, L1_SHAPE.entries_at)[way], kind))
        return 0;
    use(front, block, way, LRU, L1_SHAPE.lanes, L1_SHAPE.ranks);
    m->n_accesses++;
    return entries_of(block, L1_SHAPE.entries_at)[way];
}
