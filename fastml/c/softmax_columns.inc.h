/* Problems side by side: the loops of softmax_row.inc.h turned by 90 degrees, `w` <= TILE columns at a time. */

typedef struct {
    T max[TILE], maxima[TILE];
    T origin[TILE], lowest[TILE], magic[TILE], factor[TILE]; /* exp_base, and its q */
    T lane[2 * LANES][TILE], high[LANES][TILE], low[LANES][TILE];
    double count[TILE]; /* of maxima, flushed with the lanes: T counts to 2^24 only */
} FN(tile);

/* Returns whether every maximum is moderate. */
HOT static int FN(softmax_tile_max)(FN(tile) *t, const S *x, ptrdiff_t C, ptrdiff_t w, ptrdiff_t x_step) {
    for (ptrdiff_t j = 0; j < w; j++) t->max[j] = -(T)INFINITY;
    for (ptrdiff_t i = 0; i < C; i++, x += x_step)
        for (ptrdiff_t j = 0; j < w; j++) {
            T v = LOAD(x[j]);
            t->max[j] = t->max[j] < v ? v : t->max[j];
        }
    int moderate = 1;
    for (ptrdiff_t j = 0; j < w; j++) { moderate &= FN(is_moderate)(t->max[j]); }
    IVDEP for (ptrdiff_t j = 0; j < w; j++) {
        MATH(exp_base) base = MATH(exp_based_on)(t->max[j], &t->factor[j]);
        t->origin[j] = base.origin;
        t->lowest[j] = base.low;
        t->magic[j] = base.magic;
    }
    return moderate;
}

/* Two elements of a group are added in one place, two in another, and then the two sums; of few rows, `high` is the
 * one place. */
#define FEW_ROWS(C) ((C) <= PLAIN_SUM / 2)
INLINE T *FN(softmax_tile_lane)(FN(tile) *t, ptrdiff_t i, ptrdiff_t C) {
    if (FEW_ROWS(C)) return t->high[i % LANES];
    return t->lane[i % LANES + (i % PLAIN_SUM < PLAIN_SUM / 2 ? 0 : LANES)];
}

INLINE T FN(softmax_tile_term)(const FN(tile) *t, T x, ptrdiff_t j) {
    return MATH(exp_relative)(x, t->origin[j], t->lowest[j], t->magic[j]);
}

/* Pass 2 for softmax over rows of which the first goes to lane 0; y may be x. */
HOT static void FN(softmax_tile_exp)(FN(tile) *t, const S *x, S *y, ptrdiff_t C, ptrdiff_t rows, ptrdiff_t w,
                                          ptrdiff_t x_step, ptrdiff_t y_step) {
    for (ptrdiff_t i = 0; i < rows; i++, x += x_step, y += y_step) {
        T *lane = FN(softmax_tile_lane)(t, i, C);
        IVDEP for (ptrdiff_t j = 0; j < w; j++) {
            T e = FN(softmax_tile_term)(t, LOAD(x[j]), j);
            lane[j] += e;
            if (KEEPS) y[j] = (S)e;
        }
    }
}

/* The same for the logarithms, without the maxima themselves. */
HOT static void FN(softmax_tile_rest)(FN(tile) *t, const S *x, ptrdiff_t C, ptrdiff_t rows, ptrdiff_t w,
                                           ptrdiff_t x_step) {
    for (ptrdiff_t i = 0; i < rows; i++, x += x_step) {
        T *lane = FN(softmax_tile_lane)(t, i, C);
        IVDEP for (ptrdiff_t j = 0; j < w; j++) {
            T v = LOAD(x[j]), e = FN(softmax_tile_term)(t, v, j);
            lane[j] += v == t->max[j] ? 0 : e;
            t->maxima[j] += v == t->max[j] ? 1 : 0;
        }
    }
}

/* The compensated sum takes the lanes over, of which `used` hold something; the `first` group is the sum. */
HOT static void FN(softmax_tile_flush)(FN(tile) *t, ptrdiff_t C, int first, ptrdiff_t used, ptrdiff_t w) {
    for (ptrdiff_t j = 0; j < w; j++) {
        t->count[j] += t->maxima[j];
        t->maxima[j] = 0;
    }
    if (FEW_ROWS(C)) return;
    for (ptrdiff_t l = 0; l < used; l++) {
        T *lane = t->lane[l], *other = t->lane[LANES + l], *high = t->high[l], *low = t->low[l];
        IVDEP for (ptrdiff_t j = 0; j < w; j++) {
            T v = lane[j] + other[j];
            lane[j] = other[j] = 0;
            if (first) high[j] = v, low[j] = 0;
            else FN(two_sum)(&high[j], &low[j], v);
        }
    }
}

/* lanes_total for each column. */
HOT static void FN(softmax_tile_total)(FN(tile) *t, ptrdiff_t used, ptrdiff_t w) {
    for (ptrdiff_t half = LANES / 2; half; half /= 2)
        for (ptrdiff_t l = 0; l < half && l + half < used; l++)
            IVDEP for (ptrdiff_t j = 0; j < w; j++) {
                t->low[l][j] += t->low[l + half][j];
                FN(two_sum)(&t->high[l][j], &t->low[l][j], t->high[l + half][j]);
            }
}

HOT static void FN(softmax_tile_write)(FN(tile) *t, int mode, const S *x, S *y, ptrdiff_t C, ptrdiff_t w,
                                            ptrdiff_t x_step, ptrdiff_t y_step) {
    const T *scale = t->high[0], *rest = t->low[0];
    for (ptrdiff_t i = 0; i < C; i++, x += x_step, y += y_step) {
        if (mode == FASTML_LOG_SOFTMAX) {
            IVDEP for (ptrdiff_t j = 0; j < w; j++) y[j] = STORE((LOAD(x[j]) - t->max[j]) - scale[j]);
        } else if (KEEPS) {
            IVDEP for (ptrdiff_t j = 0; j < w; j++) y[j] = (S)FN(scaled)((T)y[j], scale[j], rest[j]);
        } else {
            IVDEP for (ptrdiff_t j = 0; j < w; j++)
                y[j] = STORE(FN(scaled)(FN(softmax_tile_term)(t, LOAD(x[j]), j), scale[j], rest[j]));
        }
    }
}

static void FN(softmax_tile_clear)(FN(tile) *t, ptrdiff_t C, ptrdiff_t used) {
    size_t size = (size_t)used * sizeof t->lane[0];
    memset(t->maxima, 0, sizeof t->maxima);
    memset(t->count, 0, sizeof t->count);
    memset(FEW_ROWS(C) ? t->high : t->lane, 0, size);
    memset(FEW_ROWS(C) ? t->low : t->lane + LANES, 0, size);
}

static void FN(softmax_tile)(const fastml_problem *p, ptrdiff_t w) {
    const S *x = (const S *)p->x;
    S *y = (S *)p->y;
    ptrdiff_t C = p->C, x_step = p->x_step / (ptrdiff_t)sizeof(S), y_step = p->y_step / (ptrdiff_t)sizeof(S);
    int mode = p->mode;
    FN(tile) t;
    ptrdiff_t used = C < LANES ? C : LANES;
    if (!FN(softmax_tile_max)(&t, x, C, w, x_step)) {
        for (ptrdiff_t j = 0; j < w; j++) {
            fastml_problem column = *p;
            column.x = (const char *)(x + j);
            column.y = (char *)(y + j);
            FN(softmax_row)(&column);
        }
        return;
    }
    FN(softmax_tile_clear)(&t, C, used);
    for (ptrdiff_t i = 0; i < C; i += PLAIN_SUM) {
        ptrdiff_t rows = C - i < PLAIN_SUM ? C - i : PLAIN_SUM;
        const S *from = x + i * x_step;
        if (mode == FASTML_SOFTMAX) FN(softmax_tile_exp)(&t, from, y + i * y_step, C, rows, w, x_step, y_step);
        else FN(softmax_tile_rest)(&t, from, C, rows, w, x_step);
        FN(softmax_tile_flush)(&t, C, i == 0, used, w);
    }
    FN(softmax_tile_total)(&t, used, w);
    T *total = t.high[0], *low = t.low[0];
    if (mode == FASTML_SOFTMAX)
        for (ptrdiff_t j = 0; j < w; j++) total[j] = FN(inverse)(total[j], low[j], &low[j]);
    else
        for (ptrdiff_t j = 0; j < w; j++) {
            T others = FN(without_factor)(total[j] + low[j], t.factor[j]);
            total[j] = FN(log_of_sum)(others, (T)(t.count[j] - 1));
        }
    if (mode == FASTML_LOGSUMEXP)
        for (ptrdiff_t j = 0; j < w; j++) y[j] = STORE(t.max[j] + total[j]);
    else
        FN(softmax_tile_write)(&t, mode, x, y, C, w, x_step, y_step);
}
