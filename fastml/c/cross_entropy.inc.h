/* Cross-entropy and its gradient, of one problem of C classes or of many side by side.
 *
 *     loss = weight sum_c a_c (log_sum - (x_c - m)),   a_c = cw_c ((1 - s) q_c + s / C),   m = max x
 *     gradient_c = weight scale (A p_c - a_c),   A = sum_c a_c,   p = softmax(x)
 *
 * q is given, or it is 1 at the class `target` and 0 elsewhere: a spike, kept out of the sums over classes. log_sum =
 * log1p(rest), rest being the exponentials without the first maximum. At the spike and at that maximum, where
 * A p_c - a_c would cancel, it is (A - a_c) p_c - a_c (1 - p_c), with 1 - p = rest / (1 + rest) at the maximum.
 * The passes are those of softmax.inc.h: the maximum; exponentials, kept in the gradient's memory, and sums; the
 * gradient. */

#define T_DTYPE (DTYPE == F64 ? FASTML_F64 : FASTML_F32)

INLINE T FN(relative)(T x, const MATH(exp_base) *base) {
    return MATH(exp_relative)(x, base->origin, base->low, base->magic);
}

/* a d, where nothing times infinity is nothing. */
INLINE T FN(times)(T a, T d) { return ((a == 0) & (d == d)) ? 0 : a * d; }

/* A sum's two parts; an infinite one has no second part. */
INLINE T FN(both)(T high, T low) { return high - high == 0 ? high + low : high; }

INLINE T FN(exact_gradient)(T total, T a, T p, T others) { return (total - a) * p - FN(times)(a, others); }

/* a_c without the spike, which is 0 everywhere unless there are class probabilities or smoothing. */
INLINE int FN(is_spread)(const fastml_cross_entropy *p) { return p->q || p->smoothing != 0; }
INLINE T FN(kept)(const fastml_cross_entropy *p) { return (T)(1 - p->smoothing); }
INLINE T FN(smooth)(const fastml_cross_entropy *p) { return (T)(p->smoothing / (double)p->C); }
INLINE T FN(class_weight)(const fastml_cross_entropy *p, ptrdiff_t c) {
    return p->class_weight ? ((const T *)p->class_weight)[c] : 1;
}

/* In float64: 1 / W of tiny weights, or of huge ones, may be no float32. */
INLINE T FN(scale_of)(const fastml_cross_entropy *p, T weight) { return (T)((double)weight * p->scale); }

/* The problem that is j to the right of p. */
static fastml_cross_entropy FN(neighbor)(const fastml_cross_entropy *p, ptrdiff_t j) {
    fastml_cross_entropy next = *p;
    next.x += j * (ptrdiff_t)sizeof(S);
    if (p->gradient) next.gradient += j * (ptrdiff_t)sizeof(S);
    if (p->q) next.q += j * p->q_next;
    if (p->target) next.target += j;
    if (p->weight) next.weight = (const T *)p->weight + j;
    next.loss = (T *)p->loss + j;
    return next;
}

#include "cross_entropy_row.inc.h"
#include "cross_entropy_tile.inc.h"

#undef T_DTYPE
