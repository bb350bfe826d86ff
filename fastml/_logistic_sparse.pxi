"""The tasks of the pass over sparse rows (CSR), in C types, of _logistic.pyx.

Each of at most PARTS tasks has a range of rows of its own, chosen by nonzeros and rows, and a gradient in the dtype of
w. All advance by SLICE of them at a time; then these gradients, once they hold much beside their size, are drained into
one of float64, in the order of the tasks: all at places that depend on the data's structure alone.
"""

from libc.stdint cimport int32_t

from fastml._fastml_runtime cimport (
    FASTML_SIGMOID, curve_scores, fold_scores, shift_scores, sparse_scatter,
)

cdef enum:
    BLOCK_ENTRIES = 8192     # read twice, the second time from cache
    ROW_COST = 8             # of a row, as many as entries
    PART_COST = 32768        # entries and rows at least, for one task
    ENTRIES_PER_FEATURE = 4  # at least, for every task whose gradient is to be added up
    GRADIENTS_BYTES = 33554432   # of all tasks
    SLICE = 65536            # entries and rows for each of PARTS tasks between two looks at signals
    DRAIN_ELEMENTS = 32768   # drained by one task
    DENSE_BYTES = 8388608    # of rows made dense for the curvature, at a time
    DENSE_ROWS = 32768       # of them at most: the numbers that place their entries take memory too
    LOSS, GRADIENT, CURVATURE, PROBABILITIES

# Estimated nanoseconds of an entry.
cdef double ENTRY_NS = 1.2


cdef struct SparsePart:
    ptrdiff_t row, stop      # the next one, and the end of this task's rows
    double loss, weight
    char *recent             # gradient, d x step, in the dtype of w, not yet drained
    double *bias             # KP sums
    char *recent_bias        # KP, of a block
    char *value              # converted, where X needs it
    int32_t *index
    char *Z                  # FASTML_BLOCK_ROWS x KP
    char *U                  # the same of a direction
    char *labels             # FASTML_BLOCK_ROWS x K, converted
    ptrdiff_t bad_target, bad_weight, bad_row, bad_index     # the first row with one, or -1


cdef struct SparsePass:
    Pass base                # target, weight, rows and the sizes
    const char *value
    const char *index
    const char *indptr
    ptrdiff_t value_size, entries
    int value_kind, indptr_kind
    bint wide                # int64 indices
    bint direct              # values in the dtype of w
    bint checked             # the indices, by an earlier pass
    int what
    double scale
    ptrdiff_t step           # elements of a row of w
    const char *w
    const char *bias
    const char *v            # the direction of CURVATURE
    const char *v_bias
    ptrdiff_t part_count, slice, cost
    double *total            # d x K
    ptrdiff_t gradient_bytes     # of a task
    bint first_drain
    double last_drain        # the last time: what the total is multiplied by, else 1
    SparsePart parts[PARTS]


cdef struct Block:           # some rows
    ptrdiff_t R, entries
    ptrdiff_t first          # where their entries begin in X, if they are in one piece
    ptrdiff_t start[FASTML_BLOCK_ROWS + 1]


cdef inline ptrdiff_t row_start(const SparsePass *s, ptrdiff_t row) noexcept nogil:
    if s.indptr_kind == 4:
        return (<const int32_t *>s.indptr)[row]
    return (<const int64_t *>s.indptr)[row]


cdef bint take_rows(const SparsePass *s, SparsePart *part, Block *block) noexcept nogil:
    """Take as many rows as fit, one at least; False where their places in X are none."""
    cdef ptrdiff_t row, start, stop
    block.R = block.entries = block.start[0] = 0
    while block.R < FASTML_BLOCK_ROWS and part.row + block.R < part.stop:
        row = row_number(&s.base, part.row + block.R)
        start = row_start(s, row)
        stop = row_start(s, row + 1)
        if not (0 <= start <= stop <= s.entries):
            part.bad_row = row
            return False
        if block.R and block.entries + stop - start > BLOCK_ENTRIES:
            return True
        if block.R == 0:
            block.first = start
        block.entries += stop - start
        block.R += 1
        block.start[block.R] = block.entries
    return True


cdef bint load_entries(const SparsePass *s, SparsePart *part, ptrdiff_t at, ptrdiff_t start, ptrdiff_t n,
                       const char **value, const int32_t **index, bint copy) noexcept nogil:
    """Find n entries of X, in place or converted from `start` of the buffers on; False where an index is none."""
    cdef const char *v = s.value + at * s.value_size
    cdef const char *x = s.index + at * (8 if s.wide else 4)
    cdef int32_t *to = part.index + start if s.wide or copy else NULL
    if not (s.checked and to == NULL) and not kernels().check_indices(x, s.wide, to, n, <int32_t>(s.base.d - 1)):
        return False
    index[0] = <const int32_t *>x if to == NULL else to
    value[0] = v
    if copy or not s.direct:
        value[0] = part.value + start * item_size(&s.base)
        convert(<char *>value[0], s.base.dtype, v, s.value_size, n, s.value_kind)
    return True


cdef bint load_block(const SparsePass *s, SparsePart *part, const Block *block, ptrdiff_t start, ptrdiff_t n,
                     const char **value, const int32_t **index) noexcept nogil:
    """Find n entries of the block from its `start` on; False where an index is none."""
    cdef ptrdiff_t r
    if s.base.rows == NULL or block.R == 1:
        if load_entries(s, part, block.first + start, 0, n, value, index, False):
            return True
        r = 0
        while r + 1 < block.R and load_entries(s, part, block.first + block.start[r], 0,
                                               block.start[r + 1] - block.start[r], value, index, False):
            r += 1
        part.bad_index = row_number(&s.base, part.row + r)
        return False
    for r in range(block.R):
        if not load_entries(s, part, row_start(s, s.base.rows[part.row + r]), block.start[r],
                            block.start[r + 1] - block.start[r], value, index, True):
            part.bad_index = s.base.rows[part.row + r]
            return False
    value[0] = part.value
    index[0] = part.index
    return True


cdef void add_scores(const SparsePass *s, const char *value, const int32_t *index, const ptrdiff_t *start,
                     const char *w, char *Z, ptrdiff_t R) noexcept nogil:
    kernels().sparse_scores[s.base.dtype](value, index, start, w, Z, R, s.base.K)


cdef void add_slopes(const SparsePass *s, const char *value, const int32_t *index, const ptrdiff_t *start,
                     const char *Z, char *gradient, ptrdiff_t R) noexcept nogil:
    if s.base.K == 1:
        sparse_scatter(s.base.dtype, value, index, start, Z, gradient, R)
    else:
        kernels().sparse_gradient[s.base.dtype](value, index, start, Z, gradient, R, s.base.K)


cdef bint run_block(const SparsePass *s, SparsePart *part, const Block *block) noexcept nogil:
    """Pass over some rows; False where data are refused. A row that is longer than a block goes in pieces, twice."""
    cdef const Pass *p = &s.base
    cdef const char *value
    cdef const int32_t *index
    cdef ptrdiff_t piece[2]
    cdef ptrdiff_t R = block.R, at = 0, size = item_size(p)
    cdef const ptrdiff_t *start = piece
    if block.R > 1:
        start = block.start
    piece[0] = 0
    memset(part.Z, 0, R * p.KP * size)
    if s.what == CURVATURE:
        memset(part.U, 0, R * p.KP * size)
    while True:
        piece[1] = min(block.entries - at, <ptrdiff_t>BLOCK_ENTRIES)
        if not load_block(s, part, block, at, piece[1], &value, &index):
            return False
        add_scores(s, value, index, start, s.w, part.Z, R)
        if s.what == CURVATURE:
            add_scores(s, value, index, start, s.v, part.U, R)
        at += piece[1]
        if at == block.entries:
            break
    if not finish_scores(s, part, R):
        return False
    if s.what == GRADIENT or s.what == CURVATURE:
        while True:
            piece[1] = min(at, <ptrdiff_t>BLOCK_ENTRIES)
            at -= piece[1]
            if piece[1] < block.entries:
                load_block(s, part, block, at, piece[1], &value, &index)
            add_slopes(s, value, index, start, part.U if s.what == CURVATURE else part.Z, part.recent, R)
            if at == 0:
                break
    return True


cdef bint finish_scores(const SparsePass *s, SparsePart *part, ptrdiff_t R) noexcept nogil:
    """Make of products the block's losses and residuals, or what else is wanted; False where data are refused."""
    cdef const Pass *p = &s.base
    cdef double buffers[2][FASTML_BLOCK_ROWS]          # double for its alignment
    cdef const char *target = NULL
    cdef const char *weights = NULL
    cdef ptrdiff_t good, k, r
    shift_scores(p.dtype, part.Z, s.bias, s.scale, R, p.KP)
    if p.weight.data != NULL:
        weights = load_column(p, &p.weight, part.row, R, <char *>buffers[1])
        good = add_weights(weights, p.dtype, R, &part.weight)
        if good < R:
            part.bad_weight = row_number(p, part.row + good)
            return False
    if s.what == PROBABILITIES:
        kernels().score_probabilities[p.dtype](part.Z, R, p.K, p.multi_label)
        for r in range(R):
            copy_bytes(p.probabilities + (part.row + r) * p.K * item_size(p), part.Z + r * p.KP * item_size(p),
                       p.K * item_size(p))
        return True
    if s.what == CURVATURE:
        shift_scores(p.dtype, part.U, s.v_bias, s.scale, R, p.KP)
        if p.K == 1 or p.multi_label:
            fold_scores(p.dtype, part.Z, R * p.KP)
        kernels().score_probabilities[p.dtype](part.Z, R, p.K, p.multi_label)
        curve_scores(p.dtype, part.Z, part.U, weights, R, p.K, p.KP, p.multi_label)
        add_rows(p, part.U, R, part.bias)
        return True
    target = load_column(p, &p.target, part.row, R, part.labels if p.multi_label else <char *>buffers[0])
    good = count_classes(target, p.dtype, R * p.target.labels, 2 if p.multi_label else max(p.K, <ptrdiff_t>2))
    if good < R * p.target.labels:
        part.bad_target = row_number(p, part.row + good // p.target.labels)
        return False
    memset(part.recent_bias, 0, p.KP * item_size(p))
    kernels().score_residuals[p.dtype](part.Z, target, weights, &part.loss, part.recent_bias, R, p.K, p.multi_label)
    add_rows(p, part.recent_bias, 1, part.bias)
    return True


cdef void add_rows(const Pass *p, const char *U, ptrdiff_t R, double *total) noexcept nogil:
    """Add up R x KP numbers over the rows."""
    cdef ptrdiff_t i, k
    for i in range(R):
        for k in range(p.KP):
            total[k] += (<const float *>U)[i * p.KP + k] if p.dtype == FASTML_F32 else \
                (<const double *>U)[i * p.KP + k]


cdef void sparse_part(void *context, ptrdiff_t number) noexcept nogil:
    """Pass over one slice of one task's rows."""
    cdef SparsePass *s = <SparsePass *>context
    cdef SparsePart *part = &s.parts[number]
    cdef ptrdiff_t left = s.slice
    cdef Block block
    while part.row < part.stop and left > 0:
        if not take_rows(s, part, &block) or not run_block(s, part, &block):
            part.row = part.stop
            return
        left -= block.entries + ROW_COST * block.R
        part.row += block.R


cdef void drain_part(void *context, ptrdiff_t number) noexcept nogil:
    """Drain some features' recent gradients, those of all tasks in their order."""
    cdef SparsePass *s = <SparsePass *>context
    cdef ptrdiff_t features = drain_features(s), start = number * features
    kernels().sparse_drain[s.base.dtype](
        s.total + start * s.base.K, s.parts[0].recent + start * s.step * item_size(&s.base), s.step, s.base.K,
        s.gradient_bytes, s.part_count, min(s.base.d - start, features), s.first_drain, s.last_drain)


cdef inline ptrdiff_t drain_features(const SparsePass *s) noexcept nogil:
    """Return how many features one task drains."""
    return DRAIN_ELEMENTS // s.step + 1
