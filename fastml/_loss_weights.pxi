"""The sum of sample weights, which are checked on the way."""

from fastml._fastml_runtime cimport add_weights, kernels


cdef struct Weights:
    Chunks chunks
    Operand values


cdef void weights_task(void *context, ptrdiff_t chunk) noexcept nogil:
    """Add a chunk of weights up: inf where one of them is none."""
    cdef Weights *w = <Weights *>context
    cdef ptrdiff_t start = (w.chunks.first + chunk) * CHUNK, stop = min(start + CHUNK, w.chunks.n), n
    cdef double block[BLOCK]
    cdef double unused = 0
    cdef void *values
    while start < stop:
        n = min(<ptrdiff_t>BLOCK, stop - start)
        values = load(&w.values, FASTML_F64, start, n, block)
        if add_weights(values, FASTML_F64, n, &unused) < n:
            w.chunks.part[chunk][0] = INFINITY
            return
        kernels().sum[FASTML_F64](values, n, w.chunks.part[chunk])
        start += n


cdef double weight_total(str name, cnp.ndarray weights) except? -1:
    """Return the sum of weights, all of which must be finite and not negative."""
    cdef Weights w
    describe(&w.values, weights, FASTML_F64)
    cdef double total = run_chunks(weights_task, &w.chunks, cnp.PyArray_SIZE(weights), 1.0)
    if not isfinite(total):
        for index, value in np.ndenumerate(weights):
            if not (value >= 0 and np.isfinite(value)):
                where = f" at index {index[0] if len(index) == 1 else index}" if index else ""
                raise ValueError(f"{name}: expected finite numbers >= 0, got {value}{where}")
        raise ValueError(f"{name}: expected a finite sum, got {total}")
    return total
