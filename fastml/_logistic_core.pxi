"""The tasks of the pass over the data, in C types, of _logistic.pyx."""

cimport numpy as cnp
from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport INFINITY
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int64_t, uintptr_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset

from fastml._fastml_runtime cimport (
    FASTML_BLOCK_ROWS, FASTML_CLASS_STEP, FASTML_F32, FASTML_F64, FASTML_MIN_FEATURES, add_weights,
    convert, count_classes, kernels, parallel_for,
)

import numpy as np

from fastml._fastml_runtime import kind_of

cnp.import_array()

cdef enum:
    AHEAD = 4096             # bytes, of what memory is asked for while X is converted
    COLUMNS = 16             # transposed at a time
    PARTS = 16               # partial sums at most
    PART_ROWS = 16           # rows at least for a partial sum, times classes: it is as large as so many rows' work is
    ROWS = 8                 # what the kernels take at once
    BLOCK_BYTES = 16384      # of X, for one kernel call: it is read twice, the second time from cache
    SOFTMAX_BYTES = 163840   # the same for softmax, whose gradient is read and written once for each block
    SOFTMAX_ROWS = 24        # what its kernels take at once: 6 or 8
    TILE_ROWS = 64           # of X, transposed at once: whole cache lines of its columns,
    TILE_BYTES = 524288      # in the second-level cache
    CACHED_BYTES = 4194304   # X up to here is likely to be in a cache already: no prefetching
    PART_BYTES = 16777216    # of X, for one task: a round of PARTS of them is short enough between two looks at signals
    PART_ELEMENTS = 131072   # at least, for one task
    LINE = 64                # of a cache
    PAGE = 4096              # of memory, which prefetching does not leave: parts on one would disturb each other
    FLUSH_ROWS = 512         # added up in the dtype of w before they go into float64 sums

# Estimated nanoseconds of an element of X.
cdef double ELEMENT_NS = 0.25


cdef struct Column:          # y, sample_weight: a strided vector; data NULL for none
    const char *data
    ptrdiff_t step
    ptrdiff_t labels, label_step     # how many numbers each row has, 1 but for several labels
    int kind
    bint direct              # dense in the dtype of w


cdef struct Part:            # the sums of one task
    double loss
    double weight
    double *gradient         # d x KP, then KP of the bias
    char *recent             # the same in the dtype of w, since the last flush
    char *block              # converted rows, where X needs it
    char *scores             # block_rows x KP
    char *labels             # block_rows x K, converted
    ptrdiff_t bad_target, bad_weight     # the first row with one, or -1


cdef struct Pass:
    const char *X
    ptrdiff_t n, d, x_row, x_column
    int x_kind
    const int64_t *rows      # the rows to take, or NULL for all
    Column target, weight
    int dtype
    bint direct, gradient, from_memory, multi_label
    bint quick               # of a dtype that the kernels convert
    bint by_columns          # rows of X are further from dense than its columns
    bint transposed          # such columns are dense in the dtype of w
    ptrdiff_t x_size
    ptrdiff_t K, KP          # classes, padded; both 1 for binary
    ptrdiff_t ld             # features, padded
    char *w                  # ld x KP, times scale
    char *bias
    char *probabilities      # predict: n x K
    ptrdiff_t block_rows, part_rows, part_count, first
    ptrdiff_t tile_rows      # in the block: more than block_rows where columns are transposed
    Part parts[PARTS]


cdef inline ptrdiff_t round_up(ptrdiff_t n, ptrdiff_t step) noexcept nogil:
    return (n + step - 1) // step * step


cdef inline ptrdiff_t item_size(const Pass *p) noexcept nogil:
    return 4 if p.dtype == FASTML_F32 else 8


cdef inline ptrdiff_t row_number(const Pass *p, ptrdiff_t row) noexcept nogil:
    return row if p.rows == NULL else p.rows[row]


cdef void flush(const Pass *p, Part *part) noexcept nogil:
    """Add the recent gradient to the float64 sums."""
    cdef ptrdiff_t i, count = (p.ld + 1) * p.KP
    cdef float *f = <float *>part.recent
    cdef double *g = <double *>part.recent
    if p.dtype == FASTML_F32:
        for i in range(count):
            part.gradient[i] += f[i]
    else:
        for i in range(count):
            part.gradient[i] += g[i]
    memset(part.recent, 0, count * item_size(p))


cdef void run_part(void *context, ptrdiff_t index) noexcept nogil:
    """Pass over the rows of one task."""
    cdef Pass *p = <Pass *>context
    cdef Part part = p.parts[index]      # a copy: another thread writes to the next
    pass_rows(p, &part, p.first + index * p.part_rows)
    p.parts[index] = part


cdef void pass_rows(const Pass *p, Part *part, ptrdiff_t row) noexcept nogil:
    cdef ptrdiff_t stop = min(row + p.part_rows, p.n), R, ld, recent_rows = 0, good
    cdef ptrdiff_t d = max(p.d, <ptrdiff_t>FASTML_MIN_FEATURES), bias_at = p.ld * p.KP * item_size(p)
    cdef double buffers[2][FASTML_BLOCK_ROWS]          # double for its alignment
    cdef const char *X
    cdef const char *target
    cdef const char *weights = NULL
    cdef char *gradient = part.recent if p.gradient else NULL
    cdef char *bias_gradient = part.recent + bias_at if p.gradient else NULL
    while row < stop:
        R = min(p.block_rows, stop - row)
        target = load_column(p, &p.target, row, R, part.labels if p.multi_label else <char *>buffers[0])
        good = count_classes(target, p.dtype, R * p.target.labels, 2 if p.multi_label else max(p.K, <ptrdiff_t>2))
        if good < R * p.target.labels:
            part.bad_target = row_number(p, row + good // p.target.labels)
            return
        if p.weight.data != NULL:
            weights = load_column(p, &p.weight, row, R, <char *>buffers[1])
            good = add_weights(weights, p.dtype, R, &part.weight)
            if good < R:
                part.bad_weight = row_number(p, row + good)
                return
        X = load_rows(p, row, R, part.block, &ld)
        if p.K == 1:
            kernels().logistic_binary[p.dtype](X, target, weights, p.w, p.bias, &part.loss, gradient, bias_gradient, R,
                                               d, ld, p.from_memory)
        else:
            kernels().logistic_softmax[p.dtype](X, target, weights, p.w, p.bias, &part.loss, gradient, bias_gradient,
                                                part.scores, R, p.d, ld, p.K, p.multi_label)
        row += R
        recent_rows += R
        if p.gradient and recent_rows >= FLUSH_ROWS:
            flush(p, part)
            recent_rows = 0
    if p.gradient and recent_rows:
        flush(p, part)


cdef void predict_part(void *context, ptrdiff_t index) noexcept nogil:
    cdef Pass *p = <Pass *>context
    cdef Part *part = &p.parts[index]
    cdef ptrdiff_t row = p.first + index * p.part_rows, stop = min(row + p.part_rows, p.n), R, ld, r
    cdef ptrdiff_t size = item_size(p)
    cdef ptrdiff_t d = max(p.d, <ptrdiff_t>FASTML_MIN_FEATURES)
    cdef const char *X
    while row < stop:
        R = min(p.block_rows, stop - row)
        X = load_rows(p, row, R, part.block, &ld)
        if p.K == 1:
            kernels().predict_binary[p.dtype](X, p.w, p.bias, p.probabilities + row * size, R, d, ld, p.from_memory)
        else:
            kernels().predict_softmax[p.dtype](X, p.w, p.bias, part.scores, R, p.d, ld, p.K, p.multi_label)
            for r in range(R):
                copy_bytes(p.probabilities + (row + r) * p.K * size, part.scores + r * p.KP * size, p.K * size)
        row += R


cdef extern from "string.h" nogil:
    void *copy_bytes "memcpy" (void *to, const void *source, size_t n)


cdef Column column_of(array, dtype, bint in_place) except *:
    cdef Column column = Column(NULL, 0, 1, 0, 0, False)
    if array is not None:
        column.data = <const char *>cnp.PyArray_DATA(array)
        column.step = cnp.PyArray_STRIDE(array, 0)
        if array.ndim == 2:
            column.labels, column.label_step = array.shape[1], cnp.PyArray_STRIDE(array, 1)
        column.kind = kind_of(array.dtype)
        column.direct = (in_place and array.dtype == dtype and column.step == column.labels * dtype.itemsize
                         and (column.labels == 1 or column.label_step == dtype.itemsize) and array.flags.aligned)
    return column


cdef void divide(Pass *p, ptrdiff_t n) noexcept:
    """Choose how many rows a kernel call and a task take, by the shape alone."""
    cdef ptrdiff_t row_bytes = p.ld * item_size(p), multiple = ROWS if p.K == 1 else SOFTMAX_ROWS
    cdef ptrdiff_t block_bytes = BLOCK_BYTES if p.K == 1 else SOFTMAX_BYTES, rows
    p.block_rows = max(block_bytes // row_bytes, multiple)
    p.block_rows = min(p.block_rows, <ptrdiff_t>FASTML_BLOCK_ROWS) // multiple * multiple
    p.part_count = min(max(n // (PART_ROWS * p.KP), <ptrdiff_t>1), <ptrdiff_t>PARTS)
    rows = max((n + p.part_count - 1) // p.part_count, (PART_ELEMENTS + p.ld - 1) // p.ld)
    p.tile_rows = p.block_rows
    if p.by_columns:
        p.tile_rows = max(min(<ptrdiff_t>TILE_ROWS, TILE_BYTES // row_bytes) // p.block_rows, 1) * p.block_rows
    rows = min(rows, max(PART_BYTES // row_bytes // max(p.KP // FASTML_CLASS_STEP, <ptrdiff_t>1), p.block_rows))
    p.part_rows = (rows + multiple - 1) // multiple * multiple


cdef void add_part(double *sums, const Part *part, ptrdiff_t elements) noexcept:
    cdef ptrdiff_t i
    sums[0] += part.loss
    sums[1] += part.weight
    for i in range(elements):
        sums[2 + i] += part.gradient[i]


cdef void load_model(Pass *p, char *memory, w, b, double scale) except *:
    """Write w, times scale, and b to memory that is zero, padded to ld x KP and KP."""
    cdef const char *source = <const char *>cnp.PyArray_DATA(w)
    cdef ptrdiff_t size = item_size(p), row_step = cnp.PyArray_STRIDE(w, 0), step = row_step, j, k
    cdef int kind = kind_of(w.dtype)
    cdef bint binary = p.K == 1
    p.w = memory
    p.bias = memory + p.ld * p.KP * size
    if binary:
        convert(p.w, p.dtype, source, step, p.d, kind)
    else:
        step = cnp.PyArray_STRIDE(w, 1)
        for j in range(p.d):
            convert(p.w + j * p.KP * size, p.dtype, source + j * row_step, step, p.K, kind)
    convert(p.bias, p.dtype, <const char *>cnp.PyArray_DATA(b), cnp.PyArray_STRIDE(b, 0), p.K, kind_of(b.dtype))
    for j in range(p.d * p.KP if scale != 1 else 0):
        if p.dtype == FASTML_F32:
            (<float *>p.w)[j] *= <float>scale
        else:
            (<double *>p.w)[j] *= scale
    for k in range(p.K, p.KP):
        if p.dtype == FASTML_F32:
            (<float *>p.bias)[k] = -INFINITY
        else:
            (<double *>p.bias)[k] = -INFINITY


cdef void read_gradient(const Pass *p, const double *sums, double *dw, double *db, double total,
                        double scale) noexcept:
    """Write the gradient of the mean, times scale, without the padding."""
    cdef ptrdiff_t j, k
    for j in range(p.d):
        for k in range(p.K):
            dw[j * p.K + k] = sums[j * p.KP + k] / total * scale
    for k in range(p.K):
        db[k] = sums[p.ld * p.KP + k] / total
