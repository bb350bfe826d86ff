/* Activations beside sigmoid, tanh and relu, and their gradients from the input x. Part of math.inc.h.
 *
 * Coefficients: relative-error minimax fits, re-derived by tools/minimax.py. */

#define SIGN_BIT (~(~(U)0 >> 1))
#define MAGNITUDE(v) FROM_BITS(BITS(v) & ~SIGN_BIT)
#define MINUS_MAGNITUDE(v) FROM_BITS(BITS(v) | SIGN_BIT)

#if DTYPE == F32
#define NORMAL_P(a) HORNER5(a, 0x1.8p+1f, 0x1.ecfa3ep+0f, 0x1.490decp-1f, 0x1.df1fb4p-4f, 0x1.45d6c2p-7f)
#define NORMAL_Q(a) HORNER6(a, 0x1.8p+0f, 0x1.a55faep+0f, 0x1.bb6a2p-1f, 0x1.0e5688p-2f, 0x1.7e659cp-5f, 0x1.03f752p-8f)
#define NORMAL_SLOPE 0x1.40d932p+1f   /* sqrt(2 pi) */
#define NORMAL_DENSITY 0x1.988454p-2f /* 1 / sqrt(2 pi) */
#define NORMAL_DENSITY_LOW -0x1.857936p-27f
#define TOP_HALF 0xfffff000u
#else
#define NORMAL_P(a)                                                                                              \
    HORNER10(a, 0x1.8p+1, 0x1.dfb9bc722446p+1, 0x1.31f5029b56b06p+1, 0x1.fa84ed5cf6f0dp-1, 0x1.279dcaba4132ep-2, \
             0x1.f4fbd2adf9b4cp-5, 0x1.33687110305afp-7, 0x1.07d153f0886cfp-10, 0x1.210459e25c0f7p-14,           \
             0x1.37d50cd807cb4p-19)
#define NORMAL_Q(a)                                                                                              \
    HORNER11(a, 0x1.8p+0, 0x1.474e2481a2b12p+1, 0x1.13cfe1135bbd1p+1, 0x1.29a10518d1f8p+0, 0x1.c3af074765f81p-2, \
             0x1.f5b820597a784p-4, 0x1.9ccac44012bebp-6, 0x1.f1c22aff7c523p-9, 0x1.a6ef98455aa09p-12,            \
             0x1.cd345376ddc5dp-16, 0x1.f19cbbb7e2a61p-21)
#define NORMAL_SLOPE 0x1.40d931ff62706p+1
#define NORMAL_DENSITY 0x1.9884533d43651p-2
#define NORMAL_DENSITY_LOW -0x1.cbc0d30ebfd15p-56
#define TOP_HALF 0xfffffffff8000000u
#endif

/* log(1 + e^-|x|). The arguments of AT_LEAST are turned, so that of NaN the clamp is taken: the caller's other term carries
 * it, with the sign of x; of two NaNs the compiler would choose which sign is kept. */
INLINE T MATH(log1p_exp)(T x, MATH(limits) k) {
    T z = MINUS_MAGNITUDE(x);
    z = AT_LEAST(k.low, z);
    T e = MATH(exp_scaled)(z, NO_LOW) * k.unit;
    return MATH(log1p_unit)(e, e / (2 + e));
}

/* log(1 + e^x) and log(1 / (1 + e^-x)): the half that is linear, and the logarithm both share.
 * Worst error: 1.8255 ULP at 0x1.45e666p-2, 1.8255 ULP at -0x1.45e666p-2 (float32, out of all; without fma 1.8588 ULP
 * at -+0x1.016ce8p-1), 1.57 ULP (float64, of a small one). */
#if DTYPE == F32
static const MATH(limits) MATH(log1p_exp_limits) = {-104.5f, 0, DOWN};
#else
static const MATH(limits) MATH(log1p_exp_limits) = {-746.0, 0, DOWN};
#endif
#define softplus_of_limits log1p_exp_limits
#define log_sigmoid_limits log1p_exp_limits
INLINE T MATH(softplus_of)(T x, MATH(limits) k) { return AT_LEAST(x, k.high) + MATH(log1p_exp)(x, k); }
INLINE T MATH(log_sigmoid)(T x, MATH(limits) k) { return AT_MOST(x, k.high) - MATH(log1p_exp)(x, k); }

/* x / (1 + e^-x), scaled as in sigmoid; x itself where e^-x vanishes beside 1, so that no upper clamp is needed.
 * Worst error: 2.3939 ULP at -0x1.0af4e2p+4 (float32, of a sample), 2.1849 ULP at -0x1.270f98ebff631p+5 (float64, of a
 * sample). */
#if DTYPE == F32
static const MATH(limits) MATH(silu_limits) = {-110.0f, 40.0f, DOWN};
#else
static const MATH(limits) MATH(silu_limits) = {-754.0, 60.0, DOWN};
#endif
INLINE T MATH(silu)(T x, MATH(limits) k) {
    T bounded = AT_LEAST(x, k.low);
    MATH(exp_parts) e = MATH(exp_whole)(-bounded, -OFFSET);
    T y = bounded / MULADD(e.s, e.q, k.unit) * k.unit;
    return x > k.high ? x : y;
}

typedef struct {
    T high, low;
} MATH(pair);

/* What a * b lost when it was rounded to p: one fma, or Dekker's (1971) products of halves. */
INLINE T MATH(product_low)(T a, T b, T p) {
    T at = FROM_BITS(BITS(a) & TOP_HALF), bt = FROM_BITS(BITS(b) & TOP_HALF), ar = a - at, br = b - bt;
    return FUSED ? MULADD(a, b, -p) : (at * bt - p) + (at * br + ar * bt) + ar * br;
}

/* e^(-a^2 / 2): n = round(-a^2 / 2 ln 2) as exp_split has it (plus the magic), and the rest r. The rounding of a^2 alone
 * would cost 50 ULP at a = 10: n ln 2 is taken off before it. */
typedef struct {
    T rounded, n, r;
} MATH(reduced);

INLINE MATH(reduced) MATH(reduce_half_square)(T a, int shift) {
    T magic = MAGIC(EXPONENT_BIAS + shift), half = (T)-0.5 * a, z = half * a;
    T rounded = MULADD(z, LOG2E, magic), n = rounded - magic, whole = n * -LN2_HIGH; /* exact */
    T r = FUSED ? MULADD(half, a, whole) : (z + whole) + MATH(product_low)(half, a, z);
    return (MATH(reduced)){rounded, n, MULADD(n, -LN2_LOW, r)};
}

/* Phi(-a) e^(a^2/2) in two parts, times `factor`. Its inverse is a sqrt(2 pi) + P(a) / Q(a): beyond a = 1 the fit is the
 * smaller term, and what Q has been rounded by cancels. `exact` makes up for what their sum loses, too. */
INLINE MATH(pair) MATH(normal_tail)(T a, T factor, int exact) {
    T p = NORMAL_P(a), q = NORMAL_Q(a), aq = a * q, linear = aq * NORMAL_SLOPE;
    T sum = FUSED ? MULADD(aq, NORMAL_SLOPE, p) : linear + p, back = sum - p;
    T lost = FUSED ? MULADD(aq, NORMAL_SLOPE, p - sum)
                   : MATH(product_low)(aq, NORMAL_SLOPE, linear) + ((linear - back) + (p - (sum - back)));
    if (FUSED && !exact) lost = 0;
    T numerator = factor * q, inverse = 1 / sum, y = numerator * inverse;
    T rest = -MATH(product_low)(y, sum, numerator);
    if (!FUSED || exact) rest = rest - y * lost;
    return (MATH(pair)){y, rest * inverse};
}

/* x Phi(x) = max(x, 0) - a Phi(-a) for a = |x|: relative accuracy in the tail, and no cancellation.
 * Worst error: 3.0873 ULP at 0x1.f7b726p-11 (float32, out of all), 2.34 ULP (float64, of a small sample). With `exact`
 * it would be less, at a product and an fma more. */
#if DTYPE == F32
static const MATH(limits) MATH(gelu_limits) = {0, 14.5f, DOWN};
#else
static const MATH(limits) MATH(gelu_limits) = {0, 38.7, DOWN};
#endif
INLINE T MATH(gelu)(T x, MATH(limits) k) {
    T a = MAGNITUDE(x);
    a = AT_MOST(k.high, a); /* turned, as in log1p_exp */
    MATH(reduced) z = MATH(reduce_half_square)(a, OFFSET);
    T s = FROM_BITS(BITS(z.rounded) << EXPONENT_SHIFT), e = MULADD(z.r * z.r, EXP_TAIL(z.r), z.r);
    MATH(pair) tail = MATH(normal_tail)(a, a, 0);
    T below = (tail.high + MULADD(tail.high, e, tail.low)) * s;
    return MULADD(-below, k.unit, AT_LEAST(x, k.low));
}

/* x where x > 0, else alpha (e^x - 1); with 2^n q apart, e^x - 1 does not cancel. */
#if DTYPE == F32
static const MATH(limits) MATH(elu_limits) = {-30.0f, 0, 1};
#else
static const MATH(limits) MATH(elu_limits) = {-60.0, 0, 1};
#endif
INLINE T MATH(elu)(T x, T alpha, MATH(limits) k) {
    T z = AT_LEAST(x, k.low);
    MATH(exp_parts) e = MATH(exp_split)(z, NO_LOW, 0);
    T y = alpha * MULADD(e.s, e.q, e.s - 1);
    return x > 0 ? x : y;
}

static const MATH(limits) MATH(leaky_relu_limits) = {0, 0, 1};
INLINE T MATH(leaky_relu)(T x, T slope, MATH(limits) k) {
    (void)k;
    T y = slope * x;
    return x > 0 ? x : y;
}

/* sign(x) max(|x| - t, 0), and NaN for a negative t. */
static const MATH(limits) MATH(soft_threshold_limits) = {0, 0, 1};
INLINE T MATH(soft_threshold)(T x, T t, MATH(limits) k) {
    U sign = BITS(x) & ~(~(U)0 >> 1);
    T left = FROM_BITS(BITS(x) ^ sign) - t;
    left = AT_LEAST(left, k.low);
    return t >= 0 ? FROM_BITS(BITS(left) | sign) : (T)NAN;
}

/* e^z = third^2 * rest * (1 + q) for z <= 0. A gradient times e^z may be normal where e^z underflows twice
 * over: the factors are normal powers of two, none above 1, and a product that takes them one by one neither overflows
 * on the way nor is rounded as a subnormal and then made larger. */
typedef struct {
    T third, rest, q;
} MATH(exp_factors);

INLINE MATH(exp_factors) MATH(factors_of)(MATH(reduced) z) {
    T third = MULADD(z.n, (T)(1.0 / 3), MAGIC(EXPONENT_BIAS)), m = third - MAGIC(EXPONENT_BIAS);
    T rest = MULADD(-2, m, z.n) + MAGIC(EXPONENT_BIAS);
    return (MATH(exp_factors)){FROM_BITS(BITS(third) << EXPONENT_SHIFT), FROM_BITS(BITS(rest) << EXPONENT_SHIFT),
                               MULADD(z.r * z.r, EXP_TAIL(z.r), z.r)};
}

INLINE MATH(exp_factors) MATH(exp_factored)(T z) {
    T rounded = MULADD(z, LOG2E, MAGIC(0)), n = rounded - MAGIC(0);
    return MATH(factors_of)((MATH(reduced)){rounded, n, MULADD(n, -LN2_LOW, MULADD(n, -LN2_HIGH, z))});
}

/* What is left of v e^z when `third` is still to be multiplied by. */
INLINE T MATH(times_exp)(T v, MATH(exp_factors) e) {
    v = v * e.rest * e.third;
    return MULADD(v, e.q, v);
}

/* dy / (1 + e^-x). Below, dy e^x vanishes for the largest dy. */
#if DTYPE == F32
static const MATH(limits) MATH(softplus_backward_limits) = {-200.0f, 200.0f, 1};
#else
static const MATH(limits) MATH(softplus_backward_limits) = {-1465.0, 1465.0, 1};
#endif
#define log_sigmoid_backward_limits softplus_backward_limits
#define silu_backward_limits softplus_backward_limits
#define elu_backward_limits softplus_backward_limits
INLINE T MATH(softplus_backward)(T dy, T x, MATH(limits) k) {
    T z = MINUS_MAGNITUDE(x);
    z = AT_LEAST(z, k.low);
    MATH(exp_factors) e = MATH(exp_factored)(z);
    T t = MATH(times_exp)(1, e) * e.third, below = MATH(times_exp)(dy, e) * e.third;
    return (x < 0 ? below : dy) / (1 + t);
}
INLINE T MATH(log_sigmoid_backward)(T dy, T x, MATH(limits) k) { return MATH(softplus_backward)(dy, -x, k); }

/* dy s (1 + x (1 - s)) for s = sigmoid(x), with e^-|x| alone. */
INLINE T MATH(silu_backward)(T dy, T x, MATH(limits) k) {
    T bounded = AT_LEAST(x, k.low);
    bounded = AT_MOST(bounded, k.high);
    MATH(exp_factors) e = MATH(exp_factored)(MINUS_MAGNITUDE(bounded));
    T t = MATH(times_exp)(1, e) * e.third, sum = 1 + t, lost = t - (sum - 1), inverse = 1 / sum;
    T factor = bounded * (x < 0 ? 1 : t), product = factor * inverse, rise = 1 + product;
    T lack = MULADD(-lost, inverse, -MATH(product_low)(sum, inverse, 1)), q = x < 0 ? e.q : 0;
    T low = MATH(product_low)(factor, inverse, product) + (product - (rise - 1)) + product * lack;
    rise = rise + MULADD(rise, q, low);
    /* rise / sum, as a division by sum + lost would round it */
    T y = rise * inverse, rest = MULADD(-y, lost, -MATH(product_low)(y, sum, rise));
    y = MULADD(rest, inverse, y);
    return y * (x < 0 ? dy * e.rest * e.third : dy) * (x < 0 ? e.third : 1);
}

/* dy (Phi(x) + x phi(x)) = dy ([x >= 0] +- e^(-a^2/2) (Phi(-a) e^(a^2/2) - a / sqrt(2 pi))) for a = |x|. */
#if DTYPE == F32
static const MATH(limits) MATH(gelu_backward_limits) = {0, 20.0f, 1};
#else
static const MATH(limits) MATH(gelu_backward_limits) = {0, 54.5, 1};
#endif
INLINE T MATH(gelu_backward)(T dy, T x, MATH(limits) k) {
    T a = MAGNITUDE(x);
    a = AT_MOST(a, k.high);
    MATH(exp_factors) e = MATH(factors_of)(MATH(reduce_half_square)(a, -EXPONENT_BIAS));
    MATH(pair) tail = MATH(normal_tail)(a, 1, 1);
    T line = a * NORMAL_DENSITY, term = tail.high - line, back = term - tail.high;
    T lost = (tail.high - (term - back)) - (line + back) - MATH(product_low)(a, NORMAL_DENSITY, line);
    term = term + MULADD(term, e.q, lost + MULADD(a, -NORMAL_DENSITY_LOW, tail.low));
    T scale = dy * e.rest * e.third, above = MULADD(-dy, term * e.rest * e.third * e.third, dy);
    return x < 0 ? scale * term * e.third : above;
}

#define leaky_relu_backward_limits leaky_relu_limits
INLINE T MATH(leaky_relu_backward)(T dy, T x, T slope, MATH(limits) k) {
    (void)k;
    T y = slope * dy;
    y = x > 0 ? dy : y;
    return x != x ? x : y;
}
INLINE T MATH(elu_backward)(T dy, T x, T alpha, MATH(limits) k) {
    T z = AT_LEAST(x, k.low);
    MATH(exp_factors) e = MATH(exp_factored)(z);
    T below = MATH(times_exp)(dy * alpha, e) * e.third;
    return x > 0 ? dy : below;
}

#undef SIGN_BIT
#undef MAGNITUDE
#undef MINUS_MAGNITUDE
#undef NORMAL_P
#undef NORMAL_Q
#undef NORMAL_SLOPE
#undef NORMAL_DENSITY
#undef NORMAL_DENSITY_LOW
#undef TOP_HALF
