"""Cases are timed only after the frameworks agree. The workers here are objects in this process."""

import numpy as np
import pytest

from benchmarks.cases import CASES
from benchmarks.frameworks import FRAMEWORKS
from benchmarks.runner import disagreement, run_case, summary, workers

CASE = next(case for case in CASES if case.name == "relu")


class Actor:
    """A worker that answers what it is told to."""

    def __init__(self, framework, factor=1.0, error=None):
        self.framework, self.factor, self.error, self.asked = framework, factor, error, []

    def ask(self, **command):
        self.asked.append(command["do"])
        if self.error == command["do"]:
            return {"error": "planted"}
        if command["do"] == "prepare":
            np.savez(command["outputs"], output=np.arange(5.0, dtype="f4") * np.float32(self.factor))
            return {}
        return {"times": [0.25, 0.5, 0.75]}


def rows(tmp_path, *actors):
    return run_case(CASE, list(actors), seconds=0.1, rounds=2, folder=tmp_path)["frameworks"]


def test_frameworks_that_agree_are_timed_in_turns(tmp_path):
    ours, theirs = Actor("glassgrad"), Actor("torch", factor=1 + 1e-6)
    results = rows(tmp_path, ours, theirs)
    assert ours.asked == theirs.asked == ["prepare", "time", "time"]
    assert results["torch"]["median"] == 0.5
    assert results["torch"]["runs"] == 6


def test_planted_difference_is_found_and_not_timed(tmp_path):
    wrong = Actor("torch", factor=1.001)
    results = rows(tmp_path, Actor("glassgrad"), wrong, Actor("jax"))
    assert results["torch"] == {"error": "does not agree: output: relative difference 1.0e-03"}
    assert wrong.asked == ["prepare"]
    assert "median" in results["glassgrad"] and "median" in results["jax"]


@pytest.mark.parametrize("command", ["prepare", "time"])
def test_failing_framework_has_an_error_and_the_others_have_times(tmp_path, command):
    results = rows(tmp_path, Actor("glassgrad"), Actor("torch", error=command))
    assert results["torch"] == {"error": "planted"}
    assert results["glassgrad"]["median"] == 0.5


@pytest.mark.parametrize(
    ("theirs", "message"),
    [
        ({"x": np.ones(3), "y": np.ones(1)}, "other results"),
        ({"x": np.ones(4)}, r"shapes \(3,\) and \(4,\)"),
        ({"x": np.array([1, 1, 1.1])}, "relative difference 9.1e-02"),
        ({"x": np.array([1, np.nan, 1])}, "relative difference nan"),
    ],
)
def test_every_kind_of_difference_is_named(theirs, message):
    with pytest.raises(AssertionError, match=message):
        assert disagreement({"x": np.ones(3)}, theirs, 1e-4) is None, disagreement({"x": np.ones(3)}, theirs, 1e-4)


def test_float64_agrees_to_its_own_digits():
    ones = {"x": np.ones(3)}
    assert disagreement(ones, {"x": np.ones(3) + 1e-14}, 1e-4) is None
    assert "1.0e-12" in str(disagreement(ones, {"x": np.ones(3) + 1e-12}, 1e-4))
    assert disagreement(ones, {"x": np.ones(3, "f4")}, 1e-4) == "x: float64 and float32"
    assert disagreement({"x": np.arange(3)}, {"x": np.arange(3)}, 1e-4) is None


def test_nan_in_both_is_no_agreement():
    assert disagreement({"x": np.full(2, np.nan)}, {"x": np.full(2, np.nan)}, 1e-4)


def test_summary_is_the_median_and_the_spread():
    assert summary([3.0, 1.0, 2.0]) == pytest.approx({"median": 2.0, "p10": 1.2, "p90": 2.8, "runs": 3})


def test_worker_process_answers_and_survives_a_case_that_does_not_exist():
    with workers(["glassgrad"], threads=1) as (worker,):
        assert "error" in worker.ask(do="prepare", group="ops", case="no such case", state=None, outputs="nowhere")
        assert worker.ask(do="nothing") == {}
        worker.process.kill()
        worker.process.wait()
        assert worker.ask(do="nothing") == {"error": "the glassgrad process ended"}


def test_registry_names_are_the_classes_own():
    assert all(name == framework.name for name, framework in FRAMEWORKS.items())
