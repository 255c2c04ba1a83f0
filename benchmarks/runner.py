"""Runs cases in worker processes that take turns, checks that they agree, and sums up the times."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from .cases import CASES, Case
from .frameworks import FRAMEWORKS

ROOT = Path(__file__).resolve().parent.parent
Row = dict[str, Any]


class Worker:
    """A framework in its own process."""

    def __init__(self, framework: str, threads: int, dtype: str) -> None:
        self.framework = framework
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", framework, str(threads), dtype],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(threads) | {"GLASSGRAD_COMPILE_AHEAD": "off"},  # nothing else runs while it is timed
            start_new_session=True,  # Ctrl-C is for the parent: it keeps what was measured, then ends us
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


def environment(threads: int) -> dict[str, str]:
    """Of a process of one framework: this checkout on the path, and one number of threads for every library in it."""
    limits = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "GLASSGRAD_NUM_THREADS")
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, **{name: str(threads) for name in limits}}


@contextmanager
def workers(frameworks: list[str], threads: int, dtype: str = "float32") -> Iterator[list[Worker]]:
    started: list[Worker] = []
    try:
        for name in frameworks:
            started.append(Worker(name, threads, dtype))
        yield started
    finally:
        for worker in started:
            worker.close()


def disagreement(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray], tolerance: float) -> str | None:
    """The first result that differs by more than ``tolerance`` of its largest value, or ``None``.

    The tolerance is that of float32; in float64 it is as much smaller as the spacing of the numbers is.
    """
    if ours.keys() != theirs.keys():
        return f"other results: {sorted(ours)} and {sorted(theirs)}"
    for name, a in ours.items():
        b = theirs[name]
        if a.shape != b.shape:
            return f"{name}: shapes {a.shape} and {b.shape}"
        if a.dtype != b.dtype:
            return f"{name}: {a.dtype} and {b.dtype}"
        finer = np.finfo(a.dtype).eps / np.finfo(np.float32).eps if a.dtype.kind == "f" else 1.0
        scale = float(np.max(np.abs(b), initial=0.0)) + 1e-12
        error = float(np.max(np.abs(a.astype(np.float64) - b), initial=0.0)) / scale
        if not error <= tolerance * finer:
            return f"{name}: relative difference {error:.1e}"
    return None


def summary(values: list[float]) -> dict[str, float]:
    """Median, and the spread that a comparison calls noise."""
    low, middle, high = np.percentile(values, [10, 50, 90])
    return {"median": float(middle), "p10": float(low), "p90": float(high), "runs": len(values)}


def run_case(case: Case, workers: list[Worker], seconds: float, rounds: int, folder: Path) -> Row:
    """Check, then time one case. The first worker is ours; its initial weights are given to the others."""
    row: Row = {
        "case": case.name,
        "group": case.group,
        "family": case.family,
        "unit": "s",
        "flop": case.flop,
        "at": case.at,
        "frameworks": {},
    }
    state, results = None, {}
    for worker in workers:
        path = str(folder / f"{worker.framework}.npz")
        answer = worker.ask(do="prepare", case=case.name, group=case.group, state=state, outputs=path)
        if "error" in answer:
            row["frameworks"][worker.framework] = {"error": answer["error"]}
            continue
        with np.load(path, allow_pickle=False) as file:
            results[worker.framework] = {name: file[name] for name in file.files}
        state = state or path
    first = workers[0].framework
    for framework, theirs in results.items():
        if framework != first and first in results:
            difference = disagreement(results[first], theirs, case.tolerance)
            if difference:
                row["frameworks"][framework] = {"error": f"does not agree: {difference}"}
    ready = [worker for worker in workers if worker.framework not in row["frameworks"]]
    times: dict[str, list[float]] = {worker.framework: [] for worker in ready}
    for _ in range(rounds):
        for worker in ready:
            time.sleep(0.02)  # lets the threads of the process before go to sleep
            answer = worker.ask(do="time", seconds=seconds / rounds)
            if "error" in answer:
                row["frameworks"][worker.framework] = {"error": answer["error"]}
            times[worker.framework] += answer.get("times", [])
    for framework, values in times.items():
        if framework not in row["frameworks"]:
            row["frameworks"][framework] = summary(values)
    return row


def run(
    cases: list[Case], workers: list[Worker], seconds: float, rounds: int, begin: Callable[[str], None]
) -> Iterator[Row]:
    """One row after the other; ``begin(name)`` is told what is measured now."""
    with tempfile.TemporaryDirectory() as folder:
        for case in cases:
            begin(case.name)
            covering = [worker for worker in workers if FRAMEWORKS[worker.framework].covers(case)]
            yield run_case(case, covering, seconds, rounds, Path(folder))


def find(group: str, name: str) -> Case:
    """The case of that name, for the worker."""
    return next(case for case in CASES if (case.group, case.name) == (group, name))
