"""X^T diag(h) X of the rows asked for: what a Newton step needs of them.

A round of blocks is scaled and packed side by side, then the tiles of the product are, each added to by one task: there
are no partial sums, and the bits do not depend on threads.
"""

from libc.math cimport sqrt

cdef enum:
    PACKED_BYTES = 1048576   # of a round: it is read once for every panel, from the second-level cache

# Estimated nanoseconds of a multiply-add in a tile.
cdef double TILE_NS = 0.04


cdef struct Curve:
    Pass *p
    char *packed             # blocks of [panel][FASTML_BLOCK_ROWS][lane]
    ptrdiff_t lanes, panels, side, block_bytes, first, blocks, stop
    double *matrix           # side x side; what lies below the diagonal is not computed


cdef void pack_block(void *context, ptrdiff_t index) noexcept nogil:
    cdef Curve *c = <Curve *>context
    cdef Pass *p = c.p
    cdef Part *part = &p.parts[index]
    cdef ptrdiff_t start = c.first + index * FASTML_BLOCK_ROWS, stop = min(start + FASTML_BLOCK_ROWS, c.stop)
    cdef ptrdiff_t row = start, size = item_size(p), d = max(p.d, <ptrdiff_t>FASTML_MIN_FEATURES), R, ld
    cdef double buffers[2][FASTML_BLOCK_ROWS]
    cdef char *to = c.packed + index * c.block_bytes
    cdef const char *X
    cdef const char *weights = NULL
    while row < stop:
        R = min(p.block_rows, stop - row)
        X = block_of(p, row, R, part.block, &ld)
        if p.weight.data != NULL:
            weights = load_column(p, &p.weight, row, R, <char *>buffers[1])
            add_weights(weights, p.dtype, R, &part.weight)
        if p.K == 1:
            kernels().predict_binary[p.dtype](X, p.w, p.bias, buffers[0], R, d, ld, False)
            write_roots(p, <char *>buffers[0], weights, <char *>buffers[0], R, 1)
        else:
            kernels().predict_softmax[p.dtype](X, p.w, p.bias, part.scores, R, p.d, ld, p.K, p.multi_label)
            write_roots(p, part.scores, weights, <char *>buffers[0], R, p.KP)
        kernels().curvature_pack[p.dtype](X, buffers[0], to + (row - start) * c.lanes * size, R, p.d, ld,
                                          FASTML_BLOCK_ROWS)
        row += R


ctypedef fused real:
    float
    double


cdef inline void roots(const real *p, const real *weight, real *root, ptrdiff_t R, ptrdiff_t K,
                       ptrdiff_t KP) noexcept nogil:
    """Write the roots of weight times the derivative of the loss: p (1 - p), or the mean over classes of it."""
    cdef ptrdiff_t r, k
    cdef double h
    for r in range(R):
        h = 0
        for k in range(K):
            h += <double>p[r * KP + k] * (1 - <double>p[r * KP + k])
        root[r] = <real>sqrt(max(h / K, 0) * (1 if weight == NULL else weight[r]))


cdef void write_roots(const Pass *p, const char *probabilities, const char *weight, char *root, ptrdiff_t R,
                      ptrdiff_t KP) noexcept nogil:
    if p.dtype == FASTML_F32:
        roots[float](<const float *>probabilities, <const float *>weight, <float *>root, R, p.K, KP)
    else:
        roots[double](<const double *>probabilities, <const double *>weight, <double *>root, R, p.K, KP)


cdef void add_tile(void *context, ptrdiff_t index) noexcept nogil:
    """Add a round to the tile of two panels a <= b; tasks count along the diagonals."""
    cdef Curve *c = <Curve *>context
    cdef ptrdiff_t a = index, off = 0, block, R
    cdef ptrdiff_t panel_bytes = FASTML_BLOCK_ROWS * c.lanes * item_size(c.p)
    while a >= c.panels - off:
        a -= c.panels - off
        off += 1
    for block in range(c.blocks):
        R = min(<ptrdiff_t>FASTML_BLOCK_ROWS, c.stop - c.first - block * FASTML_BLOCK_ROWS)
        kernels().curvature_tile[c.p.dtype](
            c.packed + block * c.block_bytes + a * panel_bytes,
            c.packed + block * c.block_bytes + (a + off) * panel_bytes,
            c.matrix + (a * c.side + a + off) * c.lanes, R, c.lanes, c.side, 1.0)


cdef double add_curvature(Pass *p, double *matrix, ptrdiff_t side, bint diagonal) except -1:
    """Add the rows of a pass to the matrix, or to its tiles on the diagonal; return the sum of their weights."""
    cdef Curve c
    cdef ptrdiff_t size = item_size(p), block, scores, part_bytes, k, blocks, panels, tiles
    cdef double total = 0, rows
    cdef char *memory
    panels = (p.d * size + 64) // 64
    c.p, c.matrix, c.side, c.panels, c.lanes, c.stop, c.first = p, matrix, side, panels, 64 // size, p.n, 0
    tiles = panels if diagonal else panels * (panels + 1) // 2
    c.block_bytes = panels * FASTML_BLOCK_ROWS * 64
    blocks = min(max(PACKED_BYTES // c.block_bytes, <ptrdiff_t>1), <ptrdiff_t>PARTS)
    block = 0 if p.direct and p.rows == NULL else p.block_rows * p.ld * size
    scores = p.block_rows * p.KP * size if p.K > 1 else 0
    part_bytes = (block + scores + 63) // 64 * 64
    memory = <char *>calloc(1, blocks * (part_bytes + c.block_bytes) + 64)
    if memory == NULL:
        raise MemoryError(f"no memory for {blocks} blocks of {part_bytes + c.block_bytes} bytes")
    c.packed = <char *>((<size_t>memory + 63) // 64 * 64)
    try:
        for k in range(blocks):
            p.parts[k].block = c.packed + blocks * c.block_bytes + k * part_bytes
            p.parts[k].scores = p.parts[k].block + block
            p.parts[k].weight = 0
        while c.first < c.stop:
            c.blocks = min(blocks, (c.stop - c.first + FASTML_BLOCK_ROWS - 1) // FASTML_BLOCK_ROWS)
            rows = <double>c.blocks * FASTML_BLOCK_ROWS
            with nogil:
                parallel_for(pack_block, &c, c.blocks, rows * p.d * (ELEMENT_NS * (2 + p.KP * 0.25)))
                parallel_for(add_tile, &c, tiles, rows * tiles * c.lanes * c.lanes * TILE_NS)
            c.first += c.blocks * FASTML_BLOCK_ROWS
            PyErr_CheckSignals()
        for k in range(blocks):
            total += p.parts[k].weight
    finally:
        free(memory)
    return total if p.weight.data != NULL else <double>p.n
