/* The kernels of the table for functions along one axis: rows, columns, short rows. */

static void FN(along_row)(const fastml_problem *p) {
    if (p->mode < FASTML_ENTROPY) FN(softmax_row)(p);
    else FN(backward_row)(p);
    clear_flags();
}

static void FN(one_tile)(const fastml_problem *p, ptrdiff_t w) {
    if (p->mode < FASTML_ENTROPY) FN(softmax_tile)(p, w);
    else FN(backward_tile)(p, w);
}

static void FN(along_columns)(const fastml_problem *p, ptrdiff_t columns) {
    for (ptrdiff_t j = 0; j < columns; j += TILE) {
        ptrdiff_t offset = j * (ptrdiff_t)sizeof(S);
        fastml_problem part = *p;
        part.x += offset;
        part.y += offset;
        if (p->x2) part.x2 += offset;
        FN(one_tile)(&part, columns - j < TILE ? columns - j : TILE);
    }
    clear_flags();
}

#include "transpose.inc.h"

#define SHORT_ROW (FASTML_SHORT_ROW / (DTYPE == F64 ? 2 : 1))

/* TILE rows at a time, transposed into a tile and back. */
static void FN(along_short)(const fastml_problem *p, ptrdiff_t R) {
    S x[SHORT_ROW * TILE], x2[SHORT_ROW * TILE], *y = (S *)p->y;
    ptrdiff_t C = p->C, results = p->mode == FASTML_LOGSUMEXP || p->mode == FASTML_ENTROPY ? 1 : C;
    fastml_problem tile = *p;
    tile.x = tile.y = (char *)x;
    tile.x2 = (const char *)x2;
    tile.x_step = tile.x2_step = tile.y_step = TILE * sizeof(S);
    for (ptrdiff_t r = 0; r < R; r += TILE) {
        ptrdiff_t w = R - r < TILE ? R - r : TILE;
        FN(transpose)((const S *)p->x + r * C, C, x, TILE, w, C);
        if (p->x2) FN(transpose)((const S *)p->x2 + r * C, C, x2, TILE, w, C);
        FN(one_tile)(&tile, w);
        FN(transpose)(x, TILE, y + r * results, results, results, w);
    }
    clear_flags();
}

/* The same for the cross-entropy. */

static void FN(cross_entropy_one)(const fastml_cross_entropy *p) {
    FN(cross_entropy_row)(p);
    clear_flags();
}

static void FN(cross_entropy_columns)(const fastml_cross_entropy *p, ptrdiff_t columns) {
    for (ptrdiff_t j = 0; j < columns; j += TILE) {
        fastml_cross_entropy part = FN(neighbor)(p, j);
        FN(cross_entropy_tile)(&part, columns - j < TILE ? columns - j : TILE);
    }
    clear_flags();
}

static void FN(cross_entropy_short)(const fastml_cross_entropy *p, ptrdiff_t R) {
    S x[SHORT_ROW * TILE];
    ptrdiff_t C = p->C;
    for (ptrdiff_t r = 0; r < R; r += TILE) {
        ptrdiff_t w = R - r < TILE ? R - r : TILE;
        fastml_cross_entropy tile = FN(neighbor)(p, r);
        FN(transpose)((const S *)p->x + r * C, C, x, TILE, w, C);
        tile.x = (const char *)x;
        tile.gradient = p->gradient ? (char *)x : NULL;
        tile.x_step = tile.gradient_step = TILE * sizeof(S);
        FN(cross_entropy_tile)(&tile, w);
        if (p->gradient) FN(transpose)(x, TILE, (S *)p->gradient + r * C, C, C, w);
    }
    clear_flags();
}
#undef SHORT_ROW
