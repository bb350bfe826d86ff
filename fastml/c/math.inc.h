/* Elementary functions of the compute type T, branch-free so that loops over them vectorise.
 *
 * Coefficients: relative-error minimax fits, re-derived by tools/minimax.py, which prints their errors. */

#if DTYPE == F32
/* round-to-nearest by adding 1.5 * 2^23, with the exponent bias in its low bits: the sum's bits, shifted, are 2^n */
#define MAGIC(bias) (0x1.8p23f + (float)(bias))
#define EXPONENT_SHIFT 23
#define EXPONENT_BIAS 127
#define LOG2E 0x1.715476p+0f
/* ln 2 in two parts, the first so short that n * LN2_HIGH is exact for every exponent n */
#define LN2_HIGH 0x1.62e4p-1f
#define LN2_LOW 0x1.7f7d1cp-20f
#define EXP_TAIL(x) HORNER5(x, 0x1.fffffcp-2f, 0x1.555492p-3f, 0x1.5558f2p-5f, 0x1.1239e4p-7f, 0x1.6a245cp-10f)
#define LOG1P_TAIL(z) HORNER4(z, 0x1.5555p-1f, 0x1.99d286p-2f, 0x1.1eb566p-2f, 0x1.1efbfep-2f)
#define LOG_TAIL(x)                                                                                               \
    HORNER8(x, 0x1.555554p-2f, -0x1.000228p-2f, 0x1.99a00ap-3f, -0x1.54722ep-3f, 0x1.22d9ecp-3f, -0x1.0d860ep-3f, \
            0x1.055d3cp-3f, -0x1.38b584p-4f)
#define SQRT_HALF_BITS 0x3f3504f3u
#define MANTISSA_MASK 0x007fffffu
/* 2^-64: keeps 2^n and its inverse normal from the largest to the smallest result */
#define OFFSET 64
#define DOWN 0x1p-64f
#else
#define MAGIC(bias) (0x1.8p52 + (double)(bias))
#define EXPONENT_SHIFT 52
#define EXPONENT_BIAS 1023
#define LOG2E 0x1.71547652b82fep+0
#define LN2_HIGH 0x1.62e42feep-1
#define LN2_LOW 0x1.a39ef35793c76p-33
#define EXP_TAIL(x)                                                                                      \
    HORNER10(x, 0x1.000000000000ap-1, 0x1.55555555554fap-3, 0x1.555555555087dp-5, 0x1.1111111127be5p-7,  \
             0x1.6c16c18429fbep-10, 0x1.a01a012a56a3fp-13, 0x1.a0199a0ca0cdcp-16, 0x1.71df255674792p-19, \
             0x1.28ad7299466efp-22, 0x1.ad7f66246be13p-26)
#define LOG_TAIL(x)                                                                                    \
    HORNER7(x, 0x1.5555555555592p-1, 0x1.999999997fd3ap-2, 0x1.24924941f8a48p-2, 0x1.c71c5202d9042p-3, \
            0x1.74664053bbef0p-3, 0x1.39a19410a3599p-3, 0x1.2f06fcb0fedd2p-3)
#define LOG1P_TAIL(z)                                                                                   \
    HORNER10(z, 0x1.5555555555535p-1, 0x1.99999999a0876p-2, 0x1.2492492083ad1p-2, 0x1.c71c742076394p-3, \
             0x1.745cb379cfe8ep-3, 0x1.3b1de60b9b60ep-3, 0x1.1067412815ebbp-3, 0x1.efe006cf70ea3p-4,    \
             0x1.559102413cec4p-4, 0x1.5c9519111dd9dp-3)
#define SQRT_HALF_BITS 0x3fe6a09e667f3bcdu
#define MANTISSA_MASK 0x000fffffffffffffu
#define OFFSET 512
#define DOWN 0x1p-512
#endif

/* Bounds of a function's range reduction: beyond them the result is the limit. `unit` is 1 as the function scales it. */
typedef struct {
    T low, high, unit;
} MATH(limits);

/* e^z = s * (1 + q): n = round(z / ln 2), s = 2^(n + shift), q = e^r - 1 for the rest r = z - n ln 2 + z_low. */
typedef struct {
    T s, q;
} MATH(exp_parts);

INLINE MATH(exp_parts) MATH(exp_split)(T z, T z_low, int shift) {
    T magic = MAGIC(EXPONENT_BIAS + shift);
    T rounded = MULADD(z, LOG2E, magic), n = rounded - magic;
    T r = MULADD(n, -LN2_LOW, MULADD(n, -LN2_HIGH, z) + z_low);
    return (MATH(exp_parts)){FROM_BITS(BITS(rounded) << EXPONENT_SHIFT), MULADD(r * r, EXP_TAIL(r), r)};
}

/* The same with q = e^r: an operation less for a sum that needs q whole, a rounding more for one that does not. */
INLINE MATH(exp_parts) MATH(exp_whole)(T z, int shift) {
    T magic = MAGIC(EXPONENT_BIAS + shift);
    T rounded = MULADD(z, LOG2E, magic), n = rounded - magic;
    T r = MULADD(n, -LN2_LOW, MULADD(n, -LN2_HIGH, z));
    return (MATH(exp_parts)){FROM_BITS(BITS(rounded) << EXPONENT_SHIFT), MULADD(MULADD(EXP_TAIL(r), r, 1), r, 1)};
}

/* 2^OFFSET e^(z + z_low) for exp_low <= z <= 0. Scaled so, nothing is subnormal before the one last multiplication. */
#if DTYPE == F32
static const T MATH(exp_low) = -128; /* e^-128 vanishes even when 2^30 of them are added */
#else
static const T MATH(exp_low) = -1000;
#endif
static const T MATH(exp_down) = DOWN;
INLINE T MATH(exp_scaled)(T z, T z_low) {
    MATH(exp_parts) e = MATH(exp_split)(z, z_low, OFFSET);
    return MULADD(e.s, e.q, e.s);
}

/* 2^OFFSET e^(x - m) for many x <= m, but for a factor that is the same for all. The difference would cost |x - m| ULP
 * by its rounding, so it is not formed: with x = n ln 2 + r and m = M ln 2 + mu, 2^(n - M + OFFSET) e^r is e^mu times
 * what is wanted (Dukhan and Ablavatski, 2020, keep n and e^r apart in this way). For an m so large that n would grow
 * too long for n * LN2_HIGH, every x that counts is so near that x - m is exact (Sterbenz): m is the origin then. */
typedef struct {
    T origin, low, magic;
} MATH(exp_base);

/* *q = e^-mu - 1. */
INLINE MATH(exp_base) MATH(exp_based_on)(T m, T *q) {
    const T exact_above = 2 - 2 * MATH(exp_low), exact_below = MATH(exp_low) - 2;
    T origin = m > exact_above || m < exact_below ? m : 0, z = m - origin;
    T M = MULADD(z, LOG2E, MAGIC(0)) - MAGIC(0), r = MULADD(M, LN2_LOW, MULADD(M, LN2_HIGH, -z));
    *q = MULADD(r * r, EXP_TAIL(r), r);
    return (MATH(exp_base)){origin, z + MATH(exp_low), MAGIC(EXPONENT_BIAS + OFFSET) - M};
}

INLINE T MATH(exp_relative)(T x, T origin, T low, T magic) {
    T z = x - origin, rounded, n, r, s;
    z = AT_LEAST(z, low);
    rounded = MULADD(z, LOG2E, magic), n = rounded - magic;
    r = MULADD(n, -LN2_LOW, MULADD(n, -LN2_HIGH, z));
    s = FROM_BITS(BITS(rounded) << EXPONENT_SHIFT);
    return MULADD(s, MULADD(r * r, EXP_TAIL(r), r), s);
}

/* 1 / (1 + e^-x), computed as 2^-64 / (2^-64 + 2^-64 e^-x): neither end overflows, subnormal results round once.
 * Worst error: 1.9991 ULP at -0x1.69c008p-12 (float32, of all), 1.9998 ULP at -0x1.fff5e90005fb5p-27 (float64, of a
 * sample). */
#if DTYPE == F32
static const MATH(limits) MATH(sigmoid_limits) = {-104.5f, 40.0f, DOWN};
#else
static const MATH(limits) MATH(sigmoid_limits) = {-746.0, 60.0, DOWN};
#endif
INLINE T MATH(sigmoid)(T x, MATH(limits) k) {
    x = AT_LEAST(x, k.low);
    x = AT_MOST(x, k.high);
    MATH(exp_parts) e = MATH(exp_split)(-x, NO_LOW, -OFFSET);
    T large = AT_LEAST(e.s, k.unit), small = AT_MOST(e.s, k.unit);
    return k.unit / (MULADD(e.s, e.q, small) + large);
}

/* Both ranges end in base + numerator / denominator, so that one division serves.
 * Worst error: 1.1979 ULP at 0x1.409124p-1 (float32, of all), 1.2261 ULP at 0x1.400002875fc33p-1 (float64, of a sample;
 * without fma 1.2298 ULP at 0x1.400005f083d0ep-1). */
#if DTYPE == F32
static const MATH(limits) MATH(tanh_limits) = {0, 10.0f, 1};
#define TANH_TAIL(x) HORNER5(x, -0x1.555534p-2f, 0x1.110768p-3f, -0x1.b84448p-5f, 0x1.5256d6p-6f, -0x1.76ac10p-8f)
#else
static const MATH(limits) MATH(tanh_limits) = {0, 22.0, 1};
#define TANH_P(x) HORNER3(x, -0x1.5555555555555p-2, -0x1.4fda3296bc87dp-6, -0x1.a1b4e5dd75bf5p-13)
#define TANH_Q(x) HORNER4(x, 1, 0x1.d8928315dcef2p-2, 0x1.7d9aed2c18586p-6, 0x1.b121f4bca84dep-13)
#endif
#define TANH_EDGE ((T)0.625)
INLINE T MATH(tanh)(T x, MATH(limits) k) {
    U sign = BITS(x) & ~(~(U)0 >> 1);
    T a = FROM_BITS(BITS(x) ^ sign), t;
    T clamped = AT_MOST(a, k.high), zz = a * a;
    MATH(exp_parts) e = MATH(exp_split)(clamped + clamped, NO_LOW, 0);
    T denominator = MULADD(e.s, e.q, e.s + 1);
#if DTYPE == F32
    T small = MULADD(a * zz, TANH_TAIL(zz), a), big = 1 - 2 / denominator;
    t = a < TANH_EDGE ? small : big;
#else
    T numerator = a * zz * TANH_P(zz), q = TANH_Q(zz);
    t = a < TANH_EDGE ? a : 1;
    numerator = a < TANH_EDGE ? numerator : -2;
    t = t + numerator / (a < TANH_EDGE ? q : denominator);
#endif
    return FROM_BITS(BITS(t) | sign);
}

#if DTYPE == F32
/* sigmoid for a result that is rounded again, to float16. Near 0 it is 1/2 + x/4 - x^3/48, where 1/2 + x/4 is often
 * just between two float16 numbers and the cubic term, lost in float32, decides: there the sum is rounded to odd,
 * after which the second rounding is right (Boldo and Melquiond, 2008). */
#define sigmoid_for_half_limits sigmoid_limits
INLINE T MATH(sigmoid_for_half)(T x, MATH(limits) k) {
    T h = (T)0.5 * x, zz = h * h, t = (T)0.5 * MULADD(h * zz, TANH_TAIL(zz), h);
    T sum = (T)0.5 + t, lost = t - (sum - (T)0.5);
    U odd = BITS(sum) | 1, down = (BITS(sum) - 1) | 1;
    T near = FROM_BITS(lost < 0 ? down : odd), far = MATH(sigmoid)(x, k);
    near = lost == 0 ? sum : near;
    return x < (T)0.25 && x > (T)-0.25 ? near : far;
}
#endif

/* max(x, 0), NaN and -0 kept. */
static const MATH(limits) MATH(relu_limits) = {0, 0, 1};
INLINE T MATH(relu)(T x, MATH(limits) k) { return AT_LEAST(x, k.low); }

/* Gradients from the output y. With fma the factor has one rounding, without it the form that does not cancel. */
INLINE T MATH(sigmoid_backward)(T dy, T y) { return dy * (FUSED ? MULADD(-y, y, y) : (1 - y) * y); }
INLINE T MATH(tanh_backward)(T dy, T y) { return dy * (FUSED ? MULADD(-y, y, 1) : (1 - y) * (1 + y)); }
INLINE T MATH(relu_backward)(T dy, T y) {
    T passed = y > 0 ? dy : 0, sum = dy + y;
    return dy != dy || y != y ? sum : passed;
}

/* log(u) + c for a normal u: u = 2^k m with m in [sqrt(1/2), sqrt(2)), f = m - 1; k_shift is added to k. float64 takes
 * log m = f - s (f - R) for s = f / (2 + f), as fdlibm; in float32 a polynomial is as short as that and its division.
 * In both, f carries the leading bits exactly. */
INLINE T MATH(log_normal)(T u, T c, T k_shift) {
    U shifted = BITS(u) - SQRT_HALF_BITS + ((U)EXPONENT_BIAS << EXPONENT_SHIFT);
    T f = FROM_BITS((shifted & MANTISSA_MASK) + SQRT_HALF_BITS) - 1;
    T k = FROM_BITS((shifted >> EXPONENT_SHIFT) | BITS(MAGIC(0))) - (MAGIC(EXPONENT_BIAS) - k_shift);
#if DTYPE == F32
    T small = MULADD(f * f, MULADD(f, LOG_TAIL(f), (T)-0.5), MULADD(k, LN2_LOW, c));
#else
    T s = f / (2 + f), z = s * s;
    T small = MULADD(-s, MULADD(-z, LOG_TAIL(z), f), MULADD(k, LN2_LOW, c));
#endif
    return MULADD(k, LN2_HIGH, f + small);
}

/* log p for every p >= 0, subnormal ones too; -inf at 0, NaN below. */
INLINE T MATH(log)(T p) {
    const T smallest = sizeof(T) == 4 ? (T)0x1p-126 : (T)0x1p-1022, up = sizeof(T) == 4 ? (T)0x1p24 : (T)0x1p54;
    T scaled = p < smallest ? p * up : p, shift = p < smallest ? (sizeof(T) == 4 ? -24 : -54) : 0;
    T value = MATH(log_normal)(scaled, 0, shift);
    value = p > 0 ? value : -(T)INFINITY;
    return p >= 0 && p < (T)INFINITY ? value : p < 0 ? (T)NAN : p;
}

/* log(1 + s) for s >= 0: what u = 1 + s lost is put back, log(u + c) = log u + c / u. Exact in the tail: s itself for
 * tiny s. */
INLINE T MATH(log1p)(T s) {
    T u = 1 + s, kept = u - 1, lost = (1 - (u - kept)) + (s - kept);
    return MATH(log_normal)(u, lost / u, 0);
}

/* log(1 + e) = 2 atanh(s) for 0 <= e <= 1 and s = e / (2 + e), in the form e - s (e - s^2 tail) that keeps e's bits. */
INLINE T MATH(log1p_unit)(T e, T s) {
    T ss = s * s;
    return MULADD(-s, MULADD(-ss, LOG1P_TAIL(ss), e), e);
}

/* -p log p for p >= 0, 0 at 0; NaN for negative p and NaN. A subnormal p is scaled. What comes out as the logarithm of
 * 0 is finite, of infinity positive, and of the others does not matter. */
INLINE T MATH(entropy_term)(T p) {
    const T smallest = sizeof(T) == 4 ? (T)0x1p-126 : (T)0x1p-1022, up = sizeof(T) == 4 ? (T)0x1p24 : (T)0x1p54;
    T factor = p < smallest ? up : 1, shift = p < smallest ? (sizeof(T) == 4 ? -24 : -54) : 0;
    T log = MATH(log_normal)(p * factor, 0, shift);
    T valid = p < 0 ? (T)NAN : p;
    return -valid * log;
}

/* log(1 + e^s) = max(s, 0) + log(1 + e) for e = e^-|s|, and its derivative 1 / (1 + e^-s); exact where they are tiny. */
#if DTYPE == F32
#define SOFTPLUS_LOW -87.0f /* e^s is normal above, and lost in the result below */
#else
#define SOFTPLUS_LOW -708.0
#endif
static const T MATH(softplus_low) = SOFTPLUS_LOW;
INLINE T MATH(softplus_parts)(T s, T low, T *exponential, T *derivative) {
    T a = s < 0 ? s : -s, clamped = AT_LEAST(a, low);
    MATH(exp_parts) parts = MATH(exp_split)(clamped, NO_LOW, 0);
    T e = MULADD(parts.s, parts.q, parts.s);
    e = a < low ? 0 : e;
    T large = 1 / (1 + e), small = e * large; /* one division: of a selected numerator GCC would make two */
    *exponential = e;
    *derivative = s < 0 ? small : large;
    return s < 0 ? 0 : s;
}

#include "activations.inc.h"

#undef SOFTPLUS_LOW
#undef MAGIC
#undef EXPONENT_SHIFT
#undef EXPONENT_BIAS
#undef LOG2E
#undef LN2_HIGH
#undef LN2_LOW
#undef EXP_TAIL
#undef LOG_TAIL
#undef LOG1P_TAIL
#undef SQRT_HALF_BITS
#undef MANTISSA_MASK
#undef OFFSET
#undef DOWN
#undef TANH_TAIL
#undef TANH_P
#undef TANH_Q
#undef TANH_EDGE
