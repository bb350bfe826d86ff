"""Flips and crops of a batch of images, of _random.pyx: rows of pixels are copied, reversed or filled."""

cimport cython

from fastml._fastml_runtime cimport fastml_reversal

cdef enum:
    CONSTANT, EDGE, REFLECT
    TASK_BYTES = 65536

# Estimated nanoseconds: of a byte, of a row, and of an item that is copied by itself.
cdef double BYTE_NS = 0.08, ROW_NS = 15, ITEM_NS = 1.5


cdef struct Images:
    const char *source
    char *to
    const char *flips            # a pair of bytes an image (across, down), or NULL for crops
    const int64_t *corners       # a pair an image (top, left)
    const char *pixel            # what constant padding is filled with, its channels adjacent; repeated
    ptrdiff_t pixels             # as often as this
    int mode
    bint dense                   # the pixels of a row are adjacent, in both
    bint joined                  # the rows of an image too, and results are as wide as images
    ptrdiff_t n, rows, columns, source_rows, source_columns
    ptrdiff_t channels, size     # adjacent channels are one of `size` bytes
    ptrdiff_t source_image, source_row, source_step, source_channel
    ptrdiff_t image, row, step, channel
    ptrdiff_t task_rows, first_task
    fastml_reversal reversal


cdef void copy_pixels(const Images *c, const char *source, char *to, ptrdiff_t n, bint back) noexcept nogil:
    """Copy n pixels from `source` on, or, going back, from `source` down."""
    cdef ptrdiff_t k
    for k in range(c.channels):
        if not c.dense:
            copy_items(to, c.step, source, -c.source_step if back else c.source_step, n, c.size)
        elif back:
            kernels().reverse_items(&c.reversal, source - (n - 1) * c.size, to, 0, 0, n, 1)
        else:
            memcpy(to, source, n * c.size)
        source += c.source_channel
        to += c.channel


cdef void copy_rows(const Images *c, const char *source, ptrdiff_t source_row, char *to, ptrdiff_t n,
                    bint back) noexcept nogil:
    """Copy n rows as wide as the result; `source` is the first row's leftmost pixel, also when going back."""
    cdef ptrdiff_t i, bytes = c.columns * c.size
    if c.dense and back:
        for i in range(c.channels):
            kernels().reverse_items(&c.reversal, source, to, source_row, c.row, c.columns, n)
            source += c.source_channel
            to += c.channel
        return
    if back:
        source += (c.columns - 1) * c.source_step
    for i in range(n):
        if c.dense and c.channels == 1:
            memcpy(to, source, bytes)
        else:
            copy_pixels(c, source, to, c.columns, back)
        source += source_row
        to += c.row


cdef void repeat_pixel(const Images *c, const char *pixel, ptrdiff_t pixel_channel, char *to,
                       ptrdiff_t n) noexcept nogil:
    cdef ptrdiff_t k
    for k in range(c.channels):
        copy_items(to, c.step, pixel, 0, n, c.size)
        pixel += pixel_channel
        to += c.channel


cdef void fill_pixels(const Images *c, char *to, ptrdiff_t n) noexcept nogil:
    cdef ptrdiff_t count
    if not c.dense or c.channels > 1:
        repeat_pixel(c, c.pixel, c.size, to, n)
        return
    while n > 0:
        count = min(n, c.pixels)
        memcpy(to, c.pixel, count * c.size)
        to += count * c.size
        n -= count


cdef void flip_rows(const Images *c, ptrdiff_t image, ptrdiff_t row, ptrdiff_t n) noexcept nogil:
    """Write n rows of an image."""
    cdef bint across = c.flips[2 * image], down = c.flips[2 * image + 1]
    cdef const char *source = c.source + image * c.source_image
    cdef char *to = c.to + image * c.image + row * c.row
    cdef ptrdiff_t step = c.source_row
    if c.joined and across == down:
        source += ((c.rows - row) * c.columns - 1) * c.size if down else row * step
        copy_pixels(c, source, to, n * c.columns, down)
        return
    if down:
        source += (c.rows - 1) * step
        step = -step
    copy_rows(c, source + row * step, step, to, n, across)


@cython.cdivision(True)
cdef ptrdiff_t reflected(ptrdiff_t k, ptrdiff_t length) noexcept nogil:
    """Return the place of k in [0, 2 length - 2): there and, from `length` on, back without the ends; length > 1."""
    cdef ptrdiff_t period = 2 * length - 2
    return (k % period + period) % period


cdef void crop_row(const Images *c, const char *source, char *to, ptrdiff_t left) noexcept nogil:
    """Write one row from a row of the image, beginning at a column that may lie in the padding."""
    cdef ptrdiff_t n = c.columns, width = c.source_columns, count
    cdef bint back
    while n > 0:
        back = False
        if 0 <= left < width:
            count = min(n, width - left)
            copy_pixels(c, source + left * c.source_step, to, count, False)
        elif c.mode == REFLECT and width > 1:
            left = reflected(left, width)
            back = left >= width
            count = min(n, 2 * width - 2 - left if back else width - left)
            copy_pixels(c, source + (2 * width - 2 - left if back else left) * c.source_step, to, count, back)
        else:
            count = n if left >= width else min(n, -left)
            if c.mode == CONSTANT:
                fill_pixels(c, to, count)
            else:
                repeat_pixel(c, source + (0 if left < 0 else (width - 1) * c.source_step), c.source_channel, to, count)
        n -= count
        left += count
        to += count * c.step


cdef void crop_rows(const Images *c, ptrdiff_t image, ptrdiff_t row, ptrdiff_t n) noexcept nogil:
    """Write n rows of an image's crop."""
    cdef ptrdiff_t top = c.corners[2 * image] + row, left = c.corners[2 * image + 1], height = c.source_rows, i, count
    cdef const char *source = c.source + image * c.source_image
    cdef char *to = c.to + image * c.image + row * c.row
    cdef bint beside = left < 0 or left + c.columns > c.source_columns
    if c.joined and not beside and 0 <= top and top + n <= height:
        copy_pixels(c, source + top * c.source_row, to, n * c.columns, False)
        return
    while n > 0:
        count = 1
        if 0 <= top < height and not beside:
            count = min(n, height - top)
            copy_rows(c, source + top * c.source_row + left * c.source_step, c.source_row, to, count, False)
        elif 0 <= top < height:
            crop_row(c, source + top * c.source_row, to, left)
        elif c.mode == CONSTANT:
            fill_pixels(c, to, c.columns)
        elif c.mode == EDGE or height == 1:
            crop_row(c, source + (0 if top < 0 else height - 1) * c.source_row, to, left)
        else:
            i = reflected(top, height)
            crop_row(c, source + (i if i < height else 2 * height - 2 - i) * c.source_row, to, left)
        n -= count
        top += count
        to += count * c.row


cdef void run_images(void *context, ptrdiff_t task) noexcept nogil:
    cdef const Images *c = <const Images *>context
    cdef ptrdiff_t row = (c.first_task + task) * c.task_rows, stop = min(row + c.task_rows, c.n * c.rows), image, n
    while row < stop:
        image = row // c.rows
        n = min(stop, (image + 1) * c.rows) - row
        if c.flips != NULL:
            flip_rows(c, image, row - image * c.rows, n)
        else:
            crop_rows(c, image, row - image * c.rows, n)
        row += n


cdef int run_batch(Images *c) except -1:
    """Write all rows, in slices with a look at pending signals between them."""
    cdef ptrdiff_t row_bytes = c.columns * c.channels * c.size, tasks, count, slice_tasks
    cdef double row_ns = ROW_NS + row_bytes * BYTE_NS
    if not c.dense:
        row_ns += c.columns * c.channels * ITEM_NS
    c.task_rows = max(<ptrdiff_t>1, TASK_BYTES // row_bytes)
    tasks = (c.n * c.rows + c.task_rows - 1) // c.task_rows
    if c.n * c.rows * row_ns < HOLD_NS:
        c.task_rows = c.n * c.rows
        run_images(c, 0)
        return 0
    slice_tasks = max(<ptrdiff_t>1, <ptrdiff_t>(SLICE_NS / (c.task_rows * row_ns)))
    while c.first_task < tasks:
        count = min(slice_tasks, tasks - c.first_task)
        with nogil:
            parallel_for(run_images, c, count, count * c.task_rows * row_ns)
        c.first_task += count
        PyErr_CheckSignals()
    return 0


cdef void set_reversal(fastml_reversal *r, ptrdiff_t size) noexcept:
    cdef ptrdiff_t i, items = 16 // size
    r.size, r.step = size, items * size
    for i in range(r.step):
        r.from_start[i] = (items - 1 - i // size) * size + i % size
        r.from_end[i] = r.from_start[i] + 16 - r.step
    for i in range(r.step, 16):
        r.from_start[i] = r.from_end[i] = 0


cdef void describe_images(Images *c, cnp.ndarray images, cnp.ndarray out) noexcept:
    """Set shapes and steps of batches (N, H, W) or (N, H, W, C)."""
    cdef bint adjacent
    c.n, c.rows, c.columns = cnp.PyArray_DIM(out, 0), cnp.PyArray_DIM(out, 1), cnp.PyArray_DIM(out, 2)
    c.source_rows, c.source_columns = cnp.PyArray_DIM(images, 1), cnp.PyArray_DIM(images, 2)
    c.source, c.to = <const char *>cnp.PyArray_DATA(images), <char *>cnp.PyArray_DATA(out)
    c.source_image, c.source_row = cnp.PyArray_STRIDE(images, 0), cnp.PyArray_STRIDE(images, 1)
    c.image, c.row = cnp.PyArray_STRIDE(out, 0), cnp.PyArray_STRIDE(out, 1)
    c.source_step, c.step = cnp.PyArray_STRIDE(images, 2), cnp.PyArray_STRIDE(out, 2)
    c.channels, c.size, c.source_channel, c.channel = 1, cnp.PyArray_ITEMSIZE(images), 0, 0
    if cnp.PyArray_NDIM(images) == 4:
        c.channels = cnp.PyArray_DIM(images, 3)
        c.source_channel, c.channel = cnp.PyArray_STRIDE(images, 3), cnp.PyArray_STRIDE(out, 3)
        adjacent = c.source_channel == c.size and c.channel == c.size
        if adjacent or c.channels == 1:
            c.size *= c.channels
            c.channels = 1
    c.dense = c.source_step == c.size and c.step == c.size
    c.joined = (c.dense and c.channels == 1 and c.columns == c.source_columns
                and c.row == c.columns * c.size and c.source_row == c.row)


def flip_images(cnp.ndarray images not None, cnp.ndarray flips not None, cnp.ndarray out not None):
    """Write images, flipped as the bytes (across, down) of shape (N, 2) say; all arguments are checked already."""
    cdef Images c
    if cnp.PyArray_NBYTES(out) == 0:
        return
    describe_images(&c, images, out)
    c.flips, c.first_task = <const char *>cnp.PyArray_DATA(flips), 0
    set_reversal(&c.reversal, c.size)
    run_batch(&c)


def crop_images(cnp.ndarray images not None, cnp.ndarray corners not None, int mode, cnp.ndarray pixels not None,
                cnp.ndarray out not None):
    """Write the crops that begin at (row, column), int64 of shape (N, 2), out of images in padding of equal pixels.

    All arguments are checked already.
    """
    cdef Images c
    if cnp.PyArray_NBYTES(out) == 0:
        return
    describe_images(&c, images, out)
    c.flips, c.corners, c.first_task = NULL, <const int64_t *>cnp.PyArray_DATA(corners), 0
    c.pixel, c.pixels, c.mode = <const char *>cnp.PyArray_DATA(pixels), cnp.PyArray_DIM(pixels, 0), mode
    set_reversal(&c.reversal, c.size)
    run_batch(&c)
