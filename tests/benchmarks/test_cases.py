"""Every case can be prepared and run, at sizes that take no time; what the lists say about the networks is true."""

import dataclasses

import numpy as np
import pytest

import segmentation
from autograd import get_num_threads
from benchmarks.cases import CASES, GROUPS, StepCase
from benchmarks.cases.layers import LAYERS, unet
from benchmarks.frameworks import Glassgrad


def small(case):
    """The case with images of an eighth of their side."""
    if isinstance(case, StepCase):
        return dataclasses.replace(case, image=(2, 3, 32, 32))
    shapes = {
        name: (*shape[:-2], *(n // 8 if n >= 16 else n for n in shape[-2:])) if len(shape) > 2 else shape
        for name, shape in case.shapes.items()
    }
    return dataclasses.replace(case, shapes=shapes)


# one of each network's many layers, and everything else
SOME = [case for case in CASES if case.group != "layers"] + LAYERS[::6]


@pytest.mark.parametrize("case", SOME, ids=lambda case: f"{case.group}-{case.name}")
def test_case_runs_and_gives_finite_results(case):
    run, outputs = small(case).prepare(Glassgrad(get_num_threads()), None)
    run()
    results = outputs()
    assert results
    assert all(np.isfinite(value).all() for value in results.values())


@pytest.mark.parametrize(
    "name",
    [
        "conv2d: 8×3×64×64 → 16, 3×3",
        "batch_norm and relu (layers)",
        "cross_entropy, 32 classes",
        "perceptron 32×8-32-32-1",
        "UNet base 16, 8×3×64×64: step",
    ],
)
def test_case_in_float64_is_in_float64_throughout(name):
    case = next(case for case in CASES if case.name == name)
    _, outputs = small(case).prepare(Glassgrad(get_num_threads(), "float64"), None)
    kinds = {value.dtype for value in outputs().values()}
    assert kinds - {np.dtype(np.int64)} == {np.dtype(np.float64)}  # integers are counts of batches


def test_weights_of_the_first_framework_are_those_of_the_second():
    case = small(next(case for case in CASES if isinstance(case, StepCase)))
    fw = Glassgrad(get_num_threads())
    _, outputs = case.prepare(fw, None)
    first = outputs()
    state = {name.removeprefix("state "): value for name, value in first.items() if name.startswith("state ")}
    _, outputs = case.prepare(fw, state)
    second = outputs()
    assert all((first[name] == second[name]).all() for name in first)


def test_names_are_unique_and_groups_known():
    assert len({(case.group, case.name) for case in CASES}) == len(CASES)
    assert {case.group for case in CASES} == set(GROUPS)


@pytest.mark.parametrize("base", [16, 32])
def test_layers_of_the_unet_are_those_of_the_model(base):
    weights = [tuple(p.shape) for p in segmentation.UNet(3, 2, base=base).parameters() if p.ndim == 4]
    listed = [(c, o, k, k) if transposed else (o, c, k, k) for c, _, o, k, _, _, transposed in unet(base, 64)]
    assert listed == weights


def test_images_get_no_gradient():
    stem = next(case for case in LAYERS if case.shapes["x"][1] == 3)
    _, outputs = small(stem).prepare(Glassgrad(get_num_threads()), None)
    assert set(outputs()) == {"output", "dw"}
