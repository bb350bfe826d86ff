"""What fast paths ask of an array, through NumPy's C API."""

cimport numpy as cnp
from libc.stdint cimport uintptr_t

from fastml._fastml_runtime cimport FASTML_F16, FASTML_F32, FASTML_F64

cnp.import_array()

cdef extern from "numpy/arrayobject.h":
    object PyArray_EMPTY(int nd, cnp.npy_intp *dims, int typenum, int fortran)
    bint PyArray_CheckExact(object)
    bint PyArray_ISALIGNED(cnp.ndarray)
    bint PyArray_ISCARRAY_RO(cnp.ndarray)
    bint PyArray_ISFARRAY_RO(cnp.ndarray)
    bint PyArray_ISWRITEABLE(cnp.ndarray)
    bint PyArray_CompareLists(cnp.npy_intp *a, cnp.npy_intp *b, int n)
    int PyArray_TYPE(cnp.ndarray)
    int NPY_HALF


cdef inline int dtype_index(cnp.ndarray x) noexcept:
    """Return the kernel tables' index of a float dtype, else -1."""
    cdef int kind = PyArray_TYPE(x)
    if kind == cnp.NPY_FLOAT:
        return FASTML_F32
    if kind == cnp.NPY_DOUBLE:
        return FASTML_F64
    return FASTML_F16 if kind == NPY_HALF else -1


cdef inline int dense_dtype(object x) noexcept:
    """Return the dtype index of a dense, aligned, native float array of one dimension or more, else -1."""
    if not PyArray_CheckExact(x) or cnp.PyArray_NDIM(x) == 0:
        return -1
    return dtype_index(x) if PyArray_ISCARRAY_RO(x) or PyArray_ISFARRAY_RO(x) else -1


cdef inline bint same_layout(cnp.ndarray a, cnp.ndarray b) noexcept:
    """Whether two dense arrays agree in dtype, shape and element order."""
    return (PyArray_TYPE(a) == PyArray_TYPE(b) and cnp.PyArray_NDIM(a) == cnp.PyArray_NDIM(b)
            and PyArray_CompareLists(cnp.PyArray_DIMS(a), cnp.PyArray_DIMS(b), cnp.PyArray_NDIM(a))
            and PyArray_ISCARRAY_RO(a) == PyArray_ISCARRAY_RO(b))


cdef inline bint apart_or_same(cnp.ndarray a, cnp.ndarray b) noexcept:
    """Whether two dense arrays of one size share all their memory or none."""
    cdef uintptr_t p = <uintptr_t>cnp.PyArray_DATA(a), q = <uintptr_t>cnp.PyArray_DATA(b)
    cdef uintptr_t size = cnp.PyArray_NBYTES(a)
    return p == q or p + size <= q or q + size <= p


cdef inline bint takes_result(object out, cnp.ndarray x) noexcept:
    """Whether the result for a dense x can go to out without a further look."""
    return dense_dtype(out) >= 0 and same_layout(x, out) and PyArray_ISWRITEABLE(out) and apart_or_same(x, out)
