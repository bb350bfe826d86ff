#include "convert.h"

#include "fastml.h"
#include "macros.h"

/* memcpy, since a strided view may be unaligned; the dense loop is apart so that it vectorises. */
#define CONVERT(T, S, READ)                                          \
    {                                                                \
        T *y = (T *)to;                                              \
        S v;                                                         \
        if (step == (ptrdiff_t)sizeof(S))                            \
            for (ptrdiff_t i = 0; i < n; i++) {                      \
                memcpy(&v, from + i * (ptrdiff_t)sizeof(S), sizeof v); \
                y[i] = (T)READ(v);                                   \
            }                                                        \
        else                                                         \
            for (ptrdiff_t i = 0; i < n; i++) {                      \
                memcpy(&v, from + i * step, sizeof v);               \
                y[i] = (T)READ(v);                                   \
            }                                                        \
        return;                                                      \
    }

#define CONVERT_ALL(T)                                               \
    switch (source) {                                                \
    case FASTML_FROM_F16: CONVERT(T, uint16_t, float_from_half)      \
    case FASTML_FROM_F32: CONVERT(T, float, )                        \
    case FASTML_FROM_F64: CONVERT(T, double, )                       \
    case FASTML_FROM_I8: CONVERT(T, int8_t, )                        \
    case FASTML_FROM_I16: CONVERT(T, int16_t, )                      \
    case FASTML_FROM_I32: CONVERT(T, int32_t, )                      \
    case FASTML_FROM_I64: CONVERT(T, int64_t, )                      \
    case FASTML_FROM_U8: CONVERT(T, uint8_t, )                       \
    case FASTML_FROM_U16: CONVERT(T, uint16_t, )                     \
    case FASTML_FROM_U32: CONVERT(T, uint32_t, )                     \
    case FASTML_FROM_U64: CONVERT(T, uint64_t, )                     \
    }

void fastml_convert(void *to, int dtype, const char *from, ptrdiff_t step, ptrdiff_t n, int source) {
    if (dtype == FASTML_F32) CONVERT_ALL(float)
    else CONVERT_ALL(double)
}
