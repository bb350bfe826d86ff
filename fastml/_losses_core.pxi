"""From Python arguments to the kernels of the pointwise losses."""

from libc.math cimport sqrt

from fastml._fastml_runtime cimport (
    FASTML_BCE, FASTML_BCE_LOGITS, FASTML_HUBER, FASTML_MAE, FASTML_MSE, fastml_loss_pass,
)

from fastml._arguments import real_array
from fastml._loss_arguments import (
    broadcast, check_gradient, convertible, of_shape, positive, reduction_index, sample_weights, share, spread,
)

cdef enum:
    MEAN, SUM, NONE          # as in REDUCTIONS

# Estimated nanoseconds of an element of float64, by kernel.
cdef double[5] ELEMENT_NS = [1.0, 1.0, 1.0, 4.0, 3.5]
# Beyond them 1 / (W root) is no good float32: the squared error's gradient is scaled twice.
cdef double LARGE = 2.0 ** 100, SMALL = 2.0 ** -100, STEP = 2.0 ** 64


cdef struct Pass:
    Chunks chunks
    fastml_loss_pass call
    int dtype                # that computes
    bint direct              # all arrays are
    Operand x, target, pos_weight, weight, loss, gradient


cdef void loss_task(void *context, ptrdiff_t chunk) noexcept nogil:
    cdef Pass *p = <Pass *>context
    cdef ptrdiff_t start = (p.chunks.first + chunk) * CHUNK, stop = min(start + CHUNK, p.chunks.n), n
    cdef ptrdiff_t step = CHUNK if p.direct else BLOCK
    cdef double blocks[6][BLOCK]
    cdef void *loss
    cdef void *gradient
    while start < stop:
        n = min(step, stop - start)
        loss = load(&p.loss, p.dtype, start, 0, blocks[4])
        gradient = load(&p.gradient, p.dtype, start, 0, blocks[5])
        kernels().loss[p.dtype](
            &p.call, load(&p.x, p.dtype, start, n, blocks[0]), load(&p.target, p.dtype, start, n, blocks[1]),
            load(&p.pos_weight, p.dtype, start, n, blocks[2]),
            <const double *>load(&p.weight, FASTML_F64, start, n, blocks[3]), loss, gradient, n, p.chunks.part[chunk])
        if not p.loss.direct:
            unload(&p.loss, p.dtype, start, n, loss)
        if not p.gradient.direct:
            unload(&p.gradient, p.dtype, start, n, gradient)
        start += n


cdef double run_pass(Pass *p, ptrdiff_t n) except? -1:
    """Return the sum of the losses, where p.loss does not take them."""
    p.direct = (p.x.direct and p.target.direct and p.pos_weight.direct and p.weight.direct and p.loss.direct
                and p.gradient.direct)
    return run_chunks(loss_task, &p.chunks, n, ELEMENT_NS[p.call.kind] * (1.0 if p.dtype == FASTML_F64 else 0.5))


cdef double root_pass(Pass *p, ptrdiff_t n, double W, cnp.ndarray gradient) except? -1:
    """Return the root of the mean square; the gradient, d / (W root), takes a second pass."""
    cdef double root = sqrt(run_pass(p, n) / W)
    if gradient is None:
        return root
    if root == 0:
        gradient[...] = 0
        return root
    p.call.scale = 1 / (W * root)
    if p.dtype == FASTML_F32 and not p.call.weighted and not SMALL <= p.call.scale <= LARGE:
        p.call.up = STEP if p.call.scale > 1 else 1 / STEP
        p.call.scale /= p.call.up
    describe(&p.gradient, gradient, p.dtype)
    run_pass(p, n)
    return root


cdef inline double delta_of(object delta) except? -1:
    if type(delta) is float and 0 < <double>delta < INFINITY:
        return delta
    return positive("delta", delta)


cdef inline double smoothing_of(object smoothing) except? -1:
    if type(smoothing) is float and 0 <= <double>smoothing <= 1:
        return smoothing
    return share("label_smoothing", smoothing)


cdef object apply(int kind, str name, object x, object target, object reduction, object sample_weight,
                  object return_grad, object out, object pos_weight=None, double parameter=0, bint root=False):
    """Check all arguments, then compute: the loss, or with return_grad the loss and its gradient."""
    cdef int how = MEAN
    cdef cnp.ndarray weight = None, factor = None
    cdef bint gradient = return_grad, plain = is_plain(x) and is_plain(target) and same_layout(x, target)
    if not plain:
        x = real_array(name, x)
        target = of_shape("target", target, x.shape)
    if reduction is not "mean":
        how = reduction_index(reduction)
        if root and how != MEAN:
            raise ValueError(f"reduction: expected 'mean', got {reduction!r}")
    cdef double W = cnp.PyArray_SIZE(x)
    if sample_weight is not None:
        sample_weight = sample_weights(sample_weight, x.shape)
        weight = spread(sample_weight, x.shape)
    if pos_weight is not None:
        pos_weight = convertible("pos_weight", pos_weight)
        factor = broadcast("pos_weight", pos_weight, x.shape)
    if out is not None and not (plain and gradient and weight is None and factor is None and takes_result(out, x)
                                and apart(out, target)):
        check_gradient(out, gradient, x, target=target, sample_weight=sample_weight, pos_weight=pos_weight)
    if weight is not None and W > 0:
        W *= weight_total("sample_weight", sample_weight) / sample_weight.size
    if factor is not None:
        weight_total("pos_weight", pos_weight)
    if gradient and out is None:
        out = empty_like(x)
    return compute(fastml_loss_pass(kind, weight is not None, 1, 1, parameter), how, root, x, target, weight, factor,
                   out if gradient else None, W)


cdef object compute(fastml_loss_pass call, int how, bint root, cnp.ndarray x, cnp.ndarray target, cnp.ndarray weight,
                    cnp.ndarray pos_weight, cnp.ndarray gradient, double W):
    """Return the loss, or the loss and the gradient where there is an array for it."""
    cdef Pass p
    cdef ptrdiff_t n = cnp.PyArray_SIZE(x)
    cdef double value = 0
    cdef cnp.ndarray loss = None
    if how == NONE:
        loss = empty_like(x)
    p.dtype = max(dtype_index(x), <int>FASTML_F32)
    p.call = call
    p.call.scale = (1 / W if how == MEAN and W != 0 else 1) * (2 if call.kind == FASTML_MSE else 1)
    describe(&p.x, x, p.dtype)
    describe(&p.target, target, p.dtype)
    describe(&p.weight, weight, FASTML_F64)
    describe(&p.pos_weight, pos_weight, p.dtype)
    describe(&p.loss, loss, p.dtype)
    describe(&p.gradient, None if root else gradient, p.dtype)
    if how == MEAN and W == 0:
        if gradient is not None:
            gradient[...] = 0
    elif root:
        value = root_pass(&p, n, W, gradient)
    else:
        value = run_pass(&p, n)
        if how == MEAN:
            value /= W
    result = loss if how == NONE else scalar(value)
    return result if gradient is None else (result, gradient)
