/* The access loop for processors with AVX2; empty where the compiler or the machine can't have it. */
#include "variants.h"
#ifdef FL_HAVE_SIMD
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt"))), apply_to = function)
#else
#pragma GCC target("avx2,bmi,bmi2,lzcnt,popcnt")
#endif
#define FL_AVX2
#define FL_RUN run_avx2
#include "loop.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
