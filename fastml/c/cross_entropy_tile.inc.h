/* Cross-entropy of problems side by side: the loops of cross_entropy_row.inc.h turned by 90 degrees. */

#define NOWHERE ((U) - 1)

typedef struct {
    FN(tile) sums, toward, total; /* of the exponentials, of a (x - m), of a */
    U first[TILE], at[TILE];      /* the class of the first maximum, and of the target */
    T x_at[TILE], spike[TILE], weight[TILE];
    T a_total[TILE], inverse[TILE], scale[TILE], coefficient[TILE], at_gradient[TILE], first_gradient[TILE];
    T a[TILE];
} FN(entropy_tile);

/* Targets, weights and the logits at the targets; an ignored problem aims at class 0 until it is cleared. */
static void FN(aim_tile)(FN(entropy_tile) *t, const fastml_cross_entropy *p, ptrdiff_t w) {
    const T *class_weight = (const T *)p->class_weight, *weight = (const T *)p->weight;
    T kept = FN(kept)(p);
    if (p->q) {
        memset(t->at, 0, (size_t)w * sizeof(U));
        memset(t->spike, 0, (size_t)w * sizeof(T));
    } else {
        for (ptrdiff_t j = 0; j < w; j++) t->at[j] = p->target[j] < 0 ? 0 : (U)p->target[j];
        for (ptrdiff_t j = 0; j < w; j++) t->spike[j] = kept;
        for (ptrdiff_t j = 0; class_weight && j < w; j++) t->spike[j] *= class_weight[t->at[j]];
    }
    for (ptrdiff_t j = 0; j < w; j++) t->weight[j] = 1;
    for (ptrdiff_t j = 0; j < w; j++) t->scale[j] = (T)p->scale;
    for (ptrdiff_t j = 0; weight && j < w; j++) {
        t->weight[j] = weight[j];
        t->scale[j] = FN(scale_of)(p, weight[j]);
    }
    for (ptrdiff_t j = 0; j < w; j++)
        t->x_at[j] = LOAD(*(const S *)(p->x + (ptrdiff_t)t->at[j] * p->x_step + j * sizeof(S)));
    for (ptrdiff_t j = 0; j < w; j++) t->first[j] = NOWHERE;
}

/* One class of pass 2; e may be x, or NULL. */
#define SUM_CLASS(KEEP)                                                                      \
    IVDEP for (ptrdiff_t j = 0; j < w; j++) {                                                \
        T v = LOAD(x[j]), m = t->sums.max[j], value = FN(softmax_tile_term)(&t->sums, v, j); \
        U first = t->first[j], found = ((v == m) & (first == NOWHERE)) ? (U)c : first;       \
        lane[j] += found != first ? 0 : value;                                               \
        t->first[j] = found;                                                                 \
        KEEP;                                                                                \
    }
HOT static void FN(sum_class)(FN(entropy_tile) *t, const S *x, S *e, T *lane, ptrdiff_t w, ptrdiff_t c) {
    if (KEEPS && e) SUM_CLASS(e[j] = (S)value)
    else SUM_CLASS((void)value)
}
#undef SUM_CLASS

/* a_c without the spike, of class c. */
HOT static void FN(shares_of_class)(FN(entropy_tile) *t, const fastml_cross_entropy *p, ptrdiff_t w, ptrdiff_t c) {
    T kept = FN(kept)(p), smooth = FN(smooth)(p), weight = FN(class_weight)(p, c);
    if (p->q) fastml_convert(t->a, T_DTYPE, p->q + c * p->q_step, p->q_next, w, p->q_kind);
    else memset(t->a, 0, (size_t)w * sizeof(T));
    for (ptrdiff_t j = 0; j < w; j++) t->a[j] = weight * MULADD(kept, t->a[j], smooth);
}

HOT static void FN(toward_class)(FN(entropy_tile) *t, const S *x, T *toward, T *total, ptrdiff_t w) {
    for (ptrdiff_t j = 0; j < w; j++) {
        toward[j] += FN(times)(t->a[j], LOAD(x[j]) - t->sums.max[j]);
        total[j] += t->a[j];
    }
}

/* Pass 2. */
static void FN(sum_tile)(FN(entropy_tile) *t, const fastml_cross_entropy *p, ptrdiff_t w) {
    ptrdiff_t C = p->C, used = C < LANES ? C : LANES;
    int spread = FN(is_spread)(p);
    FN(softmax_tile_clear)(&t->sums, C, used);
    if (spread) {
        FN(softmax_tile_clear)(&t->toward, C, used);
        FN(softmax_tile_clear)(&t->total, C, used);
    }
    for (ptrdiff_t c = 0; c < C; c++) {
        const S *x = (const S *)(p->x + c * p->x_step);
        S *e = p->gradient ? (S *)(p->gradient + c * p->gradient_step) : NULL;
        if (spread) {
            FN(shares_of_class)(t, p, w, c);
            FN(toward_class)(t, x, FN(softmax_tile_lane)(&t->toward, c, C), FN(softmax_tile_lane)(&t->total, c, C), w);
        }
        FN(sum_class)(t, x, e, FN(softmax_tile_lane)(&t->sums, c, C), w, c);
        if ((c + 1) % PLAIN_SUM && c + 1 < C) continue;
        FN(softmax_tile_flush)(&t->sums, C, c < PLAIN_SUM, used, w);
        if (spread) FN(softmax_tile_flush)(&t->toward, C, c < PLAIN_SUM, used, w);
        if (p->q) FN(softmax_tile_flush)(&t->total, C, c < PLAIN_SUM, used, w);
    }
    FN(softmax_tile_total)(&t->sums, used, w);
    if (spread) FN(softmax_tile_total)(&t->toward, used, w);
    if (p->q) FN(softmax_tile_total)(&t->total, used, w);
}

/* All a_c of the targets and of the first maxima, the latter into first_gradient. */
static void FN(collect_shares)(FN(entropy_tile) *t, const fastml_cross_entropy *p, ptrdiff_t w) {
    for (ptrdiff_t j = 0; j < w; j++) {
        T a = FN(share)(p, (ptrdiff_t)t->first[j], j);
        t->first_gradient[j] = t->first[j] == t->at[j] ? a + t->spike[j] : a;
        if (!p->q) a = FN(share)(p, (ptrdiff_t)t->at[j], j);
        t->a[j] = a + t->spike[j];
    }
}

/* The loss, and the gradient where it would cancel. */
NOINLINE static void FN(finish_tile)(FN(entropy_tile) *t, T *loss, ptrdiff_t w) {
    IVDEP for (ptrdiff_t j = 0; j < w; j++) {
        T m = t->sums.max[j], total = t->a_total[j], s = t->scale[j];
        T rest = FN(both)(t->sums.high[0][j], t->sums.low[0][j]), unit = FN(softmax_tile_term)(&t->sums, m, j);
        T inverse = 1 / (unit + rest), others = rest * inverse;
        T share = FN(softmax_tile_term)(&t->sums, t->x_at[j], j) * inverse;
        T log_sum = FN(log_of_sum)(FN(without_factor)(rest, t->sums.factor[j]), 0);
        T at_others = t->first[j] == t->at[j] ? others : 1 - share;
        T toward = t->toward.high[0][j] + FN(times)(t->spike[j], t->x_at[j] - m);
        loss[j] = t->weight[j] * MULADD(total, log_sum, -toward);
        t->inverse[j] = inverse;
        t->coefficient[j] = total * s;
        t->at_gradient[j] = FN(exact_gradient)(total, t->a[j], share, at_others) * s;
        t->first_gradient[j] = FN(exact_gradient)(total, t->first_gradient[j], unit * inverse, others) * s;
    }
}

static void FN(finish)(FN(entropy_tile) *t, const fastml_cross_entropy *p, ptrdiff_t w) {
    T *toward = t->toward.high[0], smooth_total = (T)p->smooth_total;
    if (FN(is_spread)(p)) {
        FN(collect_shares)(t, p, w);
        for (ptrdiff_t j = 0; j < w; j++) toward[j] = FN(both)(toward[j], t->toward.low[0][j]);
    } else {
        memcpy(t->a, t->spike, (size_t)w * sizeof(T));
        memset(t->first_gradient, 0, sizeof t->first_gradient);
        memset(toward, 0, sizeof t->toward.high[0]);
    }
    for (ptrdiff_t j = 0; !p->q && j < w; j++) t->a_total[j] = smooth_total + t->spike[j];
    for (ptrdiff_t j = 0; p->q && j < w; j++)
        t->a_total[j] = FN(both)(t->total.high[0][j], t->total.low[0][j]);
    FN(finish_tile)(t, (T *)p->loss, w);
}

/* One class of pass 3. */
HOT static void FN(write_class)(const FN(entropy_tile) *t, const S *x, S *g, ptrdiff_t w, int spread) {
#if KEEPS
#define E ((T)g[j])
    (void)x;
#else
#define E FN(softmax_tile_term)(&t->sums, LOAD(x[j]), j)
#endif
    if (spread) IVDEP for (ptrdiff_t j = 0; j < w; j++)
            g[j] = STORE(MULADD(t->a_total[j], E * t->inverse[j], -t->a[j]) * t->scale[j]);
    else
        IVDEP for (ptrdiff_t j = 0; j < w; j++) g[j] = STORE(E * t->inverse[j] * t->coefficient[j]);
#undef E
}

static void FN(write_tile)(FN(entropy_tile) *t, const fastml_cross_entropy *p, ptrdiff_t w) {
    int spread = FN(is_spread)(p);
    for (ptrdiff_t c = 0; c < p->C; c++) {
        if (spread) FN(shares_of_class)(t, p, w, c);
        FN(write_class)(t, (const S *)(p->x + c * p->x_step), (S *)(p->gradient + c * p->gradient_step), w, spread);
    }
    S *g = (S *)p->gradient;
    ptrdiff_t step = p->gradient_step / (ptrdiff_t)sizeof(S);
    for (ptrdiff_t j = 0; spread && j < w; j++) g[(ptrdiff_t)t->first[j] * step + j] = STORE(t->first_gradient[j]);
    for (ptrdiff_t j = 0; !p->q && j < w; j++) g[(ptrdiff_t)t->at[j] * step + j] = STORE(t->at_gradient[j]);
}

static void FN(clear_ignored)(const fastml_cross_entropy *p, ptrdiff_t w) {
    for (ptrdiff_t j = 0; j < w; j++) {
        if (p->target[j] >= 0) continue;
        ((T *)p->loss)[j] = 0;
        for (ptrdiff_t c = 0; p->gradient && c < p->C; c++)
            ((S *)(p->gradient + c * p->gradient_step))[j] = 0;
    }
}

#include "cross_entropy_given_tile.inc.h"

static void FN(cross_entropy_tile)(const fastml_cross_entropy *p, ptrdiff_t w) {
    FN(entropy_tile) t;
    ptrdiff_t x_step = p->x_step / (ptrdiff_t)sizeof(S);
    FN(aim_tile)(&t, p, w);
    if (p->given) {
        FN(given_tile)(&t, p, w);
    } else if (FN(softmax_tile_max)(&t.sums, (const S *)p->x, p->C, w, x_step)) {
        FN(sum_tile)(&t, p, w);
        FN(finish)(&t, p, w);
        if (p->gradient) FN(write_tile)(&t, p, w);
    } else
        for (ptrdiff_t j = 0; j < w; j++) {
            fastml_cross_entropy one = FN(neighbor)(p, j);
            FN(cross_entropy_row)(&one);
        }
    if (!p->q) FN(clear_ignored)(p, w);
}

#undef NOWHERE
