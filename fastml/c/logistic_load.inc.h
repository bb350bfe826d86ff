/* Rows of X, of the dtypes that save memory, as T: a block of them stays in the first-level cache. Of such conversions
 * GCC 12 makes scalar code, or vectors that cross lanes; so these are intrinsics. */

#ifdef FASTML_F16C
#if VECTOR_BYTES == 64 && DTYPE == F32
#define BYTES(x) _mm_loadu_si128((const __m128i *)(x))
#define WIDEN_U8(x) _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(BYTES(x)))
#define WIDEN_I8(x) _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(BYTES(x)))
#define WIDEN_F16(x) _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(x)))
#elif VECTOR_BYTES == 64
#define BYTES(x) _mm_loadl_epi64((const __m128i *)(x))
#define WIDEN_U8(x) _mm512_cvtepi32_pd(_mm256_cvtepu8_epi32(BYTES(x)))
#define WIDEN_I8(x) _mm512_cvtepi32_pd(_mm256_cvtepi8_epi32(BYTES(x)))
#define WIDEN_F16(x) _mm512_cvtps_pd(_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(x))))
#elif DTYPE == F32
#define BYTES(x) _mm_loadl_epi64((const __m128i *)(x))
#define WIDEN_U8(x) _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(BYTES(x)))
#define WIDEN_I8(x) _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(BYTES(x)))
#define WIDEN_F16(x) _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(x)))
#else
#define BYTES(x) _mm_loadu_si32(x)
#define WIDEN_U8(x) _mm256_cvtepi32_pd(_mm_cvtepu8_epi32(BYTES(x)))
#define WIDEN_I8(x) _mm256_cvtepi32_pd(_mm_cvtepi8_epi32(BYTES(x)))
#define WIDEN_F16(x) _mm256_cvtps_pd(_mm_cvtph_ps(_mm_loadl_epi64((const __m128i *)(x))))
#endif

/* The last vector of a row overlaps those before. */
#define LOAD_ROWS(NAME, WIDEN, SIZE)                                                                               \
    NOINLINE static void FN(NAME)(const char *X, T *block, ptrdiff_t step, ptrdiff_t ld, ptrdiff_t R, ptrdiff_t d, \
                                  ptrdiff_t ahead) {                                                               \
        const ptrdiff_t width = VECTOR_BYTES / sizeof(T);                                                          \
        for (ptrdiff_t r = 0; r < R; r++) {                                                                        \
            const char *x = X + r * step;                                                                          \
            T *y = block + r * ld;                                                                                 \
            ptrdiff_t i = 0;                                                                                       \
            for (; i + 32 <= d; i += 32) {                                                                         \
                PREFETCH(x + i * SIZE + ahead);                                                                    \
                UNROLL for (ptrdiff_t k = i; k < i + 32; k += width) * (FN(some_lanes) *)(y + k) =                 \
                    (FN(some_lanes))WIDEN(x + k * SIZE);                                                           \
            }                                                                                                      \
            for (; i < d; i += width) {                                                                            \
                ptrdiff_t k = i + width <= d ? i : d - width;                                                      \
                *(FN(some_lanes) *)(y + k) = (FN(some_lanes))WIDEN(x + k * SIZE);                                  \
            }                                                                                                      \
        }                                                                                                          \
    }
LOAD_ROWS(load_u8, WIDEN_U8, 1)
LOAD_ROWS(load_i8, WIDEN_I8, 1)
LOAD_ROWS(load_f16, WIDEN_F16, 2)
#undef LOAD_ROWS
#undef BYTES
#undef WIDEN_U8
#undef WIDEN_I8
#undef WIDEN_F16
#endif

static void FN(load_rows)(const char *X, int kind, void *block, ptrdiff_t step, ptrdiff_t ld, ptrdiff_t R, ptrdiff_t d,
                          ptrdiff_t ahead) {
#ifdef FASTML_F16C
    if (kind == FASTML_FROM_U8) FN(load_u8)(X, (T *)block, step, ld, R, d, ahead);
    else if (kind == FASTML_FROM_I8) FN(load_i8)(X, (T *)block, step, ld, R, d, ahead);
    else FN(load_f16)(X, (T *)block, step, ld, R, d, ahead);
#else
    (void)ahead;
    for (ptrdiff_t r = 0; r < R; r++)
        fastml_convert((T *)block + r * ld, DTYPE, X + r * step, kind == FASTML_FROM_F16 ? 2 : 1, d, kind);
#endif
}
