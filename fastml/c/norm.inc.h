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

#define NORM_LANES FASTML_NORM_LANES
#define NORM_STEP (VECTOR_BYTES / 8) /* float64 numbers of a register */
#define NORM_REGISTERS (NORM_LANES / NORM_STEP)

#include "norm_sums.inc.h"

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
#define GH(r) (double)(dy[r][i] * ((x[r][i] - mean[r]) * rstd[r]))
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
            v[0][j] = dy[j] * ((x[j] - mean[j]) * rstd[j]);
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
