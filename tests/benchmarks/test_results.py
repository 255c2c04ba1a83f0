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
    assert regressions(old, new) == (["relu, glassgrad: 1.30 times what it was (1 s, now 1.3 s)"], 2)
    assert regressions(new, old) == ([], 2)


def test_wide_spread_is_noise():
    old, new = [row(glassgrad=1.0)], [row(glassgrad=1.3)]
    old[0]["frameworks"]["glassgrad"]["p90"] = 1.4
    assert regressions(old, new) == ([], 1)


def test_case_that_fails_now_is_a_regression():
    new = [row()]
    new[0]["frameworks"]["glassgrad"] = {"error": "does not agree"}
    assert regressions([row(glassgrad=1.0)], new) == (["relu, glassgrad: ran before, now does not agree"], 1)


def test_peers_that_became_slower_are_their_own_business():
    assert regressions([row(glassgrad=1.0, torch=1.0)], [row(glassgrad=1.0, torch=5.0)]) == ([], 1)


def test_ratio_takes_the_better_of_pytorch():
    assert report.ratio(row(glassgrad=2.0, torch=3.0, torch_channels_last=1.0)) == 0.5
    assert report.ratio(row(glassgrad=2.0, torch=3.0)) == 1.5
    assert report.ratio(row(glassgrad=2.0)) is None
    assert report.ratio(row(torch=2.0)) is None


def test_exponent_of_a_power_is_the_power():
    assert report.exponent([(n, 3 * n**1.5) for n in (1.0, 2.0, 4.0)]) == pytest.approx(1.5)


def test_table_shows_speed_share_of_the_peak_and_errors():
    table = report.Table(["glassgrad", "torch"], ["relu"], peak=8.0, dtype="float64")
    shown = row(glassgrad=0.5, torch=1.0)
    assert table.line(shown).split() == ["relu", "500.0", "ms", "5", "4", "50", "%", "1000.0", "ms", "2.00"]
    shown["frameworks"]["torch"] = {"error": "does not agree"}
    assert "error" in table.line(shown) and "torch: does not agree" in table.line(shown)
    assert table.header().split() == ["float64", "glassgrad", "±%", "GFLOP/s", "peak", "torch", "ratio"]


def test_closing_lines_have_the_mean_the_worst_and_the_growth():
    rows = [row("a", glassgrad=1.0, torch=2.0, at=1.0), row("b", glassgrad=16.0, torch=8.0, at=4.0)]
    for each, flop in zip(rows, (1e9, 8e9)):
        each.update(family="conv 32 → 32, side", flop=flop)
    assert report.closing(rows) == [
        "conv 32 → 32, side: geometric mean of 2 ratios 1.00, worst 0.50 (b)",
        "conv 32 → 32: time ∝ side^2.00 glassgrad, side^1.00 torch, side^1.50 arithmetic",
    ]


def test_growth_needs_two_sizes():
    rows = [row(glassgrad=1.0, torch=1.0, at=1.0), row(glassgrad=2.0, at=2.0)]
    assert report.growth(rows) == pytest.approx({"glassgrad": 1.0, "arithmetic": 0.0})
    assert report.growth(rows[:1]) == {}


def described():
    return {**results.describe(["ops"], 2, "float64", 74.0), "cases": [row(glassgrad=1.0)]}


def test_description_round_trips(tmp_path):
    path = tmp_path / "now.json"
    path.write_text(json.dumps(described()))
    loaded = results.load(str(path))
    assert loaded == described() | {"date": loaded["date"]}
    assert loaded["command"] == "python -m benchmarks ops"
    assert loaded["dtype"] == "float64"
    assert loaded["machine"]["cpu"] and loaded["versions"]["numpy"]


def test_file_from_before_there_was_a_dtype_is_of_float32(tmp_path):
    older = described()
    del older["dtype"]
    path = tmp_path / "old.json"
    path.write_text(json.dumps(older))
    assert results.load(str(path))["dtype"] == "float32"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        ("{", "not JSON"),
        ("[]", "does not hold results"),
        ('{"schema": 0, "cases": []}', "schema 1"),
        ('{"schema": 1, "cases": []}', "does not say command, date, machine, peak_gflops, threads, versions"),
        (json.dumps(described() | {"machine": "a fast one"}), "does not say on which machine"),
        *(
            (json.dumps(described() | {"cases": [case]}), "a row that is no case")
            for case in (
                {"case": "x"},
                row(glassgrad=1.0) | {"unit": "parsecs"},
                row() | {"frameworks": []},
                row() | {"frameworks": {"glassgrad": {"median": "fast", "p10": 1, "p90": 1, "runs": 1}}},
            )
        ),
    ],
    ids=lambda value: str(value)[:12],
)
def test_file_that_holds_no_results_is_named(tmp_path, content, message):
    path = tmp_path / "old.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(results.ResultsError, match=f"old.json.*{message}"):
        results.load(str(path))
