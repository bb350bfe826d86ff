"""The memory of L-BFGS: the two-loop recursion over the last steps (Nocedal and Wright, 2nd ed., algorithm 7.4).

It starts from a multiple of the identity, or from a matrix given by its Cholesky factor.
"""

cimport numpy as cnp
from libc.math cimport sqrt
from libc.stddef cimport ptrdiff_t

from fastml._fastml_runtime cimport FASTML_F64, kernels, parallel_for

import numpy as np

cnp.import_array()

cdef enum:
    LANES = 8
    BAND = 32                # rows factored at a time


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


def multiply(matrix, vector):
    """Return a matrix times a vector, contiguous float64: each row's products added in fixed lanes."""
    cdef double *a = data(matrix)
    cdef double *x = data(vector)
    cdef ptrdiff_t n = matrix.shape[0], d = matrix.shape[1], i
    result = np.empty(n)
    cdef double *y = data(result)
    with nogil:
        for i in range(n):
            y[i] = dot(a + i * d, x, d)
    return result


def multiply_transposed(matrix, vector):
    """Return the transposed matrix times a vector, contiguous float64: one row added after the other."""
    cdef double *a = data(matrix)
    cdef double *x = data(vector)
    cdef ptrdiff_t n = matrix.shape[0], d = matrix.shape[1], i
    result = np.zeros(d)
    cdef double *y = data(result)
    with nogil:
        for i in range(n):
            add(x[i], a + i * d, y, d)
    return result


def coordinate_descent(matrix, gradient, position, thresholds, ptrdiff_t sweeps):
    """Return the step s that minimises ``gradient s + s H s / 2 + thresholds |position + s|``, nearly.

    H (n, n) is symmetric, all of it given; everything is contiguous float64. What becomes 0 becomes exactly 0.
    """
    cdef double *a = data(matrix)
    cdef double *g = data(gradient)
    cdef double *x = data(position)
    cdef double *t = data(thresholds)
    cdef ptrdiff_t n = position.shape[0], j, sweep
    result, product = np.zeros(n), np.zeros(n)
    cdef double *step = data(result)
    cdef double *hs = data(product)
    cdef double h, goal, new, gained, first = 0
    with nogil:
        for sweep in range(sweeps):
            gained = 0
            for j in range(n):
                h = a[j * n + j]
                goal = x[j] + step[j] - (g[j] + hs[j]) / h
                new = goal - t[j] / h if goal > t[j] / h else goal + t[j] / h if goal < -t[j] / h else 0
                new -= x[j]
                if new != step[j]:
                    gained += h * (new - step[j]) * (new - step[j])
                    add(new - step[j], a + j * n, hs, n)
                    step[j] = new
            if sweep == 0:
                first = gained
            if not gained > 1e-12 * first:
                break
    return result


include "_cholesky.pxi"


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

    def direction(self, gradient, inverse=None):
        """Return minus the inverse Hessian times the gradient, a contiguous float64 vector.

        inverse: returns the inverse of the Hessian from which the recursion starts, times a vector. By default it is a
        multiple of the identity.
        """
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
        if inverse is not None:
            result[...] = inverse(result)
        with nogil:
            if self.count and inverse is None:
                i = (self.next - 1 + self.size) % self.size
                scale = curvature[i] / dot(y + i * n, y + i * n, n)
                for k in range(n):
                    q[k] *= scale
            for k in range(self.count, 0, -1):
                i = (self.next - k + self.size) % self.size
                beta = dot(y + i * n, q, n) / curvature[i]
                add(alpha[i] - beta, s + i * n, q, n)
        return result
