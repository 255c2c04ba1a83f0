import importlib.util
import json
import subprocess
import sys

import pytest

from benchmarks import cli
from benchmarks.fresh import FRESH, Fresh
from benchmarks.fresh import run as run_fresh

from .test_results import row


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        cli.main(list(arguments))
    assert stop.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["speed"], "no group named 'speed'; the groups are ops, layers"),
        (["ops", "--filter", "nothing like it"], "no case in ops contains 'nothing like it'"),
        (["ops", "--peers", "tensorflow"], "no peer named 'tensorflow'; the peers are torch,"),
        (["ops", "--peers", "glassgrad"], "no peer named 'glassgrad'"),
        (["ops", "--threads", "0"], "must be positive"),
        (["ops", "--seconds", "nan"], "must be positive"),
        (["ops", "--seconds", "inf"], "must be positive, and finite"),
        (["ops", "--peers", "torch,auto"], "no peer named 'auto'; the peers are torch,"),
        (["ops", "--dtype", "int8"], "argument --dtype: invalid choice: 'int8'"),
        (["ops", "--plot", "--out", __file__], "test_cli.py: File exists"),
        (["ops", "--rounds", "-1"], "must be positive"),
        (["ops", "--compare", "/nowhere.json"], "/nowhere.json: No such file"),
    ],
)
def test_wrong_arguments_are_named(capsys, arguments, message):
    assert message in refused(capsys, *arguments)


def test_what_is_not_installed_is_named(capsys, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "peer torch needs glassgrad[peers]: pip install" in refused(capsys, "ops", "--peers", "torch")
    assert "--plot needs matplotlib: pip install 'glassgrad[plot]'" in refused(capsys, "ops", "--plot")


def test_list_names_cases_without_measuring(capsys):
    assert cli.main(["models", "memory", "--filter", "SegNet", "--list"]) == 0
    step = "SegNet base 16, 8×3×64×64: step"
    assert capsys.readouterr().out.splitlines() == [step, f"{step}: peak above the start", f"{step}: whole process"]


def test_filter_is_typed_on_any_keyboard(capsys):
    assert cli.main(["ops", "--filter", "8X32x64x64 -> 64, 1x1", "--list"]) == 0
    assert capsys.readouterr().out == "conv2d: 8×32×64×64 → 64, 1×1\n"


def test_reader_that_has_gone_is_no_traceback():
    command = subprocess.Popen(
        [sys.executable, "-m", "benchmarks", "--list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    command.stdout.close()
    assert command.stderr.read() == ""
    assert command.wait() == 130


def test_small_run_measures_and_gives_json(capsys):
    arguments = ["overhead", "--filter", "one scalar op", "--peers", "none", "--seconds", "0.01", "--rounds", "2"]
    assert cli.main([*arguments, "--json"]) == 0
    captured = capsys.readouterr()
    results = json.loads(captured.out)
    assert set(results) >= {"schema", "date", "command", "machine", "versions", "threads", "peak_gflops", "cases"}
    (case,) = results["cases"]
    assert case["case"] == "one scalar op"
    assert case["frameworks"]["glassgrad"]["median"] > 0
    assert results["peak_gflops"] > 0
    assert results["dtype"] == "float32"
    assert "[1/1] one scalar op" in captured.err


def test_small_run_in_float64_agrees_with_pytorch(capsys):
    pytest.importorskip("torch")
    arguments = ["ops", "--filter", "avg_pool", "--peers", "torch", "--seconds", "0.01", "--rounds", "1"]
    assert cli.main([*arguments, "--dtype", "float64"]) == 0
    head, *_, foot = capsys.readouterr().out.splitlines()
    assert head.startswith("float64 ")
    assert ", float64, matmul" in foot


@pytest.fixture
def measured(monkeypatch):
    """Rows that a run finds; an exception among them is raised in its place."""
    rows = []

    def measure(*_):
        yield 74.0
        for item in rows:
            if isinstance(item, BaseException):
                raise item
            yield item

    monkeypatch.setattr(cli, "_measure", measure)
    return rows


def test_ctrl_c_keeps_what_was_measured(capsys, measured):
    measured += [row("relu", glassgrad=1.0), KeyboardInterrupt(), row("add", glassgrad=1.0)]
    assert cli.main(["ops", "--json"]) == 130
    assert [case["case"] for case in json.loads(capsys.readouterr().out)["cases"]] == ["relu"]


def test_failed_case_and_regression_are_exit_code_1(capsys, measured, tmp_path):
    measured += [row("relu", glassgrad=1.0)]
    assert cli.main(["ops", "--json"]) == 0
    old = tmp_path / "old.json"
    old.write_text(capsys.readouterr().out)
    assert cli.main(["ops", "--compare", str(old)]) == 0
    assert "none of 1 times became slower" in capsys.readouterr().err
    measured[:] = [row("relu", glassgrad=2.0)]
    assert cli.main(["ops", "--compare", str(old)]) == 1
    assert "slower: relu, glassgrad: 2.00 times" in capsys.readouterr().err
    measured[0]["frameworks"]["torch"] = {"error": "does not agree"}
    assert cli.main(["ops"]) == 1


def test_runs_that_do_not_compare_are_refused(capsys, measured, tmp_path):
    measured += [row("relu", glassgrad=1.0)]
    assert cli.main(["ops", "--json"]) == 0
    old = tmp_path / "old.json"
    old.write_text(capsys.readouterr().out)
    message = "old.json was measured in float32, this is float64"
    assert message in refused(capsys, "ops", "--dtype", "float64", "--compare", str(old))
    assert "old.json has none of the cases of this run" in refused(capsys, "layers", "--compare", str(old))
    assert f"no case of {old} in layers\n" in refused(capsys, "layers", "--load", str(old))
    other = tmp_path / "other.json"
    other.write_text(json.dumps(json.loads(old.read_text()) | {"dtype": "float64"}))
    message = "old.json was measured in float32, this is float64"
    assert message in refused(capsys, "--load", str(other), "--compare", str(old))


def test_loaded_results_are_reported_and_drawn(capsys, measured, tmp_path):
    pytest.importorskip("matplotlib")
    measured += [
        row("relu", glassgrad=1.0, glassgrad_compiled=0.8, torch=1.0),
        *(row(f"batch {n}", "scaling", float(n), glassgrad=float(n), torch=2.0 * n) for n in (1, 2, 4)),
    ]
    for each in measured[1:]:
        each["family"] = "conv, batch"
    assert cli.main(["--json"]) == 0
    saved = tmp_path / "now.json"
    saved.write_text(capsys.readouterr().out)
    assert cli.main(["--load", str(saved), "--plot", "--out", str(tmp_path / "pictures")]) == 0
    assert "conv: time ∝ batch^1.00 glassgrad, batch^1.00 torch" in capsys.readouterr().out
    for name in ("ratios.png", "scaling.png"):
        assert (tmp_path / "pictures" / name).read_bytes().startswith(b"\x89PNG")


def test_program_in_a_fresh_process_gives_rows(capsys):
    measurement = next(fresh for fresh in FRESH if fresh.program == "import")
    (result,) = run_fresh([measurement], ["glassgrad", "torch-channels-last"], 1, lambda name: None)
    assert result["frameworks"].keys() == {"glassgrad"}
    assert result["frameworks"]["glassgrad"]["runs"] == measurement.repeats


def test_program_that_fails_is_an_error_of_its_row():
    measurement = Fresh("memory", "no such program", {"step": ("memory", "MB")}, repeats=1)
    (result,) = run_fresh([measurement], ["glassgrad"], 1, lambda name: None)
    assert result["frameworks"]["glassgrad"] == {"error": "process ended with 1: KeyError: 'no such program'"}
