"""softmax, log_softmax and logsumexp: argument checks, and the walk over the problems of an array.

An array is cut into problems along one axis. Three kernels serve: short contiguous rows, columns side by side where
another axis is the one that is adjacent in memory, and single rows in any layout.
"""

cimport numpy as cnp
from cpython.exc cimport PyErr_CheckSignals
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport uint8_t

from fastml._fastml_runtime cimport (
    FASTML_F16, FASTML_F32, FASTML_F64, FASTML_LOG_SOFTMAX, FASTML_LOGSUMEXP, FASTML_SHORT_ROW, FASTML_SOFTMAX, kernels,
    parallel_for,
)

import numpy as np

from fastml._arguments import check_out, real_array

cnp.import_array()

cdef extern from "numpy/arrayobject.h":
    object PyArray_EMPTY(int nd, cnp.npy_intp *dims, int typenum, int fortran)
    bint PyArray_CheckExact(object)
    bint PyArray_ISCARRAY_RO(cnp.ndarray)
    bint PyArray_ISALIGNED(cnp.ndarray)
    int PyArray_TYPE(cnp.ndarray)
    int NPY_MAXDIMS
    int NPY_HALF

cdef enum:
    MAX_AXES = 64
    COLUMNS_AT_LEAST = 8     # fewer side by side: row by row
    TASK_ELEMENTS = 16384
    TASK_COLUMNS = 256

# Estimated nanoseconds of an element of float64, and the most between two looks at pending signals.
cdef double ELEMENT_NS = 1.5, SLICE_NS = 50e6

cdef enum Layout:
    ROWS, SHORT_ROWS, COLUMNS


cdef struct Problems:
    int mode, dtype
    Layout layout
    const char *x
    const char *where
    char *y
    ptrdiff_t C, x_step, where_step, y_step           # along the axis, in bytes
    ptrdiff_t columns                                 # COLUMNS: how many side by side
    ptrdiff_t rows                                    # product of the outer axes
    int axes
    ptrdiff_t size[MAX_AXES]                          # the outer axes
    ptrdiff_t x_stride[MAX_AXES]
    ptrdiff_t where_stride[MAX_AXES]
    ptrdiff_t y_stride[MAX_AXES]
    ptrdiff_t first_task, tasks_per_row, rows_per_task


cdef inline ptrdiff_t item_size(const Problems *p) noexcept nogil:
    return 2 << p.dtype


cdef void run_columns(const Problems *p, const char *x, char *y, ptrdiff_t start) noexcept nogil:
    cdef ptrdiff_t size = item_size(p), columns = min(<ptrdiff_t>TASK_COLUMNS, p.columns - start)
    kernels().softmax_columns[p.dtype](p.mode, x + start * size, y + start * size, p.C, columns,
                                       p.x_step // size, p.y_step // size)


cdef void run_row(const Problems *p, ptrdiff_t row, ptrdiff_t part) noexcept nogil:
    """Find the row-th index of the outer axes and compute there."""
    cdef const char *x = p.x
    cdef const char *where = p.where
    cdef char *y = p.y
    cdef ptrdiff_t index
    cdef int axis
    for axis in range(p.axes - 1, -1, -1):
        index = row % p.size[axis]
        row //= p.size[axis]
        x += index * p.x_stride[axis]
        y += index * p.y_stride[axis]
        where += index * p.where_stride[axis]
    if p.layout == COLUMNS:
        run_columns(p, x, y, part * TASK_COLUMNS)
    else:
        kernels().softmax_row[p.dtype](p.mode, x, p.x_step, <const uint8_t *>where if p.where != NULL else NULL,
                                       p.where_step, y, p.y_step, p.C)


cdef void run_task(void *context, ptrdiff_t task) noexcept nogil:
    cdef const Problems *p = <const Problems *>context
    cdef ptrdiff_t row, start, stop, results
    task += p.first_task
    if p.layout == COLUMNS:
        run_row(p, task // p.tasks_per_row, task % p.tasks_per_row)
        return
    start = task * p.rows_per_task
    stop = min(start + p.rows_per_task, p.rows)
    if p.layout == SHORT_ROWS:
        results = 1 if p.mode == FASTML_LOGSUMEXP else p.C
        kernels().softmax_short[p.dtype](p.mode, p.x + start * p.C * item_size(p), p.y + start * results * item_size(p),
                                         stop - start, p.C)
    else:
        for row in range(start, stop):
            run_row(p, row, 0)


cdef int run_all(Problems *p) except -1:
    """Run every task, in slices with a look at pending signals between them."""
    cdef ptrdiff_t tasks, slice_tasks, count
    cdef double task_ns
    p.rows_per_task = max(<ptrdiff_t>1, TASK_ELEMENTS // max(<ptrdiff_t>1, p.C))
    if p.layout == SHORT_ROWS:
        p.rows_per_task = (p.rows_per_task + 63) // 64 * 64          # the kernel's tiles
    p.tasks_per_row = (p.columns + TASK_COLUMNS - 1) // TASK_COLUMNS
    tasks = (p.rows + p.rows_per_task - 1) // p.rows_per_task
    task_ns = p.rows_per_task * p.C * ELEMENT_NS
    if p.layout == COLUMNS:
        tasks = p.rows * p.tasks_per_row
        task_ns = p.C * min(<ptrdiff_t>TASK_COLUMNS, p.columns) * ELEMENT_NS
    if tasks == 1:
        run_task(p, 0)
        return 0
    slice_tasks = max(<ptrdiff_t>1, <ptrdiff_t>(SLICE_NS / (task_ns + 1)))
    while p.first_task < tasks:
        count = min(slice_tasks, tasks - p.first_task)
        with nogil:
            parallel_for(run_task, p, count, count * task_ns)
        p.first_task += count
        PyErr_CheckSignals()
    return 0


cdef void add_axis(Problems *p, ptrdiff_t size, ptrdiff_t x, ptrdiff_t where, ptrdiff_t y) noexcept:
    """Append an outer axis, or lengthen the last one where memory continues it."""
    cdef int last = p.axes - 1
    if size == 1:
        return
    if (last >= 0 and p.x_stride[last] == size * x and p.y_stride[last] == size * y
            and p.where_stride[last] == size * where):
        p.size[last] *= size
    else:
        last += 1
        p.axes += 1
        p.size[last] = size
    p.x_stride[last] = x
    p.where_stride[last] = where
    p.y_stride[last] = y


cdef void choose_layout(Problems *p, bint aligned) noexcept:
    """Take the best kernel that this layout allows, once all outer axes are known."""
    cdef ptrdiff_t size = item_size(p), results
    cdef int axis, k
    if p.where != NULL or not aligned:
        return
    results = 1 if p.mode == FASTML_LOGSUMEXP else p.C
    if (p.C <= FASTML_SHORT_ROW and (p.C == 1 or p.x_step == size)
            and (results == 1 or p.y_step == size) and p.axes <= 1 and p.rows > 1
            and p.x_stride[0] == p.C * size and p.y_stride[0] == results * size):
        p.layout = SHORT_ROWS
        return
    if p.x_step % size or p.y_step % size or p.x_step == size:
        return
    for axis in range(p.axes):
        if p.x_stride[axis] == size and p.y_stride[axis] == size and p.size[axis] >= COLUMNS_AT_LEAST:
            p.layout = COLUMNS
            p.columns = p.size[axis]
            p.rows //= p.columns
            p.axes -= 1
            for k in range(axis, p.axes):
                p.size[k] = p.size[k + 1]
                p.x_stride[k] = p.x_stride[k + 1]
                p.y_stride[k] = p.y_stride[k + 1]
                p.where_stride[k] = p.where_stride[k + 1]
            return


cdef int compute(int mode, cnp.ndarray x, int axis, cnp.ndarray where, cnp.ndarray y) except -1:
    """Fill y, which has x's shape, or 1 along the axis for logsumexp."""
    cdef Problems p
    cdef int k, kind = PyArray_TYPE(x)
    p.mode = mode
    p.dtype = FASTML_F32 if kind == cnp.NPY_FLOAT else FASTML_F64 if kind == cnp.NPY_DOUBLE else FASTML_F16
    p.layout = ROWS
    p.x = <const char *>cnp.PyArray_DATA(x)
    p.y = <char *>cnp.PyArray_DATA(y)
    p.where = <const char *>cnp.PyArray_DATA(where) if where is not None else NULL
    p.C = cnp.PyArray_DIM(x, axis)
    p.x_step = cnp.PyArray_STRIDE(x, axis)
    p.y_step = cnp.PyArray_STRIDE(y, axis)
    p.where_step = cnp.PyArray_STRIDE(where, axis) if where is not None else 0
    p.columns = p.axes = p.first_task = 0
    p.rows = 1
    p.x_stride[0] = p.C * item_size(&p)
    p.y_stride[0] = item_size(&p) * (1 if mode == FASTML_LOGSUMEXP else p.C)
    for k in range(cnp.PyArray_NDIM(x)):
        if k != axis:
            p.rows *= cnp.PyArray_DIM(x, k)
            add_axis(&p, cnp.PyArray_DIM(x, k), cnp.PyArray_STRIDE(x, k),
                     cnp.PyArray_STRIDE(where, k) if where is not None else 0, cnp.PyArray_STRIDE(y, k))
    if p.rows == 0 or (p.C == 0 and mode != FASTML_LOGSUMEXP):
        return 0
    choose_layout(&p, PyArray_ISALIGNED(x) and PyArray_ISALIGNED(y))
    return run_all(&p)


cdef inline bint is_plain(object x) noexcept:
    """Whether x is a dense C-ordered native float array of one dimension or more."""
    cdef int kind
    if not PyArray_CheckExact(x):
        return False
    kind = PyArray_TYPE(x)
    return ((kind == cnp.NPY_FLOAT or kind == cnp.NPY_DOUBLE or kind == NPY_HALF) and PyArray_ISCARRAY_RO(x)
            and cnp.PyArray_NDIM(x) > 0)


cdef object apply(int mode, object x, object axis, object where, object out):
    cdef int k, ndim
    if not is_plain(x):
        x = real_array("x", x)
    ndim = cnp.PyArray_NDIM(x)
    k = axis if type(axis) is int and -ndim <= axis < ndim else np.lib.array_utils.normalize_axis_index(axis, ndim)
    if k < 0:
        k += ndim
    if where is not None:
        where = mask(where, x)
    if out is not None:
        check_out(out, x.shape, x.dtype, x)
    elif PyArray_ISCARRAY_RO(x):
        out = PyArray_EMPTY(ndim, cnp.PyArray_DIMS(x), PyArray_TYPE(x), 0)
    else:
        out = np.empty_like(x)
    compute(mode, x, k, where, out)
    return out


cdef mask(where, x):
    where = np.asarray(where)
    if where.dtype != np.bool_:
        raise TypeError(f"where: expected dtype bool, got {where.dtype}")
    try:
        return np.broadcast_to(where, x.shape)
    except ValueError:
        raise ValueError(f"where: expected a shape that broadcasts to {x.shape}, got {where.shape}") from None


def softmax(x, axis=-1, *, where=None, out=None):
    """Return ``exp(x) / sum(exp(x))`` along an axis, without overflow.

    Parameters
    ----------
    x : array_like of float16, float32 or float64, shape (..., C, ...)
        Integers and bool become float64.
    axis : int, default -1
        The axis along which each result adds up to 1.
    where : array_like of bool, optional
        Broadcast to `x`. Entries outside get 0 and do not influence the others, whatever they hold.
    out : ndarray, optional
        Where the result goes: the shape and dtype of `x`. May be `x` itself.

    Returns
    -------
    ndarray
        The shape and dtype of `x`.

    Raises
    ------
    TypeError
        `x` is not real, `where` is not bool, or `out` has another dtype.
    ValueError
        `where` does not broadcast, `out` has another shape or overlaps a part of `x`.
    numpy.exceptions.AxisError
        `x` has no such axis.

    Notes
    -----
    Max error: 0.51 ULP (float16), 4 ULP (float32), 4 ULP (float64).
    One +inf gives 1 there and 0 elsewhere; several, NaN, or nothing but -inf give NaN. A slice that is masked
    altogether is 0.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> fastml.softmax(np.array([0.0, np.log(3.0)]))
    array([0.25, 0.75])
    """
    return apply(FASTML_SOFTMAX, x, axis, where, out)


def log_softmax(x, axis=-1, *, where=None, out=None):
    """Return ``x - log(sum(exp(x)))`` along an axis, without overflow and exact in the tails.

    Parameters
    ----------
    x : array_like of float16, float32 or float64, shape (..., C, ...)
        Integers and bool become float64.
    axis : int, default -1
        The axis along which the exponentials of the result add up to 1.
    where : array_like of bool, optional
        Broadcast to `x`. Entries outside get -inf and do not influence the others, whatever they hold.
    out : ndarray, optional
        Where the result goes: the shape and dtype of `x`. May be `x` itself.

    Returns
    -------
    ndarray
        The shape and dtype of `x`.

    Raises
    ------
    TypeError
        `x` is not real, `where` is not bool, or `out` has another dtype.
    ValueError
        `where` does not broadcast, `out` has another shape or overlaps a part of `x`.
    numpy.exceptions.AxisError
        `x` has no such axis.

    Notes
    -----
    Max error: 0.51 ULP (float16), 4 ULP (float32), 4 ULP (float64).
    Computed as ``x - max - log1p(sum of the other terms)``, so that ``log_softmax([20, 0])`` is -2.06e-9 at the first
    entry in float32 and not 0.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> fastml.log_softmax(np.array([20.0, 0.0], dtype=np.float32))
    array([-2.0611537e-09, -2.0000000e+01], dtype=float32)
    """
    return apply(FASTML_LOG_SOFTMAX, x, axis, where, out)


def logsumexp(x, axis=-1, *, keepdims=False, where=None):
    """Return ``log(sum(exp(x)))`` along an axis, without overflow.

    Parameters
    ----------
    x : array_like of float16, float32 or float64, shape (..., C, ...)
        Integers and bool become float64.
    axis : int, default -1
        The axis that is summed over.
    keepdims : bool, default False
        Keep the axis, with length 1.
    where : array_like of bool, optional
        Broadcast to `x`. Entries outside do not count.

    Returns
    -------
    ndarray or numpy.float64
        The shape of `x` without the axis; the dtype of `x`, or a float64 scalar for one-dimensional `x`.

    Raises
    ------
    TypeError
        `x` is not real, or `where` is not bool.
    ValueError
        `where` does not broadcast.
    numpy.exceptions.AxisError
        `x` has no such axis.

    Notes
    -----
    Max error: 0.51 ULP (float16), 2 ULP (float32), 2 ULP (float64).
    ``max + log1p(sum of the other terms)``; where the two cancel, these are ULPs of the larger.
    Of nothing (an empty axis, or all masked) it is -inf.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> fastml.logsumexp(np.array([[1000.0, 1000.0], [0.0, -np.inf]]))
    array([1000.69314718,    0.        ])
    """
    cdef int k
    x = real_array("x", x)
    k = np.lib.array_utils.normalize_axis_index(axis, x.ndim)
    if where is not None:
        where = mask(where, x)
    result = np.empty(x.shape[:k] + (1,) + x.shape[k + 1:], x.dtype)
    compute(FASTML_LOGSUMEXP, x, k, where, result)
    if keepdims:
        return result
    return np.float64(result.item()) if x.ndim == 1 else result.reshape(x.shape[:k] + x.shape[k + 1:])
