/* Element-wise kernels: one loop for functions of one array, one for two. Outputs may be an input itself. float16 goes
 * through the float32 kernel block by block. */

#if DTYPE == F16
#define MAP1(name) MAP1_BY(name, name)
#define MAP1_BY(name, wide)                                              \
    MAPPED static void FN(name)(const void *xv, void *yv, ptrdiff_t n) { \
        const S *x = (const S *)xv;                                      \
        S *y = (S *)yv;                                                  \
        T block[HALF_BLOCK];                                             \
        for (ptrdiff_t i = 0; i < n; i += HALF_BLOCK) {                  \
            ptrdiff_t count = n - i < HALF_BLOCK ? n - i : HALF_BLOCK;   \
            FN(widen)(x + i, block, count);                              \
            CAT3(wide, ISA, f32)(block, block, count);                   \
            FN(narrow)(block, y + i, count);                             \
        }                                                                \
        clear_flags();                                                   \
    }

#define MAP2(name)                                                                       \
    MAPPED static void FN(name)(const void *av, const void *bv, void *yv, ptrdiff_t n) { \
        const S *a = (const S *)av, *b = (const S *)bv;                                  \
        S *y = (S *)yv;                                                                  \
        T block[HALF_BLOCK], block2[HALF_BLOCK];                                         \
        for (ptrdiff_t i = 0; i < n; i += HALF_BLOCK) {                                  \
            ptrdiff_t count = n - i < HALF_BLOCK ? n - i : HALF_BLOCK;                   \
            FN(widen)(a + i, block, count);                                              \
            FN(widen)(b + i, block2, count);                                             \
            CAT3(name, ISA, f32)(block, block2, block, count);                           \
            FN(narrow)(block, y + i, count);                                             \
        }                                                                                \
        clear_flags();                                                                   \
    }
#else
#define MAP1(name)                                                                       \
    MAPPED static void FN(name)(const void *xv, void *yv, ptrdiff_t n) {                 \
        const S *x = (const S *)xv;                                                      \
        S *y = (S *)yv;                                                                  \
        MATH(limits) k = MATH(name##_limits);                                            \
        OPAQUE(k.low);                                                                   \
        OPAQUE(k.high);                                                                  \
        OPAQUE(k.unit);                                                                  \
        IVDEP for (ptrdiff_t i = 0; i < n; i++) y[i] = STORE(MATH(name)(LOAD(x[i]), k)); \
        clear_flags();                                                                   \
    }

#define MAP2(name)                                                                                \
    MAPPED static void FN(name)(const void *av, const void *bv, void *yv, ptrdiff_t n) {          \
        const S *a = (const S *)av, *b = (const S *)bv;                                           \
        S *y = (S *)yv;                                                                           \
        IVDEP for (ptrdiff_t i = 0; i < n; i++) y[i] = STORE(MATH(name)(LOAD(a[i]), LOAD(b[i]))); \
        clear_flags();                                                                            \
    }
#endif

#if DTYPE == F16
MAP1_BY(sigmoid, sigmoid_for_half)
#else
MAP1(sigmoid)
#endif
#if DTYPE == F32
MAP1(sigmoid_for_half)
#endif
MAP1(tanh)
MAP1(relu)
MAP2(sigmoid_backward)
MAP2(tanh_backward)
MAP2(relu_backward)

#undef MAP1
#undef MAP1_BY
#undef MAP2

#include "elementwise_from_x.inc.h"
