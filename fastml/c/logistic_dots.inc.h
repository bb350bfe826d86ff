/* X w of a block of rows, for logistic.inc.h. */

/* One register, NV of which hold LANES elements. */
#define NV (64 / VECTOR_BYTES)
#define WIDTH (LANES / NV)
typedef T FN(vector) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T)), may_alias));
#define AT(p) (*(const FN(vector) *)(p))

/* The dots take 32 bytes on AVX-512 too: short rows are more shuffles and additions than products, and a third port is
 * open to these then. */
typedef T FN(half) __attribute__((vector_size(32), aligned(sizeof(T)), may_alias));
typedef U FN(half_bits) __attribute__((vector_size(32), aligned(sizeof(U)), may_alias));
#define HALF (LANES / 2)
#define HALF_AT(p) (*(const FN(half) *)(p))

/* Written as loops over lanes, these become one instruction. */
INLINE FN(half) FN(fma_half)(FN(half) a, FN(half) b, FN(half) sum) {
    for (int l = 0; l < HALF; l++) sum[l] = MULADD(a[l], b[l], sum[l]);
    return sum;
}
INLINE FN(vector) FN(fma_vector)(FN(vector) a, FN(vector) b, FN(vector) sum) {
    for (int l = 0; l < WIDTH; l++) sum[l] = MULADD(a[l], b[l], sum[l]);
    return sum;
}
INLINE FN(vector) FN(fma_scalar)(T a, FN(vector) b, FN(vector) sum) {
    for (int l = 0; l < WIDTH; l++) sum[l] = MULADD(a, b[l], sum[l]);
    return sum;
}

/* What remains of a row after whole HALFs is read as the row's last HALF elements, against w and a mask with zeros
 * where those were already taken: nothing is read past the row. */
typedef struct {
    T w[HALF];
    U mask[HALF];
} FN(row_tail);

/* Dot products of one or two rows of d >= HALF elements, left in HALF lanes. `whole` is d / HALF and `rest` d % HALF:
 * literals for few features, so that w stays in registers. `ahead`: the distance in bytes of what memory is asked
 * for. */
INLINE void FN(dot)(const T *const *x, const T *w, const FN(row_tail) *tail, FN(half) *part, int rows, ptrdiff_t whole,
                    ptrdiff_t rest, ptrdiff_t ahead) {
    FN(half) s[2][4] = {{{0}}};
    ptrdiff_t j = 0;
    for (; j + 4 <= whole; j += 4) UNROLL for (int i = 0; i < 4; i++) UNROLL for (int k = 0; k < rows; k++) {
            const T *p = x[k] + (j + i) * HALF;
            if (ahead && i % 2 == 0) PREFETCH((const char *)p + ahead);
            s[k][i] = FN(fma_half)(HALF_AT(p), HALF_AT(w + (j + i) * HALF), s[k][i]);
        }
    UNROLL for (int i = 0; i < 3; i++) if (j + i < whole) UNROLL for (int k = 0; k < rows; k++) {
        const T *p = x[k] + (j + i) * HALF;
        if (ahead && i % 2 == 0) PREFETCH((const char *)p + ahead);
        s[k][i] = FN(fma_half)(HALF_AT(p), HALF_AT(w + (j + i) * HALF), s[k][i]);
    }
    UNROLL for (int k = 0; k < rows; k++) {
        if (rest) {
            const T *last = x[k] + (whole - 1) * HALF + rest;
            FN(half_bits) left = *(const FN(half_bits) *)last & *(const FN(half_bits) *)tail->mask;
            s[k][3] = FN(fma_half)((FN(half))left, HALF_AT(tail->w), s[k][3]);
        }
        part[k] = (s[k][0] + s[k][1]) + (s[k][2] + s[k][3]);
    }
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

/* The sum of the lanes of part[r], for HALF rows. */
INLINE FN(half) FN(reduce_rows)(const FN(half) *part) {
#if DTYPE == F32
    FN(half) p01 = FN(add_pairs)(part[0], part[1]), p23 = FN(add_pairs)(part[2], part[3]);
    FN(half) p45 = FN(add_pairs)(part[4], part[5]), p67 = FN(add_pairs)(part[6], part[7]);
    /* two lanes of each row are left in every half of four */
    FN(half) q0 = __builtin_shufflevector(p01, p23, 0, 1, 8, 9, 4, 5, 12, 13) +
                  __builtin_shufflevector(p01, p23, 2, 3, 10, 11, 6, 7, 14, 15);
    FN(half) q1 = __builtin_shufflevector(p45, p67, 0, 1, 8, 9, 4, 5, 12, 13) +
                  __builtin_shufflevector(p45, p67, 2, 3, 10, 11, 6, 7, 14, 15);
    return __builtin_shufflevector(q0, q1, 0, 1, 2, 3, 8, 9, 10, 11) +
           __builtin_shufflevector(q0, q1, 4, 5, 6, 7, 12, 13, 14, 15);
#else
    FN(half) p01 = FN(add_pairs)(part[0], part[1]), p23 = FN(add_pairs)(part[2], part[3]);
    return __builtin_shufflevector(p01, p23, 0, 1, 4, 5) + __builtin_shufflevector(p01, p23, 2, 3, 6, 7);
#endif
}

/* z[R] = X w + b; writes up to a multiple of HALF. */
INLINE void FN(dots)(const T *X, const T *w, const FN(row_tail) *tail, T bias, T *z, ptrdiff_t R, ptrdiff_t ldx,
                     int rows, ptrdiff_t whole, ptrdiff_t rest, ptrdiff_t ahead) {
    for (ptrdiff_t r = 0; r < R; r += HALF) {
        FN(half) part[HALF];
        const T *x[HALF];
        for (ptrdiff_t k = 0; k < HALF; k++) x[k] = X + (r + k < R ? r + k : R - 1) * ldx;
        if (whole <= 4 && !ahead)
            UNROLL for (int k = 0; k < HALF; k += rows) FN(dot)(x + k, w, tail, part + k, rows, whole, rest, ahead);
        else
            KEEP_LOOP for (int k = 0; k < HALF; k += rows) /* the processor's own prefetching follows few loads */
                FN(dot)(x + k, w, tail, part + k, rows, whole, rest, ahead);
        *(FN(half) *)(z + r) = FN(reduce_rows)(part) + bias;
    }
}

INLINE void FN(choose_dots)(const T *X, const T *w, const FN(row_tail) *tail, T bias, T *z, ptrdiff_t R, ptrdiff_t d,
                            ptrdiff_t ldx, ptrdiff_t ahead) {
    ptrdiff_t whole = d / HALF, rest = d % HALF;
    const int rows = ahead ? 1 : 2;
    if (whole == 2 && rest) FN(dots)(X, w, tail, bias, z, R, ldx, rows, 2, rest, ahead);
    else if (whole == 4 && !rest) FN(dots)(X, w, tail, bias, z, R, ldx, rows, 4, 0, ahead);
    else FN(dots)(X, w, tail, bias, z, R, ldx, 2, whole, rest, ahead);
}

#define AHEAD 1024 /* bytes; within longer rows, what the processor asks for by itself is as much */

HOT static void FN(logistic_dots)(const T *X, const T *w, T bias, T *z, ptrdiff_t R, ptrdiff_t d, ptrdiff_t ldx,
                                  int from_memory) {
    FN(row_tail) tail;
    ptrdiff_t taken = HALF - d % HALF;
    for (ptrdiff_t l = 0; l < HALF; l++) {
        tail.w[l] = l < taken ? 0 : w[d - HALF + l];
        tail.mask[l] = l < taken ? 0 : ~(U)0;
    }
    if (from_memory && d * (ptrdiff_t)sizeof(T) <= AHEAD) FN(choose_dots)(X, w, &tail, bias, z, R, d, ldx, AHEAD);
    else FN(choose_dots)(X, w, &tail, bias, z, R, d, ldx, 0);
}

#undef AHEAD
