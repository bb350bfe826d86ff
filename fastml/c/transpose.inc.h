/* Transposed copies, in blocks of SQUARE x SQUARE held in registers: a stage swaps the off-diagonal halves of ever
 * larger squares. */

#if DTYPE == F16
#define SQUARE 1
#elif DTYPE == F32
#define SQUARE 8
#else
#define SQUARE 4
#endif

#if SQUARE > 1
typedef T FN(square_row) __attribute__((vector_size(SQUARE * sizeof(T)), aligned(sizeof(T)), may_alias));

#define SWAP(i, k, low, high)                       \
    {                                               \
        FN(square_row) a = v[i], b = v[k];          \
        v[i] = __builtin_shufflevector(a, b, low);  \
        v[k] = __builtin_shufflevector(a, b, high); \
    }

INLINE void FN(transpose_square)(const T *from, ptrdiff_t from_step, T *to, ptrdiff_t to_step) {
    FN(square_row) v[SQUARE];
    UNROLL for (int i = 0; i < SQUARE; i++) v[i] = *(const FN(square_row) *)(from + i * from_step);
#if SQUARE == 8
#define LOW1 0, 8, 2, 10, 4, 12, 6, 14
#define HIGH1 1, 9, 3, 11, 5, 13, 7, 15
#define LOW2 0, 1, 8, 9, 4, 5, 12, 13
#define HIGH2 2, 3, 10, 11, 6, 7, 14, 15
#define LOW4 0, 1, 2, 3, 8, 9, 10, 11
#define HIGH4 4, 5, 6, 7, 12, 13, 14, 15
    UNROLL for (int i = 0; i < 8; i += 2) SWAP(i, i + 1, LOW1, HIGH1) UNROLL for (int i = 0; i < 8; i += 4){
        SWAP(i, i + 2, LOW2, HIGH2) SWAP(i + 1, i + 3, LOW2, HIGH2)} UNROLL for (int i = 0; i < 4; i++)
            SWAP(i, i + 4, LOW4, HIGH4)
#else
#define LOW1 0, 4, 2, 6
#define HIGH1 1, 5, 3, 7
#define LOW2 0, 1, 4, 5
#define HIGH2 2, 3, 6, 7
    SWAP(0, 1, LOW1, HIGH1)
    SWAP(2, 3, LOW1, HIGH1)
    SWAP(0, 2, LOW2, HIGH2)
    SWAP(1, 3, LOW2, HIGH2)
#endif
                UNROLL for (int i = 0; i < SQUARE; i++) *
        (FN(square_row) *)(to + i * to_step) = v[i];
}
#undef SWAP
#undef LOW1
#undef HIGH1
#undef LOW2
#undef HIGH2
#undef LOW4
#undef HIGH4
#endif

/* to[i, j] = from[j, i] for i < columns, j < rows; steps are the distances of rows in elements. The last squares
 * overlap those before. */
HOT static void FN(transpose)(const S *from, ptrdiff_t from_step, S *to, ptrdiff_t to_step, ptrdiff_t rows,
                              ptrdiff_t columns) {
#if SQUARE > 1
    if (rows >= SQUARE && columns >= SQUARE) {
        for (ptrdiff_t j = 0; j < rows; j += SQUARE) {
            ptrdiff_t row = j + SQUARE <= rows ? j : rows - SQUARE;
            for (ptrdiff_t i = 0; i < columns; i += SQUARE) {
                ptrdiff_t column = i + SQUARE <= columns ? i : columns - SQUARE;
                FN(transpose_square)(from + row * from_step + column, from_step, to + column * to_step + row, to_step);
            }
        }
        return;
    }
#endif
    for (ptrdiff_t i = 0; i < columns; i++)
        for (ptrdiff_t j = 0; j < rows; j++) to[i * to_step + j] = from[j * from_step + i];
}
#undef SQUARE

#if DTYPE != F16
static void FN(transpose_any)(const void *from, ptrdiff_t from_step, void *to, ptrdiff_t to_step, ptrdiff_t rows,
                              ptrdiff_t columns) {
    FN(transpose)((const S *)from, from_step, (S *)to, to_step, rows, columns);
}
#endif
