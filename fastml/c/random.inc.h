/* Dropout and Gaussian noise. `start` is the index of the first element, a multiple of FASTML_RANDOM_BLOCK; the output
 * may be the input. A block of random bits serves elements that lie side by side in memory, the same ones on every
 * instruction set: half h of word w of lane l is element 128 w + 64 h + l of a block of 512 for dropout; for noise the
 * words 2 w and 2 w + 1 of lane l are the elements 128 w + l and 128 w + 64 + l of a block of 256. */

#if DTYPE == F16
/* float16 goes through the float32 kernel block by block. */
#define HALVES(name)                                                                                                  \
    NOINLINE static void FN(name)(const fastml_random *call, const void *xv, void *yv, uint64_t start, ptrdiff_t n) { \
        const S *x = (const S *)xv;                                                                                   \
        S *y = (S *)yv;                                                                                               \
        T block[FASTML_RANDOM_BLOCK];                                                                                 \
        for (ptrdiff_t i = 0; i < n; i += FASTML_RANDOM_BLOCK) {                                                      \
            ptrdiff_t count = n - i < FASTML_RANDOM_BLOCK ? n - i : FASTML_RANDOM_BLOCK;                              \
            FN(widen)(x + i, block, count);                                                                           \
            CAT3(name, ISA, f32)(call, block, block, start + (uint64_t)i, count);                                     \
            FN(narrow)(block, y + i, count);                                                                          \
        }                                                                                                             \
    }
HALVES(dropout)
HALVES(gaussian_noise)
#undef HALVES
#else

/* While a block's bits are computed memory has nothing to do, and the hardware's own prefetching stops at each page. */
INLINE void FN(fetch)(const T *x, T *y, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i += 64 / (ptrdiff_t)sizeof(T)) {
        PREFETCH(x + i);
        PREFETCH_TO_WRITE(y + i);
    }
}

/* x / (1 - p) = x scale + x low. The second part is positive, so that inf gives inf; MULADD rounds once. */
MAPPED static void FN(dropout_apply)(const uint32_t (*word)[RANDOM_LANES], int32_t last, T scale, T low, const T *x,
                                     T *y) {
    for (int w = 0; w < 4; w++, x += 2 * RANDOM_LANES, y += 2 * RANDOM_LANES) IVDEP for (int l = 0; l < RANDOM_LANES; l++) {
            T a = x[l], b = x[l + RANDOM_LANES];
            T kept_a = MULADD(a, scale, a * low), kept_b = MULADD(b, scale, b * low);
            y[l] = (int32_t)(word[w][l] & 0xffff) > last ? kept_a : 0;
            y[l + RANDOM_LANES] = (int32_t)(word[w][l] >> 16) > last ? kept_b : 0;
        }
}

NOINLINE static void FN(dropout)(const fastml_random *call, const void *xv, void *yv, uint64_t start, ptrdiff_t n) {
    enum { BLOCK = 8 * RANDOM_LANES };
    const T *x = (const T *)xv;
    T *y = (T *)yv, rest[BLOCK], scale = (T)call->scale, low = (T)call->scale_low;
    uint32_t word[4][RANDOM_LANES];
    const uint32_t(*bits)[RANDOM_LANES] = (const uint32_t(*)[RANDOM_LANES])word;
    for (ptrdiff_t i = 0; i < n; i += BLOCK) {
        if (call->ahead) FN(fetch)(x + i, y + i, n - i < BLOCK ? n - i : BLOCK);
        int32_t last = RANDOM(dropout_block)(call, (start + (uint64_t)i) / BLOCK, word);
        if (n - i >= BLOCK) {
            FN(dropout_apply)(bits, last, scale, low, x + i, y + i);
            continue;
        }
        memset(rest, 0, sizeof rest);
        memcpy(rest, x + i, (size_t)(n - i) * sizeof(T));
        FN(dropout_apply)(bits, last, scale, low, rest, rest);
        memcpy(y + i, rest, (size_t)(n - i) * sizeof(T));
    }
    clear_flags();
}

/* Two normal deviates by Box and Muller (1958): sqrt(-2 log u) times cosine and sine of an angle. In float32, u and the
 * angle have a word each; in float64 a third word adds 21 bits to u and 11 to the angle. u is (k + 1/2) / 2^32 or
 * (k + 1/2) / 2^53; a k in the upper half stands for u = 1 - h, so that log u is right near 1 as well. The angle has an
 * eighth of a turn to both sides of an axis, by a word's last 30 bits, and the first two choose the axis. */
#if DTYPE == F32
#define SQRT sqrtf
#define UNIFORM(k, low) (((T)(int32_t)(k) + 0.5f) * 0x1p-32f)
#define EIGHTHS(k, low) (((T)(int32_t)((k) << 2) + 2) * 0x1p-31f)
#define SIN(v, z) \
    MULADD(v, 0x1.921fb6p-1f, (v) * HORNER4(z, -0x1.a32be4p-26f, -0x1.4abbbap-4f, 0x1.465e92p-9f, -0x1.2d9302p-15f))
#define COS(z) HORNER5(z, 1, -0x1.3bd3ccp-2f, 0x1.03c1dap-6f, -0x1.55c4eap-12f, 0x1.d99f54p-19f)
#else
#define SQRT sqrt
#define UNIFORM(k, low) (MULADD((T)(int32_t)(k), 0x1p21, (T)(int32_t)((low) >> 11) + 0.5) * 0x1p-53)
#define EIGHTHS(k, low) (MULADD((T)(int32_t)((k) << 2), 0x1p9, (T)(int32_t)((low) & 0x7ff) + 0.5) * 0x1p-40)
#define SIN(v, z)                                                                               \
    MULADD(v, 0x1.921fb54442d18p-1,                                                             \
           (v) * HORNER7(z, 0x1.02645b96c75a2p-55, -0x1.4abbce625be41p-4, 0x1.466bc67758700p-9, \
                         -0x1.32d2cce2d5345p-15, 0x1.50782fca36d62p-22, -0x1.e300639e6d472p-30, \
                         0x1.e3eed539711b1p-38))
#define COS(z)                                                                                                \
    HORNER8(z, 1, -0x1.3bd3cc9be45dep-2, 0x1.03c1f081b5aaap-6, -0x1.55d3c7e3c8d5cp-12, 0x1.e1f5068303f45p-19, \
            -0x1.a6d1ec3d4945dp-26, 0x1.f9cc15d5d15bfp-34, -0x1.b2586bc26e32ep-42)
#endif
#define TOP_BIT ((U)1 << (8 * sizeof(U) - 1))

typedef struct {
    T first, second;
} MATH(deviates);

INLINE MATH(deviates) MATH(box_muller)(uint32_t radius, uint32_t angle, uint32_t low) {
    (void)low;
    T t = UNIFORM(radius, low), h = FROM_BITS(BITS(t) & ~TOP_BIT);
    T u = t < 0 ? 1 - h : h, lost = t < 0 ? (1 - u) - h : 0;
    /* log(u + lost) = log u + lost / u, and 1 / u is about 1 + h */
    T r = SQRT(-2 * MATH(log_normal)(u, MULADD(lost, h, lost), 0));
    T v = EIGHTHS(angle, low), z = v * v, s = SIN(v, z);
    U axis = (U)angle << (8 * sizeof(U) - 32);
    T c = FROM_BITS(BITS(COS(z)) ^ (axis & TOP_BIT));
    int swapped = (T)(int32_t)(angle << 1) < 0;
    return (MATH(deviates)){r * (swapped ? s : c), r * (swapped ? c : s)};
}

MAPPED static void FN(noise_apply)(const uint32_t (*word)[RANDOM_LANES], const uint32_t (*low)[RANDOM_LANES], T std,
                                     const T *x, T *y) {
    for (int w = 0; w < 2; w++, x += 2 * RANDOM_LANES, y += 2 * RANDOM_LANES)
        IVDEP for (int l = 0; l < RANDOM_LANES; l++) {
            MATH(deviates) normal = MATH(box_muller)(word[2 * w][l], word[2 * w + 1][l], low[w][l]);
            T a = x[l], b = x[l + RANDOM_LANES];
            y[l] = MULADD(normal.first, std, a);
            y[l + RANDOM_LANES] = MULADD(normal.second, std, b);
        }
}

NOINLINE static void FN(gaussian_noise)(const fastml_random *call, const void *xv, void *yv, uint64_t start,
                                        ptrdiff_t n) {
    enum { BLOCK = 4 * RANDOM_LANES };
    const T *x = (const T *)xv;
    T *y = (T *)yv, rest[BLOCK], std = (T)call->scale;
    uint32_t word[4][RANDOM_LANES], more[4][RANDOM_LANES];
    const uint32_t(*bits)[RANDOM_LANES] = (const uint32_t(*)[RANDOM_LANES])word;
    for (ptrdiff_t i = 0; i < n; i += BLOCK) {
        uint64_t block = (start + (uint64_t)i) / BLOCK;
        if (call->ahead) FN(fetch)(x + i, y + i, n - i < BLOCK ? n - i : BLOCK);
        RANDOM(random_block)(call, block, 0, word);
        /* one block of third words serves two */
        if (DTYPE == F64 && block % 2 == 0) RANDOM(random_block)(call, block / 2, 1, more);
        const uint32_t(*low)[RANDOM_LANES] = DTYPE == F64 ? (const uint32_t(*)[RANDOM_LANES])more + block % 2 * 2 : bits;
        if (n - i >= BLOCK) {
            FN(noise_apply)(bits, low, std, x + i, y + i);
            continue;
        }
        memset(rest, 0, sizeof rest);
        memcpy(rest, x + i, (size_t)(n - i) * sizeof(T));
        FN(noise_apply)(bits, low, std, rest, rest);
        memcpy(y + i, rest, (size_t)(n - i) * sizeof(T));
    }
    clear_flags();
}

#undef SQRT
#undef UNIFORM
#undef EIGHTHS
#undef SIN
#undef COS
#undef TOP_BIT
#endif
