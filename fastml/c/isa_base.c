/* The instruction set every machine of this architecture has: SSE2 on x86-64, NEON on arm64. */
#define ISA base
#include "macros.h"
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__)
/* CPUs without AVX2 are few and old: their table is for size, at half that of the others. */
#undef HOT
#define HOT NOINLINE
#undef MAPPED
#define MAPPED NOINLINE __attribute__((optimize("O2", "tree-vectorize", "vect-cost-model=dynamic")))
#pragma GCC optimize("Os")
#endif
#include "kernels.inc.h"
