/* Kernels of the norms: sums over a part of a problem, and the element-wise passes that follow.
 *
 *     moments   sum d, sum d^2             d = x - mean, in float64, where it is exact for float32
 *     dots      sum g, sum g h             g = dy weight, h = (x - mean) rstd
 *     forward   y = (h + a) weight + bias, or (h + a) gain + offset
 *     backward  dx = (g - a - h b) scale
 *
 * Weight and bias have a number for each element of a problem; gain, offset, mean, rstd, a, b and scale one for each
 * problem. A problem is a row of n elements, or w <= FASTML_NORM_COLUMNS of them are columns side by side. Element i is
 * added to lane i % NORM_LANES, and the lanes in a fixed tree, in either layout; the caller adds up the sums of chunks
 * of FASTML_NORM_CHUNK elements. So the bits do not depend on the layout. */

#define NORM_LANES 16
#define NORM_STEP (VECTOR_BYTES / 8) /* float64 numbers of a register */
#define NORM_REGISTERS (NORM_LANES / NORM_STEP)

typedef T FN(norm_part) __attribute__((vector_size(NORM_STEP * sizeof(T)), aligned(sizeof(T)), may_alias));
typedef double FN(norm_lanes) __attribute__((vector_size(VECTOR_BYTES), may_alias));

/* NORM_LANES elements from x, dy and w on, into u and v. */
INLINE void FN(norm_add)(int kind, const T *x, const T *dy, const T *w, T mean, T rstd, FN(norm_lanes) *u,
                         FN(norm_lanes) *v) {
    UNROLL for (int k = 0; k < NORM_REGISTERS; k++) {
        FN(norm_part) value = *(const FN(norm_part) *)(x + k * NORM_STEP);
        if (kind == FASTML_NORM_MOMENTS) {
            FN(norm_lanes) d = __builtin_convertvector(value, FN(norm_lanes)) - (double)mean;
            u[k] += d;
            v[k] += d * d;
        } else {
            FN(norm_part) g = *(const FN(norm_part) *)(dy + k * NORM_STEP);
            if (w) g *= *(const FN(norm_part) *)(w + k * NORM_STEP);
            FN(norm_lanes) wide = __builtin_convertvector(g, FN(norm_lanes));
            u[k] += wide;
            v[k] += wide * __builtin_convertvector((value - mean) * rstd, FN(norm_lanes));
        }
    }
}

static double FN(norm_tree)(const FN(norm_lanes) *lanes) {
    double v[NORM_LANES];
    memcpy(v, lanes, sizeof v);
    for (ptrdiff_t half = NORM_LANES / 2; half; half /= 2)
        for (ptrdiff_t l = 0; l < half; l++) v[l] += v[l + half];
    return v[0];
}

/* What is left after whole steps is padded with what adds nothing. */
INLINE void FN(norm_row)(int kind, const T *x, const T *dy, const T *w, ptrdiff_t n, T mean, T rstd, double *sums) {
    FN(norm_lanes) u[NORM_REGISTERS] = {{0}}, v[NORM_REGISTERS] = {{0}};
    ptrdiff_t i = 0, rest = n % NORM_LANES;
    for (; i < n - rest; i += NORM_LANES)
        FN(norm_add)(kind, x + i, dy ? dy + i : NULL, w ? w + i : NULL, mean, rstd, u, v);
    if (rest) {
        T last[NORM_LANES], last_dy[NORM_LANES] = {0}, last_w[NORM_LANES] = {0};
        for (ptrdiff_t l = 0; l < NORM_LANES; l++) last[l] = mean;
        memcpy(last, x + i, (size_t)rest * sizeof(T));
        if (dy) memcpy(last_dy, dy + i, (size_t)rest * sizeof(T));
        if (w) memcpy(last_w, w + i, (size_t)rest * sizeof(T));
        FN(norm_add)(kind, last, last_dy, w ? last_w : NULL, mean, rstd, u, v);
    }
    sums[0] = FN(norm_tree)(u);
    sums[1] = FN(norm_tree)(v);
}

NOINLINE static void FN(norm_sums)(const fastml_norm *p, ptrdiff_t n, double *sums) {
    const T *x = (const T *)p->x, *dy = (const T *)p->dy, *w = (const T *)p->weight;
    T mean = *(const T *)p->mean, rstd = p->kind == FASTML_NORM_DOTS ? *(const T *)p->rstd : 0;
    if (p->kind == FASTML_NORM_MOMENTS) FN(norm_row)(FASTML_NORM_MOMENTS, x, NULL, NULL, n, mean, 0, sums);
    else if (w) FN(norm_row)(FASTML_NORM_DOTS, x, dy, w, n, mean, rstd, sums);
    else FN(norm_row)(FASTML_NORM_DOTS, x, dy, NULL, n, mean, rstd, sums);
    clear_flags();
}

/* The same for columns; sums has w numbers, then w more. */
NOINLINE static void FN(norm_columns_row)(const fastml_norm *p, ptrdiff_t i, ptrdiff_t w, double *u, double *v) {
    const T *x = (const T *)p->x + i * p->x_step, *dy = (const T *)p->dy + (p->dy ? i * p->dy_step : 0);
    const T *mean = (const T *)p->mean, *rstd = (const T *)p->rstd;
    T weight = p->weight ? ((const T *)p->weight)[i] : 1;
    if (p->kind == FASTML_NORM_MOMENTS)
        for (ptrdiff_t j = 0; j < w; j++) {
            double d = (double)x[j] - (double)mean[j];
            u[j] += d;
            v[j] += d * d;
        }
    else
        for (ptrdiff_t j = 0; j < w; j++) {
            T h = (x[j] - mean[j]) * rstd[j], g = dy[j] * weight;
            u[j] += (double)g;
            v[j] += (double)g * (double)h;
        }
}

NOINLINE static void FN(norm_sums_columns)(const fastml_norm *p, ptrdiff_t R, ptrdiff_t w, double *sums) {
    double lane[NORM_LANES][2 * FASTML_NORM_COLUMNS];
    ptrdiff_t used = R < NORM_LANES ? R : NORM_LANES;
    for (ptrdiff_t l = 0; l < used; l++) memset(lane[l], 0, (size_t)(2 * w) * sizeof(double));
    for (ptrdiff_t i = 0; i < R; i++) FN(norm_columns_row)(p, i, w, lane[i % NORM_LANES], lane[i % NORM_LANES] + w);
    for (ptrdiff_t half = NORM_LANES / 2; half; half /= 2)
        for (ptrdiff_t l = 0; l < half && l + half < used; l++)
            for (ptrdiff_t j = 0; j < 2 * w; j++) lane[l][j] += lane[l + half][j];
    memcpy(sums, lane[0], (size_t)(2 * w) * sizeof(double));
    clear_flags();
}

INLINE T FN(norm_h)(T x, T mean, T rstd, T a) { return MULADD(x - mean, rstd, a); }
INLINE T FN(norm_dx)(T g, T x, T mean, T rstd, T a, T b, T scale) {
    return MULADD(-((x - mean) * rstd), b, g - a) * scale;
}

/* What a loop over `i` writes for the element (mean[s], weight[k] and so on); all branches but one are outside it. */
#define FORWARD(loop, i, s, k)                                                                           \
    {                                                                                                    \
        if (gain) loop y[i] = MULADD(FN(norm_h)(x[i], mean[s], rstd[s], a[s]), gain[s], offset[s]);      \
        else if (w && bias) loop y[i] = MULADD(FN(norm_h)(x[i], mean[s], rstd[s], a[s]), w[k], bias[k]); \
        else if (w) loop y[i] = FN(norm_h)(x[i], mean[s], rstd[s], a[s]) * w[k];                         \
        else if (bias) loop y[i] = FN(norm_h)(x[i], mean[s], rstd[s], a[s]) + bias[k];                   \
        else loop y[i] = FN(norm_h)(x[i], mean[s], rstd[s], a[s]);                                       \
    }
#define BACKWARD(loop, i, s, k)                                                                     \
    {                                                                                               \
        if (w) loop y[i] = FN(norm_dx)(dy[i] * w[k], x[i], mean[s], rstd[s], a[s], b[s], scale[s]); \
        else loop y[i] = FN(norm_dx)(dy[i], x[i], mean[s], rstd[s], a[s], b[s], scale[s]);          \
    }
#define LOOP IVDEP for (ptrdiff_t i = 0; i < n; i++)
/* n elements of a problem. Its numbers are copied: y might be where they are, as far as the compiler knows. */
NOINLINE static void FN(norm_apply)(const fastml_norm *p, ptrdiff_t n) {
    const T *x = (const T *)p->x, *dy = (const T *)p->dy, *w = (const T *)p->weight, *bias = (const T *)p->bias;
    T *y = (T *)p->y;
#define COPY(name) T name[1] = {p->name ? *(const T *)p->name : 0}
    COPY(mean);
    COPY(rstd);
    COPY(a);
    COPY(b);
    COPY(scale);
    COPY(offset);
    T gain_copy[1] = {p->gain ? *(const T *)p->gain : 0}, *gain = p->gain ? gain_copy : NULL;
#undef COPY
    if (p->kind == FASTML_NORM_MOMENTS) FORWARD(LOOP, i, 0, i)
    else BACKWARD(LOOP, i, 0, i)
    clear_flags();
}

/* Element k of n problems side by side. */
NOINLINE static void FN(norm_apply_element)(const fastml_norm *p, ptrdiff_t k, ptrdiff_t n) {
    const T *x = (const T *)p->x + k * p->x_step, *dy = p->dy ? (const T *)p->dy + k * p->dy_step : NULL;
    const T *mean = (const T *)p->mean, *rstd = (const T *)p->rstd, *a = (const T *)p->a, *b = (const T *)p->b;
    const T *scale = (const T *)p->scale, *gain = (const T *)p->gain, *offset = (const T *)p->offset;
    T weight[1] = {p->weight ? ((const T *)p->weight)[k] : 0}, shift[1] = {p->bias ? ((const T *)p->bias)[k] : 0};
    T *y = (T *)p->y + k * p->y_step, *w = p->weight ? weight : NULL, *bias = p->bias ? shift : NULL;
    if (p->kind == FASTML_NORM_MOMENTS) FORWARD(LOOP, i, i, 0)
    else BACKWARD(LOOP, i, i, 0)
}

static void FN(norm_apply_columns)(const fastml_norm *p, ptrdiff_t R, ptrdiff_t w) {
    for (ptrdiff_t k = 0; k < R; k++) FN(norm_apply_element)(p, k, w);
    clear_flags();
}

/* sums += sum dy h, and sum dy, over problems: eight of them in a tree, the eights one after the other. Here n elements
 * of R <= 8 rows, and sums[0 .. n), sums[stride .. stride + n). */
NOINLINE static void FN(norm_gradient)(const fastml_norm *p, ptrdiff_t R, ptrdiff_t n, double *sums, ptrdiff_t stride) {
    const T *x[8], *dy[8];
    T mean[8], rstd[8];
    for (ptrdiff_t r = 0; r < 8; r++) {
        ptrdiff_t row = r < R ? r : 0;
        x[r] = (const T *)p->x + row * p->x_step;
        dy[r] = (const T *)p->dy + row * p->dy_step;
        mean[r] = ((const T *)p->mean)[row];
        rstd[r] = ((const T *)p->rstd)[row];
    }
#define G(r) (double)dy[r][i]
#define GH(r) G(r) * (double)((x[r][i] - mean[r]) * rstd[r])
#define TREE(of) ((of(0) + of(1)) + (of(2) + of(3))) + ((of(4) + of(5)) + (of(6) + of(7)))
    if (R == 8) IVDEP for (ptrdiff_t i = 0; i < n; i++) {
            sums[i] += TREE(GH);
            sums[stride + i] += TREE(G);
        }
    else
#define FEW(r) (r < R ? G(r) : 0)
#define FEWH(r) (r < R ? GH(r) : 0)
        for (ptrdiff_t i = 0; i < n; i++) {
            sums[i] += TREE(FEWH);
            sums[stride + i] += TREE(FEW);
        }
#undef G
#undef GH
#undef TREE
#undef FEW
#undef FEWH
    clear_flags();
}

/* The same of R elements of w problems side by side: sums[k] and sums[stride + k] of element k. */
NOINLINE static void FN(norm_gradient_columns)(const fastml_norm *p, ptrdiff_t R, ptrdiff_t w, double *sums,
                                               ptrdiff_t stride) {
    const T *mean = (const T *)p->mean, *rstd = (const T *)p->rstd;
    double v[2][FASTML_NORM_COLUMNS];
    ptrdiff_t groups = (w + 7) / 8;
    for (ptrdiff_t k = 0; k < R; k++) {
        const T *x = (const T *)p->x + k * p->x_step, *dy = (const T *)p->dy + k * p->dy_step;
        for (ptrdiff_t j = 0; j < w; j++) {
            v[0][j] = (double)dy[j] * (double)((x[j] - mean[j]) * rstd[j]);
            v[1][j] = dy[j];
        }
        for (ptrdiff_t j = w; j < 8 * groups; j++) v[0][j] = v[1][j] = 0;
        for (ptrdiff_t which = 0; which < 2; which++) {
            double *u = v[which];
            for (ptrdiff_t g = 0; g < 4 * groups; g++) u[g] = u[2 * g] + u[2 * g + 1];
            for (ptrdiff_t g = 0; g < 2 * groups; g++) u[g] = u[2 * g] + u[2 * g + 1];
            for (ptrdiff_t g = 0; g < groups; g++) sums[which * stride + k] += u[2 * g] + u[2 * g + 1];
        }
    }
    clear_flags();
}

#undef FORWARD
#undef BACKWARD
#undef LOOP
#undef NORM_LANES
#undef NORM_STEP
#undef NORM_REGISTERS
