"""``python -m bench``: race fastml against its peers, from a checkout.

Each thread count runs in a process of its own that is told so in its environment, since some libraries (JAX) can't be
told later. Within a process, all contenders of a case take turns. With ``--isa``, fastml alone runs once more for each
instruction set, in a process of its own. The exit status is 1 if an answer of fastml is wrong.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench import page, report
from bench.contenders import PACKAGES
from bench.machine import thread_environment, usable_cpus

ROOT = Path(__file__).parent.parent


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line and settle its defaults."""
    families = sorted(path.stem.removeprefix("test_") for path in Path(__file__).parent.glob("test_*.py"))
    parser = argparse.ArgumentParser(prog="python -m bench", description="Race fastml against its peers.")
    parser.add_argument("--family", nargs="+", choices=families, default=families, help="default: all")
    parser.add_argument("--contender", nargs="+", choices=list(PACKAGES), help="default: all that are installed")
    parser.add_argument("--threads", nargs="+", type=int, help="default: 1 and all usable CPUs; with --quick, 1")
    parser.add_argument("--quick", action="store_true", help="small cases, short times: does everything work?")
    parser.add_argument("--json", type=Path, help="write every row there; default with --html: beside it")
    parser.add_argument("--html", type=Path, help="write a page with plots there")
    parser.add_argument(
        "--isa",
        nargs="*",
        help="also time fastml alone with these instruction sets; default with --html: all there are",
    )
    options = parser.parse_args(arguments)
    if options.threads is None:
        options.threads = [1] if options.quick else sorted({1, usable_cpus()})
    if min(options.threads) < 1:
        parser.error(f"argument --threads: expected counts of at least 1, got {min(options.threads)}")
    if options.html and not options.json:
        options.json = options.html.with_suffix(".json")
    return options


def instruction_sets(options: argparse.Namespace) -> list[str]:
    """Return those to time fastml with alone."""
    available: tuple[str, ...] = importlib.import_module("fastml._fastml_runtime").available_isas()
    if options.isa is None:
        return list(available) if options.html else []
    for name in options.isa:
        if name not in available:
            raise SystemExit(f"bench: argument --isa: expected some of {', '.join(available)}, got {name}")
    return list(options.isa)


def run_worker(options: argparse.Namespace, threads: int, output: Path, isa: str = "") -> dict[str, Any]:
    """Measure with `threads` threads in a fresh process; with `isa`, fastml alone and limited to it."""
    command = [sys.executable, "-m", "bench.worker", "--families", *options.family, "--threads", str(threads)]
    command += ["--output", str(output), *(["--quick"] if options.quick else []), *(["--alone"] if isa else [])]
    command += ["--contenders", *options.contender] if options.contender else []
    environment = thread_environment(threads) | ({"FASTML_ISA": isa} if isa else {})
    subprocess.run(command, check=True, cwd=ROOT, env=os.environ | environment)
    result: dict[str, Any] = json.loads(output.read_text())
    return result


def measure(options: argparse.Namespace, isas: list[str]) -> dict[str, Any]:
    """Run the workers and print what each measured; return all of it, as the JSON file has it."""
    result: dict[str, Any] = {"machine": {}, "runs": [], "rows": [], "isa_rows": {}}
    with TemporaryDirectory() as folder:
        output = Path(folder) / "rows.json"
        for threads in options.threads:
            part = run_worker(options, threads, output)
            result["machine"] = part["machine"]
            result["runs"].append(part["run"])
            result["rows"] += part["rows"]
            report.show(part["machine"], [part["run"]], part["rows"])
        for isa in isas:
            result["isa_rows"][isa] = run_worker(options, options.threads[0], output, isa)["rows"]
    if isas:
        print(*report.isa_lines(result["isa_rows"]), sep="\n")
    return result


def main(arguments: list[str] | None = None) -> int:
    """Run a worker for each thread count; print and write what they measured."""
    options = parse(arguments)
    try:
        importlib.import_module("fastml").set_num_threads(1)
    except (ImportError, AttributeError) as error:
        print(f"bench: fastml is not built in this checkout ({error}); pip install -e '.[bench]'", file=sys.stderr)
        return 2
    try:
        result = measure(options, instruction_sets(options))
    except KeyboardInterrupt:
        return 130
    except subprocess.CalledProcessError as error:
        return int(error.returncode)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    if options.html:
        page.write(options.html, result)
    rows = [*result["rows"], *chain.from_iterable(result["isa_rows"].values())]
    return int(any(row["contender"] == report.FASTML and not row["agrees"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
