/* Rows of images in reverse: items of any number of bytes, in the opposite order. Memory-bound if whole vectors of them
 * are turned around by one byte shuffle, which x86-64-v2 and arm64 have; a vector of items that do not divide 16 bytes
 * is stored with a few bytes too many, which the next store overwrites. */

#define PIXELS(name) CAT3(name, ISA, u8)

#if defined(FASTML_F16C)
typedef __m128i PIXELS(vector);
#define SHUFFLE(v, places) _mm_shuffle_epi8(v, places)
#elif defined(__aarch64__)
#include <arm_neon.h>
typedef uint8x16_t PIXELS(vector);
#define SHUFFLE(v, places) vqtbl1q_u8(v, places)
#endif

/* Item by item, each in pieces of the given type's size; the last piece may overlap the one before. */
INLINE void PIXELS(reverse_pieces)(const char *from, char *to, ptrdiff_t n, ptrdiff_t size, ptrdiff_t piece) {
    for (const char *item = from + n * size; n > 0; n--, to += size) {
        item -= size;
        for (ptrdiff_t k = 0; k + piece < size; k += piece) memcpy(to + k, item + k, piece);
        memcpy(to + size - piece, item + size - piece, piece);
    }
}

static void PIXELS(reverse_singly)(const char *from, char *to, ptrdiff_t n, ptrdiff_t size) {
    if (size >= 16) PIXELS(reverse_pieces)(from, to, n, size, 16);
    else if (size >= 8) PIXELS(reverse_pieces)(from, to, n, size, 8);
    else if (size >= 4) PIXELS(reverse_pieces)(from, to, n, size, 4);
    else if (size == 3) PIXELS(reverse_pieces)(from, to, n, 3, 2);
    else PIXELS(reverse_pieces)(from, to, n, size, size == 2 ? 2 : 1);
}

#ifdef SHUFFLE
INLINE PIXELS(vector) PIXELS(load)(const void *from) {
    PIXELS(vector) v;
    memcpy(&v, from, sizeof v);
    return v;
}

INLINE PIXELS(vector) PIXELS(turn)(const char *end, PIXELS(vector) places) {
    return SHUFFLE(PIXELS(load)(end - 16), places);
}

INLINE void PIXELS(store)(char *to, PIXELS(vector) v) { memcpy(to, &v, sizeof v); }
#endif

#ifdef SHUFFLE
/* Of one row that has 16 bytes or more. What lies `ahead` of it is fetched: no prefetching by hardware foresees that rows
 * follow each other upwards of which each is read downwards. */
INLINE void PIXELS(reverse_row)(const char *from, char *to, ptrdiff_t left, ptrdiff_t step, ptrdiff_t ahead,
                                PIXELS(vector) from_end, PIXELS(vector) from_start) {
    const char *end = from + left;
    char *last = to + left - step, whole[16];
    for (; left >= 3 * step + 16; left -= 4 * step, end -= 4 * step, to += 4 * step) {
        PIXELS(vector) a = PIXELS(turn)(end, from_end), b = PIXELS(turn)(end - step, from_end);
        PIXELS(vector) c = PIXELS(turn)(end - 2 * step, from_end), d = PIXELS(turn)(end - 3 * step, from_end);
        PREFETCH(end + ahead);
        PIXELS(store)(to, a);
        PIXELS(store)(to + step, b);
        PIXELS(store)(to + 2 * step, c);
        PIXELS(store)(to + 3 * step, d);
    }
    for (; left >= 16; left -= step, end -= step, to += step) PIXELS(store)(to, PIXELS(turn)(end, from_end));
    if (left == 0) return;
    /* the last items, some of them for the second time: more than 8 bytes, in two parts that overlap */
    PIXELS(store)(whole, PIXELS(turn)(from + 16, from_start));
    memcpy(last, whole, 8);
    memcpy(last + step - 8, whole + step - 8, 8);
}
#endif

/* Row by row, to[i] = from[n - 1 - i]; the two are apart. Reads and writes nothing beside the n items. */
NOINLINE static void PIXELS(reverse_items)(const fastml_reversal *r, const char *from, char *to, ptrdiff_t from_row,
                                           ptrdiff_t to_row, ptrdiff_t n, ptrdiff_t rows) {
#ifdef SHUFFLE
    ptrdiff_t bytes = n * r->size, step = r->step;
    if (step && bytes >= 16) {
        const PIXELS(vector) from_end = PIXELS(load)(r->from_end), from_start = PIXELS(load)(r->from_start);
        for (; rows > 0; rows--, from += from_row, to += to_row)
            PIXELS(reverse_row)(from, to, bytes, step, 4 * from_row, from_end, from_start);
        return;
    }
#endif
    for (; rows > 0; rows--, from += from_row, to += to_row) PIXELS(reverse_singly)(from, to, n, r->size);
}

#undef SHUFFLE
#undef PIXELS
