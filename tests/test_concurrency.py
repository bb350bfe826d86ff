"""Every function in 16 threads at once, and a pool that is resized while they compute."""

import concurrent.futures
import contextlib
import faulthandler
import os
import signal
import sys
import threading
import time

import numpy as np
import pytest

pytestmark = [
    pytest.mark.usefixtures("fastml"),
    pytest.mark.thread_unsafe(reason="sets the number of threads of the process, and counts them"),
]

THREADS = 16
SIZES = (400_000, 1_600_000)
# below the pool's least work at any of these sizes, by one thread whatever their size, or a single task
SERIAL = {
    "sigmoid of strides", "sigmoid of numbers", "sigmoid where", "gelu_backward by the ufunc",
    "synonym_replace", "EarlyStopping", "num_threads, get_num_threads, set_num_threads, show_config",
}  # fmt: skip


@pytest.fixture(autouse=True)
def ends(capsys):
    """A thread that waits for ever would keep the process: show all of them, and end it."""
    with capsys.disabled():
        stderr = os.dup(2)  # what pytest captures is lost then
    faulthandler.dump_traceback_later(300, exit=True, file=stderr)
    yield
    faulthandler.cancel_dump_traceback_later()
    os.close(stderr)


@pytest.fixture(scope="module")
def table(fastml):
    import calls

    return calls


@pytest.fixture
def threads(fastml):
    before = fastml.get_num_threads()
    yield fastml.set_num_threads
    fastml.set_num_threads(before)


def test_table_is_complete(fastml, table):
    called = {word for name in table.names() for word in name.split(", " if ", " in name else None)}
    public = {name for name in fastml.__all__ if callable(getattr(fastml, name))} - {"FitResult"}  # what a fit returns
    assert public <= called, public - called


def live_threads():
    return len(os.listdir("/proc/self/task"))


def settled():
    """Return the number of threads, once 20 looks have found the same; after 10 s, whatever it is."""
    end, count, same = time.monotonic() + 10, live_threads(), 0
    while same < 20 and time.monotonic() < end:
        time.sleep(0.001)
        now = live_threads()
        count, same = now, same + 1 if now == count else 0
    return count


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_table_uses_the_pool(table, threads):
    """Or the test below would compare one thread with one thread."""
    serial = set()
    for name in table.names():
        for size in SIZES + SIZES:  # again before it counts as serial
            threads(1)  # the worker ends; the threads of BLAS stay
            call = table.build(name, size)
            before = settled()
            threads(2)
            call.apart()()
            if live_threads() > before:
                break
        else:
            serial.add(name)
    assert serial == SERIAL


def test_every_function_in_16_threads(table, threads):
    calls = [table.build(name, SIZES[0]) for name in table.names()]
    threads(1)
    expected = [[array.tobytes() for array in call.apart().outcome()] for call in calls]
    threads(3)
    barrier, wrong = threading.Barrier(THREADS, timeout=60), []

    def work(number):
        barrier.wait()
        for k in range(len(calls)):
            at = (k + 7 * number) % len(calls) if number % 2 else k  # half of them the same function at the same time
            got = [array.tobytes() for array in calls[at].apart().outcome()]
            if got != expected[at]:
                wrong.append(table.names()[at])

    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))
    assert not wrong


def test_pool_is_resized_under_load(fastml, table, threads):
    names = ("sigmoid of float64", "softmax", "cross_entropy with gradient", "logistic_loss of classes", "batch_norm")
    calls = [table.build(name, SIZES[0]) for name in names]
    expected = [[array.tobytes() for array in call.outcome()] for call in calls]
    done, wrong = threading.Event(), []

    def work(number):
        for k in range(60):
            call = (k + number) % len(calls)
            if [array.tobytes() for array in calls[call].outcome()] != expected[call]:
                wrong.append(names[call])

    def resize():
        sizes = 0
        while not done.is_set():
            fastml.set_num_threads(1 + sizes * 5 % 11)
            sizes += 1
        return sizes

    with concurrent.futures.ThreadPoolExecutor(9) as pool:
        resizing = pool.submit(resize)
        workers = [pool.submit(work, number) for number in range(8)]
        concurrent.futures.wait(workers)
        done.set()
        assert resizing.result() > 100
    assert [worker.result() for worker in workers] == [None] * 8
    assert not wrong


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers that raise signals")
def test_a_target_that_changes_after_it_was_examined(fastml):
    """Its loss is 0; its number is no place in memory any more."""
    n, values = 2_000_000, []
    x, target = np.broadcast_to(np.zeros(10, "f4"), (n, 10)), np.zeros(n, "i4")

    def change(*_):
        target[-1] = 2**30

    start = time.perf_counter()
    right = fastml.cross_entropy(x, target, reduction="sum")
    seconds = time.perf_counter() - start
    before = signal.signal(signal.SIGALRM, change)
    try:
        # of the seconds; targets are examined in the first hundredth of them, and a busy machine may miss the rest
        for part in np.resize([0.3, 0.1, 0.6], 30):
            target[-1] = 0
            signal.setitimer(signal.ITIMER_REAL, part * seconds)
            with contextlib.suppress(ValueError):  # it came before that
                values.append(fastml.cross_entropy(x, target, reduction="sum"))
            signal.setitimer(signal.ITIMER_REAL, 0)
            if values and values[-1] != right:
                break
    finally:
        signal.signal(signal.SIGALRM, before)
    assert values[-1] == pytest.approx(right * (1 - 1 / n), rel=1e-9)
