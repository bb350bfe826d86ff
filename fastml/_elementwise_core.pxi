"""The fast path and the ufuncs' inner loop of _elementwise.pyx."""

from cpython.exc cimport PyErr_CheckSignals
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport uint16_t, uint32_t, uint64_t

from fastml._fastml_runtime cimport (
    FASTML_RELU, FASTML_RELU_BACKWARD, FASTML_SIGMOID, FASTML_SIGMOID_BACKWARD, FASTML_TANH, FASTML_TANH_BACKWARD,
    kernels, parallel_for,
)

import numpy as np

cnp.import_umath()

cdef enum:
    CHUNK = 16384        # elements of one parallel task: 64 or 128 KB an array
    BLOCK = 512          # elements gathered at once in strided loops
    MAX_INPUTS = 2

# Without a look at signals at most this long, in estimated nanoseconds of work.
cdef double SLICE_NS = 50e6


cdef struct Kernel:
    int inputs
    int index            # in the table's unary or binary kernels
    double work_ns       # estimated, of one float64 element


cdef struct Loop:        # a ufunc's inner loop: which kernel, for which dtype
    Kernel *kernel
    int dtype

cdef struct Call:
    Kernel *kernel
    int dtype
    const char *x[MAX_INPUTS]
    char *y
    ptrdiff_t n

cdef Kernel SIGMOID = Kernel(1, FASTML_SIGMOID, 0.9)
cdef Kernel TANH = Kernel(1, FASTML_TANH, 1.3)
cdef Kernel RELU = Kernel(1, FASTML_RELU, 0.4)
cdef Kernel SIGMOID_BACKWARD = Kernel(2, FASTML_SIGMOID_BACKWARD, 0.6)
cdef Kernel TANH_BACKWARD = Kernel(2, FASTML_TANH_BACKWARD, 0.6)
cdef Kernel RELU_BACKWARD = Kernel(2, FASTML_RELU_BACKWARD, 0.6)


cdef inline int item_size(int dtype) noexcept nogil:
    return 2 << dtype


cdef inline double work(const Call *call) noexcept nogil:
    return call.n * call.kernel.work_ns * (1.0 if call.dtype == FASTML_F64 else 0.5)


cdef inline void run(const Call *call, ptrdiff_t start, ptrdiff_t n) noexcept nogil:
    """Compute elements [start, start + n)."""
    cdef ptrdiff_t offset = start * item_size(call.dtype)
    if call.kernel.inputs == 1:
        kernels().unary[call.kernel.index][call.dtype](call.x[0] + offset, call.y + offset, n)
    else:
        kernels().binary[call.kernel.index][call.dtype](call.x[0] + offset, call.x[1] + offset, call.y + offset, n)


cdef void run_chunk(void *context, ptrdiff_t chunk) noexcept nogil:
    cdef const Call *call = <const Call *>context
    cdef ptrdiff_t start = chunk * CHUNK
    run(call, start, min(<ptrdiff_t>CHUNK, call.n - start))


cdef inline void run_parallel(Call *call) noexcept nogil:
    parallel_for(run_chunk, call, (call.n + CHUNK - 1) // CHUNK, work(call))


cdef void run_interruptible(Call call) except *:
    """Run in slices of at most SLICE_NS of work, with a look at pending signals between them."""
    cdef ptrdiff_t total = call.n, done = 0, slice_n, offset
    cdef double per_element = work(&call) / total
    slice_n = max(<ptrdiff_t>CHUNK, <ptrdiff_t>(SLICE_NS / per_element) // CHUNK * CHUNK)
    while done < total:
        call.n = min(slice_n, total - done)
        with nogil:
            run_parallel(&call)
        done += call.n
        offset = call.n * item_size(call.dtype)
        call.x[0] += offset
        call.x[1] += offset
        call.y += offset
        if done < total:
            PyErr_CheckSignals()


# The inner loop of the ufuncs.

cdef inline void copy_strided(char *to, ptrdiff_t to_step, const char *source, ptrdiff_t source_step, ptrdiff_t n,
                              int size) noexcept nogil:
    cdef ptrdiff_t i
    if size == 2:
        for i in range(n):
            (<uint16_t *>(to + i * to_step))[0] = (<const uint16_t *>(source + i * source_step))[0]
    elif size == 4:
        for i in range(n):
            (<uint32_t *>(to + i * to_step))[0] = (<const uint32_t *>(source + i * source_step))[0]
    else:
        for i in range(n):
            (<uint64_t *>(to + i * to_step))[0] = (<const uint64_t *>(source + i * source_step))[0]


cdef inline bint feeds_back(char **args, ptrdiff_t n, const cnp.npy_intp *steps, int inputs, int size) noexcept nogil:
    """Whether an element's result is another's input, as in reduce and accumulate."""
    cdef uintptr_t out_low = <uintptr_t>args[inputs], out_high = out_low, low, high
    cdef ptrdiff_t length = (n - 1) * steps[inputs]
    cdef int k
    if n > 1 and steps[inputs] == 0:
        return True
    if length < 0:
        out_low += length
    else:
        out_high += length
    for k in range(inputs):
        if args[k] == args[inputs] and steps[k] == steps[inputs]:
            continue
        low = high = <uintptr_t>args[k]
        length = (n - 1) * steps[k]
        if length < 0:
            low += length
        else:
            high += length
        if low < out_high + size and out_low < high + size:
            return True
    return False


cdef void ufunc_loop(char **args, const cnp.npy_intp *dimensions, const cnp.npy_intp *steps, void *data) noexcept nogil:
    cdef const Loop *loop = <const Loop *>data
    cdef int size = item_size(loop.dtype), inputs = loop.kernel.inputs, k
    cdef ptrdiff_t n = dimensions[0], start, count
    cdef Call call = Call(loop.kernel, loop.dtype, [args[0], args[1]], args[inputs], n)
    cdef bint dense = steps[0] == size and steps[1] == size and steps[inputs] == size
    cdef uint64_t x[MAX_INPUTS][BLOCK]
    cdef uint64_t y[BLOCK]
    if feeds_back(args, n, steps, inputs, size):
        for start in range(n):
            call.x[0] = args[0] + start * steps[0]
            call.x[1] = args[1] + start * steps[1]
            call.y = args[inputs] + start * steps[inputs]
            run(&call, 0, 1)
        return
    if n == 1 or dense and n <= CHUNK:
        run(&call, 0, n)
        return
    if dense:
        run_parallel(&call)
        return
    start = 0
    while start < n:
        count = min(<ptrdiff_t>BLOCK, n - start)
        for k in range(inputs):
            copy_strided(<char *>x[k], size, args[k] + start * steps[k], steps[k], count, size)
        call = Call(loop.kernel, loop.dtype, [<char *>x[0], <char *>x[1]], <char *>y, count)
        run(&call, 0, count)
        copy_strided(args[inputs] + start * steps[inputs], steps[inputs], <char *>y, size, count, size)
        start += count


cdef enum:
    MAX_UFUNCS = 32

cdef Loop loops[MAX_UFUNCS][3]
cdef void *loop_data[MAX_UFUNCS][3]
cdef cnp.PyUFuncGenericFunction loop_functions[3]
cdef char loop_types[MAX_UFUNCS][3 * (MAX_INPUTS + 1)]
ufunc_texts = []         # names and docstrings, which NumPy does not copy


cdef make_ufunc(Kernel *kernel, function):
    """Return the ufunc with the name, the docstring and the kernel of a function of this module."""
    cdef int slot = len(ufunc_texts), operands = kernel.inputs + 1, dtype, operand
    if slot == MAX_UFUNCS or kernel.inputs > MAX_INPUTS:
        raise SystemError("more ufuncs, or more inputs, than there are tables for")
    doc = function.__doc__.replace("Integers and bool become float64.", "Integers and bool: NumPy's promotion.")
    name, doc = function.__name__.encode(), doc.encode()
    ufunc_texts.append((name, doc))
    for dtype, kind in enumerate((NPY_HALF, cnp.NPY_FLOAT, cnp.NPY_DOUBLE)):
        loops[slot][dtype] = Loop(kernel, dtype)
        loop_data[slot][dtype] = &loops[slot][dtype]
        loop_functions[dtype] = <cnp.PyUFuncGenericFunction>ufunc_loop
        for operand in range(operands):
            loop_types[slot][dtype * operands + operand] = kind
    return cnp.PyUFunc_FromFuncAndData(loop_functions, loop_data[slot], loop_types[slot], 3, kernel.inputs, 1,
                                       cnp.PyUFunc_None, name, doc, 0)


# The fast path.

cdef inline object fast_call(Kernel *kernel, object x, object x2, object out):
    """Return the result, or None where only the ufunc can give it."""
    cdef int dtype = dense_dtype(x)
    cdef Call call
    if dtype < 0:
        return None
    if kernel.inputs == 2 and (dense_dtype(x2) != dtype or not same_layout(x, x2)):
        return None
    if out is None:
        out = PyArray_EMPTY(cnp.PyArray_NDIM(x), cnp.PyArray_DIMS(x), PyArray_TYPE(x), not PyArray_ISCARRAY_RO(x))
    elif not takes_result(out, x) or (kernel.inputs == 2 and not apart_or_same(x2, out)):
        return None
    call.kernel = kernel
    call.dtype = dtype
    call.x[0] = <const char *>cnp.PyArray_DATA(x)
    call.x[1] = <const char *>cnp.PyArray_DATA(x2) if kernel.inputs == 2 else NULL
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


cdef inline object apply(Kernel *kernel, object ufunc, object x, object x2, object out, object where, object dtype,
                         object casting, object order, object subok):
    if where is True and dtype is None and casting is None and order is None and subok is None:
        result = fast_call(kernel, x, x2, out)
        if result is not None:
            return result
    return ufunc_call(ufunc, (x,) if kernel.inputs == 1 else (x, x2), out, where, dtype, casting, order, subok)
