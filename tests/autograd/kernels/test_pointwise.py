"""Large arrays take compiled kernels: the same numbers as small ones, in any layout, for any number of threads."""

import math

import numpy as np
import pytest

import autograd as ag
from autograd import from_numpy, tensor
from autograd.kernels.arrays import LARGE, is_large
from autograd.kernels.parallel import get_num_threads, set_num_threads
from nn import functional as F

SIZE = 8 * LARGE + 13
PIECE = 1000

ONE = {
    "relu": ag.relu,
    "leaky_relu": lambda x: ag.leaky_relu(x, 0.2),
    "elu": lambda x: F.elu(x, 0.7),
    "sigmoid": ag.sigmoid,
    "silu": F.silu,
    "gelu": F.gelu,
    "softplus": lambda x: F.softplus(x, 1.5, 2),
    "erf": ag.erf,
    "abs": ag.abs,
    "sign": ag.sign,
    "square": ag.square,
    "cube": lambda x: x**3,
    "tanh": ag.tanh,
    "exp": ag.exp,
    "clamp": lambda x: ag.clamp(x, -0.5, 1),
    "clamp_min": lambda x: ag.clamp(x, min=0.25),
    "where number": lambda x: ag.where(x > 0, x, 0.5),
    "where number first": lambda x: ag.where(x > 0, 2, x),
}
TWO = {
    "maximum": ag.maximum,
    "minimum": ag.minimum,
    "binary cross-entropy": lambda x, y: F.binary_cross_entropy_with_logits(x, y, reduction="none"),
    "lerp": lambda x, y: ag.lerp(x, y, 0.3),
    "lerp from the end": lambda x, y: ag.lerp(x, y, 0.8),
    "where": lambda x, y: ag.where(x > y, x, y),
}


def values(dtype, seed):
    rng = np.random.default_rng(seed)
    x = rng.choice([-2.0, -0.5, 0.0, 0.25, 1.0, 3.0], SIZE) + rng.choice([0, 1e-3], SIZE) * rng.normal(size=SIZE)
    x[rng.integers(0, SIZE, 200)] = rng.choice([math.nan, math.inf, -math.inf, -0.0, 100.0, -100.0], 200)
    return x.astype(dtype)


def value_and_gradients(function, arrays, g):
    xs = [from_numpy(a).requires_grad_() for a in arrays]
    y = function(*xs)
    return [y.detach().numpy(), *(x.numpy() for x in ag.grad(y, xs, g))]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", [*ONE, *TWO])
def test_large_arrays_have_the_bits_of_small_ones(name, dtype):
    function = ONE.get(name) or TWO[name]
    arrays = [values(dtype, seed) for seed in range(1 if name in ONE else 2)]
    g = values(dtype, 9)
    assert is_large(*arrays)
    found = value_and_gradients(function, arrays, g)
    pieces = [
        value_and_gradients(function, [a[i : i + PIECE] for a in arrays], g[i : i + PIECE])
        for i in range(0, SIZE, PIECE)
    ]
    for got, want in zip(found, map(np.concatenate, zip(*pieces))):
        assert got.dtype == dtype
        if name in ("sigmoid", "silu", "gelu", "elu", "softplus", "binary cross-entropy"):
            eps = np.finfo(dtype).eps
            np.testing.assert_allclose(got, want, rtol=8 * eps, atol=200 * eps)
        else:
            np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("name", [*ONE, *TWO])
def test_the_number_of_threads_changes_nothing(name):
    function = ONE.get(name) or TWO[name]
    arrays = [values(np.float32, seed) for seed in range(1 if name in ONE else 2)]
    before, found = get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            set_num_threads(threads)
            found.append(value_and_gradients(function, arrays, arrays[0]))
    finally:
        set_num_threads(before)
    for other in found[1:]:
        for got, want in zip(other, found[0]):
            np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("name", [*ONE, *TWO])
def test_layouts_of_large_arrays(name):
    function = ONE.get(name) or TWO[name]
    count = 1 if name in ONE else 2
    arrays = [values(np.float64, seed)[: 8 * LARGE].reshape(512, -1) for seed in range(count)]
    g = values(np.float64, 5)[: 8 * LARGE].reshape(512, -1)
    expected = value_and_gradients(function, arrays, g)

    def read_only(a):
        a = a.copy()
        a.flags.writeable = False
        return a

    for layout in (np.asfortranarray, lambda a: np.repeat(a, 2, 1)[:, ::2], lambda a: a[::-1].copy()[::-1], read_only):
        for arrangement in ([layout(a) for a in arrays], g), (arrays, layout(g)):
            for got, want in zip(value_and_gradients(function, *arrangement), expected):
                np.testing.assert_allclose(got, want, rtol=1e-14, atol=1e-14)  # losses are small differences
    one = np.broadcast_to(np.array(0.5), g.shape)
    for got, want in zip(value_and_gradients(function, arrays, one), value_and_gradients(function, arrays, one.copy())):
        np.testing.assert_allclose(got, want, rtol=1e-14, atol=1e-15)  # NumPy's formulas, and the kernels'


def test_large_arrays_beside_what_they_broadcast_with():
    x = values(np.float32, 0)[: 8 * LARGE].reshape(512, -1)
    for other in (np.float32(0.25), x[:1], x[:, :1].astype(np.float64), 1):
        np.testing.assert_array_equal(ag.maximum(tensor(x), other).numpy(), np.maximum(x, other))
        got = ag.where(tensor(x > 0), tensor(x), other).numpy()
        np.testing.assert_array_equal(got, np.where(x > 0, x, other))
    for mask in ((x > 0)[:, :1], (x > 0)[:1], (x > 0)[0], np.array(True), (x > 0)[None]):
        for other in (0.0, tensor(0.5, dtype=np.float32), np.float64(0.5), -1):
            wanted = np.where(mask, x, np.asarray(getattr(other, "_data", other), np.float32))
            for got in (ag.where(tensor(mask), tensor(x), other), ag.where(~tensor(mask), other, tensor(x))):
                np.testing.assert_array_equal(got.numpy(), wanted)
    mask, t = (x > 0)[:1], tensor(x, requires_grad=True)
    filled = t.masked_fill(tensor(mask), -1e9)
    np.testing.assert_array_equal(filled.detach().numpy(), np.where(mask, np.float32(-1e9), x))
    filled.sum().backward()
    np.testing.assert_array_equal(t.grad.numpy(), np.broadcast_to(~mask, x.shape))


def test_second_derivatives_of_large_arrays():
    x = tensor(np.linspace(-2, 2, SIZE), requires_grad=True)
    (g,) = ag.grad(ag.sigmoid(x).sum(), x, create_graph=True)
    (h,) = ag.grad(g.sum(), x)
    s = 1 / (1 + np.exp(-x.detach().numpy()))
    np.testing.assert_allclose(h.numpy(), s * (1 - s) * (1 - 2 * s), rtol=1e-12, atol=1e-15)
