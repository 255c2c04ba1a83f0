"""Comparison, report and files, on results that are made up here."""

import json

import pytest

from benchmarks import report, results
from benchmarks.compare import regressions


def row(case="relu", group="ops", at=None, **medians):
    frameworks = {
        name.replace("_", "-"): {"median": m, "p10": 0.95 * m, "p90": 1.05 * m, "runs": 9}
        for name, m in medians.items()
    }
    return {
        "case": case, "group": group, "family": group, "unit": "s", "flop": 2e9, "at": at, "frameworks": frameworks
    }  # fmt: skip


def test_planted_regression_is_flagged_and_noise_is_not():
    old = [row("relu", glassgrad=1.0), row("add", glassgrad=1.0), row("gone", glassgrad=1.0)]
    new = [row("relu", glassgrad=1.3), row("add", glassgrad=1.09), row("new", glassgrad=9.0)]
    assert regressions(old, new) == ["relu, glassgrad: 1.30 times what it was (1 s, now 1.3 s)"]
    assert regressions(new, old) == []


def test_wide_spread_is_noise():
    old, new = [row(glassgrad=1.0)], [row(glassgrad=1.3)]
    old[0]["frameworks"]["glassgrad"]["p90"] = 1.4
    assert regressions(old, new) == []


def test_case_that_fails_now_is_a_regression():
    new = [row()]
    new[0]["frameworks"]["glassgrad"] = {"error": "does not agree"}
    assert regressions([row(glassgrad=1.0)], new) == ["relu, glassgrad: ran before, now does not agree"]


def test_peers_that_became_slower_are_their_own_business():
    assert regressions([row(glassgrad=1.0, torch=1.0)], [row(glassgrad=1.0, torch=5.0)]) == []


def test_ratio_takes_the_better_of_pytorch():
    assert report.ratio(row(glassgrad=2.0, torch=3.0, torch_channels_last=1.0)) == 0.5
    assert report.ratio(row(glassgrad=2.0, torch=3.0)) == 1.5
    assert report.ratio(row(glassgrad=2.0)) is None
    assert report.ratio(row(torch=2.0)) is None


def test_exponent_of_a_power_is_the_power():
    assert report.exponent([(n, 3 * n**1.5) for n in (1.0, 2.0, 4.0)]) == pytest.approx(1.5)


def test_table_shows_speed_share_of_the_peak_and_errors():
    table = report.Table(["glassgrad", "torch"], ["relu"], peak=8.0)
    shown = row(glassgrad=0.5, torch=1.0)
    assert table.line(shown).split() == ["relu", "500.0", "ms", "5", "4", "50", "%", "1000.0", "ms", "2.00"]
    shown["frameworks"]["torch"] = {"error": "does not agree"}
    assert "error" in table.line(shown) and "torch: does not agree" in table.line(shown)
    assert len(table.header().split()) == 6  # glassgrad ±% GFLOP/s peak torch ratio


def test_closing_lines_have_the_mean_the_worst_and_the_growth():
    lines = report.closing([row("a", glassgrad=1.0, torch=2.0, at=1.0), row("b", glassgrad=16.0, torch=8.0, at=4.0)])
    assert lines[0] == "ops: geometric mean of 2 ratios 1.00, worst 0.50 (b)"
    assert lines[1:] == ["ops: glassgrad grows as n^2.00", "ops: torch grows as n^1.00"]


def test_description_round_trips(tmp_path):
    described = {**results.describe(["ops"], 2, 74.0), "cases": [row(glassgrad=1.0)]}
    path = tmp_path / "now.json"
    path.write_text(json.dumps(described))
    assert results.load(str(path)) == described
    assert described["command"] == "python -m benchmarks ops"
    assert described["machine"]["cpu"] and described["versions"]["numpy"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        ("{", "not JSON"),
        ("[]", "does not hold results"),
        ('{"schema": 0, "cases": []}', "schema 1"),
        ('{"schema": 1, "cases": [{"case": "x"}]}', "no case"),
    ],
)
def test_file_that_holds_no_results_is_named(tmp_path, content, message):
    path = tmp_path / "old.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(results.ResultsError, match=f"old.json.*{message}"):
        results.load(str(path))
