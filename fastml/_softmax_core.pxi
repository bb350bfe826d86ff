"""The walk over the problems of an array, of _softmax.pyx."""

from cpython.exc cimport PyErr_CheckSignals
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport uint8_t

from fastml._fastml_runtime cimport (
    FASTML_ENTROPY, FASTML_LOG_SOFTMAX, FASTML_LOG_SOFTMAX_BACKWARD, FASTML_LOGSUMEXP, FASTML_SHORT_ROW, FASTML_SOFTMAX,
    FASTML_SOFTMAX_BACKWARD, fastml_problem, kernels, parallel_for,
)

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
    if p.base.where != NULL or not aligned or C == 0:   # of nothing, rows alone know what comes out
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
    cdef int k
    p.axes = 0
    p.columns = p.first_task = 0
    p.dtype = dtype_index(x)
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
