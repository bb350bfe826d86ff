/* Element-wise kernels whose gradients start from the input x, and those with a parameter. `step` is 1 where each
 * element has a parameter of its own, 0 where one serves all. */

#define BOUNDS(name)                      \
    MATH(limits) k = MATH(name##_limits); \
    OPAQUE(k.low);                        \
    OPAQUE(k.high);                       \
    OPAQUE(k.unit)

#if DTYPE == F16
#define BLOCKS for (ptrdiff_t i = 0, count; count = n - i < HALF_BLOCK ? n - i : HALF_BLOCK, i < n; i += HALF_BLOCK)

#define MAP1(name, math)                                                 \
    MAPPED static void FN(name)(const void *xv, void *yv, ptrdiff_t n) { \
        const S *x = (const S *)xv;                                      \
        S *y = (S *)yv;                                                  \
        T block[HALF_BLOCK];                                             \
        BLOCKS {                                                         \
            FN(widen)(x + i, block, count);                              \
            CAT3(name, ISA, f32)(block, block, count);                   \
            FN(narrow)(block, y + i, count);                             \
        }                                                                \
        clear_flags();                                                   \
    }

#define MAP2(name)                                                                        \
    MAPPED static void FN(name)(const void *dyv, const void *xv, void *yv, ptrdiff_t n) { \
        const S *dy = (const S *)dyv, *x = (const S *)xv;                                 \
        S *y = (S *)yv;                                                                   \
        T block[HALF_BLOCK], block2[HALF_BLOCK];                                          \
        BLOCKS {                                                                          \
            FN(widen)(dy + i, block, count);                                              \
            FN(widen)(x + i, block2, count);                                              \
            CAT3(name, ISA, f32)(block, block2, block, count);                            \
            FN(narrow)(block, y + i, count);                                              \
        }                                                                                 \
        clear_flags();                                                                    \
    }

#define MAP1_WITH(name)                                                                                  \
    MAPPED static void FN(name)(const void *xv, const void *pv, void *yv, ptrdiff_t n, ptrdiff_t step) { \
        const S *x = (const S *)xv, *p = (const S *)pv;                                                  \
        S *y = (S *)yv;                                                                                  \
        T block[HALF_BLOCK], parameter[HALF_BLOCK];                                                      \
        if (!step) FN(widen)(p, parameter, 1);                                                           \
        BLOCKS {                                                                                         \
            FN(widen)(x + i, block, count);                                                              \
            if (step) FN(widen)(p + i, parameter, count);                                                \
            CAT3(name, ISA, f32)(block, parameter, block, count, step);                                  \
            FN(narrow)(block, y + i, count);                                                             \
        }                                                                                                \
        clear_flags();                                                                                   \
    }

#define MAP2_WITH(name)                                                                                 \
    MAPPED static void FN(name)(const void *dyv, const void *xv, const void *pv, void *yv, ptrdiff_t n, \
                                ptrdiff_t step) {                                                       \
        const S *dy = (const S *)dyv, *x = (const S *)xv, *p = (const S *)pv;                           \
        S *y = (S *)yv;                                                                                 \
        T block[HALF_BLOCK], block2[HALF_BLOCK], parameter[HALF_BLOCK];                                 \
        if (!step) FN(widen)(p, parameter, 1);                                                          \
        BLOCKS {                                                                                        \
            FN(widen)(dy + i, block, count);                                                            \
            FN(widen)(x + i, block2, count);                                                            \
            if (step) FN(widen)(p + i, parameter, count);                                               \
            CAT3(name, ISA, f32)(block, block2, parameter, block, count, step);                         \
            FN(narrow)(block, y + i, count);                                                            \
        }                                                                                               \
        clear_flags();                                                                                  \
    }
#else
#define MAP1(name, math)                                                    \
    MAPPED static void FN(name)(const void *xv, void *yv, ptrdiff_t n) {    \
        const T *x = (const T *)xv;                                         \
        T *y = (T *)yv;                                                     \
        BOUNDS(math);                                                       \
        IVDEP for (ptrdiff_t i = 0; i < n; i++) y[i] = MATH(math)(x[i], k); \
        clear_flags();                                                      \
    }

#define MAP2(name)                                                                        \
    MAPPED static void FN(name)(const void *dyv, const void *xv, void *yv, ptrdiff_t n) { \
        const T *dy = (const T *)dyv, *x = (const T *)xv;                                 \
        T *y = (T *)yv;                                                                   \
        BOUNDS(name);                                                                     \
        IVDEP for (ptrdiff_t i = 0; i < n; i++) y[i] = MATH(name)(dy[i], x[i], k);        \
        clear_flags();                                                                    \
    }

#define MAP1_WITH(name)                                                                                  \
    MAPPED static void FN(name)(const void *xv, const void *pv, void *yv, ptrdiff_t n, ptrdiff_t step) { \
        const T *x = (const T *)xv, *p = (const T *)pv;                                                  \
        T *y = (T *)yv;                                                                                  \
        BOUNDS(name);                                                                                    \
        if (step) {                                                                                      \
            IVDEP for (ptrdiff_t i = 0; i < n; i++) y[i] = MATH(name)(x[i], p[i], k);                    \
        } else {                                                                                         \
            T parameter = p[0];                                                                          \
            IVDEP for (ptrdiff_t i = 0; i < n; i++) y[i] = MATH(name)(x[i], parameter, k);               \
        }                                                                                                \
        clear_flags();                                                                                   \
    }

#define MAP2_WITH(name)                                                                                 \
    MAPPED static void FN(name)(const void *dyv, const void *xv, const void *pv, void *yv, ptrdiff_t n, \
                                ptrdiff_t step) {                                                       \
        const T *dy = (const T *)dyv, *x = (const T *)xv, *p = (const T *)pv;                           \
        T *y = (T *)yv;                                                                                 \
        BOUNDS(name);                                                                                   \
        if (step) {                                                                                     \
            IVDEP for (ptrdiff_t i = 0; i < n; i++) y[i] = MATH(name)(dy[i], x[i], p[i], k);            \
        } else {                                                                                        \
            T parameter = p[0];                                                                         \
            IVDEP for (ptrdiff_t i = 0; i < n; i++) y[i] = MATH(name)(dy[i], x[i], parameter, k);       \
        }                                                                                               \
        clear_flags();                                                                                  \
    }
#endif

MAP1(log_sigmoid, log_sigmoid)
MAP1(softplus, softplus_of)
MAP1(silu, silu)
MAP1(gelu, gelu)
MAP1_WITH(leaky_relu)
MAP1_WITH(elu)
MAP1_WITH(soft_threshold)
MAP2(log_sigmoid_backward)
MAP2(softplus_backward)
MAP2(silu_backward)
MAP2(gelu_backward)
MAP2_WITH(leaky_relu_backward)
MAP2_WITH(elu_backward)

#undef BOUNDS
#undef BLOCKS
#undef MAP1
#undef MAP2
#undef MAP1_WITH
#undef MAP2_WITH
