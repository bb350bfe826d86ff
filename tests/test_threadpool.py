"""The thread pool in C: its stress driver, plain and under ThreadSanitizer, and what decides its default size."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
POOL = [ROOT / "fastml/c/threadpool.c", ROOT / "fastml/c/cpu_count.c"]
COMPILER = shlex.split(os.environ.get("CC") or "cc")
SCENARIOS = 11
THREAD_VARIABLES = ("FASTML_NUM_THREADS", "OMP_NUM_THREADS")

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="the driver is written for POSIX"),
    pytest.mark.skipif(shutil.which(COMPILER[0]) is None, reason="no C compiler"),
]


def compile_with_pool(name, folder, *flags):
    program = folder / name
    command = [*COMPILER, "-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", *flags, f"-I{ROOT / 'fastml/c'}"]
    sources = [ROOT / f"tests/c/{name}.c", *POOL]
    subprocess.run([*command, *map(str, sources), "-o", str(program), "-pthread"], check=True)
    return program


def output_of(program, *arguments, **variables):
    clean = {name: value for name, value in os.environ.items() if name not in THREAD_VARIABLES}
    done = subprocess.run(
        [str(program), *arguments], env=clean | variables, capture_output=True, text=True, timeout=55, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    return compile_with_pool("threadpool_stress", tmp_path_factory.mktemp("plain"))


def test_stress(driver):
    assert output_of(driver).count(" ok ") == SCENARIOS


def test_stress_under_thread_sanitizer(tmp_path):
    probe = tmp_path / "probe.c"
    probe.write_text("int main(void) { return 0; }")
    built = subprocess.run(
        [*COMPILER, "-fsanitize=thread", str(probe), "-o", str(tmp_path / "probe")], capture_output=True, check=False
    )
    if built.returncode != 0 or subprocess.run([tmp_path / "probe"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no working ThreadSanitizer")
    # It would refuse to start threads in a forked child, and wait a second at each exit.
    options = "die_after_fork=0 atexit_sleep_ms=50"
    program = compile_with_pool("threadpool_stress", tmp_path, "-fsanitize=thread")
    assert output_of(program, TSAN_OPTIONS=options).count(" ok ") == SCENARIOS


def test_latency_runs(tmp_path):
    program = compile_with_pool("threadpool_latency", tmp_path)
    assert output_of(program, "5", FASTML_NUM_THREADS="2").count("median") == 12


def write_tree(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")


def v1(group, **quotas):
    """Files of a version 1 tree, quotas in microseconds by group ('_' for '/')."""
    files = {"proc/self/cgroup": f"5:memory:/elsewhere\n3:cpuacct,cpu:{group}\n1:name=systemd:/\n0::/"}
    for name, quota in quotas.items():
        folder = "sys/fs/cgroup/cpuacct,cpu" + name.replace("_", "/")
        files |= {f"{folder}/cpu.cfs_quota_us": str(quota), f"{folder}/cpu.cfs_period_us": "100000"}
    return files


def v2(group, **limits):
    """Files of a version 2 tree, the contents of cpu.max by group ('_' for '/')."""
    maxima = {f"sys/fs/cgroup{name.replace('_', '/')}/cpu.max": limit for name, limit in limits.items()}
    return {"proc/self/cgroup": f"0::{group}"} | maxima


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({}, 0, id="no cgroups at all"),
        pytest.param({"proc/self/cgroup": "nonsense\n1:\n::"}, 0, id="unreadable"),
        pytest.param(v2("/a", _a="50000 100000"), 1, id="v2 half"),
        pytest.param(v2("/a", _a="100000 100000"), 1, id="v2 one"),
        pytest.param(v2("/a", _a="150000 100000"), 2, id="v2 one and a half"),
        pytest.param(v2("/a", _a="max 100000"), 0, id="v2 max"),
        pytest.param(v2("/a", _a=""), 0, id="v2 empty file"),
        pytest.param(v2("/", _="300000 100000"), 3, id="v2 container root"),
        pytest.param(v2("/a/b/c", _a_b_c="max 100000", _a_b="800000 100000", _a="250000 100000"), 3, id="v2 parent"),
        pytest.param(v2("/a/b", _a_b="1000 100000", _a="250000 100000"), 1, id="v2 child"),
        pytest.param(v2("/a/b", _a_c="100000 100000"), 0, id="v2 another group"),
        pytest.param(v2("/host/docker/x", _="200000 100000"), 2, id="v2 named as seen from outside"),
        pytest.param(v2("/../x", _="200000 100000", _x="100000 100000"), 2, id="v2 outside the namespace"),
        pytest.param(v1("/a", _a=50000), 1, id="v1 half"),
        pytest.param(v1("/a", _a=100000), 1, id="v1 one"),
        pytest.param(v1("/a", _a=150000), 2, id="v1 one and a half"),
        pytest.param(v1("/a", _a=-1), 0, id="v1 no limit"),
        pytest.param(v1("/a/b", _a_b=-1, _a=400000, _=900000), 4, id="v1 parent"),
        pytest.param(v1("/docker/x", _=250000), 3, id="v1 named as seen from outside"),
    ],
)
def test_cgroup_limit(driver, tmp_path, files, expected):
    write_tree(tmp_path, files)
    assert output_of(driver, "limit", str(tmp_path)) == f"{expected}\n"


def test_cgroup_v1_under_its_single_name(driver, tmp_path):
    files = v1("/a", _a=150000)
    write_tree(tmp_path, {name.replace("cpuacct,cpu/", "cpu/"): text for name, text in files.items()})
    assert output_of(driver, "limit", str(tmp_path)) == "2\n"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"FASTML_NUM_THREADS": "3"}, 3),
        ({"FASTML_NUM_THREADS": " 3 "}, 3),
        ({"FASTML_NUM_THREADS": "3", "OMP_NUM_THREADS": "5"}, 3),
        ({"OMP_NUM_THREADS": "5"}, 5),
        ({"OMP_NUM_THREADS": "4,2"}, 4),
        ({"OMP_NUM_THREADS": "4 , 2"}, 4),
        ({"FASTML_NUM_THREADS": "100000"}, 256),
        ({"FASTML_NUM_THREADS": "99999999999999999999"}, 256),
        *(({"FASTML_NUM_THREADS": bad, "OMP_NUM_THREADS": "7"}, 7) for bad in ("", "0", "-2", "x", "3x", "4,2", "2.5")),
    ],
)
def test_size_from_the_environment(driver, variables, expected):
    assert output_of(driver, "size", **variables) == f"{expected}\n"


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no affinity on this system")
def test_size_without_a_variable(driver):
    size = int(output_of(driver, "size", OMP_NUM_THREADS=""))
    quota = int(output_of(driver, "limit", ""))
    assert size == min(len(os.sched_getaffinity(0)), quota or 256, 256)


@pytest.mark.skipif(shutil.which("taskset") is None, reason="no taskset")
def test_size_follows_affinity(driver):
    cpu = min(os.sched_getaffinity(0))
    command = ["taskset", "-c", str(cpu), str(driver), "size"]
    clean = {name: value for name, value in os.environ.items() if name not in THREAD_VARIABLES}
    assert subprocess.run(command, env=clean, capture_output=True, text=True, check=True).stdout == "1\n"
