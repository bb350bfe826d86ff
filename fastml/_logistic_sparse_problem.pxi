"""The pass over sparse rows (CSR), as seen from Python."""


cdef class SparseProblem(Problem):
    """As `Problem`, of a matrix X with data, indices, indptr and shape, as `fastml._sparse.Csr` has checked it."""

    cdef object data, indices, indptr
    cdef list kept           # gradients of tasks, all 0, where no pass has them
    cdef SparsePass sparse
    cdef ptrdiff_t task_stop[PARTS]
    cdef ptrdiff_t task_count

    def __init__(self, X, target, weight, dtype, classes, scale, multi_label=False):
        cdef SparsePass *s = &self.sparse
        cdef Pass *p = &s.base
        memset(s, 0, sizeof(SparsePass))
        self.X, self.target, self.weight = X, target, weight
        self.data, self.indices, self.indptr = X.data, X.indices, X.indptr
        self.dtype, self.scale = np.dtype(dtype), 1.0 if scale is None else scale
        self.n, self.d, self.classes, self.multi_label = X.shape[0], X.shape[1], classes, multi_label
        p.dtype = FASTML_F32 if self.dtype == np.float32 else FASTML_F64
        p.n, p.d, p.K, s.scale = self.n, self.d, classes, self.scale
        p.multi_label = multi_label and classes > 1
        p.target = column_of(target, self.dtype, classes == 1 or multi_label)
        p.weight = column_of(weight, self.dtype, True)
        p.KP = 1 if classes == 1 else (classes + FASTML_CLASS_STEP - 1) // FASTML_CLASS_STEP * FASTML_CLASS_STEP
        s.step = 1 if classes == 1 else max(p.K, 16 // item_size(p))
        s.value = <const char *>cnp.PyArray_DATA(self.data)
        s.index = <const char *>cnp.PyArray_DATA(self.indices)
        s.indptr = <const char *>cnp.PyArray_DATA(self.indptr)
        s.value_size, s.value_kind = self.data.itemsize, kind_of(self.data.dtype)
        s.indptr_kind, s.wide = self.indptr.itemsize, self.indices.itemsize == 8
        s.direct = self.data.dtype == self.dtype
        s.entries = min(self.data.size, self.indices.size)
        self.kept = []
        self.task_count = share_rows(s, self.n, self.task_stop)

    cdef run_sparse(self, int what, w, b, v, v_bias, char *probabilities, const int64_t[::1] rows, total, sums):
        """Pass over the rows; write the gradient to total (d x K), and add loss, weight and bias to sums."""
        cdef SparsePass s = self.sparse
        cdef ptrdiff_t size = item_size(&s.base), buffers, k
        cdef ptrdiff_t task_stop[PARTS]
        cdef char *memory
        cdef char *gradients = NULL
        s.what = what
        s.base.probabilities = probabilities
        s.part_count = self.task_count
        copy_bytes(task_stop, self.task_stop, sizeof(task_stop))
        if rows is not None:
            s.base.n = rows.shape[0]
            s.base.rows = &rows[0] if s.base.n else NULL
            s.part_count = share_rows(&s, s.base.n, task_stop)
        kept = [model_of(&s, w, self.dtype), bias_of(&s, b, self.dtype, -np.inf)]
        s.w, s.bias = data_of(kept[0]), data_of(kept[1])
        if what == CURVATURE:
            kept += [model_of(&s, v, self.dtype), bias_of(&s, v_bias, self.dtype, 0)]
            s.v, s.v_bias = data_of(kept[2]), data_of(kept[3])
        if total is not None:
            s.gradient_bytes = padded(s.base.d * s.step * size)
            recent = self.take_gradients(s.part_count * s.gradient_bytes)
            s.total, gradients, s.first_drain = <double *>data_of(total), data_of(recent), True
        buffers = part_bytes(&s)
        memory = <char *>malloc(s.part_count * buffers)
        if memory == NULL:
            raise MemoryError(f"no memory for {s.part_count} buffers of {buffers} bytes")
        try:
            for k in range(s.part_count):
                lay_out(&s, &s.parts[k], memory + k * buffers)
                s.parts[k].recent = gradients + k * s.gradient_bytes
                s.parts[k].row = task_stop[k - 1] if k else 0
                s.parts[k].stop = task_stop[k]
            self.run_slices(&s)
            for k in range(s.part_count):
                self.check_sparse(&s.parts[k])
                add_sparse(sums, &s, &s.parts[k])
        finally:
            free(memory)
        self.sparse.checked = self.sparse.checked or rows is None
        if total is not None and not self.kept:
            self.kept.append(recent)

    cdef take_gradients(self, ptrdiff_t size):
        """Return memory that is 0, from an earlier pass if there is; a pass at the same time has other memory."""
        try:
            recent = self.kept.pop()
        except IndexError:
            recent = None
        return recent if recent is not None and recent.nbytes >= size else np.zeros(size, np.uint8)

    cdef run_slices(self, SparsePass *s):
        """Let all tasks advance until they are done; drain what they add up, and look at pending signals between."""
        cdef ptrdiff_t recent = 0, features = drain_features(s), round_cost, left
        cdef double entry_ns = ENTRY_NS * (1 + s.step * 0.25)
        s.slice = max(SLICE * PARTS // s.part_count // ((s.step + 31) // 32), <ptrdiff_t>4096)
        round_cost = s.slice * s.part_count
        left = rows_left(s)
        while left:
            with nogil:
                parallel_for(sparse_part, s, s.part_count, min(s.cost, round_cost) * entry_ns)
            s.cost = max(s.cost - round_cost, <ptrdiff_t>0)
            recent += s.slice
            left = rows_left(s)
            if s.total != NULL and (left == 0 or recent >= ENTRIES_PER_FEATURE * s.base.d):
                s.last_drain = 1.0 if left else self.scale / self.total_weight(s)
                with nogil:
                    parallel_for(drain_part, s, (s.base.d + features - 1) // features,
                                 s.base.d * s.step * s.part_count * 0.4)
                recent = 0
                s.first_drain = False
            PyErr_CheckSignals()

    cdef double total_weight(self, const SparsePass *s):
        """Return the sum of the weights seen so far, or the number of rows; 1 where that is 0."""
        cdef double weight = 0
        cdef ptrdiff_t k
        for k in range(s.part_count):
            weight += s.parts[k].weight
        if self.weight is None:
            weight = <double>s.base.n
        return weight if weight > 0 else 1.0

    cdef check_sparse(self, const SparsePart *part):
        cdef Part refused
        if part.bad_row >= 0:
            start, stop = self.indptr[part.bad_row], self.indptr[part.bad_row + 1]
            raise ValueError(f"X: expected an indptr that rises from 0 to {self.sparse.entries} at most, got {start} "
                             f"and then {stop} for row {part.bad_row}")
        if part.bad_index >= 0:
            row = self.indices[self.indptr[part.bad_index]:self.indptr[part.bad_index + 1]]
            raise ValueError(f"X: expected indices from 0 to {self.d - 1}, got {row[(row < 0) | (row >= self.d)][0]} "
                             f"in row {part.bad_index}")
        refused.bad_target, refused.bad_weight = part.bad_target, part.bad_weight
        self.check_part(&refused)

    def evaluate(self, w, b, bint gradient=True, const int64_t[::1] rows=None):
        """Return the mean loss, without penalties, and its gradient for w and b in float64 (None without gradient)."""
        cdef ptrdiff_t n = self.n if rows is None else rows.shape[0]
        sums = np.zeros(2 + self.sparse.base.KP)
        total = np.empty(w.shape) if gradient else None
        self.run_sparse(GRADIENT if gradient else LOSS, w, b, None, None, NULL, rows, total, sums)
        weight = sums[1] if self.weight is not None else np.float64(n)
        if not weight > 0:
            sums[:], weight = 0, 1.0
            if gradient:
                total[...] = 0
        loss = sums[0] / weight
        return (loss, total, sums[2:2 + self.classes] / weight) if gradient else (loss, None, None)

    def hessian_product(self, w, b, v, v_b):
        """Return the product of the mean loss's Hessian at w and b, without penalties, with the direction v, v_b.

        Both parts are float64, of the shapes of `evaluate`'s gradients.
        """
        sums, total = np.zeros(2 + self.sparse.base.KP), np.empty(w.shape)
        self.run_sparse(CURVATURE, w, b, v, v_b, NULL, None, total, sums)
        weight = sums[1] if self.weight is not None else np.float64(self.n)
        if not weight > 0:
            sums[:], total[...], weight = 0, 0, 1.0
        return total, sums[2:2 + self.classes] / weight

    def curvature(self, w, b, rows=None, bint diagonal=False):
        """As `Problem`'s, of rows that are made dense, DENSE_BYTES of them at a time."""
        cdef ptrdiff_t n = self.n if rows is None else len(rows)
        count = max(1, min(DENSE_BYTES // (self.d * self.dtype.itemsize + 1), DENSE_ROWS))
        matrix, total = None, 0.0
        for start in range(0, max(n, 1), count):
            part = np.arange(start, min(start + count, n)) if rows is None else np.asarray(rows[start:start + count])
            weight = None if self.weight is None else np.ascontiguousarray(self.weight[part])
            share = float(len(part) if weight is None else weight.sum(dtype=np.float64))
            X = self.X.rows(part, self.dtype)
            problem = Problem(X, None, weight, self.dtype, self.classes, self.scale, self.multi_label)
            more = problem.curvature(w, b, None, diagonal)
            more *= share
            matrix = more if matrix is None else np.add(matrix, more, out=matrix)
            total += share
        matrix *= 1 / total if total > 0 else 0.0
        return matrix

    def predict(self, w, b):
        """Return the probabilities: (n,), or (n, K)."""
        out = np.empty((self.n, self.classes), self.dtype)
        sums = np.zeros(2 + self.sparse.base.KP)
        self.run_sparse(PROBABILITIES, w, b, None, None, data_of(out), None, None, sums)
        return out if self.classes > 1 or self.multi_label else out[:, 0]


cdef ptrdiff_t rows_left(const SparsePass *s) noexcept:
    cdef ptrdiff_t k, left = 0
    for k in range(s.part_count):
        left += s.parts[k].stop - s.parts[k].row
    return left


cdef ptrdiff_t cost_before(const SparsePass *s, ptrdiff_t row) noexcept:
    """Return what the rows before this one cost; an indptr that is none gives some number, not an error."""
    return min(max(row_start(s, row) - row_start(s, 0), <ptrdiff_t>0), s.entries) + ROW_COST * row


cdef ptrdiff_t cost_of(const SparsePass *s, ptrdiff_t n) noexcept:
    """Return what the chosen rows cost."""
    cdef ptrdiff_t i, cost = ROW_COST * n
    if s.base.rows == NULL:
        return cost_before(s, n)
    for i in range(n):
        cost += cost_before(s, s.base.rows[i] + 1) - cost_before(s, s.base.rows[i]) - ROW_COST
    return cost


cdef ptrdiff_t share_rows(SparsePass *s, ptrdiff_t n, ptrdiff_t *task_stop) noexcept:
    """Choose the tasks' number, a power of two, and their rows, so that all cost the same; return their number."""
    cdef ptrdiff_t count = 1, k, low, high, middle, wanted, cost = cost_of(s, n), elements = s.base.d * s.step
    cdef ptrdiff_t entries = cost - ROW_COST * n
    while (2 * count <= PARTS and 2 * count * PART_COST <= cost
           and (2 * count * ENTRIES_PER_FEATURE * s.base.d <= entries or (count == 1 and s.base.d <= entries))
           and 2 * count * elements * item_size(&s.base) <= GRADIENTS_BYTES):
        count *= 2
    for k in range(count):
        low, high = task_stop[k - 1] if k else 0, n
        wanted = cost // count * (k + 1)
        while low < high and k < count - 1:
            middle = (low + high) // 2
            # of rows chosen one by one, which are few, each counts alike
            if (cost_before(s, middle) if s.base.rows == NULL else middle * (cost // n)) < wanted:
                low = middle + 1
            else:
                high = middle
        task_stop[k] = high
    s.cost = cost
    return count


cdef model_of(const SparsePass *s, w, dtype):
    """Return w in rows of `step` elements: itself, or a copy."""
    cdef ptrdiff_t i, k, K = s.base.K, step = s.step
    cdef const float *source
    cdef float *target
    w = np.require(w, dtype, "CA")
    if step == K:
        return w
    wide = np.empty((s.base.d, step), dtype)
    source, target = <const float *>data_of(w), <float *>data_of(wide)   # two or three classes of float32
    for i in range(s.base.d):
        for k in range(step):
            target[i * step + k] = source[i * K + k] if k < K else 0
    return wide


cdef bias_of(const SparsePass *s, b, dtype, beyond):
    """Return the bias, with another for classes that only fill."""
    wide = np.full(s.base.KP, beyond, dtype)
    wide[:s.base.K] = b
    return wide


cdef char *data_of(array) noexcept:
    return <char *>cnp.PyArray_DATA(array)


cdef ptrdiff_t padded(ptrdiff_t size) noexcept:
    return (size + 63) // 64 * 64


cdef ptrdiff_t part_bytes(const SparsePass *s) noexcept:
    """Return the memory of a task beside its gradient."""
    cdef ptrdiff_t size = item_size(&s.base), KP = s.base.KP
    return (padded(KP * 8) + padded(KP * size) + (1 + (s.what == CURVATURE)) * padded(FASTML_BLOCK_ROWS * KP * size)
            + s.base.multi_label * padded(FASTML_BLOCK_ROWS * s.base.K * size) + BLOCK_ENTRIES * (size + 4))


cdef void lay_out(const SparsePass *s, SparsePart *part, char *memory) noexcept:
    cdef ptrdiff_t size = item_size(&s.base), KP = s.base.KP
    memset(part, 0, sizeof(SparsePart))
    memset(memory, 0, KP * 8)
    part.bias = <double *>memory
    part.recent_bias = <char *>part.bias + padded(KP * 8)
    part.Z = part.recent_bias + padded(KP * size)
    part.U = part.Z + (padded(FASTML_BLOCK_ROWS * KP * size) if s.what == CURVATURE else 0)
    part.labels = part.U + padded(FASTML_BLOCK_ROWS * KP * size)
    part.value = part.labels + s.base.multi_label * padded(FASTML_BLOCK_ROWS * s.base.K * size)
    part.index = <int32_t *>(part.value + BLOCK_ENTRIES * size)
    part.bad_target = part.bad_weight = part.bad_row = part.bad_index = -1


cdef void add_sparse(sums, const SparsePass *s, const SparsePart *part) noexcept:
    cdef double *sum = <double *>data_of(sums)
    cdef ptrdiff_t k
    sum[0] += part.loss
    sum[1] += part.weight
    for k in range(s.base.KP):
        sum[2 + k] += part.bias[k]
