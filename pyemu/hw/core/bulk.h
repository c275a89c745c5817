/* A trace of accesses to anonymous memory with its faults (pyemu.hw.ref.bulk): the access loop, and between
 * two of its runs a fault handler. */
#ifndef FAULTLAB_BULK_H
#define FAULTLAB_BULK_H

#include "core.h"

enum { MAY_READ = 1, MAY_WRITE = 2 };

/* Why a run ended early: pyemu.hw.anon.Stop. */
enum Stop { GOES_ON, SEGV_MAPERR, SEGV_ACCERR, NO_CANONICAL_ADDRESS, OUT_OF_FRAMES, FOREIGN };

typedef struct {
    uint64_t start;
    uint64_t end;
    uint64_t prot;          /* MAY_READ, MAY_WRITE */
} Area;

/* What the handler knows, and what it has counted. */
typedef struct {
    const Area *areas;      /* by ascending address, without overlap */
    int64_t n_areas;
    int64_t last_area;      /* where the last fault was; a guess that saves most searches */
    uint32_t *refcount;     /* by frame number, of all n_frames */
    uint32_t *mapcount;
    uint64_t n_frames;
    uint64_t zero_pfn;
    const uint64_t *free;   /* frames that were given back, */
    uint64_t n_free;        /* the last one goes first, */
    uint64_t next;          /* then this one, up to n_frames */
    const uint8_t *values;  /* NULL, or the bytes that writes store */
    uint64_t n_faults;
    uint64_t n_zero_maps;
    uint64_t n_zero_fills;
    uint64_t n_zero_copies;
    uint64_t n_copies;
    uint64_t n_reuses;
    uint64_t n_tables;
} Bulk;

/* Makes accesses up to the end or a fault that can't be served, and says why it ended. */
int bulk_run(Core *m, RunLoop *loop, Bulk *b, const Run *whole, int64_t *done);

#endif
