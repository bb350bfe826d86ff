/* What the pass over sparse rows shares with that over dense ones, and its products. The rows come as pairs of a value
 * and an index: row r has those from start[r] to start[r + 1]. The gradient of one class, numbers scattered one by one,
 * gains nothing from vectors and is in logistic_sparse.c. */

/* Scores become weighted residuals, as in fastml_residuals. */
static void FN(score_residuals)(void *Zv, const void *target, const void *weight, double *loss, void *bias_gradient,
                                ptrdiff_t R, ptrdiff_t K, int multi_label) {
    T *Z = (T *)Zv;
    ptrdiff_t KP = K == 1 ? 1 : FN(padded_classes)(K);
    if (K == 1) *loss += FN(logistic_residuals)(Z, (const T *)target, (const T *)weight, Z, R);
    else *loss += FN(class_residuals)(Z, (const T *)target, (const T *)weight, R, K, KP, multi_label);
    if (bias_gradient) FN(sum_rows)(Z, (T *)bias_gradient, R, KP);
    clear_flags();
}

static void FN(score_probabilities)(void *Z, ptrdiff_t R, ptrdiff_t K, int multi_label) {
    if (K == 1) FN(sigmoid)(Z, Z, R);
    else FN(class_probabilities)((T *)Z, R, K, FN(padded_classes)(K), multi_label);
    clear_flags();
}

#define QUARTER (LANES / 4)
typedef T FN(quarter) __attribute__((vector_size(16), aligned(sizeof(T)), may_alias));

/* Numbers of w: one instruction where there is one. */
INLINE FN(half) FN(gather_half)(const T *w, const int32_t *index) {
#if !defined(FASTML_GATHER)
    FN(half) x;
    for (int l = 0; l < HALF; l++) x[l] = w[index[l]];
    return x;
#elif DTYPE == F32
    return (FN(half))_mm256_i32gather_ps(w, _mm256_loadu_si256((const __m256i *)index), 4);
#else
    return (FN(half))_mm256_i32gather_pd(w, _mm_loadu_si128((const __m128i *)index), 8);
#endif
}

/* z[R] += X w */
static void FN(sparse_dots)(const T *value, const int32_t *index, const ptrdiff_t *start, const T *w, T *z,
                            ptrdiff_t R) {
    for (ptrdiff_t r = 0; r < R; r++) {
        FN(half) sum = {0};
        T even = 0, odd = 0;
        ptrdiff_t j = start[r], stop = start[r + 1];
        for (; j + HALF <= stop; j += HALF) sum = FN(fma_half)(HALF_AT(value + j), FN(gather_half)(w, index + j), sum);
        for (; j + 2 <= stop; j += 2) {
            even = MULADD(value[j], w[index[j]], even);
            odd = MULADD(value[j + 1], w[index[j + 1]], odd);
            OPAQUE(even); /* or GCC makes vectors of it, and is slower */
        }
        if (j < stop) even = MULADD(value[j], w[index[j]], even);
        FN(quarter) q = ((const FN(quarter) *)&sum)[0] + ((const FN(quarter) *)&sum)[1];
        T pairs = QUARTER == 2 ? q[0] + q[1] : (q[0] + q[2 % QUARTER]) + (q[1] + q[3 % QUARTER]);
        z[r] += pairs + (even + odd);
    }
}

/* A row of W or of the gradient is TILES vectors of 32 bytes, or of 16 where the classes are few. The last vector
 * overlaps the one before, so that rows need no padding: both hold the same sums then. */
#define TILES 4

#define SPARSE_TILES(VECTOR, W_LANES)                                                                               \
    INLINE FN(VECTOR) FN(VECTOR##_add)(T a, FN(VECTOR) b, FN(VECTOR) sum) {                                         \
        for (int l = 0; l < W_LANES; l++) sum[l] = MULADD(a, b[l], sum[l]);                                         \
        return sum;                                                                                                 \
    }                                                                                                               \
    /* z += the row's values times W; even and odd ones apart, since one sum would wait for itself */               \
    INLINE void FN(VECTOR##_scores)(const T *value, const int32_t *index, ptrdiff_t n, const T *W, ptrdiff_t step,  \
                                    T *z, const ptrdiff_t *at, int tiles) {                                         \
        FN(VECTOR) even[TILES] = {{0}}, odd[TILES] = {{0}};                                                         \
        ptrdiff_t j = 0;                                                                                            \
        for (; j + 2 <= n; j += 2) {                                                                                \
            const T *w = W + index[j] * step, *next = W + index[j + 1] * step;                                      \
            UNROLL for (int i = 0; i < tiles; i++) {                                                                \
                even[i] = FN(VECTOR##_add)(value[j], *(const FN(VECTOR) *)(w + at[i]), even[i]);                    \
                odd[i] = FN(VECTOR##_add)(value[j + 1], *(const FN(VECTOR) *)(next + at[i]), odd[i]);               \
            }                                                                                                       \
        }                                                                                                           \
        if (j < n)                                                                                                  \
            UNROLL for (int i = 0; i < tiles; i++) even[i] =                                                        \
                FN(VECTOR##_add)(value[j], *(const FN(VECTOR) *)(W + index[j] * step + at[i]), even[i]);            \
        UNROLL for (int i = 0; i < tiles; i++) even[i] += odd[i] + *(const FN(VECTOR) *)(z + at[i]);                \
        UNROLL for (int i = 0; i < tiles; i++) * (FN(VECTOR) *)(z + at[i]) = even[i];                               \
    }                                                                                                               \
    /* the gradient's rows += the row's values times its residuals; all is read before anything is written */       \
    INLINE void FN(VECTOR##_slopes)(const T *value, const int32_t *index, ptrdiff_t n, T *gradient, ptrdiff_t step, \
                                    const T *residual, const ptrdiff_t *at, int tiles) {                            \
        FN(VECTOR) r[TILES], sum[TILES];                                                                            \
        UNROLL for (int i = 0; i < tiles; i++) r[i] = *(const FN(VECTOR) *)(residual + at[i]);                      \
        for (ptrdiff_t j = 0; j < n; j++) {                                                                         \
            T *g = gradient + index[j] * step;                                                                      \
            UNROLL for (int i = 0; i < tiles; i++) sum[i] =                                                         \
                FN(VECTOR##_add)(value[j], r[i], *(const FN(VECTOR) *)(g + at[i]));                                 \
            UNROLL for (int i = 0; i < tiles; i++) * (FN(VECTOR) *)(g + at[i]) = sum[i];                            \
        }                                                                                                           \
    }
SPARSE_TILES(half, HALF)
SPARSE_TILES(quarter, QUARTER)
#undef SPARSE_TILES

/* Rows, `tiles` vectors of `width` classes: both literals, as is `slopes`, whether W is the gradient and Z residuals. */
INLINE void FN(sparse_rows)(const T *value, const int32_t *index, const ptrdiff_t *start, T *W, T *Z, ptrdiff_t R,
                            ptrdiff_t KP, ptrdiff_t step, const ptrdiff_t *at, ptrdiff_t width, int tiles, int slopes) {
    for (ptrdiff_t r = 0; r < R; r++) {
        const T *v = value + start[r];
        const int32_t *x = index + start[r];
        ptrdiff_t n = start[r + 1] - start[r];
        if (width == HALF && slopes) FN(half_slopes)(v, x, n, W, step, Z + r * KP, at, tiles);
        else if (width == HALF) FN(half_scores)(v, x, n, W, step, Z + r * KP, at, tiles);
        else if (slopes) FN(quarter_slopes)(v, x, n, W, step, Z + r * KP, at, tiles);
        else FN(quarter_scores)(v, x, n, W, step, Z + r * KP, at, tiles);
    }
}

INLINE void FN(sparse_products)(const T *value, const int32_t *index, const ptrdiff_t *start, T *W, T *Z, ptrdiff_t R,
                                ptrdiff_t K, int slopes) {
    ptrdiff_t step = K < QUARTER ? QUARTER : K, width = K < HALF ? QUARTER : HALF, tiles = (step + width - 1) / width;
    ptrdiff_t KP = FN(padded_classes)(K), at[TILES];
    for (ptrdiff_t first = 0, count; first < tiles; first += count) {
        ptrdiff_t left = tiles - first;
        count = left == TILES + 1 ? TILES - 1 : left < TILES ? left : TILES; /* the last one is not left alone */
        for (ptrdiff_t i = 0; i < count; i++)
            at[i] = (first + i + 1) * width < step ? (first + i) * width : step - width;
        if (width == QUARTER && count == 1)
            FN(sparse_rows)(value, index, start, W, Z, R, KP, step, at, QUARTER, 1, slopes);
        else if (width == QUARTER) FN(sparse_rows)(value, index, start, W, Z, R, KP, step, at, QUARTER, 2, slopes);
        else if (count == 1) FN(sparse_rows)(value, index, start, W, Z, R, KP, step, at, HALF, 1, slopes);
        else if (count == 2) FN(sparse_rows)(value, index, start, W, Z, R, KP, step, at, HALF, 2, slopes);
        else if (count == 3) FN(sparse_rows)(value, index, start, W, Z, R, KP, step, at, HALF, 3, slopes);
        else FN(sparse_rows)(value, index, start, W, Z, R, KP, step, at, HALF, 4, slopes);
    }
}

/* Z[R, K_padded] += X W */
NOINLINE static void FN(sparse_scores)(const void *value, const int32_t *index, const ptrdiff_t *start, const void *W,
                                       void *Z, ptrdiff_t R, ptrdiff_t K) {
    if (K == 1) FN(sparse_dots)((const T *)value, index, start, (const T *)W, (T *)Z, R);
    else FN(sparse_products)((const T *)value, index, start, (T *)W, (T *)Z, R, K, 0);
    clear_flags();
}

/* gradient[d, K] += X^T Z */
NOINLINE static void FN(sparse_gradient)(const void *value, const int32_t *index, const ptrdiff_t *start, const void *Z,
                                         void *gradient, ptrdiff_t R, ptrdiff_t K) {
    FN(sparse_products)((const T *)value, index, start, (T *)gradient, (T *)Z, R, K, 1);
    clear_flags();
}

#undef QUARTER
#undef TILES

/* sum[n] += the recent sums, which become 0; or is made of them. */
INLINE void FN(add_recent)(double *sum, T *recent, ptrdiff_t n, int first) {
    if (first) IVDEP for (ptrdiff_t i = 0; i < n; i++) sum[i] = recent[i], recent[i] = 0;
    else
        IVDEP for (ptrdiff_t i = 0; i < n; i++) sum[i] += recent[i], recent[i] = 0;
}

NOINLINE static void FN(sparse_drain)(double *total, void *recent, ptrdiff_t step, ptrdiff_t K, ptrdiff_t apart,
                                      ptrdiff_t parts, ptrdiff_t d, int first, double last) {
    ptrdiff_t rows = 1024 / step + 1;
    for (ptrdiff_t row = 0; row < d; row += rows) {
        double *sum = total + row * K;
        if (rows > d - row) rows = d - row;
        for (ptrdiff_t k = 0; k < parts; k++) {
            T *from = (T *)((char *)recent + k * apart) + row * step;
            if (K == step) FN(add_recent)(sum, from, rows * K, first && k == 0);
            for (ptrdiff_t i = 0; i < rows && K < step; i++, from += step)
                for (ptrdiff_t j = 0; j < K; j++) {
                    sum[i * K + j] = (first && k == 0 ? 0 : sum[i * K + j]) + from[j];
                    from[j] = 0;
                }
        }
        if (last != 1)
            IVDEP for (ptrdiff_t i = 0; i < rows * K; i++) sum[i] *= last;
    }
    clear_flags();
}
