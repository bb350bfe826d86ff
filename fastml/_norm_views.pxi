"""Where the kernels of the norms find their elements, in any layout, and how they are run over a chunk."""


cdef const void *window(const Operand *o, int dtype, ptrdiff_t start, ptrdiff_t *n, void *block) noexcept nogil:
    """Return up to n elements, and their number in n: in place where enough of them are together, else gathered.

    A number that is less than asked for is a multiple of FASTML_NORM_LANES.
    """
    cdef ptrdiff_t count = 0
    cdef const char *data
    if o.data == NULL or o.direct:
        return load(o, dtype, start, n[0], block)
    if o.kind == dtype and o.stride[o.axes - 1] == o.size and o.length[o.axes - 1] >= LONG_RUN:
        data = run_of(o, start, n[0], &count)
        if <uintptr_t>data % o.size == 0 and (count == n[0] or count >= FASTML_NORM_LANES):
            n[0] = count if count == n[0] else count // FASTML_NORM_LANES * FASTML_NORM_LANES
            return data
        n[0] = min(n[0], <ptrdiff_t>FASTML_NORM_LANES)
    return load(o, dtype, start, n[0], block)


cdef ptrdiff_t view_row(const Norm *n, fastml_norm *p, Scratch *s, ptrdiff_t r, ptrdiff_t k,
                        ptrdiff_t count) noexcept nogil:
    """Point at elements from k on of problem r; return how many of the count wanted."""
    cdef ptrdiff_t start = r * n.C + k
    p.x = window(&n.x, n.dtype, start, &count, s.x)
    p.dy = window(&n.dy, n.dtype, start, &count, s.dy)
    p.weight = load(&n.weight, n.dtype, k, count, s.weight)
    p.bias = load(&n.bias, n.dtype, k, count, s.bias)
    return count


cdef void view_columns(const Norm *n, fastml_norm *p, Scratch *s, ptrdiff_t r, ptrdiff_t k,
                       ptrdiff_t count) noexcept nogil:
    """Point at elements [k, k + count) of the problems from r on, side by side; a tile is pointed at already."""
    cdef ptrdiff_t at = (k * n.R + r) * size_of(n)
    if n.layout == COLUMNS:
        p.x = n.x.data + at
        p.y = n.y.data + at
        p.dy = NULL if n.dy.data == NULL else n.dy.data + at
        p.x_step = p.dy_step = p.y_step = n.R
    p.weight = load(&n.weight, n.dtype, k, count, s.weight)
    p.bias = load(&n.bias, n.dtype, k, count, s.bias)


cdef void sum_chunk(const Norm *n, fastml_norm *p, Scratch *s, ptrdiff_t r, ptrdiff_t w, ptrdiff_t k, ptrdiff_t count,
                    double *sums) noexcept nogil:
    """The two sums of each of w problems over elements [k, k + count), in sums[2 w]."""
    cdef double lanes[2 * FASTML_NORM_LANES]
    cdef ptrdiff_t n_done, half, lane
    if n.layout != ROWS:
        view_columns(n, p, s, r, k, count)
        kernels().norm_sums_columns[n.dtype](p, count, w, sums)
        return
    memset(lanes, 0, sizeof(lanes))
    while count > 0:
        n_done = view_row(n, p, s, r, k, count)
        kernels().norm_sums[n.dtype](p, n_done, lanes)
        k += n_done
        count -= n_done
    half = FASTML_NORM_LANES // 2
    while half > 0:
        for lane in range(half):
            lanes[lane] += lanes[lane + half]
            lanes[FASTML_NORM_LANES + lane] += lanes[FASTML_NORM_LANES + lane + half]
        half //= 2
    sums[0] = lanes[0]
    sums[1] = lanes[FASTML_NORM_LANES]


cdef void apply_chunk(const Norm *n, fastml_norm *p, Scratch *s, ptrdiff_t r, ptrdiff_t w, ptrdiff_t k,
                      ptrdiff_t count) noexcept nogil:
    """Write elements [k, k + count) of w problems."""
    cdef ptrdiff_t n_done, n_written
    if n.layout != ROWS:
        view_columns(n, p, s, r, k, count)
        kernels().norm_apply_columns[n.dtype](p, count, w)
        return
    while count > 0:
        n_done = view_row(n, p, s, r, k, count)
        p.y = place(&n.y, n.dtype, r * n.C + k, &n_done, s.y)
        kernels().norm_apply[n.dtype](p, n_done)
        if p.y == s.y:
            unload(&n.y, n.dtype, r * n.C + k, n_done, s.y)
        k += n_done
        count -= n_done


cdef void *place(const Operand *y, int dtype, ptrdiff_t start, ptrdiff_t *n, void *block) noexcept nogil:
    """Return where n results go, or as many of them as n says then: in place, or the block."""
    cdef ptrdiff_t count = 0
    cdef char *data
    if y.direct:
        return y.data + start * y.size
    if y.kind == dtype and y.stride[y.axes - 1] == y.size and y.length[y.axes - 1] >= LONG_RUN:
        data = run_of(y, start, n[0], &count)
        if <uintptr_t>data % y.size == 0:
            n[0] = count
            return data
    return block
