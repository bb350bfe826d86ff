"""From Python arguments to the kernels of the optimizer steps."""

from libc.math cimport sqrt

from fastml._fastml_runtime cimport fastml_adam, fastml_sgd, kernels

from fastml._arguments import finite, integer
from fastml._optimizer_arguments import fraction, step_arrays

# Estimated nanoseconds of an element of float64, out of cache.
cdef double SGD_NS = 2.0, ADAM_NS = 4.0


cdef struct Step:
    ptrdiff_t n
    int dtype
    bint is_adam, direct     # direct: all arrays are
    fastml_sgd sgd
    fastml_adam adam
    Operand grad, param, first, second   # first: velocity, or m; second: v


cdef void step_block(Step *s, const void *grad, void *param, void *first, void *second, ptrdiff_t n) noexcept nogil:
    if s.is_adam:
        kernels().adam_step[s.dtype](&s.adam, grad, param, first, second, n)
    else:
        kernels().sgd_step[s.dtype](&s.sgd, grad, param, first, n)


cdef void step_task(void *context, ptrdiff_t chunk) noexcept nogil:
    cdef Step *s = <Step *>context
    cdef ptrdiff_t start = chunk * CHUNK, stop = min(start + CHUNK, s.n), n
    cdef ptrdiff_t most = CHUNK if s.direct else BLOCK
    cdef double blocks[4][BLOCK]
    cdef void *param
    cdef void *first
    cdef void *second
    while start < stop:
        n = min(most, stop - start)
        param = load(&s.param, s.dtype, start, n, blocks[1])
        first = load(&s.first, s.dtype, start, n, blocks[2])
        second = load(&s.second, s.dtype, start, n, blocks[3])
        step_block(s, load(&s.grad, s.dtype, start, n, blocks[0]), param, first, second, n)
        if not s.param.direct:
            unload(&s.param, s.dtype, start, n, param)
        if not s.first.direct:
            unload(&s.first, s.dtype, start, n, first)
        if not s.second.direct:
            unload(&s.second, s.dtype, start, n, second)
        start += n


cdef int run_step(Step *s, object grad, object param, object first, object second) except -1:
    """Step arrays that have been checked. A step is never left half done: no look at signals."""
    cdef double ns = (ADAM_NS if s.is_adam else SGD_NS) * (1.0 if s.dtype == FASTML_F64 else 0.5)
    describe(&s.grad, grad, s.dtype)
    describe(&s.param, param, s.dtype)
    describe(&s.first, first, s.dtype)
    describe(&s.second, second, s.dtype)
    s.n = cnp.PyArray_SIZE(param)
    s.direct = s.grad.direct and s.param.direct and s.first.direct and s.second.direct
    with nogil:
        parallel_for(step_task, s, (s.n + CHUNK - 1) // CHUNK, s.n * ns)
    return 0


cdef inline bint is_like(object x, cnp.ndarray param) noexcept:
    """Whether a dense array can be stepped along with a dense param, element by element in memory."""
    return dense_dtype(x) >= 0 and same_layout(x, param) and apart(x, param)


cdef inline bint is_state(object x, cnp.ndarray param) noexcept:
    return is_like(x, param) and PyArray_ISWRITEABLE(x)


cdef inline void *data_of(object x) noexcept:
    return NULL if x is None else cnp.PyArray_DATA(x)


cdef inline double at_least_0(str name, object value) except? -1:
    if type(value) is float and 0 <= <double>value < INFINITY:
        return value
    return finite(name, value, least=0)


cdef inline double below_1(str name, object value) except? -1:
    if type(value) is float and 0 <= <double>value < 1:
        return value
    return fraction(name, value)


cdef inline unsigned long long step_of(object step) except? 0:
    """Return the step's number; from 2 ** 63 on nothing is left to correct."""
    if type(step) is not int or not 0 < step < 2 ** 63:
        step = min(integer("step", step, least=1), 2 ** 63)
    return step


cdef double correction(double beta, unsigned long long step) noexcept:
    """Return 1 - beta ** step, without cancellation and the same on every machine."""
    cdef double result = 0, power = 1 - beta   # 1 - beta ** (2 ** bit)
    while step:
        if step & 1:
            result += power * (1 - result)
        power *= 2 - power
        step >>= 1
    return result


cdef object step_all(Step *s, object grad, object param, object first, object second):
    """Step dense arrays of one layout in the order in which they lie, all others in that of param."""
    cdef bint dense
    s.dtype = dense_dtype(param)
    dense = s.dtype >= FASTML_F32 and PyArray_ISWRITEABLE(param) and is_like(grad, param)
    if dense and (s.is_adam or first is not None):
        dense = is_state(first, param) and apart(first, grad)
    if dense and s.is_adam:
        dense = is_state(second, param) and apart(second, grad) and apart(second, first)
    if dense and cnp.PyArray_SIZE(param) * (ADAM_NS if s.is_adam else SGD_NS) < HOLD_NS:
        step_block(s, cnp.PyArray_DATA(grad), cnp.PyArray_DATA(param), data_of(first), data_of(second),
                   cnp.PyArray_SIZE(param))
        return None
    if not dense and s.is_adam:
        grad, param, first, second = step_arrays(param, grad, m=first, v=second)
    elif not dense and first is not None:
        grad, param, first = step_arrays(param, grad, velocity=first)
    elif not dense:
        grad, param = step_arrays(param, grad)
    elif not PyArray_ISCARRAY_RO(param):
        grad, param = grad.T, param.T
        first, second = None if first is None else first.T, None if second is None else second.T
    s.dtype = dtype_index(param)
    run_step(s, grad, param, first, second)
    return None
