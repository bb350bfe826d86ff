/* Arrays of float16 to float32 and back, rounding to nearest even. */

#define HALF_BLOCK 512 /* float16 is converted so many at a time, in the first-level cache */

#ifdef FASTML_F16C
/* The instructions do whole vectors; the rest goes through one too, so that a NaN's bits do not depend on position. */
HOT static void FN(widen)(const S *x, T *y, ptrdiff_t n) {
    ptrdiff_t i = 0;
    for (; i + 8 <= n; i += 8) _mm256_storeu_ps(y + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(x + i))));
    if (i < n) {
        S from[8] = {0};
        T to[8];
        memcpy(from, x + i, (size_t)(n - i) * sizeof(S));
        _mm256_storeu_ps(to, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)from)));
        memcpy(y + i, to, (size_t)(n - i) * sizeof(T));
    }
}

HOT static void FN(narrow)(const T *x, S *y, ptrdiff_t n) {
    ptrdiff_t i = 0;
    for (; i + 8 <= n; i += 8) _mm_storeu_si128((__m128i *)(y + i), _mm256_cvtps_ph(_mm256_loadu_ps(x + i), 0));
    if (i < n) {
        T from[8] = {0};
        S to[8];
        memcpy(from, x + i, (size_t)(n - i) * sizeof(T));
        _mm_storeu_si128((__m128i *)to, _mm256_cvtps_ph(_mm256_loadu_ps(from), 0));
        memcpy(y + i, to, (size_t)(n - i) * sizeof(S));
    }
}
#else
HOT static void FN(widen)(const S *x, T *y, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) y[i] = float_from_half(x[i]);
}

HOT static void FN(narrow)(const T *x, S *y, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) y[i] = half_from_float(x[i]);
}
#endif
