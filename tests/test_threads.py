"""The number of threads, and results that do not depend on it, in many threads and processes."""

import concurrent.futures
import multiprocessing
import threading

import numpy as np
import pytest
from conftest import assert_same_bits

SIZE = 1_500_003  # enough work for the pool

pytestmark = pytest.mark.usefixtures("same_threads_afterwards")
alone = pytest.mark.thread_unsafe(reason="sets the number of threads of the process, and looks at it")


@pytest.fixture
def same_threads_afterwards(fastml):
    before = fastml.get_num_threads()
    yield
    assert fastml.get_num_threads() == before


@pytest.fixture
def x(rng):
    return rng.standard_normal(SIZE).astype(np.float32)


@alone
def test_set_and_get(fastml):
    before = fastml.get_num_threads()
    try:
        for n in (1, 3, np.int64(2)):
            fastml.set_num_threads(n)
            assert fastml.get_num_threads() == n
        for huge in (10_000, 2**31, 2**100):
            fastml.set_num_threads(huge)
            assert fastml.get_num_threads() == 256
    finally:
        fastml.set_num_threads(before)


@pytest.mark.parametrize(
    ("n", "error", "came"),
    [
        (0, ValueError, "0"),
        (-1, ValueError, "-1"),
        (-(2**70), ValueError, str(-(2**70))),
        (True, TypeError, "a bool"),
        (np.True_, TypeError, "a bool"),
        (2.0, TypeError, "float"),
        ("2", TypeError, "str"),
        (None, TypeError, "NoneType"),
        (np.array([2]), TypeError, "ndarray"),
    ],
)
def test_refused_numbers(fastml, n, error, came):
    for function in (fastml.set_num_threads, fastml.num_threads):
        with pytest.raises(error) as caught:
            function(n)
        assert str(caught.value) == f"n: expected an integer of at least 1, got {came}"


@alone
def test_context_nests_and_is_used_again(fastml):
    before = fastml.get_num_threads()
    three = fastml.num_threads(3)
    assert fastml.get_num_threads() == before
    with three:
        with fastml.num_threads(1):
            with three:
                assert fastml.get_num_threads() == 3
            assert fastml.get_num_threads() == 1
        assert fastml.get_num_threads() == 3
    assert fastml.get_num_threads() == before
    with three:
        assert fastml.get_num_threads() == 3


@alone
def test_context_restores_after_an_exception(fastml):
    before = fastml.get_num_threads()
    with pytest.raises(KeyboardInterrupt), fastml.num_threads(before + 1):
        raise KeyboardInterrupt
    assert fastml.get_num_threads() == before


@alone
def test_blocks_that_overlap_in_two_threads(fastml):
    """The first to begin ends first; when both have ended, the number is what it was before them."""
    before, first_ended = fastml.get_num_threads(), threading.Event()
    first = fastml.num_threads(before + 1)
    first.__enter__()

    def second():
        with fastml.num_threads(before + 2):
            first_ended.wait(60)
            assert fastml.get_num_threads() == before + 2, "the first to end has taken the second's number away"

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        result = pool.submit(second)
        while fastml.get_num_threads() != before + 2:
            assert not result.done(), result.result()
        first.__exit__(None, None, None)
        first_ended.set()
        result.result()
    assert fastml.get_num_threads() == before


@alone
def test_blocks_of_many_threads(fastml):
    before, barrier = fastml.get_num_threads(), threading.Barrier(8)
    shared = fastml.num_threads(3)

    def work(i):
        barrier.wait()
        for k in range(200):
            with shared if k % 3 else fastml.num_threads(i + 1):
                fastml.get_num_threads()

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert fastml.get_num_threads() == before


def test_show_config(fastml, capsys):
    config = fastml.show_config(mode="dicts")
    assert list(config)[:5] == ["version", "isa", "isas", "threads", "cpus"]
    assert config["version"] == fastml.__version__
    assert config["isa"] in config["isas"]
    assert config["isas"][0] == "base"
    assert config["threads"] == fastml.get_num_threads()
    assert config["numpy"] == np.__version__
    assert fastml.show_config() is None
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[0] for line in lines] == list(config)
    assert f"isas: {', '.join(config['isas'])}" in lines
    with pytest.raises(ValueError, match="mode: expected 'stdout' or 'dicts', got 'json'"):
        fastml.show_config(mode="json")


def test_results_do_not_depend_on_threads(fastml, x):
    with fastml.num_threads(1):
        expected = fastml.sigmoid(x)
    for n in (2, 3, 8):
        with fastml.num_threads(n):
            assert_same_bits(fastml.sigmoid(x), expected, n)


def test_two_python_threads_at_once(fastml, x):
    barrier = threading.Barrier(4)
    with fastml.num_threads(1):
        expected = fastml.sigmoid(x), fastml.softmax(x.reshape(-1, 9))

    def work(_):
        barrier.wait()
        return [(fastml.sigmoid(x), fastml.softmax(x.reshape(-1, 9))) for _ in range(5)]

    with fastml.num_threads(3), concurrent.futures.ThreadPoolExecutor(4) as pool:
        for results in pool.map(work, range(4)):
            for result in results:
                assert_same_bits(result[0], expected[0])
                assert_same_bits(result[1], expected[1])


def test_show_config_does_not_disturb_a_computation(fastml, x):
    expected, done = fastml.sigmoid(x), threading.Event()

    def ask():
        while not done.is_set():
            fastml.show_config(mode="dicts")

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(30):
            assert_same_bits(fastml.sigmoid(x), expected)
    finally:
        done.set()
        asking.join()


def _sigmoid_in_another_process(x):
    import fastml

    return fastml.get_num_threads(), fastml.sigmoid(x)


@pytest.mark.thread_unsafe(reason="starts another process")
@pytest.mark.parametrize("method", [m for m in multiprocessing.get_all_start_methods() if m != "fork"])
def test_multiprocessing(fastml, x, method):
    context = multiprocessing.get_context(method)
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        threads, result = pool.submit(_sigmoid_in_another_process, x).result(timeout=120)
    assert threads >= 1
    assert_same_bits(result, fastml.sigmoid(x))
