/* given_row turned by 90 degrees. */

NOINLINE static void FN(given_class)(const FN(entropy_tile) *t, const S *x, S *g, T *toward, ptrdiff_t w) {
    IVDEP for (ptrdiff_t j = 0; j < w; j++) toward[j] += FN(times)(t->a[j], MATH(log)(LOAD(x[j])));
    if (g) IVDEP for (ptrdiff_t j = 0; j < w; j++) g[j] = STORE(FN(given_gradient)(t->a[j], LOAD(x[j]), t->scale[j]));
}

static void FN(given_sums)(FN(entropy_tile) *t, const fastml_cross_entropy *p, ptrdiff_t w) {
    ptrdiff_t C = p->C, used = C < LANES ? C : LANES;
    FN(softmax_tile_clear)(&t->toward, C, used);
    for (ptrdiff_t c = 0; c < C; c++) {
        S *g = p->gradient ? (S *)(p->gradient + c * p->gradient_step) : NULL;
        FN(shares_of_class)(t, p, w, c);
        FN(given_class)(t, (const S *)(p->x + c * p->x_step), g, FN(softmax_tile_lane)(&t->toward, c, C), w);
        if ((c + 1) % PLAIN_SUM == 0 || c + 1 == C) FN(softmax_tile_flush)(&t->toward, C, c < PLAIN_SUM, used, w);
    }
    FN(softmax_tile_total)(&t->toward, used, w);
    T *toward = t->toward.high[0];
    for (ptrdiff_t j = 0; j < w; j++) toward[j] = FN(both)(toward[j], t->toward.low[0][j]);
}

static void FN(given_tile)(FN(entropy_tile) *t, const fastml_cross_entropy *p, ptrdiff_t w) {
    T *loss = (T *)p->loss, *toward = t->toward.high[0];
    for (ptrdiff_t j = 0; j < w; j++) t->first[j] = t->at[j];
    memcpy(t->a, t->spike, (size_t)w * sizeof(T));
    if (FN(is_spread)(p)) FN(collect_shares)(t, p, w);
    for (ptrdiff_t j = 0; j < w; j++) t->at_gradient[j] = FN(given_gradient)(t->a[j], t->x_at[j], t->scale[j]);
    if (FN(is_spread)(p)) FN(given_sums)(t, p, w);
    else {
        memset(toward, 0, sizeof t->toward.high[0]);
        for (ptrdiff_t c = 0; p->gradient && c < p->C; c++)
            memset(p->gradient + c * p->gradient_step, 0, (size_t)w * sizeof(S));
    }
    IVDEP for (ptrdiff_t j = 0; j < w; j++) {
        T spike = FN(times)(t->spike[j], MATH(log)(t->x_at[j]));
        loss[j] = 0 - t->weight[j] * (p->q ? toward[j] : toward[j] + spike);
    }
    S *g = (S *)p->gradient;
    ptrdiff_t step = p->gradient_step / (ptrdiff_t)sizeof(S);
    for (ptrdiff_t j = 0; g && !p->q && j < w; j++) g[(ptrdiff_t)t->at[j] * step + j] = STORE(t->at_gradient[j]);
}
