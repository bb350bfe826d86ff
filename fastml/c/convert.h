/* Strided numbers of any real dtype to contiguous float32 or float64: how a block of X, y or a weight gets into a kernel. */
#ifndef FASTML_CONVERT_H
#define FASTML_CONVERT_H

#include <stddef.h>

/* The dtype that is read; native byte order. */
enum {
    FASTML_FROM_F16, FASTML_FROM_F32, FASTML_FROM_F64,
    FASTML_FROM_I8, FASTML_FROM_I16, FASTML_FROM_I32, FASTML_FROM_I64,
    FASTML_FROM_U8, FASTML_FROM_U16, FASTML_FROM_U32, FASTML_FROM_U64,
};

/* to[i] = the number at from + i * step (bytes), for i < n. `dtype` is FASTML_F32 or FASTML_F64. */
void fastml_convert(void *to, int dtype, const char *from, ptrdiff_t step, ptrdiff_t n, int source);

#endif
