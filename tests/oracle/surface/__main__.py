"""``python -m tests.oracle.surface [name ...] [--cases N]``: all differences of some functions, or of all."""

from __future__ import annotations

import argparse
import time

from . import spec
from .catalogue import SPECS
from .runner import examine, report

parser = argparse.ArgumentParser(prog="python -m tests.oracle.surface", description=__doc__)
parser.add_argument("names", nargs="*", help="functions to compare; all if none is named")
parser.add_argument("--cases", type=int, default=100)
parser.add_argument("--seed", type=int, default=spec.SEED, help="another seed draws other calls")
parser.add_argument("--each", type=int, default=1, help="calls shown for each kind of difference")
options = parser.parse_args()
spec.SEED = options.seed
start, bad = time.perf_counter(), 0
chosen = [one for one in SPECS if not options.names or {one.name, str(one)} & set(options.names)]
for one in chosen:
    found = examine(one, options.cases).differences
    if found:
        bad += 1
        print(f"=== {one}: {report(found, options.each)}")
calls = len(chosen) * options.cases
print(f"{calls} calls of {len(chosen)} functions, {bad} with differences, {time.perf_counter() - start:.1f} s")
