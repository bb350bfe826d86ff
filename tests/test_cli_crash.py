"""`python -m fastml train`: killed while it writes a model, and interrupted while it trains."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from cli_cases import make_model

from fastml.cli import main
from fastml.cli.model import load

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no SIGKILL")

# Trains over model.npz and kills itself before the k-th line of Python that writing the model runs, zipfile's and
# NumPy's included, for every k that it is given; 0: counts the lines. Each run is a process of its own.
KILLED = """
import os, signal, sys
import fastml.cli.train as module
from fastml.cli import main

def traced(save, last):
    count = 0
    def trace(frame, event, argument):
        nonlocal count
        count += event == "line"
        if last and count == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace
    def saving(path, model):
        sys.settrace(trace)
        try:
            save(path, model)
        finally:
            sys.settrace(None)
        if not last:
            print("lines:", count)
    return saving

save = module.save
with open("model.npz", "rb") as file:
    old = file.read()
for last in map(int, sys.argv[1:]):
    child = os.fork()
    if child == 0:
        module.save = traced(save, last)
        code = main(["train", "good.csv", "--output", "model.npz", "--l2", "0.3"])
        sys.stdout.flush()
        os._exit(code)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status == (-signal.SIGKILL if last else 0), status
    os.rename("model.npz", f"seen-{last}")
    with open("model.npz", "wb") as file:
        file.write(old)
"""


def lines_of_a_save():
    return int(run_killed(0).split("lines: ")[1].split()[0])


def run_killed(*points):
    command = [sys.executable, "-c", KILLED, *map(str, points)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=600).stdout


def test_killed_while_writing(here):
    make_model()
    old = (here / "model.npz").read_bytes()
    lines = lines_of_a_save()
    new = (here / "seen-0").read_bytes()
    assert old != new
    assert lines > 1000
    last = range(lines - 25, lines + 1)  # the file is complete, flushed, renamed, the directory flushed
    points = sorted({*range(1, 21), *np.linspace(1, lines, 40).astype(int).tolist(), *last})
    run_killed(*points)
    seen = [(here / f"seen-{point}").read_bytes() for point in points]
    assert set(seen) == {old, new}  # whole, either of them, and never anything else
    replaced = [content == new for content in seen]
    assert replaced == sorted(replaced)
    assert sum(replaced) < 25


def test_what_a_killed_process_leaves_is_not_taken_for_a_model(here):
    make_model()
    run_killed(lines_of_a_save() - 200)  # well before the file is complete
    left = [name for name in os.listdir() if name.endswith(".tmp")]
    assert len(left) == 1
    assert left[0].startswith(".fastml-")
    assert main(["predict", left[0], "good.csv"]) == 2  # it is no whole model
    assert main(["train", "good.csv", "--output", "model.npz", "--max-iter", "7"]) == 0
    assert main(["predict", "model.npz", "good.csv"]) == 0
    assert [name for name in os.listdir() if name.endswith(".tmp")] == left  # others' files are left alone


def test_interrupted_while_training(here):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((20_000, 200)).cumsum(axis=1)  # separable classes, no penalty: steps without end
    np.save("large.npy", np.column_stack([X, (X @ rng.standard_normal((200, 40))).argmax(axis=1)]))
    make_model()
    old = (here / "model.npz").read_bytes()
    command = [sys.executable, "-m", "fastml", "train", "large.npy", "--output", "model.npz"]
    command += ["--l2", "0", "--max-iter", "1000000", "--solver", "lbfgs"]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # in a shell's background it may be ignored
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    signal.signal(signal.SIGINT, before)
    late = threading.Timer(60, process.kill)  # readline has no timeout
    late.start()
    try:
        line = ""
        while not line.startswith("Fit"):  # flushed as it starts
            line = process.stdout.readline()
            assert line
        late.cancel()
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        late.cancel()
        process.kill()
    assert process.returncode == 130, errors
    assert errors.splitlines()[-1] == "fastml: interrupted, no file was written"
    assert "Traceback" not in errors
    assert (here / "model.npz").read_bytes() == old
    assert load("model.npz").classes == ("no", "yes")
    assert not [name for name in os.listdir() if name.endswith(".tmp")]
