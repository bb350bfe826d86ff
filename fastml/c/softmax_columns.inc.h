/* Problems side by side: the loops of softmax_row.inc.h turned by 90 degrees, `w` <= TILE columns at a time. */

typedef struct {
    T max[TILE], floor[TILE], maxima[TILE], lane[LANES][TILE], high[LANES][TILE], low[LANES][TILE];
    double count[TILE]; /* of maxima, flushed with the lanes: T counts to 2^24 only */
} FN(tile);

/* Returns whether every maximum is moderate. */
NOINLINE static int FN(softmax_tile_max)(FN(tile) *t, const S *x, ptrdiff_t C, ptrdiff_t w, ptrdiff_t x_step) {
    for (ptrdiff_t j = 0; j < w; j++) t->max[j] = -(T)INFINITY;
    for (ptrdiff_t i = 0; i < C; i++, x += x_step)
        for (ptrdiff_t j = 0; j < w; j++) {
            T v = LOAD(x[j]);
            t->max[j] = t->max[j] < v ? v : t->max[j];
        }
    int moderate = 1;
    for (ptrdiff_t j = 0; j < w; j++) {
        moderate &= FN(is_moderate)(t->max[j]);
        t->floor[j] = FN(floor_below)(t->max[j]);
    }
    return moderate;
}

/* One row of pass 2 for softmax; y may be x. */
NOINLINE static void FN(softmax_tile_exp)(FN(tile) *t, const S *x, S *y, T *lane, ptrdiff_t w) {
    T exp_low = MATH(exp_low);
    OPAQUE(exp_low);
    IVDEP for (ptrdiff_t j = 0; j < w; j++) {
        T e = FN(exp_above)(LOAD(x[j]), t->max[j], t->floor[j], exp_low);
        lane[j] += e;
        if (KEEPS) y[j] = (S)e;
    }
}

/* One row of pass 2 for the logarithms. */
NOINLINE static void FN(softmax_tile_rest)(FN(tile) *t, const S *x, T *lane, ptrdiff_t w) {
    T exp_low = MATH(exp_low);
    OPAQUE(exp_low);
    IVDEP for (ptrdiff_t j = 0; j < w; j++) {
        T v = LOAD(x[j]);
        lane[j] += FN(exp_rest)(v, t->max[j], t->floor[j], exp_low);
        t->maxima[j] += v == t->max[j] ? 1 : 0;
    }
}

/* The compensated sum takes the lanes over; `used` lanes hold something. */
static void FN(softmax_tile_flush)(FN(tile) *t, ptrdiff_t used, ptrdiff_t w) {
    for (ptrdiff_t j = 0; j < w; j++) {
        t->count[j] += t->maxima[j];
        t->maxima[j] = 0;
    }
    for (ptrdiff_t l = 0; l < used; l++)
        for (ptrdiff_t j = 0; j < w; j++) {
            FN(two_sum)(&t->high[l][j], &t->low[l][j], t->lane[l][j]);
            t->lane[l][j] = 0;
        }
}

/* lanes_total for each column. */
NOINLINE static void FN(softmax_tile_total)(FN(tile) *t, ptrdiff_t used, ptrdiff_t w) {
    for (ptrdiff_t half = LANES / 2; half; half /= 2)
        for (ptrdiff_t l = 0; l < half && l + half < used; l++)
            IVDEP for (ptrdiff_t j = 0; j < w; j++) {
                t->low[l][j] += t->low[l + half][j];
                FN(two_sum)(&t->high[l][j], &t->low[l][j], t->high[l + half][j]);
            }
}

NOINLINE static void FN(softmax_tile_write)(FN(tile) *t, int mode, const S *x, S *y, ptrdiff_t C, ptrdiff_t w,
                                            ptrdiff_t x_step, ptrdiff_t y_step) {
    const T *scale = t->high[0], *rest = t->low[0];
    T exp_low = MATH(exp_low);
    OPAQUE(exp_low);
    for (ptrdiff_t i = 0; i < C; i++, x += x_step, y += y_step) {
        if (mode == FASTML_LOG_SOFTMAX) {
            IVDEP for (ptrdiff_t j = 0; j < w; j++) y[j] = STORE(FN(log_share)(LOAD(x[j]), t->max[j], scale[j]));
        } else if (KEEPS) {
            IVDEP for (ptrdiff_t j = 0; j < w; j++) y[j] = (S)FN(scaled)((T)y[j], scale[j], rest[j]);
        } else {
            IVDEP for (ptrdiff_t j = 0; j < w; j++)
                y[j] = STORE(FN(scaled)(FN(exp_above)(LOAD(x[j]), t->max[j], t->floor[j], exp_low), scale[j], rest[j]));
        }
    }
}

static void FN(softmax_tile_clear)(FN(tile) *t, ptrdiff_t used) {
    memset(t->maxima, 0, sizeof t->maxima);
    memset(t->count, 0, sizeof t->count);
    memset(t->lane, 0, (size_t)used * sizeof t->lane[0]);
    memset(t->high, 0, (size_t)used * sizeof t->high[0]);
    memset(t->low, 0, (size_t)used * sizeof t->low[0]);
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
    FN(softmax_tile_clear)(&t, used);
    for (ptrdiff_t i = 0; i < C; i++) {
        if (mode == FASTML_SOFTMAX)
            FN(softmax_tile_exp)(&t, x + i * x_step, y + i * y_step, t.lane[i % LANES], w);
        else
            FN(softmax_tile_rest)(&t, x + i * x_step, t.lane[i % LANES], w);
        if ((i + 1) % PLAIN_SUM == 0 || i + 1 == C) FN(softmax_tile_flush)(&t, used, w);
    }
    FN(softmax_tile_total)(&t, used, w);
    T *total = t.high[0], *low = t.low[0];
    if (mode == FASTML_SOFTMAX)
        for (ptrdiff_t j = 0; j < w; j++) total[j] = FN(inverse)(total[j], low[j], &low[j]);
    else
        for (ptrdiff_t j = 0; j < w; j++) total[j] = FN(log_of_sum)(total[j] + low[j], (T)(t.count[j] - 1));
    if (mode == FASTML_LOGSUMEXP)
        for (ptrdiff_t j = 0; j < w; j++) y[j] = STORE(t.max[j] + total[j]);
    else
        FN(softmax_tile_write)(&t, mode, x, y, C, w, x_step, y_step);
}
