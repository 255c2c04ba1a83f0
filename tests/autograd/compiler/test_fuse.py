"""Generated loops: the numbers of the ops they are made of, in every way of broadcasting, and nothing twice."""

import numpy as np
import pytest

import autograd
from autograd.compiler import fuse
from autograd.compiler.expressions import EXPRESSIONS
from tests.autograd.cases import CASES
from tests.autograd.test_table import arrays_of, gradients, run, tensors_of, upstream

RNG = np.random.default_rng(5)


@pytest.fixture
def always(monkeypatch):
    """Small arrays are fused too."""
    monkeypatch.setattr(fuse, "SMALLEST", 1)
    monkeypatch.setattr(fuse, "_ALONE", 1)
    monkeypatch.setattr(fuse, "_FAST_ALONE", set())


def fused(function):
    """What was fused, in all recordings: the names of the ops, loop by loop."""
    programs = [p for found in function._recordings.values() for r in found for p in (r.forward, r.backward)]
    return [[m.name for m in i.members] for p in programs for i in p.instructions if i.members]


@pytest.mark.parametrize("case", [c for c in CASES if c.op in EXPRESSIONS], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_expressions_give_what_the_ops_give(case, dtype, always):
    arrays = [a.astype(dtype) if a.dtype.kind == "f" else a for a in arrays_of(case)]
    function = autograd.compile(lambda *inputs: run(case, inputs), fullgraph=True)
    inputs, eager = ([x if hasattr(x, "grad") else autograd.tensor(x) for x in tensors_of(arrays)] for _ in range(2))
    function(*inputs)
    outputs, expected = function(*inputs), run(case, eager)
    tolerance = {"rtol": 1e-6, "atol": 1e-7} if dtype is np.float32 else {"rtol": 1e-13, "atol": 1e-14}
    for got, want in zip(outputs, expected, strict=True):
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got.detach().numpy(), want.detach().numpy(), **tolerance)
    seeds = upstream(expected)
    if seeds:
        for got, want in zip(gradients(outputs, inputs, seeds), gradients(expected, eager, seeds), strict=True):
            np.testing.assert_allclose(got, want, **tolerance)


SHAPES = [
    [(6, 5, 7), (6, 5, 7)],
    [(6, 5, 7), (5, 1)],
    [(6, 5, 7), (7,)],
    [(6, 5, 7), (6, 1, 1)],
    [(6, 5, 7), (6, 1, 7)],
    [(6, 5, 7), (1,)],
    [(6, 5, 7), ()],
    [(6, 1, 7), (5, 1)],
    [(2, 3, 4, 5), (3, 1, 5)],
    [(1, 5, 1, 4), (3, 1, 2, 1)],
    [(1, 1), (1, 1)],
]


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_every_way_of_broadcasting(shapes, always):
    def function(x, y):
        return ((x + y) * 2 - x * y).relu() + y

    f = autograd.compile(function, fullgraph=True)
    x, y = (autograd.tensor(RNG.normal(size=s), requires_grad=True) for s in shapes)
    f(x, y)
    got, want = f(x, y), function(x, y)
    np.testing.assert_allclose(got.detach().numpy(), want.detach().numpy(), rtol=1e-14)
    seed = RNG.normal(size=want.shape)
    for a, b in zip(autograd.grad(got, (x, y), seed), autograd.grad(want, (x, y), seed)):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12, atol=1e-13)
    assert fused(f)[0] == ["add", "mul", "mul", "sub", "relu", "add"]


def test_special_values_pass_as_they_do_in_numpy(always):
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0], np.float32)
    a, b = (autograd.tensor(v.reshape(-1).copy()) for v in np.meshgrid(special, special))

    def function(a, b):
        return [autograd.maximum(a, b), autograd.minimum(a, b), a.relu(), a / b, (a < b), a.sigmoid(), a.exp(), -a]

    f = autograd.compile(function, fullgraph=True)
    f(a, b)
    for got, want in zip(f(a, b), function(a, b), strict=True):
        np.testing.assert_allclose(
            got.numpy(), want.numpy(), rtol=3e-7
        )  # NaN where there is one; e^x may differ by 1 ulp
        if want.dtype == np.float32 and not np.isnan(want.numpy()).any():
            np.testing.assert_array_equal(np.signbit(got.numpy()), np.signbit(want.numpy()))


def test_a_chain_around_another_op_is_not_torn(always):
    """The path from the first op through the sum back to the last must not be cut: two loops, not one."""
    f = autograd.compile(lambda x: ((y := x * 2) + 1).relu() * y.sum(), fullgraph=True)
    x = autograd.tensor(RNG.normal(size=(8, 9)))
    f(x)
    y = x.numpy() * 2
    np.testing.assert_allclose(f(x).numpy(), np.maximum(y + 1, 0) * y.sum(), rtol=1e-13)
    assert fused(f) == [["mul", "add", "relu"], ["mul"]]


def test_inputs_without_order_or_right_to_write(always):
    f = autograd.compile(lambda x, y: x.t() * 2 + y, fullgraph=True)
    x, y = RNG.normal(size=(5, 6)), RNG.normal(size=(6, 5))
    y.flags.writeable = False
    for _ in range(2):
        got = f(autograd.tensor(x), autograd.from_numpy(y))
        np.testing.assert_array_equal(got.numpy(), x.T * 2 + y)


def test_what_a_loop_can_make_again_is_not_kept():
    def gelu(x, w):
        h = x @ w
        return h * (1 + (h * 0.7978846 * (1 + 0.044715 * h * h)).sigmoid()) / 2

    f = autograd.compile(gelu, fullgraph=True)
    x, w = autograd.tensor(RNG.normal(size=(80, 70))), autograd.tensor(RNG.normal(size=(70, 90)), requires_grad=True)
    f(x, w)
    (found,) = f._recordings.values()
    computed = [v for v in found[0].saved if v.root().kind == "computed"]
    assert [v.maker.name for v in computed] == ["matmul"]
    seed = RNG.normal(size=(80, 90))
    for a, b in zip(autograd.grad(f(x, w), w, seed), autograd.grad(gelu(x, w), w, seed)):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12)


def test_small_arrays_are_not_worth_a_kernel():
    f = autograd.compile(lambda x: (x * 2 + 1).relu(), fullgraph=True)
    f(autograd.ones(10))
    assert fused(f) == []
    f(autograd.ones(100, 100))
    assert fused(f) == [["mul", "add", "relu"]]


def test_one_source_serves_all_shapes():
    f = autograd.compile(lambda x: (x * 2 + 1).relu(), fullgraph=True)
    f(autograd.ones(100, 100)), f(autograd.ones(70, 80, 2))
    sources = {i.call.source for found in f._recordings.values() for i in found[0].forward.instructions}
    assert len(sources) == 1


def test_a_generated_kernel_is_kept_on_disk(tmp_path, monkeypatch):
    from autograd.compiler.kernel import _compiled
    from autograd.kernels import jit

    monkeypatch.setenv("GLASSGRAD_CACHE_DIR", str(tmp_path))
    source = "def fused(start, stop, y0, x0):\n    for i in range(start, stop):\n        y0[i] = x0[i] + 41\n"
    hits = []
    for _ in range(2):
        jit.cache_folder.cache_clear()
        _compiled.cache_clear()
        kernel = _compiled(source)
        y = np.zeros(3)
        kernel(0, 3, y, np.ones(3))
        assert y.tolist() == [42, 42, 42]
        hits.append(sum(kernel.stats.cache_hits.values()))
    jit.cache_folder.cache_clear()
    _compiled.cache_clear()
    assert hits == [0, 1]
