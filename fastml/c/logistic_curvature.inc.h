/* X^T diag(h) X over a block of rows, for logistic.inc.h: rows times the root of h, and tiles of the product.
 *
 * Features lie in panels of LANES, [panel][row][lane]: then both operands of a tile are read from start to end. */

/* packed[j / LANES][r][j % LANES] = root[r] [X, 1][r, j], padded with zeros; panels are `rows` rows long. */
NOINLINE static void FN(curvature_pack)(const void *Xv, const void *rootv, void *packedv, ptrdiff_t R, ptrdiff_t d,
                                        ptrdiff_t ldx, ptrdiff_t rows) {
    const T *root = (const T *)rootv;
    for (ptrdiff_t r = 0; r < R; r++) {
        const T *x = (const T *)Xv + r * ldx;
        T *to = (T *)packedv + r * LANES, s = root[r];
        ptrdiff_t j = 0;
        for (; j + LANES <= d; j += LANES, to += rows * LANES) IVDEP for (ptrdiff_t l = 0; l < LANES; l++) to[l] = s * x[j + l];
        for (ptrdiff_t l = 0; l < LANES; l++) to[l] = j + l < d ? s * x[j + l] : j + l == d ? s : 0;
    }
}

/* So many rows of a tile's LANES fill the registers that its columns leave. */
#define TILE (NV == 1 ? LANES : 4)

/* Neighbours are loaded one by one, each spread over a register for free: GCC makes one load and permutations of them,
 * which take the place of products. */
#define APART __asm__ __volatile__("" ::: "memory")

/* to[i, j] += factor * sum over r < R of a[r, i] b[r, j], for i, j < LANES; rows of a and b are `step` elements apart,
 * those of `to` `ld`. A sum of R is of the dtype T, in the order of rows. */
NOINLINE static void FN(curvature_tile)(const void *av, const void *bv, double *to, ptrdiff_t R, ptrdiff_t step,
                                        ptrdiff_t ld, double factor) {
    for (ptrdiff_t i = 0; i < LANES; i += TILE) {
        FN(vector) sum[TILE][NV] = {{{0}}};
        const T *a = (const T *)av + i, *b = (const T *)bv;
        for (ptrdiff_t r = 0; r < R; r++, a += step, b += step) {
            FN(vector) v[NV];
            UNROLL for (int k = 0; k < NV; k++) v[k] = AT(b + k * WIDTH);
            UNROLL for (int m = 0; m < TILE; m++) {
                APART;
                UNROLL for (int k = 0; k < NV; k++) sum[m][k] = FN(fma_scalar)(a[m], v[k], sum[m][k]);
            }
        }
        T part[TILE][LANES];
        UNROLL for (int m = 0; m < TILE; m++) UNROLL for (int k = 0; k < NV; k++)
            *(FN(vector) *)(part[m] + k * WIDTH) = sum[m][k];
        for (ptrdiff_t m = 0; m < TILE; m++)
            for (ptrdiff_t l = 0; l < LANES; l++) to[(i + m) * ld + l] += factor * (double)part[m][l];
    }
    clear_flags();
}

#undef TILE
#undef APART
