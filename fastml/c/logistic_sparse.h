/* The logistic pass over sparse rows: what the vectors of an instruction set do not hasten, of float32 or float64. */
#ifndef FASTML_LOGISTIC_SPARSE_H
#define FASTML_LOGISTIC_SPARSE_H

#include <stddef.h>
#include <stdint.h>

/* One class: gradient += X^T z. Row r has the values and indices from start[r] to start[r + 1]. */
void fastml_sparse_scatter(int dtype, const void *value, const int32_t *index, const ptrdiff_t *start, const void *z,
                           void *gradient, ptrdiff_t R);

/* Z[R, KP] = scale Z + bias[KP] */
void fastml_shift_scores(int dtype, void *Z, const void *bias, double scale, ptrdiff_t R, ptrdiff_t KP);

/* z[R] = -|z|: of both sides of 0, whose curvatures are the same, the one where the sigmoid is exact. */
void fastml_fold_scores(int dtype, void *z, ptrdiff_t R);

/* The scores' second derivative. Z[R, KP] are probabilities, or, with one class or `multi_label`, sigmoid(-|z|);
 * U[R, KP], the scores of a direction, becomes weight p (u - sum p u), or weight p (1 - p) u. `weight` may be NULL. */
void fastml_curve_scores(int dtype, const void *Z, void *U, const void *weight, ptrdiff_t R, ptrdiff_t K, ptrdiff_t KP,
                         int multi_label);

#endif
