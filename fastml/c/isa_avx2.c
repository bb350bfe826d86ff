/* x86-64-v3: AVX2 and FMA (Haswell, Zen and later). */
#include "fastml.h"
#ifdef FASTML_X86_TABLES
#define ISA avx2
#define FASTML_FMA 1
#define FASTML_F16C 1
#define FASTML_GATHER 1
#include "macros.h"
#include <immintrin.h>
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,bmi,bmi2"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,f16c,bmi,bmi2")
#endif
#include "kernels.inc.h"
#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
