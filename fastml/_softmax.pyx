"""Functions along one axis: argument checks, and the walk over the problems of an array.

An array is cut into problems along one axis. Three kernels serve: short contiguous rows, columns side by side where
another axis is the one that is adjacent in memory, and single rows in any layout.
"""

cimport numpy as cnp
from cpython.exc cimport PyErr_CheckSignals
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport uint8_t

from fastml._fastml_runtime cimport (
    FASTML_ENTROPY, FASTML_F16, FASTML_F32, FASTML_F64, FASTML_LOG_SOFTMAX, FASTML_LOG_SOFTMAX_BACKWARD,
    FASTML_LOGSUMEXP, FASTML_SHORT_ROW, FASTML_SOFTMAX, FASTML_SOFTMAX_BACKWARD, fastml_problem, kernels, parallel_for,
)

import numpy as np

from fastml._arguments import check_out, overlap, real_array

cnp.import_array()

cdef extern from "numpy/arrayobject.h":
    object PyArray_EMPTY(int nd, cnp.npy_intp *dims, int typenum, int fortran)
    bint PyArray_CheckExact(object)
    bint PyArray_ISCARRAY_RO(cnp.ndarray)
    bint PyArray_ISALIGNED(cnp.ndarray)
    bint PyArray_ISWRITEABLE(cnp.ndarray)
    bint PyArray_CompareLists(cnp.npy_intp *a, cnp.npy_intp *b, int n)
    int PyArray_TYPE(cnp.ndarray)
    int NPY_HALF

cdef enum:
    MAX_AXES = 64
    COLUMNS_AT_LEAST = 8     # fewer side by side: row by row
    TASK_ELEMENTS = 16384
    TASK_COLUMNS = 256

# Estimated nanoseconds of an element of float64, and the most between two looks at pending signals.
cdef double ELEMENT_NS = 1.5, SLICE_NS = 50e6
# Below this the GIL is not worth giving up.
cdef double HOLD_NS = 20e3

cdef enum Layout:
    ROWS, SHORT_ROWS, COLUMNS


cdef struct Problems:
    fastml_problem base                               # the first of them
    int dtype
    Layout layout
    ptrdiff_t results                                 # elements that one writes: C or 1
    ptrdiff_t columns                                 # COLUMNS: how many side by side
    ptrdiff_t rows                                    # product of the outer axes
    int axes
    ptrdiff_t size[MAX_AXES]                          # the outer axes, and their strides in bytes
    ptrdiff_t x_stride[MAX_AXES]
    ptrdiff_t x2_stride[MAX_AXES]
    ptrdiff_t where_stride[MAX_AXES]
    ptrdiff_t y_stride[MAX_AXES]
    ptrdiff_t first_task, tasks_per_row, rows_per_task


cdef inline ptrdiff_t item_size(const Problems *p) noexcept nogil:
    return 2 << p.dtype


cdef void shift(fastml_problem *problem, ptrdiff_t x, ptrdiff_t x2, ptrdiff_t where, ptrdiff_t y) noexcept nogil:
    """Move on by so many bytes."""
    problem.x += x
    problem.y += y
    if problem.x2 != NULL:
        problem.x2 += x2
    if problem.where != NULL:
        problem.where += where


cdef void run_row(const Problems *p, ptrdiff_t row, ptrdiff_t part) noexcept nogil:
    """Find the row-th index of the outer axes and compute there."""
    cdef fastml_problem problem = p.base
    cdef ptrdiff_t index, offset
    cdef int axis
    for axis in range(p.axes - 1, -1, -1):
        index = row % p.size[axis]
        row //= p.size[axis]
        shift(&problem, index * p.x_stride[axis], index * p.x2_stride[axis], index * p.where_stride[axis],
              index * p.y_stride[axis])
    if p.layout == COLUMNS:
        offset = part * TASK_COLUMNS * item_size(p)
        shift(&problem, offset, offset, 0, offset)
        kernels().along_columns[p.dtype](&problem, min(<ptrdiff_t>TASK_COLUMNS, p.columns - part * TASK_COLUMNS))
    else:
        kernels().along_row[p.dtype](&problem)


cdef void run_task(void *context, ptrdiff_t task) noexcept nogil:
    cdef const Problems *p = <const Problems *>context
    cdef fastml_problem problem
    cdef ptrdiff_t row, start, stop
    task += p.first_task
    if p.layout == COLUMNS:
        run_row(p, task // p.tasks_per_row, task % p.tasks_per_row)
        return
    start = task * p.rows_per_task
    stop = min(start + p.rows_per_task, p.rows)
    if p.layout == SHORT_ROWS:
        problem = p.base
        row = start * p.base.C * item_size(p)
        shift(&problem, row, row, 0, start * p.results * item_size(p))
        kernels().along_short[p.dtype](&problem, stop - start)
    else:
        for row in range(start, stop):
            run_row(p, row, 0)


cdef int run_all(Problems *p) except -1:
    """Run every task, in slices with a look at pending signals between them."""
    cdef ptrdiff_t tasks, slice_tasks, count, C = p.base.C
    cdef double task_ns
    p.rows_per_task = max(<ptrdiff_t>1, TASK_ELEMENTS // max(<ptrdiff_t>1, C))
    if p.layout == SHORT_ROWS:
        p.rows_per_task = (p.rows_per_task + 63) // 64 * 64          # the kernel's tiles
    p.tasks_per_row = (p.columns + TASK_COLUMNS - 1) // TASK_COLUMNS
    tasks = (p.rows + p.rows_per_task - 1) // p.rows_per_task
    task_ns = p.rows_per_task * C * ELEMENT_NS
    if p.layout == COLUMNS:
        tasks = p.rows * p.tasks_per_row
        task_ns = C * min(<ptrdiff_t>TASK_COLUMNS, p.columns) * ELEMENT_NS
    if tasks == 1 and task_ns < HOLD_NS:
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


cdef void add_axis(Problems *p, ptrdiff_t size, ptrdiff_t x, ptrdiff_t x2, ptrdiff_t where, ptrdiff_t y) noexcept:
    """Append an outer axis, or lengthen the last one where memory continues it."""
    cdef int last = p.axes - 1
    if size == 1:
        return
    if (last >= 0 and p.x_stride[last] == size * x and p.x2_stride[last] == size * x2
            and p.y_stride[last] == size * y and p.where_stride[last] == size * where):
        p.size[last] *= size
    else:
        last += 1
        p.axes += 1
        p.size[last] = size
    p.x_stride[last] = x
    p.x2_stride[last] = x2
    p.where_stride[last] = where
    p.y_stride[last] = y


cdef void drop_axis(Problems *p, int axis) noexcept:
    cdef int k
    p.axes -= 1
    for k in range(axis, p.axes):
        p.size[k] = p.size[k + 1]
        p.x_stride[k] = p.x_stride[k + 1]
        p.x2_stride[k] = p.x2_stride[k + 1]
        p.y_stride[k] = p.y_stride[k + 1]


cdef void choose_layout(Problems *p, bint aligned) noexcept:
    """Take the best kernel that this layout allows, once all outer axes are known."""
    cdef ptrdiff_t size = item_size(p), C = p.base.C, length = C * size
    cdef int axis
    cdef bint pair = p.base.x2 != NULL
    if p.base.where != NULL or not aligned:
        return
    if (C <= FASTML_SHORT_ROW // (2 if p.dtype == FASTML_F64 else 1) and (C == 1 or p.base.x_step == size)
            and (p.results == 1 or p.base.y_step == size)
            and p.axes <= 1 and p.rows > 1 and p.x_stride[0] == length and p.y_stride[0] == p.results * size
            and (not pair or (C == 1 or p.base.x2_step == size) and p.x2_stride[0] == length)):
        p.layout = SHORT_ROWS
        return
    if p.base.x_step % size or p.base.x2_step % size or p.base.y_step % size or p.base.x_step == size:
        return
    for axis in range(p.axes):
        if (p.x_stride[axis] == size and p.y_stride[axis] == size and (not pair or p.x2_stride[axis] == size)
                and p.size[axis] >= COLUMNS_AT_LEAST):
            p.layout = COLUMNS
            p.columns = p.size[axis]
            p.rows //= p.columns
            drop_axis(p, axis)
            return


cdef inline ptrdiff_t stride(cnp.ndarray array, int axis) noexcept:
    return 0 if array is None else cnp.PyArray_STRIDE(array, axis)


cdef int compute(int mode, cnp.ndarray x, cnp.ndarray x2, int axis, cnp.ndarray where, cnp.ndarray y) except -1:
    """Fill y, which has x's shape, or 1 along the axis for logsumexp and entropy. x2 and where may be None."""
    cdef Problems p
    cdef int k, kind = PyArray_TYPE(x)
    p.axes = 0
    p.columns = p.first_task = 0
    p.dtype = FASTML_F32 if kind == cnp.NPY_FLOAT else FASTML_F64 if kind == cnp.NPY_DOUBLE else FASTML_F16
    p.layout = ROWS
    p.rows = 1
    p.base.mode = mode
    p.base.x = <const char *>cnp.PyArray_DATA(x)
    p.base.x2 = <const char *>cnp.PyArray_DATA(x2) if x2 is not None else NULL
    p.base.where = <const uint8_t *>cnp.PyArray_DATA(where) if where is not None else NULL
    p.base.y = <char *>cnp.PyArray_DATA(y)
    p.base.C = cnp.PyArray_DIM(x, axis)
    p.base.x_step, p.base.x2_step = stride(x, axis), stride(x2, axis)
    p.base.where_step, p.base.y_step = stride(where, axis), stride(y, axis)
    p.results = 1 if mode == FASTML_LOGSUMEXP or mode == FASTML_ENTROPY else p.base.C
    p.x_stride[0] = p.x2_stride[0] = p.base.C * item_size(&p)
    p.y_stride[0] = p.results * item_size(&p)
    for k in range(cnp.PyArray_NDIM(x)):
        if k != axis:
            p.rows *= cnp.PyArray_DIM(x, k)
            add_axis(&p, cnp.PyArray_DIM(x, k), stride(x, k), stride(x2, k), stride(where, k), stride(y, k))
    if p.rows == 0 or p.results == 0:
        return 0
    choose_layout(&p, PyArray_ISALIGNED(x) and PyArray_ISALIGNED(y) and (x2 is None or PyArray_ISALIGNED(x2)))
    return run_all(&p)


cdef inline bint is_plain(object x) noexcept:
    """Whether x is a dense C-ordered native float array of one dimension or more."""
    cdef int kind
    if not PyArray_CheckExact(x):
        return False
    kind = PyArray_TYPE(x)
    return ((kind == cnp.NPY_FLOAT or kind == cnp.NPY_DOUBLE or kind == NPY_HALF) and PyArray_ISCARRAY_RO(x)
            and cnp.PyArray_NDIM(x) > 0)


cdef inline bint apart_or_same(cnp.ndarray a, cnp.ndarray b) noexcept:
    """Whether two dense arrays of one size share all their memory or none."""
    cdef size_t p = <size_t>cnp.PyArray_DATA(a), q = <size_t>cnp.PyArray_DATA(b), size = cnp.PyArray_NBYTES(a)
    return p == q or p + size <= q or q + size <= p


cdef inline bint is_plain_out(object out, cnp.ndarray x) noexcept:
    """Whether a plain x can go to out without a further look."""
    return (is_plain(out) and PyArray_TYPE(out) == PyArray_TYPE(x) and PyArray_ISWRITEABLE(out)
            and cnp.PyArray_NDIM(out) == cnp.PyArray_NDIM(x)
            and PyArray_CompareLists(cnp.PyArray_DIMS(out), cnp.PyArray_DIMS(x), cnp.PyArray_NDIM(x))
            and apart_or_same(out, x))


cdef inline int axis_of(object axis, int ndim) except -1:
    cdef int k
    if type(axis) is int and -ndim <= axis < ndim:
        k = axis
        return k + ndim if k < 0 else k
    return np.lib.array_utils.normalize_axis_index(axis, ndim)


cdef object apply(int mode, object x, object axis, object where, object out):
    cdef bint plain = is_plain(x)
    if not plain:
        x = real_array("x", x)
    cdef int k = axis_of(axis, cnp.PyArray_NDIM(x))
    if where is not None:
        where = mask(where, x)
        if out is not None and overlap(where, out):
            where = where.copy()
    if out is None:
        out = empty_like(x)
    elif not plain or not is_plain_out(out, x):
        check_out(out, x.shape, x.dtype, x)
    compute(mode, x, None, k, where, out)
    return out


cdef object apply_backward(int mode, object dy, object y, object axis, object out):
    cdef bint plain = is_plain(dy)
    if not plain:
        dy = real_array("dy", dy)
    cdef int k = axis_of(axis, cnp.PyArray_NDIM(dy))
    if not is_plain(y) or PyArray_TYPE(y) != PyArray_TYPE(dy):
        y = real_array("y", y).astype(dy.dtype, copy=False)
    if y.shape != dy.shape:
        raise ValueError(f"y: expected the shape of dy, {dy.shape}, got {y.shape}")
    if out is None:
        out = empty_like(dy)
    elif not plain or not is_plain_out(out, dy) or not apart_or_same(out, y):
        check_out(out, dy.shape, dy.dtype, dy, y)
    compute(mode, dy, y, k, None, out)
    return out


cdef object reduce(int mode, str name, object x, object axis, bint keepdims, object where):
    """Return one number for each problem: the axis is dropped, or kept with length 1."""
    cdef int k
    x = real_array(name, x)
    k = axis_of(axis, x.ndim)
    if where is not None:
        where = mask(where, x)
    result = np.empty(x.shape[:k] + (1,) + x.shape[k + 1:], x.dtype)
    compute(mode, x, None, k, where, result)
    if keepdims:
        return result
    return np.float64(result.item()) if x.ndim == 1 else result.reshape(x.shape[:k] + x.shape[k + 1:])


cdef inline object empty_like(cnp.ndarray x):
    if PyArray_ISCARRAY_RO(x):
        return PyArray_EMPTY(cnp.PyArray_NDIM(x), cnp.PyArray_DIMS(x), PyArray_TYPE(x), 0)
    return np.empty_like(x)


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
    return reduce(FASTML_LOGSUMEXP, "x", x, axis, keepdims, where)


def entropy(p, axis=-1):
    """Return ``-sum(p * log(p))`` along an axis, in nats.

    Parameters
    ----------
    p : array_like of float16, float32 or float64, shape (..., C, ...)
        Numbers >= 0, taken as they are: not normalized. ``0 * log(0)`` is 0. Integers and bool become float64.
    axis : int, default -1
        The axis that is summed over.

    Returns
    -------
    ndarray or numpy.float64
        The shape of `p` without the axis; the dtype of `p`, or a float64 scalar for one-dimensional `p`.

    Raises
    ------
    TypeError
        `p` is not real.
    numpy.exceptions.AxisError
        `p` has no such axis.

    Notes
    -----
    Max error: 0.51 ULP (float16), 4 ULP (float32), 4 ULP (float64).
    For p <= 1, whose terms have one sign. NaN where an entry is negative.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> print(f"{fastml.entropy(np.array([0.5, 0.5, 0.0])):.6f}")
    0.693147
    """
    return reduce(FASTML_ENTROPY, "p", p, axis, False, None)


def softmax_backward(dy, y, axis=-1, *, out=None):
    """Return ``y * (dy - sum(dy * y))``: the gradient through ``y = softmax(x)``, from its output.

    Parameters
    ----------
    dy : array_like of float16, float32 or float64, shape (..., C, ...)
        The gradient with respect to `y`. Integers and bool become float64.
    y : array_like, the shape of `dy`
        Converted to the dtype of `dy`.
    axis : int, default -1
        The axis of the softmax.
    out : ndarray, optional
        Where the result goes: the shape and dtype of `dy`. May be `dy` or `y` itself.

    Returns
    -------
    ndarray
        The shape and dtype of `dy`.

    Raises
    ------
    TypeError
        An argument is not real, or `out` has another dtype.
    ValueError
        `y` or `out` has another shape, or `out` overlaps a part of an input.
    numpy.exceptions.AxisError
        `dy` has no such axis.

    Notes
    -----
    The sum is compensated: the error is that of the three last operations.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> fastml.softmax_backward(np.array([1.0, 0.0]), np.array([0.25, 0.75]))
    array([ 0.1875, -0.1875])
    """
    return apply_backward(FASTML_SOFTMAX_BACKWARD, dy, y, axis, out)


def log_softmax_backward(dy, y, axis=-1, *, out=None):
    """Return ``dy - exp(y) * sum(dy)``: the gradient through ``y = log_softmax(x)``, from its output.

    Parameters
    ----------
    dy : array_like of float16, float32 or float64, shape (..., C, ...)
        The gradient with respect to `y`. Integers and bool become float64.
    y : array_like, the shape of `dy`
        Converted to the dtype of `dy`.
    axis : int, default -1
        The axis of the log_softmax.
    out : ndarray, optional
        Where the result goes: the shape and dtype of `dy`. May be `dy` or `y` itself.

    Returns
    -------
    ndarray
        The shape and dtype of `dy`.

    Raises
    ------
    TypeError
        An argument is not real, or `out` has another dtype.
    ValueError
        `y` or `out` has another shape, or `out` overlaps a part of an input.
    numpy.exceptions.AxisError
        `dy` has no such axis.

    Notes
    -----
    The sum is compensated: the error is that of the exponential and the two last operations.

    Examples
    --------
    >>> import numpy as np, fastml
    >>> fastml.log_softmax_backward(np.array([1.0, 0.0]), np.log(np.array([0.25, 0.75])))
    array([ 0.75, -0.75])
    """
    return apply_backward(FASTML_LOG_SOFTMAX_BACKWARD, dy, y, axis, out)
