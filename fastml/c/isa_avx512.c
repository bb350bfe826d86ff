/* x86-64-v4: AVX-512 F, BW, CD, DQ, VL (Skylake-X, Zen 4 and later). */
#include "fastml.h"
#ifdef FASTML_X86_TABLES
#define ISA avx512
#define FASTML_FMA 1
#define FASTML_F16C 1
#define FASTML_GATHER 1
#define VECTOR_BYTES 64
#include "macros.h"
#include <immintrin.h>
#ifdef __clang__
#pragma clang attribute push(                                                                      \
    __attribute__((target("avx2,fma,f16c,bmi,bmi2,avx512f,avx512bw,avx512cd,avx512dq,avx512vl"))), \
    apply_to = function)
#pragma clang attribute push(__attribute__((min_vector_width(512))), apply_to = function)
#else
#pragma GCC target("avx2,fma,f16c,bmi,bmi2,avx512f,avx512bw,avx512cd,avx512dq,avx512vl,prefer-vector-width=512")
#endif
#include "kernels.inc.h"
#ifdef __clang__
#pragma clang attribute pop
#pragma clang attribute pop
#endif
#endif
