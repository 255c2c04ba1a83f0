"""``python -m benchmarks``: time ops and training steps, beside PyTorch when it is installed."""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import sys
from typing import Any

from .cases import CASES, GROUPS
from .frameworks import FRAMEWORKS
from .runner import run

EXAMPLES = """\
examples:
  python -m benchmarks                      every case, beside every peer that is installed
  python -m benchmarks ops --filter conv    only the convolutions
  python -m benchmarks models --peers none  glassgrad alone
  python -m benchmarks --json > now.json    for a program to read

The ratio is the peer's median time divided by glassgrad's: above 1, glassgrad is faster.
"""


def _row_text(row: dict[str, Any], peers: list[str], width: int) -> str:
    ours = row["frameworks"].get("glassgrad", {})
    if "error" in ours:
        return f"{row['case']:<{width}}  {ours['error']}"
    text = f"{row['case']:<{width}} {ours['median'] * 1e3:>10.3f} "
    text += f"{row['flop'] / ours['median'] / 1e9:>8.0f}" if row["flop"] else f"{'':>8}"
    for peer in peers:
        theirs = row["frameworks"].get(peer, {})
        if "error" in theirs:
            text += f"  {theirs['error']}"
        else:
            text += f" {theirs['median'] * 1e3:>10.3f} {theirs['median'] / ours['median']:>7.2f}"
    return text


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Time forward and backward passes and whole training steps, after checking that results agree.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"{', '.join(GROUPS)} (default: all of them)")
    parser.add_argument("--peers", default="auto", help="peers by commas, 'none', or 'auto': those installed (default)")
    parser.add_argument("--filter", default="", help="only cases whose name contains this text")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1), help="threads for each framework")
    parser.add_argument("--seconds", type=float, default=1.0, help="time spent on each case and framework (default 1)")
    parser.add_argument("--rounds", type=int, default=5, help="how often the frameworks take turns (default 5)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)
    if unknown := [g for g in options.groups if g not in GROUPS]:
        parser.error(f"no group named {unknown[0]!r}; the groups are {', '.join(GROUPS)}")
    if options.threads < 1 or options.rounds < 1 or not options.seconds > 0:
        parser.error("--threads, --rounds and --seconds must be positive")
    if options.peers == "auto":
        peers = [name for name in FRAMEWORKS if name != "glassgrad" and importlib.util.find_spec(name)]
    else:
        peers = [name for name in options.peers.split(",") if name and name != "none"]
        if unknown := [name for name in peers if name not in FRAMEWORKS or name == "glassgrad"]:
            parser.error(f"no peer named {unknown[0]!r}; the peers are {', '.join(set(FRAMEWORKS) - {'glassgrad'})}")
        if missing := [name for name in peers if not importlib.util.find_spec(name)]:
            parser.error(f"{missing[0]} is not installed; install it with: pip install 'glassgrad[peers]'")
    groups = options.groups or GROUPS
    chosen = [i for i, case in enumerate(CASES) if case.group in groups and options.filter in case.name]
    if not chosen:
        parser.error(f"no case in {', '.join(groups)} contains {options.filter!r}")

    width = max(len(CASES[i].name) for i in chosen)
    if not options.json:
        header = f"{'forward + backward':<{width}} {'ms':>10} {'GFLOP/s':>8}"
        print(header + "".join(f" {peer + ' ms':>10} {'ratio':>7}" for peer in peers))

    def show(row: dict[str, Any]) -> None:
        if not options.json:
            print(_row_text(row, peers, width), flush=True)

    try:
        rows = run(chosen, ["glassgrad", *peers], options.threads, options.seconds, options.rounds, show)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    if options.json:
        print(json.dumps({"threads": options.threads, "seconds": options.seconds, "cases": rows}, indent=1))
    else:
        for peer in peers:
            pairs = [(r["frameworks"].get(peer, {}), r["frameworks"].get("glassgrad", {})) for r in rows]
            ratios = [p["median"] / o["median"] for p, o in pairs if "median" in p and "median" in o]
            if ratios:
                mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
                print(f"geometric mean of {len(ratios)} ratios beside {peer}: {mean:.2f}; {options.threads} threads")
    failed = any("error" in f for row in rows for f in row["frameworks"].values())
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
