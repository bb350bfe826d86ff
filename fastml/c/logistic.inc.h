/* Logistic and softmax regression over a block of rows: the block is read once from memory, the rest happens in cache.
 *
 *     binary:   z = X w + b;  loss = log(1 + e^s), s = z or -z;  gradient += X^T (sigmoid(z) - y)
 *     softmax:  Z = X W + b;  loss = logsumexp(Z) - Z[y];        gradient += X^T (softmax(Z) - onehot(y))
 *
 * Dots run in DOT_LANES lanes on every instruction set, the gradient adds rows in their order: the bits depend on the
 * data alone. */

#define DOT_LANES (2 * LANES)
#define ROWS 8     /* rows whose dots are reduced, and whose gradients are added, at once */
#define AHEAD 1024 /* bytes: what the dots ask for before they need it (+8 % from memory, nothing lost in cache) */

/* Half of the lanes: one register of AVX2. */
typedef T FN(half) __attribute__((vector_size(32), aligned(sizeof(T)), may_alias));
#define HALF (LANES / 2)

typedef U FN(half_bits) __attribute__((vector_size(32), aligned(sizeof(U)), may_alias));
#define AT(p) (*(const FN(half) *)(p))

/* Written as a loop over lanes, this becomes one instruction. */
INLINE FN(half) FN(fma_half)(FN(half) a, FN(half) b, FN(half) sum) {
    for (int l = 0; l < HALF; l++) sum[l] = MULADD(a[l], b[l], sum[l]);
    return sum;
}

/* What remains of a row after whole LANES is read as the row's last LANES elements, against w and a mask with zeros
 * where those were already taken: nothing is read past the row. */
typedef struct {
    T w[LANES];
    U mask[LANES];
} FN(row_tail);

INLINE FN(half) FN(masked)(const T *x, const U *mask) {
    return (FN(half))(*(const FN(half_bits) *)x & *(const FN(half_bits) *)mask);
}

/* Dot product of d >= LANES elements, left in HALF lanes. */
INLINE FN(half) FN(dot_half)(const T *x, const T *w, const FN(row_tail) *tail, ptrdiff_t d, int ahead) {
    FN(half) s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
    ptrdiff_t j = 0;
    for (; j + DOT_LANES <= d; j += DOT_LANES) {
        if (ahead)
            for (ptrdiff_t line = 0; line < DOT_LANES * (ptrdiff_t)sizeof(T); line += 64)
                PREFETCH((const char *)(x + j) + AHEAD + line);
        s0 = FN(fma_half)(AT(x + j), AT(w + j), s0);
        s1 = FN(fma_half)(AT(x + j + HALF), AT(w + j + HALF), s1);
        s2 = FN(fma_half)(AT(x + j + 2 * HALF), AT(w + j + 2 * HALF), s2);
        s3 = FN(fma_half)(AT(x + j + 3 * HALF), AT(w + j + 3 * HALF), s3);
    }
    if (j + LANES <= d) {
        s0 = FN(fma_half)(AT(x + j), AT(w + j), s0);
        s1 = FN(fma_half)(AT(x + j + HALF), AT(w + j + HALF), s1);
        j += LANES;
    }
    if (j < d) {
        const T *last = x + d - LANES;
        s2 = FN(fma_half)(FN(masked)(last, tail->mask), AT(tail->w), s2);
        s3 = FN(fma_half)(FN(masked)(last + HALF, tail->mask + HALF), AT(tail->w + HALF), s3);
    }
    return (s0 + s2) + (s1 + s3);
}

/* Sums neighbours: {a0+a1, b0+b1, a2+a3, b2+b3, ...}. */
INLINE FN(half) FN(add_pairs)(FN(half) a, FN(half) b) {
#if DTYPE == F32
    return __builtin_shufflevector(a, b, 0, 8, 2, 10, 4, 12, 6, 14) +
           __builtin_shufflevector(a, b, 1, 9, 3, 11, 5, 13, 7, 15);
#else
    return __builtin_shufflevector(a, b, 0, 4, 2, 6) + __builtin_shufflevector(a, b, 1, 5, 3, 7);
#endif
}

/* z[r] = sum of the lanes of part[r], for HALF rows. */
INLINE void FN(reduce_rows)(const FN(half) *part, T *z) {
    FN(half) sum;
#if DTYPE == F32
    FN(half) p01 = FN(add_pairs)(part[0], part[1]), p23 = FN(add_pairs)(part[2], part[3]);
    FN(half) p45 = FN(add_pairs)(part[4], part[5]), p67 = FN(add_pairs)(part[6], part[7]);
    /* two lanes of each row are left in every half of four */
    FN(half) q0 = __builtin_shufflevector(p01, p23, 0, 1, 8, 9, 4, 5, 12, 13) +
                  __builtin_shufflevector(p01, p23, 2, 3, 10, 11, 6, 7, 14, 15);
    FN(half) q1 = __builtin_shufflevector(p45, p67, 0, 1, 8, 9, 4, 5, 12, 13) +
                  __builtin_shufflevector(p45, p67, 2, 3, 10, 11, 6, 7, 14, 15);
    sum = __builtin_shufflevector(q0, q1, 0, 1, 2, 3, 8, 9, 10, 11) +
          __builtin_shufflevector(q0, q1, 4, 5, 6, 7, 12, 13, 14, 15);
#else
    FN(half) p01 = FN(add_pairs)(part[0], part[1]), p23 = FN(add_pairs)(part[2], part[3]);
    sum = __builtin_shufflevector(p01, p23, 0, 1, 4, 5) + __builtin_shufflevector(p01, p23, 2, 3, 6, 7);
#endif
    memcpy(z, &sum, sizeof sum);
}

/* z[R] = X w + b; writes up to a multiple of ROWS. */
NOINLINE static void FN(logistic_dots)(const T *X, const T *w, T bias, T *z, ptrdiff_t R, ptrdiff_t d, ptrdiff_t ldx,
                                       int ahead) {
    FN(row_tail) tail;
    ptrdiff_t taken = LANES - d % LANES;
    for (ptrdiff_t l = 0; l < LANES; l++) {
        tail.w[l] = l < taken ? 0 : w[d - LANES + l];
        tail.mask[l] = l < taken ? 0 : ~(U)0;
    }
    for (ptrdiff_t r = 0; r < R; r += HALF) {
        FN(half) part[HALF];
        for (ptrdiff_t k = 0; k < HALF; k++) {
            const T *x = X + (r + k < R ? r + k : R - 1) * ldx;
            part[k] = ahead ? FN(dot_half)(x, w, &tail, d, 1) : FN(dot_half)(x, w, &tail, d, 0);
        }
        FN(reduce_rows)(part, z + r);
    }
    for (ptrdiff_t r = 0; r < R; r++) z[r] += bias;
}

/* residual = weight (sigmoid(z) - y) and loss of every row; for y = 1 both by symmetry from -z, exact in the tail. */
NOINLINE static void FN(logistic_activate)(const T *z, const T *target, const T *weight, T *residual, T *loss,
                                           ptrdiff_t R) {
    T low = MATH(softplus_low);
    OPAQUE(low);
    IVDEP for (ptrdiff_t r = 0; r < R; r++) {
        T side = 1 - 2 * target[r], slope;
        loss[r] = MATH(softplus)(side * z[r], low, &slope);
        residual[r] = side * slope;
    }
    if (weight) IVDEP for (ptrdiff_t r = 0; r < R; r++) {
        loss[r] *= weight[r];
        residual[r] *= weight[r];
    }
}

/* gradient[d] += sum of residual[r] X[r, :]: four rows and four, in two sums, since for few features the latency of
 * one sum of eight would count. The block's second reading is from cache: memory is
 * put to use by asking for as many rows behind the block, where X does not fit into a cache (`ahead`). */
NOINLINE static void FN(logistic_gradient)(const T *X, const T *residual, T *gradient, ptrdiff_t R, ptrdiff_t d, ptrdiff_t ldx,
                                           int ahead) {
    ptrdiff_t r = 0;
    for (; r + ROWS <= R; r += ROWS) {
        const T *x = X + r * ldx, *e = residual + r;
        if (ahead)
            for (ptrdiff_t i = 0; i < ROWS * ldx * (ptrdiff_t)sizeof(T); i += 64)
                PREFETCH((const char *)(x + R * ldx) + i);
        T e0 = e[0], e1 = e[1], e2 = e[2], e3 = e[3], e4 = e[4], e5 = e[5], e6 = e[6], e7 = e[7];
        IVDEP for (ptrdiff_t j = 0; j < d; j++) {
            T g = MULADD(e0, x[j], gradient[j]), h = e4 * x[4 * ldx + j];
            g = MULADD(e1, x[ldx + j], g);
            h = MULADD(e5, x[5 * ldx + j], h);
            g = MULADD(e2, x[2 * ldx + j], g);
            h = MULADD(e6, x[6 * ldx + j], h);
            g = MULADD(e3, x[3 * ldx + j], g);
            h = MULADD(e7, x[7 * ldx + j], h);
            gradient[j] = g + h;
        }
    }
    for (; r < R; r++) {
        const T *x = X + r * ldx;
        T e0 = residual[r];
        IVDEP for (ptrdiff_t j = 0; j < d; j++) gradient[j] = MULADD(e0, x[j], gradient[j]);
    }
}

static void FN(logistic_binary)(const void *Xv, const void *target, const void *weight, const void *w, const void *bias,
                                void *loss, void *gradient, void *bias_gradient, ptrdiff_t R, ptrdiff_t d, ptrdiff_t ldx,
                                int ahead) {
    const T *X = (const T *)Xv;
    T z[FASTML_BLOCK_ROWS], residual[FASTML_BLOCK_ROWS], *db = (T *)bias_gradient;
    FN(logistic_dots)(X, (const T *)w, *(const T *)bias, z, R, d, ldx, ahead);
    FN(logistic_activate)(z, (const T *)target, (const T *)weight, residual, (T *)loss, R);
    if (gradient) {
        FN(logistic_gradient)(X, residual, (T *)gradient, R, d, ldx, ahead);
        for (ptrdiff_t r = 0; r < R; r++) *db += residual[r];
    }
    clear_flags();
}

static void FN(predict_binary)(const void *Xv, const void *w, const void *bias, void *pv, ptrdiff_t R, ptrdiff_t d,
                               ptrdiff_t ldx, int ahead) {
    T *p = (T *)pv, z[FASTML_BLOCK_ROWS];
    FN(logistic_dots)((const T *)Xv, (const T *)w, *(const T *)bias, z, R, d, ldx, ahead);
    FN(sigmoid)(z, p, R);
}

#include "logistic_softmax.inc.h"

#undef DOT_LANES
#undef ROWS
#undef AHEAD
#undef HALF
#undef AT
