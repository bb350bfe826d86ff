/* Element-wise kernels: one loop for functions of one array, one for two. Outputs may be an input itself. */

#define MAP1(name)                                                                               \
    NOINLINE static void FN(name)(const void *xv, void *yv, ptrdiff_t n) {                       \
        const S *x = (const S *)xv;                                                              \
        S *y = (S *)yv;                                                                          \
        MATH(limits) k = MATH(name##_limits);                                                    \
        OPAQUE(k.low);                                                                           \
        OPAQUE(k.high);                                                                          \
        OPAQUE(k.unit);                                                                          \
        IVDEP for (ptrdiff_t i = 0; i < n; i++) y[i] = STORE(MATH(name)(LOAD(x[i]), k));         \
        clear_flags();                                                                           \
    }

#define MAP2(name)                                                                               \
    NOINLINE static void FN(name)(const void *av, const void *bv, void *yv, ptrdiff_t n) {       \
        const S *a = (const S *)av, *b = (const S *)bv;                                          \
        S *y = (S *)yv;                                                                          \
        IVDEP for (ptrdiff_t i = 0; i < n; i++) y[i] = STORE(MATH(name)(LOAD(a[i]), LOAD(b[i]))); \
        clear_flags();                                                                           \
    }

MAP1(sigmoid)
MAP1(tanh)
MAP1(relu)
MAP2(sigmoid_backward)
MAP2(tanh_backward)
MAP2(relu_backward)

#undef MAP1
#undef MAP2
