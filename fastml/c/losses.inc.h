/* Pointwise losses and their gradients, in one loop that shares what they have in common.
 *
 * A formula takes the prediction x and the target t, returns the loss and writes its derivative by x, times k.scale.
 * The loops run over blocks of SUM_BLOCK: the losses are added up, and weighted, while they are in the first-level
 * cache. The squared loss hands on its difference, whose square is exact in float64 where T is float. */

#define SIGN_BIT (~(~(U)0 >> 1))

typedef struct {
    T low, high;  /* bounds, opaque */
    T scale;      /* of the derivative */
    T up;         /* squared error: a power of 2, where `scale` alone would be beyond T */
    T keep, half; /* label smoothing: 1 - s, s / 2 */
} MATH(loss_constants);

INLINE T MATH(difference)(T x, T t, T a, MATH(loss_constants) k, T *slope) {
    T d = x - t;
    (void)a;
    *slope = d * k.up * k.scale;
    return d;
}

/* |d|, with sign(0) = 0; what is neither below nor above 0 is its own sign, NaN included. */
INLINE T MATH(absolute)(T x, T t, T a, MATH(loss_constants) k, T *slope) {
    T d = x - t;
    U sign = BITS(d) & SIGN_BIT;
    (void)a;
    *slope = __builtin_islessgreater(d, 0) ? FROM_BITS(BITS(k.scale) | sign) : d;
    return FROM_BITS(BITS(d) ^ sign);
}

/* With g = d clamped to +-delta: g (d - g / 2) is d^2 / 2 inside and delta (|d| - delta / 2) outside. */
INLINE T MATH(huber)(T x, T t, T a, MATH(loss_constants) k, T *slope) {
    T d = x - t, g = AT_LEAST(d, k.low);
    (void)a;
    g = AT_MOST(g, k.high);
    *slope = g * k.scale;
    return g * (d - (T)0.5 * g);
}

/* -t log p - (1 - t) log(1 - p), with 0 log 0 = 0 and NaN outside of [0, 1]; where t is 0 or 1 (`label`) there is one
 * logarithm, with the same bits. The derivative (p - t) / (p (1 - p)) has one term, so that nothing cancels but p - t; a
 * subnormal p is scaled, and the scale multiplied in last. */
INLINE T MATH(cross_entropy_of)(T p, T t, int label, MATH(loss_constants) k, T *slope) {
    const T smallest = sizeof(T) == 4 ? (T)0x1p-126 : (T)0x1p-1022, up = sizeof(T) == 4 ? (T)0x1p24 : (T)0x1p54;
    p += 0; /* -0 becomes 0 */
    T factor = p < smallest ? up : 1, shift = p < smallest ? (sizeof(T) == 4 ? -24 : -54) : 0;
    T scaled = p * factor, q = 1 - p, lost = (1 - q) - p, loss;
    /* log(q + lost) = log q + lost / q, and 1 / q is 1 + p where lost is not 0 */
    T correction = MULADD(lost, p, lost);
    if (label) {
        /* selects by bits: of several by one condition GCC makes a branch */
        U one = BITS(t != 0 ? FROM_BITS(~(U)0) : (T)0);
        T u = FROM_BITS((BITS(scaled) & one) | (BITS(q) & ~one));
        loss = 0 - MATH(log_normal)(u, FROM_BITS(BITS(correction) & ~one), FROM_BITS(BITS(shift) & one));
        loss = u > 0 ? loss : (T)INFINITY;
    } else {
        T of_p = -MATH(log_normal)(scaled, 0, shift), of_q = -MATH(log_normal)(q, correction, 0);
        of_p = p > 0 ? of_p : (T)INFINITY;
        of_q = q > 0 ? of_q : (T)INFINITY;
        of_p = t == 0 && p == 0 ? 0 : of_p;
        of_q = t == 1 && q == 0 ? 0 : of_q;
        loss = MULADD(t, of_p, (1 - t) * of_q);
    }
    T over = p - t, denominator = scaled * q, ratio = over / denominator;
    *slope = over == 0 && denominator == 0 ? (q - p) * k.scale : ratio * (factor * k.scale);
    return p >= 0 && p <= 1 ? loss : (T)NAN;
}
#define SOFT_TARGET 0
#define LABEL 1

/* a softplus(-x) + c softplus(x), and its derivative c sigmoid(x) - a sigmoid(-x); a = weight * t', c = 1 - t' for the
 * smoothed target t'. With e = e^-|x| and l = log(1 + e), one softplus is l and the other |x| + l: nothing is lost
 * where the label is right, and an infinite logit counts only where its label is wrong. */
INLINE T MATH(cross_entropy_at)(T x, T t, T weight, MATH(loss_constants) k, T *slope) {
    T a = weight * MULADD(t, k.keep, k.half), c = MULADD(1 - t, k.keep, k.half);
    T size = FROM_BITS(BITS(x) & ~SIGN_BIT), z = AT_LEAST(-size, k.low);
    T e = MATH(exp_scaled)(z, NO_LOW) * MATH(exp_down);
    /* selects by bits: of several by one condition GCC makes a branch, or computes both sides */
    U below = BITS(x < 0 ? FROM_BITS(~(U)0) : (T)0), other = (BITS(a) ^ BITS(c)) & below;
    T wrong = FROM_BITS(BITS(c) ^ other), right = FROM_BITS(BITS(a) ^ other), linear = wrong * size;
    /* one division for 1 / (1 + e) and e / (2 + e) */
    T one = 1 + e, two = 2 + e, both = 1 / (one * two);
    /* d loss / d|x| = (wrong - right e) / (1 + e) */
    *slope = MULADD(-right, e, wrong) * ((x < 0 ? -k.scale : k.scale) * (two * both));
    linear = wrong == 0 ? 0 : linear;
    return MULADD(a + c, MATH(log1p_unit)(e, e * one * both), linear);
}

#define LOSS(name, formula, weight)                                                                                 \
    NOINLINE static void FN(name)(const T *x, const T *target, const T *pos_weight, T *loss, T *slope, ptrdiff_t n, \
                                  MATH(loss_constants) k) {                                                         \
        (void)pos_weight;                                                                                           \
        OPAQUE(k.low);                                                                                              \
        OPAQUE(k.high);                                                                                             \
        if (slope) {                                                                                                \
            IVDEP for (ptrdiff_t i = 0; i < n; i++) {                                                               \
                T g, v = MATH(formula)(x[i], target[i], weight, k, &g);                                             \
                loss[i] = v;                                                                                        \
                slope[i] = g;                                                                                       \
            }                                                                                                       \
        } else {                                                                                                    \
            IVDEP for (ptrdiff_t i = 0; i < n; i++) {                                                               \
                T g;                                                                                                \
                loss[i] = MATH(formula)(x[i], target[i], weight, k, &g);                                            \
            }                                                                                                       \
        }                                                                                                           \
    }

LOSS(mse_loss, difference, 1)
LOSS(mae_loss, absolute, 1)
LOSS(huber_loss, huber, 1)
LOSS(binary_cross_entropy, cross_entropy_of, SOFT_TARGET)
LOSS(binary_cross_entropy_of_labels, cross_entropy_of, LABEL)
LOSS(binary_cross_entropy_with_logits, cross_entropy_at, 1)
LOSS(binary_cross_entropy_with_pos_weight, cross_entropy_at, pos_weight[i])

/* Whether all of n targets are 0 or 1. */
NOINLINE static int FN(are_labels)(const T *target, ptrdiff_t n) {
    int32_t all = 1;
    for (ptrdiff_t i = 0; i < n; i++) all &= (target[i] == 0) | (target[i] == 1);
    return all;
}

/* values[i] *= weight[i] * scale, in float64. */
NOINLINE static void FN(loss_weigh)(const double *weight, T *values, double scale, ptrdiff_t n) {
    IVDEP for (ptrdiff_t i = 0; i < n; i++) values[i] = (T)(values[i] * (weight[i] * scale));
}

/* The losses that the caller wants to have, of the differences of a squared one, or as they are. */
NOINLINE static void FN(loss_square)(T *loss, ptrdiff_t n) {
    IVDEP for (ptrdiff_t i = 0; i < n; i++) loss[i] *= loss[i];
}

/* The sum of the block's losses, weighted where w is not NULL. */
static double FN(loss_sum)(const T *loss, int squared, const double *w, ptrdiff_t n) {
    if (squared) return w ? FN(sum_products)(loss, 1, w, n) : FN(sum_products)(loss, 1, NULL, n);
    return w ? FN(sum_products)(loss, 0, w, n) : FN(sum_products)(loss, 0, NULL, n);
}

/* Ask for n elements: while a block is added up, nothing else would keep the memory busy. */
INLINE void FN(loss_ahead)(const T *x, const T *target, T *slope, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i += 64 / (ptrdiff_t)sizeof(T)) {
        PREFETCH(x + i);
        PREFETCH(target + i);
        if (slope) PREFETCH_TO_WRITE(slope + i);
    }
}

static MATH(loss_constants) MATH(loss_constants_of)(const fastml_loss_pass *pass) {
    MATH(loss_constants) k = {0};
    const double largest = sizeof(T) == 4 ? 0x1.fffffep127 : 0x1.fffffffffffffp1023;
    k.low = MATH(exp_low);
    if (pass->kind == FASTML_HUBER) {
        k.high = (T)(pass->parameter < largest ? pass->parameter : largest);
        k.low = -k.high;
    }
    k.scale = pass->weighted ? 1 : (T)pass->scale;
    k.up = (T)pass->up;
    k.keep = (T)(1 - pass->parameter);
    k.half = (T)(0.5 * pass->parameter);
    return k;
}

static void FN(loss)(const fastml_loss_pass *pass, const void *xv, const void *tv, const void *av, const double *weight,
                     void *lossv, void *slopev, ptrdiff_t n, double *total) {
    const T *x = (const T *)xv, *t = (const T *)tv, *a = (const T *)av;
    T block[FASTML_SUM_BLOCK], *losses = (T *)lossv, *slope = (T *)slopev;
    MATH(loss_constants) k = MATH(loss_constants_of)(pass);
    for (ptrdiff_t i = 0; i < n; i += FASTML_SUM_BLOCK) {
        ptrdiff_t count = n - i < FASTML_SUM_BLOCK ? n - i : FASTML_SUM_BLOCK;
        T *loss = losses ? losses + i : block, *g = slope ? slope + i : NULL;
        const double *w = weight ? weight + i : NULL;
        ptrdiff_t rest = n - i - count;
        FN(loss_ahead)(x + i + count, t + i + count, slope ? g + count : NULL, rest < count ? rest : count);
        switch (pass->kind) {
        case FASTML_MSE: FN(mse_loss)(x + i, t + i, NULL, loss, g, count, k); break;
        case FASTML_MAE: FN(mae_loss)(x + i, t + i, NULL, loss, g, count, k); break;
        case FASTML_HUBER: FN(huber_loss)(x + i, t + i, NULL, loss, g, count, k); break;
        case FASTML_BCE:
            if (FN(are_labels)(t + i, count))
                FN(binary_cross_entropy_of_labels)(x + i, t + i, NULL, loss, g, count, k);
            else
                FN(binary_cross_entropy)(x + i, t + i, NULL, loss, g, count, k);
            break;
        default:
            if (a)
                FN(binary_cross_entropy_with_pos_weight)(x + i, t + i, a + i, loss, g, count, k);
            else
                FN(binary_cross_entropy_with_logits)(x + i, t + i, NULL, loss, g, count, k);
        }
        if (w && g) FN(loss_weigh)(w, g, pass->scale, count);
        if (losses) {
            if (pass->kind == FASTML_MSE) FN(loss_square)(loss, count);
            if (w) FN(loss_weigh)(w, loss, 1, count);
        } else
            FN(sum_add)(FN(loss_sum)(loss, pass->kind == FASTML_MSE, w, count), total);
    }
    clear_flags();
}

#undef LOSS
#undef SIGN_BIT
#undef SOFT_TARGET
#undef LABEL
