"""``python -m tests.oracle.surface [name ...] [--cases N]``: all differences of some functions, or of all."""

from __future__ import annotations

import argparse
import time

from .catalogue import SPECS
from .runner import examine, report
from .spec import NotThereYet

parser = argparse.ArgumentParser(prog="python -m tests.oracle.surface", description=__doc__)
parser.add_argument("names", nargs="*", help="functions to compare; all if none is named")
parser.add_argument("--cases", type=int, default=100)
parser.add_argument("--each", type=int, default=1, help="calls shown for each kind of difference")
options = parser.parse_args()
start, bad = time.perf_counter(), 0
chosen = [spec for spec in SPECS if not options.names or {spec.name, str(spec)} & set(options.names)]
for spec in chosen:
    try:
        found = examine(spec, options.cases)
    except NotThereYet as missing:
        print(f"--- {spec}: {missing}")
        continue
    if found:
        bad += 1
        print(f"=== {spec}: {report(found, options.each)}")
print(f"{len(chosen)} functions, {bad} with differences, {time.perf_counter() - start:.1f} s")
