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
# Fits may take 50 MB and 40 times w; the others that are named, what is said there.
SAID = {
    "fit_logistic": 50.0,
    "EarlyStopping": 2 * 32.0,  # two copies of the parameters, that of the best step and that of state_dict
    "logistic_loss": 16 * 1.0,  # 16 partial gradients
    "logistic_step": 16 * 1.0,
}
NUMPYS = ("by the ufunc", "where", "of numbers")  # of other layouts or dtypes, by NumPy's own machinery


def status(field: str) -> int:
    """Return a size of /proc/self/status in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(field))


def measure(name: str, elements: int) -> tuple[float, float, float]:
    """Return the sizes of arguments and result, and the most beside them, in MB."""
    calls: Any = importlib.import_module("calls")
    fastml.set_num_threads(THREADS)
    calls.build(name, 3000).apart()()  # imports, the lexicon
    calls.build("sigmoid of float64", 1_000_000)()  # the threads
    call = calls.build(name, elements).apart()
    given = sum(array.nbytes for array in call.arrays())
    Path("/proc/self/clear_refs").write_text("5")  # the peak is what is resident from now on
    before = status("VmRSS")
    result = call()
    most = status("VmHWM") - before
    inside = call.arrays()
    made = sum(a.nbytes for a in calls.leaves(result) if not any(a is array for array in inside))
    return given / MB, made / MB, (most - made) / MB


def main(elements: int) -> int:
    """Print the table; return how many calls took more than was said."""
    calls: Any = importlib.import_module("calls")
    surplus = 0
    print("| call | arguments, MB | result, MB | most beside them, MB |\n| --- | --- | --- | --- |")
    for name in calls.names():
        # pages that are freed go back at once, so that the next call does not hide in them
        variables = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0", "OPENBLAS_NUM_THREADS": "1"}
        command = [sys.executable, __file__, name, str(elements)]
        output = subprocess.run(command, env=os.environ | variables, check=True, capture_output=True, text=True).stdout
        given, made, most = map(float, output.split())
        over = most > SAID.get(name.split()[0], ROOM)
        surplus += over and not name.endswith(NUMPYS)
        print(f"| `{name}` | {given:.1f} | {made:.1f} | {most:.1f}{' *' * over} |", flush=True)
    return surplus


if __name__ == "__main__":
    print(*measure(sys.argv[1], int(sys.argv[2])))
