/* Whether this compiler can make code for vector instructions that this machine may have. */
#ifndef FAULTLAB_VARIANTS_H
#define FAULTLAB_VARIANTS_H
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define FL_HAVE_SIMD
#endif
#endif
