/* Sums in float64 of values of T, or of the products of two arrays of T.
 *
 * Element i of a block of SUM_BLOCK is added to lane i % SUM_LANES, the lanes in a fixed tree, the blocks with
 * compensation: so a sum depends on its values and their order alone, and its error hardly on their number. Products
 * of float32 are exact in float64. */

#define SUM_LANES 32
#define SUM_BLOCK FASTML_SUM_BLOCK
#define SUM_STEP (SUM_LANES / 4)

typedef T FN(sum_part) __attribute__((vector_size(SUM_STEP * sizeof(T)), aligned(sizeof(T)), may_alias));
typedef double FN(sum_lanes) __attribute__((vector_size(SUM_STEP * sizeof(double))));

INLINE FN(sum_lanes) FN(sum_load)(const T *a, const T *b) {
    FN(sum_lanes) v = __builtin_convertvector(*(const FN(sum_part) *)a, FN(sum_lanes));
    return b ? v * __builtin_convertvector(*(const FN(sum_part) *)b, FN(sum_lanes)) : v;
}

/* `b` is a constant NULL wherever there is no second array. */
INLINE double FN(sum_block)(const T *a, const T *b, ptrdiff_t n) {
    FN(sum_lanes) lane[4] = {{0}};
    T tail[SUM_LANES] = {0}, tail_b[SUM_LANES] = {0};
    for (; n > 0; n -= SUM_LANES, a += SUM_LANES) {
        if (n < SUM_LANES) {
            a = (const T *)memcpy(tail, a, (size_t)n * sizeof(T));
            if (b) b = (const T *)memcpy(tail_b, b, (size_t)n * sizeof(T));
        }
        UNROLL for (int k = 0; k < 4; k++) lane[k] += FN(sum_load)(a + k * SUM_STEP, b ? b + k * SUM_STEP : NULL);
        if (b) b += SUM_LANES;
    }
    FN(sum_lanes) v = (lane[0] + lane[2]) + (lane[1] + lane[3]);
    return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

/* total[0] + total[1] += the sum of a[i] for i < n, or of a[i] b[i] where b is not NULL. An infinite or NaN sum is in
 * total[0], and total[1] is then worth nothing. To go on with the same sum, n must be a multiple of SUM_BLOCK. */
NOINLINE static void FN(sum)(const void *av, const void *bv, ptrdiff_t n, double *total) {
    const T *a = (const T *)av, *b = (const T *)bv;
    for (ptrdiff_t i = 0; i < n; i += SUM_BLOCK) {
        ptrdiff_t count = n - i < SUM_BLOCK ? n - i : SUM_BLOCK;
        double v = b ? FN(sum_block)(a + i, b + i, count) : FN(sum_block)(a + i, NULL, count);
        double sum = total[0] + v, part = sum - total[0];
        total[1] += (total[0] - (sum - part)) + (v - part);
        total[0] = sum;
    }
    clear_flags();
}

#undef SUM_LANES
#undef SUM_BLOCK
#undef SUM_STEP
