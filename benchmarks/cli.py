"""The command line: which cases, beside whom, and what is made of the results."""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import math
import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any, NamedTuple

from . import compare, fresh, report, results
from .cases import CASES, GROUPS, Case
from .frameworks import FRAMEWORKS, OURS
from .runner import Row, run, workers

ALL_GROUPS = (*GROUPS, "memory", "coldstart")
_EXAMPLES = """\
examples:
  python -m benchmarks                             everything, beside PyTorch if it is installed
  python -m benchmarks ops --filter conv           the convolutions among the ops
  python -m benchmarks layers --dtype float64      every array and every framework in float64
  python -m benchmarks scaling --plot              how the time grows, as numbers and as a picture
  python -m benchmarks models --peers none         glassgrad alone
  python -m benchmarks models --peers torch,torch-channels-last,torch-compile,jax
  python -m benchmarks layers --json > now.json    for a program to read
  python -m benchmarks layers --compare old.json   exit code 1 if a layer became slower
  python -m benchmarks --load now.json --plot      pictures of an earlier run

A time is the median of a forward and a backward pass (a whole step, for models), ± half the spread from the 10th to the
90th percentile. 'ratio' is PyTorch's time (the better of eager and channels_last) divided by glassgrad's: above 1,
glassgrad is faster. 'peak' is the share of the speed of a large matmul of the same dtype, measured in the same run.
Below 'scaling' stands the p of time ∝ size^p, fitted over all sizes of a list, and that of the arithmetic alone: a time
that grows less than the arithmetic wins as things become larger.

exit codes: 0 done; 1 a case failed, disagreed, or became slower; 2 wrong arguments; 130 stopped with Ctrl-C, after
printing what was measured.
"""


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Time ops, layers and training steps, and measure memory, cold start and growth, beside peers. "
        "A case is timed only after all frameworks gave the same numbers.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("groups", nargs="*", metavar="GROUP", help=f"{', '.join(ALL_GROUPS)} (default: all)")
    made.add_argument(
        "--peers",
        default="auto",
        help=f"by commas, of {', '.join(n for n in FRAMEWORKS if n not in OURS)}; 'none'; "
        "or 'auto' (default): torch and torch-channels-last if PyTorch is installed",
    )
    made.add_argument(
        "--filter", default="", metavar="TEXT", help="only cases whose name contains this text; 'x' finds '×'"
    )
    made.add_argument("--dtype", choices=results.DTYPES, default="float32", help="of all arrays (default %(default)s)")
    made.add_argument(
        "--threads", type=int, default=_cores(), help="for each framework (default: the cores, %(default)s)"
    )
    made.add_argument("--seconds", type=float, default=0.5, help="on each case and framework (default %(default)s)")
    made.add_argument("--rounds", type=int, default=5, help="how often the frameworks take turns (default %(default)s)")
    made.add_argument("--json", action="store_true", help="print JSON, and no table")
    made.add_argument("--plot", action="store_true", help="draw pictures (needs matplotlib)")
    made.add_argument("--out", default="runs/benchmarks", metavar="DIR", help="where pictures go (default %(default)s)")
    made.add_argument("--compare", metavar="OLD.json", help="name the cases that became slower than in this run")
    made.add_argument("--load", metavar="FILE.json", help="measure nothing: report, compare or draw these results")
    made.add_argument("--list", action="store_true", help="print the names of the cases and end")
    return made


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _frameworks(arguments: argparse.ArgumentParser, peers: str) -> list[str]:
    chosen = [name for name in OURS if not FRAMEWORKS[name].missing()]
    if peers == "auto":
        return chosen + [name for name in ("torch", "torch-channels-last") if not FRAMEWORKS[name].missing()]
    wanted = [name for name in dict.fromkeys(peers.split(",")) if name not in ("", "none")]
    for name in wanted:  # of two mistakes, one that nothing to install would mend
        if name not in FRAMEWORKS or name in OURS:
            known = ", ".join(name for name in FRAMEWORKS if name not in OURS)
            arguments.error(f"no peer named {name!r}; the peers are {known}; or 'none', or 'auto' by itself")
    for name in wanted:
        if missing := FRAMEWORKS[name].missing():
            arguments.error(f"peer {name} needs {missing}" + (f": pip install '{missing}'" if "[" in missing else ""))
    return chosen + wanted


class _Plan(NamedTuple):
    """What was asked for."""

    cases: list[Case]
    alone: list[fresh.Fresh]

    @property
    def names(self) -> list[str]:
        return [case.name for case in self.cases] + [name for f in self.alone for name, _ in f.metrics.values()]


def _plan(groups: list[str], text: str) -> _Plan:
    """The cases of these groups whose name contains ``text``."""
    return _Plan(
        [case for case in CASES if case.group in groups and _contains(case.name, text)],
        [f for f in fresh.FRESH if f.group in groups and any(_contains(name, text) for name, _ in f.metrics.values())],
    )


def _contains(name: str, text: str) -> bool:
    """As typed on any keyboard."""
    typed = lambda words: words.casefold().replace("×", "x").replace("→", "->")
    return typed(text) in typed(name)


def _measure(plan: _Plan, frameworks: list[str], options: argparse.Namespace) -> Generator[Any]:
    """First the peak of the machine, then row after row."""
    step = itertools.count(1)
    total = len(plan.cases) + sum(f.repeats for f in plan.alone)

    def begin(name: str) -> None:
        _say(f"[{next(step)}/{total}] {name}")

    _say("the matmul peak of this machine")
    with workers(frameworks if plan.cases else frameworks[:1], options.threads, options.dtype) as team:
        for worker in team:
            worker.ask(do="nothing")  # until all are there: the peak is that of a machine at rest
        yield team[0].ask(do="peak").get("gflops")
        yield from run(plan.cases, team, options.seconds, options.rounds, begin)
    yield from fresh.run(plan.alone, frameworks, options.threads, begin, options.dtype)


def _say(text: str) -> None:
    """What is measured now: one line that is written over in a terminal, else a line each."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
    else:
        print(text, file=sys.stderr, flush=True)


def _quiet() -> None:
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if arguments is None else arguments
    made = parser()
    options = made.parse_args(arguments)
    groups = options.groups or list(ALL_GROUPS)
    if unknown := [group for group in groups if group not in ALL_GROUPS]:
        made.error(f"no group named {unknown[0]!r}; the groups are {', '.join(ALL_GROUPS)}")
    if options.threads < 1 or options.rounds < 1 or not 0 < options.seconds < math.inf:
        made.error("--threads, --rounds and --seconds must be positive, and finite")
    if options.plot:
        _ready_to_draw(made, Path(options.out))
    try:
        old = results.load(options.compare) if options.compare else None
        loaded = results.load(options.load) if options.load else None
    except results.ResultsError as error:
        made.error(str(error))
    plan = _plan(groups, options.filter)
    names = plan.names
    if loaded:
        loaded["cases"] = [r for r in loaded["cases"] if r["group"] in groups and _contains(r["case"], options.filter)]
        names = [row["case"] for row in loaded["cases"]]
    if not names:
        where = f" of {options.load}" if loaded else ""
        what = f" contains {options.filter!r}; --list prints the names" if options.filter else ""
        made.error(f"no case{where} in {', '.join(groups)}{what}")
    if options.list:
        print(*names, sep="\n")
        return 0
    if old is not None:
        _ready_to_compare(made, old, options, loaded["dtype"] if loaded else options.dtype, names)

    if loaded:
        outcome, stopped = _again(loaded, options), False
    else:
        outcome, stopped = _now(plan, _frameworks(made, options.peers), options, arguments)
    failed = _conclude(outcome, old, options)
    return 130 if stopped else 1 if failed else 0


def _ready_to_draw(arguments: argparse.ArgumentParser, folder: Path) -> None:
    """An error now, and not when everything has been measured."""
    if not importlib.util.find_spec("matplotlib"):
        arguments.error("--plot needs matplotlib: pip install 'glassgrad[plot]'")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        arguments.error(f"--out {folder}: {error.strerror}")


def _ready_to_compare(
    arguments: argparse.ArgumentParser, old: dict[str, Any], options: argparse.Namespace, dtype: str, names: list[str]
) -> None:
    if old["dtype"] != dtype:
        arguments.error(f"{options.compare} was measured in {old['dtype']}, this is {dtype}: times do not compare")
    if not {row["case"] for row in old["cases"]} & set(names):
        arguments.error(f"{options.compare} has none of the cases of this run")


def _again(loaded: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    """An earlier run, shown as if it were measured now."""
    rows = loaded["cases"]
    frameworks = [name for name in FRAMEWORKS if any(name in row["frameworks"] for row in rows)]
    table = report.Table(frameworks, [row["case"] for row in rows], loaded["peak_gflops"], loaded["dtype"])
    if not options.json:
        print(table.header(), *map(table.line, rows), sep="\n")
    return loaded


def _now(
    plan: _Plan, frameworks: list[str], options: argparse.Namespace, arguments: list[str]
) -> tuple[dict[str, Any], bool]:
    """Measure, print each row when it is there, and keep what there is when Ctrl-C comes."""
    rows: list[Row] = []
    peak, stopped = None, False
    measured = _measure(plan, frameworks, options)
    try:
        peak = next(measured)
        table = report.Table(frameworks, plan.names, peak, options.dtype)
        _quiet()
        if not options.json:
            print(table.header(), flush=True)
        for row in measured:
            rows.append(row)
            _quiet()
            if not options.json:
                print(table.line(row), flush=True)
    except KeyboardInterrupt:
        stopped = True
        print("\nstopped; what was measured follows", file=sys.stderr)
    finally:
        measured.close()  # ends the workers
    return {**results.describe(arguments, options.threads, options.dtype, peak), "cases": rows}, stopped


def _conclude(outcome: dict[str, Any], old: dict[str, Any] | None, options: argparse.Namespace) -> bool:
    """Everything below the table. True if something failed or became slower."""
    rows = outcome["cases"]
    if options.json:
        print(json.dumps(outcome, indent=1))
    else:
        for line in report.closing(rows):
            print(line)
        peak = outcome["peak_gflops"]
        print(
            f"{outcome['machine']['cpu']}, {outcome['threads']} threads, {outcome['dtype']}"
            + (f", matmul {peak:.0f} GFLOP/s" if peak else "")
        )
    failed = any("error" in result for row in rows for result in row["frameworks"].values())
    if old is not None:
        if (old["machine"], old["threads"]) != (outcome["machine"], outcome["threads"]):
            print("the older run was on another machine, or with other threads: times do not compare", file=sys.stderr)
        slower, compared = compare.regressions(old["cases"], rows)
        for line in slower:
            print(f"slower: {line}", file=sys.stderr)
        print(f"{len(slower) or 'none'} of {compared} times became slower", file=sys.stderr)
        failed |= bool(slower)
    if options.plot:
        from .plots import draw

        for path in draw(outcome, Path(options.out)):
            print(path, file=sys.stderr)
    return failed
