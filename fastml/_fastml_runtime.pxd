"""The kernel table and the thread pool, shared by every other extension."""

from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t


cdef extern from "fastml.h" nogil:
    enum:
        FASTML_F16, FASTML_F32, FASTML_F64
        FASTML_SIGMOID, FASTML_TANH, FASTML_RELU
        FASTML_LOG_SIGMOID, FASTML_SOFTPLUS, FASTML_SILU, FASTML_GELU, FASTML_UNARY_KERNELS
        FASTML_SIGMOID_BACKWARD, FASTML_TANH_BACKWARD, FASTML_RELU_BACKWARD
        FASTML_LOG_SIGMOID_BACKWARD, FASTML_SOFTPLUS_BACKWARD, FASTML_SILU_BACKWARD, FASTML_GELU_BACKWARD
        FASTML_BINARY_KERNELS
        FASTML_LEAKY_RELU, FASTML_ELU, FASTML_SOFT_THRESHOLD, FASTML_WITH_KERNELS
        FASTML_SOFTMAX, FASTML_LOG_SOFTMAX, FASTML_LOGSUMEXP
        FASTML_ENTROPY, FASTML_SOFTMAX_BACKWARD, FASTML_LOG_SOFTMAX_BACKWARD
        FASTML_SHORT_ROW
        FASTML_SUM_BLOCK
        FASTML_MSE, FASTML_MAE, FASTML_HUBER, FASTML_BCE, FASTML_BCE_LOGITS
        FASTML_L1_PENALTY, FASTML_L2_PENALTY
        FASTML_BLOCK_ROWS, FASTML_MIN_FEATURES, FASTML_CLASS_STEP
        FASTML_DROPOUT, FASTML_GAUSSIAN_NOISE
        FASTML_RANDOM_LANES, FASTML_RANDOM_BLOCK

    ctypedef void (*fastml_unary)(const void *x, void *y, ptrdiff_t n) noexcept nogil
    ctypedef void (*fastml_binary)(const void *a, const void *b, void *y, ptrdiff_t n) noexcept nogil
    ctypedef void (*fastml_unary_with)(
        const void *x, const void *parameter, void *y, ptrdiff_t n, ptrdiff_t step) noexcept nogil
    ctypedef void (*fastml_binary_with)(
        const void *a, const void *b, const void *parameter, void *y, ptrdiff_t n, ptrdiff_t step) noexcept nogil
    ctypedef struct fastml_problem:
        int mode
        const char *x
        const char *x2
        const uint8_t *where
        char *y
        ptrdiff_t C, x_step, x2_step, where_step, y_step
    ctypedef void (*fastml_along_row)(const fastml_problem *problem) noexcept nogil
    ctypedef void (*fastml_along_columns)(const fastml_problem *problem, ptrdiff_t columns) noexcept nogil
    ctypedef void (*fastml_along_short)(const fastml_problem *problem, ptrdiff_t R) noexcept nogil
    ctypedef struct fastml_cross_entropy:
        bint given
        const char *x
        char *gradient
        const char *q
        const int64_t *target
        const void *weight
        const void *class_weight
        void *loss
        ptrdiff_t C, x_step, gradient_step, q_step, q_next
        int q_kind
        double smoothing, smooth_total, scale
    ctypedef void (*fastml_cross_entropy_one)(const fastml_cross_entropy *problem) noexcept nogil
    ctypedef void (*fastml_cross_entropy_many)(const fastml_cross_entropy *problem, ptrdiff_t count) noexcept nogil
    enum:
        FASTML_NORM_MOMENTS, FASTML_NORM_DOTS
        FASTML_NORM_CHUNK, FASTML_NORM_COLUMNS, FASTML_NORM_LANES
    ctypedef struct fastml_norm:
        int kind
        const void *x
        const void *dy
        void *y
        const void *weight
        const void *bias
        const void *gain
        const void *offset
        const void *mean
        const void *rstd
        const void *a
        const void *b
        const void *scale
        ptrdiff_t x_step, dy_step, y_step
    ctypedef void (*fastml_norm_sums)(const fastml_norm *p, ptrdiff_t n, double *lanes) noexcept nogil
    ctypedef void (*fastml_norm_sums_columns)(
        const fastml_norm *p, ptrdiff_t R, ptrdiff_t w, double *sums) noexcept nogil
    ctypedef void (*fastml_norm_finish)(int kind, const double *sums, ptrdiff_t w, double C, double eps, bint centered,
                                        void *mean, void *rstd, void *a, void *b) noexcept nogil
    ctypedef void (*fastml_norm_apply)(const fastml_norm *p, ptrdiff_t n) noexcept nogil
    ctypedef void (*fastml_norm_apply_columns)(const fastml_norm *p, ptrdiff_t R, ptrdiff_t w) noexcept nogil
    ctypedef void (*fastml_norm_gradient)(
        const fastml_norm *p, ptrdiff_t R, ptrdiff_t n, double *sums, ptrdiff_t stride) noexcept nogil
    ctypedef void (*fastml_transpose)(const void *source, ptrdiff_t source_step, void *to, ptrdiff_t to_step,
                                      ptrdiff_t rows, ptrdiff_t columns) noexcept nogil
    ctypedef void (*fastml_sum)(const void *a, ptrdiff_t n, double *total) noexcept nogil
    ctypedef struct fastml_loss_pass:
        int kind
        bint weighted
        double scale, up, parameter
    ctypedef void (*fastml_loss)(
        const fastml_loss_pass *call, const void *x, const void *target, const void *pos_weight, const double *weight,
        void *loss, void *gradient, ptrdiff_t n, double *total) noexcept nogil
    ctypedef void (*fastml_penalty)(
        const void *w, void *gradient, ptrdiff_t n, double strength, bint accumulate, double *total) noexcept nogil
    ctypedef struct fastml_sgd:
        double lr, momentum, l1, l2
        bint nesterov
    ctypedef void (*fastml_sgd_step)(
        const fastml_sgd *options, const void *grad, void *param, void *velocity, ptrdiff_t n) noexcept nogil
    ctypedef struct fastml_adam:
        double beta1, beta2, eps, rate, root, decay
    ctypedef void (*fastml_adam_step)(
        const fastml_adam *options, const void *grad, void *param, void *m, void *v, ptrdiff_t n) noexcept nogil
    ctypedef void (*fastml_logistic_binary)(
        const void *X, const void *target, const void *weight, const void *w, const void *bias, double *loss,
        void *gradient, void *bias_gradient, ptrdiff_t R, ptrdiff_t d, ptrdiff_t ldx, bint from_memory) noexcept nogil
    ctypedef void (*fastml_logistic_softmax)(
        const void *X, const void *target, const void *weight, const void *w, const void *bias, double *loss,
        void *gradient, void *bias_gradient, void *scores, ptrdiff_t R, ptrdiff_t d, ptrdiff_t ldx,
        ptrdiff_t K, bint multi_label) noexcept nogil
    ctypedef void (*fastml_predict_binary)(
        const void *X, const void *w, const void *bias, void *p, ptrdiff_t R, ptrdiff_t d, ptrdiff_t ldx,
        bint from_memory) noexcept nogil
    ctypedef void (*fastml_predict_softmax)(
        const void *X, const void *w, const void *bias, void *p, ptrdiff_t R, ptrdiff_t d, ptrdiff_t ldx,
        ptrdiff_t K, bint multi_label) noexcept nogil

    ctypedef void (*fastml_residuals)(void *Z, const void *target, const void *weight, double *loss,
                                      void *bias_gradient, ptrdiff_t R, ptrdiff_t K, bint multi_label) noexcept nogil
    ctypedef void (*fastml_probabilities)(void *Z, ptrdiff_t R, ptrdiff_t K, bint multi_label) noexcept nogil
    ctypedef void (*fastml_sparse_scores)(const void *value, const int32_t *index, const ptrdiff_t *start,
                                          const void *W, void *Z, ptrdiff_t R, ptrdiff_t K) noexcept nogil
    ctypedef void (*fastml_sparse_gradient)(const void *value, const int32_t *index, const ptrdiff_t *start,
                                            const void *Z, void *gradient, ptrdiff_t R, ptrdiff_t K) noexcept nogil
    ctypedef void (*fastml_sparse_drain)(double *total, void *recent, ptrdiff_t step, ptrdiff_t K, ptrdiff_t apart,
                                         ptrdiff_t parts, ptrdiff_t d, bint first, double last) noexcept nogil
    ctypedef bint (*fastml_check_indices)(
        const char *source, bint wide, int32_t *to, ptrdiff_t n, int32_t last) noexcept nogil
    ctypedef void (*fastml_curvature_pack)(
        const void *X, const void *root, void *packed, ptrdiff_t R, ptrdiff_t d, ptrdiff_t ldx,
        ptrdiff_t rows) noexcept nogil
    ctypedef void (*fastml_curvature_tile)(
        const void *a, const void *b, double *to, ptrdiff_t R, ptrdiff_t step, ptrdiff_t ld,
        double factor) noexcept nogil

    ctypedef void (*fastml_load_rows)(
        const char *X, int kind, void *block, ptrdiff_t step, ptrdiff_t ld, ptrdiff_t R, ptrdiff_t d,
        ptrdiff_t ahead) noexcept nogil
    ctypedef struct fastml_random:
        uint64_t key
        uint32_t purpose
        bint ahead
        uint64_t p
        double scale, scale_low
    ctypedef void (*fastml_randomize)(
        const fastml_random *call, const void *x, void *y, uint64_t start, ptrdiff_t n) noexcept nogil
    ctypedef void (*fastml_threefry)(const uint32_t *key, const uint32_t *counter, uint32_t (*word)[64]) noexcept nogil

    ctypedef struct fastml_reversal:
        ptrdiff_t size, step
        uint8_t from_end[16]
        uint8_t from_start[16]
    ctypedef void (*fastml_reverse_items)(
        const fastml_reversal *r, const char *source, char *to, ptrdiff_t source_row, ptrdiff_t to_row, ptrdiff_t n,
        ptrdiff_t rows) noexcept nogil

    ctypedef struct fastml_table:
        const char *isa
        fastml_unary unary[FASTML_UNARY_KERNELS][3]
        fastml_binary binary[FASTML_BINARY_KERNELS][3]
        fastml_unary_with unary_with[FASTML_WITH_KERNELS][3]
        fastml_binary_with binary_with[FASTML_WITH_KERNELS][3]
        fastml_along_row along_row[3]
        fastml_along_columns along_columns[3]
        fastml_along_short along_short[3]
        fastml_cross_entropy_one cross_entropy_row[3]
        fastml_cross_entropy_many cross_entropy_columns[3]
        fastml_cross_entropy_many cross_entropy_short[3]
        fastml_sum sum[3]
        fastml_transpose transpose[3]
        fastml_norm_sums norm_sums[3]
        fastml_norm_sums_columns norm_sums_columns[3]
        fastml_norm_finish norm_finish[3]
        fastml_norm_apply norm_apply[3]
        fastml_norm_apply_columns norm_apply_columns[3]
        fastml_norm_gradient norm_gradient[3]
        fastml_norm_gradient norm_gradient_columns[3]
        fastml_loss loss[3]
        fastml_penalty penalty[2][3]
        fastml_sgd_step sgd_step[3]
        fastml_adam_step adam_step[3]
        fastml_logistic_binary logistic_binary[3]
        fastml_logistic_softmax logistic_softmax[3]
        fastml_load_rows load_rows[3]
        fastml_predict_binary predict_binary[3]
        fastml_predict_softmax predict_softmax[3]
        fastml_residuals score_residuals[3]
        fastml_probabilities score_probabilities[3]
        fastml_sparse_scores sparse_scores[3]
        fastml_sparse_gradient sparse_gradient[3]
        fastml_sparse_drain sparse_drain[3]
        fastml_check_indices check_indices
        fastml_curvature_pack curvature_pack[3]
        fastml_curvature_tile curvature_tile[3]
        fastml_randomize random[2][3]
        fastml_threefry threefry
        fastml_reverse_items reverse_items

cdef extern from "threadpool.h" nogil:
    ctypedef void (*fastml_task)(void *context, ptrdiff_t chunk) noexcept nogil


cdef const fastml_table *kernels() noexcept nogil
cdef void parallel_for(fastml_task task, void *context, ptrdiff_t chunks, double work_ns) noexcept nogil
cdef void convert_index(int64_t *to, const char *source, ptrdiff_t step, ptrdiff_t n, int kind) noexcept nogil
cdef bint are_classes(const int64_t *values, ptrdiff_t n, ptrdiff_t classes) noexcept nogil
cdef ptrdiff_t count_classes(const void *values, int dtype, ptrdiff_t n, ptrdiff_t classes) noexcept nogil
cdef ptrdiff_t add_weights(const void *values, int dtype, ptrdiff_t n, double *total) noexcept nogil
cdef void store(char *to, int dtype, ptrdiff_t step, const void *values, ptrdiff_t n) noexcept nogil
cdef void convert(void *to, int dtype, const char *source, ptrdiff_t step, ptrdiff_t n, int kind) noexcept nogil
cdef void sparse_scatter(int dtype, const void *value, const int32_t *index, const ptrdiff_t *start, const void *z,
                         void *gradient, ptrdiff_t R) noexcept nogil
cdef void shift_scores(int dtype, void *Z, const void *bias, double scale, ptrdiff_t R, ptrdiff_t KP) noexcept nogil
cdef void fold_scores(int dtype, void *z, ptrdiff_t R) noexcept nogil
cdef void curve_scores(int dtype, const void *Z, void *U, const void *weight, ptrdiff_t R, ptrdiff_t K,
                       ptrdiff_t KP, bint multi_label) noexcept nogil
