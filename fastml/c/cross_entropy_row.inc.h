/* Cross-entropy of one problem in any layout. */

#define KEPT_ROW ((ptrdiff_t)(16384 / sizeof(T)))

typedef struct {
    T high[LANES], low[LANES];
} FN(lane_sums);

static void FN(add_block)(const T *v, ptrdiff_t n, FN(lane_sums) *to) {
    FN(softmax_block_sum)(v, n, to->high, to->low);
}

static T FN(total_of)(FN(lane_sums) *sums) {
    FN(lanes_total)(sums->high, sums->low);
    return FN(both)(sums->high[0], sums->low[0]);
}

/* a_c without the spike, for n classes from `start` on. */
NOINLINE static void FN(shares)(const fastml_cross_entropy *p, ptrdiff_t start, ptrdiff_t n, T *a) {
    T kept = FN(kept)(p), smooth = FN(smooth)(p);
    if (p->q) fastml_convert(a, T_DTYPE, p->q + start * p->q_step, p->q_step, n, p->q_kind);
    else memset(a, 0, (size_t)n * sizeof(T));
    if (p->class_weight) {
        const T *weight = (const T *)p->class_weight + start;
        for (ptrdiff_t i = 0; i < n; i++) a[i] = weight[i] * MULADD(kept, a[i], smooth);
    } else
        for (ptrdiff_t i = 0; i < n; i++) a[i] = MULADD(kept, a[i], smooth);
}

/* The same of class c alone, of the problem that is j to the right of p. */
static T FN(share)(const fastml_cross_entropy *p, ptrdiff_t c, ptrdiff_t j) {
    T q = 0;
    if (p->q) fastml_convert(&q, T_DTYPE, p->q + j * p->q_next + c * p->q_step, 0, 1, p->q_kind);
    return FN(class_weight)(p, c) * MULADD(FN(kept)(p), q, FN(smooth)(p));
}

/* The spike's class and height, and the sum of all a_c. */
typedef struct {
    ptrdiff_t at;
    T spike, total;
} FN(aim);

static FN(aim) FN(aim_of)(const fastml_cross_entropy *p) {
    FN(aim) aim = {0, 0, (T)p->smooth_total};
    if (p->q) return aim;
    aim.at = *p->target;
    aim.spike = FN(kept)(p) * FN(class_weight)(p, aim.at);
    aim.total += aim.spike;
    return aim;
}

static T FN(a_at)(const fastml_cross_entropy *p, const FN(aim) *aim, ptrdiff_t c) {
    T a = FN(is_spread)(p) ? FN(share)(p, c, 0) : 0;
    return !p->q && c == aim->at ? a + aim->spike : a;
}

static T FN(logit)(const fastml_cross_entropy *p, ptrdiff_t c) {
    S v;
    memcpy(&v, p->x + c * p->x_step, sizeof v);
    return LOAD(v);
}

static void FN(put_gradient)(const fastml_cross_entropy *p, ptrdiff_t c, T g) {
    S v = STORE(g);
    memcpy(p->gradient + c * p->gradient_step, &v, sizeof v);
}

/* v = a (x - m); y may be x. */
HOT static void FN(toward_block)(const T *x, const T *a, T *v, ptrdiff_t n, T m) {
    IVDEP for (ptrdiff_t i = 0; i < n; i++) v[i] = FN(times)(a[i], x[i] - m);
}

NOINLINE static void FN(scale_block)(T *e, ptrdiff_t n, T inverse, T scale) {
    IVDEP for (ptrdiff_t i = 0; i < n; i++) e[i] = e[i] * inverse * scale;
}

HOT static void FN(spread_block)(T *e, const T *a, ptrdiff_t n, T inverse, T total, T scale) {
    IVDEP for (ptrdiff_t i = 0; i < n; i++) e[i] = MULADD(total, e[i] * inverse, -a[i]) * scale;
}

/* Where softmax_limit would serve: nothing but the maxima counts. */
NOINLINE static void FN(cross_entropy_limit)(const fastml_cross_entropy *p, FN(aim) aim, T m, T weight) {
    ptrdiff_t C = p->C;
    T maxima = 0, nan = 0, loss = 0;
    for (ptrdiff_t c = 0; c < C; c++) {
        T x = FN(logit)(p, c);
        maxima += x == m;
        nan += x != x;
        if (p->q) aim.total += FN(a_at)(p, &aim, c);
    }
    int none = nan > 0 || m == -(T)INFINITY || (maxima > 1 && m == (T)INFINITY);
    T log_maxima = maxima > 0 ? MATH(log1p)(maxima - 1) : 0;
    for (ptrdiff_t c = 0; c < C; c++) {
        T x = FN(logit)(p, c), a = FN(a_at)(p, &aim, c), share = x == m ? 1 / maxima : 0;
        T others = x == m ? (maxima - 1) / maxima : 1, below = (x == m ? 0 : m - x) + log_maxima;
        loss += none ? (T)NAN : FN(times)(a, below);
        T g = none ? (T)NAN : FN(exact_gradient)(aim.total, a, share, others) * FN(scale_of)(p, weight);
        if (p->gradient) FN(put_gradient)(p, c, g);
    }
    *(T *)p->loss = weight * loss;
}

/* Where m first stands; n where it does not. */
static ptrdiff_t FN(place_of)(const T *x, ptrdiff_t n, T m) {
    ptrdiff_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        int found = 0;
        for (ptrdiff_t l = 0; l < 2 * LANES; l++) found |= x[i + l] == m;
        if (found) break;
    }
    if (i + 2 * LANES > n) {
        while (i < n && x[i] != m) i++;
        return i;
    }
    U at = 2 * LANES;
    for (U l = 0; l < 2 * LANES; l++) {
        U here = x[i + (ptrdiff_t)l] == m ? l : 2 * LANES;
        at = here < at ? here : at;
    }
    return i + (ptrdiff_t)at;
}

typedef struct {
    FN(source) from;
    const T *x; /* the logits, and where the exponentials stay until pass 3; NULL: block by block */
    T *e;
    T m, unit, rest, toward; /* unit, rest as scaled; toward = sum_c a_c (x_c - m) without the spike */
    MATH(exp_base) base;
    T q;
    ptrdiff_t first; /* place of the maximum */
} FN(row_sums);

static const T *FN(logits)(const FN(row_sums) *row, ptrdiff_t i, ptrdiff_t n, T *block) {
    return row->x ? row->x + i : FN(gather)(&row->from, i, n, block);
}

/* Pass 1: the maximum, and where it first stands. What has to be gathered is gathered once if it fits into `kept`. */
static void FN(find_maximum)(const fastml_cross_entropy *p, FN(row_sums) *row, T *kept) {
    T block[BLOCK], m = -(T)INFINITY;
    ptrdiff_t at = 0, C = p->C, fits = C <= KEPT_ROW;
    for (ptrdiff_t i = 0; i < C; i += BLOCK) {
        ptrdiff_t n = C - i < BLOCK ? C - i : BLOCK;
        T top = FN(softmax_block_max)(FN(gather)(&row->from, i, n, fits ? kept + i : block), n);
        at = m < top ? i : at;
        m = m < top ? top : m;
    }
    int dense = FN(is_dense)(p->x, p->x_step, NULL);
    row->x = dense ? (const T *)p->x : fits ? kept : NULL;
    row->e = p->gradient && FN(is_dense)(p->gradient, p->gradient_step, NULL) ? (T *)p->gradient : fits ? kept : NULL;
    ptrdiff_t n = C - at < BLOCK ? C - at : BLOCK;
    row->first = at + FN(place_of)(FN(logits)(row, at, n, block), n, m);
    row->m = m;
}

/* Pass 2. */
static void FN(sum_row)(const fastml_cross_entropy *p, FN(row_sums) *row, FN(aim) *aim) {
    T block[BLOCK], a[BLOCK], v[BLOCK];
    FN(lane_sums) exponentials = {{0}, {0}}, toward = {{0}, {0}}, total = {{0}, {0}};
    int spread = FN(is_spread)(p);
    for (ptrdiff_t i = 0; i < p->C; i += BLOCK) {
        ptrdiff_t n = p->C - i < BLOCK ? p->C - i : BLOCK;
        const T *x = FN(logits)(row, i, n, block);
        T *e = row->e ? row->e + i : block;
        if (spread) {
            FN(shares)(p, i, n, a);
            FN(toward_block)(x, a, v, n, row->m);
            FN(add_block)(v, n, &toward);
            if (p->q) FN(add_block)(a, n, &total);
        }
        FN(softmax_block_exp)(x, e, n, row->base);
        int holds_first = row->first >= i && row->first < i + n;
        if (holds_first) e[row->first - i] = 0;
        FN(add_block)(e, n, &exponentials);
        if (holds_first) e[row->first - i] = row->unit;
    }
    row->rest = FN(total_of)(&exponentials);
    row->toward = spread ? FN(total_of)(&toward) : 0;
    if (p->q) aim->total = FN(total_of)(&total);
}

/* Pass 3, but for the classes that cancel. */
static void FN(write_row)(const fastml_cross_entropy *p, const FN(row_sums) *row, T inverse, T total, T scale) {
    T block[BLOCK], a[BLOCK];
    int spread = FN(is_spread)(p);
    for (ptrdiff_t i = 0; i < p->C; i += BLOCK) {
        ptrdiff_t n = p->C - i < BLOCK ? p->C - i : BLOCK;
        T *e = row->e ? row->e + i : block;
        if (!row->e) FN(softmax_block_exp)(FN(logits)(row, i, n, block), e, n, row->base);
        if (spread) {
            FN(shares)(p, i, n, a);
            FN(spread_block)(e, a, n, inverse, total, scale);
        } else FN(scale_block)(e, n, inverse, total * scale);
        FN(scatter)(e, &row->from, p->gradient, p->gradient_step, i, n, 0);
    }
}

#include "cross_entropy_given.inc.h"

/* The problem that p points at. */
static void FN(cross_entropy_row)(const fastml_cross_entropy *p) {
    T weight = p->weight ? *(const T *)p->weight : 1, scale = FN(scale_of)(p, weight);
    if (!p->q && *p->target < 0) {
        *(T *)p->loss = 0;
        for (ptrdiff_t c = 0; p->gradient && c < p->C; c++) FN(put_gradient)(p, c, 0);
        return;
    }
    FN(aim) aim = FN(aim_of)(p);
    if (p->given) {
        FN(given_row)(p, aim, weight);
        return;
    }
    T kept[KEPT_ROW];
    FN(row_sums) row = {.from = {p->x, p->x_step, NULL, 0}};
    FN(find_maximum)(p, &row, kept);
    if (!FN(is_moderate)(row.m)) {
        FN(cross_entropy_limit)(p, aim, row.m, weight);
        return;
    }
    row.base = MATH(exp_based_on)(row.m, &row.q);
    row.unit = FN(relative)(row.m, &row.base);
    T x_at = FN(logit)(p, aim.at), share = FN(relative)(x_at, &row.base);
    FN(sum_row)(p, &row, &aim);
    T inverse = 1 / (row.unit + row.rest), log_sum = FN(log_of_sum)(FN(without_factor)(row.rest, row.q), 0);
    T others = row.rest * inverse;
    T toward = row.toward + FN(times)(aim.spike, x_at - row.m);
    *(T *)p->loss = weight * MULADD(aim.total, log_sum, -toward);
    if (!p->gradient) return;
    T a_first = FN(a_at)(p, &aim, row.first), a_at = FN(a_at)(p, &aim, aim.at);
    T first_gradient = FN(exact_gradient)(aim.total, a_first, row.unit * inverse, others) * scale;
    share *= inverse;
    T at_gradient = FN(exact_gradient)(aim.total, a_at, share, aim.at == row.first ? others : 1 - share) * scale;
    FN(write_row)(p, &row, inverse, aim.total, scale);
    if (FN(is_spread)(p)) FN(put_gradient)(p, row.first, first_gradient);
    if (!p->q) FN(put_gradient)(p, aim.at, at_gradient);
}

#undef KEPT_ROW
