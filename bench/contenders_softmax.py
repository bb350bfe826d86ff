"""The part of `bench.contenders` that is of softmax and its kin."""

from __future__ import annotations

from bench.builders import Builder, call, entropy, jax, simd, sklearn_softmax, torch, torch_gradient

CONTENDERS: dict[str, dict[str, Builder]] = {
    "softmax": {
        "fastml": call("fastml:softmax", out=True),
        "numpy": call("bench.baselines:softmax"),
        "numpy out=": call("bench.baselines:softmax_out", out=True),
        "scipy": call("scipy.special:softmax"),
        "torch": torch("torch:softmax"),
        "jax": jax("jax.nn:softmax"),
        "simd-ml-kernels": simd("softmax"),
        "sklearn": sklearn_softmax,
    },
    "log_softmax": {
        "fastml": call("fastml:log_softmax", out=True),
        "numpy": call("bench.baselines:log_softmax"),
        "numpy out=": call("bench.baselines:log_softmax_out", out=True, scratch=True),
        "scipy": call("scipy.special:log_softmax"),
        "torch": torch("torch:log_softmax"),
        "jax": jax("jax.nn:log_softmax"),
    },
    "logsumexp": {
        "fastml": call("fastml:logsumexp"),
        "numpy": call("bench.baselines:logsumexp"),
        "numpy out=": call("bench.baselines:logsumexp_out", scratch=True),
        "scipy": call("scipy.special:logsumexp"),
        "torch": torch("torch:logsumexp"),
        "jax": jax("jax.nn:logsumexp"),
    },
    "entropy": {
        "fastml": call("fastml:entropy"),
        "numpy": call("bench.baselines:entropy"),
        "numpy out=": call("bench.baselines:entropy_out", scratch=True),
        "scipy": entropy("scipy.special:entr"),
        "torch": entropy("torch.special:entr"),
        "jax": jax("bench.baselines:entropy"),
    },
    "softmax_backward": {
        "fastml": call("fastml:softmax_backward", out=True),
        "numpy": call("bench.baselines:softmax_backward"),
        "numpy out=": call("bench.baselines:softmax_backward_out", out=True),
        "torch": torch_gradient("torch:ops.aten._softmax_backward_data.out", out="grad_input"),
        "jax": jax("bench.baselines:softmax_backward"),
    },
    "log_softmax_backward": {
        "fastml": call("fastml:log_softmax_backward", out=True),
        "numpy": call("bench.baselines:log_softmax_backward"),
        "numpy out=": call("bench.baselines:log_softmax_backward_out", out=True),
        "torch": torch_gradient("torch:ops.aten._log_softmax_backward_data.out", out="out"),
        "jax": jax("bench.baselines:log_softmax_backward"),
    },
}
