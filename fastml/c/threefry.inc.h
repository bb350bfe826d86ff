/* Random bits: Threefry4x32-20 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11), a
 * function of a key and a counter, four words each. Additions, rotations and exclusive or: it vectorises everywhere and
 * has no state, so that any element's bits can be computed by whoever needs them.
 *
 * key: the caller's 64 bits, the purpose, 0. Counter: 64 bits that say where, the stage (what more bits of the same
 * elements are), 0. FASTML_RANDOM_LANES counters in a row make a block; word w of lane l is word[w][l]. */

#define RANDOM(name) CAT3(name, ISA, u32)
#define RANDOM_LANES FASTML_RANDOM_LANES

#define MIX(a, b, turn) a += b, b = (b << (turn) | b >> (32 - (turn))) ^ a
#define FOUR_ROUNDS(r0, r1, r2, r3, r4, r5, r6, r7) \
    MIX(a, b, r0), MIX(c, d, r1);                   \
    MIX(a, d, r2), MIX(c, b, r3);                   \
    MIX(a, b, r4), MIX(c, d, r5);                   \
    MIX(a, d, r6), MIX(c, b, r7)
#define EVEN_ROUNDS FOUR_ROUNDS(10, 26, 11, 21, 13, 27, 23, 5)
#define ODD_ROUNDS FOUR_ROUNDS(6, 20, 17, 11, 25, 10, 18, 20)
#define INJECT(k0, k1, k2, k3, times) a += k0, b += k1, c += k2, d += (k3) + (times)

/* Lane l has l added to the counter's first word. */
MAPPED static void RANDOM(threefry)(const uint32_t *key, const uint32_t *counter, uint32_t (*word)[RANDOM_LANES]) {
    const uint32_t k0 = key[0], k1 = key[1], k2 = key[2], k3 = key[3], k4 = 0x1bd11bdau ^ k0 ^ k1 ^ k2 ^ k3;
    const uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    IVDEP for (uint32_t l = 0; l < RANDOM_LANES; l++) {
        uint32_t a = c0 + l + k0, b = c1 + k1, c = c2 + k2, d = c3 + k3;
        EVEN_ROUNDS;
        INJECT(k1, k2, k3, k4, 1);
        ODD_ROUNDS;
        INJECT(k2, k3, k4, k0, 2);
        EVEN_ROUNDS;
        INJECT(k3, k4, k0, k1, 3);
        ODD_ROUNDS;
        INJECT(k4, k0, k1, k2, 4);
        EVEN_ROUNDS;
        INJECT(k0, k1, k2, k3, 5);
        word[0][l] = a;
        word[1][l] = b;
        word[2][l] = c;
        word[3][l] = d;
    }
}

INLINE void RANDOM(random_block)(const fastml_random *call, uint64_t block, uint32_t stage,
                                 uint32_t (*word)[RANDOM_LANES]) {
    uint64_t first = block * RANDOM_LANES;
    uint32_t key[4] = {(uint32_t)call->key, (uint32_t)(call->key >> 32), call->purpose, 0};
    uint32_t counter[4] = {(uint32_t)first, (uint32_t)(first >> 32), stage, 0};
    RANDOM(threefry)(key, counter, word);
}

/* Dropout: an element is dropped where a uniform number u in [0, 1) is less than p. The binary digits of the two are
 * compared 16 at a time, u's from the low and the high half of a word: all but one element in 65,536 are decided by the
 * first 16, and p is exact to 2^-64 all the same. */

typedef uint16_t RANDOM(half_word) __attribute__((may_alias));

/* Whether any of a block's halves is t. */
NOINLINE static int RANDOM(has_tie)(const uint32_t (*word)[RANDOM_LANES], uint16_t t) {
    const RANDOM(half_word) *half = (const RANDOM(half_word) *)word;
    uint16_t any = 0;
    for (int i = 0; i < 8 * RANDOM_LANES; i++) any |= half[i] == t;
    return any;
}

/* Make the halves 0 for dropped and 1 or 2 for kept, with as many digits as it takes; 2 are those not decided yet, and
 * after all 64 digits u == p. */
NOINLINE static void RANDOM(settle)(const fastml_random *call, uint64_t block, uint32_t (*word)[RANDOM_LANES]) {
    uint32_t next[4][RANDOM_LANES], tied = 1;
    for (int stage = 0; stage < 4 && tied; stage++) {
        uint32_t t = (uint32_t)(call->p >> (48 - 16 * stage)) & 0xffff;
        RANDOM(random_block)(call, block, (uint32_t)stage, next);
        tied = 0;
        for (int w = 0; w < 4; w++)
            for (int l = 0; l < RANDOM_LANES; l++) {
                uint32_t low = next[w][l] & 0xffff, high = next[w][l] >> 16;
                uint32_t was_low = stage ? word[w][l] & 0xffff : 2, was_high = stage ? word[w][l] >> 16 : 2;
                low = was_low != 2 ? was_low : low > t ? 1 : low == t ? 2 : 0;
                high = was_high != 2 ? was_high : high > t ? 1 : high == t ? 2 : 0;
                tied |= (low | high) & 2;
                word[w][l] = high << 16 | low;
            }
    }
}

/* Fill a block's halves with numbers of which those up to the returned one are dropped. */
INLINE int32_t RANDOM(dropout_block)(const fastml_random *call, uint64_t block, uint32_t (*word)[RANDOM_LANES]) {
    uint16_t t = (uint16_t)(call->p >> 48);
    RANDOM(random_block)(call, block, 0, word);
    if (call->p << 16 == 0 || !RANDOM(has_tie)((const uint32_t(*)[RANDOM_LANES])word, t)) return t - 1;
    RANDOM(settle)(call, block, word);
    return 0;
}

#undef MIX
#undef FOUR_ROUNDS
#undef EVEN_ROUNDS
#undef ODD_ROUNDS
#undef INJECT
