/* Logistic and softmax regression over a block of rows: the block is read once from memory, the rest happens in cache.
 *
 *     binary:   z = X w + b;  loss = log(1 + e^s), s = z or -z;  gradient += X^T (sigmoid(z) - y)
 *     softmax:  Z = X W + b;  loss = logsumexp(Z) - Z[y];        gradient += X^T (softmax(Z) - onehot(y))
 *     labels:   Z = X W + b;  each class as in the binary model, the losses of a row added up
 *
 * Every sum runs in as many lanes on every instruction set: the bits depend on the data alone. */

#include "logistic_dots.inc.h"

#define FACTORS 8  /* of one product in a lane of the loss: 2^FACTORS is far from overflow, and roundings stay few */
#define ROW_SETS 4 /* sums of the gradient side by side, over every fourth row: one alone would wait for itself */

/* The sum of n numbers, in float64; of GCC's conversion of vectors of 8 to float64, scalar code was left for AVX2. */
INLINE double FN(logistic_sum)(const T *v, ptrdiff_t n) {
    double lane[8] = {0};
    ptrdiff_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int l = 0; l < 8; l++) lane[l] += v[i + l];
    for (int l = 0; i < n; i++, l++) lane[l] += v[i];
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

/* The loss of a row is max(s, 0) + log(1 + e), e = e^-|s|; residual = sigmoid(z) - y, for y = 1 by symmetry from -z:
 * exact where it is tiny. */
HOT static void FN(logistic_activate)(const T *z, const T *target, T *residual, T *positive, T *e, ptrdiff_t R) {
    T low = MATH(softplus_low);
    OPAQUE(low);
    IVDEP for (ptrdiff_t r = 0; r < R; r++) {
        T side = 1 - 2 * target[r], slope;
        positive[r] = MATH(softplus_parts)(side * z[r], low, &e[r], &slope);
        residual[r] = side * slope;
    }
}

/* a + b + a b: (1 + a) (1 + b) - 1, with nothing lost where both are tiny. */
INLINE FN(vector) FN(join)(FN(vector) a, FN(vector) b) { return FN(fma_vector)(a, b, a + b); }

/* Sum of log(1 + e[r]), for R a multiple of FACTORS * LANES: one logarithm for FACTORS rows, of their product less 1.
 */
HOT static double FN(logistic_sum_log1p)(const T *e, ptrdiff_t R) {
    T product[FASTML_BLOCK_ROWS / FACTORS];
    ptrdiff_t n = 0;
    for (ptrdiff_t r = 0; r < R; r += FACTORS * LANES, n += LANES) UNROLL for (ptrdiff_t i = 0; i < LANES; i += WIDTH) {
        const T *p = e + r + i;
        FN(vector) a = FN(join)(AT(p), AT(p + LANES)), b = FN(join)(AT(p + 2 * LANES), AT(p + 3 * LANES));
        FN(vector) c = FN(join)(AT(p + 4 * LANES), AT(p + 5 * LANES));
        FN(vector) f = FN(join)(AT(p + 6 * LANES), AT(p + 7 * LANES));
        *(FN(vector) *)(product + n + i) = FN(join)(FN(join)(a, b), FN(join)(c, f));
    }
    IVDEP for (ptrdiff_t i = 0; i < n; i++) product[i] = MATH(log1p)(product[i]);
    return FN(logistic_sum)(product, n);
}

/* The same where rows have weights: a logarithm for each. */
HOT static double FN(logistic_weigh)(const T *weight, T *residual, T *loss, const T *e, ptrdiff_t R) {
    IVDEP for (ptrdiff_t r = 0; r < R; r++) {
        loss[r] = weight[r] * (loss[r] + MATH(log1p)(e[r]));
        residual[r] *= weight[r];
    }
    return FN(logistic_sum)(loss, R);
}

/* Vectors of LANES features whose gradients are held in registers over the whole block: 8 registers with the sets. */
#define TOGETHER (NV == 1 ? 2 : 1)

/* gradient[d] += sum of residual[r] X[r, :]. The last LANES features overlap those before, whose sums are dropped.
 * The block's second reading is from cache: memory is put to use by asking for the first quarter of the next block,
 * where X does not fit into a cache (`ahead`); for more it would have to wait here. */
INLINE void FN(add_gradient)(const T *X, const T *residual, T *gradient, ptrdiff_t R, ptrdiff_t d, ptrdiff_t ldx,
                             int ahead) {
    const char *next = (const char *)(X + R * ldx);
    for (ptrdiff_t j = 0; j < d; j += TOGETHER * LANES) {
        FN(vector) sum[ROW_SETS][TOGETHER * NV] = {{{0}}};
        ptrdiff_t at[TOGETHER], r = 0;
        for (int t = 0; t < TOGETHER; t++) at[t] = j + (t + 1) * LANES <= d ? j + t * LANES : d - LANES;
        for (; r + ROW_SETS <= R; r += ROW_SETS) UNROLL for (int s = 0; s < ROW_SETS; s++) {
            const T *x = X + (r + s) * ldx;
            UNROLL for (int i = 0; i < TOGETHER * NV; i++) {
                const T *p = x + at[i / NV] + i % NV * WIDTH;
                sum[s][i] = FN(fma_scalar)(residual[r + s], AT(p), sum[s][i]);
                if (ahead && s == 0 && i % NV == 0) PREFETCH(next), next += 64;
            }
        }
        for (; r < R; r++) UNROLL for (int i = 0; i < TOGETHER * NV; i++)
            sum[0][i] = FN(fma_scalar)(residual[r], AT(X + r * ldx + at[i / NV] + i % NV * WIDTH), sum[0][i]);
        T total[TOGETHER * LANES] = {0}, *to = j + TOGETHER * LANES <= d ? gradient + j : total;
        UNROLL for (int i = 0; i < TOGETHER * NV; i++)
            *(FN(vector) *)(to + i * WIDTH) += (sum[0][i] + sum[1][i]) + (sum[2][i] + sum[3][i]);
        for (int t = 0; t < TOGETHER && j + t * LANES < d && to == total; t++)
            for (ptrdiff_t l = j + t * LANES - at[t]; l < LANES; l++) gradient[at[t] + l] += total[t * LANES + l];
    }
}

HOT static void FN(logistic_gradient)(const T *X, const T *residual, T *gradient, ptrdiff_t R, ptrdiff_t d,
                                           ptrdiff_t ldx, int from_memory) {
    if (from_memory) FN(add_gradient)(X, residual, gradient, R, d, ldx, 1);
    else FN(add_gradient)(X, residual, gradient, R, d, ldx, 0);
}

/* Returns the losses, weighted, of n <= FASTML_BLOCK_ROWS scores, added up; residual[n] may be z. */
static double FN(logistic_residuals)(const T *z, const T *target, const T *weight, T *residual, ptrdiff_t n) {
    T positive[FASTML_BLOCK_ROWS], e[FASTML_BLOCK_ROWS];
    ptrdiff_t padded = (n + FACTORS * LANES - 1) / (FACTORS * LANES) * (FACTORS * LANES);
    FN(logistic_activate)(z, target, residual, positive, e, n);
    if (weight) return FN(logistic_weigh)(weight, residual, positive, e, n);
    memset(e + n, 0, (size_t)(padded - n) * sizeof(T));
    return FN(logistic_sum)(positive, n) + FN(logistic_sum_log1p)(e, padded);
}

static void FN(logistic_binary)(const void *Xv, const void *target, const void *weight, const void *w, const void *bias,
                                double *loss, void *gradient, void *bias_gradient, ptrdiff_t R, ptrdiff_t d,
                                ptrdiff_t ldx, int from_memory) {
    const T *X = (const T *)Xv;
    T z[FASTML_BLOCK_ROWS], residual[FASTML_BLOCK_ROWS];
    FN(logistic_dots)(X, (const T *)w, *(const T *)bias, z, R, d, ldx, from_memory);
    *loss += FN(logistic_residuals)(z, (const T *)target, (const T *)weight, residual, R);
    if (gradient) {
        FN(logistic_gradient)(X, residual, (T *)gradient, R, d, ldx, from_memory);
        *(T *)bias_gradient += (T)FN(logistic_sum)(residual, R);
    }
    clear_flags();
}

static void FN(predict_binary)(const void *Xv, const void *w, const void *bias, void *pv, ptrdiff_t R, ptrdiff_t d,
                               ptrdiff_t ldx, int from_memory) {
    T *p = (T *)pv, z[FASTML_BLOCK_ROWS];
    FN(logistic_dots)((const T *)Xv, (const T *)w, *(const T *)bias, z, R, d, ldx, from_memory);
    FN(sigmoid)(z, p, R);
}

#include "logistic_curvature.inc.h"
#include "logistic_softmax.inc.h"
#include "logistic_sparse.inc.h"

#undef FACTORS
#undef ROW_SETS
#undef TOGETHER
#undef NV
#undef WIDTH
#undef HALF
#undef HALF_AT
#undef AT
