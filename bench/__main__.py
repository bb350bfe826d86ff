"""``python -m bench``: race fastml against its peers, from a checkout.

Each thread count runs in a process of its own that is told so in its environment, since some libraries (JAX) can't be
told later. Within a process, all contenders of a case take turns. The exit status is 1 if an answer of fastml is wrong.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench import page, report
from bench.machine import thread_environment, usable_cpus

ROOT = Path(__file__).parent.parent


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line and settle its defaults."""
    families = sorted(path.stem.removeprefix("test_") for path in Path(__file__).parent.glob("test_*.py"))
    parser = argparse.ArgumentParser(prog="python -m bench", description="Race fastml against its peers.")
    parser.add_argument("--family", nargs="+", choices=families, default=families, help="default: all")
    parser.add_argument("--threads", nargs="+", type=int, help="default: 1 and all usable CPUs; with --quick, 1")
    parser.add_argument("--quick", action="store_true", help="small cases, short times: does everything work?")
    parser.add_argument("--json", type=Path, help="write every row there; default with --html: beside it")
    parser.add_argument("--html", type=Path, help="write a page with plots there")
    options = parser.parse_args(arguments)
    if options.threads is None:
        options.threads = [1] if options.quick else sorted({1, usable_cpus()})
    if min(options.threads) < 1:
        parser.error(f"argument --threads: expected counts of at least 1, got {min(options.threads)}")
    if options.html and not options.json:
        options.json = options.html.with_suffix(".json")
    return options


def run_worker(options: argparse.Namespace, threads: int, output: Path) -> dict[str, Any]:
    """Measure with `threads` threads in a fresh process."""
    command = [sys.executable, "-m", "bench.worker", "--families", *options.family, "--threads", str(threads)]
    command += ["--output", str(output), *(["--quick"] if options.quick else [])]
    subprocess.run(command, check=True, cwd=ROOT, env=os.environ | thread_environment(threads))
    result: dict[str, Any] = json.loads(output.read_text())
    return result


def main(arguments: list[str] | None = None) -> int:
    """Run a worker for each thread count; print and write what they measured."""
    options = parse(arguments)
    try:
        importlib.import_module("fastml").set_num_threads(1)
    except (ImportError, AttributeError) as error:
        print(f"bench: fastml is not built in this checkout ({error}); pip install -e '.[bench]'", file=sys.stderr)
        return 2
    machine: dict[str, Any] = {}
    runs, rows = [], []
    try:
        with TemporaryDirectory() as folder:
            for threads in options.threads:
                result = run_worker(options, threads, Path(folder) / "rows.json")
                machine = result["machine"]
                runs.append(result["run"])
                rows += result["rows"]
                report.show(machine, [result["run"]], result["rows"])
    except KeyboardInterrupt:
        return 130
    except subprocess.CalledProcessError as error:
        return int(error.returncode)
    if options.json:
        options.json.write_text(json.dumps({"machine": machine, "runs": runs, "rows": rows}, indent=1) + "\n")
    if options.html:
        page.write(options.html, machine, runs, rows)
    return int(any(row["contender"] == report.FASTML and not row["agrees"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
