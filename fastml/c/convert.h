/* How a block of X, y or a weight gets into a kernel: converted from any real dtype, and checked. */
#ifndef FASTML_CONVERT_H
#define FASTML_CONVERT_H

#include <stddef.h>
#include <stdint.h>

/* The dtype that is read; native byte order. */
enum {
    FASTML_FROM_F16,
    FASTML_FROM_F32,
    FASTML_FROM_F64,
    FASTML_FROM_I8,
    FASTML_FROM_I16,
    FASTML_FROM_I32,
    FASTML_FROM_I64,
    FASTML_FROM_U8,
    FASTML_FROM_U16,
    FASTML_FROM_U32,
    FASTML_FROM_U64,
};

/* to[i] = the number at from + i * step (bytes), for i < n. `dtype` is FASTML_F32 or FASTML_F64. */
void fastml_convert(void *to, int dtype, const char *from, ptrdiff_t step, ptrdiff_t n, int source);

/* The way back: the number at to + i * step (bytes) = values[i], for i < n. `dtype` is that of `to`: FASTML_F16 takes
 * float values and rounds them, FASTML_F32 takes float, FASTML_F64 double. */
void fastml_store(char *to, int dtype, ptrdiff_t step, const void *values, ptrdiff_t n);

/* to[i] = the integer at from + i * step. */
void fastml_convert_index(int64_t *to, const char *from, ptrdiff_t step, ptrdiff_t n, int source);
/* Whether all n are in [0, classes). */
int fastml_are_classes(const int64_t *values, ptrdiff_t n, ptrdiff_t classes);

/* How many of the n values, float32 or float64, stand before the first that is not one of 0, 1, ..., classes - 1. */
ptrdiff_t fastml_count_classes(const void *values, int dtype, ptrdiff_t n, ptrdiff_t classes);
/* How many stand before the first that is negative, infinite or NaN; adds those to *total in fixed lanes. */
ptrdiff_t fastml_add_weights(const void *values, int dtype, ptrdiff_t n, double *total);

#endif
