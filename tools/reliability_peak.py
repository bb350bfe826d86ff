"""The most memory that a call takes beside its arguments and its result; `tools/reliability.py peak`."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import fastml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

MB = 1e6
THREADS = 2
ROOM = 2.0  # MB: a MB a thread
# Fits may take 50 MB and 40 times w, a pass over X 16 partial gradients; EarlyStopping copies the
# parameters that its call here makes, twice.
SAID = {
    "fit_logistic": 50.0,
    "logistic_loss": 16 * 1.0,
    "logistic_step": 16 * 1.0,
    "predict_logistic": 16 * 1.0,
}
# NumPy's machinery converts other dtypes and lists, and so do the two functions whose docstrings say so.
CONVERTED = ("by the ufunc", "of numbers", "_backward of another dtype")


def status(field: str) -> int:
    """Return a size of /proc/self/status in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(field))


def measure(calls: Any, name: str, elements: int) -> tuple[float, float, float]:
    """Return the sizes of arguments and result, and the most beside them, in MB."""
    calls.build(name, 3000).apart()()  # imports, the lexicon
    call = calls.build(name, elements).apart()
    given = sum(array.nbytes for array in call.arrays())
    Path("/proc/self/clear_refs").write_text("5")  # the peak is what is resident from now on
    before = status("VmRSS")
    result = call()
    most = status("VmHWM") - before
    inside = call.arrays()
    made = sum(a.nbytes for a in calls.leaves(result) if not any(a is array for array in inside))
    return given / MB, made / MB, (most - made) / MB


def table(elements: int) -> int:
    """Print the table; return how many calls took more than was said."""
    calls: Any = importlib.import_module("calls")
    surplus = 0
    fastml.set_num_threads(THREADS)
    calls.build("sigmoid of float64", 1_000_000)()  # the threads
    print("| call | arguments, MB | result, MB | most beside them, MB |\n| --- | --- | --- | --- |")
    for name in calls.names():
        given, made, most = measure(calls, name, elements)
        room = 3.1 * 4e-6 * elements if name == "EarlyStopping" else SAID.get(name.split()[0], ROOM)
        surplus += most > room and not name.endswith(CONVERTED)
        print(f"| `{name}` | {given:.1f} | {made:.1f} | {most:.1f}{' *' * (most > room)} |", flush=True)
    return surplus


def main(elements: int) -> int:
    """Print the table, from a process whose freed pages go back at once, so that no call hides in an earlier one's."""
    variables = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, __file__, str(elements)]
    return subprocess.run(command, env=os.environ | variables, check=False).returncode


if __name__ == "__main__":
    sys.exit(table(int(sys.argv[1])) > 0)
