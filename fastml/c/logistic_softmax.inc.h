/* The softmax half of logistic.inc.h. Classes are padded to KP, a multiple of FASTML_CLASS_STEP; a tile of MR rows (or
 * features) by CLASSES is held in registers, as NV vectors each. */

#define CLASSES LANES
#define MR (NV == 1 ? 8 : 6)

/* sum[m] += over i < n of a[m][i * a_step] * b[i * b_step .. + CLASSES]: the inner loop of both products. */
INLINE void FN(multiply_tile)(FN(vector) sum[MR][NV], const T *const a[MR], ptrdiff_t a_step, const T *b,
                              ptrdiff_t b_step, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++, b += b_step) {
        FN(vector) v[NV];
        UNROLL for (int k = 0; k < NV; k++) v[k] = ((const FN(vector) *)b)[k];
        UNROLL for (int m = 0; m < MR; m++) UNROLL for (int k = 0; k < NV; k++) sum[m][k] =
            FN(fma_scalar)(a[m][i * a_step], v[k], sum[m][k]);
    }
}

/* Z[R, KP] = X W + b, FEATURES rows of W after the other: so many stay in the first-level cache for all rows of X. */
#define FEATURES 256
HOT static void FN(logistic_scores)(const T *X, const T *W, const T *bias, T *Z, ptrdiff_t R, ptrdiff_t d,
                                    ptrdiff_t ldx, ptrdiff_t KP) {
    for (ptrdiff_t r = 0; r < R; r++) memset(Z + r * KP, 0, (size_t)KP * sizeof(T));
    for (ptrdiff_t j = 0; j < d; j += FEATURES)
        for (ptrdiff_t r = 0; r < R; r += MR) {
            const T *x[MR];
            T *z[MR];
            for (int m = 0; m < MR; m++) {
                ptrdiff_t row = r + m < R ? r + m : R - 1;
                x[m] = X + row * ldx + j;
                z[m] = Z + row * KP;
            }
            for (ptrdiff_t k = 0; k < KP; k += CLASSES) {
                FN(vector) sum[MR][NV];
                UNROLL for (int m = 0; m < MR; m++) UNROLL for (int v = 0; v < NV; v++) sum[m][v] =
                    ((const FN(vector) *)(z[m] + k))[v];
                FN(multiply_tile)(sum, x, 1, W + j * KP + k, KP, d - j < FEATURES ? d - j : FEATURES);
                UNROLL for (int m = 0; m < MR; m++) UNROLL for (int v = 0; v < NV; v++)((FN(vector) *)(z[m] + k))[v] =
                    sum[m][v];
            }
        }
    for (ptrdiff_t r = 0; r < R; r++)
        for (ptrdiff_t k = 0; k < KP; k++) Z[r * KP + k] += bias[k];
}
#undef FEATURES

/* One row: z becomes e^(z - max), scaled; returns the sum without the first maximum, whose class goes to *top. */
INLINE T FN(score_exponentials)(T *z, ptrdiff_t K, ptrdiff_t KP, ptrdiff_t *top, T *max) {
    T m = z[0], exp_low = MATH(exp_low), rest = 0;
    OPAQUE(exp_low);
    *top = 0;
    for (ptrdiff_t k = 1; k < K; k++)
        if (m < z[k]) m = z[k], *top = k;
    T floor = FN(floor_below)(m);
    if (FN(is_moderate)(m)) {
    IVDEP for (ptrdiff_t k = 0; k < KP; k++) z[k] = FN(exp_above)(z[k], m, floor, exp_low);
    } else {
        /* several infinities, or NaN in front, make NaN of all */
        T one = 1 / MATH(exp_down), other = m != m ? m : 0;
        for (ptrdiff_t k = 0; k < KP; k++)
            z[k] = z[k] != z[k] ? z[k] : z[k] != m ? other : k == *top ? one : one + (m - m);
    }
    for (ptrdiff_t k = 0; k < K; k++) rest += k == *top ? 0 : z[k];
    *max = m;
    return rest;
}

/* Z[R, KP] becomes weight (softmax(Z) - onehot(target)); loss[R] is each row's, weighted. */
HOT static void FN(logistic_softmax_rows)(T *Z, const T *target, const T *weight, T *loss, ptrdiff_t R, ptrdiff_t K,
                                               ptrdiff_t KP) {
    for (ptrdiff_t r = 0; r < R; r++) {
        T *z = Z + r * KP, m, scale = weight ? weight[r] : 1;
        ptrdiff_t label = (ptrdiff_t)target[r], top;
        T score = z[label], rest = FN(score_exponentials)(z, K, KP, &top, &m), inverse = scale / (rest + z[top]);
        loss[r] = scale * ((label == top ? 0 : m - score) + MATH(log1p)(rest * MATH(exp_down)));
        for (ptrdiff_t k = 0; k < KP; k++) z[k] *= inverse;
        /* p - 1 without cancellation where p is near 1 */
        z[label] = label == top ? -rest * inverse : z[label] - scale;
    }
}

/* Z[R, KP] becomes weight (sigmoid(Z) - target) for target[R, K]; returns the losses, weighted, added up. Between rows
 * of K numbers nothing is left out, so that no lane is lost to the padding. */
static double FN(logistic_labels)(T *Z, const T *target, const T *weight, ptrdiff_t R, ptrdiff_t K, ptrdiff_t KP) {
    double loss = 0;
    T weights[FASTML_BLOCK_ROWS];
    ptrdiff_t row = 0, column = 0;
    for (ptrdiff_t r = 1; r < R; r++) memmove(Z + r * K, Z + r * KP, (size_t)K * sizeof(T));
    for (ptrdiff_t i = 0; i < R * K; i += FASTML_BLOCK_ROWS) {
        ptrdiff_t n = R * K - i < FASTML_BLOCK_ROWS ? R * K - i : FASTML_BLOCK_ROWS;
        for (ptrdiff_t l = 0; weight && l < n; l++) {
            weights[l] = weight[row];
            if (++column == K) column = 0, row++;
        }
        loss += FN(logistic_residuals)(Z + i, target + i, weight ? weights : NULL, Z + i, n);
    }
    for (ptrdiff_t r = R - 1; r >= 0; r--) {
        memmove(Z + r * KP, Z + r * K, (size_t)K * sizeof(T));
        memset(Z + r * KP + K, 0, (size_t)(KP - K) * sizeof(T));
    }
    return loss;
}

/* total[KP] += sum of D's rows. */
INLINE void FN(sum_rows)(const T *D, T *total, ptrdiff_t R, ptrdiff_t KP) {
    for (ptrdiff_t r = 0; r < R; r++)
        for (ptrdiff_t k = 0; k < KP; k++) total[k] += D[r * KP + k];
}

/* gradient[d, KP] += X^T D, bias_gradient[KP] += sum of D's rows, for D[R, KP]. */
HOT static void FN(logistic_softmax_gradient)(const T *X, const T *D, T *gradient, T *bias_gradient, ptrdiff_t R,
                                                   ptrdiff_t d, ptrdiff_t ldx, ptrdiff_t KP) {
    FN(sum_rows)(D, bias_gradient, R, KP);
    for (ptrdiff_t j = 0; j < d; j += MR) {
        const T *x[MR];
        for (int m = 0; m < MR; m++) x[m] = X + (j + m < d ? j + m : d - 1);
        for (ptrdiff_t k = 0; k < KP; k += CLASSES) {
            FN(vector) sum[MR][NV] = {{{0}}};
            FN(multiply_tile)(sum, x, ldx, D + k, KP, R);
            for (int m = 0; m < MR && j + m < d; m++)
                for (int v = 0; v < NV; v++) ((FN(vector) *)(gradient + (j + m) * KP + k))[v] += sum[m][v];
        }
    }
}

INLINE ptrdiff_t FN(padded_classes)(ptrdiff_t K) {
    return (K + FASTML_CLASS_STEP - 1) / FASTML_CLASS_STEP * FASTML_CLASS_STEP;
}

/* Z[R, KP] becomes the residuals, weighted; returns the losses, weighted, added up. */
static double FN(class_residuals)(T *Z, const T *target, const T *weight, ptrdiff_t R, ptrdiff_t K, ptrdiff_t KP,
                                  int multi_label) {
    T losses[FASTML_BLOCK_ROWS];
    if (multi_label) return FN(logistic_labels)(Z, target, weight, R, K, KP);
    FN(logistic_softmax_rows)(Z, target, weight, losses, R, K, KP);
    return FN(logistic_sum)(losses, R);
}

static void FN(logistic_softmax)(const void *X, const void *target, const void *weight, const void *w, const void *bias,
                                 double *loss, void *gradient, void *bias_gradient, void *scores, ptrdiff_t R, ptrdiff_t d,
                                 ptrdiff_t ldx, ptrdiff_t K, int multi_label) {
    ptrdiff_t KP = FN(padded_classes)(K);
    FN(logistic_scores)((const T *)X, (const T *)w, (const T *)bias, (T *)scores, R, d, ldx, KP);
    *loss += FN(class_residuals)((T *)scores, (const T *)target, (const T *)weight, R, K, KP, multi_label);
    if (gradient)
        FN(logistic_softmax_gradient)((const T *)X, (const T *)scores, (T *)gradient, (T *)bias_gradient, R, d, ldx, KP);
    clear_flags();
}

/* Z[R, KP] becomes the probabilities. */
static void FN(class_probabilities)(T *Z, ptrdiff_t R, ptrdiff_t K, ptrdiff_t KP, int multi_label) {
    ptrdiff_t top;
    if (multi_label) {
        FN(sigmoid)(Z, Z, R * KP);
        return;
    }
    for (ptrdiff_t r = 0; r < R; r++) {
        T *z = Z + r * KP, m, rest = FN(score_exponentials)(z, K, KP, &top, &m), total = rest + z[top];
        for (ptrdiff_t k = 0; k < KP; k++) z[k] /= total;
    }
}

static void FN(predict_softmax)(const void *X, const void *w, const void *bias, void *p, ptrdiff_t R, ptrdiff_t d,
                                ptrdiff_t ldx, ptrdiff_t K, int multi_label) {
    ptrdiff_t KP = FN(padded_classes)(K);
    FN(logistic_scores)((const T *)X, (const T *)w, (const T *)bias, (T *)p, R, d, ldx, KP);
    FN(class_probabilities)((T *)p, R, K, KP, multi_label);
    clear_flags();
}

#undef CLASSES
#undef MR
