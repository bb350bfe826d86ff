"""The pass over the data of logistic and softmax regression.

Rows go through the kernels block by block. A block that is not dense in the dtype of w is converted into a buffer, so
X is never converted whole. PARTS tasks at most run side by side, each adding to sums of its own; how many, and which
rows each takes, depends on the shape alone, and the sums are added in their order: the bits do not depend on threads.
"""

include "_logistic_core.pxi"
include "_logistic_load.pxi"
include "_logistic_curvature.pxi"


cdef class Problem:
    """X, and y and weights where there are any, ready to be passed over.

    The arrays are native; X (n, d), target and weight (n,) or None; dtype is that of w; classes 1 means binary.
    With multi_label each of the classes is a binary model and the target (n, classes).
    """

    cdef object X, target, weight
    cdef readonly object dtype
    cdef readonly ptrdiff_t n, d, classes
    cdef readonly bint multi_label
    cdef double scale
    cdef Pass setup

    def __init__(self, X, target, weight, dtype, classes, scale, multi_label=False):
        cdef Pass *p = &self.setup
        memset(p, 0, sizeof(Pass))
        self.X, self.target, self.weight = X, target, weight
        self.dtype, self.scale = np.dtype(dtype), 1.0 if scale is None else scale
        self.n, self.d, self.classes, self.multi_label = X.shape[0], X.shape[1], classes, multi_label
        p.dtype = FASTML_F32 if self.dtype == np.float32 else FASTML_F64
        p.X = <const char *>cnp.PyArray_DATA(X)
        p.n = self.n
        p.d = self.d
        p.x_row = cnp.PyArray_STRIDE(X, 0)
        p.x_column = cnp.PyArray_STRIDE(X, 1)
        p.x_kind = kind_of(X.dtype)
        p.multi_label = multi_label and classes > 1
        # a class is an index: checked where none can change it
        p.target = column_of(target, self.dtype, classes == 1 or multi_label)
        p.weight = column_of(weight, self.dtype, True)
        p.K = classes
        p.KP = 1 if classes == 1 else (classes + FASTML_CLASS_STEP - 1) // FASTML_CLASS_STEP * FASTML_CLASS_STEP
        p.ld = max(p.d, <ptrdiff_t>FASTML_MIN_FEATURES)
        p.x_size = X.itemsize
        p.quick = p.x_kind in (FASTML_FROM_F16, FASTML_FROM_I8, FASTML_FROM_U8)
        p.transposed = (X.dtype == self.dtype and p.x_row == p.x_size and X.flags.aligned
                        and p.x_column % p.x_size == 0)
        p.direct = (X.dtype == self.dtype and p.x_column == item_size(p) and X.flags.aligned
                    and p.x_row % item_size(p) == 0 and p.d >= FASTML_MIN_FEATURES)
        p.by_columns = not p.direct and abs(p.x_row) < abs(p.x_column)
        p.from_memory = p.direct and <double>p.n * p.d * item_size(p) > CACHED_BYTES
        divide(p, self.n)

    cdef run(self, w, b, char *probabilities, bint gradient, ptrdiff_t n, const int64_t *rows, double *sums):
        """Pass over n rows; add to sums: loss, weight, then (ld + 1) x KP of gradient. Raises for bad rows."""
        cdef Pass p = self.setup
        cdef ptrdiff_t size = item_size(&p), elements = (p.ld + 1) * p.KP, part_bytes, k
        cdef ptrdiff_t block, scores, labels, model_bytes = round_up(elements * size, PAGE)
        cdef char *allocated
        cdef char *memory
        cdef Part *part
        if rows != NULL:
            p.from_memory = p.by_columns = False      # these rows are copied into a block, which is in cache
            divide(&p, n)
        block = 0 if p.direct and rows == NULL else p.tile_rows * p.ld * size
        scores = p.block_rows * p.KP * size if p.K > 1 else 0
        labels = p.block_rows * p.K * size if p.multi_label else 0
        p.n = n
        p.rows = rows
        p.gradient = gradient
        p.probabilities = probabilities
        part_bytes = round_up(elements * (8 + size) * gradient, LINE) + block + scores + labels
        part_bytes = round_up(part_bytes, PAGE)
        count = min(p.part_count, (n + p.part_rows - 1) // p.part_rows)
        allocated = <char *>calloc(1, model_bytes + count * part_bytes + PAGE)
        if allocated == NULL:
            raise MemoryError(f"no memory for {count} partial sums of {part_bytes} bytes")
        memory = allocated + round_up(<uintptr_t>allocated, PAGE) - <uintptr_t>allocated
        try:
            load_model(&p, memory, w, b, self.scale)
            for k in range(count):
                part = &p.parts[k]
                part.gradient = <double *>(memory + model_bytes + k * part_bytes)
                part.recent = <char *>(part.gradient + elements * gradient)
                part.block = <char *>part.gradient + round_up(elements * (8 + size) * gradient, LINE)
                part.scores = part.block + block
                part.labels = part.scores + scores
                part.bad_target = part.bad_weight = -1
            self.run_rounds(&p)
            for k in range(count):
                part = &p.parts[k]
                self.check_part(part)
                add_part(sums, part, elements * gradient)
        finally:
            free(allocated)

    cdef run_rounds(self, Pass *p):
        """Run all tasks, part_count at a time, with a look at pending signals between."""
        cdef ptrdiff_t tasks
        cdef double work
        while p.first < p.n:
            tasks = min(p.part_count, (p.n - p.first + p.part_rows - 1) // p.part_rows)
            work = min(p.n - p.first, tasks * p.part_rows) * p.d * (ELEMENT_NS * (1 + p.KP * 0.25))
            with nogil:
                if p.probabilities != NULL:
                    parallel_for(predict_part, p, tasks, work)
                else:
                    parallel_for(run_part, p, tasks, work)
            p.first += tasks * p.part_rows
            PyErr_CheckSignals()

    cdef check_part(self, const Part *part):
        if part.bad_target >= 0 and self.multi_label:
            labels = self.target[part.bad_target]
            column = int(np.isin(labels, (0, 1)).argmin())
            raise ValueError(f"y: expected 0 or 1, got {labels[column]} in row {part.bad_target}, column {column}")
        if part.bad_target >= 0:
            wanted = "0 or 1" if self.classes == 1 else f"classes from 0 to {self.classes - 1}"
            raise ValueError(f"y: expected {wanted}, got {self.target[part.bad_target]} in row {part.bad_target}")
        if part.bad_weight >= 0:
            raise ValueError(f"sample_weight: expected finite numbers >= 0, got {self.weight[part.bad_weight]} "
                             f"in row {part.bad_weight}")

    def evaluate(self, w, b, bint gradient=True, rows=None):
        """Return the mean loss, without penalties, and its gradient for w and b in float64 (None without gradient).

        w (d,) or (d, K) and b, a number or (K,), are of this problem's dtype; rows: the rows to take.
        """
        cdef const int64_t *row_numbers = NULL
        cdef ptrdiff_t n = self.n
        cdef Pass *p = &self.setup
        if rows is not None:
            rows = np.ascontiguousarray(rows, np.int64)   # a memoryview would be a third of this code
            n = cnp.PyArray_SIZE(rows)
            row_numbers = <const int64_t *>cnp.PyArray_DATA(rows) if n else NULL
        sums = np.zeros(2 + (p.ld + 1) * p.KP * gradient)
        cdef double *sum = <double *>cnp.PyArray_DATA(sums)
        self.run(w, b, NULL, gradient, n, row_numbers, sum)
        cdef double total = sum[1] if self.weight is not None else <double>n
        if not total > 0:
            sums[:] = 0
            total = 1
        if not gradient:
            return sum[0] / total, None, None
        dw, db = np.empty(w.shape), np.empty(p.K)
        read_gradient(p, sum + 2, <double *>cnp.PyArray_DATA(dw), <double *>cnp.PyArray_DATA(db), total, self.scale)
        return sum[0] / total, dw, db

    def curvature(self, w, b, const int64_t[::1] rows=None, bint diagonal=False):
        """Return the mean of ``h x x^T`` over samples, x a row of X with a 1 behind it.

        h is ``p (1 - p)``, for softmax its mean over classes: the second derivative of the mean loss. rows: the rows to
        take. float64 and square, padded with zeros to a multiple of 32; below the diagonal there may be anything.
        With diagonal=True its diagonal alone, as a vector, which takes about as long as a pass or two.
        """
        cdef Pass p = self.setup
        cdef ptrdiff_t size = item_size(&p), side = (p.d + 32) // 32 * 32
        cdef char *model = <char *>calloc((p.ld + 1) * p.KP, size)
        cdef double total
        if model == NULL:
            raise MemoryError("no memory for the model")
        try:
            load_model(&p, model, w, b, self.scale)
            if rows is not None:
                p.rows, p.n = &rows[0] if rows.shape[0] else NULL, rows.shape[0]
                p.by_columns = False
                divide(&p, p.n)
            matrix = np.zeros((side, side))
            total = add_curvature(&p, <double *>cnp.PyArray_DATA(matrix), side, diagonal)
        finally:
            free(model)
        factors = np.full(len(matrix), self.scale)
        factors[self.d] = 1
        if diagonal:
            return matrix.diagonal() * (factors * (1 / total if total > 0 else 0.0)) * factors
        matrix *= factors * (1 / total if total > 0 else 0.0)
        matrix *= factors[:, None]
        return matrix

    def predict(self, w, b):
        """Return the probabilities: (n,), or (n, K)."""
        cdef double nothing[2]
        out = np.empty((self.n, self.classes), self.dtype)
        self.run(w, b, <char *>cnp.PyArray_DATA(out), False, self.n, NULL, nothing)
        return out if self.classes > 1 or self.multi_label else out[:, 0]


include "_logistic_sparse.pxi"
include "_logistic_sparse_problem.pxi"
