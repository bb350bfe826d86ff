/* The kernel table: one per instruction set, chosen at import (dispatch.c).
 *
 * A kernel takes inputs (const), outputs, sizes, in that order; it is serial, allocates nothing and leaves no
 * floating-point flag raised. Shape letters: n elements, R rows, C columns, d features, K classes.
 */
#ifndef FASTML_H
#define FASTML_H

#include <stddef.h>
#include <stdint.h>

/* Storage types. float16 is computed in float32; the other two compute in themselves. */
enum { FASTML_F16, FASTML_F32, FASTML_F64, FASTML_DTYPES };

typedef void (*fastml_unary)(const void *x, void *y, ptrdiff_t n);
typedef void (*fastml_binary)(const void *a, const void *b, void *y, ptrdiff_t n);
/* With a parameter for each element (step 1), or one for all (step 0). */
typedef void (*fastml_unary_with)(const void *x, const void *parameter, void *y, ptrdiff_t n, ptrdiff_t step);
typedef void (*fastml_binary_with)(const void *a, const void *b, const void *parameter, void *y, ptrdiff_t n,
                                   ptrdiff_t step);

enum {
    FASTML_SIGMOID,
    FASTML_TANH,
    FASTML_RELU,
    FASTML_LOG_SIGMOID,
    FASTML_SOFTPLUS,
    FASTML_SILU,
    FASTML_GELU,
    FASTML_UNARY_KERNELS
};
enum {
    FASTML_SIGMOID_BACKWARD,
    FASTML_TANH_BACKWARD,
    FASTML_RELU_BACKWARD,
    FASTML_LOG_SIGMOID_BACKWARD,
    FASTML_SOFTPLUS_BACKWARD,
    FASTML_SILU_BACKWARD,
    FASTML_GELU_BACKWARD,
    FASTML_BINARY_KERNELS
};
/* The first two have gradients, likewise. */
enum { FASTML_LEAKY_RELU, FASTML_ELU, FASTML_SOFT_THRESHOLD, FASTML_WITH_KERNELS };

/* The family along one axis. The first three and entropy take x; the backwards take dy as x, and the output as x2. */
enum {
    FASTML_SOFTMAX,
    FASTML_LOG_SOFTMAX,
    FASTML_LOGSUMEXP,
    FASTML_ENTROPY,
    FASTML_SOFTMAX_BACKWARD,
    FASTML_LOG_SOFTMAX_BACKWARD
};

/* One problem of C elements, or several side by side; steps are bytes between the elements of a problem. `where` (may
 * be NULL, and is for entropy and the backwards) has one byte an element. logsumexp and entropy write one element. */
typedef struct {
    int mode;
    const char *x, *x2;
    const uint8_t *where;
    char *y;
    ptrdiff_t C, x_step, x2_step, where_step, y_step;
} fastml_problem;

typedef void (*fastml_along_row)(const fastml_problem *problem);
/* `columns` problems side by side: adjacent in memory, the steps multiples of the item size, no `where`. */
typedef void (*fastml_along_columns)(const fastml_problem *problem, ptrdiff_t columns);
/* R contiguous problems of C <= FASTML_SHORT_ROW elements, one after the other, no `where`. */
typedef void (*fastml_along_short)(const fastml_problem *problem, ptrdiff_t R);
/* float64 half as many: what fits into the first-level cache, transposed. */
enum { FASTML_SHORT_ROW = 128 };

/* Problems of the cross-entropy, as above; weights and losses are of the computing dtype. */
typedef struct {
    int given; /* x has probabilities, not logits */
    const char *x;
    char *gradient;           /* as large as x, and may be x; NULL: the loss alone */
    const char *q;            /* class probabilities in the dtype q_kind (convert.h), or NULL */
    const int64_t *target;    /* else: each problem's class, or -1 to ignore it */
    const void *weight;       /* a factor for each problem, or NULL */
    const void *class_weight; /* C numbers, or NULL */
    void *loss;               /* a number for each problem */
    ptrdiff_t C, x_step, gradient_step, q_step, q_next; /* q_next: from problem to problem */
    int q_kind;
    double smoothing, smooth_total, scale; /* smooth_total: what smoothing adds to the class weights of a problem */
} fastml_cross_entropy;

typedef void (*fastml_cross_entropy_one)(const fastml_cross_entropy *problem);
/* Several side by side, adjacent in memory; or R contiguous ones of C <= FASTML_SHORT_ROW, one after the other. */
typedef void (*fastml_cross_entropy_many)(const fastml_cross_entropy *problem, ptrdiff_t count);

/* Norms (norm.inc.h has the formulas). All of the computing dtype; what a call does not need is NULL. Steps are elements
 * from an element of a problem to the next where problems are columns, from row to row in norm_gradient. */
enum { FASTML_NORM_MOMENTS, FASTML_NORM_DOTS }; /* forward and backward */
enum { FASTML_NORM_CHUNK = 2048, FASTML_NORM_COLUMNS = 64 };
typedef struct {
    int kind;
    const void *x, *dy;
    void *y;
    const void *weight, *bias, *gain, *offset, *mean, *rstd, *a, *b, *scale;
    ptrdiff_t x_step, dy_step, y_step;
} fastml_norm;

/* Add n elements, a multiple of FASTML_NORM_LANES unless they are the last, to lanes[FASTML_NORM_LANES] and as many of the
 * other sum; R elements of w columns into sums[2 w]. */
enum { FASTML_NORM_LANES = 16 };
typedef void (*fastml_norm_sums)(const fastml_norm *p, ptrdiff_t n, double *lanes);
typedef void (*fastml_norm_sums_columns)(const fastml_norm *p, ptrdiff_t R, ptrdiff_t w, double *sums);
typedef void (*fastml_norm_finish)(int kind, const double *sums, ptrdiff_t w, double C, double eps, int centered,
                                   void *mean, void *rstd, void *a, void *b);
typedef void (*fastml_norm_apply)(const fastml_norm *p, ptrdiff_t n);
typedef void (*fastml_norm_apply_columns)(const fastml_norm *p, ptrdiff_t R, ptrdiff_t w);
typedef void (*fastml_norm_gradient)(const fastml_norm *p, ptrdiff_t R, ptrdiff_t n, double *sums, ptrdiff_t stride);

/* to[i, j] = from[j, i] for i < columns, j < rows; steps are the distances of rows in elements. */
typedef void (*fastml_transpose)(const void *from, ptrdiff_t from_step, void *to, ptrdiff_t to_step, ptrdiff_t rows,
                                 ptrdiff_t columns);

/* total[0] + total[1] += the sum of a[i] for i < n (sum.inc.h). */
typedef void (*fastml_sum)(const void *a, ptrdiff_t n, double *total);
enum { FASTML_SUM_BLOCK = 512 };

/* Pointwise losses (losses.inc.h). `scale` multiplies the gradient; so does `up`, a power of 2, in the squared error,
 * where the product of the two may be beyond the dtype. `parameter` is huber's delta or the label smoothing. */
enum { FASTML_MSE, FASTML_MAE, FASTML_HUBER, FASTML_BCE, FASTML_BCE_LOGITS };
typedef struct {
    int kind, weighted;
    double scale, up, parameter;
} fastml_loss_pass;

/* n elements. Where `loss` is NULL, their losses are added to total[0] + total[1]; to go on with the same sum, n must be
 * a multiple of FASTML_SUM_BLOCK. `gradient` may be NULL or x itself; `pos_weight` may be NULL, and is for
 * FASTML_BCE_LOGITS; `weight` is NULL unless pass->weighted. All of one dtype but the weights, which are float64. */
typedef void (*fastml_loss)(const fastml_loss_pass *pass, const void *x, const void *target, const void *pos_weight,
                            const double *weight, void *loss, void *gradient, ptrdiff_t n, double *total);

/* total[0] + total[1] += the sum of |w| or w^2, as in fastml_sum. Where `gradient` is not NULL, strength times its
 * derivative is written there, or with `accumulate` added. */
typedef void (*fastml_penalty)(const void *w, void *gradient, ptrdiff_t n, double strength, int accumulate,
                               double *total);
enum { FASTML_L1_PENALTY, FASTML_L2_PENALTY, FASTML_PENALTIES };

/* One step of n parameters in place; no two arrays overlap. velocity NULL: no momentum. */
typedef struct {
    double lr, momentum, l1, l2;
    int nesterov;
} fastml_sgd;
typedef void (*fastml_sgd_step)(const fastml_sgd *options, const void *grad, void *param, void *velocity, ptrdiff_t n);
/* rate = lr / (1 - beta1^step), root = 1 / sqrt(1 - beta2^step), decay = lr weight_decay. */
typedef struct {
    double beta1, beta2, eps, rate, root, decay;
} fastml_adam;
typedef void (*fastml_adam_step)(const fastml_adam *options, const void *grad, void *param, void *m, void *v,
                                 ptrdiff_t n);

/* A block of R <= FASTML_BLOCK_ROWS rows of X, `ldx` elements apart, of the logistic pass. `target` holds R numbers: 0
 * or 1 (binary), or the class; with `multi_label` R x K numbers 0 or 1. `weight` holds R sample weights, or is NULL. The kernel adds the rows'
 * losses, weighted, to *loss and, if gradient is not NULL, to gradient[d (, K_padded)] and bias_gradient[1 or
 * K_padded]. All but the loss of one dtype. `from_memory`: X is not in a cache.
 *
 * w of the binary kernels has FASTML_MIN_FEATURES elements at least (zeros behind d), as have X's rows and the
 * gradient; w of the softmax kernels has rows of K_padded elements, a multiple of FASTML_CLASS_STEP, as has the bias;
 * padded classes have the bias -inf. */
typedef void (*fastml_logistic_binary)(const void *X, const void *target, const void *weight, const void *w,
                                       const void *bias, double *loss, void *gradient, void *bias_gradient, ptrdiff_t R,
                                       ptrdiff_t d, ptrdiff_t ldx, int from_memory);
typedef void (*fastml_logistic_softmax)(const void *X, const void *target, const void *weight, const void *w,
                                        const void *bias, double *loss, void *gradient, void *bias_gradient,
                                        void *scores, ptrdiff_t R, ptrdiff_t d, ptrdiff_t ldx, ptrdiff_t K,
                                        int multi_label);
/* The probabilities of the same: p[R], or p[R, K_padded]. */
typedef void (*fastml_predict_binary)(const void *X, const void *w, const void *bias, void *p, ptrdiff_t R, ptrdiff_t d,
                                      ptrdiff_t ldx, int from_memory);
typedef void (*fastml_predict_softmax)(const void *X, const void *w, const void *bias, void *p, ptrdiff_t R,
                                       ptrdiff_t d, ptrdiff_t ldx, ptrdiff_t K, int multi_label);
/* block[R, ld] = R rows of X, `step` bytes apart, of d >= FASTML_MIN_FEATURES numbers each that are float16, int8 or
 * uint8 (`kind` as in convert.h) and dense. Asks for what is `ahead` bytes further on. */
typedef void (*fastml_load_rows)(const char *X, int kind, void *block, ptrdiff_t step, ptrdiff_t ld, ptrdiff_t R,
                                 ptrdiff_t d, ptrdiff_t ahead);
/* The parts of X^T diag(h) X (logistic_curvature.inc.h). */
typedef void (*fastml_curvature_pack)(const void *X, const void *root, void *packed, ptrdiff_t R, ptrdiff_t d,
                                      ptrdiff_t ldx, ptrdiff_t rows);
typedef void (*fastml_curvature_tile)(const void *a, const void *b, double *to, ptrdiff_t R, ptrdiff_t step,
                                      ptrdiff_t ld, double factor);
enum { FASTML_BLOCK_ROWS = 256, FASTML_MIN_FEATURES = 16, FASTML_CLASS_STEP = 16 };

/* What lies between the two products of a pass. Scores Z[R] or Z[R, K_padded] become the rows' residuals, weighted;
 * loss and bias_gradient (may be NULL) as above. Or they become probabilities. */
typedef void (*fastml_residuals)(void *Z, const void *target, const void *weight, double *loss, void *bias_gradient,
                                 ptrdiff_t R, ptrdiff_t K, int multi_label);
typedef void (*fastml_probabilities)(void *Z, ptrdiff_t R, ptrdiff_t K, int multi_label);
/* Those two products over sparse rows: Z[R, K_padded] += X W, and gradient[d, K] += X^T Z, this for K > 1. Row r has
 * the values and indices from start[r] to start[r + 1]. Rows of W and of the gradient have K elements, or those of 16 bytes
 * where that is more: what is behind K is 0. */
typedef void (*fastml_sparse_scores)(const void *value, const int32_t *index, const ptrdiff_t *start, const void *W,
                                     void *Z, ptrdiff_t R, ptrdiff_t K);
typedef void (*fastml_sparse_gradient)(const void *value, const int32_t *index, const ptrdiff_t *start, const void *Z,
                                       void *gradient, ptrdiff_t R, ptrdiff_t K);
/* total[d, K] (`first`: 0, whatever it holds) += the recent sums of all parts, [d, step] each and `apart` bytes from one
 * to the next, in their order; these become 0. The last time, the total is multiplied by `last`, which else is 1. */
typedef void (*fastml_sparse_drain)(double *total, void *recent, ptrdiff_t step, ptrdiff_t K, ptrdiff_t apart,
                                    ptrdiff_t parts, ptrdiff_t d, int first, double last);
/* Whether all n indices, int32 or int64 (`wide`), are from 0 to last; writes them to `to` unless that is NULL. */
typedef int (*fastml_check_indices)(const char *from, int wide, int32_t *to, ptrdiff_t n, int32_t last);

/* Dropout and noise: y[i] from x[i] and random bits that depend on (key, purpose, start + i) alone (random.inc.h), for
 * i < n. `start` is a multiple of FASTML_RANDOM_BLOCK; y may be x. */
typedef struct {
    uint64_t key;
    uint32_t purpose;
    int ahead;               /* the arrays exceed the caches: fetch a block while its random bits are computed */
    uint64_t p;              /* dropout: the probability to drop, times 2^64 */
    double scale, scale_low; /* dropout: 1 / (1 - p), as two numbers of the computing dtype, low > 0; noise: std */
} fastml_random;

typedef void (*fastml_randomize)(const fastml_random *call, const void *x, void *y, uint64_t start, ptrdiff_t n);
enum { FASTML_DROPOUT, FASTML_GAUSSIAN_NOISE, FASTML_RANDOM_KERNELS };
enum { FASTML_RANDOM_LANES = 64, FASTML_RANDOM_BLOCK = 8 * FASTML_RANDOM_LANES };
/* Threefry4x32-20 of FASTML_RANDOM_LANES counters in a row (threefry.inc.h). */
typedef void (*fastml_threefry)(const uint32_t *key, const uint32_t *counter, uint32_t (*word)[FASTML_RANDOM_LANES]);

/* How items of `size` bytes are reversed: `step` bytes at a time, as many as whole items have in 16, 0 if none. Where the
 * bytes of such a vector come from: in the 16 that end with its items, and in the 16 that start with them. */
typedef struct {
    ptrdiff_t size, step;
    uint8_t from_end[16], from_start[16];
} fastml_reversal;

/* Row by row, to[i] = from[n - 1 - i] (augment.inc.h); the two are apart. Steps from row to row are bytes. */
typedef void (*fastml_reverse_items)(const fastml_reversal *r, const char *from, char *to, ptrdiff_t from_row,
                                     ptrdiff_t to_row, ptrdiff_t n, ptrdiff_t rows);

typedef struct {
    const char *isa;
    fastml_unary unary[FASTML_UNARY_KERNELS][FASTML_DTYPES];
    fastml_binary binary[FASTML_BINARY_KERNELS][FASTML_DTYPES];
    fastml_unary_with unary_with[FASTML_WITH_KERNELS][FASTML_DTYPES];
    fastml_binary_with binary_with[FASTML_WITH_KERNELS][FASTML_DTYPES];
    fastml_along_row along_row[FASTML_DTYPES];
    fastml_along_columns along_columns[FASTML_DTYPES];
    fastml_along_short along_short[FASTML_DTYPES];
    fastml_cross_entropy_one cross_entropy_row[FASTML_DTYPES];
    fastml_cross_entropy_many cross_entropy_columns[FASTML_DTYPES], cross_entropy_short[FASTML_DTYPES];
    /* float32 and float64 only: what else there is, is converted in blocks */
    fastml_sum sum[FASTML_DTYPES];
    fastml_transpose transpose[FASTML_DTYPES];
    fastml_norm_sums norm_sums[FASTML_DTYPES];
    fastml_norm_sums_columns norm_sums_columns[FASTML_DTYPES];
    fastml_norm_finish norm_finish[FASTML_DTYPES];
    fastml_norm_apply norm_apply[FASTML_DTYPES];
    fastml_norm_apply_columns norm_apply_columns[FASTML_DTYPES];
    fastml_norm_gradient norm_gradient[FASTML_DTYPES], norm_gradient_columns[FASTML_DTYPES];
    fastml_loss loss[FASTML_DTYPES];
    fastml_penalty penalty[FASTML_PENALTIES][FASTML_DTYPES];
    fastml_sgd_step sgd_step[FASTML_DTYPES];
    fastml_adam_step adam_step[FASTML_DTYPES];
    fastml_logistic_binary logistic_binary[FASTML_DTYPES];
    fastml_logistic_softmax logistic_softmax[FASTML_DTYPES];
    fastml_load_rows load_rows[FASTML_DTYPES];
    fastml_predict_binary predict_binary[FASTML_DTYPES];
    fastml_predict_softmax predict_softmax[FASTML_DTYPES];
    fastml_residuals score_residuals[FASTML_DTYPES];
    fastml_probabilities score_probabilities[FASTML_DTYPES];
    fastml_sparse_scores sparse_scores[FASTML_DTYPES];
    fastml_sparse_gradient sparse_gradient[FASTML_DTYPES];
    fastml_sparse_drain sparse_drain[FASTML_DTYPES];
    fastml_check_indices check_indices;
    fastml_curvature_pack curvature_pack[FASTML_DTYPES];
    fastml_curvature_tile curvature_tile[FASTML_DTYPES];
    fastml_randomize random[FASTML_RANDOM_KERNELS][FASTML_DTYPES];
    fastml_threefry threefry;
    fastml_reverse_items reverse_items;
} fastml_table;

extern const fastml_table fastml_table_base;
#if defined(__x86_64__)
#define FASTML_X86_TABLES 1
extern const fastml_table fastml_table_avx2, fastml_table_avx512;
#endif

/* Choose the table: name NULL means the best that this CPU runs. Returns NULL, and leaves the choice, where the name is
 * unknown (*known = 0) or the CPU lacks it (*known = 1). */
const fastml_table *fastml_select_isa(const char *name, int *known);
/* The chosen table. */
extern const fastml_table *fastml_kernels;
/* Which compiler built this. */
extern const char *const fastml_compiler;

#endif
