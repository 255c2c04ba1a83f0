"""A run as JSON: what was measured, on what machine, with which versions, and by which command."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
from pathlib import Path
from typing import Any

SCHEMA = 1
DTYPES = ("float32", "float64")
UNITS = {"s": (1e3, "ms"), "MB": (1.0, "MB")}  # of rows: how they are shown
_ROW = {"case", "group", "family", "unit", "flop", "at", "frameworks"}
_PACKAGES = ("numpy", "numba", "torch", "jax")


class ResultsError(Exception):
    """A file that does not hold the results of a run."""


def describe(command: list[str], threads: int, dtype: str, peak: float | None) -> dict[str, Any]:
    """Everything but the rows. ``peak``: measured GFLOP/s of a matmul of that dtype."""
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "schema": SCHEMA,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": " ".join(["python -m benchmarks", *command]),
        "machine": {"cpu": _cpu(), "cores": os.cpu_count(), "system": f"{platform.system()} {platform.machine()}"},
        "versions": versions,
        "threads": threads,
        "dtype": dtype,
        "peak_gflops": peak,
    }


def _cpu() -> str:
    """As the system calls it, with its widest vectors."""
    name, flags = platform.processor() or platform.machine(), ""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
            elif line.startswith("flags"):
                flags = line
    except OSError:
        return name
    width = next((flag for flag in ("avx512f", "avx2", "avx") if f" {flag} " in f"{flags} "), "")
    return f"{name} ({width})" if width else name


def load(path: str) -> dict[str, Any]:
    """The results in a file.

    Raises
    ------
    ResultsError : the file cannot be read, or holds something else; the message names it and says what.
    """
    try:
        results = json.loads(Path(path).read_text())
    except OSError as error:
        raise ResultsError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise ResultsError(f"{path} is not JSON: {error}") from error
    if not isinstance(results, dict) or results.get("schema") != SCHEMA or not isinstance(results.get("cases"), list):
        raise ResultsError(f"{path} does not hold results of this version of the benchmark (schema {SCHEMA})")
    results.setdefault("dtype", "float32")  # files from before there was a choice
    missing = describe([], 1, "float32", None).keys() - results.keys()
    if missing or not isinstance(results["machine"], dict) or "cpu" not in results["machine"]:
        raise ResultsError(f"{path} does not say {', '.join(sorted(missing)) or 'on which machine it was measured'}")
    for row in results["cases"]:
        if not _is_case(row):
            raise ResultsError(f"{path} holds a row that is no case: {str(row)[:80]}")
    return results


def _is_case(row: Any) -> bool:
    if not isinstance(row, dict) or _ROW - row.keys() or row["unit"] not in UNITS:
        return False
    numbers = ("median", "p10", "p90", "runs")
    return isinstance(row["frameworks"], dict) and all(
        isinstance(result, dict)
        and ("error" in result or all(isinstance(result.get(number), int | float) for number in numbers))
        for result in row["frameworks"].values()
    )
