/* Every kernel, for every dtype, for the instruction set ISA that the including file names. */
#include "convert.h"
#include "fastml.h"
#include "macros.h"

#define F16 0
#define F32 1
#define F64 2

#include "indices.inc.h"
#include "augment.inc.h"
#include "threefry.inc.h"

#define DTYPE F32
#include "dtype.inc.h"
#include "math.inc.h"
#include "elementwise.inc.h"
#include "sum.inc.h"
#include "norm.inc.h"
#include "losses.inc.h"
#include "penalties.inc.h"
#include "optimizers.inc.h"
#include "softmax.inc.h"
#include "logistic.inc.h"
#include "logistic_load.inc.h"
#include "random.inc.h"
#include "dtype_end.inc.h"

#define DTYPE F64
#include "dtype.inc.h"
#include "math.inc.h"
#include "elementwise.inc.h"
#include "sum.inc.h"
#include "norm.inc.h"
#include "losses.inc.h"
#include "penalties.inc.h"
#include "optimizers.inc.h"
#include "softmax.inc.h"
#include "logistic.inc.h"
#include "logistic_load.inc.h"
#include "random.inc.h"
#include "dtype_end.inc.h"

#define DTYPE F16
#include "dtype.inc.h"
#include "half.inc.h"
#include "elementwise.inc.h"
#include "softmax.inc.h"
#include "random.inc.h"
#include "dtype_end.inc.h"

#define ALL_(name, isa) {name##_##isa##_f16, name##_##isa##_f32, name##_##isa##_f64}
#define ALL(name, isa) ALL_(name, isa)
#define WIDE_(name, isa) {NULL, name##_##isa##_f32, name##_##isa##_f64}
#define WIDE(name, isa) WIDE_(name, isa)
#define TABLE_(isa) fastml_table_##isa
#define TABLE(isa) TABLE_(isa)
#define TEXT_(isa) #isa
#define TEXT(isa) TEXT_(isa)

const fastml_table TABLE(ISA) = {
    .isa = TEXT(ISA),
    .unary =
        {
            [FASTML_SIGMOID] = ALL(sigmoid, ISA),
            [FASTML_TANH] = ALL(tanh, ISA),
            [FASTML_RELU] = ALL(relu, ISA),
            [FASTML_LOG_SIGMOID] = ALL(log_sigmoid, ISA),
            [FASTML_SOFTPLUS] = ALL(softplus, ISA),
            [FASTML_SILU] = ALL(silu, ISA),
            [FASTML_GELU] = ALL(gelu, ISA),
        },
    .binary =
        {
            [FASTML_SIGMOID_BACKWARD] = ALL(sigmoid_backward, ISA),
            [FASTML_TANH_BACKWARD] = ALL(tanh_backward, ISA),
            [FASTML_RELU_BACKWARD] = ALL(relu_backward, ISA),
            [FASTML_LOG_SIGMOID_BACKWARD] = ALL(log_sigmoid_backward, ISA),
            [FASTML_SOFTPLUS_BACKWARD] = ALL(softplus_backward, ISA),
            [FASTML_SILU_BACKWARD] = ALL(silu_backward, ISA),
            [FASTML_GELU_BACKWARD] = ALL(gelu_backward, ISA),
        },
    .unary_with =
        {
            [FASTML_LEAKY_RELU] = ALL(leaky_relu, ISA),
            [FASTML_ELU] = ALL(elu, ISA),
            [FASTML_SOFT_THRESHOLD] = ALL(soft_threshold, ISA),
        },
    .binary_with = {[FASTML_LEAKY_RELU] = ALL(leaky_relu_backward, ISA), [FASTML_ELU] = ALL(elu_backward, ISA)},
    .along_row = ALL(along_row, ISA),
    .along_columns = ALL(along_columns, ISA),
    .along_short = ALL(along_short, ISA),
    .cross_entropy_row = ALL(cross_entropy_one, ISA),
    .cross_entropy_columns = ALL(cross_entropy_columns, ISA),
    .cross_entropy_short = ALL(cross_entropy_short, ISA),
    .sum = WIDE(sum, ISA),
    .transpose = WIDE(transpose_any, ISA),
    .norm_sums = WIDE(norm_sums, ISA),
    .norm_sums_columns = WIDE(norm_sums_columns, ISA),
    .norm_finish = WIDE(norm_finish, ISA),
    .norm_apply = WIDE(norm_apply, ISA),
    .norm_apply_columns = WIDE(norm_apply_columns, ISA),
    .norm_gradient = WIDE(norm_gradient, ISA),
    .norm_gradient_columns = WIDE(norm_gradient_columns, ISA),
    .loss = WIDE(loss, ISA),
    .penalty = {[FASTML_L1_PENALTY] = WIDE(l1_penalty, ISA), [FASTML_L2_PENALTY] = WIDE(l2_penalty, ISA)},
    .sgd_step = WIDE(sgd_step, ISA),
    .adam_step = WIDE(adam_step, ISA),
    .logistic_binary = WIDE(logistic_binary, ISA),
    .logistic_softmax = WIDE(logistic_softmax, ISA),
    .load_rows = WIDE(load_rows, ISA),
    .predict_binary = WIDE(predict_binary, ISA),
    .predict_softmax = WIDE(predict_softmax, ISA),
    .score_residuals = WIDE(score_residuals, ISA),
    .score_probabilities = WIDE(score_probabilities, ISA),
    .sparse_scores = WIDE(sparse_scores, ISA),
    .sparse_gradient = WIDE(sparse_gradient, ISA),
    .sparse_drain = WIDE(sparse_drain, ISA),
    .check_indices = INDICES(check_indices),
    .curvature_pack = WIDE(curvature_pack, ISA),
    .curvature_tile = WIDE(curvature_tile, ISA),
    .random =
        {
            [FASTML_DROPOUT] = ALL(dropout, ISA),
            [FASTML_GAUSSIAN_NOISE] = ALL(gaussian_noise, ISA),
        },
    .threefry = RANDOM(threefry),
    .reverse_items = CAT3(reverse_items, ISA, u8),
};
