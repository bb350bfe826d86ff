/* One problem of the softmax family in any layout. */

/* Elements [start, start + n) of a strided, masked array of S. */
typedef struct {
    const char *x;
    ptrdiff_t x_step;
    const uint8_t *where;
    ptrdiff_t where_step;
} FN(source);

INLINE int FN(is_dense)(const void *p, ptrdiff_t step, const uint8_t *where) {
    return KEEPS && step == (ptrdiff_t)sizeof(S) && !where && (uintptr_t)p % sizeof(S) == 0;
}

/* The block as values of T: in place where memory holds just that, else gathered; masked elements are -inf. */
static const T *FN(gather)(const FN(source) *from, ptrdiff_t start, ptrdiff_t n, T *block) {
    const char *x = from->x + start * from->x_step;
    if (FN(is_dense)(x, from->x_step, from->where)) return (const T *)x;
#if DTYPE == F16
    if (from->x_step == (ptrdiff_t)sizeof(S) && (uintptr_t)x % sizeof(S) == 0) {
        FN(widen)((const S *)x, block, n);
    } else
#endif
        for (ptrdiff_t i = 0; i < n; i++) {
            S v;
            memcpy(&v, x + i * from->x_step, sizeof v);
            block[i] = LOAD(v);
        }
    if (from->where) {
        const uint8_t *where = from->where + start * from->where_step;
        for (ptrdiff_t i = 0; i < n; i++) block[i] = where[i * from->where_step] ? block[i] : -(T)INFINITY;
    }
    return block;
}

static void FN(scatter)(const T *block, const FN(source) *from, char *y, ptrdiff_t y_step, ptrdiff_t start, ptrdiff_t n,
                        T masked) {
    y += start * y_step;
    if ((const char *)block == y) return;
    const uint8_t *where = from->where ? from->where + start * from->where_step : NULL;
#if DTYPE == F16
    if (!where && y_step == (ptrdiff_t)sizeof(S) && (uintptr_t)y % sizeof(S) == 0) {
        FN(narrow)(block, (S *)y, n);
        return;
    }
#endif
    for (ptrdiff_t i = 0; i < n; i++) {
        S v = STORE(where && !where[i * from->where_step] ? masked : block[i]);
        memcpy(y + i * y_step, &v, sizeof v);
    }
}

/* lane[l] = the larger of lane[l] and lane[l + half]. */
INLINE void FN(fold_maxima)(T *lane, ptrdiff_t half) {
    for (ptrdiff_t l = 0; l < half; l++) lane[l] = lane[l] < lane[l + half] ? lane[l + half] : lane[l];
}

/* So many lanes that GCC keeps the loop over them a loop, and vectorises it. */
#define MAX_LANES (4 * LANES)
HOT static T FN(softmax_block_max)(const T *x, ptrdiff_t n) {
    T lane[MAX_LANES], m = -(T)INFINITY;
    for (ptrdiff_t l = 0; l < MAX_LANES; l++) lane[l] = m;
    ptrdiff_t i = 0;
    for (; i + MAX_LANES <= n; i += MAX_LANES)
        for (ptrdiff_t l = 0; l < MAX_LANES; l++) lane[l] = lane[l] < x[i + l] ? x[i + l] : lane[l];
    for (ptrdiff_t l = 0; l < n - i; l++) lane[l] = lane[l] < x[i + l] ? x[i + l] : lane[l];
    for (ptrdiff_t half = MAX_LANES / 2; half >= LANES / 4; half /= 2) FN(fold_maxima)(lane, half);
    for (ptrdiff_t l = 0; l < LANES / 4; l++) m = m < lane[l] ? lane[l] : m;
    return m;
}
#undef MAX_LANES

enum FN(what) { FN(EXP), FN(LOG), FN(SCALE) };

INLINE T FN(value_of)(int what, T x, T a, T b, T c) {
    return what == FN(EXP) ? MATH(exp_relative)(x, a, b, c) : what == FN(LOG) ? (x - a) - b : FN(scaled)(x, a, b);
}

/* y = f(x) over a block; y may be x. What is left after whole vectors is done with the last LANES elements as one more
 * vector, read before anything is written. `what` is a constant wherever this is inlined. */
INLINE void FN(map_block)(int what, const T *x, T *y, ptrdiff_t n, T a, T b, T c) {
    ptrdiff_t whole = n < LANES ? n : n / LANES * LANES;
    T last[LANES];
    if (whole < n) IVDEP for (ptrdiff_t l = 0; l < LANES; l++) last[l] = FN(value_of)(what, x[n - LANES + l], a, b, c);
    IVDEP for (ptrdiff_t i = 0; i < whole; i++) y[i] = FN(value_of)(what, x[i], a, b, c);
    if (whole < n) memcpy(y + n - LANES, last, sizeof last);
}

/* e = scaled exponentials of the block. */
HOT static void FN(softmax_block_exp)(const T *x, T *e, ptrdiff_t n, MATH(exp_base) base) {
    FN(map_block)(FN(EXP), x, e, n, base.origin, base.low, base.magic);
}

/* e = 0 where x is the maximum: the sum of the rest must not drown in it. Returns how many there were. */
HOT static int FN(softmax_block_drop)(const T *x, T *e, ptrdiff_t n, T m) {
    int maxima = 0;
    for (ptrdiff_t i = 0; i < n; i++) maxima += x[i] == m;
    IVDEP for (ptrdiff_t i = 0; i < n; i++) e[i] = x[i] == m ? 0 : e[i];
    return maxima;
}

HOT static void FN(softmax_block_log)(const T *x, T *y, ptrdiff_t n, T m, T log_sum) {
    FN(map_block)(FN(LOG), x, y, n, m, log_sum, 0);
}

HOT static void FN(softmax_block_scale)(T *e, ptrdiff_t n, T inverse, T rest) {
    FN(map_block)(FN(SCALE), e, e, n, inverse, rest, 0);
}

/* Whole groups of PLAIN_SUM, some lanes after the others: as many as a register holds. */
INLINE void FN(sum_groups)(const T *e, ptrdiff_t n, T *high, T *low) {
    for (ptrdiff_t first = 0; first < LANES; first += (ptrdiff_t)(sizeof(FN(some_lanes)) / sizeof(T))) {
        FN(some_lanes) h = *(FN(some_lanes) *)(high + first), l = *(FN(some_lanes) *)(low + first);
        for (const T *from = e + first; from < e + n; from += PLAIN_SUM) {
#define FOURTH(k) (*(const FN(some_lanes) *)(from + (k) * LANES))
            FN(some_lanes) v = (FOURTH(0) + FOURTH(1)) + (FOURTH(2) + FOURTH(3)), sum = h + v, part = sum - h;
#undef FOURTH
            l += (h - (sum - part)) + (v - part);
            h = sum;
        }
        *(FN(some_lanes) *)(high + first) = h;
        *(FN(some_lanes) *)(low + first) = l;
    }
}

/* high + low += the block's elements, lane by lane. */
HOT static void FN(softmax_block_sum)(const T *e, ptrdiff_t n, T *high, T *low) {
    ptrdiff_t rest = n % PLAIN_SUM;
    FN(sum_groups)(e, n - rest, high, low);
    if (rest == 0) return;
    T tail[PLAIN_SUM];
    memcpy(tail, e + n - rest, (size_t)rest * sizeof(T));
    memset(tail + rest, 0, (size_t)(PLAIN_SUM - rest) * sizeof(T));
    FN(sum_groups)(tail, PLAIN_SUM, high, low);
}

/* Leave the sum of the lanes in high[0] + low[0], added in a fixed tree. */
static void FN(lanes_total)(T *high, T *low) {
    for (ptrdiff_t half = LANES / 2; half; half /= 2)
        for (ptrdiff_t l = 0; l < half; l++) {
            low[l] += low[l + half];
            FN(two_sum)(&high[l], &low[l], high[l + half]);
        }
}

/* Where nothing but the maxima counts: m is infinite, or so large that any smaller x vanishes beside it. They share
 * equally; several +inf, or nothing but -inf, have no limit, except for logsumexp. */
NOINLINE static void FN(softmax_limit)(int mode, const FN(source) *from, char *y, ptrdiff_t y_step, ptrdiff_t C, T m) {
    ptrdiff_t used = 0, maxima = 0, nan = 0;
    T v[1], masked = mode == FASTML_SOFTMAX ? 0 : -(T)INFINITY;
    FN(source) plain = *from;
    plain.where = NULL;
    for (ptrdiff_t i = 0; i < C; i++) {
        if (from->where && !from->where[i * from->where_step]) continue;
        T x = *FN(gather)(&plain, i, 1, v);
        used++;
        maxima += x == m;
        nan += x != x;
    }
    T log_share = maxima ? -MATH(log1p)((T)(maxima - 1)) : 0;
    if (mode == FASTML_LOGSUMEXP) {
        v[0] = nan ? (T)NAN : used && m - m == 0 ? m - log_share : m;
        plain.x_step = 0;
        FN(scatter)(v, &plain, y, 0, 0, 1, 0);
        return;
    }
    int none = nan || (used && m == -(T)INFINITY) || (maxima > 1 && m == (T)INFINITY);
    T share = mode == FASTML_SOFTMAX ? 1 / (T)maxima : log_share;
    for (ptrdiff_t i = 0; i < C; i++) {
        T x = *FN(gather)(from, i, 1, v), below = mode == FASTML_SOFTMAX ? 0 : x - m;
        T result = none ? (T)NAN : x == m ? share : below;
        FN(scatter)(&result, from, y, y_step, i, 1, masked);
    }
}

NOINLINE static void FN(softmax_row)(const fastml_problem *p) {
    FN(source) from = {p->x, p->x_step, p->where, p->where_step};
    char *y = p->y;
    ptrdiff_t y_step = p->y_step, C = p->C, first = 0, last = 0; /* blocks that hold the maximum */
    int mode = p->mode, dense = FN(is_dense)(y, y_step, p->where);
    T block[BLOCK], exponentials[BLOCK], high[LANES] = {0}, low[LANES] = {0}, m = -(T)INFINITY, q;
    for (ptrdiff_t i = 0; i < C; i += BLOCK) {
        ptrdiff_t n = C - i < BLOCK ? C - i : BLOCK;
        T top = FN(softmax_block_max)(FN(gather)(&from, i, n, block), n);
        first = m < top ? i : first;
        last = m <= top ? i : last;
        m = m < top ? top : m;
    }
    if (!FN(is_moderate)(m)) {
        FN(softmax_limit)(mode, &from, y, y_step, C, m);
        return;
    }
    MATH(exp_base) base = MATH(exp_based_on)(m, &q);
    double maxima = 0;
    for (ptrdiff_t i = 0; i < C; i += BLOCK) {
        ptrdiff_t n = C - i < BLOCK ? C - i : BLOCK;
        const T *x = FN(gather)(&from, i, n, block);
        T *e = dense && mode == FASTML_SOFTMAX ? (T *)y + i : exponentials;
        FN(softmax_block_exp)(x, e, n, base);
        if (mode != FASTML_SOFTMAX && first <= i && i <= last) maxima += FN(softmax_block_drop)(x, e, n, m);
        FN(softmax_block_sum)(e, n, high, low);
    }
    FN(lanes_total)(high, low);
    T rest = 0, scale;
    if (mode == FASTML_SOFTMAX) scale = FN(inverse)(high[0], low[0], &rest);
    else scale = FN(log_of_sum)(FN(without_factor)(high[0] + low[0], q), (T)(maxima - 1));
    if (mode == FASTML_LOGSUMEXP) {
        S v = STORE(m + scale);
        memcpy(y, &v, sizeof v);
    }
    for (ptrdiff_t i = 0; i < C && mode != FASTML_LOGSUMEXP; i += BLOCK) {
        ptrdiff_t n = C - i < BLOCK ? C - i : BLOCK;
        T *result = dense ? (T *)y + i : block;
        if (mode == FASTML_SOFTMAX) {
            if (!dense) FN(softmax_block_exp)(FN(gather)(&from, i, n, block), block, n, base);
            FN(softmax_block_scale)(result, n, scale, rest);
            FN(scatter)(result, &from, y, y_step, i, n, 0);
        } else {
            const T *x = FN(gather)(&from, i, n, block);
            FN(softmax_block_log)(x, result, n, m, scale);
            FN(scatter)(result, &from, y, y_step, i, n, -(T)INFINITY);
        }
    }
}
