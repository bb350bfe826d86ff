"""The walk over the problems of cross_entropy, of _cross_entropy.pyx.

Problems are numbered in C order of the losses. Their losses go into a buffer in that order, a slice of problems at a
time, and are added up from there: so the sum depends neither on the layout of the logits nor on the threads.
"""

from cpython.exc cimport PyErr_CheckSignals
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memmove

from fastml._fastml_runtime cimport (
    FASTML_F32, FASTML_F64, FASTML_SHORT_ROW, FASTML_SUM_BLOCK, are_classes, fastml_cross_entropy, kernels,
    parallel_for,
)

cdef enum:
    COLUMNS_AT_LEAST = 8     # fewer side by side: one by one
    TASK_ELEMENTS = 16384
    TASK_ROWS = 256          # at most, of a call of a kernel for several problems
    SLICE_ROWS = 65536       # problems whose losses are in the buffer at once

# Estimated nanoseconds of an element of float64, and the most between two looks at pending signals.
cdef double ELEMENT_NS = 2.5, SLICE_NS = 50e6
# Below this the GIL is not worth giving up.
cdef double HOLD_NS = 20e3

cdef enum Layout:
    ROWS, SHORT_ROWS, COLUMNS


cdef struct Problems:
    fastml_cross_entropy base                         # the first of them
    int dtype, wide                                   # stored and computed
    Layout layout
    ptrdiff_t count, columns                          # problems, and how many of them side by side (COLUMNS)
    int axes
    ptrdiff_t size[MAX_AXES]                          # the axes of the losses, and their strides in bytes
    ptrdiff_t x_stride[MAX_AXES]
    ptrdiff_t gradient_stride[MAX_AXES]
    ptrdiff_t q_stride[MAX_AXES]
    Operand target, weight
    bint ignores
    int64_t ignore_index
    ptrdiff_t rows_per_task, tasks_per_row, first_task
    char *losses                                      # where that of problem `first` goes
    ptrdiff_t first


cdef inline ptrdiff_t item_size(int dtype) noexcept nogil:
    return 2 << dtype


cdef void load_targets(const Problems *p, ptrdiff_t start, ptrdiff_t n, int64_t *to) noexcept nogil:
    """Load classes; -1 where ignored, or no class: another thread may have changed it since it was examined.

    Its loss and gradient are 0 then, and "mean" divides by what was examined.
    """
    cdef ptrdiff_t i
    cdef uint64_t C = p.base.C
    gather(&p.target, INDEX, start, n, to)
    if p.ignores or not are_classes(to, n, C):
        for i in range(n):
            if <uint64_t>to[i] >= C or (p.ignores and to[i] == p.ignore_index):
                to[i] = -1


cdef void move_to(const Problems *p, ptrdiff_t row, fastml_cross_entropy *problem) noexcept nogil:
    """Move on to the row-th index of the axes."""
    cdef ptrdiff_t index
    cdef int axis
    for axis in range(p.axes - 1, -1, -1):
        index = row % p.size[axis]
        row //= p.size[axis]
        problem.x += index * p.x_stride[axis]
        if problem.gradient != NULL:
            problem.gradient += index * p.gradient_stride[axis]
        if problem.q != NULL:
            problem.q += index * p.q_stride[axis]


cdef void run_problems(const Problems *p, ptrdiff_t start, ptrdiff_t n) noexcept nogil:
    """Compute n <= TASK_ROWS problems that are side by side, or one after the other."""
    cdef fastml_cross_entropy problem = p.base, one
    cdef int64_t target[TASK_ROWS]
    cdef double weight[TASK_ROWS]            # double for its alignment
    cdef ptrdiff_t size = item_size(p.wide), r
    problem.loss = p.losses + (start - p.first) * size
    if problem.q == NULL:
        load_targets(p, start, n, target)
        problem.target = target
    problem.weight = load(&p.weight, p.wide, start, n, weight)
    if p.layout != ROWS:
        move_to(p, start, &problem)
        if p.layout == COLUMNS:
            kernels().cross_entropy_columns[p.dtype](&problem, n)
        else:
            kernels().cross_entropy_short[p.dtype](&problem, n)
        return
    for r in range(n):
        one = problem
        move_to(p, start + r, &one)
        one.loss = <char *>problem.loss + r * size
        one.target = target + r
        if problem.weight != NULL:
            one.weight = <const char *>problem.weight + r * size
        kernels().cross_entropy_row[p.dtype](&one)


cdef ptrdiff_t start_of(const Problems *p, ptrdiff_t task) noexcept nogil:
    """Return the first problem of a task."""
    if p.layout == COLUMNS:
        return min(p.count, task // p.tasks_per_row * p.columns + task % p.tasks_per_row * p.rows_per_task)
    return min(p.count, task * p.rows_per_task)


cdef void run_task(void *context, ptrdiff_t task) noexcept nogil:
    cdef const Problems *p = <const Problems *>context
    task += p.first_task
    cdef ptrdiff_t start = start_of(p, task), stop = start_of(p, task + 1), n
    while start < stop:
        n = min(<ptrdiff_t>TASK_ROWS, stop - start)
        run_problems(p, start, n)
        start += n


cdef ptrdiff_t task_rows(const Problems *p) noexcept nogil:
    """Return how many problems a task takes."""
    cdef ptrdiff_t rows = max(<ptrdiff_t>1, TASK_ELEMENTS // max(<ptrdiff_t>1, p.base.C))
    if p.layout == COLUMNS:
        return TASK_ROWS
    return (rows + 63) // 64 * 64 if p.layout == SHORT_ROWS else min(<ptrdiff_t>TASK_ROWS, rows)


cdef int run_all(Problems *p, bint keep, double *total) except -1:
    """Run every task, in slices with a look at pending signals between them.

    The losses are kept, all of them, or added to the total and given up; then the buffer holds
    SLICE_ROWS + TASK_ROWS + FASTML_SUM_BLOCK of them.
    """
    cdef ptrdiff_t tasks, slice_tasks, n, size = item_size(p.wide), filled = 0, whole, row_tasks
    cdef char *buffer = p.losses
    p.rows_per_task = task_rows(p)
    p.tasks_per_row = (p.columns + p.rows_per_task - 1) // p.rows_per_task
    row_tasks = p.tasks_per_row
    tasks = (p.count + p.rows_per_task - 1) // p.rows_per_task
    if p.layout == COLUMNS:
        tasks = p.count // p.columns * row_tasks
    cdef double task_ns = p.rows_per_task * (p.base.C + 5) * ELEMENT_NS
    if p.count * (p.base.C + 5) * ELEMENT_NS < HOLD_NS and (keep or p.count <= SLICE_ROWS):
        p.first = 0
        for n in range(tasks):
            run_task(p, n)
        if not keep:
            kernels().sum[p.wide](buffer, p.count, total)
        return 0
    slice_tasks = max(<ptrdiff_t>1, min(<ptrdiff_t>(SLICE_NS / (task_ns + 1)), SLICE_ROWS // p.rows_per_task))
    while p.first_task < tasks:
        p.first = start_of(p, p.first_task)
        n = min(slice_tasks, tasks - p.first_task)
        with nogil:
            parallel_for(run_task, p, n, n * task_ns)
            p.first_task += n
            n = start_of(p, p.first_task) - p.first
            if keep:
                p.losses += n * size
            else:
                filled += n
                whole = filled if p.first_task >= tasks else filled // FASTML_SUM_BLOCK * FASTML_SUM_BLOCK
                kernels().sum[p.wide](buffer, whole, total)
                filled -= whole
                memmove(buffer, buffer + whole * size, filled * size)
                p.losses = buffer + filled * size
        PyErr_CheckSignals()
    return 0
