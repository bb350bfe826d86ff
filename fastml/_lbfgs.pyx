"""The memory of L-BFGS: the two-loop recursion over the last steps (Nocedal and Wright, 2nd ed., algorithm 7.4)."""

cimport numpy as cnp
from libc.stddef cimport ptrdiff_t

import numpy as np

cnp.import_array()

cdef enum:
    LANES = 8


cdef double dot(const double *x, const double *y, ptrdiff_t n) noexcept nogil:
    """Add in fixed lanes, so that the bits depend neither on the machine nor on threads."""
    cdef double lane[LANES]
    cdef ptrdiff_t i = 0, k, full = n // LANES * LANES
    cdef double total = 0
    for k in range(LANES):
        lane[k] = 0
    while i < full:
        for k in range(LANES):
            lane[k] += x[i + k] * y[i + k]
        i += LANES
    for i in range(full, n):
        lane[i - full] += x[i] * y[i]
    for k in range(LANES):
        total += lane[k]
    return total


cdef void add(double factor, const double *x, double *y, ptrdiff_t n) noexcept nogil:
    cdef ptrdiff_t i
    for i in range(n):
        y[i] += factor * x[i]


cdef double *data(cnp.ndarray array) noexcept:
    return <double *>cnp.PyArray_DATA(array)


def inner(x, y):
    """Return the dot product of two contiguous float64 vectors, added in fixed lanes."""
    return dot(data(x), data(y), cnp.PyArray_SIZE(x))


cdef class History:
    """The last steps s and changes of gradient y, and the inverse Hessian they imply.

    Parameters
    ----------
    n : int
        Number of parameters.
    size : int
        How many steps are kept.
    """

    cdef cnp.ndarray s, y, curvature, alpha
    cdef ptrdiff_t n, size, count, next

    def __init__(self, n, size=10):
        self.n, self.size = n, size
        self.s, self.y = np.zeros((size, n)), np.zeros((size, n))
        self.curvature, self.alpha = np.zeros(size), np.zeros(size)

    def push(self, s, y):
        """Remember a step, unless the curvature along it is not positive; contiguous float64 vectors."""
        cdef double curvature = dot(data(s), data(y), self.n)
        if not curvature > 1e-300:
            return
        self.s[self.next], self.y[self.next] = s, y
        self.curvature[self.next] = curvature
        self.next = (self.next + 1) % self.size
        self.count = min(self.count + 1, self.size)

    def direction(self, gradient):
        """Return minus the inverse Hessian times the gradient, a contiguous float64 vector."""
        result = -gradient
        cdef double *q = data(result)
        cdef double *s = data(self.s)
        cdef double *y = data(self.y)
        cdef double *curvature = data(self.curvature)
        cdef double *alpha = data(self.alpha)
        cdef ptrdiff_t k, i, n = self.n
        cdef double beta, scale
        with nogil:
            for k in range(1, self.count + 1):
                i = (self.next - k + self.size) % self.size
                alpha[i] = dot(s + i * n, q, n) / curvature[i]
                add(-alpha[i], y + i * n, q, n)
            if self.count:
                i = (self.next - 1 + self.size) % self.size
                scale = curvature[i] / dot(y + i * n, y + i * n, n)
                for k in range(n):
                    q[k] *= scale
            for k in range(self.count, 0, -1):
                i = (self.next - k + self.size) % self.size
                beta = dot(y + i * n, q, n) / curvature[i]
                add(alpha[i] - beta, s + i * n, q, n)
        return result
