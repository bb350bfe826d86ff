/* Which x86-64 tables the processor and the system run, asked of the processor itself: __builtin_cpu_supports needs a
   runtime library that Visual Studio's linker does not bring, finds nothing in what zig builds, and knows no F16C in
   Clang 14. macOS switches the registers of AVX-512 on at their first use, and therefore has AVX2 here. */
#ifndef FASTML_CPU_FEATURES_H
#define FASTML_CPU_FEATURES_H

#include <cpuid.h>

/* Bits of the register XCR0: what the system saves of a thread when another one takes its processor. */
#define SAVED_YMM 0x06u
#define SAVED_ZMM 0xe6u

#define AVX2_LEAF_1 (bit_FMA | bit_OSXSAVE | bit_AVX | bit_F16C)
#define AVX2_LEAF_7 (bit_AVX2 | bit_BMI | bit_BMI2)
#define AVX512_LEAF_7 (bit_AVX512F | bit_AVX512DQ | bit_AVX512CD | bit_AVX512BW | bit_AVX512VL)

/* Are all these bits set, and all these registers saved? */
static int cpu_has(unsigned leaf_1, unsigned leaf_7, unsigned saved) {
    unsigned a, b, c, d, low, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & leaf_1) != leaf_1) return 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (b & leaf_7) != leaf_7) return 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0)); /* exists where bit_OSXSAVE is set */
    return (low & saved) == saved;
}

static int cpu_has_avx2(void) { return cpu_has(AVX2_LEAF_1, AVX2_LEAF_7, SAVED_YMM); }
static int cpu_has_avx512(void) { return cpu_has(AVX2_LEAF_1, AVX2_LEAF_7 | AVX512_LEAF_7, SAVED_ZMM); }

#endif
