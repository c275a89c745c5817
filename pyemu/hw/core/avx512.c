/* The access loop for processors with AVX-512 (F, VL, BW and DQ); empty where the compiler or the machine can't have it. */
#include "variants.h"
#ifdef FL_HAVE_SIMD
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt,avx512f,avx512vl,avx512bw,avx512dq"))), apply_to = function)
#else
#pragma GCC target("avx2,bmi,bmi2,lzcnt,popcnt,avx512f,avx512vl,avx512bw,avx512dq")
#endif
#define FL_AVX512
#define FL_RUN run_avx512
#include "loop.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
