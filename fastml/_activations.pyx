"""Element-wise functions beside those of _elementwise.pyx: a fast path for dense arrays over real NumPy ufuncs."""

from fastml._fastml_runtime cimport (
    FASTML_ELU, FASTML_GELU, FASTML_GELU_BACKWARD, FASTML_LEAKY_RELU, FASTML_LOG_SIGMOID, FASTML_LOG_SIGMOID_BACKWARD,
    FASTML_SILU, FASTML_SILU_BACKWARD, FASTML_SOFT_THRESHOLD, FASTML_SOFTPLUS, FASTML_SOFTPLUS_BACKWARD,
)

include "_dense.pxi"
include "_elementwise_core.pxi"
include "_elementwise_ufunc.pxi"

cdef Kernel LOG_SIGMOID = Kernel(1, False, FASTML_LOG_SIGMOID, 1.6)
cdef Kernel SOFTPLUS = Kernel(1, False, FASTML_SOFTPLUS, 1.6)
cdef Kernel SILU = Kernel(1, False, FASTML_SILU, 1.0)
cdef Kernel GELU = Kernel(1, False, FASTML_GELU, 2.0)
cdef Kernel LEAKY_RELU = Kernel(2, True, FASTML_LEAKY_RELU, 0.4)
cdef Kernel ELU = Kernel(2, True, FASTML_ELU, 1.0)
cdef Kernel SOFT_THRESHOLD = Kernel(2, True, FASTML_SOFT_THRESHOLD, 0.4)
cdef Kernel LOG_SIGMOID_BACKWARD = Kernel(2, False, FASTML_LOG_SIGMOID_BACKWARD, 1.3)
cdef Kernel SOFTPLUS_BACKWARD = Kernel(2, False, FASTML_SOFTPLUS_BACKWARD, 1.3)
cdef Kernel SILU_BACKWARD = Kernel(2, False, FASTML_SILU_BACKWARD, 1.5)
cdef Kernel GELU_BACKWARD = Kernel(2, False, FASTML_GELU_BACKWARD, 2.4)
cdef Kernel LEAKY_RELU_BACKWARD = Kernel(3, True, FASTML_LEAKY_RELU, 0.6)
cdef Kernel ELU_BACKWARD = Kernel(3, True, FASTML_ELU, 1.3)

include "_activations_forward.pxi"
include "_activations_backward.pxi"
include "_soft_threshold.pxi"

cdef dict ufuncs = {
    "log_sigmoid": make_ufunc(&LOG_SIGMOID, log_sigmoid),
    "softplus": make_ufunc(&SOFTPLUS, softplus),
    "silu": make_ufunc(&SILU, silu),
    "gelu": make_ufunc(&GELU, gelu),
    "leaky_relu": make_ufunc(&LEAKY_RELU, leaky_relu),
    "elu": make_ufunc(&ELU, elu),
    "log_sigmoid_backward": make_ufunc(&LOG_SIGMOID_BACKWARD, log_sigmoid_backward),
    "softplus_backward": make_ufunc(&SOFTPLUS_BACKWARD, softplus_backward),
    "silu_backward": make_ufunc(&SILU_BACKWARD, silu_backward),
    "gelu_backward": make_ufunc(&GELU_BACKWARD, gelu_backward),
    "leaky_relu_backward": make_ufunc(&LEAKY_RELU_BACKWARD, leaky_relu_backward),
    "elu_backward": make_ufunc(&ELU_BACKWARD, elu_backward),
    "soft_threshold": make_ufunc(&SOFT_THRESHOLD, soft_threshold),
}
all_ufuncs = dict(ufuncs)
