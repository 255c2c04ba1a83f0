"""What a person reads: a line per row, then the geometric mean and the worst case of each list.

The **ratio** is the time (or memory) of the best of PyTorch eager and channels_last divided by ours: above 1, ours is
better. Other peers stand beside it with their own numbers.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .frameworks import OURS
from .results import UNITS

Row = dict[str, Any]
_JUDGES = ("torch", "torch-channels-last")
SHORT = {"glassgrad-compiled": "compiled", "torch-channels-last": "ch. last"}


def median(row: Row, framework: str) -> float | None:
    return row["frameworks"].get(framework, {}).get("median")


def ratio(row: Row, ours: str = "glassgrad") -> float | None:
    """The best of PyTorch divided by ours; ``None`` where one of the two is missing."""
    mine = median(row, ours)
    theirs = [value for judge in _JUDGES if (value := median(row, judge)) is not None]
    return min(theirs) / mine if theirs and mine else None


def geometric_mean(values: list[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


def exponent(points: list[tuple[float, float]]) -> float:
    """The slope of the straight line through the logarithms (least squares): time ∝ at^exponent."""
    x, y = np.log(np.array(points)).T
    return float(np.polyfit(x, y, 1)[0])


class Table:
    """The rows as text, one at a time, as they are measured."""

    def __init__(self, frameworks: list[str], names: list[str], peak: float | None, dtype: str) -> None:
        self.frameworks = frameworks
        self.width = max(map(len, [dtype, *names]))
        self.peak = peak
        self.dtype = dtype

    def header(self) -> str:
        others = [f"{SHORT.get(name, name):>13}" for name in self.frameworks if name != "glassgrad"]
        others += [f" {'ratio':>6}"] + [f" {'compiled':>9}"] * (OURS[1] in self.frameworks)
        return f"{self.dtype:<{self.width}} {'glassgrad':>13} {'±%':>3} {'GFLOP/s':>8} {'peak':>5}{''.join(others)}"

    def line(self, row: Row) -> str:
        ours = row["frameworks"].get("glassgrad", {})
        text = f"{row['case']:<{self.width}} {_number(ours, row['unit']):>13}"
        speed = row["flop"] / ours["median"] / 1e9 if row["flop"] and "median" in ours else 0.0
        text += f" {_spread(ours):>3} {f'{speed:.0f}' if speed else '':>8}"
        text += f" {f'{100 * speed / self.peak:.0f} %' if speed and self.peak else '':>5}"
        for name in self.frameworks:
            if name != "glassgrad":
                text += f"{_number(row['frameworks'].get(name, {}), row['unit']):>13}"
        text += f" {_ratio(ratio(row)):>6}"
        if OURS[1] in self.frameworks:
            text += f" {_ratio(ratio(row, OURS[1])):>9}"
        errors = [f"\n    {name}: {r['error']}" for name, r in row["frameworks"].items() if "error" in r]
        return text.rstrip() + "".join(errors)


def _number(result: dict[str, Any], unit: str) -> str:
    if "error" in result:
        return "error"
    if "median" not in result:
        return ""
    scale, name = UNITS[unit]
    value = result["median"] * scale
    return f"{value:.{3 if value < 100 else 1 if value < 1e4 else 0}f} {name}"


def _spread(result: dict[str, Any]) -> str:
    """Half of the distance from the tenth to the ninetieth percentile, in percent of the median."""
    if "median" not in result or result["runs"] == 1:
        return ""
    return f"{50 * (result['p90'] - result['p10']) / result['median']:.0f}"


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def families(rows: list[Row]) -> dict[str, list[Row]]:
    """The rows of each list, in order."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["family"], []).append(row)
    return found


def closing(rows: list[Row]) -> list[str]:
    """The lines below the table: means, worst cases, exponents."""
    lines = []
    for family, members in families(rows).items():
        for ours in OURS:
            if pairs := [(value, row["case"]) for row in members if (value := ratio(row, ours)) is not None]:
                worst = min(pairs)
                mean = geometric_mean([value for value, _ in pairs])
                text = f"{family}: geometric mean of {len(pairs)} ratios {mean:.2f}, worst {worst[0]:.2f} ({worst[1]})"
                lines.append(text if ours == "glassgrad" else f"{text}, compiled")
        if powers := growth(members):
            what, along = axis(family)
            found = [f"{along}^{power:.2f} {name}" for name, power in powers.items()]
            lines.append(f"{what}: time ∝ {', '.join(found)}")
    return lines


def axis(family: str) -> tuple[str, str]:
    """What grows in a family of the group ``scaling``, and along what: the name is ``f"{what}, {along}"``."""
    what, _, along = family.rpartition(", ")
    return what, along


def growth(rows: list[Row]) -> dict[str, float]:
    """The exponents of one family, over all of its sizes: of each framework, and of ``"arithmetic"``."""
    rows = [row for row in rows if row["at"]]
    points = {
        name: [(row["at"], value) for row in rows if (value := median(row, name)) is not None]
        for name in dict.fromkeys(name for row in rows for name in row["frameworks"])
    }
    points["arithmetic"] = [(row["at"], row["flop"]) for row in rows if row["flop"]]
    return {name: exponent(found) for name, found in points.items() if len(found) > 1}
