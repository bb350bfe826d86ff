"""``python -m bench.mlp``: train the same network with everyone; compare loss, accuracy and time."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.machine import thread_environment, usable_cpus
from bench.mlp import page

ROOT = Path(__file__).parent.parent.parent


def main(arguments: list[str] | None = None) -> int:
    """Run a process for each thread count; print and write what they measured."""
    parser = argparse.ArgumentParser(prog="python -m bench.mlp", description=__doc__)
    parser.add_argument("--threads", nargs="+", type=int, default=sorted({1, usable_cpus()}))
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--json", type=Path, help="write everything there")
    parser.add_argument("--html", type=Path, help="write a page with plots there")
    options = parser.parse_args(arguments)
    processes: list[dict[str, Any]] = []
    with TemporaryDirectory() as folder:
        output = Path(folder) / "result.json"
        for threads in options.threads:
            command = [sys.executable, "-m", "bench.mlp.race", "--threads", str(threads)]
            command += ["--epochs", str(options.epochs), "--output", str(output)]
            subprocess.run(command, check=True, cwd=ROOT, env=os.environ | thread_environment(threads))
            processes.append(json.loads(output.read_text()))
            print(page.text(processes[-1]))
    if options.json:
        options.json.write_text(json.dumps(processes, indent=1) + "\n")
    if options.html:
        page.write(options.html, processes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
