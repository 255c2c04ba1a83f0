"""One framework in a process of its own: reads commands as JSON lines, answers in JSON lines. Started by ``runner``.

Commands: ``{"do": "prepare", "group": g, "case": name, "state": path | null, "outputs": path}``,
``{"do": "time", "seconds": s}``, ``{"do": "nothing"}``, answered when the framework is loaded, and ``{"do": "peak"}``:
the GFLOP/s of NumPy's matmul of 2048 × 2048.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np

from .frameworks import FRAMEWORKS, Framework
from .runner import find


def _prepare(framework: Framework, command: dict) -> Callable[[], Any]:
    state = None
    if command["state"]:
        with np.load(command["state"], allow_pickle=False) as file:
            state = {name.removeprefix("state "): file[name] for name in file.files if name.startswith("state ")}
    run, outputs = framework.prepare(find(command["group"], command["case"]), state or None)
    np.savez(command["outputs"], **outputs())  # type: ignore[arg-type]
    return run


def _time(run: Callable[[], Any], seconds: float) -> list[float]:
    run()  # the first call after the other process had the cores is not counted
    times: list[float] = []
    start = time.perf_counter()
    while not times or time.perf_counter() - start < seconds:
        before = time.perf_counter()
        run()
        times.append(time.perf_counter() - before)
    return times


def _matmul_peak(dtype: np.dtype) -> float:
    """The best of some products: what this machine can do, when it is left in peace."""
    n = 2048
    a = np.random.default_rng(0).standard_normal((n, n), dtype)
    return 2 * n**3 / min(_time(lambda: a @ a, 1.0)) / 1e9


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints must not mix with the answers
    framework = FRAMEWORKS[sys.argv[1]](int(sys.argv[2]), sys.argv[3])
    run: Callable[[], Any] | None = None
    for line in sys.stdin:
        command = json.loads(line)
        answer: dict[str, Any] = {}
        try:
            if command["do"] == "prepare":
                run = None  # the arrays of the case before go first
                run = _prepare(framework, command)
            elif command["do"] == "peak":
                answer["gflops"] = _matmul_peak(framework.dtype)
            elif command["do"] == "time":
                assert run is not None
                answer["times"] = _time(run, command["seconds"])
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
