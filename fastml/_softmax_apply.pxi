"""From Python arguments to the walk of _softmax_core.pxi."""

import numpy as np

from fastml._arguments import as_array, axis_index, check_out, overlap, real_array


cdef inline bint is_plain(object x) noexcept:
    """Whether x is a dense C-ordered native float array of one dimension or more."""
    return dense_dtype(x) >= 0 and PyArray_ISCARRAY_RO(x)


cdef inline int axis_of(object axis, int ndim) except -1:
    cdef int k
    if type(axis) is int and -ndim <= axis < ndim:
        k = axis
        return k + ndim if k < 0 else k
    return axis_index(axis, ndim)


cdef object apply(int mode, object x, object axis, object where, object out):
    cdef bint plain = is_plain(x)
    if not plain:
        x = real_array("x", x)
    cdef int k = axis_of(axis, cnp.PyArray_NDIM(x))
    if where is not None:
        where = mask(where, x)
        if out is not None and overlap(where, out):
            where = where.copy()
    if out is None:
        out = empty_like(x)
    elif not plain or not takes_result(out, x):
        check_out(out, x.shape, x.dtype, x)
    compute(mode, x, None, k, where, out)
    return out


cdef object apply_backward(int mode, object dy, object y, object axis, object out):
    cdef bint plain = is_plain(dy)
    if not plain:
        dy = real_array("dy", dy)
    cdef int k = axis_of(axis, cnp.PyArray_NDIM(dy))
    if not is_plain(y) or PyArray_TYPE(y) != PyArray_TYPE(dy):
        y = real_array("y", y)
        if y.dtype != dy.dtype:
            with np.errstate(all="ignore"):
                y = y.astype(dy.dtype)
    if y.shape != dy.shape:
        raise ValueError(f"y: expected the shape of dy, {dy.shape}, got {y.shape}")
    if out is None:
        out = empty_like(dy)
    elif not plain or not takes_result(out, dy) or not apart_or_same(out, y):
        check_out(out, dy.shape, dy.dtype, dy, y)
    compute(mode, dy, y, k, None, out)
    return out


cdef object reduce(int mode, str name, object x, object axis, bint keepdims, object where):
    """Return one number for each problem: the axis is dropped, or kept with length 1."""
    cdef cnp.npy_intp shape[MAX_AXES]
    cdef int k, i, ndim
    if not is_plain(x):
        x = real_array(name, x)
    ndim = cnp.PyArray_NDIM(x)
    k = axis_of(axis, ndim)
    if where is not None:
        where = mask(where, x)
    for i in range(ndim):
        shape[i] = 1 if i == k else cnp.PyArray_DIM(x, i)
    cdef cnp.ndarray result = PyArray_EMPTY(ndim, shape, PyArray_TYPE(x), 0)
    compute(mode, x, None, k, where, result)
    if keepdims:
        return result
    if ndim == 1:
        return np.float64(result.item())
    return result.reshape(x.shape[:k] + x.shape[k + 1:])


cdef inline object empty_like(cnp.ndarray x):
    if PyArray_ISCARRAY_RO(x):
        return PyArray_EMPTY(cnp.PyArray_NDIM(x), cnp.PyArray_DIMS(x), PyArray_TYPE(x), 0)
    return np.empty_like(x)


cdef mask(where, x):
    where = as_array("where", where)
    if where.dtype != np.bool_:
        raise TypeError(f"where: expected dtype bool, got {where.dtype}")
    try:
        return np.broadcast_to(where, x.shape)
    except ValueError:
        raise ValueError(f"where: expected a shape that broadcasts to {x.shape}, got {where.shape}") from None
