/* Column indices of sparse rows, checked before they are used: either operand's sign tells. */

#define INDICES(name) CAT3(name, ISA, i32)

NOINLINE static int INDICES(check_indices)(const char *from, int wide, int32_t *to, ptrdiff_t n, int32_t last) {
    uint32_t bits = 0;
    uint64_t wide_bits = 0;
    const int32_t *narrow = (const int32_t *)from;
    if (wide) {
    IVDEP for (ptrdiff_t i = 0; i < n; i++) {
            uint64_t v = (uint64_t)((const int64_t *)from)[i];
            wide_bits |= v | ((uint64_t)last - v);
            to[i] = (int32_t)v;
        }
    } else {
        for (ptrdiff_t i = 0; i < n; i++) bits |= (uint32_t)narrow[i] | ((uint32_t)last - (uint32_t)narrow[i]);
        if (to && n) memcpy(to, narrow, (size_t)n * sizeof *to);
    }
    return (bits >> 31 | wide_bits >> 63) == 0;
}
