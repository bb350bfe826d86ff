/* Optimizer steps in place: every array is read once and written once. */

typedef struct {
    T lr, momentum, l1, l2; /* l2: twice the strength */
} MATH(sgd_constants);

#define PLAIN 0
#define MOMENTUM 1
#define NESTEROV 2

/* g = grad + l1 sign(p) + 2 l2 p;  v = momentum v + g;  p -= lr (g + momentum v if nesterov else v), at element i.
 * A penalty of strength 0 is left out, so that 0 inf makes no NaN. */
INLINE void MATH(sgd_at)(const T *grad, T *param, T *velocity, ptrdiff_t i, int form, int l1, int l2,
                         MATH(sgd_constants) k) {
    T p = param[i], g = grad[i], u;
    if (l1) g += MATH(with_sign)(k.l1, p);
    if (l2) g = MULADD(k.l2, p, g);
    u = g;
    if (form != PLAIN) {
        u = MULADD(k.momentum, velocity[i], g);
        velocity[i] = u;
    }
    if (form == NESTEROV) u = MULADD(k.momentum, u, g);
    param[i] = MULADD(-k.lr, u, p);
}

#define SGD(name, form, l1, l2)                                                                               \
    NOINLINE static void FN(name)(const T *grad, T *param, T *velocity, ptrdiff_t n, MATH(sgd_constants) k) { \
        (void)velocity;                                                                                       \
        IVDEP for (ptrdiff_t i = 0; i < n; i++) MATH(sgd_at)(grad, param, velocity, i, form, l1, l2, k);      \
    }
#define SGD_WITH(penalty, l1, l2)                \
    SGD(sgd_plain##penalty, PLAIN, l1, l2)       \
    SGD(sgd_momentum##penalty, MOMENTUM, l1, l2) \
    SGD(sgd_nesterov##penalty, NESTEROV, l1, l2)
SGD_WITH(, 0, 0)
SGD_WITH(_l2, 0, 1)
SGD_WITH(_l1, 1, 0)
SGD_WITH(_l1_l2, 1, 1)

static void FN(sgd_step)(const fastml_sgd *options, const void *grad, void *param, void *velocity, ptrdiff_t n) {
    typedef void (*loop)(const T *, T *, T *, ptrdiff_t, MATH(sgd_constants));
    static const loop loops[4][3] = {
        {FN(sgd_plain), FN(sgd_momentum), FN(sgd_nesterov)},
        {FN(sgd_plain_l2), FN(sgd_momentum_l2), FN(sgd_nesterov_l2)},
        {FN(sgd_plain_l1), FN(sgd_momentum_l1), FN(sgd_nesterov_l1)},
        {FN(sgd_plain_l1_l2), FN(sgd_momentum_l1_l2), FN(sgd_nesterov_l1_l2)},
    };
    MATH(sgd_constants) k = {(T)options->lr, (T)options->momentum, (T)options->l1, (T)(2 * options->l2)};
    int penalty = 2 * (options->l1 != 0) + (options->l2 != 0), form = velocity ? 1 + options->nesterov : 0;
    loops[penalty][form]((const T *)grad, (T *)param, (T *)velocity, n, k);
    clear_flags();
}

#if DTYPE == F64
#define ROOT __builtin_sqrt
#else
#define ROOT __builtin_sqrtf
#endif

typedef struct {
    T beta1, beta2, rest1, rest2, eps; /* rest: 1 - beta */
    T rate, root;                      /* lr / (1 - beta1^step), 1 / sqrt(1 - beta2^step) */
    T decay;                           /* lr weight_decay */
    T largest;
} MATH(adam_constants);

/* m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;  p -= decay p + rate m / (root sqrt(v) + eps):
 * AdamW (Loshchilov and Hutter 2019) with the corrections of the bias in the constants. What is taken from p is added
 * up first, so that p is rounded once; an infinite p does not decay. */
NOINLINE static void FN(adam_loop)(const T *grad, T *param, T *first, T *second, ptrdiff_t n, MATH(adam_constants) k) {
    OPAQUE(k.largest);
    IVDEP for (ptrdiff_t i = 0; i < n; i++) {
        T g = grad[i], p = param[i];
        T m = MULADD(k.beta1, first[i], k.rest1 * g), v = MULADD(k.beta2, second[i], k.rest2 * g * g);
        T ratio = m / MULADD(ROOT(v), k.root, k.eps);
        T decaying = __builtin_islessequal(MATH(magnitude)(p), k.largest) ? p : 0;
        first[i] = m;
        second[i] = v;
        param[i] = p - MULADD(k.decay, decaying, k.rate * ratio);
    }
}

static void FN(adam_step)(const fastml_adam *options, const void *grad, void *param, void *m, void *v, ptrdiff_t n) {
    MATH(adam_constants) k = {
        .beta1 = (T)options->beta1,
        .beta2 = (T)options->beta2,
        .rest1 = (T)(1 - options->beta1),
        .rest2 = (T)(1 - options->beta2),
        .eps = (T)options->eps,
        .rate = (T)options->rate,
        .root = (T)options->root,
        .decay = (T)options->decay,
        .largest = sizeof(T) == 4 ? (T)0x1.fffffep127 : (T)0x1.fffffffffffffp1023,
    };
    FN(adam_loop)((const T *)grad, (T *)param, (T *)m, (T *)v, n, k);
    clear_flags();
}

#undef SGD
#undef SGD_WITH
#undef ROOT
#undef PLAIN
#undef MOMENTUM
#undef NESTEROV
#undef SIGN_BIT
