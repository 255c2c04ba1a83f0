"""Runs cases in worker processes that take turns, checks that they agree, and sums up the times."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from .cases import CASES

ROOT = Path(__file__).resolve().parent.parent


class Worker:
    """A framework in its own process."""

    def __init__(self, framework: str, threads: int) -> None:
        self.framework = framework
        limits = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", framework, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **limits},
        )

    def ask(self, **command: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps(command) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        return json.loads(line) if line else {"error": f"the {self.framework} process ended"}

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


def disagreement(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray], tolerance: float) -> str | None:
    """The first result that differs by more than ``tolerance`` of its largest value, or ``None``."""
    if ours.keys() != theirs.keys():
        return f"other results: {sorted(ours)} and {sorted(theirs)}"
    for name, a in ours.items():
        b = theirs[name]
        if a.shape != b.shape:
            return f"{name}: shapes {a.shape} and {b.shape}"
        scale = float(np.max(np.abs(b), initial=0.0)) + 1e-12
        error = float(np.max(np.abs(a.astype(np.float64) - b), initial=0.0)) / scale
        if not error <= tolerance:
            return f"{name}: relative difference {error:.1e}"
    return None


def run_case(index: int, workers: list[Worker], seconds: float, rounds: int, folder: Path) -> dict[str, Any]:
    """Check, then time one case. The first worker is ours; its initial weights are given to the others."""
    case = CASES[index]
    row: dict[str, Any] = {"case": case.name, "group": case.group, "flop": case.flop, "frameworks": {}}
    state, results = None, {}
    for worker in workers:
        path = str(folder / f"{worker.framework}.npz")
        answer = worker.ask(do="prepare", case=index, state=state, outputs=path)
        if "error" in answer:
            row["frameworks"][worker.framework] = {"error": answer["error"]}
            continue
        with np.load(path, allow_pickle=False) as file:
            results[worker.framework] = {name: file[name] for name in file.files}
        state = state or path
    ready = [w for w in workers if w.framework in results]
    first = workers[0].framework
    for worker in ready:
        if worker.framework != first and first in results:
            difference = disagreement(results[first], results[worker.framework], case.tolerance)
            if difference:
                row["frameworks"][worker.framework] = {"error": f"does not agree: {difference}"}
    ready = [w for w in ready if w.framework not in row["frameworks"]]
    times: dict[str, list[float]] = {w.framework: [] for w in ready}
    for _ in range(rounds):
        for worker in ready:
            time.sleep(0.02)  # lets the threads of the process before go to sleep
            times[worker.framework] += worker.ask(do="time", seconds=seconds / rounds).get("times", [])
    for framework, values in times.items():
        low, high = np.percentile(values, [10, 90])
        row["frameworks"][framework] = {
            "median": statistics.median(values),
            "p10": float(low),
            "p90": float(high),
            "runs": len(values),
        }
    return row


def run(indices: list[int], frameworks: list[str], threads: int, seconds: float, rounds: int, each: Any) -> list[dict]:
    """Run the cases one after the other; ``each(row)`` sees every row as it is done."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        workers = [Worker(name, threads) for name in frameworks]
        try:
            for index in indices:
                rows.append(run_case(index, workers, seconds, rounds, Path(folder)))
                each(rows[-1])
        finally:
            for worker in workers:
                worker.close()
    return rows
