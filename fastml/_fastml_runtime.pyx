"""The compiled C: kernel tables, their choice, and the thread pool."""

import os
import warnings

cdef extern from "fastml.h" nogil:
    const fastml_table *fastml_kernels
    const fastml_table *fastml_select_isa(const char *name, int *known)
    const char *fastml_compiler

cdef extern from "threadpool.h" nogil:
    void fastml_parallel_for(fastml_task task, void *context, ptrdiff_t chunks, double work_ns)
    int fastml_get_num_threads()
    void fastml_set_num_threads(int n)


cdef extern from "convert.h" nogil:
    enum:
        FASTML_FROM_F16, FASTML_FROM_F32, FASTML_FROM_F64
        FASTML_FROM_I8, FASTML_FROM_I16, FASTML_FROM_I32, FASTML_FROM_I64
        FASTML_FROM_U8, FASTML_FROM_U16, FASTML_FROM_U32, FASTML_FROM_U64
    void fastml_convert(void *to, int dtype, const char *source, ptrdiff_t step, ptrdiff_t n, int kind)
    void fastml_convert_index(int64_t *to, const char *source, ptrdiff_t step, ptrdiff_t n, int kind)
    bint fastml_are_classes(const int64_t *values, ptrdiff_t n, ptrdiff_t classes)
    void fastml_store(char *to, int dtype, ptrdiff_t step, const void *values, ptrdiff_t n)
    ptrdiff_t fastml_count_classes(const void *values, int dtype, ptrdiff_t n, ptrdiff_t classes)
    ptrdiff_t fastml_add_weights(const void *values, int dtype, ptrdiff_t n, double *total)


cdef extern from "logistic_sparse.h" nogil:
    void fastml_sparse_scatter(int dtype, const void *value, const int32_t *index, const ptrdiff_t *start,
                               const void *z, void *gradient, ptrdiff_t R)
    void fastml_shift_scores(int dtype, void *Z, const void *bias, double scale, ptrdiff_t R, ptrdiff_t KP)
    void fastml_fold_scores(int dtype, void *z, ptrdiff_t R)
    void fastml_curve_scores(int dtype, const void *Z, void *U, const void *weight, ptrdiff_t R, ptrdiff_t K,
                             ptrdiff_t KP, bint multi_label)


cdef const fastml_table *kernels() noexcept nogil:
    """Return the table in use."""
    return fastml_kernels


cdef void parallel_for(fastml_task task, void *context, ptrdiff_t chunks, double work_ns) noexcept nogil:
    """Run task(context, i) for i in [0, chunks) on the pool."""
    fastml_parallel_for(task, context, chunks, work_ns)


cdef void convert(void *to, int dtype, const char *source, ptrdiff_t step, ptrdiff_t n, int kind) noexcept nogil:
    """Convert n strided numbers to contiguous float32 or float64."""
    fastml_convert(to, dtype, source, step, n, kind)


cdef void convert_index(int64_t *to, const char *source, ptrdiff_t step, ptrdiff_t n, int kind) noexcept nogil:
    """Convert n strided integers to contiguous int64."""
    fastml_convert_index(to, source, step, n, kind)


cdef bint are_classes(const int64_t *values, ptrdiff_t n, ptrdiff_t classes) noexcept nogil:
    """Whether all n are in [0, classes)."""
    return fastml_are_classes(values, n, classes)


cdef void store(char *to, int dtype, ptrdiff_t step, const void *values, ptrdiff_t n) noexcept nogil:
    """Round n contiguous results and write them to strided numbers."""
    fastml_store(to, dtype, step, values, n)


cdef ptrdiff_t count_classes(const void *values, int dtype, ptrdiff_t n, ptrdiff_t classes) noexcept nogil:
    """Return how many values stand before the first that is no class."""
    return fastml_count_classes(values, dtype, n, classes)


cdef ptrdiff_t add_weights(const void *values, int dtype, ptrdiff_t n, double *total) noexcept nogil:
    """Add the values up; return how many stand before the first that is no weight."""
    return fastml_add_weights(values, dtype, n, total)


cdef void sparse_scatter(int dtype, const void *value, const int32_t *index, const ptrdiff_t *start, const void *z,
                         void *gradient, ptrdiff_t R) noexcept nogil:
    """Add X^T z to the gradient."""
    fastml_sparse_scatter(dtype, value, index, start, z, gradient, R)


cdef void shift_scores(int dtype, void *Z, const void *bias, double scale, ptrdiff_t R, ptrdiff_t KP) noexcept nogil:
    """Multiply scores by scale and add the bias."""
    fastml_shift_scores(dtype, Z, bias, scale, R, KP)


cdef void fold_scores(int dtype, void *z, ptrdiff_t R) noexcept nogil:
    """Replace scores by -|z|."""
    fastml_fold_scores(dtype, z, R)


cdef void curve_scores(int dtype, const void *Z, void *U, const void *weight, ptrdiff_t R, ptrdiff_t K,
                       ptrdiff_t KP, bint multi_label) noexcept nogil:
    """Multiply a direction's scores by the second derivative of the loss."""
    fastml_curve_scores(dtype, Z, U, weight, R, K, KP, multi_label)


CONVERTIBLE = {
    "e": FASTML_FROM_F16, "f": FASTML_FROM_F32, "d": FASTML_FROM_F64, "?": FASTML_FROM_U8,
    "i1": FASTML_FROM_I8, "i2": FASTML_FROM_I16, "i4": FASTML_FROM_I32, "i8": FASTML_FROM_I64,
    "u1": FASTML_FROM_U8, "u2": FASTML_FROM_U16, "u4": FASTML_FROM_U32, "u8": FASTML_FROM_U64,
}


def kind_of(dtype):
    """Return the number by which `convert` knows a dtype, or -1."""
    if dtype.kind in "iu":
        return CONVERTIBLE.get(f"{dtype.kind}{dtype.itemsize}", -1)
    return CONVERTIBLE.get(dtype.char, -1)


def get_num_threads():
    """Return the number of threads."""
    return fastml_get_num_threads()


def set_num_threads(int n):
    """Set the number of threads."""
    fastml_set_num_threads(n)


ISAS = ("base", "avx2", "avx512")


def isa():
    """Return the name of the instruction set in use."""
    return fastml_kernels.isa.decode()


def use_isa(name):
    """Use the kernels of one instruction set; for tests, and for FASTML_ISA at import."""
    cdef int known = 0
    encoded = name.encode()
    if fastml_select_isa(encoded, &known) == NULL:
        problem = "this machine cannot run" if known or name in ISAS else "not an instruction set that fastml knows:"
        raise ValueError(f"FASTML_ISA: expected one of {', '.join(_available)}, got {name!r} ({problem} {name})")


def available_isas():
    """Return the names of the instruction sets that this machine runs, the least first."""
    return _available


def _find_isas():
    """Try all instruction sets; the best stays chosen."""
    cdef int known = 0
    names = tuple([name for name in ISAS if fastml_select_isa(name.encode(), &known) != NULL])
    fastml_select_isa(NULL, &known)
    return names


def compiler():
    """Return the name and version of the C compiler that built this."""
    return fastml_compiler.decode()


def _configure():
    """Read the environment."""
    wanted = os.environ.get("FASTML_ISA")
    if wanted:
        try:
            use_isa(wanted)
        except ValueError as error:
            raise ImportError(str(error)) from None
    threads = os.environ.get("FASTML_NUM_THREADS")
    digits = (threads or "").strip().removeprefix("+")
    if threads and not (digits.isascii() and digits.isdigit() and digits.strip("0")):
        warnings.warn(f"FASTML_NUM_THREADS: expected a positive integer, got {threads!r}; it is ignored",
                      RuntimeWarning, stacklevel=2)


_available = _find_isas()
_configure()
