/* Sums in float64 of values of T or their squares, and of their products with an array of float64.
 *
 * Element i of a block of SUM_BLOCK is added to lane i % SUM_LANES, the lanes in a fixed tree, the blocks with
 * compensation: so a sum depends on its values and their order alone, and its error hardly on their number. Squares of
 * float32 are exact in float64. */

#define SUM_LANES 32
#define SUM_BLOCK FASTML_SUM_BLOCK
/* A vector is one register: GCC 12 keeps wider ones of double in memory. */
#define SUM_STEP (VECTOR_BYTES / (ptrdiff_t)sizeof(double))
#define SUM_VECTORS (SUM_LANES / SUM_STEP)

typedef T FN(sum_part) __attribute__((vector_size(SUM_STEP * sizeof(T)), aligned(sizeof(T)), may_alias));
typedef double FN(sum_lanes) __attribute__((vector_size(VECTOR_BYTES)));
typedef double FN(sum_weights) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(double)), may_alias));

/* Lane by lane: of this GCC makes one instruction, of __builtin_convertvector several. */
INLINE FN(sum_lanes) FN(sum_widen)(FN(sum_part) v) {
    FN(sum_lanes) wide;
    UNROLL for (int l = 0; l < SUM_STEP; l++) wide[l] = v[l];
    return wide;
}

INLINE FN(sum_lanes) FN(sum_load)(const T *a, int squared, const double *w) {
    FN(sum_lanes) v = FN(sum_widen)(*(const FN(sum_part) *)a);
    if (squared) v *= v;
    return w ? v * *(const FN(sum_weights) *)w : v;
}

INLINE void FN(sum_step)(const T *a, int squared, const double *w, FN(sum_lanes) lane[SUM_VECTORS]) {
    UNROLL for (int k = 0; k < SUM_VECTORS; k++) {
        ptrdiff_t i = k * SUM_STEP;
        lane[k] += FN(sum_load)(a + i, squared, w ? w + i : NULL);
    }
}

/* The sum of a[i] w[i], or of a[i]^2 w[i]; `squared` is a constant, and so is a w of NULL: none. */
INLINE double FN(sum_products)(const T *a, int squared, const double *w, ptrdiff_t n) {
    FN(sum_lanes) lane[SUM_VECTORS] = {{0}};
    double sum[SUM_LANES];
    ptrdiff_t i = 0;
    for (; i + SUM_LANES <= n; i += SUM_LANES) FN(sum_step)(a + i, squared, w ? w + i : NULL, lane);
    if (i < n) {
        T tail[SUM_LANES] = {0};
        double tail_w[SUM_LANES] = {0};
        memcpy(tail, a + i, (size_t)(n - i) * sizeof(T));
        if (w) memcpy(tail_w, w + i, (size_t)(n - i) * sizeof(double));
        FN(sum_step)(tail, squared, w ? tail_w : NULL, lane);
    }
    memcpy(sum, lane, sizeof sum);
    UNROLL for (int half = SUM_LANES / 2; half > 0; half /= 2) for (int k = 0; k < half; k++) sum[k] += sum[k + half];
    return sum[0];
}

/* total[0] + total[1] += v */
INLINE void FN(sum_add)(double v, double *total) {
    double sum = total[0] + v, part = sum - total[0];
    total[1] += (total[0] - (sum - part)) + (v - part);
    total[0] = sum;
}

/* total[0] + total[1] += the sum of a[i] for i < n. An infinite or NaN sum is in total[0], and total[1] is then worth
 * nothing. To go on with the same sum, n must be a multiple of SUM_BLOCK. */
NOINLINE static void FN(sum)(const void *av, ptrdiff_t n, double *total) {
    const T *a = (const T *)av;
    for (ptrdiff_t i = 0; i < n; i += SUM_BLOCK)
        FN(sum_add)(FN(sum_products)(a + i, 0, NULL, n - i < SUM_BLOCK ? n - i : SUM_BLOCK), total);
    clear_flags();
}

#undef SUM_LANES
#undef SUM_BLOCK
#undef SUM_STEP
#undef SUM_VECTORS
