/* The softmax half of logistic.inc.h. Classes are padded to KP, a multiple of FASTML_CLASS_STEP; a tile of MR rows (or
 * features) by CLASS_STEP classes is held in registers. */

#define CLASS_STEP FASTML_CLASS_STEP
#define MR 4
typedef T FN(classes) __attribute__((vector_size(FASTML_CLASS_STEP * sizeof(T)), aligned(sizeof(T)), may_alias));

INLINE FN(classes) FN(fma_classes)(T x, FN(classes) w, FN(classes) sum) {
    for (int k = 0; k < CLASS_STEP; k++) sum[k] = MULADD(x, w[k], sum[k]);
    return sum;
}

/* Z[R, KP] = X W + b. */
NOINLINE static void FN(logistic_scores)(const T *X, const T *W, const T *bias, T *Z, ptrdiff_t R, ptrdiff_t d,
                                         ptrdiff_t ldx, ptrdiff_t KP) {
    for (ptrdiff_t r = 0; r < R; r += MR) {
        const T *x0 = X + r * ldx, *x1 = r + 1 < R ? x0 + ldx : x0, *x2 = r + 2 < R ? x1 + ldx : x1;
        const T *x3 = r + 3 < R ? x2 + ldx : x2;
        for (ptrdiff_t k = 0; k < KP; k += CLASS_STEP) {
            FN(classes) s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0}, b = *(const FN(classes) *)(bias + k);
            const T *w = W + k;
            for (ptrdiff_t j = 0; j < d; j++, w += KP) {
                FN(classes) v = *(const FN(classes) *)w;
                s0 = FN(fma_classes)(x0[j], v, s0);
                s1 = FN(fma_classes)(x1[j], v, s1);
                s2 = FN(fma_classes)(x2[j], v, s2);
                s3 = FN(fma_classes)(x3[j], v, s3);
            }
            T *z = Z + r * KP + k;
            *(FN(classes) *)z = s0 + b;
            if (r + 1 < R) *(FN(classes) *)(z + KP) = s1 + b;
            if (r + 2 < R) *(FN(classes) *)(z + 2 * KP) = s2 + b;
            if (r + 3 < R) *(FN(classes) *)(z + 3 * KP) = s3 + b;
        }
    }
}

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
        for (ptrdiff_t k = 0; k < KP; k++) z[k] = z[k] != z[k] ? z[k] : z[k] == m ? 1 / MATH(exp_down) : 0;
    }
    for (ptrdiff_t k = 0; k < K; k++) rest += k == *top ? 0 : z[k];
    *max = m;
    return rest;
}

/* Z[R, KP] becomes weight (softmax(Z) - onehot(target)); loss[R]. */
NOINLINE static void FN(logistic_softmax_rows)(T *Z, const T *target, const T *weight, T *loss, ptrdiff_t R, ptrdiff_t K,
                                               ptrdiff_t KP) {
    for (ptrdiff_t r = 0; r < R; r++) {
        T *z = Z + r * KP, m, scale = weight ? weight[r] : 1;
        ptrdiff_t label = (ptrdiff_t)target[r], top;
        T score = z[label], rest = FN(score_exponentials)(z, K, KP, &top, &m), total = rest + z[top], inverse = scale / total;
        loss[r] = scale * ((m - score) + MATH(log1p)(rest * MATH(exp_down)));
        for (ptrdiff_t k = 0; k < KP; k++) z[k] *= inverse;
        /* p - 1 without cancellation where p is near 1 */
        z[label] = label == top ? -rest * inverse : z[label] - scale;
    }
}

/* gradient[d, KP] += X^T D, bias_gradient[KP] += sum of D's rows, for D[R, KP]. */
NOINLINE static void FN(logistic_softmax_gradient)(const T *X, const T *D, T *gradient, T *bias_gradient, ptrdiff_t R,
                                                   ptrdiff_t d, ptrdiff_t ldx, ptrdiff_t KP) {
    for (ptrdiff_t r = 0; r < R; r++)
        for (ptrdiff_t k = 0; k < KP; k++) bias_gradient[k] += D[r * KP + k];
    for (ptrdiff_t j = 0; j < d; j += MR) {
        ptrdiff_t j1 = j + 1 < d ? 1 : 0, j2 = j + 2 < d ? 2 : j1, j3 = j + 3 < d ? 3 : j2;
        for (ptrdiff_t k = 0; k < KP; k += CLASS_STEP) {
            FN(classes) s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
            const T *x = X + j, *e = D + k;
            for (ptrdiff_t r = 0; r < R; r++, x += ldx, e += KP) {
                FN(classes) v = *(const FN(classes) *)e;
                s0 = FN(fma_classes)(x[0], v, s0);
                s1 = FN(fma_classes)(x[j1], v, s1);
                s2 = FN(fma_classes)(x[j2], v, s2);
                s3 = FN(fma_classes)(x[j3], v, s3);
            }
            T *g = gradient + j * KP + k;
            *(FN(classes) *)g += s0;
            if (j + 1 < d) *(FN(classes) *)(g + KP) += s1;
            if (j + 2 < d) *(FN(classes) *)(g + 2 * KP) += s2;
            if (j + 3 < d) *(FN(classes) *)(g + 3 * KP) += s3;
        }
    }
}

INLINE ptrdiff_t FN(padded_classes)(ptrdiff_t K) { return (K + CLASS_STEP - 1) / CLASS_STEP * CLASS_STEP; }

static void FN(logistic_softmax)(const void *X, const void *target, const void *weight, const void *w, const void *bias,
                                 void *loss, void *gradient, void *bias_gradient, void *scores, ptrdiff_t R, ptrdiff_t d,
                                 ptrdiff_t ldx, ptrdiff_t K) {
    ptrdiff_t KP = FN(padded_classes)(K);
    FN(logistic_scores)((const T *)X, (const T *)w, (const T *)bias, (T *)scores, R, d, ldx, KP);
    FN(logistic_softmax_rows)((T *)scores, (const T *)target, (const T *)weight, (T *)loss, R, K, KP);
    if (gradient)
        FN(logistic_softmax_gradient)((const T *)X, (const T *)scores, (T *)gradient, (T *)bias_gradient, R, d, ldx, KP);
    clear_flags();
}

static void FN(predict_softmax)(const void *X, const void *w, const void *bias, void *p, ptrdiff_t R, ptrdiff_t d,
                                ptrdiff_t ldx, ptrdiff_t K) {
    ptrdiff_t KP = FN(padded_classes)(K), top;
    FN(logistic_scores)((const T *)X, (const T *)w, (const T *)bias, (T *)p, R, d, ldx, KP);
    for (ptrdiff_t r = 0; r < R; r++) {
        T *z = (T *)p + r * KP, m, rest = FN(score_exponentials)(z, K, KP, &top, &m), total = rest + z[top];
        for (ptrdiff_t k = 0; k < KP; k++) z[k] /= total;
    }
    clear_flags();
}

#undef CLASS_STEP
#undef MR
