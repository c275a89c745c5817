/* The access loop for every compiler and every machine. */
#define FL_RUN run_plain
#include "loop.h"

uint64_t core_walk(Core *m, uint64_t va, unsigned kind) { return walk(m, NULL, 0, va, kind, GENERAL); }
