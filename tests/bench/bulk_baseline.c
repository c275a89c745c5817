/* Baseline of bench_bulk.py: faults of anonymous memory as a plain C program would serve them.
 *
 *     gcc -O3 -march=native bulk_baseline.c -o bulk_baseline
 *     ./bulk_baseline trace.u64 n_pages n_frames shared
 *
 * A trace holds uint64: addresses whose bit 0 says that they are written. One area of n_pages starts at BASE.
 * With shared = 1 each of its pages is there at the start, read-only and mapped by somebody else too, as after
 * a fork. L1 dTLB of 16x4, STLB of 128x12, LRU by time stamps; walk of 4 levels; area, frame, zeros or a copy,
 * entry, and the access again. Prints CPU seconds, counts, and sums of the addresses and of all RAM.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

typedef uint64_t u64;
typedef uint32_t u32;
typedef uint8_t u8;

enum { P = 1, RW = 2, US = 4, A = 0x20, D = 0x40, PAGE = 4096 };
enum { S1 = 16, W1 = 4, S2 = 128, W2 = 12 };
enum { ZERO_PFN = 1, ROOT = 0x2000, FIRST_PFN = 3 };

static const u64 ADDRESS = 0x000ffffffffff000, BASE = 0x7f0000000000;

static u8 *ram;
static u32 *refcount, *mapcount;
static u64 next_pfn, n_frames, area_end;
static u64 n_faults, n_zero_maps, n_zero_fills, n_zero_copies, n_copies, n_reuses, n_tables;

static struct {
    u64 tag1[S1][W1], entry1[S1][W1], time1[S1][W1];
    u64 tag2[S2][W2], entry2[S2][W2], time2[S2][W2];
    u64 now, l1_misses, walks, d_walks;
} tlb;

static u64 *entry_at(u64 pa) { return (u64 *)(ram + pa); }

static u64 take_frame(void) {
    if (next_pfn == n_frames) {
        fprintf(stderr, "out of frames\n");
        exit(1);
    }
    return next_pfn++;
}

static u64 zeroed_frame(void) {
    u64 pfn = take_frame();
    memset(ram + pfn * PAGE, 0, PAGE);
    return pfn;
}

static u64 page_frame(void) {
    u64 pfn = take_frame();
    refcount[pfn] = mapcount[pfn] = 1;
    return pfn;
}

/* The entry with A and D set, or 0: a page fault. */
static inline u64 walk(u64 va, int write) {
    u64 table = ROOT, entry;
    for (int shift = 39; shift > 12; shift -= 9) {
        entry = *entry_at(table + (va >> shift & 511) * 8);
        if (!(entry & P))
            return 0;
        if (!(entry & A))
            *entry_at(table + (va >> shift & 511) * 8) = entry | A;
        table = entry & ADDRESS;
    }
    u64 *leaf = entry_at(table + (va >> 12 & 511) * 8);
    entry = *leaf;
    if (!(entry & P) || (write && !(entry & RW)))
        return 0;
    u64 marked = entry | A | (write ? D : 0);
    if (marked != entry)
        *leaf = marked;
    return marked;
}

static int oldest(const u64 *times, int ways) {
    int found = 0;
    for (int way = 1; way < ways; way++)
        if (times[way] < times[found])
            found = way;
    return found;
}

static void keep1(u64 tag, u64 entry) {
    int set = tag & (S1 - 1), way = oldest(tlb.time1[set], W1);
    tlb.tag1[set][way] = tag;
    tlb.entry1[set][way] = entry;
    tlb.time1[set][way] = tlb.now;
}

/* A page fault, and INVLPG, drop what is cached for the page. */
static void drop(u64 va) {
    u64 tag = va >> 12 | 1ull << 63;
    int set1 = tag & (S1 - 1), set2 = tag & (S2 - 1);
    for (int way = 0; way < W1; way++)
        if (tlb.tag1[set1][way] == tag)
            tlb.tag1[set1][way] = tlb.time1[set1][way] = 0;
    for (int way = 0; way < W2; way++)
        if (tlb.tag2[set2][way] == tag)
            tlb.tag2[set2][way] = tlb.time2[set2][way] = 0;
}

/* The physical address, or all ones: a page fault. An entry that forbids a write sends it to the tables. */
static inline u64 translate(u64 va, int write) {
    u64 tag = va >> 12 | 1ull << 63, entry;
    int set1 = tag & (S1 - 1), set2 = tag & (S2 - 1);
    tlb.now++;
    for (int way = 0; way < W1; way++)
        if (tlb.tag1[set1][way] == tag && !(write && !(tlb.entry1[set1][way] & RW))) {
            tlb.time1[set1][way] = tlb.now;
            if (write && !(tlb.entry1[set1][way] & D)) {
                tlb.d_walks++;
                tlb.entry1[set1][way] = walk(va, 1);
            }
            return (tlb.entry1[set1][way] & ADDRESS) | (va & 0xfff);
        }
    tlb.l1_misses++;
    for (int way = 0; way < W2; way++)
        if (tlb.tag2[set2][way] == tag && !(write && !(tlb.entry2[set2][way] & RW))) {
            tlb.time2[set2][way] = tlb.now;
            if (write && !(tlb.entry2[set2][way] & D)) {
                tlb.d_walks++;
                tlb.entry2[set2][way] = walk(va, 1);
            }
            keep1(tag, tlb.entry2[set2][way]);
            return (tlb.entry2[set2][way] & ADDRESS) | (va & 0xfff);
        }
    tlb.walks++;
    entry = walk(va, write);
    if (!entry) {
        drop(va);
        return ~0ull;
    }
    int way = oldest(tlb.time2[set2], W2);
    tlb.tag2[set2][way] = tag;
    tlb.entry2[set2][way] = entry;
    tlb.time2[set2][way] = tlb.now;
    keep1(tag, entry);
    return (entry & ADDRESS) | (va & 0xfff);
}

static void serve(u64 va, int write) {
    n_faults++;
    if (va < BASE || va >= area_end) {
        fprintf(stderr, "SIGSEGV\n");
        exit(1);
    }
    u64 table = ROOT, *leaf = NULL, pfn = 0;
    int missing = 0;
    for (int shift = 39;; shift -= 9) {
        leaf = entry_at(table + (va >> shift & 511) * 8);
        if (shift == 12)
            break;
        if (!(*leaf & P)) {
            if (write && !missing) {
                pfn = page_frame(); /* the page first, then its tables */
                memset(ram + pfn * PAGE, 0, PAGE);
            }
            missing = 1;
            *leaf = zeroed_frame() * PAGE | P | RW | US | A;
            n_tables++;
        }
        table = *leaf & ADDRESS;
    }
    u64 entry = *leaf, old = (entry & ADDRESS) / PAGE;
    if (!entry && !write) {
        *leaf = (u64)ZERO_PFN * PAGE | P | US;
        n_zero_maps++;
    } else if (!entry) {
        if (!pfn) {
            pfn = page_frame();
            memset(ram + pfn * PAGE, 0, PAGE);
        }
        *leaf = pfn * PAGE | P | US | RW | D;
        n_zero_fills++;
    } else if (old != ZERO_PFN && mapcount[old] == 1) {
        *leaf = entry | RW | A | D;
        n_reuses++;
    } else {
        pfn = page_frame();
        if (old == ZERO_PFN) {
            memset(ram + pfn * PAGE, 0, PAGE);
            n_zero_copies++;
        } else {
            memcpy(ram + pfn * PAGE, ram + old * PAGE, PAGE);
            refcount[old]--;
            mapcount[old]--;
            n_copies++;
        }
        *leaf = pfn * PAGE | P | US | RW | A | D;
        drop(va);
    }
}

static void run(const u64 *trace, u64 n, u64 *pa) {
    for (u64 i = 0; i < n; i++) {
        u64 va = trace[i] & ~1ull;
        int write = trace[i] & 1;
        while ((pa[i] = translate(va, write)) == ~0ull)
            serve(va, write);
    }
}

/* What is there after a fork: each page read-only, with two entries that name it. */
static void share(u64 n_pages) {
    for (u64 page = 0; page < n_pages; page++) {
        u64 va = BASE + page * PAGE;
        serve(va, 1);
        u64 table = ROOT;
        for (int shift = 39; shift > 12; shift -= 9)
            table = *entry_at(table + (va >> shift & 511) * 8) & ADDRESS;
        u64 *leaf = entry_at(table + (va >> 12 & 511) * 8), pfn = (*leaf & ADDRESS) / PAGE;
        *leaf = (*leaf | A) & ~(u64)RW; /* it was written */
        refcount[pfn] = mapcount[pfn] = 2;
        memset(ram + pfn * PAGE, (int)(page % 251), PAGE);
    }
    n_faults = n_zero_fills = n_tables = 0;
}

int main(int argc, char **argv) {
    if (argc != 5)
        return 2;
    FILE *file = fopen(argv[1], "rb");
    if (!file)
        return 2;
    fseek(file, 0, SEEK_END);
    u64 n = (u64)ftell(file) / 8, n_pages = strtoull(argv[2], NULL, 10);
    n_frames = strtoull(argv[3], NULL, 10);
    u64 *trace = malloc(8 * n + 8), *pa = malloc(8 * n + 8);
    rewind(file);
    if (!trace || !pa || fread(trace, 8, n, file) != n)
        return 2;
    fclose(file);
    ram = mmap(NULL, n_frames * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (ram == MAP_FAILED)
        return 2;
    madvise(ram, n_frames * PAGE, MADV_NOHUGEPAGE);
    memset(ram, 0, n_frames * PAGE); /* all of it is there before the clock starts */
    memset(pa, 1, 8 * n);
    refcount = malloc(4 * n_frames);
    mapcount = malloc(4 * n_frames);
    memset(refcount, 0, 4 * n_frames);
    memset(mapcount, 0, 4 * n_frames);
    next_pfn = FIRST_PFN;
    area_end = BASE + n_pages * PAGE;
    if (atoi(argv[4]))
        share(n_pages);
    struct timespec from, to;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    run(trace, n, pa);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    u64 sum_pa = 0, sum_ram = 0;
    for (u64 i = 0; i < n; i++)
        sum_pa += pa[i] * (2 * i + 1);
    for (u64 i = 0; i < n_frames * (PAGE / 8); i++)
        sum_ram += *entry_at(8 * i) * (2 * i + 1);
    printf("%.9f", (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec));
    u64 outcome[] = {n_faults, n_zero_maps, n_zero_fills, n_zero_copies, n_copies, n_reuses, n_tables,
                     tlb.l1_misses, tlb.walks, tlb.d_walks, sum_pa, sum_ram};
    for (u64 i = 0; i < sizeof outcome / sizeof *outcome; i++)
        printf(" %llu", (unsigned long long)outcome[i]);
    printf("\n");
    return 0;
}
