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


cdef struct Band:
    double *a
    ptrdiff_t row, panels, ld


cdef void update_tile(void *context, ptrdiff_t index) noexcept nogil:
    """Subtract what the rows of a band make of one tile behind it; tasks count along the rows of tiles."""
    cdef Band *band = <Band *>context
    cdef ptrdiff_t i = 0, ld = band.ld, behind = band.row + BAND
    while index >= band.panels - i:
        index -= band.panels - i
        i += 1
    index += i
    kernels().curvature_tile[FASTML_F64](
        band.a + band.row * ld + behind + i * LANES, band.a + band.row * ld + behind + index * LANES,
        band.a + (behind + i * LANES) * ld + behind + index * LANES, BAND, ld, ld, -1.0)


cdef class Cholesky:
    """The factor ``U^T U`` of a symmetric positive definite matrix of which the upper triangle is given.

    Parameters
    ----------
    matrix : (m, m) ndarray of float64, C-contiguous
        m is a multiple of 32. It is overwritten and kept.
    floor : float
        Pivots are at least as large, so that rounding does no harm where the matrix is singular.

    Notes
    -----
    Bands of rows are factored, then subtracted from all behind them, by tiles in parallel: the bits do not depend on
    threads. `finite` is False where a pivot is not.
    """

    cdef cnp.ndarray matrix
    cdef readonly bint finite
    cdef ptrdiff_t m

    def __init__(self, cnp.ndarray matrix, double floor):
        cdef ptrdiff_t m = matrix.shape[0], row = 0, i, j
        cdef double *a = data(matrix)
        cdef double pivot
        cdef Band band
        self.matrix, self.m, self.finite = matrix, m, True
        with nogil:
            while row < m:
                for i in range(row, row + BAND):
                    for j in range(row, i):
                        add(-a[j * m + i], a + j * m + i, a + i * m + i, m - i)
                    pivot = a[i * m + i]
                    if not pivot - pivot == 0:
                        self.finite = False
                    pivot = 1 / sqrt(max(pivot, floor))
                    for j in range(i, m):
                        a[i * m + j] *= pivot
                    a[i * m + i] = 1 / pivot
                band.a, band.row, band.ld, band.panels = a, row, m, (m - row - BAND) // LANES
                if band.panels:
                    parallel_for(update_tile, &band, band.panels * (band.panels + 1) // 2,
                                 0.1 * BAND * (m - row) * (m - row) / 2)
                row += BAND

    def solve(self, v):
        """Overwrite v, contiguous (k, m) of float64, with the solutions of ``U^T U x = v[i]``."""
        cdef double *a = data(self.matrix)
        cdef double *x = data(v)
        cdef ptrdiff_t m = self.m, i, k, count = v.shape[0]
        with nogil:
            for i in range(m):
                for k in range(count):
                    x[k * m + i] /= a[i * m + i]
                    add(-x[k * m + i], a + i * m + i + 1, x + k * m + i + 1, m - i - 1)
            for i in range(m - 1, -1, -1):
                for k in range(count):
                    x[k * m + i] -= dot(a + i * m + i + 1, x + k * m + i + 1, m - i - 1)
                    x[k * m + i] /= a[i * m + i]

    def norm(self, v):
        """Return the sum over i of ``|U v[i]|^2``, for v as in `solve`."""
        cdef double *a = data(self.matrix)
        cdef double *x = data(v)
        cdef ptrdiff_t m = self.m, i, k
        cdef double total = 0, part
        for k in range(v.shape[0]):
            for i in range(m):
                part = dot(a + i * m + i, x + k * m + i, m - i)
                total += part * part
        return total


def equilibrate(cnp.ndarray matrix, ptrdiff_t n, double absent):
    """Scale n rows and columns of a symmetric matrix, of which the upper triangle counts, to a diagonal of ones.

    The rest becomes the identity. A 0 on the diagonal counts as `absent`. Returns the roots of the diagonal and the mean
    square of the other elements.
    """
    cdef double *a = data(matrix)
    cdef ptrdiff_t m = matrix.shape[0], i, j
    cdef double total = 0
    roots = np.sqrt(np.where(matrix.diagonal()[:n] > 0, matrix.diagonal()[:n], absent))
    inverse = 1 / roots
    cdef double *factor = data(inverse)
    with nogil:
        for i in range(n):
            for j in range(i + 1, n):
                a[i * m + j] *= factor[i] * factor[j]
            total += dot(a + i * m + i + 1, a + i * m + i + 1, n - i - 1)
            a[i * m + i] = 1
            for j in range(n, m):
                a[i * m + j] = 0
        for i in range(n, m):
            for j in range(i, m):
                a[i * m + j] = i == j
    return roots, total / max(n * (n - 1) / 2, 1)


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
