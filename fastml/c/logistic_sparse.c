#include "logistic_sparse.h"

#include "fastml.h"
#include "macros.h"

#define SCATTER(T)                                                                                                 \
    static void scatter_##T(const T *value, const int32_t *index, const ptrdiff_t *start, const T *z, T *gradient, \
                            ptrdiff_t R) {                                                                         \
        for (ptrdiff_t r = 0; r < R; r++) {                                                                        \
            T residual = z[r];                                                                                     \
            ptrdiff_t j = start[r], stop = start[r + 1];                                                           \
            for (; j + 4 <= stop; j += 4) {                                                                        \
                T a = residual * value[j], b = residual * value[j + 1];                                            \
                T c = residual * value[j + 2], d = residual * value[j + 3];                                        \
                gradient[index[j]] += a;                                                                           \
                gradient[index[j + 1]] += b;                                                                       \
                gradient[index[j + 2]] += c;                                                                       \
                gradient[index[j + 3]] += d;                                                                       \
            }                                                                                                      \
            for (; j < stop; j++) gradient[index[j]] += residual * value[j];                                       \
        }                                                                                                          \
        clear_flags();                                                                                             \
    }

#define SHIFT(T)                                                                                \
    static void shift_##T(T *Z, const T *bias, T scale, ptrdiff_t R, ptrdiff_t KP) {            \
        for (ptrdiff_t r = 0; r < R; r++)                                                       \
            for (ptrdiff_t k = 0; k < KP; k++) Z[r * KP + k] = scale * Z[r * KP + k] + bias[k]; \
        clear_flags();                                                                          \
    }

#define FOLD(T)                                                           \
    static void fold_##T(T *z, ptrdiff_t R) {                             \
        for (ptrdiff_t r = 0; r < R; r++) z[r] = z[r] > 0 ? -z[r] : z[r]; \
        clear_flags();                                                    \
    }

#define CURVE(T)                                                                                                  \
    static void curve_##T(const T *Z, T *U, const T *weight, ptrdiff_t R, ptrdiff_t K, ptrdiff_t KP,              \
                          int multi_label) {                                                                      \
        for (ptrdiff_t r = 0; r < R; r++) {                                                                       \
            const T *p = Z + r * KP;                                                                              \
            T *u = U + r * KP, scale = weight ? weight[r] : 1, mean = 0;                                          \
            int together = K > 1 && !multi_label;                                                                 \
            for (ptrdiff_t k = 0; k < K && together; k++) mean += p[k] * u[k];                                    \
            for (ptrdiff_t k = 0; k < K; k++) u[k] = scale * p[k] * (together ? u[k] - mean : (1 - p[k]) * u[k]); \
            for (ptrdiff_t k = K; k < KP; k++) u[k] = 0;                                                          \
        }                                                                                                         \
        clear_flags();                                                                                            \
    }

SCATTER(float)
SCATTER(double)
SHIFT(float)
SHIFT(double)
FOLD(float)
FOLD(double)
CURVE(float)
CURVE(double)

void fastml_sparse_scatter(int dtype, const void *value, const int32_t *index, const ptrdiff_t *start, const void *z,
                           void *gradient, ptrdiff_t R) {
    if (dtype == FASTML_F32) scatter_float((const float *)value, index, start, (const float *)z, (float *)gradient, R);
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

void fastml_curve_scores(int dtype, const void *Z, void *U, const void *weight, ptrdiff_t R, ptrdiff_t K, ptrdiff_t KP,
                         int multi_label) {
    if (dtype == FASTML_F32) curve_float((const float *)Z, (float *)U, (const float *)weight, R, K, KP, multi_label);
    else curve_double((const double *)Z, (double *)U, (const double *)weight, R, K, KP, multi_label);
}
