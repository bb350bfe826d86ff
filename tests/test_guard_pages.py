"""No function reads or writes beside an array, not even at the tail of a vector: there the next page is protected.

Each family runs in a process of its own, since one byte too far ends it; the message then says which call it was.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from guard_pages import PLACES

FAMILIES = {
    "elementwise": "sigmoid tanh relu log_sigmoid softplus silu gelu leaky_relu elu soft_threshold sigmoid_backward "
    "tanh_backward relu_backward log_sigmoid_backward softplus_backward silu_backward gelu_backward "
    "leaky_relu_backward elu_backward",
    "softmax": "softmax log_softmax logsumexp entropy softmax_backward log_softmax_backward",
    "losses": "mse_loss rmse_loss mae_loss huber_loss binary_cross_entropy binary_cross_entropy_with_logits",
    "cross_entropy": "cross_entropy",
    "norms": "layer_norm layer_norm_backward rms_norm rms_norm_backward batch_norm batch_norm_backward",
    "steps": "sgd_step adam_step",
    "penalties_and_noise": "l1_penalty l2_penalty dropout dropout_backward gaussian_noise",
    "dense": "logistic_loss logistic_step predict_logistic",
    "sparse": "logistic_loss logistic_step predict_logistic",
    "fits": "fit_logistic",
    "images": "random_flip random_crop",
}
WITHOUT_KERNELS = {"EarlyStopping", "FitResult", "__version__", "get_num_threads", "num_threads", "set_num_threads"}
WITHOUT_KERNELS |= {"show_config", "synonym_replace", "ufuncs"}
TOO_FAR = """
import guard_pages, numpy as np, ctypes, faulthandler, fastml, resource, sys
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # it dies on purpose: nobody needs its memory
faulthandler.enable()
kept = guard_pages.install(sys.argv[1])
x = np.ones(33, np.float32)
print(float(fastml.sigmoid(x)[0]), flush=True)
{}
"""
WAYS = {
    "one byte": "ctypes.string_at(x.ctypes.data + (x.nbytes if sys.argv[1] == 'end' else -1), 1)",
    "a kernel": "fastml.sigmoid(np.ndarray(34, 'f4', (ctypes.c_char * 136).from_address("
    "x.ctypes.data - 4 * (sys.argv[1] == 'start'))))",
    "a result": "fastml.sigmoid(np.ones(34, 'f4'), out=np.ndarray(34, 'f4', (ctypes.c_char * 136).from_address("
    "x.ctypes.data - 4 * (sys.argv[1] == 'start'))))",
}

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="needs mmap and mprotect"),
    pytest.mark.usefixtures("fastml"),
]


def child(*arguments):
    here = Path(__file__).parent
    return subprocess.run(
        [sys.executable, *arguments], cwd=here, capture_output=True, text=True, timeout=600, check=False
    )


def test_every_function_is_here(fastml):
    assert {name for names in FAMILIES.values() for name in names.split()} == set(fastml.__all__) - WITHOUT_KERNELS


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_beside_the_arrays(family, place, tmp_path):
    log = tmp_path / "log"
    done = child("guard_pages.py", place, family, str(log))
    assert done.returncode == 0, f"{log.read_text().strip() if log.exists() else 'no case'}\n{done.stderr}"
    count, *names = done.stdout.split()
    assert int(count) > 50
    assert set(names) == set(FAMILIES[family].split())


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("way", WAYS)
def test_one_too_far_dies(way, place):
    done = child("-c", TOO_FAR.format(WAYS[way]), place)
    assert done.stdout.startswith("0.73")
    assert done.returncode != 0
    assert "Segmentation fault" in done.stderr or "Bus error" in done.stderr or "SEGV" in done.stderr
