#include "convert.h"

#include "fastml.h"
#include "macros.h"

/* memcpy, since a strided view may be unaligned; the dense loop is apart so that it vectorises. */
#define CONVERT(T, S, READ)                                            \
    {                                                                  \
        T *y = (T *)to;                                                \
        S v;                                                           \
        if (step == (ptrdiff_t)sizeof(S))                              \
            for (ptrdiff_t i = 0; i < n; i++) {                        \
                memcpy(&v, from + i * (ptrdiff_t)sizeof(S), sizeof v); \
                y[i] = (T)READ(v);                                     \
            }                                                          \
        else                                                           \
            for (ptrdiff_t i = 0; i < n; i++) {                        \
                memcpy(&v, from + i * step, sizeof v);                 \
                y[i] = (T)READ(v);                                     \
            }                                                          \
        return;                                                        \
    }

#define CONVERT_INTEGERS(T)    \
    case FASTML_FROM_I8:       \
        CONVERT(T, int8_t, )   \
    case FASTML_FROM_I16:      \
        CONVERT(T, int16_t, )  \
    case FASTML_FROM_I32:      \
        CONVERT(T, int32_t, )  \
    case FASTML_FROM_I64:      \
        CONVERT(T, int64_t, )  \
    case FASTML_FROM_U8:       \
        CONVERT(T, uint8_t, )  \
    case FASTML_FROM_U16:      \
        CONVERT(T, uint16_t, ) \
    case FASTML_FROM_U32:      \
        CONVERT(T, uint32_t, ) \
    case FASTML_FROM_U64:      \
        CONVERT(T, uint64_t, )

#define CONVERT_ALL(T)                        \
    switch (source) {                         \
    case FASTML_FROM_F16:                     \
        CONVERT(T, uint16_t, float_from_half) \
    case FASTML_FROM_F32:                     \
        CONVERT(T, float, )                   \
    case FASTML_FROM_F64:                     \
        CONVERT(T, double, )                  \
        CONVERT_INTEGERS(T)                   \
    }

void fastml_convert(void *to, int dtype, const char *from, ptrdiff_t step, ptrdiff_t n, int source) {
    if (dtype == FASTML_F32) CONVERT_ALL(float)
    else CONVERT_ALL(double)
}

void fastml_convert_index(int64_t *to, const char *from, ptrdiff_t step, ptrdiff_t n, int source) {
    switch (source) { CONVERT_INTEGERS(int64_t) }
}

/* Either operand's sign tells. */
int fastml_are_classes(const int64_t *values, ptrdiff_t n, ptrdiff_t classes) {
    uint64_t last = (uint64_t)classes - 1, bits = 0;
    for (ptrdiff_t i = 0; i < n; i++) bits |= (uint64_t)values[i] | (last - (uint64_t)values[i]);
    return bits >> 63 == 0;
}

#define STORE_ALL(S, T, ROUND)                                       \
    {                                                                \
        const T *v = (const T *)values;                              \
        S y;                                                         \
        if (step == (ptrdiff_t)sizeof(S))                            \
            for (ptrdiff_t i = 0; i < n; i++) {                      \
                y = ROUND(v[i]);                                     \
                memcpy(to + i * (ptrdiff_t)sizeof(S), &y, sizeof y); \
            }                                                        \
        else                                                         \
            for (ptrdiff_t i = 0; i < n; i++) {                      \
                y = ROUND(v[i]);                                     \
                memcpy(to + i * step, &y, sizeof y);                 \
            }                                                        \
    }

void fastml_store(char *to, int dtype, ptrdiff_t step, const void *values, ptrdiff_t n) {
    if (dtype == FASTML_F16) STORE_ALL(uint16_t, float, half_from_float)
    else if (dtype == FASTML_F32) STORE_ALL(float, float, )
    else STORE_ALL(double, double, )
    clear_flags();
}

/* What is out of range is not converted to an integer: C does not say what comes of it. */
#define WITHIN(v, low, high) ((v) >= (low) ? AT_MOST(v, high) : (low))
#define IS_CLASS(v) (((v) >= 0) & ((v) < limit) & ((T)(int32_t)WITHIN(v, 0, limit) == (v)))
#define IS_LABEL(v) (((v) == 0) | ((v) == 1))
#define IS_WEIGHT(v) (((v) >= 0) & ((v) <= largest))

/* All at once first, which vectorises; one by one only where that fails. */
#define COUNT(TYPE, TEST)                                    \
    {                                                        \
        typedef TYPE T;                                      \
        const T *v = (const T *)values;                      \
        int32_t all = 1;                                     \
        ptrdiff_t i = 0;                                     \
        for (ptrdiff_t k = 0; k < n; k++) all &= TEST(v[k]); \
        if (all) return n;                                   \
        while (TEST(v[i])) i++;                              \
        return i;                                            \
    }

ptrdiff_t fastml_count_classes(const void *values, int dtype, ptrdiff_t n, ptrdiff_t classes) {
    if (classes == 2) {
        if (dtype == FASTML_F32) COUNT(float, IS_LABEL)
        else COUNT(double, IS_LABEL)
    } else if (dtype == FASTML_F32) {
        float limit = (float)classes;
        COUNT(float, IS_CLASS)
    } else {
        double limit = (double)classes;
        COUNT(double, IS_CLASS)
    }
}

static ptrdiff_t count_weights(const void *values, int dtype, ptrdiff_t n) {
    if (dtype == FASTML_F32) {
        const float largest = 0x1.fffffep127f;
        COUNT(float, IS_WEIGHT)
    } else {
        const double largest = 0x1.fffffffffffffp1023;
        COUNT(double, IS_WEIGHT)
    }
}

#define ADD(T)                                               \
    {                                                        \
        const T *v = (const T *)values;                      \
        double lane[4] = {0};                                \
        ptrdiff_t i = 0;                                     \
        for (; i + 4 <= n; i += 4)                           \
            for (int l = 0; l < 4; l++) lane[l] += v[i + l]; \
        for (int l = 0; i < n; i++, l++) lane[l] += v[i];    \
        *total += (lane[0] + lane[1]) + (lane[2] + lane[3]); \
    }

static void add(const void *values, int dtype, ptrdiff_t n, double *total) {
    if (dtype == FASTML_F32) ADD(float)
    else ADD(double)
}

ptrdiff_t fastml_add_weights(const void *values, int dtype, ptrdiff_t n, double *total) {
    ptrdiff_t good = count_weights(values, dtype, n);
    add(values, dtype, good, total);
    clear_flags();
    return good;
}
