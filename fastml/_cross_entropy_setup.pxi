"""From arguments to the problems of _cross_entropy_core.pxi, and what is checked before anything is written."""

from libc.math cimport INFINITY, isfinite

from fastml._fastml_runtime cimport add_weights

import operator

import numpy as np

from fastml._arguments import as_array, axis_index, finite, native, real_array
from fastml._fastml_runtime import kind_of
from fastml._loss_arguments import check_gradient, of_shape, reduction_index, sample_weights, spread

# Places in REDUCTIONS.
cdef enum:
    MEAN, SUM, NONE


cdef inline bint ends_apart(cnp.ndarray a, cnp.ndarray b) noexcept:
    """Whether the memory of a dense array ends before that of another begins, or the other way round."""
    cdef uintptr_t p = <uintptr_t>cnp.PyArray_DATA(a), q = <uintptr_t>cnp.PyArray_DATA(b)
    return PyArray_ISCARRAY_RO(b) and (p + cnp.PyArray_NBYTES(a) <= q or q + cnp.PyArray_NBYTES(b) <= p)


cdef inline char *data_of(cnp.ndarray array) noexcept:
    return <char *>cnp.PyArray_DATA(array)


cdef checked_target(target, full_shape, shape):
    """Return the targets as a native array of integers, of the losses' shape, or of floats, of the logits'."""
    target = native(as_array("target", target))
    if target.dtype.kind not in "iuf" or kind_of(target.dtype) < 0:
        raise TypeError(f"target: expected integers (classes) or floats (probabilities), got dtype {target.dtype}")
    expected, what = (full_shape, "probabilities") if target.dtype.kind == "f" else (shape, "classes")
    if target.shape != expected:
        raise ValueError(f"target: expected shape {expected} for {what} of dtype {target.dtype}, got {target.shape}")
    return target


cdef checked_class_weight(class_weight, ptrdiff_t C, int wide):
    """Return the weights as float64 and as the dtype that computes."""
    values = of_shape("class_weight", class_weight, (C,)).astype(np.float64)
    with np.errstate(all="ignore"):
        narrow = values if wide == FASTML_F64 else values.astype(np.float32)
    good = (values >= 0) & np.isfinite(narrow)
    if not good.all():
        refuse("class_weight", f"numbers >= 0, finite in {narrow.dtype}", values, good.argmin())
    return values, narrow


cdef double smoothing_of(label_smoothing) except -1:
    exact = type(label_smoothing) is float
    cdef double value = label_smoothing if exact else finite("label_smoothing", label_smoothing)
    if not 0 <= value <= 1:
        raise ValueError(f"label_smoothing: expected a number in [0, 1], got {label_smoothing}")
    return value


cdef int set_ignored(Problems *p, ignore_index, target, bint probabilities) except -1:
    p.ignores = ignore_index is not None
    p.ignore_index = 0
    if not p.ignores:
        return 0
    if probabilities:
        raise ValueError(f"ignore_index: expected None where the targets are probabilities, got {ignore_index}")
    try:
        number = None if isinstance(ignore_index, bool) else operator.index(ignore_index)
    except TypeError:
        number = None
    if number is None:
        raise TypeError(f"ignore_index: expected an integer, got {type(ignore_index).__name__}")
    lowest = 0 if target.dtype == np.uint64 else -2**63         # uint64 is read as int64, modulo 2^64
    p.ignores = lowest <= number < lowest + 2**64 and (lowest == 0 or number < 2**63)
    p.ignore_index = (number if number < 2**63 else number - 2**64) if p.ignores else 0
    return 0


cdef buffer_for(Problems *p, shape, bint keep):
    """Return an array for the losses of all problems, or of a slice of them."""
    cdef cnp.npy_intp size = min(p.count, <ptrdiff_t>(SLICE_ROWS + TASK_ROWS + FASTML_SUM_BLOCK))
    cdef int kind = cnp.NPY_DOUBLE if p.wide == FASTML_F64 else cnp.NPY_FLOAT
    cdef cnp.ndarray losses = PyArray_EMPTY(1, &size, kind, 0)
    if keep:
        losses = np.empty(shape, losses.dtype)
    p.losses = data_of(losses)
    return losses


cdef void add_axis(Problems *p, ptrdiff_t size, ptrdiff_t x, ptrdiff_t gradient, ptrdiff_t q) noexcept:
    """Append an axis of the losses, or lengthen the last one where memory continues it."""
    cdef int last = p.axes - 1
    if size == 1:
        return
    if (last >= 0 and p.x_stride[last] == size * x and p.gradient_stride[last] == size * gradient
            and p.q_stride[last] == size * q):
        p.size[last] *= size
    else:
        last += 1
        p.axes += 1
        p.size[last] = size
    p.x_stride[last] = x
    p.gradient_stride[last] = gradient
    p.q_stride[last] = q


cdef inline ptrdiff_t stride(cnp.ndarray array, int axis) noexcept:
    return 0 if array is None else cnp.PyArray_STRIDE(array, axis)


cdef void choose_layout(Problems *p, bint aligned) noexcept:
    """Take the best kernel that this layout allows."""
    cdef ptrdiff_t size = item_size(p.dtype), C = p.base.C, length = C * size
    cdef bint gradient = p.base.gradient != NULL
    cdef int last = p.axes - 1
    p.layout = ROWS
    p.columns = 0
    if not aligned or last < 0:
        return
    p.base.q_next = p.q_stride[last]
    if (C <= FASTML_SHORT_ROW // (2 if p.dtype == FASTML_F64 else 1) and p.axes == 1
            and (C == 1 or p.base.x_step == size) and p.x_stride[0] == length
            and (not gradient or (C == 1 or p.base.gradient_step == size) and p.gradient_stride[0] == length)):
        p.layout = SHORT_ROWS
    elif (p.x_stride[last] == size and p.base.x_step % size == 0 and p.size[last] >= COLUMNS_AT_LEAST
            and (not gradient or p.gradient_stride[last] == size and p.base.gradient_step % size == 0)):
        p.layout = COLUMNS
        p.columns = p.size[last]


cdef int set_problems(Problems *p, cnp.ndarray x, cnp.ndarray gradient, cnp.ndarray target, cnp.ndarray weight,
                      bint probabilities, int axis) except -1:
    """Fill in where everything is."""
    cdef int k
    cdef cnp.ndarray q = target if probabilities else None
    p.dtype = dtype_index(x)
    p.wide = FASTML_F64 if p.dtype == FASTML_F64 else FASTML_F32
    p.axes = 0
    p.first_task = 0
    p.count = 1
    p.base.x = <const char *>cnp.PyArray_DATA(x)
    p.base.gradient = NULL if gradient is None else <char *>cnp.PyArray_DATA(gradient)
    p.base.q = NULL if q is None else <const char *>cnp.PyArray_DATA(q)
    p.base.q_kind = -1 if q is None else kind_of(q.dtype)
    p.base.target = NULL
    p.base.weight = NULL
    p.base.C = cnp.PyArray_DIM(x, axis)
    p.base.x_step, p.base.gradient_step, p.base.q_step = stride(x, axis), stride(gradient, axis), stride(q, axis)
    p.base.q_next = 0
    for k in range(cnp.PyArray_NDIM(x)):
        if k != axis:
            p.count *= cnp.PyArray_DIM(x, k)
            add_axis(p, cnp.PyArray_DIM(x, k), stride(x, k), stride(gradient, k), stride(q, k))
    describe(&p.target, None if probabilities else target, p.wide)
    describe(&p.weight, weight, p.wide)
    choose_layout(p, PyArray_ISALIGNED(x) and (gradient is None or PyArray_ISALIGNED(gradient)))
    return 0


cdef ptrdiff_t first_bad_weight(const Problems *p, ptrdiff_t start, ptrdiff_t n, double *weight) noexcept nogil:
    """Load weights; return how many stand before the first that is negative, infinite or NaN in either dtype."""
    cdef double total = 0
    cdef float narrow[FASTML_SUM_BLOCK]
    gather(&p.weight, FASTML_F64, start, n, weight)
    cdef ptrdiff_t good = add_weights(weight, FASTML_F64, n, &total)
    if good == n and p.wide == FASTML_F32:
        gather(&p.weight, FASTML_F32, start, n, narrow)
        good = add_weights(narrow, FASTML_F32, n, &total)
    return good


cdef int examine_block(const Problems *p, const double *class_weight, ptrdiff_t start, ptrdiff_t n, double *total,
                       ptrdiff_t *bad_target, ptrdiff_t *bad_weight) noexcept nogil:
    """Check problems [start, start + n); add their weights to the total. Returns 0, or -1 at something bad."""
    cdef int64_t target[FASTML_SUM_BLOCK]
    cdef double weight[FASTML_SUM_BLOCK]
    cdef ptrdiff_t i
    cdef bint counts = p.weight.data == NULL and class_weight == NULL and not p.ignores
    if p.weight.data == NULL:
        for i in range(0 if counts else n):
            weight[i] = 1
    else:
        i = first_bad_weight(p, start, n, weight)
        if i < n:
            bad_weight[0] = start + i
            return -1
    if p.target.data != NULL:
        gather(&p.target, INDEX, start, n, target)
        for i in range(n if p.ignores else 0):
            if target[i] == p.ignore_index:
                target[i] = 0
                weight[i] = 0
        if p.base.C == 0 or not are_classes(target, n, p.base.C):
            for i in range(n):
                if not are_classes(target + i, 1, p.base.C) and not (p.ignores and weight[i] == 0 and target[i] == 0):
                    bad_target[0] = start + i
                    return -1
        for i in range(n if class_weight != NULL and p.base.C > 0 else 0):  # of no classes all are ignored
            weight[i] *= class_weight[target[i]]
    if counts:
        total[0] += n
    else:
        kernels().sum[FASTML_F64](weight, n, total)
    return 0


cdef int refuse(str name, str expected, array, number) except -1:
    """Name the element that is bad, and where it stands."""
    index = tuple(map(int, np.unravel_index(number, array.shape)))
    where = f" at index {index[0] if len(index) == 1 else index}" if index else ""
    raise ValueError(f"{name}: expected {expected}, got {array[index]}{where}")


cdef double examine(const Problems *p, const double *class_weight, object target, object sample_weight) except -1:
    """Check targets and sample weights; return what "mean" divides by."""
    cdef double total[2]
    cdef ptrdiff_t start = 0, stop, bad_target = -1, bad_weight = -1
    total[0] = total[1] = 0
    while start < p.count:
        stop = min(p.count, start + (<ptrdiff_t>1 << 20))
        with nogil:
            while start < stop:
                if examine_block(p, class_weight, start, min(<ptrdiff_t>FASTML_SUM_BLOCK, stop - start), total,
                                 &bad_target, &bad_weight):
                    break
                start += FASTML_SUM_BLOCK
        if bad_target >= 0:
            refuse("target", f"classes in [0, {p.base.C})", target, bad_target)
        if bad_weight >= 0:
            dtype = "float64" if p.wide == FASTML_F64 else "float32"
            refuse("sample_weight", f"numbers >= 0, finite in {dtype}", sample_weight, bad_weight)
        PyErr_CheckSignals()
    return total[0] + total[1]
