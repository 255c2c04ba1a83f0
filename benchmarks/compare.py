"""Which cases became slower than an older run says, beyond noise."""

from __future__ import annotations

from typing import Any

from .frameworks import OURS

_LEAST = 0.10  # a shared machine moves by this much between two runs, whatever the spread inside one


def regressions(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> tuple[list[str], int]:
    """A line for each of our results that is worse than before, in the order of the rows; and how many both runs have.

    Worse: the median grew by more than a tenth, and the two spreads (10th to 90th percentile) do not overlap. A case
    that ran before and fails now is a regression too. Cases that only one of the runs has are not compared.
    """
    before = {(row["group"], row["case"]): row["frameworks"] for row in old}
    lines, compared = [], 0
    for row in new:
        for name in OURS:
            was, now = before.get((row["group"], row["case"]), {}).get(name, {}), row["frameworks"].get(name, {})
            if "median" not in was or not now:
                continue
            compared += 1
            if "error" in now:
                lines.append(f"{row['case']}, {name}: ran before, now {now['error']}")
            elif now["median"] > was["median"] * (1 + _LEAST) and now["p10"] > was["p90"]:
                lines.append(
                    f"{row['case']}, {name}: {now['median'] / was['median']:.2f} times what it was "
                    f"({was['median']:.4g} {row['unit']}, now {now['median']:.4g} {row['unit']})"
                )
    return lines, compared
