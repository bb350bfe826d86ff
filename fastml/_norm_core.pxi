"""Statistics and passes of the norms, over problems in any layout, of _norm.pyx."""

from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport isfinite
from libc.string cimport memcpy, memset

from fastml._fastml_runtime cimport (
    FASTML_F32, FASTML_F64, FASTML_NORM_CHUNK, FASTML_NORM_COLUMNS, FASTML_NORM_DOTS, FASTML_NORM_LANES,
    FASTML_NORM_MOMENTS, FASTML_SHORT_ROW, fastml_norm, kernels, parallel_for,
)

cdef enum:
    FIRST = 16               # elements of float64 whose mean shifts the rest
    SHORT_GRADIENT = 48      # elements of the longest row that is transposed for the backward, which writes sums too
    FAR = 4                  # a square of the mean left that is so many variances is too much
    LONG_RUN = 128           # elements together that are worth a call of a kernel
    ROW_BLOCK = 512          # elements of eight rows gathered at once
    EIGHT = 8                # rows that a kernel takes at once
    PARTS = 16               # partial gradients at most
    TASK_ELEMENTS = 16384

# Estimated nanoseconds of an element of float64, and the most between two looks at pending signals.
cdef double ELEMENT_NS = 1.5, SLICE_NS = 50e6
# Below this the GIL is not worth giving up.
cdef double HOLD_NS = 20e3

cdef enum Layout:
    ROWS, SHORT_ROWS, COLUMNS


cdef struct Norm:
    int dtype                # that computes
    Layout layout
    bint centered, backward
    ptrdiff_t R, C           # problems, and elements of one
    double eps
    Operand x, dy, y         # in the order (problem, element); COLUMNS (element, problem)
    Operand weight, bias     # a number an element, or nothing
    Operand mean, rstd       # a number a problem: to be filled, or given
    double *parts            # the partial gradients of layer_norm: PARTS x 2 x C
    ptrdiff_t part_rows, rows_per_task, first
    fastml_norm batch        # the numbers of batch_norm's problems
    double *sums             # and their sums: chunks x 2 x R
    ptrdiff_t chunks, columns


cdef struct Scratch:         # double for its alignment
    double x[FASTML_NORM_CHUNK]
    double dy[FASTML_NORM_CHUNK]
    double y[FASTML_NORM_CHUNK]
    double weight[FASTML_NORM_CHUNK]
    double bias[FASTML_NORM_CHUNK]


cdef struct Tile:            # short rows, turned by 90 degrees
    double x[FASTML_SHORT_ROW * 32]
    double dy[FASTML_SHORT_ROW * 32]
    double rows[FASTML_SHORT_ROW * 32]


cdef struct Numbers:         # of up to FASTML_NORM_COLUMNS problems
    double mean[FASTML_NORM_COLUMNS]
    double rstd[FASTML_NORM_COLUMNS]
    double a[FASTML_NORM_COLUMNS]
    double b[FASTML_NORM_COLUMNS]
    double total[4 * FASTML_NORM_COLUMNS]


cdef inline ptrdiff_t size_of(const Norm *n) noexcept nogil:
    return 4 if n.dtype == FASTML_F32 else 8


cdef inline void put(int dtype, void *values, ptrdiff_t i, double value) noexcept nogil:
    if dtype == FASTML_F32:
        (<float *>values)[i] = <float>value
    else:
        (<double *>values)[i] = value


cdef inline double get(int dtype, const void *values, ptrdiff_t i) noexcept nogil:
    return (<const float *>values)[i] if dtype == FASTML_F32 else (<const double *>values)[i]


cdef void point_at(const Norm *n, fastml_norm *p, Numbers *numbers) noexcept nogil:
    memset(p, 0, sizeof(fastml_norm))
    p.kind = FASTML_NORM_DOTS if n.backward else FASTML_NORM_MOMENTS
    p.mean = numbers.mean
    p.rstd = p.scale = numbers.rstd
    p.a = numbers.a
    p.b = numbers.b


cdef inline void add(double *high, double *low, double v) noexcept nogil:
    cdef double sum = high[0] + v, part = sum - high[0]
    if isfinite(sum):        # what an infinite one has lost would be NaN
        low[0] += (high[0] - (sum - part)) + (v - part)
    high[0] = sum


cdef void find_shift(const Norm *n, fastml_norm *p, Scratch *s, ptrdiff_t r, ptrdiff_t w, void *mean) noexcept nogil:
    """What is subtracted before squares are added: near enough to the mean that these lose nothing.

    For float32, whose differences and squares are exact in float64, the first element is.
    """
    cdef double sums[2 * FASTML_NORM_COLUMNS]
    cdef ptrdiff_t j, count = min(n.C, <ptrdiff_t>FIRST)
    memset(mean, 0, w * size_of(n))
    if not n.centered or count == 0:
        return
    if n.dtype == FASTML_F32:
        if n.layout == ROWS:
            view_row(n, p, s, r, 0, 1)
        else:
            view_columns(n, p, s, r, 0, 1)
        memcpy(mean, p.x, w * size_of(n))
        return
    sum_chunk(n, p, s, r, w, 0, count, sums)
    for j in range(w):
        put(n.dtype, mean, j, sums[j] / count)


cdef void sum_problems(const Norm *n, fastml_norm *p, Scratch *s, ptrdiff_t r, ptrdiff_t w,
                       double *total) noexcept nogil:
    """Both sums of w problems, chunk by chunk in order, in total[2 w], and what these lost behind."""
    cdef double sums[2 * FASTML_NORM_COLUMNS]
    cdef ptrdiff_t k, j, count = min(<ptrdiff_t>FASTML_NORM_CHUNK, n.C)
    memset(total, 0, 4 * w * sizeof(double))
    if count:
        sum_chunk(n, p, s, r, w, 0, count, total)
    k = count
    while k < n.C:
        count = min(<ptrdiff_t>FASTML_NORM_CHUNK, n.C - k)
        sum_chunk(n, p, s, r, w, k, count, sums)
        for j in range(2 * w):
            add(&total[j], &total[2 * w + j], sums[j])
        k += count


cdef bint mend_shift(const Norm *n, const double *total, ptrdiff_t w, void *mean) noexcept nogil:
    """Shift by the mean itself where that of the first elements was far from it; whether sums are to be formed anew.

    They come out the same for the other problems, so that these do not depend on their neighbours.
    """
    cdef bint again = False
    cdef double u
    cdef ptrdiff_t j
    if n.dtype == FASTML_F64 and n.centered and n.C > FAR * FIRST:
        for j in range(w):
            u = total[j] / n.C
            if u * u > FAR * (total[w + j] / n.C - u * u):
                put(n.dtype, mean, j, get(n.dtype, mean, j) + u)
                again = True
    return again


cdef void finish(const Norm *n, fastml_norm *p, Numbers *numbers, ptrdiff_t w) noexcept nogil:
    """What the passes over w problems need, from their sums."""
    kernels().norm_finish[n.dtype](p.kind, numbers.total, w, max(<ptrdiff_t>1, n.C), n.eps, n.centered, numbers.mean,
                                   numbers.rstd, numbers.a, numbers.b)


cdef int set_operands(Norm *n, cnp.ndarray x, cnp.ndarray dy, cnp.ndarray y, int outer) except -1:
    """Describe arrays whose first `outer` axes number the problems, and choose the layout."""
    cdef int k
    n.dtype = FASTML_F64 if dtype_index(y) == FASTML_F64 else FASTML_F32
    n.R = n.C = 1
    for k in range(cnp.PyArray_NDIM(x)):
        if k < outer:
            n.R *= cnp.PyArray_DIM(x, k)
        else:
            n.C *= cnp.PyArray_DIM(x, k)
    describe(&n.x, x, n.dtype)
    describe(&n.dy, dy, n.dtype)
    describe(&n.y, y, n.dtype)
    n.layout = ROWS
    cdef ptrdiff_t longest = FASTML_SHORT_ROW * 4 // size_of(n) if dy is None else SHORT_GRADIENT
    if 0 < n.C <= longest and n.R > 1 and is_dense(&n.x) and is_dense(&n.y) and (dy is None or is_dense(&n.dy)):
        n.layout = SHORT_ROWS
    elif not n.x.direct:
        order = list(range(outer, x.ndim)) + list(range(outer))
        if n.R >= EIGHT and is_column(n, x, order) and is_column(n, dy, order) and is_column(n, y, order):
            n.layout = COLUMNS
    n.first = 0
    return 0


cdef inline bint is_dense(const Operand *o) noexcept nogil:
    return o.axes == 1 and o.stride[0] == o.size


cdef bint is_column(const Norm *n, cnp.ndarray array, list order) except -1:
    """Whether an array, or None, is dense when its problems come last."""
    cdef Operand o
    if array is None:
        return True
    describe(&o, array.transpose(order), n.dtype)
    return o.direct
