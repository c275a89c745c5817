/* The fault handler of bulk runs; pyemu.hw.ref.bulk says the same in Python, function by function. */
#include "bulk.h"

#include <string.h>

#include "walk.h"

enum { PAGE = 4096 };

static const uint64_t TABLE = X86_P | X86_RW | X86_US | X86_A;

INLINE uint8_t *page_of_frame(Core *m, uint64_t pfn) { return m->ram + (pfn << 12); }

INLINE uint64_t n_left(const Bulk *b) { return b->n_free + b->n_frames - b->next; }

/* A frame, whatever it holds; one must be left. */
INLINE uint64_t take_frame(Bulk *b) { return b->n_free ? b->free[--b->n_free] : b->next++; }

INLINE uint64_t alloc_page(Bulk *b) {
    uint64_t pfn = take_frame(b);
    b->refcount[pfn] = 1;
    b->mapcount[pfn] = 1; /* its entry is written before anybody looks */
    return pfn;
}

/* The area at an address, or NULL. */
static const Area *find_area(Bulk *b, uint64_t va) {
    int64_t low = 0, high = b->n_areas;
    if (high && va - b->areas[b->last_area].start < b->areas[b->last_area].end - b->areas[b->last_area].start)
        return b->areas + b->last_area;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (va < b->areas[middle].end)
            high = middle;
        else
            low = middle + 1;
    }
    if (low == b->n_areas || va < b->areas[low].start)
        return NULL;
    b->last_area = low;
    return b->areas + low;
}

static int do_anonymous_page(Core *m, Bulk *b, uint64_t va, int write, uint64_t where, int level) {
    uint64_t pfn = b->zero_pfn, rights = 0;
    if (n_left(b) < (uint64_t)(level - 1 + write))
        return OUT_OF_FRAMES;
    if (write) {
        pfn = alloc_page(b);
        memset(page_of_frame(m, pfn), 0, PAGE);
        rights = X86_RW | X86_D;
        b->n_zero_fills++;
    } else
        b->n_zero_maps++;
    while (--level > 0) {
        uint64_t table = take_frame(b) << 12;
        memset(m->ram + table, 0, PAGE);
        store(m, where, table | TABLE);
        where = table + (va >> (12 + 9 * (level - 1)) & 511) * 8;
        b->n_tables++;
    }
    store(m, where, pfn << 12 | X86_P | X86_US | rights);
    return GOES_ON;
}

static int wp_page_copy(Core *m, Bulk *b, uint64_t where, uint64_t source) {
    if (!n_left(b))
        return OUT_OF_FRAMES;
    uint64_t pfn = alloc_page(b);
    if (source == b->zero_pfn) {
        memset(page_of_frame(m, pfn), 0, PAGE);
        b->n_zero_copies++;
    } else {
        memcpy(page_of_frame(m, pfn), page_of_frame(m, source), PAGE);
        b->refcount[source]--;
        b->mapcount[source]--;
        b->n_copies++;
    }
    store(m, where, pfn << 12 | X86_P | X86_US | X86_RW | X86_A | X86_D);
    core_drop_walks(m, m->cpu.space); /* INVLPG: the fault has dropped the page itself */
    return GOES_ON;
}

static int do_wp_page(Core *m, Bulk *b, uint64_t where, uint64_t entry) {
    uint64_t pfn = (entry & X86_ADDRESS) >> 12;
    if (pfn == b->zero_pfn)
        return wp_page_copy(m, b, where, pfn);
    if (pfn >= b->n_frames || b->mapcount[pfn] == 0 || b->mapcount[pfn] > b->refcount[pfn])
        return FOREIGN;
    if (b->mapcount[pfn] != 1)
        return wp_page_copy(m, b, where, pfn);
    store(m, where, entry | X86_RW | X86_A | X86_D);
    b->n_reuses++;
    return GOES_ON;
}

static int handle_pte_fault(Core *m, Bulk *b, uint64_t va, int write) {
    uint64_t table = m->cpu.root, where = 0, entry = 0;
    for (int level = m->cpu.top; level > 0; level--) {
        where = table + (va >> (12 + 9 * (level - 1)) & 511) * 8;
        if (where > m->last_entry)
            return FOREIGN;
        entry = load(m, where);
        if (!(level == 1 ? entry : entry & X86_P))
            return do_anonymous_page(m, b, va, write, where, level);
        if (level > 1 && entry & X86_PS)
            return FOREIGN;
        table = entry & X86_ADDRESS;
    }
    if (!write || !(entry & X86_P) || entry & X86_RW)
        return FOREIGN;
    return do_wp_page(m, b, where, entry);
}

/* Serve the last fault, or say what stops the run. */
static int handle(Core *m, Bulk *b, uint64_t va) {
    if (m->fault_code == NOT_CANONICAL)
        return NO_CANONICAL_ADDRESS;
    b->n_faults++;
    int write = (m->fault_code & 2) != 0;
    const Area *area = find_area(b, va);
    if (!area)
        return SEGV_MAPERR;
    if (write ? !(area->prot & MAY_WRITE) : m->fault_code & 1 || !(area->prot & MAY_READ))
        return SEGV_ACCERR;
    return handle_pte_fault(m, b, va, write);
}

/* Store the bytes that these accesses wrote; beyond RAM nothing keeps them. */
static void store_values(Core *m, const Bulk *b, const Run *whole, int64_t first, int64_t end) {
    for (int64_t i = first; i < end; i++)
        if (whole->kinds[i] == WRITE && whole->pa[i] <= m->last_entry + 7)
            m->ram[whole->pa[i]] = b->values[i];
}

int bulk_run(Core *m, RunLoop *loop, Bulk *b, const Run *whole, int64_t *done) {
    int64_t i = 0, faulted = -1;
    int stop = GOES_ON;
    Run run = *whole;
    for (;;) {
        int64_t first = i;
        run.addresses = whole->addresses + i;
        run.kinds = whole->kinds + i;
        run.pa = whole->pa + i;
        run.n = whole->n - i;
        i += loop(m, &run);
        if (b->values)
            store_values(m, b, whole, first, i);
        if (i == whole->n)
            break;
        /* A fault that was served doesn't come back, unless the tables are none that this handler makes. */
        stop = i == faulted ? FOREIGN : handle(m, b, whole->addresses[i]);
        if (stop != GOES_ON)
            break;
        faulted = i;
    }
    *done = i;
    return stop;
}
