/* The compiler's differences, one macro each. */
#ifndef FASTML_MACROS_H
#define FASTML_MACROS_H

#include <fenv.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

/* As glibc has them. Windows' are products of numbers, or calls, and its NaN may be negative. */
#undef INFINITY
#undef NAN
#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")

/* Clang has GCC's language also where it passes for Microsoft's compiler, and does not define __GNUC__ there. */
#if !defined(__GNUC__) && !defined(__clang__)
#error "fastml needs GCC or Clang: their vector types and attributes (on Windows clang-cl, see docs/platforms.md)"
#elif defined(_MSC_VER) && __clang_major__ < 19
#error "fastml needs clang-cl 19: older ones hide the intrinsics of instruction sets that are chosen function by function"
#endif

#ifdef __clang__
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE __attribute__((noinline, noclone))
#endif
#define INLINE static inline __attribute__((always_inline))

/* A loop that gains from what GCC does at -O3 alone, above all unrolling; all else is half the size at -O2. */
#if defined(__GNUC__) && !defined(__clang__)
#define HOT NOINLINE __attribute__((optimize("O3")))
#else
#define HOT NOINLINE
#endif

/* The element-wise loops. GCC's base build is for size, but for these: whoever has no AVX2 has them in vectors. */
#ifndef MAPPED
#define MAPPED NOINLINE
#endif

/* The iterations of the next loop are independent: outputs are the inputs themselves or do not overlap them. */
#if defined(__clang__)
#define IVDEP _Pragma("clang loop vectorize(assume_safety)")
#else
#define IVDEP _Pragma("GCC ivdep")
#endif

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

#if defined(__clang__)
#define KEEP_LOOP _Pragma("clang loop unroll(disable)")
#else
#define KEEP_LOOP _Pragma("GCC unroll 1")
#endif

#define PREFETCH(p) __builtin_prefetch(p, 0, 3)
#define PREFETCH_TO_WRITE(p) __builtin_prefetch(p, 1, 3)

/* One register, or what the compiler makes of it. */
#ifndef VECTOR_BYTES
#define VECTOR_BYTES 32
#endif

/* Hide a bound's value from the compiler: against a literal, GCC makes a clamp of compares and blends, not one min. */
#if defined(__x86_64__)
#define OPAQUE(v) __asm__("" : "+x"(v))
#elif defined(__aarch64__)
#define OPAQUE(v) __asm__("" : "+w"(v))
#else
#define OPAQUE(v) ((void)(v))
#endif

/* Clamps that keep NaN (the value stays where the comparison is false). */
#define AT_MOST(v, high) ((high) < (v) ? (high) : (v))
#define AT_LEAST(v, low) ((v) < (low) ? (low) : (v))

/* The z_low of exp_split that costs nothing: compilers must keep z + 0, since it makes -0 to 0, but not z + -0. */
#define NO_LOW ((T) - 0.0)

/* Multiply-add. The x86-64 base build has no fma instruction and would call the library for each element. */
#if defined(FASTML_FMA) || defined(__aarch64__)
#define FUSED 1
#define FMA_F32(a, b, c) __builtin_fmaf(a, b, c)
#define FMA_F64(a, b, c) __builtin_fma(a, b, c)
#else
#define FUSED 0
#define FMA_F32(a, b, c) ((a) * (b) + (c))
#define FMA_F64(a, b, c) ((a) * (b) + (c))
#endif

/* Horner's scheme, constant coefficient first; a loop over a table of coefficients would not be unrolled in time for
 * the vectoriser. */
#define HORNER2(x, a, b) MULADD(b, x, a)
#define HORNER3(x, a, ...) MULADD(HORNER2(x, __VA_ARGS__), x, a)
#define HORNER4(x, a, ...) MULADD(HORNER3(x, __VA_ARGS__), x, a)
#define HORNER5(x, a, ...) MULADD(HORNER4(x, __VA_ARGS__), x, a)
#define HORNER6(x, a, ...) MULADD(HORNER5(x, __VA_ARGS__), x, a)
#define HORNER7(x, a, ...) MULADD(HORNER6(x, __VA_ARGS__), x, a)
#define HORNER8(x, a, ...) MULADD(HORNER7(x, __VA_ARGS__), x, a)
#define HORNER9(x, a, ...) MULADD(HORNER8(x, __VA_ARGS__), x, a)
#define HORNER10(x, a, ...) MULADD(HORNER9(x, __VA_ARGS__), x, a)
#define HORNER11(x, a, ...) MULADD(HORNER10(x, __VA_ARGS__), x, a)
#define HORNER12(x, a, ...) MULADD(HORNER11(x, __VA_ARGS__), x, a)

#define CAT3_(a, b, c) a##_##b##_##c
#define CAT3(a, b, c) CAT3_(a, b, c)

/* NumPy reports raised flags as warnings, and min, max and < raise "invalid" on a quiet NaN. Testing first costs 15 ns,
 * clearing always 90. */
INLINE void clear_flags(void) {
    if (fetestexcept(FE_INVALID | FE_DIVBYZERO | FE_OVERFLOW | FE_UNDERFLOW)) feclearexcept(FE_ALL_EXCEPT);
}

INLINE uint32_t bits_f32(float v) {
    uint32_t u;
    memcpy(&u, &v, sizeof u);
    return u;
}
INLINE uint64_t bits_f64(double v) {
    uint64_t u;
    memcpy(&u, &v, sizeof u);
    return u;
}
INLINE float from_bits_f32(uint32_t u) {
    float v;
    memcpy(&v, &u, sizeof v);
    return v;
}
INLINE double from_bits_f64(uint64_t u) {
    double v;
    memcpy(&v, &u, sizeof v);
    return v;
}

/* float16 <-> float32 in integer arithmetic that vectorises everywhere; to float16 rounds to nearest even. A NaN keeps
 * its sign and what of its payload fits, as the conversion instructions do. */
INLINE float float_from_half(uint16_t h) {
    uint32_t magnitude = (uint32_t)(h & 0x7fff) << 13, sign = (uint32_t)(h & 0x8000) << 16;
    /* a subnormal is what exceeds 2^-14 under 2^-14's exponent: no subnormal float is ever an operand */
    uint32_t subnormal = bits_f32(from_bits_f32(magnitude + 0x38800000u) - 0x1p-14f);
    uint32_t normal = magnitude + ((int32_t)magnitude < 0x0f800000 ? 0x38000000u : 0x70000000u);
    return from_bits_f32(((int32_t)magnitude < 0x00800000 ? subnormal : normal) | sign);
}

INLINE uint16_t half_from_float(float v) {
    uint32_t u = bits_f32(v), sign = u & 0x80000000u;
    u ^= sign;
    uint32_t normal = (u + 0xc8000fffu + ((u >> 13) & 1)) >> 13;
    /* the sum rounds to a multiple of 2^-24, the spacing of float16's subnormals */
    uint32_t subnormal = bits_f32(from_bits_f32(u) + 0.5f) - 0x3f000000u;
    uint32_t half = (int32_t)u < 0x38800000 ? subnormal : normal;
    half = (int32_t)u >= 0x47800000 ? 0x7c00u : half;
    half = (int32_t)u > 0x7f800000 ? 0x7e00u | (u >> 13 & 0x3ff) : half;
    return (uint16_t)(half | sign >> 16);
}

#endif
