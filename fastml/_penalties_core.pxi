"""From Python arguments to the kernels of the penalties."""

from fastml._fastml_runtime cimport FASTML_L1_PENALTY, FASTML_L2_PENALTY

from fastml._arguments import real_array
from fastml._optimizer_arguments import check_slope

# Estimated nanoseconds of an element of float64.
cdef double PENALTY_NS = 0.8


cdef struct Penalty:
    Chunks chunks
    int kind, dtype
    double strength
    bint accumulate, direct
    Operand w, gradient


cdef void penalty_task(void *context, ptrdiff_t chunk) noexcept nogil:
    cdef Penalty *p = <Penalty *>context
    cdef ptrdiff_t start = (p.chunks.first + chunk) * CHUNK, stop = min(start + CHUNK, p.chunks.n), n
    cdef ptrdiff_t most = CHUNK if p.direct else BLOCK
    cdef double blocks[2][BLOCK]
    cdef void *gradient
    while start < stop:
        n = min(most, stop - start)
        gradient = load(&p.gradient, p.dtype, start, n if p.accumulate else 0, blocks[1])
        kernels().penalty[p.kind][p.dtype](load(&p.w, p.dtype, start, n, blocks[0]), gradient, n, p.strength,
                                           p.accumulate, p.chunks.part[chunk])
        if not p.gradient.direct:
            unload(&p.gradient, p.dtype, start, n, gradient)
        start += n


cdef object penalty(int kind, object w, object strength, bint return_grad, bint accumulate, object out):
    """Check all arguments, then compute: the value, or with return_grad the value and its gradient."""
    cdef Penalty p
    cdef bint plain = is_plain(w)
    p.kind, p.accumulate, p.strength = kind, accumulate, at_least_0("strength", strength)
    if not plain:
        w = real_array("w", w)
    if out is not None or accumulate:
        if not (plain and return_grad and out is not None and takes_result(out, w) and apart(out, w)):
            check_slope(out, return_grad, accumulate, w)
    elif return_grad:
        out = empty_like(w)
    p.dtype = max(dtype_index(w), <int>FASTML_F32)
    describe(&p.w, w, p.dtype)
    describe(&p.gradient, out, p.dtype)
    p.direct = p.w.direct and p.gradient.direct
    cdef double total = run_chunks(penalty_task, &p.chunks, cnp.PyArray_SIZE(w),
                                   PENALTY_NS * (1.0 if p.dtype == FASTML_F64 else 0.5))
    value = scalar(p.strength * total)
    return (value, out) if return_grad else value
