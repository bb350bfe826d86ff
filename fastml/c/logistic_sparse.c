#include "logistic_sparse.h"

#include "fastml.h"
#include "macros.h"

/* Four sums, over every fourth entry: one alone would wait for itself. Gathering instructions are no faster. */
#define DOTS(T)                                                                    \
    static void dots_##T(const T *value, const int32_t *index, const ptrdiff_t *start, const T *w, T *z, ptrdiff_t R) { \
        for (ptrdiff_t r = 0; r < R; r++) {                                        \
            T a = 0, b = 0, c = 0, d = 0;                                          \
            ptrdiff_t j = start[r], stop = start[r + 1];                           \
            for (; j + 4 <= stop; j += 4) {                                        \
                a += value[j] * w[index[j]];                                       \
                b += value[j + 1] * w[index[j + 1]];                               \
                c += value[j + 2] * w[index[j + 2]];                               \
                d += value[j + 3] * w[index[j + 3]];                               \
            }                                                                      \
            if (j < stop) a += value[j] * w[index[j]];                             \
            if (j + 1 < stop) b += value[j + 1] * w[index[j + 1]];                 \
            if (j + 2 < stop) c += value[j + 2] * w[index[j + 2]];                 \
            z[r] += (a + b) + (c + d);                                             \
        }                                                                          \
        clear_flags();                                                             \
    }

#define SCATTER(T)                                                                                                      \
    static void scatter_##T(const T *value, const int32_t *index, const ptrdiff_t *start, const T *z, T *gradient,       \
                            ptrdiff_t R) {                                                                              \
        for (ptrdiff_t r = 0; r < R; r++)                                                                               \
            for (ptrdiff_t j = start[r]; j < start[r + 1]; j++) gradient[index[j]] += z[r] * value[j];                   \
        clear_flags();                                                                                                  \
    }

#define SHIFT(T)                                                                                 \
    static void shift_##T(T *Z, const T *bias, T scale, ptrdiff_t R, ptrdiff_t KP) {             \
        for (ptrdiff_t r = 0; r < R; r++)                                                        \
            for (ptrdiff_t k = 0; k < KP; k++) Z[r * KP + k] = scale * Z[r * KP + k] + bias[k];  \
        clear_flags();                                                                           \
    }

#define FOLD(T)                                                                       \
    static void fold_##T(T *z, ptrdiff_t R) {                                         \
        for (ptrdiff_t r = 0; r < R; r++) z[r] = z[r] > 0 ? -z[r] : z[r];             \
        clear_flags();                                                                \
    }

#define CURVE(T)                                                                                                         \
    static void curve_##T(const T *Z, T *U, const T *weight, ptrdiff_t R, ptrdiff_t K, ptrdiff_t KP) {                   \
        for (ptrdiff_t r = 0; r < R; r++) {                                                                              \
            const T *p = Z + r * KP;                                                                                     \
            T *u = U + r * KP, scale = weight ? weight[r] : 1, mean = 0;                                                 \
            if (K == 1) u[0] *= scale * p[0] * (1 - p[0]);                                                               \
            for (ptrdiff_t k = 0; k < K && K > 1; k++) mean += p[k] * u[k];                                              \
            for (ptrdiff_t k = 0; k < KP && K > 1; k++) u[k] = k < K ? scale * p[k] * (u[k] - mean) : 0;                 \
        }                                                                                                                \
        clear_flags();                                                                                                   \
    }

#define DRAIN(T)                                                        \
    static void drain_##T(double *total, T *recent, ptrdiff_t n) {      \
        IVDEP for (ptrdiff_t i = 0; i < n; i++) {                       \
            total[i] += recent[i];                                      \
            recent[i] = 0;                                              \
        }                                                               \
        clear_flags();                                                  \
    }

DOTS(float)
DOTS(double)
SCATTER(float)
SCATTER(double)
SHIFT(float)
SHIFT(double)
FOLD(float)
FOLD(double)
CURVE(float)
CURVE(double)
DRAIN(float)
DRAIN(double)

void fastml_sparse_dots(int dtype, const void *value, const int32_t *index, const ptrdiff_t *start, const void *w,
                        void *z, ptrdiff_t R) {
    if (dtype == FASTML_F32) dots_float((const float *)value, index, start, (const float *)w, (float *)z, R);
    else dots_double((const double *)value, index, start, (const double *)w, (double *)z, R);
}

void fastml_sparse_scatter(int dtype, const void *value, const int32_t *index, const ptrdiff_t *start, const void *z,
                           void *gradient, ptrdiff_t R) {
    if (dtype == FASTML_F32)
        scatter_float((const float *)value, index, start, (const float *)z, (float *)gradient, R);
    else scatter_double((const double *)value, index, start, (const double *)z, (double *)gradient, R);
}

void fastml_shift_scores(int dtype, void *Z, const void *bias, double scale, ptrdiff_t R, ptrdiff_t KP) {
    if (dtype == FASTML_F32) shift_float((float *)Z, (const float *)bias, (float)scale, R, KP);
    else shift_double((double *)Z, (const double *)bias, scale, R, KP);
}

void fastml_fold_scores(int dtype, void *z, ptrdiff_t R) {
    if (dtype == FASTML_F32) fold_float((float *)z, R);
    else fold_double((double *)z, R);
}

void fastml_curve_scores(int dtype, const void *Z, void *U, const void *weight, ptrdiff_t R, ptrdiff_t K,
                         ptrdiff_t KP) {
    if (dtype == FASTML_F32) curve_float((const float *)Z, (float *)U, (const float *)weight, R, K, KP);
    else curve_double((const double *)Z, (double *)U, (const double *)weight, R, K, KP);
}

void fastml_drain(int dtype, double *total, void *recent, ptrdiff_t n) {
    if (dtype == FASTML_F32) drain_float(total, (float *)recent, n);
    else drain_double(total, (double *)recent, n);
}
