"""layer_norm and rms_norm: all passes over a problem while it is in cache."""


cdef void load_tile(const Norm *n, const Operand *o, ptrdiff_t r, ptrdiff_t w, double *rows,
                    double *tile) noexcept nogil:
    """w short rows from r on, element by problem."""
    cdef const void *source = load(o, n.dtype, r * n.C, w * n.C, rows)
    if source != NULL:
        kernels().transpose[n.dtype](source, n.C, tile, FASTML_NORM_COLUMNS, w, n.C)


cdef void store_tile(const Norm *n, ptrdiff_t r, ptrdiff_t w, double *rows, const double *tile) noexcept nogil:
    cdef void *to = n.y.data + r * n.C * size_of(n) if n.y.direct else <char *>rows
    kernels().transpose[n.dtype](tile, FASTML_NORM_COLUMNS, to, n.C, n.C, w)
    if not n.y.direct:
        unload(&n.y, n.dtype, r * n.C, w * n.C, rows)


cdef void forward(const Norm *n, Scratch *s, fastml_norm *p, Numbers *numbers, ptrdiff_t r, ptrdiff_t w) noexcept nogil:
    """w problems from r on: one where they are rows."""
    cdef ptrdiff_t k = 0, count
    find_shift(n, p, s, r, w, numbers.mean)
    sum_problems(n, p, s, r, w, numbers.total)
    if mend_shift(n, numbers.total, w, numbers.mean):
        sum_problems(n, p, s, r, w, numbers.total)
    finish(n, p, numbers, w)
    if n.mean.data != NULL:
        unload(&n.mean, n.dtype, r, w, numbers.mean)
    if n.rstd.data != NULL:
        unload(&n.rstd, n.dtype, r, w, numbers.rstd)
    while k < n.C:
        count = min(<ptrdiff_t>FASTML_NORM_CHUNK, n.C - k)
        apply_chunk(n, p, s, r, w, k, count)
        k += count


cdef void backward(const Norm *n, Scratch *s, fastml_norm *p, Numbers *numbers, ptrdiff_t r,
                   ptrdiff_t w) noexcept nogil:
    """dx of w problems from r on, whose mean and rstd are in numbers."""
    cdef ptrdiff_t k = 0, count
    sum_problems(n, p, s, r, w, numbers.total)
    finish(n, p, numbers, w)
    while k < n.C:
        count = min(<ptrdiff_t>FASTML_NORM_CHUNK, n.C - k)
        apply_chunk(n, p, s, r, w, k, count)
        k += count


cdef inline void load_copy(const Norm *n, const Operand *o, ptrdiff_t start, ptrdiff_t count, void *to) noexcept nogil:
    cdef const void *values = load(o, n.dtype, start, count, to)
    if values != to:
        memcpy(to, values, count * size_of(n))


cdef void load_numbers(const Norm *n, Numbers *numbers, ptrdiff_t r, ptrdiff_t w) noexcept nogil:
    """The given mean and rstd, in the dtype that computes."""
    if n.mean.data == NULL:
        memset(numbers.mean, 0, w * size_of(n))
    else:
        load_copy(n, &n.mean, r, w, numbers.mean)
    load_copy(n, &n.rstd, r, w, numbers.rstd)


cdef void add_gradient(const Norm *n, fastml_norm *p, ptrdiff_t r, ptrdiff_t w, double *part) noexcept nogil:
    """Add the gradients by weight and bias of w <= EIGHT rows to the part's."""
    cdef double x[EIGHT * ROW_BLOCK]
    cdef double dy[EIGHT * ROW_BLOCK]
    cdef ptrdiff_t k = 0, i, count, size = size_of(n)
    if n.x.direct and n.dy.direct:
        p.x = n.x.data + r * n.C * size
        p.dy = n.dy.data + r * n.C * size
        p.x_step = p.dy_step = n.C
        kernels().norm_gradient[n.dtype](p, w, n.C, part, n.C)
        return
    p.x = x
    p.dy = dy
    p.x_step = p.dy_step = ROW_BLOCK
    while k < n.C:
        count = min(<ptrdiff_t>ROW_BLOCK, n.C - k)
        for i in range(w):
            load_copy(n, &n.x, (r + i) * n.C + k, count, <char *>x + i * ROW_BLOCK * size)
            load_copy(n, &n.dy, (r + i) * n.C + k, count, <char *>dy + i * ROW_BLOCK * size)
        kernels().norm_gradient[n.dtype](p, w, count, part + k, n.C)
        k += count


cdef void run_rows(const Norm *n, ptrdiff_t start, ptrdiff_t stop, double *part) noexcept nogil:
    """Rows [start, stop), in eights."""
    cdef Scratch s
    cdef Numbers numbers
    cdef Numbers eight
    cdef fastml_norm p
    cdef ptrdiff_t r, w, size = size_of(n)
    while start < stop:
        w = min(<ptrdiff_t>EIGHT, stop - start)
        if n.backward:
            load_numbers(n, &eight, start, w)
        for r in range(start, start + w):
            point_at(n, &p, &numbers)
            if n.backward:
                memcpy(numbers.mean, <char *>eight.mean + (r - start) * size, size)
                memcpy(numbers.rstd, <char *>eight.rstd + (r - start) * size, size)
                backward(n, &s, &p, &numbers, r, 1)
            else:
                forward(n, &s, &p, &numbers, r, 1)
        if n.backward:
            point_at(n, &p, &eight)
            add_gradient(n, &p, start, w, part)
        start += w


cdef void run_tiles(const Norm *n, ptrdiff_t start, ptrdiff_t stop, double *part) noexcept nogil:
    """Problems [start, stop), FASTML_NORM_COLUMNS side by side at a time."""
    cdef Scratch s
    cdef Numbers numbers
    cdef Tile tile
    cdef fastml_norm p
    cdef ptrdiff_t w, k, count
    while start < stop:
        w = min(<ptrdiff_t>FASTML_NORM_COLUMNS, stop - start)
        point_at(n, &p, &numbers)
        if n.layout == SHORT_ROWS:
            load_tile(n, &n.x, start, w, tile.rows, tile.x)
            load_tile(n, &n.dy, start, w, tile.rows, tile.dy)
            p.x = p.y = tile.x
            p.dy = NULL if n.dy.data == NULL else tile.dy
            p.x_step = p.dy_step = p.y_step = FASTML_NORM_COLUMNS
        if n.backward:
            load_numbers(n, &numbers, start, w)
            k = 0
            while k < n.C:           # before dx takes the place of x in the tile
                count = min(<ptrdiff_t>FASTML_NORM_CHUNK, n.C - k)
                view_columns(n, &p, &s, start, k, count)
                kernels().norm_gradient_columns[n.dtype](&p, count, w, part + k, n.C)
                k += count
            backward(n, &s, &p, &numbers, start, w)
        else:
            forward(n, &s, &p, &numbers, start, w)
        if n.layout == SHORT_ROWS:
            store_tile(n, start, w, tile.rows, tile.x)
        start += w


cdef void run_some(const Norm *n, ptrdiff_t start, ptrdiff_t stop, double *part) noexcept nogil:
    if n.layout == ROWS:
        run_rows(n, start, stop, part)
    else:
        run_tiles(n, start, stop, part)


cdef void run_forward(void *context, ptrdiff_t task) noexcept nogil:
    cdef const Norm *n = <const Norm *>context
    cdef ptrdiff_t start = (task + n.first) * n.part_rows
    run_some(n, start, min(start + n.part_rows, n.R), NULL)


cdef void run_backward(void *context, ptrdiff_t task) noexcept nogil:
    """A slice of the rows of one part, all of which share a partial gradient."""
    cdef const Norm *n = <const Norm *>context
    cdef ptrdiff_t start = task * n.part_rows, stop = min(start + n.part_rows, n.R)
    start += n.first
    run_some(n, start, min(start + n.rows_per_task, stop), n.parts + task * 2 * n.C)


cdef int run_layer(Norm *n) except -1:
    """Run all problems, in slices with a look at pending signals between them."""
    cdef ptrdiff_t tasks, count, total
    cdef double row_ns = (n.C + 4) * ELEMENT_NS * (2 if n.backward else 1), task_ns
    if n.backward:           # by the number of rows alone: PARTS at most, of whole eights
        n.part_rows = max(<ptrdiff_t>1, ((n.R + PARTS - 1) // PARTS + EIGHT - 1) // EIGHT) * EIGHT
    else:
        n.part_rows = max(<ptrdiff_t>1, TASK_ELEMENTS // max(<ptrdiff_t>1, n.C))
        n.part_rows = n.part_rows if n.layout == ROWS else (n.part_rows + 63) // 64 * 64
    tasks = (n.R + n.part_rows - 1) // n.part_rows
    n.rows_per_task = n.part_rows
    if n.R * row_ns < HOLD_NS:
        for count in range(tasks):
            (run_backward if n.backward else run_forward)(n, count)
        return 0
    task_ns = n.part_rows * row_ns
    total, count = tasks, max(<ptrdiff_t>1, <ptrdiff_t>(SLICE_NS / task_ns))
    if n.backward:
        total = n.part_rows
        count = n.rows_per_task = max(<ptrdiff_t>1, <ptrdiff_t>(SLICE_NS / (row_ns * tasks * 64))) * 64
    while n.first < total:
        count = min(count, total - n.first)
        with nogil:
            if n.backward:
                parallel_for(run_backward, n, tasks, tasks * count * row_ns)
            else:
                parallel_for(run_forward, n, count, count * task_ns)
        n.first += count
        PyErr_CheckSignals()
    return 0
