"""Peak memory of training steps, beside a peer: ``python -m benchmarks.memory``.

Each framework trains in a process of its own. What counts is how far the resident memory climbs in a few steps above
where it stood before them: the model and the compiled kernels are there already, from steps with tiny images. Linux
only: it alone lets a process reset its high-water mark.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from .cases import MODELS, StepCase
from .frameworks import FRAMEWORKS

ROOT = Path(__file__).resolve().parent.parent
STEPS = 3
CASES = [case for case in MODELS if isinstance(case, StepCase) and case.train]


def climb(framework: Any, case: StepCase) -> int:
    """Bytes by which the resident memory of this process climbs in :data:`STEPS` steps of ``case``."""
    tiny, _ = replace(case, image=(1, case.image[1], 32, 32)).prepare(framework, None)
    for _ in range(2):
        tiny()
    step, _ = case.prepare(framework, None)
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark falls to what is resident now
    before = _status("VmHWM")
    for _ in range(STEPS):
        step()
    return _status("VmHWM") - before


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


def measure(framework: str, case: StepCase, threads: int) -> int:
    """:func:`climb` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.memory", "--measure", framework, str(CASES.index(case)), str(threads)]
    limits = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, **limits})
    if done.returncode:
        raise RuntimeError(f"{framework}, {case.name}: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--filter", default="", help="only cases whose name contains this text")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1), help="threads for each framework")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.measure:
        framework, index, threads = options.measure
        print(climb(FRAMEWORKS[framework](int(threads)), CASES[int(index)]))
        return 0
    names = [name for name in FRAMEWORKS if name == "glassgrad" or importlib.util.find_spec(name)]
    width = max(len(case.name) for case in CASES)
    print(f"{'peak above the start, MB':<{width}}" + "".join(f" {name:>10}" for name in names))
    for case in CASES:
        if options.filter in case.name:
            peaks = [measure(name, case, options.threads) / 2**20 for name in names]
            print(f"{case.name:<{width}}" + "".join(f" {peak:>10.1f}" for peak in peaks), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
