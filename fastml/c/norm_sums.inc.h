/* The sums of the norms. */

/* Add one register's terms; w is NULL where there is no weight, center the mean in float64. */
INLINE void FN(norm_add)(int kind, const T *x, const T *dy, const T *w, FN(sum_part) mean, FN(sum_lanes) center,
                         FN(sum_part) rstd, FN(sum_lanes) *u, FN(sum_lanes) *v) {
    FN(sum_part) value = *(const FN(sum_part) *)x;
    if (kind == FASTML_NORM_MOMENTS) {
        FN(sum_lanes) d = FN(sum_widen)(value) - center;
        *u += d;
        *v += d * d;
    } else {
        FN(sum_part) g = *(const FN(sum_part) *)dy;
        if (w) g *= *(const FN(sum_part) *)w;
        *u += FN(sum_widen)(g);
        *v += FN(sum_widen)(g * ((value - mean) * rstd));
    }
}

/* One element's terms. */
INLINE void FN(norm_add_one)(int kind, T value, T g, T mean, T rstd, double *u, double *v) {
    if (kind == FASTML_NORM_MOMENTS) {
        double d = (double)value - (double)mean;
        *u += d;
        *v += d * d;
    } else {
        *u += (double)g;
        *v += (double)(g * ((value - mean) * rstd));
    }
}

/* What is left after whole steps is padded with what adds nothing. Where mean or rstd is infinite or NaN no number adds
 * nothing, and the elements are added one by one. */
INLINE void FN(norm_row)(int kind, const T *x, const T *dy, const T *w, ptrdiff_t n, T mean, T rstd, double *lanes) {
    FN(sum_lanes) u[NORM_REGISTERS], v[NORM_REGISTERS];
    FN(sum_part) m = mean - (FN(sum_part)){0}, s = rstd - (FN(sum_part)){0};
    FN(sum_lanes) center = (double)mean - (FN(sum_lanes)){0};
    T last[NORM_LANES], last_dy[NORM_LANES] = {0}, last_w[NORM_LANES] = {0};
    UNROLL for (int k = 0; k < NORM_REGISTERS; k++) u[k] = *(const FN(sum_weights) *)(lanes + k * NORM_STEP);
    UNROLL for (int k = 0; k < NORM_REGISTERS; k++) v[k] =
        *(const FN(sum_weights) *)(lanes + NORM_LANES + k * NORM_STEP);
    for (; n > 0; n -= NORM_LANES) {
        if (n < NORM_LANES) {
            if ((mean - mean) * rstd != 0) break;
            for (ptrdiff_t l = 0; l < NORM_LANES; l++) last[l] = mean;
            x = (const T *)memcpy(last, x, (size_t)n * sizeof(T));
            if (dy) dy = (const T *)memcpy(last_dy, dy, (size_t)n * sizeof(T));
            if (w) w = (const T *)memcpy(last_w, w, (size_t)n * sizeof(T));
        }
        UNROLL for (int k = 0; k < NORM_REGISTERS; k++)
            FN(norm_add)(kind, x + k * NORM_STEP, dy ? dy + k * NORM_STEP : NULL, w ? w + k * NORM_STEP : NULL, m,
                         center, s, &u[k], &v[k]);
        x += NORM_LANES;
        if (dy) dy += NORM_LANES;
        if (w) w += NORM_LANES;
    }
    UNROLL for (int k = 0; k < NORM_REGISTERS; k++) * (FN(sum_weights) *)(lanes + k * NORM_STEP) = u[k];
    UNROLL for (int k = 0; k < NORM_REGISTERS; k++) * (FN(sum_weights) *)(lanes + NORM_LANES + k * NORM_STEP) = v[k];
    for (ptrdiff_t l = 0; l < n; l++) {
        T g = dy ? dy[l] : 0;
        if (w) g *= w[l];
        FN(norm_add_one)(kind, x[l], g, mean, rstd, lanes + l, lanes + NORM_LANES + l);
    }
}

NOINLINE static void FN(norm_sums)(const fastml_norm *p, ptrdiff_t n, double *lanes) {
    const T *x = (const T *)p->x, *dy = (const T *)p->dy, *w = (const T *)p->weight;
    T mean = *(const T *)p->mean, rstd = p->kind == FASTML_NORM_DOTS ? *(const T *)p->rstd : 0;
    if (p->kind == FASTML_NORM_MOMENTS) FN(norm_row)(FASTML_NORM_MOMENTS, x, NULL, NULL, n, mean, 0, lanes);
    else if (w) FN(norm_row)(FASTML_NORM_DOTS, x, dy, w, n, mean, rstd, lanes);
    else FN(norm_row)(FASTML_NORM_DOTS, x, dy, NULL, n, mean, rstd, lanes);
    clear_flags();
}

/* Columns: lane l of column j is lane[l][j], and lane[l][w + j] of the other sum. Rows come in blocks that the
 * first-level cache holds, of which a register of columns is added lane by lane. */
#define NORM_ROWS 128

INLINE void FN(norm_block)(int kind, const fastml_norm *p, ptrdiff_t from, ptrdiff_t to, ptrdiff_t w,
                           double (*lane)[2 * FASTML_NORM_COLUMNS]) {
    const T *x = (const T *)p->x, *dy = (const T *)p->dy, *mean = (const T *)p->mean, *rstd = (const T *)p->rstd;
    const T *weight = (const T *)p->weight;
    ptrdiff_t lanes = to < NORM_LANES ? to : NORM_LANES, j = 0;
    for (; j + NORM_STEP <= w; j += NORM_STEP) {
        FN(sum_part) m = *(const FN(sum_part) *)(mean + j), s = m;
        FN(sum_lanes) center = FN(sum_widen)(m);
        if (kind == FASTML_NORM_DOTS) s = *(const FN(sum_part) *)(rstd + j);
        for (ptrdiff_t l = 0; l < lanes; l++) {
            FN(sum_lanes) u = {0}, v = {0};
            if (from) memcpy(&u, &lane[l][j], sizeof u);
            if (from) memcpy(&v, &lane[l][w + j], sizeof v);
            for (ptrdiff_t i = from + l; i < to; i += NORM_LANES) {
                FN(sum_part) g = {0};
                if (kind == FASTML_NORM_DOTS) {
                    g = *(const FN(sum_part) *)(dy + i * p->dy_step + j);
                    if (weight) g *= weight[i];
                }
                FN(norm_add)(kind, x + i * p->x_step + j, (const T *)&g, NULL, m, center, s, &u, &v);
            }
            memcpy(&lane[l][j], &u, sizeof u);
            memcpy(&lane[l][w + j], &v, sizeof v);
        }
    }
    for (ptrdiff_t l = 0; l < lanes; l++)
        for (ptrdiff_t k = j; k < w; k++) {
            double u = from ? lane[l][k] : 0, v = from ? lane[l][w + k] : 0;
            for (ptrdiff_t i = from + l; i < to; i += NORM_LANES) {
                T g = 0, s = 0;
                if (kind == FASTML_NORM_DOTS) {
                    g = dy[i * p->dy_step + k];
                    if (weight) g *= weight[i];
                    s = rstd[k];
                }
                FN(norm_add_one)(kind, x[i * p->x_step + k], g, mean[k], s, &u, &v);
            }
            lane[l][k] = u;
            lane[l][w + k] = v;
        }
}

NOINLINE static void FN(norm_sums_columns)(const fastml_norm *p, ptrdiff_t R, ptrdiff_t w, double *sums) {
    double lane[NORM_LANES][2 * FASTML_NORM_COLUMNS];
    ptrdiff_t used = R < NORM_LANES ? R : NORM_LANES;
    for (ptrdiff_t i = 0; i < R; i += NORM_ROWS) {
        ptrdiff_t to = R - i < NORM_ROWS ? R : i + NORM_ROWS;
        if (p->kind == FASTML_NORM_MOMENTS) FN(norm_block)(FASTML_NORM_MOMENTS, p, i, to, w, lane);
        else FN(norm_block)(FASTML_NORM_DOTS, p, i, to, w, lane);
    }
    for (ptrdiff_t half = NORM_LANES / 2; half; half /= 2)
        for (ptrdiff_t l = 0; l < half && l + half < used; l++)
            for (ptrdiff_t j = 0; j < 2 * w; j++) lane[l][j] += lane[l + half][j];
    memcpy(sums, lane[0], (size_t)(2 * w) * sizeof(double));
    clear_flags();
}
#undef NORM_ROWS

/* From the two sums of w problems of C elements, and what these lost, sums[2 w ... 4 w): mean, in two parts, and rstd,
 * where mean holds what was subtracted, or 0 to leave it so; for the backward a and b. */
NOINLINE static void FN(norm_finish)(int kind, const double *sums, ptrdiff_t w, double C, double eps, int centered,
                                     void *meanv, void *rstdv, void *av, void *bv) {
    T *mean = (T *)meanv, *rstd = (T *)rstdv, *a = (T *)av, *b = (T *)bv;
    const double *low = sums + 2 * w;
    double share = 1 / C;
    if (kind == FASTML_NORM_DOTS) IVDEP for (ptrdiff_t j = 0; j < w; j++) {
            a[j] = centered ? (T)((sums[j] + low[j]) / C) : 0;
            b[j] = (T)((sums[w + j] + low[w + j]) / C);
        }
    else
        IVDEP for (ptrdiff_t j = 0; j < w; j++) {
            double shift = (double)mean[j], u = (sums[j] + low[j]) * share, variance = (sums[w + j] + low[w + j]) * share;
            u = centered ? u : 0;
            variance -= u * u;
            /* squares of float64 that overflow tell nothing of the spread */
            variance = centered && variance > 0x1.fffffffffffffp1023 ? NAN : variance;
            double inverse = 1 / sqrt((variance < 0 ? 0 : variance) + eps);
            T high = (T)(shift + u);
            mean[j] = high;
            rstd[j] = (T)inverse;
            a[j] = (T)((((double)high - shift) - u) * inverse);
        }
    clear_flags();
}
