"""Many arrays in one call: the bits of array expressions, any layout and dtype, any number of threads."""

import math

import numpy as np
import pytest

from autograd.kernels import clip, together, update

from .variants import each_thread_count, in_layout

SIZES = [(3, 4), (40_000,), (0, 3), (), (16384,), (128, 129)]  # within, at and across the ends of chunks


def arrays(dtype, seed, positive=False):
    rng = np.random.default_rng(seed)
    made = [np.asarray(rng.standard_normal(shape), dtype) for shape in SIZES]
    return [np.abs(a, out=a) if positive else a for a in made]


def adam(p, g, v, s, most, t, maximize, decay, decoupled, amsgrad):
    """The rule as array expressions: one rounding for each operation."""
    lr, beta1, beta2, eps = 0.01, 0.9, 0.999, 1e-8
    g = -g if maximize else g
    if decay and not decoupled:
        g = g + p * decay
    p = p * (1 - lr * decay) if decoupled else p
    v = v * beta1 + g * (1 - beta1)
    s = s * beta2 + g * g * (1 - beta2)
    most = np.maximum(most, s) if amsgrad else most
    root = np.sqrt(most if amsgrad else s) * (1 / math.sqrt(1 - beta2**t)) + eps
    return p - v / root * (lr / (1 - beta1**t)), v, s, most


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("maximize", "decay", "decoupled", "amsgrad"),
    [(False, 0.0, False, False), (True, 0.1, False, True), (False, 0.1, True, False)],
)
def test_adam_rounds_like_array_expressions(dtype, maximize, decay, decoupled, amsgrad, monkeypatch):
    for _ in each_thread_count(monkeypatch):
        p, g, v, s, most = (arrays(dtype, seed, positive=seed > 2) for seed in range(5))
        wanted = [adam(*row, 3, maximize, decay, decoupled, amsgrad) for row in zip(p, g, v, s, most)]
        scales = (1 / math.sqrt(1 - 0.999**3), 1e-8, 0.01 / (1 - 0.9**3), 1 - 0.01 * decay if decoupled else decay)
        numbers = (0.9, 1 - 0.9, 0.999, 1 - 0.999, *scales)
        written = [list(row)[: 4 if amsgrad else 3] for row in zip(p, v, s, most)]
        kernel = update.adam(maximize, bool(decay), decoupled, amsgrad)
        together.run(kernel, [([grad], row, numbers) for grad, row in zip(g, written)])
        for row, expected in zip(written, wanted):
            for found, want in zip(row, expected):
                np.testing.assert_array_equal(found, want)


@pytest.mark.parametrize("layout", ["F-order", "negative stride", "step 2", "unaligned", "other byte order"])
def test_arrays_in_any_layout_are_updated_where_they_are(layout):
    rng = np.random.default_rng(0)
    p, g, v = rng.standard_normal((3, 4, 5)).astype(np.float32)
    numbers = (0.1, 0.9, 1.0, 0.9, 0.0)
    expected = [p.copy(), v.copy()]
    together.run(update.sgd(False, False, True, False), [([g], expected, numbers)])
    found = [in_layout(p, layout), in_layout(v, layout)]
    memory = found[0].__array_interface__["data"][0]
    together.run(update.sgd(False, False, True, False), [([in_layout(g, layout)], found, numbers)])
    assert found[0].__array_interface__["data"][0] == memory
    for a, b in zip(found, expected):
        np.testing.assert_array_equal(a, b)


def test_dtypes_side_by_side():
    values = [np.array([1.0, 2.0], dtype) for dtype in (np.float64, np.float16, np.float32)]
    state = [np.ones(2, dtype) for dtype in (np.float32, np.float16, np.float32)]  # one narrower than its parameter
    rows = [([np.ones(2, p.dtype)], [p, v], (0.5, 1.0, 1.0, 1.0, 0.0)) for p, v in zip(values, state)]
    together.run(update.sgd(False, False, True, False), rows)
    for p, v in zip(values, state):
        assert p.tolist() == [0, 1]
        assert v.tolist() == [2, 2]
    assert [p.dtype for p in values] == [np.float64, np.float16, np.float32]


def test_what_cannot_be_updated_is_refused_before_anything_is_written():
    p, q = np.ones(3, np.float32), np.ones(3, np.float32)
    for bad, text in ((np.ones(4, np.float32), "have one shape"), (np.broadcast_to(np.float32(1), 3), "read-only")):
        with pytest.raises(ValueError, match=text):
            together.run(update.sgd(False, False, False, False), [([q], [p], (1.0,) * 5), ([q], [bad], (1.0,) * 5)])
        assert p.tolist() == [1, 1, 1]


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, math.inf])
def test_norm_of_all(p, monkeypatch):
    every = [*arrays(np.float32, 0), *arrays(np.float64, 1)]
    flat = np.concatenate([a.ravel().astype(np.float64) for a in every])
    found = [clip.norm(every, p) for _ in each_thread_count(monkeypatch)]
    assert found[0] == pytest.approx(np.linalg.norm(flat, p), rel=1e-12)
    assert found[0] == found[1] == found[2]
    assert clip.norm([], p) == 0
    for value in (np.nan, np.inf):
        every[1][7] = value
        every[1][9] = 1
        np.testing.assert_equal(clip.norm(every, p), abs(value))
