/* l1 and l2 penalties: the sum and its gradient, a block of SUM_BLOCK at a time, so that w is read from memory once. */

#define SIGN_BIT (~(~(U)0 >> 1))

/* s sign(w) for s >= 0, with sign(0) = 0; NaN is its own sign. */
INLINE T MATH(with_sign)(T s, T w) {
    return __builtin_islessgreater(w, 0) ? FROM_BITS(BITS(s) | (BITS(w) & SIGN_BIT)) : w;
}
INLINE T MATH(magnitude)(T w) { return FROM_BITS(BITS(w) & ~SIGN_BIT); }

/* size[i] = |w[i]|, and slope[i] = s sign(w[i]) or what it held plus that. */
NOINLINE static void FN(l1_sizes)(const T *w, T *size, ptrdiff_t n) {
    IVDEP for (ptrdiff_t i = 0; i < n; i++) size[i] = MATH(magnitude)(w[i]);
}
NOINLINE static void FN(l1_slopes)(const T *w, T *size, T *slope, ptrdiff_t n, T s) {
    IVDEP for (ptrdiff_t i = 0; i < n; i++) {
        size[i] = MATH(magnitude)(w[i]);
        slope[i] = MATH(with_sign)(s, w[i]);
    }
}
NOINLINE static void FN(l1_add_slopes)(const T *w, T *size, T *slope, ptrdiff_t n, T s) {
    IVDEP for (ptrdiff_t i = 0; i < n; i++) {
        size[i] = MATH(magnitude)(w[i]);
        slope[i] += MATH(with_sign)(s, w[i]);
    }
}

static void FN(l1_penalty)(const void *wv, void *slopev, ptrdiff_t n, double strength, int accumulate, double *total) {
    const T *w = (const T *)wv, s = (T)strength;
    T *slope = (T *)slopev, size[FASTML_SUM_BLOCK];
    for (ptrdiff_t i = 0; i < n; i += FASTML_SUM_BLOCK) {
        ptrdiff_t count = n - i < FASTML_SUM_BLOCK ? n - i : FASTML_SUM_BLOCK;
        if (!slope) FN(l1_sizes)(w + i, size, count);
        else if (accumulate) FN(l1_add_slopes)(w + i, size, slope + i, count, s);
        else FN(l1_slopes)(w + i, size, slope + i, count, s);
        FN(sum_add)(FN(sum_products)(size, 0, NULL, count), total);
    }
    clear_flags();
}

/* slope[i] = s w[i], or what it held plus that. */
NOINLINE static void FN(l2_slopes)(const T *w, T *slope, ptrdiff_t n, T s) {
    IVDEP for (ptrdiff_t i = 0; i < n; i++) slope[i] = s * w[i];
}
NOINLINE static void FN(l2_add_slopes)(const T *w, T *slope, ptrdiff_t n, T s) {
    IVDEP for (ptrdiff_t i = 0; i < n; i++) slope[i] = MULADD(s, w[i], slope[i]);
}

static void FN(l2_penalty)(const void *wv, void *slopev, ptrdiff_t n, double strength, int accumulate, double *total) {
    const T *w = (const T *)wv, s = (T)(2 * strength);
    T *slope = (T *)slopev;
    for (ptrdiff_t i = 0; i < n; i += FASTML_SUM_BLOCK) {
        ptrdiff_t count = n - i < FASTML_SUM_BLOCK ? n - i : FASTML_SUM_BLOCK;
        FN(sum_add)(FN(sum_products)(w + i, 1, NULL, count), total);
        if (slope && accumulate) FN(l2_add_slopes)(w + i, slope + i, count, s);
        else if (slope) FN(l2_slopes)(w + i, slope + i, count, s);
    }
    clear_flags();
}
