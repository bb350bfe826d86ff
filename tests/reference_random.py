"""Oracle of the random numbers: Threefry4x32-20 in NumPy, which elements dropout keeps, and the normal deviates.

Written from the paper (Salmon, Moraes, Dror and Shaw, SC'11) and from what fastml says about its layout; all 64 binary
digits are compared at once, and Box and Muller's formula is taken as it stands, in longdouble.
"""

import numpy as np

ROTATIONS = ((10, 26), (11, 21), (13, 27), (23, 5), (6, 20), (17, 11), (25, 10), (18, 20))
LANES = 64
DROPOUT, NOISE = 1, 2


def threefry(key, counter):
    """The four words for four counter words, which broadcast."""
    key = [np.uint32(k) for k in key]
    key.append(np.uint32(0x1BD11BDA) ^ key[0] ^ key[1] ^ key[2] ^ key[3])
    with np.errstate(over="ignore"):
        x = [np.asarray(c, np.uint32) + k for c, k in zip(counter, key[:4], strict=True)]
        for turn in range(20):
            partner = (1, 3) if turn % 2 == 0 else (3, 1)
            for a, b, r in zip((0, 2), partner, ROTATIONS[turn % 8], strict=True):
                x[a] = x[a] + x[b]
                x[b] = (x[b] << np.uint32(r) | x[b] >> np.uint32(32 - r)) ^ x[a]
            if turn % 4 == 3:
                times = turn // 4 + 1
                x = [word + key[(times + i) % 5] for i, word in enumerate(x)]
                x[3] = x[3] + np.uint32(times)
    return np.broadcast_arrays(*x)


def blocks(key, purpose, stage, count):
    """Words of the first `count` blocks, of shape (count, 4, LANES)."""
    counter = np.arange(count * LANES, dtype=np.uint64)
    words = threefry((key % 2**32, key >> 32, purpose, 0), (counter % 2**32, counter >> 32, stage, 0))
    return np.stack(words).reshape(4, count, LANES).swapaxes(0, 1)


def uniforms(key, n):
    """Dropout's uniform numbers for n elements, times 2^64."""
    u = np.zeros(-(-n // (8 * LANES)) * 8 * LANES, np.uint64)
    for stage in range(4):
        words = blocks(key, DROPOUT, stage, u.size // (8 * LANES))
        digits = np.stack([words & 0xFFFF, words >> 16], axis=2).ravel()
        u |= digits.astype(np.uint64) << np.uint64(48 - 16 * stage)
    return u[:n]


def keep_mask(key, p, shape):
    """Whether dropout keeps each element."""
    return (uniforms(key, int(np.prod(shape))) >= np.uint64(round(p * 2**64))).reshape(shape)


def normals(key, n, double):
    """The first n normal deviates, as longdouble; those of float64, or of float32 and float16."""
    count = -(-n // (8 * LANES)) * 2
    words = blocks(key, NOISE, 0, count).reshape(count, 2, 2, LANES)
    third = blocks(key, NOISE, 1, count // 2).reshape(count, 2, LANES).astype(np.int64)
    radius, angle = words[:, :, 0].astype(np.int64), words[:, :, 1]
    fraction = (angle << np.uint32(2)).view(np.int32).astype(np.int64) >> 2
    bits = 53 if double else 32
    if double:
        radius, fraction = (radius << 21) + (third >> 11), (fraction << 11) + (third & 0x7FF)
    u = np.ldexp(radius.astype(np.longdouble) + 0.5, -bits)
    turn = np.longdouble("3.14159265358979323846264338327950288") / 4
    angle_in_radians = turn * np.ldexp(fraction.astype(np.longdouble) + 0.5, -40 if double else -29)
    r, c, s = np.sqrt(-2 * np.log(u)), np.cos(angle_in_radians), np.sin(angle_in_radians)
    c = np.where(angle >> np.uint32(31), -c, c)
    swapped = (angle >> np.uint32(30) & 1).astype(bool)
    return np.stack([r * np.where(swapped, s, c), r * np.where(swapped, c, s)], axis=2).ravel()[:n]
