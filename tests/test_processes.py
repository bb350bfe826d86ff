"""Children of a process that has used the pool, forks and exits while threads compute, second interpreters."""

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
from importlib.util import find_spec

import pytest

pytestmark = [
    pytest.mark.usefixtures("fastml"),
    pytest.mark.thread_unsafe(reason="starts other processes"),
]

SIZE = 100_000
FORKS = 25
# macOS's own libraries do not stand it, whatever fastml does
FORKED = hasattr(os, "fork") and sys.platform != "darwin"
METHODS = [name for name in multiprocessing.get_all_start_methods() if FORKED or name != "fork"]


@pytest.mark.skipif(not FORKED, reason="no fork on this system, or none that is safe")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_fork_while_another_thread_computes():
    """In a process of its own, since pytest's has threads of whatever ran before."""
    code = f"""
        import os, signal, sys, threading
        sys.path.insert(0, {os.path.dirname(__file__)!r})
        import calls, fastml

        made = [calls.build(name, 400_000) for name in ("gelu", "softmax", "logistic_loss of sparse classes")]
        fastml.set_num_threads(3)
        expected = [[array.tobytes() for array in call.outcome()] for call in made]
        stop = threading.Event()
        def compute():
            while not stop.is_set():
                for call in made:
                    call()
        busy = [threading.Thread(target=compute) for _ in range(2)]
        for thread in busy:
            thread.start()
        failed = 0
        for k in range({FORKS}):
            child = os.fork()
            if not child:
                signal.alarm(30)
                fastml.set_num_threads(2 + k % 3)
                os._exit([[array.tobytes() for array in call.outcome()] for call in made] != expected)
            failed += os.waitpid(child, 0)[1] != 0
        stop.set()
        for thread in busy:
            thread.join()
        assert [[array.tobytes() for array in call.outcome()] for call in made] == expected
        print("failed", failed)
    """
    assert python(code, "-W", "ignore:This process:DeprecationWarning") == (0, "failed 0\n", "")


def python(code, *flags):
    done = subprocess.run(
        [sys.executable, *flags, "-c", textwrap.dedent(code)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def _outcomes(names, size):
    import calls

    import fastml

    fastml.set_num_threads(3)
    made = [calls.build(name, size) for name in names]
    return [[[array.tobytes() for array in call.apart().outcome()] for call in made] for _ in range(2)]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("method", METHODS)
def test_every_function_in_a_child_after_use(fastml, method):
    import calls

    names, before = calls.names(), fastml.get_num_threads()
    expected = _outcomes(names, SIZE)
    fastml.set_num_threads(before)
    context = multiprocessing.get_context(method)
    with context.Pool(1) as pool:  # which ends a child that hangs, as an executor does not
        assert pool.apply_async(_outcomes, (names, SIZE)).get(120) == expected


EXIT = """
    import atexit, sys, threading, time
    import numpy as np
    import fastml

    fastml.set_num_threads(3)
    x = np.linspace(-9, 9, 4_000_000, dtype="f4").reshape(-1, 40)
    started = threading.Event()
    def compute():
        while True:
            started.set()
            {call}
    for _ in range(2):
        threading.Thread(target=compute, daemon=True).start()
    started.wait()
    time.sleep({delay})
    {end}
"""


# CPython 3.13t lets daemon threads go on while it takes its modules apart, and waits for ever for one that it has
# stopped with sys.modules locked. Later ones stop them before.
ENDS_WELL = getattr(sys, "_is_gil_enabled", lambda: True)() or sys.version_info >= (3, 14)


@pytest.mark.skipif(not ENDS_WELL, reason="CPython 3.13t itself may hang at such an end")
@pytest.mark.parametrize("end", ["", "sys.exit()", "atexit.register(lambda: fastml.softmax(x))"])
@pytest.mark.parametrize(
    "call", ["fastml.softmax(x)", "fastml.fit_logistic(x[:20_000], np.arange(20_000) % 2, max_iter=3)"]
)
def test_exit_while_daemon_threads_compute(end, call):
    for delay in (0, 0.01, 0.1):
        assert python(EXIT.format(call=call, delay=delay, end=end)) == (0, "", "")


@pytest.mark.skipif(not hasattr(signal, "SIGTERM") or sys.platform == "win32", reason="no signals")
def test_terminated_while_computing():
    code, out, errors = python(EXIT.format(call="fastml.softmax(x)", delay=0.05, end="os = __import__('os')\n    "
                                           "os.kill(os.getpid(), 15)\n    time.sleep(60)"))  # fmt: skip
    assert (code, out, errors) == (-signal.SIGTERM, "", "")


INTERPRETERS = """
    import warnings
    warnings.simplefilter("ignore")
    {before}
    try:
        import _interpreters as interpreters
        other = interpreters.create({config!r})
    except ImportError:
        import _xxsubinterpreters as interpreters
        other = interpreters.create(isolated={isolated})
    code = '''if True:
        import warnings
        warnings.simplefilter("ignore")
        try:
            import fastml, numpy as np
            print("imported", fastml.softmax(np.zeros(4, "f4")))
        except ImportError as error:
            print("refused")
    '''
    for _ in range(3):
        interpreters.run_string(other, code)
    interpreters.destroy(other)
    try:
        import fastml, numpy as np
        print(fastml.softmax(np.zeros(2, "f4")))
    except ImportError:
        print("refused here")
"""


@pytest.mark.parametrize("config", ["legacy", "isolated"])
@pytest.mark.parametrize("before", ["import fastml", "pass"])
def test_second_interpreter(before, config):
    """NumPy and Cython's modules are for one interpreter: another one is refused, whichever came first."""
    if not any(find_spec(name) for name in ("_interpreters", "_xxsubinterpreters")):
        pytest.skip("this Python cannot make interpreters")
    code = INTERPRETERS.format(before=before, config=config, isolated=config == "isolated")
    status, out, errors = python(code)
    lines = out.splitlines()
    assert (status, errors, len(lines)) == (0, "", 4)
    if before == "import fastml":
        assert lines == ["refused"] * 3 + ["[0.5 0.5]"]
    else:
        assert set(lines[:3]) in ({"refused"}, {"imported [0.25 0.25 0.25 0.25]"})
        assert lines[3] == ("[0.5 0.5]" if lines[0] == "refused" else "refused here")
