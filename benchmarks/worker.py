"""One framework in a process of its own: reads commands as JSON lines, answers in JSON lines. Started by ``runner``.

Commands: ``{"do": "prepare", "case": i, "state": path | null, "outputs": path}`` and ``{"do": "time", "seconds": s}``.
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

from .cases import CASES
from .frameworks import FRAMEWORKS


def _prepare(framework: Any, command: dict) -> Callable[[], Any]:
    state = None
    if command["state"]:
        with np.load(command["state"], allow_pickle=False) as file:
            state = {name.removeprefix("state "): file[name] for name in file.files if name.startswith("state ")}
    run, outputs = CASES[command["case"]].prepare(framework, state or None)
    np.savez(command["outputs"], **outputs())
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


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints must not mix with the answers
    framework = FRAMEWORKS[sys.argv[1]](int(sys.argv[2]))
    run: Callable[[], Any] | None = None
    for line in sys.stdin:
        command = json.loads(line)
        try:
            if command["do"] == "prepare":
                run = _prepare(framework, command)
                answer: dict[str, Any] = {"ok": True}
            else:
                assert run is not None
                answer = {"times": _time(run, command["seconds"])}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
