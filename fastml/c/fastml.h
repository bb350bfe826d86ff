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

enum { FASTML_SIGMOID, FASTML_TANH, FASTML_RELU, FASTML_UNARY_KERNELS };
enum { FASTML_SIGMOID_BACKWARD, FASTML_TANH_BACKWARD, FASTML_RELU_BACKWARD, FASTML_BINARY_KERNELS };

enum { FASTML_SOFTMAX, FASTML_LOG_SOFTMAX, FASTML_LOGSUMEXP, FASTML_SOFTMAX_MODES };

/* One problem of the softmax family: C elements `x_step` bytes apart; `where` (may be NULL) has one byte an element,
 * `where_step` bytes apart (0 broadcasts). Results go `y_step` bytes apart; logsumexp writes one. */
typedef void (*fastml_softmax_row)(int mode, const void *x, ptrdiff_t x_step, const uint8_t *where,
                                   ptrdiff_t where_step, void *y, ptrdiff_t y_step, ptrdiff_t C);
/* `columns` problems side by side, adjacent in memory; element i of each is i * step elements further. */
typedef void (*fastml_softmax_columns)(int mode, const void *x, void *y, ptrdiff_t C, ptrdiff_t columns,
                                       ptrdiff_t x_step, ptrdiff_t y_step);
/* R contiguous problems of C <= FASTML_SHORT_ROW elements. */
typedef void (*fastml_softmax_short)(int mode, const void *x, void *y, ptrdiff_t R, ptrdiff_t C);
enum { FASTML_SHORT_ROW = 64 };

/* A block of R <= FASTML_BLOCK_ROWS rows of X, `ldx` elements apart, of the logistic pass. `target` holds R numbers: 0 or 1
 * (binary), or the class. `weight` holds R sample weights, or is NULL. The kernel writes each row's loss, weighted, and, if
 * gradient is not NULL, adds to gradient[d (, K_padded)] and bias_gradient[1 or K_padded]. All of one dtype.
 *
 * w of the binary kernels has FASTML_MIN_FEATURES elements at least (zeros behind d), as have X's rows and the gradient;
 * w of the softmax kernels has rows of K_padded elements, a multiple of FASTML_CLASS_STEP, as has the bias; padded classes
 * have the bias -inf. */
typedef void (*fastml_logistic_binary)(const void *X, const void *target, const void *weight, const void *w,
                                       const void *bias, void *loss, void *gradient, void *bias_gradient, ptrdiff_t R,
                                       ptrdiff_t d, ptrdiff_t ldx);
typedef void (*fastml_logistic_softmax)(const void *X, const void *target, const void *weight, const void *w,
                                        const void *bias, void *loss, void *gradient, void *bias_gradient,
                                        void *scores, ptrdiff_t R, ptrdiff_t d, ptrdiff_t ldx, ptrdiff_t K);
/* The probabilities of the same: p[R], or p[R, K_padded]. */
typedef void (*fastml_predict_binary)(const void *X, const void *w, const void *bias, void *p, ptrdiff_t R, ptrdiff_t d,
                                      ptrdiff_t ldx);
typedef void (*fastml_predict_softmax)(const void *X, const void *w, const void *bias, void *p, ptrdiff_t R, ptrdiff_t d,
                                       ptrdiff_t ldx, ptrdiff_t K);
enum { FASTML_BLOCK_ROWS = 256, FASTML_MIN_FEATURES = 16, FASTML_CLASS_STEP = 16 };

typedef struct {
    const char *isa;
    fastml_unary unary[FASTML_UNARY_KERNELS][FASTML_DTYPES];
    fastml_binary binary[FASTML_BINARY_KERNELS][FASTML_DTYPES];
    fastml_softmax_row softmax_row[FASTML_DTYPES];
    fastml_softmax_columns softmax_columns[FASTML_DTYPES];
    fastml_softmax_short softmax_short[FASTML_DTYPES];
    /* float32 and float64 only: the blocks of X are converted to the dtype of w */
    fastml_logistic_binary logistic_binary[FASTML_DTYPES];
    fastml_logistic_softmax logistic_softmax[FASTML_DTYPES];
    fastml_predict_binary predict_binary[FASTML_DTYPES];
    fastml_predict_softmax predict_softmax[FASTML_DTYPES];
} fastml_table;

extern const fastml_table fastml_table_base;
#if defined(__x86_64__) && defined(__GNUC__)
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
