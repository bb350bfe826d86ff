"""How _elementwise.pyx and _activations.pyx run a kernel, and their fast path."""

from cpython.exc cimport PyErr_CheckSignals
from libc.float cimport FLT_MAX
from libc.math cimport isfinite
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport uintptr_t

from fastml._fastml_runtime cimport kernels, parallel_for

import numpy as np

cdef enum:
    CHUNK = 16384        # elements of one parallel task: 64 or 128 KB an array
    LINE = 64            # bytes of a cache line
    ALIGN_FROM = 8192    # elements: fewer are in the first-level cache, where a second call of the kernel costs more
    MAX_INPUTS = 3

# Without a look at signals at most this long, in estimated nanoseconds of work.
cdef double SLICE_NS = 50e6


cdef struct Kernel:
    int inputs
    bint parameter       # the last of the inputs is a parameter, which may be one number for all elements
    int index            # in the table's unary, binary, unary_with or binary_with kernels
    double work_ns       # estimated, of one float64 element


cdef struct Call:
    Kernel *kernel
    int dtype
    const char *x[MAX_INPUTS]
    char *y
    ptrdiff_t n
    ptrdiff_t step       # of the parameter: 0 or 1 elements
    ptrdiff_t head       # elements before y reaches a cache line's start


cdef inline int item_size(int dtype) noexcept nogil:
    return 2 << dtype


cdef inline double work(const Call *call) noexcept nogil:
    return call.n * call.kernel.work_ns * (1.0 if call.dtype == FASTML_F64 else 0.5)


cdef inline void run(const Call *call, ptrdiff_t start, ptrdiff_t n) noexcept nogil:
    """Compute elements [start, start + n)."""
    cdef ptrdiff_t offset = start * item_size(call.dtype)
    cdef int index = call.kernel.index, dtype = call.dtype
    cdef const char *x = call.x[0] + offset
    cdef const char *x2 = call.x[1] + offset
    cdef char *y = call.y + offset
    if not call.kernel.parameter:
        if call.kernel.inputs == 1:
            kernels().unary[index][dtype](x, y, n)
        else:
            kernels().binary[index][dtype](x, x2, y, n)
    elif call.kernel.inputs == 2:
        kernels().unary_with[index][dtype](x, call.x[1] + offset * call.step, y, n, call.step)
    else:
        kernels().binary_with[index][dtype](x, x2, call.x[2] + offset * call.step, y, n, call.step)


cdef void run_chunk(void *context, ptrdiff_t chunk) noexcept nogil:
    cdef const Call *call = <const Call *>context
    cdef ptrdiff_t start = call.head + chunk * CHUNK
    if chunk == 0 and call.head:
        run(call, 0, call.head)
    run(call, start, min(<ptrdiff_t>CHUNK, call.n - start))


cdef inline void run_parallel(Call *call) noexcept nogil:
    """Run in chunks that begin where a cache line of the result does: a vector stored across two lines costs as two.

    That was a fifth of the time of relu in the second-level cache. float16, stored from a block, has no use for it.
    """
    call.head = 0
    if call.n >= ALIGN_FROM and call.dtype != FASTML_F16:
        call.head = (-<ptrdiff_t><uintptr_t>call.y & (LINE - 1)) // item_size(call.dtype)
    parallel_for(run_chunk, call, (call.n - call.head + CHUNK - 1) // CHUNK, work(call))


cdef void run_interruptible(Call call) except *:
    """Run in slices of at most SLICE_NS of work, with a look at pending signals between them."""
    cdef ptrdiff_t total = call.n, done = 0, slice_n, offset
    cdef int k, last = call.kernel.inputs - 1
    cdef double per_element = work(&call) / total
    slice_n = max(<ptrdiff_t>CHUNK, <ptrdiff_t>(SLICE_NS / per_element) // CHUNK * CHUNK)
    while done < total:
        call.n = min(slice_n, total - done)
        with nogil:
            run_parallel(&call)
        done += call.n
        offset = call.n * item_size(call.dtype)
        for k in range(last):
            call.x[k] += offset
        call.x[last] += offset * call.step if call.kernel.parameter else offset
        call.y += offset
        if done < total:
            PyErr_CheckSignals()


# The fast path.

cdef object FLOAT32 = np.float32, FLOAT64 = np.float64

cdef union Number:
    float single
    double wide


cdef inline bint read_number(object value, int dtype, Number *number) except? False:
    """Take a Python number, or a NumPy scalar of the dtype, as one parameter for all, unless only the ufunc can."""
    cdef double v
    if type(value) in (float, int, bool):
        v = value
    elif type(value) is FLOAT64 and dtype == FASTML_F64:
        v = value
    elif type(value) is FLOAT32 and dtype == FASTML_F32:
        v = value
    else:
        return False
    if dtype == FASTML_F64:
        number.wide = v
    elif dtype == FASTML_F32 and not (isfinite(v) and abs(v) > FLT_MAX):  # NumPy warns of the overflow
        number.single = <float>v
    else:
        return False
    return True


cdef inline bint takes_inputs(Kernel *kernel, int dtype, object x, object x2, object x3, Call *call,
                              Number *number) except *:
    """Fill in where the inputs are, unless only the ufunc can read them."""
    cdef object given
    cdef int k, kind
    for k in range(1, kernel.inputs):
        given = x2 if k == 1 else x3
        if k == kernel.inputs - 1 and kernel.parameter:
            if read_number(given, dtype, number):
                call.step = 0
                call.x[k] = <const char *>number
                continue
        if dense_dtype(given) != dtype or not same_layout(x, given):
            return False
        call.x[k] = <const char *>cnp.PyArray_DATA(given)
    return True


cdef inline bint keeps_apart(Kernel *kernel, object x2, object x3, object out) noexcept:
    """Whether out shares all its memory or none with each further input that is an array."""
    return ((kernel.inputs < 2 or not PyArray_CheckExact(x2) or apart_or_same(x2, out))
            and (kernel.inputs < 3 or not PyArray_CheckExact(x3) or apart_or_same(x3, out)))


cdef inline object fast_call(Kernel *kernel, object x, object x2, object x3, object out):
    """Return the result, or None where only the ufunc can give it."""
    cdef int dtype = dense_dtype(x)
    cdef Call call
    cdef Number number
    call.x[1] = NULL
    call.step = 1
    if dtype < 0 or not takes_inputs(kernel, dtype, x, x2, x3, &call, &number):
        return None
    if out is None:
        out = PyArray_EMPTY(cnp.PyArray_NDIM(x), cnp.PyArray_DIMS(x), PyArray_TYPE(x), not PyArray_ISCARRAY_RO(x))
    elif not takes_result(out, x) or not keeps_apart(kernel, x2, x3, out):
        return None
    call.kernel = kernel
    call.dtype = dtype
    call.x[0] = <const char *>cnp.PyArray_DATA(x)
    call.y = <char *>cnp.PyArray_DATA(out)
    call.n = cnp.PyArray_SIZE(x)
    if call.n <= CHUNK:
        run(&call, 0, call.n)
    else:
        run_interruptible(call)
    return out


cdef as_float(x):
    """Integers and bool to float64, Python numbers left weak; what may override NumPy functions is passed through."""
    if type(x) in (bool, int, float):
        return float(x)
    if not hasattr(x, "__array_ufunc__"):
        x = np.asarray(x)
    return x.astype(np.float64) if isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind in "biu" else x


cdef ufunc_call(ufunc, tuple inputs, out, where, dtype, casting, order, subok):
    keywords = {"dtype": dtype, "casting": casting, "order": order, "subok": subok}
    keywords = {name: value for name, value in keywords.items() if value is not None}
    if where is not True:
        keywords["where"] = where
    if dtype is None:
        inputs = tuple(as_float(x) for x in inputs)
    return ufunc(*inputs, out=out, **keywords)


cdef inline object apply(Kernel *kernel, object ufunc, object x, object x2, object x3, object out, object where,
                         object dtype, object casting, object order, object subok):
    if where is True and dtype is None and casting is None and order is None and subok is None:
        result = fast_call(kernel, x, x2, x3, out)
        if result is not None:
            return result
    return ufunc_call(ufunc, (x, x2, x3)[:kernel.inputs], out, where, dtype, casting, order, subok)
