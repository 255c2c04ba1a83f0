"""What can be measured only once in a process: memory, cold start, a chain of 10⁶ ops.

``FRESH`` lists the measurements as data. Each repeat is a process of its own, ``python -m benchmarks.fresh PROGRAM
FRAMEWORK THREADS DTYPE MODEL``, which prints its numbers as one JSON object.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .cases import CASES, StepCase
from .cases.overhead import chain
from .frameworks import FRAMEWORKS, OURS, Framework
from .runner import ROOT, Row, environment, summary


@dataclass(frozen=True)
class Fresh:
    """One program in fresh processes. ``metrics`` maps what it prints to the name of a row and its unit."""

    group: str
    program: str
    metrics: dict[str, tuple[str, str]]
    repeats: int = 3
    empty_cache: bool = False  # of compiled kernels: of interest for this project alone
    model: str = ""  # the name of a case in the group "models"


def _memory(case: str) -> Fresh:
    rows = {"step": (f"{case}: peak above the start", "MB"), "process": (f"{case}: whole process", "MB")}
    return Fresh("memory", "memory", rows, model=case)


_UNET = "UNet base 16, 8×3×64×64: step"

FRESH = [
    *(_memory(case.name) for case in CASES if isinstance(case, StepCase) and case.group == "models" and case.train),
    Fresh("coldstart", "import", {"import": ("import", "s")}, repeats=5),
    Fresh("coldstart", "first", {"first": ("first U-Net step, kernels on disk", "s")}, model=_UNET),
    Fresh(
        *("coldstart", "first", {"first": ("first U-Net step, no kernels on disk", "s")}),
        repeats=1,
        empty_cache=True,
        model=_UNET,
    ),
    Fresh(
        *("overhead", "chain"),
        {"seconds": ("chain of 10⁶ ops", "s"), "memory": ("chain of 10⁶ ops: peak above the start", "MB")},
        repeats=1,
    ),
]


def run(
    measurements: list[Fresh], frameworks: list[str], threads: int, begin: Callable[[str], None], dtype: str = "float32"
) -> Iterator[Row]:
    """The rows of each measurement; the frameworks take turns."""
    for fresh in measurements:
        values: dict[str, dict[str, list[float]]] = {}
        errors: dict[str, str] = {}
        covering = [name for name in frameworks if _covers(fresh, name)]
        if fresh.program == "first" and not fresh.empty_cache:
            for name in covering:
                _start(fresh, name, threads, dtype, None)  # fills the cache
        for _ in range(fresh.repeats):
            begin(" and ".join(label for label, _ in fresh.metrics.values()))
            for name in covering:
                with tempfile.TemporaryDirectory() as folder:
                    answer = _start(fresh, name, threads, dtype, folder if fresh.empty_cache else None)
                if "error" in answer:
                    errors[name] = answer["error"]
                for metric, value in answer.items():
                    values.setdefault(metric, {}).setdefault(name, []).append(value)
        for metric, (label, unit) in fresh.metrics.items():
            results: dict[str, Any] = {n: summary(v) for n, v in values.get(metric, {}).items()}
            results |= {name: {"error": text} for name, text in errors.items()}
            yield {
                "case": label,
                "group": fresh.group,
                "family": fresh.group,
                "unit": unit,
                "flop": 0.0,
                "at": None,
                "frameworks": results,
            }


def _covers(fresh: Fresh, framework: str) -> bool:
    if fresh.model:
        case = next(case for case in CASES if case.name == fresh.model)
        if not FRAMEWORKS[framework].covers(case) or framework == "jax":
            return False
    elif framework in ("glassgrad-compiled", "torch-channels-last", "torch-compile"):
        return False
    return framework in OURS or not fresh.empty_cache


def _start(fresh: Fresh, framework: str, threads: int, dtype: str, cache: str | None) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.fresh", fresh.program, framework, str(threads), dtype, fresh.model]
    variables = environment(threads) | ({"GLASSGRAD_CACHE_DIR": cache} if cache else {})
    done = subprocess.run(command, env=variables, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        reason = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        return {"error": f"process ended with {done.returncode}: {reason}"}
    return json.loads(lines[-1])


# --- the programs ---------------------------------------------------------------------------------------------------


def _import(framework: str, threads: int, dtype: str, model: str) -> dict[str, float]:
    """In an interpreter that holds nothing yet, not even NumPy."""
    code = f"import time; t = time.perf_counter(); {FRAMEWORKS[framework].imports}; print(time.perf_counter() - t)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return {"import": float(done.stdout)}


def _first(framework: str, threads: int, dtype: str, model: str) -> dict[str, float]:
    """From the imported framework to the end of the first step: the model is built, everything is loaded or made."""
    fw = _framework(framework, threads, dtype)
    before = time.perf_counter()
    run, _ = fw.prepare(_case(model), None)
    float(run().item())
    return {"first": time.perf_counter() - before}


def _memory_step(framework: str, threads: int, dtype: str, model: str) -> dict[str, float]:
    """The peak during five steps, above what the process held before the first of this size.

    A step on 32×32 pixels comes first, so that kernels and libraries are in memory. What it freed is given back, else
    the more a process had used before, the less it would seem to need.
    """
    fw = _framework(framework, threads, dtype)
    case = _case(model)
    small, _ = fw.prepare(StepCase(name="", group="", model=case.model, base=case.base, image=(2, 3, 32, 32)), None)
    small()
    del small
    run, _ = fw.prepare(case, None)
    whole = _resident("VmHWM")
    start = _forget_peak()
    for _ in range(5):
        run()
    peak = _resident("VmHWM")
    return {"step": peak - start, "process": max(peak, whole)}


def _chain(framework: str, threads: int, dtype: str, model: str) -> dict[str, float]:
    """10⁶ recorded ops on one number: forward, backward and free."""
    fw = _framework(framework, threads, dtype)
    x = fw.tensor(np.ones(1, fw.dtype), requires_grad=True)
    chain(fw, x, 100).backward()
    start, before = _forget_peak(), time.perf_counter()
    chain(fw, x, 500_000).backward()
    return {"seconds": time.perf_counter() - before, "memory": _resident("VmHWM") - start}


def _framework(name: str, threads: int, dtype: str) -> Framework:
    return FRAMEWORKS[name](threads, dtype)


def _case(name: str) -> StepCase:
    return next(case for case in CASES if isinstance(case, StepCase) and case.name == name)


def _forget_peak() -> float:
    """MB in use now, from where the peak counts anew."""
    gc.collect()
    library = ctypes.CDLL(None)
    if hasattr(library, "malloc_trim"):  # glibc keeps what was freed
        library.malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    return _resident("VmRSS")


def _resident(field: str) -> float:
    """MB in memory now (``VmRSS``) or at most so far (``VmHWM``), as Linux counts them."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError(f"/proc/self/status has no {field}")


_PROGRAMS = {"import": _import, "first": _first, "memory": _memory_step, "chain": _chain}


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints must not mix with the answer
    program, framework, threads, dtype, model = sys.argv[1:]
    print(json.dumps(_PROGRAMS[program](framework, int(threads), dtype, model)), file=answers)
