"""The memory of L-BFGS: the two-loop recursion over the last steps (Nocedal and Wright, 2nd ed., algorithm 7.4)."""

from libc.stddef cimport ptrdiff_t

import numpy as np


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


cdef class History:
    """The last steps s and changes of gradient y, and the inverse Hessian they imply.

    Parameters
    ----------
    n : int
        Number of parameters.
    size : int
        How many steps are kept.
    """

    cdef double[:, ::1] s, y
    cdef double[::1] curvature, alpha
    cdef ptrdiff_t n, size, count, next

    def __init__(self, n, size=10):
        self.n, self.size = n, size
        self.s, self.y = np.zeros((size, n)), np.zeros((size, n))
        self.curvature, self.alpha = np.zeros(size), np.zeros(size)

    def push(self, const double[::1] s, const double[::1] y):
        """Remember a step, unless the curvature along it is not positive."""
        cdef double curvature
        if self.n == 0:
            return
        curvature = dot(&s[0], &y[0], self.n)
        if not curvature > 1e-300:
            return
        self.s[self.next, :] = s
        self.y[self.next, :] = y
        self.curvature[self.next] = curvature
        self.next = (self.next + 1) % self.size
        self.count = min(self.count + 1, self.size)

    def direction(self, const double[::1] gradient):
        """Return minus the inverse Hessian times the gradient."""
        result = -np.asarray(gradient)
        if self.n == 0:
            return result
        cdef double[::1] view = result
        cdef double *q = &view[0]
        cdef ptrdiff_t k, i
        cdef double beta, scale
        with nogil:
            for k in range(1, self.count + 1):
                i = (self.next - k + self.size) % self.size
                self.alpha[i] = dot(&self.s[i, 0], q, self.n) / self.curvature[i]
                add(-self.alpha[i], &self.y[i, 0], q, self.n)
            if self.count:
                i = (self.next - 1 + self.size) % self.size
                scale = self.curvature[i] / dot(&self.y[i, 0], &self.y[i, 0], self.n)
                for k in range(self.n):
                    q[k] *= scale
            for k in range(self.count, 0, -1):
                i = (self.next - k + self.size) % self.size
                beta = dot(&self.y[i, 0], q, self.n) / self.curvature[i]
                add(self.alpha[i] - beta, &self.s[i, 0], q, self.n)
        return result
