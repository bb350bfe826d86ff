"""A symmetric matrix brought to a diagonal of ones, and its Cholesky factor, for _lbfgs.pyx."""


def equilibrate(cnp.ndarray matrix, ptrdiff_t n, double absent):
    """Scale n rows and columns of a symmetric matrix, of which the upper triangle counts, to a diagonal of ones.

    The rest becomes the identity. A 0 on the diagonal counts as `absent`. Returns the roots of the diagonal and the
    mean square of the other elements.
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
