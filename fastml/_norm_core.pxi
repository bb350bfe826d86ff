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


cdef const void *window(const Operand *o, int dtype, ptrdiff_t start, ptrdiff_t *n, void *block) noexcept nogil:
    """Return up to n elements, and their number in n: in place where enough of them are together, else gathered.

    A number that is less than asked for is a multiple of FASTML_NORM_LANES.
    """
    cdef ptrdiff_t count = 0
    cdef const char *data
    if o.data == NULL or o.direct:
        return load(o, dtype, start, n[0], block)
    if o.kind == dtype and o.stride[o.axes - 1] == o.size and o.length[o.axes - 1] >= LONG_RUN:
        data = run_of(o, start, n[0], &count)
        if <uintptr_t>data % o.size == 0 and (count == n[0] or count >= FASTML_NORM_LANES):
            n[0] = count if count == n[0] else count // FASTML_NORM_LANES * FASTML_NORM_LANES
            return data
        n[0] = min(n[0], <ptrdiff_t>FASTML_NORM_LANES)
    return load(o, dtype, start, n[0], block)


cdef ptrdiff_t view_row(const Norm *n, fastml_norm *p, Scratch *s, ptrdiff_t r, ptrdiff_t k,
                        ptrdiff_t count) noexcept nogil:
    """Point at elements from k on of problem r; return how many of the count wanted."""
    cdef ptrdiff_t start = r * n.C + k
    p.x = window(&n.x, n.dtype, start, &count, s.x)
    p.dy = window(&n.dy, n.dtype, start, &count, s.dy)
    p.weight = load(&n.weight, n.dtype, k, count, s.weight)
    p.bias = load(&n.bias, n.dtype, k, count, s.bias)
    return count


cdef void view_columns(const Norm *n, fastml_norm *p, Scratch *s, ptrdiff_t r, ptrdiff_t k,
                       ptrdiff_t count) noexcept nogil:
    """Point at elements [k, k + count) of the problems from r on, side by side; a tile is pointed at already."""
    cdef ptrdiff_t at = (k * n.R + r) * size_of(n)
    if n.layout == COLUMNS:
        p.x = n.x.data + at
        p.y = n.y.data + at
        p.dy = NULL if n.dy.data == NULL else n.dy.data + at
        p.x_step = p.dy_step = p.y_step = n.R
    p.weight = load(&n.weight, n.dtype, k, count, s.weight)
    p.bias = load(&n.bias, n.dtype, k, count, s.bias)


cdef void sum_chunk(const Norm *n, fastml_norm *p, Scratch *s, ptrdiff_t r, ptrdiff_t w, ptrdiff_t k, ptrdiff_t count,
                    double *sums) noexcept nogil:
    """The two sums of each of w problems over elements [k, k + count), in sums[2 w]."""
    cdef double lanes[2 * FASTML_NORM_LANES]
    cdef ptrdiff_t n_done, half, l
    if n.layout != ROWS:
        view_columns(n, p, s, r, k, count)
        kernels().norm_sums_columns[n.dtype](p, count, w, sums)
        return
    memset(lanes, 0, sizeof(lanes))
    while count > 0:
        n_done = view_row(n, p, s, r, k, count)
        kernels().norm_sums[n.dtype](p, n_done, lanes)
        k += n_done
        count -= n_done
    half = FASTML_NORM_LANES // 2
    while half > 0:
        for l in range(half):
            lanes[l] += lanes[l + half]
            lanes[FASTML_NORM_LANES + l] += lanes[FASTML_NORM_LANES + l + half]
        half //= 2
    sums[0] = lanes[0]
    sums[1] = lanes[FASTML_NORM_LANES]


cdef void apply_chunk(const Norm *n, fastml_norm *p, Scratch *s, ptrdiff_t r, ptrdiff_t w, ptrdiff_t k,
                      ptrdiff_t count) noexcept nogil:
    """Write elements [k, k + count) of w problems."""
    cdef ptrdiff_t n_done, n_written
    if n.layout != ROWS:
        view_columns(n, p, s, r, k, count)
        kernels().norm_apply_columns[n.dtype](p, count, w)
        return
    while count > 0:
        n_done = view_row(n, p, s, r, k, count)
        p.y = place(&n.y, n.dtype, r * n.C + k, &n_done, s.y)
        kernels().norm_apply[n.dtype](p, n_done)
        if p.y == s.y:
            unload(&n.y, n.dtype, r * n.C + k, n_done, s.y)
        k += n_done
        count -= n_done


cdef void *place(const Operand *y, int dtype, ptrdiff_t start, ptrdiff_t *n, void *block) noexcept nogil:
    """Return where n results go, or as many of them as n says then: in place, or the block."""
    cdef ptrdiff_t count = 0
    cdef char *data
    if y.direct:
        return y.data + start * y.size
    if y.kind == dtype and y.stride[y.axes - 1] == y.size and y.length[y.axes - 1] >= LONG_RUN:
        data = run_of(y, start, n[0], &count)
        if <uintptr_t>data % y.size == 0:
            n[0] = count
            return data
    return block


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
    if (n.C * size_of(n) <= FASTML_SHORT_ROW * 4 and n.R > 1 and n.C and is_dense(&n.x) and is_dense(&n.y)
            and (dy is None or is_dense(&n.dy))):
        n.layout = SHORT_ROWS
    elif not n.x.direct:
        order = list(range(outer, x.ndim)) + list(range(outer))
        columns = [None if array is None else array.transpose(order) for array in (x, dy, y)]
        if n.R >= EIGHT and all([array is None or is_column(n, array) for array in columns]):
            n.layout = COLUMNS
    n.first = 0
    return 0


cdef inline bint is_dense(const Operand *o) noexcept nogil:
    return o.axes == 1 and o.stride[0] == o.size


cdef bint is_column(const Norm *n, cnp.ndarray array) except -1:
    cdef Operand o
    describe(&o, array, n.dtype)
    return o.direct
