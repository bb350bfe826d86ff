/* softmax, log_softmax and logsumexp of one problem of C elements, or of many side by side.
 *
 *     m = max x;  softmax = e^(x - m) / sum e^(x - m);  logsumexp = m + log1p(sum without one of the maxima)
 *
 * Pass 1 finds m, pass 2 adds the exponentials, pass 3 writes. The exponentials are not of x - m, whose rounding would
 * cost 64 ULP at x - m = -100, but of x, with the exponent of e^m taken off (exp_relative): softmax divides out what is
 * left of e^m, the logarithms multiply once. Exponentials carry a factor 2^OFFSET until then: none is subnormal.
 * Element i is added to lane i % LANES; after PLAIN_SUM elements the lanes go into a compensated sum; so every layout
 * gives the same bits.
 *
 * log_softmax is x - m, rounded, minus the logarithm: both are at most as large as the result, so that a ULP of theirs
 * is none too many of it. A row (softmax_row.inc.h) runs along memory or is gathered block by block; columns
 * (softmax_columns.inc.h) run TILE at a time down the rows; short rows are transposed into such a tile. */

#define BLOCK (16 * LANES)
#define PLAIN_SUM (4 * LANES) /* so many elements, four a lane, are added in pairs: two roundings */
#define TILE 64
#define KEEPS (DTYPE != F16) /* pass 2 leaves the exponentials in y; float16 would round them: it computes them again */

/* x - m = difference + *low exactly, unless it overflows. */
INLINE T FN(difference)(T x, T m, T *low) {
    T d = x - m, v = d - x;
    *low = (x - (d - v)) - (m + v);
    return d;
}

/* Nothing below m + exp_low matters; a finite bound keeps `difference` free of inf - inf. So large an m that the next x
 * below it is already too small is left to softmax_limit. */
#define HUGE_MAX ((T)(sizeof(T) == 4 ? 0x1p31 : 0x1p63))
INLINE int FN(is_moderate)(T m) { return m < HUGE_MAX && m > -HUGE_MAX; }
INLINE T FN(floor_below)(T m) { return m + (MATH(exp_low) - 2); }

INLINE T FN(exp_above)(T x, T m, T floor, T exp_low) {
    T low, d = FN(difference)(AT_LEAST(x, floor), m, &low);
    return MATH(exp_scaled)(AT_LEAST(d, exp_low), low);
}

INLINE T FN(log_share)(T x, T m, T log_sum) {
    T low, d = FN(difference)(x, m, &low);
    low = low == low ? low : 0;
    return d + (low - log_sum);
}

INLINE void FN(two_sum)(T *high, T *low, T v) {
    T sum = *high + v, part = sum - *high;
    *low += (*high - (sum - part)) + (v - part);
    *high = sum;
}

/* 1 - a b for a b near 1; without fma by products of halves, which are exact (Dekker, 1971). */
INLINE T FN(residual)(T a, T b) {
    const U upper = ~(U)0 << (sizeof(T) == 4 ? 12 : 27);
    T a1 = FROM_BITS(BITS(a) & upper), a2 = a - a1, b1 = FROM_BITS(BITS(b) & upper), b2 = b - b1;
    return FUSED ? MULADD(-a, b, 1) : (1 - a1 * b1) - (a1 * b2 + a2 * b1) - a2 * b2;
}

/* 1 / (total + total_low) in two parts, so that softmax adds only its last rounding to the exponential's error. Without
 * fma the first is rounded down: total * inverse just above 1, rounded to 1, would lose what the rest takes off. */
INLINE T FN(inverse)(T total, T total_low, T *rest) {
    T inverse = 1 / total;
    if (!FUSED) inverse = FN(residual)(inverse, total) < 0 ? FROM_BITS(BITS(inverse) - 1) : inverse;
    *rest = inverse * MULADD(-inverse, total_low, FN(residual)(inverse, total));
    return inverse;
}

INLINE T FN(scaled)(T e, T inverse, T rest) { return MULADD(e, inverse, e * rest); }

/* log of the sum, from the scaled rest and how many more maxima there are than one. */
INLINE T FN(log_of_sum)(T rest, T more) { return MATH(log1p)(rest * MATH(exp_down) + more); }

/* The sum of exp_relative as one of e^(x - m). */
INLINE T FN(without_factor)(T sum, T q) { return MULADD(sum, q, sum); }

#include "softmax_row.inc.h"
#include "softmax_columns.inc.h"
#include "softmax_backward.inc.h"
#include "cross_entropy.inc.h"
#include "along_axis.inc.h"

#undef BLOCK
#undef PLAIN_SUM
#undef FEW_ROWS
#undef TILE
#undef KEEPS
#undef HUGE_MAX
