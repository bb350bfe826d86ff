"""``pytest bench``: a pytest-benchmark row for every case and contender, grouped by case.

The thread count is FASTML_NUM_THREADS, or 1, for everyone. Rows of a case run one after another here; for contenders
that alternate, and so share the machine's good and bad moments, use ``python -m bench``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import pytest

from bench.machine import set_threads, thread_environment

THREADS = int(os.environ.get("FASTML_NUM_THREADS", "1"))
SECONDS = 0.1  # for each row
EXTRA_INFO = ("threads", "error", "ns_per_element", "gb_per_second", "of_roofline")
os.environ.update(thread_environment(THREADS))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--bench-quick``."""
    parser.addoption("--bench-quick", action="store_true", help="bench: only the cases of python -m bench --quick")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize each family's test by its CASES and by the contenders that are installed."""
    from bench.contenders import contenders

    if "timed_row" in metafunc.fixturenames:
        cases = [case for case in metafunc.module.CASES if case.quick or not metafunc.config.getoption("--bench-quick")]
        rows = [(case, name) for case in cases for name in contenders(case.function)]
        metafunc.parametrize(("case", "contender"), rows, ids=[f"{case.id}-{name}" for case, name in rows])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let peers warn as they like."""
    for item in items:
        if "timed_row" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.filterwarnings("ignore"))


@pytest.fixture(scope="session")
def threads() -> int:
    """Set the thread count, once, for everyone."""
    set_threads(THREADS)
    return THREADS


@lru_cache(maxsize=1)
def inputs_and_answer(case: Any) -> tuple[Any, Any]:
    """Make them once for a case's contenders, which follow each other; only one case's arrays are alive."""
    inputs = case.inputs()
    return inputs, case.right_answer(inputs)


@pytest.fixture
def timed_row(case: Any, contender: str, threads: int, benchmark: Any) -> Callable[[], None]:
    """Assert that the contender is right; then time it."""
    from bench.contenders import contenders
    from bench.harness import Row, loops_for, measure, sample

    def time_row() -> None:
        inputs, right = inputs_and_answer(case)
        run = contenders(case.function)[contender](inputs)
        if run is None:
            pytest.skip(f"{contender} does not apply")
        error = case.error(run(), right)
        assert case.agrees(error), f"{contender} differs from the oracle by {error:.2g}"
        loops = loops_for(run)
        rounds = max(3, int(SECONDS / (loops * sample(run, loops))))
        benchmark.group = f"{case.id}, threads={threads}"
        benchmark.pedantic(run, rounds=min(rounds, 200), iterations=loops)
        if benchmark.stats is not None:  # None under --benchmark-disable
            row = Row(case.function, case.size, case.dtype, threads, contender, error=error)
            measure(row, case, benchmark.stats.stats.min)
            benchmark.extra_info |= {key: getattr(row, key) for key in EXTRA_INFO}

    return time_row
