/* The gradients through softmax and log_softmax, from their outputs, and the entropy: one compensated sum along the
 * axis, in the lanes of softmax.inc.h, then one pass that writes.
 *
 *     softmax_backward:      y (dy - sum dy y)
 *     log_softmax_backward:  dy - e^y sum dy
 *     entropy:               sum -p log p */

INLINE T FN(backward_result)(int mode, T dy, T y, T sum, T exp_low) {
    if (mode == FASTML_SOFTMAX_BACKWARD) return y * (dy - sum);
    T e = MATH(exp_scaled)(AT_LEAST(y, exp_low), NO_LOW) * MATH(exp_down);
    return MULADD(-e, sum, dy);
}

/* One more term of the sum. */
INLINE T FN(backward_add)(int mode, T x, T x2, T sum) {
    return mode == FASTML_SOFTMAX_BACKWARD ? MULADD(x, x2, sum)
                                           : sum + (mode == FASTML_ENTROPY ? MATH(entropy_term)(x) : x);
}

/* The compensated sum; the low part of an infinite one is NaN. */
INLINE T FN(rounded)(T high, T low) { return high + (low == low ? low : 0); }

/* high + low += the block's products, lane by lane, in the order of softmax_block_sum. */
HOT static void FN(backward_block_dot)(const T *x, const T *x2, ptrdiff_t n, T *high, T *low) {
    FN(lanes) h = *(FN(lanes) *)high, l = *(FN(lanes) *)low;
    T tail[PLAIN_SUM] = {0}, tail2[PLAIN_SUM] = {0};
    for (; n > 0; n -= PLAIN_SUM, x += PLAIN_SUM, x2 += PLAIN_SUM) {
        const T *a = x, *b = x2;
        if (n < PLAIN_SUM) {
            a = (const T *)memcpy(tail, x, (size_t)n * sizeof(T));
            b = (const T *)memcpy(tail2, x2, (size_t)n * sizeof(T));
        }
        FN(lanes) v = {0}, other = {0};
        UNROLL for (ptrdiff_t k = 0; k < LANES; k++) {
            v[k] = MULADD(a[LANES + k], b[LANES + k], a[k] * b[k]);
            other[k] = MULADD(a[3 * LANES + k], b[3 * LANES + k], a[2 * LANES + k] * b[2 * LANES + k]);
        }
        FN(lanes) sum, part;
        v += other;
        sum = h + v, part = sum - h;
        l += (h - (sum - part)) + (v - part);
        h = sum;
    }
    *(FN(lanes) *)high = h;
    *(FN(lanes) *)low = l;
}

HOT static void FN(entropy_block)(const T *p, T *term, ptrdiff_t n) {
    IVDEP for (ptrdiff_t k = 0; k < n; k++) term[k] = MATH(entropy_term)(p[k]);
}

/* `mode` is a constant wherever this is inlined, so that each loop is of one function. */
INLINE void FN(backward_row_as)(int mode, const fastml_problem *p) {
    FN(source) from = {p->x, p->x_step, NULL, 0}, from2 = {p->x2, p->x2_step, NULL, 0};
    T block[BLOCK], block2[BLOCK], high[LANES] = {0}, low[LANES] = {0}, exp_low = MATH(exp_low);
    const T *x, *x2;
    OPAQUE(exp_low);
    for (ptrdiff_t i = 0; i < p->C; i += BLOCK) {
        ptrdiff_t n = p->C - i < BLOCK ? p->C - i : BLOCK;
        x = FN(gather)(&from, i, n, block);
        if (mode == FASTML_SOFTMAX_BACKWARD) {
            FN(backward_block_dot)(x, FN(gather)(&from2, i, n, block2), n, high, low);
            continue;
        }
        if (mode == FASTML_ENTROPY) FN(entropy_block)(x, block2, n);
        FN(softmax_block_sum)(mode == FASTML_ENTROPY ? block2 : x, n, high, low);
    }
    FN(lanes_total)(high, low);
    T sum = FN(rounded)(high[0], low[0]);
    if (mode == FASTML_ENTROPY) {
        FN(scatter)(&sum, &from, p->y, 0, 0, 1, 0);
        return;
    }
    int dense = FN(is_dense)(p->y, p->y_step, NULL);
    for (ptrdiff_t i = 0; i < p->C; i += BLOCK) {
        ptrdiff_t n = p->C - i < BLOCK ? p->C - i : BLOCK;
        T *result = dense ? (T *)p->y + i : block;
        x = FN(gather)(&from, i, n, block);
        x2 = FN(gather)(&from2, i, n, block2);
        IVDEP for (ptrdiff_t k = 0; k < n; k++) result[k] = FN(backward_result)(mode, x[k], x2[k], sum, exp_low);
        FN(scatter)(result, &from, p->y, p->y_step, i, n, 0);
    }
}

NOINLINE static void FN(backward_row)(const fastml_problem *p) {
    if (p->mode == FASTML_ENTROPY) FN(backward_row_as)(FASTML_ENTROPY, p);
    else if (p->mode == FASTML_SOFTMAX_BACKWARD) FN(backward_row_as)(FASTML_SOFTMAX_BACKWARD, p);
    else FN(backward_row_as)(FASTML_LOG_SOFTMAX_BACKWARD, p);
}

INLINE void FN(backward_tile_as)(int mode, const fastml_problem *p, ptrdiff_t w) {
    FN(tile) t;
    const char *x = p->x, *x2 = p->x2;
    char *y = p->y;
    ptrdiff_t used = p->C < LANES ? p->C : LANES;
    T exp_low = MATH(exp_low);
    OPAQUE(exp_low);
    FN(softmax_tile_clear)(&t, p->C, used);
    for (ptrdiff_t i = 0; i < p->C; i++, x += p->x_step, x2 += p->x2_step) {
        const S *a = (const S *)x, *b = mode == FASTML_SOFTMAX_BACKWARD ? (const S *)x2 : a;
        T *lane = FN(softmax_tile_lane)(&t, i, p->C);
        IVDEP for (ptrdiff_t j = 0; j < w; j++) lane[j] = FN(backward_add)(mode, LOAD(a[j]), LOAD(b[j]), lane[j]);
        if ((i + 1) % PLAIN_SUM == 0 || i + 1 == p->C) FN(softmax_tile_flush)(&t, p->C, i < PLAIN_SUM, used, w);
    }
    FN(softmax_tile_total)(&t, used, w);
    T *sum = t.high[0], *low = t.low[0];
    for (ptrdiff_t j = 0; j < w; j++) sum[j] = FN(rounded)(sum[j], low[j]);
    if (mode == FASTML_ENTROPY) {
        for (ptrdiff_t j = 0; j < w; j++) ((S *)y)[j] = STORE(sum[j]);
        return;
    }
    x = p->x, x2 = p->x2;
    for (ptrdiff_t i = 0; i < p->C; i++, x += p->x_step, x2 += p->x2_step, y += p->y_step) {
        const S *a = (const S *)x, *b = (const S *)x2;
        S *result = (S *)y;
        IVDEP for (ptrdiff_t j = 0; j < w; j++)
            result[j] = STORE(FN(backward_result)(mode, LOAD(a[j]), LOAD(b[j]), sum[j], exp_low));
    }
}

HOT static void FN(backward_tile)(const fastml_problem *p, ptrdiff_t w) {
    if (p->mode == FASTML_ENTROPY) FN(backward_tile_as)(FASTML_ENTROPY, p, w);
    else if (p->mode == FASTML_SOFTMAX_BACKWARD) FN(backward_tile_as)(FASTML_SOFTMAX_BACKWARD, p, w);
    else FN(backward_tile_as)(FASTML_LOG_SOFTMAX_BACKWARD, p, w);
}
