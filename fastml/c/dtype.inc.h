/* Names of one dtype: S is stored, T computes; FN(name) is a kernel of this S, MATH(name) a function of this T. */
#define FN(name) CAT3(name, ISA, DT)
#define MATH(name) CAT3(name, ISA, T)

#if DTYPE == F16
#define S uint16_t
#define DT f16
#define LOAD(v) float_from_half(v)
#define STORE(v) half_from_float(v)
#else
#define S T
#define LOAD(v) (v)
#define STORE(v) (v)
#endif

#if DTYPE == F64
#define T double
#define U uint64_t
#define DT f64
#define BITS bits_f64
#define FROM_BITS from_bits_f64
#define MULADD FMA_F64
#else
#define T float
#define U uint32_t
#if DTYPE == F32
#define DT f32
#endif
#define BITS bits_f32
#define FROM_BITS from_bits_f32
#define MULADD FMA_F32
#endif

/* Sums run in this many lanes on every instruction set: element i goes to lane i % LANES. */
#define LANES ((ptrdiff_t)(64 / sizeof(T)))

/* The lanes of a sum as one GCC/Clang vector, of which the compiler makes as many registers as the target needs. */
typedef T FN(lanes) __attribute__((vector_size(64), aligned(sizeof(T)), may_alias));
/* So many of them as one register holds: a loop over these keeps its sums in registers. */
typedef T FN(some_lanes) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T)), may_alias));
