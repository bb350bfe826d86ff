"""Fixtures: every dtype, every instruction set of this machine, seeded random numbers, and the awkward arrays.

fastml is imported inside the fixtures only, so that the tests of the oracle run without a build. A build that is there
and broken fails; only one that is absent skips.
"""

import copy
import importlib.util
import platform
import sysconfig
import threading

import numpy as np
import pytest
from ulp import measurable

ISAS = ("base", "avx2", "avx512")
SIZE = 17

# Modules that tools/free_threaded.py does not run in several threads at once.
ELSEWHERE = ("accuracy", "accuracy_page", "allocation_failure", "bench", "cli_archives", "cli_crash", "guard_pages",
             "import", "interrupt", "leaks", "lexicon", "manifest", "memory", "processes", "reference",
             "reference_edges", "reference_losses", "reference_torch", "seldom", "size", "threadpool",
             "threads_environment", "types", "ulp", "undefined", "vectorized", "windows")  # fmt: skip
THREAD_UNSAFE = {f"test_{name}": "its subject is another process, a tool or the oracle" for name in ELSEWHERE}
THREAD_UNSAFE["test_concurrency"] = "starts threads itself, and resizes the pool"
THREAD_UNSAFE["test_dask"] = "starts a cluster"
THREAD_UNSAFE["test_doctest"] = "doctest puts its own stdout in the place of the process's"

# For tests that count what malloc gives out, or let it fail.
glibc = tuple(int(part) for part in platform.libc_ver()[1].split(".")[:2]) if platform.libc_ver()[0] == "glibc" else ()
OF_MALLOC = [
    pytest.mark.skipif(glibc < (2, 33), reason="glibc 2.33 and later counts what is allocated"),
    pytest.mark.skipif(
        bool(sysconfig.get_config_var("Py_GIL_DISABLED")), reason="without the GIL, Python has an allocator of its own"
    ),
]


def pytest_collection_modifyitems(items):
    """Mark the tests of those modules; skip those of float64 whose oracle is a long double that is no wider."""
    unmeasured = pytest.mark.skip(reason="long double is no wider than float64 here")
    for item in items:
        if reason := THREAD_UNSAFE.get(item.path.stem):
            item.add_marker(pytest.mark.thread_unsafe(reason=reason))
        other = "float16" in item.name or "float32" in item.name
        if not measurable("float64") and not other and item.get_closest_marker("longdouble"):
            item.add_marker(unmeasured)


def import_fastml():
    """Return fastml; skip where it is not installed, fail where it is and does not import."""
    if importlib.util.find_spec("fastml") is None:
        pytest.skip("fastml is not installed")
    import fastml
    import fastml.ufuncs

    return fastml


@pytest.fixture(scope="session")
def fastml():
    return import_fastml()


@pytest.fixture(params=["float16", "float32", "float64"])
def dtype(request):
    return np.dtype(request.param)


@pytest.fixture(params=ISAS)
def isa(request, fastml):
    """Run with the kernels of one instruction set; the choice of before comes back afterwards."""
    from fastml import _fastml_runtime as runtime

    if request.param not in runtime.available_isas():
        pytest.skip(f"this CPU has no {request.param}")
    before = runtime.isa()
    runtime.use_isa(request.param)
    yield request.param
    runtime.use_isa(before)


@pytest.fixture
def rng():
    return same_in_each_thread(np.random.default_rng(20240229))


def same_in_each_thread(first):
    """Return a generator that is `first` in this thread, and in any other a copy, made when it is first used there.

    So a test that runs in several threads at once draws in each what it draws alone.
    """
    here, others = threading.get_ident(), threading.local()

    class OfThisThread(np.random.Generator):
        def __getattribute__(self, name):
            if threading.get_ident() == here:
                return getattr(first, name)
            if not hasattr(others, "copy"):
                others.copy = copy.deepcopy(first)
            return getattr(others.copy, name)

    return OfThisThread(first.bit_generator)


def silent():
    """Turn NumPy's warnings on floating-point flags into errors; all others are errors by pyproject.toml."""
    return np.errstate(all="raise")


def bits(x):
    """Return the bit patterns of x, C-ordered."""
    x = np.asarray(x)
    return np.ascontiguousarray(x.astype(x.dtype.newbyteorder("="))).view(f"u{x.dtype.itemsize}")


def assert_same_bits(result, expected, what=""):
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(bits(result), bits(expected), err_msg=str(what))


def special_values(dtype):
    """NaN, both infinities, both zeros, subnormals, the ends of the range, and where sigmoid, tanh and exp saturate."""
    info = np.finfo(dtype)
    ends = [info.smallest_subnormal, info.tiny, info.tiny / 2, info.eps, info.max, info.max / 2]
    points = [0.0, 0.5, 0.625, 1.0, 2.0, 10.0, 16.5, 22.0, 37.0, 88.0, 104.0, 709.0, 745.0, np.inf]
    values = np.array([np.nan, *ends, *points], dtype=np.longdouble)
    return np.concatenate([values, -values[1:]]).astype(dtype)


def _normal(shape):
    return lambda rng, dtype: (4 * rng.standard_normal(shape)).astype(dtype)


def _tail(rng, dtype, n, value):
    x = _normal(n)(rng, dtype)
    x[-1] = value
    return x


def _unaligned(rng, dtype):
    buffer = np.zeros(SIZE * dtype.itemsize + 1, np.uint8)
    x = buffer[1:].view(dtype)
    x[...] = _normal(SIZE)(rng, dtype)
    return x


def _read_only(rng, dtype):
    x = _normal(SIZE)(rng, dtype)
    x.flags.writeable = False
    return x


AWKWARD = {
    "special": lambda rng, dtype: special_values(dtype),
    "nan": lambda rng, dtype: _tail(rng, dtype, SIZE, np.nan),
    "inf": lambda rng, dtype: _tail(rng, dtype, SIZE, np.inf),
    "minus inf": lambda rng, dtype: _tail(rng, dtype, SIZE, -np.inf),
    "minus zero": lambda rng, dtype: np.full(SIZE, -0.0, dtype),
    "subnormal": lambda rng, dtype: (np.arange(-8, 9) * np.finfo(dtype).smallest_subnormal).astype(dtype),
    "all nan": lambda rng, dtype: np.full(SIZE, np.nan, dtype),
    "empty": _normal(0),
    "empty 2-d": _normal((3, 0)),
    "no rows": _normal((0, 5)),
    "size 1": _normal(1),
    "length 15": _normal(15),
    "length 16": _normal(16),
    "length 17": _normal(17),
    "0-d": lambda rng, dtype: np.array(rng.standard_normal(), dtype),
    "3-d": _normal((3, 5, 7)),
    "strided": lambda rng, dtype: _normal((9, 3 * SIZE))(rng, dtype)[::2, ::3],
    "negative strides": lambda rng, dtype: _normal((5, SIZE))(rng, dtype)[::-1, ::-1],
    "F-order": lambda rng, dtype: np.asfortranarray(_normal((5, SIZE))(rng, dtype)),
    "transposed 3-d": lambda rng, dtype: _normal((3, 5, 7))(rng, dtype).transpose(1, 2, 0),
    "broadcast": lambda rng, dtype: np.broadcast_to(_normal((1, SIZE))(rng, dtype), (4, SIZE)),
    "read-only": _read_only,
    "byte-swapped": lambda rng, dtype: _normal((5, SIZE))(rng, dtype).astype(dtype.newbyteorder()),
    "unaligned": _unaligned,
    "overlapping": lambda rng, dtype: np.lib.stride_tricks.sliding_window_view(_normal(SIZE)(rng, dtype), 4),
}


@pytest.fixture(params=AWKWARD)
def awkward(request, rng, dtype):
    """One awkward array of `dtype`."""
    return AWKWARD[request.param](rng, dtype)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty directory to run in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
