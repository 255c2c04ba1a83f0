"""Every op, by one table: values, gradients of order 1 and 2, memory layouts, dtypes."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from operator import attrgetter
from pkgutil import iter_modules

import numpy as np
import pytest

import autograd
import autograd.ops
from autograd import Tensor, tensor
from autograd.engine import _settings
from autograd.gradcheck import gradcheck, gradgradcheck
from autograd.kernels import arrays as sizes
from autograd.primitive import OutputGradients, registry

from .cases import CASES, Case

for module in iter_modules(autograd.ops.__path__):
    import_module(f"autograd.ops.{module.name}")
OPS = {name: op for name, op in registry.items() if op.__module__.startswith("autograd.")}

each_case = pytest.mark.parametrize("case", CASES, ids=str)


def op_of(case: Case):
    return attrgetter(case.op[:-2])(autograd) if case.op.endswith("()") else OPS[case.op]


def is_differentiable(case: Case) -> bool:
    return case.op.endswith("()") or OPS[case.op].differentiable


with_gradient = pytest.mark.parametrize("case", [c for c in CASES if c.order >= 1 and is_differentiable(c)], ids=str)
to_second_order = pytest.mark.parametrize("case", [c for c in CASES if c.order >= 2 and is_differentiable(c)], ids=str)


def arrays_of(case: Case) -> list[np.ndarray]:
    return [np.asarray(a) for a in case.inputs(np.random.default_rng(7))]


def tensors_of(arrays: list[np.ndarray]) -> list:
    return [tensor(a, requires_grad=True) if a.dtype.kind == "f" else a for a in arrays]


def run(case: Case, inputs: Sequence) -> tuple[Tensor, ...]:
    out = op_of(case)(*case.prepare(*inputs), **case.settings)
    return tuple(out) if isinstance(out, (tuple, list)) else (out,)


def upstream(outputs: tuple[Tensor, ...]) -> list[np.ndarray]:
    rng = np.random.default_rng(11)
    return [rng.normal(size=y.shape).astype(y.dtype) for y in outputs if y.requires_grad]


def gradients(outputs: tuple[Tensor, ...], inputs: list, seeds: list[np.ndarray]) -> list[np.ndarray]:
    targets = [x for x in inputs if isinstance(x, Tensor) and x.requires_grad]
    sources = [y for y in outputs if y.requires_grad]
    return [g.numpy() for g in autograd.grad(sources, targets, seeds)]


@pytest.mark.parametrize("name", sorted(OPS))
def test_every_op_has_a_case(name):
    assert any(case.op == name for case in CASES), f"{name} ({OPS[name].__module__}) has no row in tests/autograd/cases"


@pytest.mark.parametrize("name", sorted(name for name, op in OPS.items() if op.differentiable))
def test_every_differentiable_op_is_checked_to_order_2(name):
    assert any(case.op == name and case.order >= 2 for case in CASES)


@each_case
def test_value(case):
    if case.reference is None:
        pytest.skip("no reference: the gradient checks of this row are the test")
    arrays = arrays_of(case)
    expected = case.reference(*case.prepare(*arrays), **case.settings)
    expected = expected if isinstance(expected, (tuple, list)) else (expected,)
    for inputs in (arrays, [tensor(a) for a in arrays]):
        outputs = run(case, inputs)
        assert len(outputs) == len(expected)
        for y, want in zip(outputs, expected):
            got = y.numpy() if isinstance(y, Tensor) else np.asarray(y)
            assert got.shape == np.shape(want)
            np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12)


@with_gradient
def test_gradient(case):
    assert gradcheck(lambda *inputs: run(case, inputs), tensors_of(arrays_of(case)))


@pytest.fixture
def everything_is_large(monkeypatch):
    """Arrays of a table are small: NumPy's. What kernels do with large ones is compared with the same references."""
    monkeypatch.setattr(sizes, "LARGE", 1)


@each_case
def test_value_by_kernels(case, everything_is_large):
    test_value(case)


@with_gradient
def test_gradient_by_kernels(case, everything_is_large):
    test_gradient(case)


@to_second_order
def test_second_order_gradient(case):
    assert gradgradcheck(lambda *inputs: run(case, inputs), tensors_of(arrays_of(case)))


# --- memory layouts: the same numbers, for inputs and for the incoming gradient -------------------------------------


def read_only(a: np.ndarray) -> np.ndarray:
    a = a.copy()
    a.flags.writeable = False
    return a


def every_second(a: np.ndarray) -> np.ndarray:
    wide = np.full([2 * n for n in a.shape], 7, a.dtype) if a.ndim else a
    picked = (..., *(slice(None, None, 2) for _ in a.shape))  # the dots: an array, of 0-d ones too
    wide[picked] = a
    return wide[picked]


LAYOUTS = {
    "F order": lambda a: np.asfortranarray(a) if a.ndim else a,
    "negative strides": lambda a: np.flip(a).copy()[(..., *(slice(None, None, -1) for _ in a.shape))],
    "step 2": every_second,
    "read-only": read_only,
}


@with_gradient
@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_layouts_give_the_same(case, layout):
    arrays = arrays_of(case)
    inputs = tensors_of(arrays)
    outputs = run(case, inputs)
    seeds = upstream(outputs)
    expected = gradients(outputs, inputs, seeds) if seeds else []
    strange = [autograd.from_numpy(LAYOUTS[layout](a)) for a in arrays]
    strange = [x.requires_grad_() if a.dtype.kind == "f" else x.numpy() for x, a in zip(strange, arrays)]
    results = run(case, strange)
    for got, want in zip(results, outputs):
        np.testing.assert_allclose(got.detach().numpy(), want.detach().numpy(), rtol=1e-12, atol=1e-12)
    found = gradients(results, strange, [LAYOUTS[layout](g) for g in seeds]) if seeds else []
    for got, want in zip(found, expected):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


@with_gradient
def test_an_expanded_gradient_gives_the_same(case):
    """A gradient that came from ``sum()`` is one number seen everywhere: strides of 0, and read-only."""
    inputs = tensors_of(arrays_of(case))
    for y in run(case, inputs):
        if y.requires_grad:
            one = np.broadcast_to(np.asarray(0.7, y.dtype), y.shape)
            targets = [x for x in inputs if isinstance(x, Tensor)]
            found = [autograd.grad(y, targets, g, retain_graph=True, allow_unused=True) for g in (one, one.copy())]
            for got, want in zip(*found):
                if want is not None:
                    np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-12, atol=1e-12)


@with_gradient
def test_inputs_and_gradients_are_never_written(case):
    arrays = arrays_of(case)
    copies = [a.copy() for a in arrays]
    inputs = [autograd.from_numpy(a).requires_grad_() if a.dtype.kind == "f" else a for a in arrays]
    outputs = run(case, inputs)
    seeds = upstream(outputs)
    before = [g.copy() for g in seeds]
    if seeds:
        gradients(outputs, inputs, seeds)
    for now, then in zip(arrays + seeds, copies + before):
        np.testing.assert_array_equal(now, then)


# --- dtypes ---------------------------------------------------------------------------------------------------------


@with_gradient
def test_float32_stays_float32(case):
    arrays = [a.astype(np.float32) if a.dtype.kind == "f" else a for a in arrays_of(case)]
    inputs = tensors_of(arrays)
    if case.settings.get("dtype") is not None:
        pytest.skip("this row asks for a dtype")
    for y in run(case, inputs):
        assert y.dtype == np.float32 or y.dtype.kind in "iub"
        stack = [y._node]
        while stack:
            node = stack.pop()
            if node is None or node.op is None:
                continue
            if node.op.name == "output":
                stack.extend(node.parents)
                continue
            if node.op.outputs:
                ones = {i: np.ones(s, d) for i, (s, d) in enumerate(zip(node.shape, node.dtype)) if d.kind == "f"}
                g = OutputGradients(node.shape, node.dtype, ones)
            else:
                g = np.ones(node.shape, node.dtype)
            for step in node.plan.steps:
                parts = step.function(g, *step.pick(node.saved), **_settings(node, step))
                for part in parts if isinstance(parts, tuple) else (parts,):
                    assert part is None or part.dtype == np.float32, f"a rule of {node.name} gives {part.dtype}"
            stack.extend(node.parents)


# --- what holds for every elementwise op ----------------------------------------------------------------------------

ELEMENTWISE = [c for c in CASES if c.op in OPS and OPS[c.op].elementwise and OPS[c.op].differentiable and c.order >= 1]
each_elementwise = pytest.mark.parametrize("case", ELEMENTWISE, ids=str)


@each_elementwise
def test_elementwise_of_nothing_is_nothing(case):
    inputs = tensors_of([np.zeros((0, 3), a.dtype) for a in arrays_of(case)])
    (y,) = run(case, inputs)
    assert y.shape == (0, 3)
    for g in gradients((y,), inputs, [np.zeros((0, 3))]):
        assert g.shape == (0, 3)


@each_elementwise
def test_elementwise_of_0d_is_0d(case):
    arrays = [a.reshape(-1)[:1] for a in arrays_of(case)]
    vectors, points = tensors_of(arrays), tensors_of([a.reshape(()) for a in arrays])
    (long,), (short,) = run(case, vectors), run(case, points)
    assert short.shape == ()
    assert short.item() == long.item()
    for got, want in zip(gradients((short,), points, [np.array(0.3)]), gradients((long,), vectors, [np.array([0.3])])):
        assert got.shape == ()
        assert got == want[0]
