/* Cross-entropy of probabilities that are given: loss = -weight sum_c a_c log x_c, gradient_c = -weight scale a_c / x_c.
 * 0 log 0 is 0; x_c = 0 under a positive a_c makes both infinite. In one pass, of a problem or of TILE side by side. */

/* Divided last: 1 / x alone overflows where x is subnormal. */
INLINE T FN(given_gradient)(T a, T x, T scale) { return ((a == 0) & (x == x)) ? 0 : -(a * scale) / (x + 0); }

/* v = a log x, and x = the gradient. */
NOINLINE static void FN(given_block)(T *x, const T *a, T *v, ptrdiff_t n, T scale) {
    IVDEP for (ptrdiff_t i = 0; i < n; i++) {
        T p = x[i];
        v[i] = FN(times)(a[i], MATH(log)(p));
        x[i] = FN(given_gradient)(a[i], p, scale);
    }
}

static void FN(given_row)(const fastml_cross_entropy *p, FN(aim) aim, T weight) {
    FN(source) from = {p->x, p->x_step, NULL, 0};
    FN(lane_sums) toward = {{0}, {0}};
    T block[BLOCK] = {0}, a[BLOCK], v[BLOCK], scale = FN(scale_of)(p, weight), x_at = FN(logit)(p, aim.at);
    T at_gradient = FN(given_gradient)(FN(a_at)(p, &aim, aim.at), x_at, scale);
    int spread = FN(is_spread)(p);
    for (ptrdiff_t i = 0; (spread || p->gradient) && i < p->C; i += BLOCK) {
        ptrdiff_t n = p->C - i < BLOCK ? p->C - i : BLOCK;
        if (spread) {
            const T *x = FN(gather)(&from, i, n, block);
            if (x != block) memcpy(block, x, (size_t)n * sizeof(T));
            FN(shares)(p, i, n, a);
            FN(given_block)(block, a, v, n, scale);
            FN(add_block)(v, n, &toward);
        }
        if (p->gradient) FN(scatter)(block, &from, p->gradient, p->gradient_step, i, n, 0);
    }
    T sum = spread ? FN(total_of)(&toward) : 0;
    if (!p->q) sum += FN(times)(aim.spike, MATH(log)(x_at));
    *(T *)p->loss = 0 - weight * sum;
    if (p->gradient && !p->q) FN(put_gradient)(p, aim.at, at_gradient);
}
