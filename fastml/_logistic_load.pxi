"""How blocks of X, y and the weights get into the dtype of w, of _logistic.pyx."""

cdef extern from "macros.h" nogil:
    void PREFETCH(const void *p)

cdef extern from "convert.h" nogil:
    enum:
        FASTML_FROM_F16, FASTML_FROM_I8, FASTML_FROM_U8


cdef const char *load_rows(const Pass *p, ptrdiff_t start, ptrdiff_t R, char *block, ptrdiff_t *ld) noexcept nogil:
    """As `block_of`, of a task that takes its rows in order: columns come a tile at a time, ahead of these rows."""
    cdef ptrdiff_t r
    if not p.by_columns:
        return block_of(p, start, R, block, ld)
    ld[0] = p.ld
    r = (start - p.first) % p.part_rows       # those of the task that are done
    if r % p.tile_rows == 0:
        load_columns(p, start, min(p.tile_rows, min(p.part_rows - r, p.n - start)), block)
    return block + r % p.tile_rows * p.ld * item_size(p)


cdef const char *block_of(const Pass *p, ptrdiff_t start, ptrdiff_t R, char *block, ptrdiff_t *ld) noexcept nogil:
    """Return R rows of X in the dtype of w, and their distance in elements: in place, or converted into the block."""
    cdef ptrdiff_t size = item_size(p), r
    if p.direct and p.rows == NULL:
        ld[0] = p.x_row // size
        return p.X + start * p.x_row
    ld[0] = p.ld
    if p.by_columns:
        load_columns(p, start, R, block)
    elif p.rows == NULL:
        convert_rows(p, p.X + start * p.x_row, block, p.x_row, p.x_column, p.ld, R, p.d, AHEAD)
    else:
        for r in range(R):
            convert_rows(p, p.X + p.rows[start + r] * p.x_row, block + r * p.ld * size, 0, p.x_column, 0, 1, p.d, 0)
    return block


cdef void convert_rows(const Pass *p, const char *X, char *block, ptrdiff_t row, ptrdiff_t column, ptrdiff_t ld,
                       ptrdiff_t R, ptrdiff_t d, ptrdiff_t ahead) noexcept nogil:
    """Convert R x d numbers of X, row and column bytes apart, to the dtype of w."""
    cdef ptrdiff_t r
    if p.quick and d >= FASTML_MIN_FEATURES and column == p.x_size:
        kernels().load_rows[p.dtype](X, p.x_kind, block, row, ld, R, d, ahead)
        return
    for r in range(R):
        convert(block + r * ld * item_size(p), p.dtype, X + r * row, column, d, p.x_kind)


cdef void load_columns(const Pass *p, ptrdiff_t start, ptrdiff_t R, char *block) noexcept nogil:
    """Write R rows of X, of which the columns are dense or closer to it, to the block: transposed COLUMNS at a time."""
    cdef ptrdiff_t size = item_size(p), j = 0, k, r, columns
    cdef double buffer[COLUMNS * FASTML_BLOCK_ROWS]
    cdef char *converted = <char *>buffer
    cdef const char *source
    while j < p.d:
        columns = min(p.d - j, <ptrdiff_t>COLUMNS)
        source = p.X + start * p.x_row + j * p.x_column
        if p.transposed:
            for k in range(columns):
                for r in range(R * size // LINE):
                    PREFETCH(source + k * p.x_column + R * size + r * LINE)
            kernels().transpose[p.dtype](source, p.x_column // size, block + j * size, p.ld, columns, R)
        else:
            convert_rows(p, source, converted, p.x_column, p.x_row, R, columns, R, R * p.x_row)
            kernels().transpose[p.dtype](converted, R, block + j * size, p.ld, columns, R)
        j += columns


cdef const char *load_column(const Pass *p, const Column *column, ptrdiff_t start, ptrdiff_t R,
                             char *block) noexcept nogil:
    """Return R entries in the dtype of w: in place, or converted into the block."""
    cdef ptrdiff_t r, size = item_size(p)
    if p.rows == NULL and column.direct:
        return column.data + start * column.step
    if column.labels > 1:
        for r in range(R):
            convert(block + r * column.labels * size, p.dtype, column.data + row_number(p, start + r) * column.step,
                    column.label_step, column.labels, column.kind)
        return block
    if p.rows == NULL:
        convert(block, p.dtype, column.data + start * column.step, column.step, R, column.kind)
        return block
    for r in range(R):
        convert(block + r * size, p.dtype, column.data + p.rows[start + r] * column.step, 0, 1, column.kind)
    return block
