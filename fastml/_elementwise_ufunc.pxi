"""The ufuncs: their inner loop over the kernels, and their making."""

from libc.stdint cimport uint16_t, uint32_t, uint64_t

cnp.import_umath()

cdef enum:
    BLOCK = 512          # elements gathered at once in strided loops


cdef struct Loop:        # which kernel, for which dtype
    Kernel *kernel
    int dtype


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


cdef void strided_loop(Call call, char **args, const cnp.npy_intp *steps) noexcept nogil:
    """Gather a block of each input, compute, and scatter the results."""
    cdef int size = item_size(call.dtype), inputs = call.kernel.inputs, k
    cdef ptrdiff_t start = 0, count, n = call.n
    cdef uint64_t x[MAX_INPUTS][BLOCK]
    cdef uint64_t y[BLOCK]
    for k in range(inputs):
        call.x[k] = <const char *>x[k]
    call.y = <char *>y
    call.step = 1
    while start < n:
        count = min(<ptrdiff_t>BLOCK, n - start)
        for k in range(inputs):
            copy_strided(<char *>x[k], size, args[k] + start * steps[k], steps[k], count, size)
        run(&call, 0, count)
        copy_strided(args[inputs] + start * steps[inputs], steps[inputs], <char *>y, size, count, size)
        start += count


cdef void ufunc_loop(char **args, const cnp.npy_intp *dimensions, const cnp.npy_intp *steps, void *data) noexcept nogil:
    cdef const Loop *loop = <const Loop *>data
    cdef int size = item_size(loop.dtype), inputs = loop.kernel.inputs, k
    cdef ptrdiff_t n = dimensions[0], start
    cdef Call call = Call(loop.kernel, loop.dtype, [NULL, NULL, NULL], args[inputs], n, 1)
    cdef bint dense = steps[inputs] == size
    if feeds_back(args, n, steps, inputs, size):
        for start in range(n):
            for k in range(inputs):
                call.x[k] = args[k] + start * steps[k]
            call.y = args[inputs] + start * steps[inputs]
            run(&call, 0, 1)
        return
    for k in range(inputs):
        call.x[k] = args[k]
        if k == inputs - 1 and loop.kernel.parameter and steps[k] == 0:
            call.step = 0
        elif steps[k] != size:
            dense = False
    if n == 1 or dense and n <= CHUNK:
        run(&call, 0, n)
    elif dense:
        run_parallel(&call)
    else:
        strided_loop(call, args, steps)


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
