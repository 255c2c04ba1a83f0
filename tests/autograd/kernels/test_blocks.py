"""Elementwise functions and copies on all threads: the numbers of NumPy, whatever the layout and number of threads."""

import numpy as np
import pytest

import autograd as ag
from autograd.kernels import blocks
from autograd.kernels.blocks import assign, copied, spread
from autograd.kernels.parallel import get_num_threads, set_num_threads

SHAPE = (6, 16, 50, 40)
PARTNERS = {
    "same": SHAPE,
    "channels": (16, 1, 1),
    "batch": (6, 1, 1, 1),
    "row": (40,),
    "column": (50, 1),
    "0-d": (),
}
FUNCTIONS = [np.add, np.subtract, np.multiply, np.true_divide, np.exp, np.log, np.tanh, np.sqrt, np.sin, np.negative]
LAYOUTS = {
    "rows": lambda x: x,
    "every other channel": lambda x: np.repeat(x, 2, 1)[:, ::2],
    "part of a wider one": lambda x: np.concatenate([x, x], 1)[:, 16:],
    "turned": lambda x: np.asfortranarray(x),
    "backwards": lambda x: np.ascontiguousarray(x[..., ::-1])[..., ::-1],
    "one number": lambda x: np.broadcast_to(x[0, 0, 0, 0], x.shape),
}


@pytest.fixture
def threads():
    before = get_num_threads()
    yield set_num_threads
    set_num_threads(before)


def numbers(shape, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def arguments(function, *arrays):
    return arrays[: function.nin]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("partner", PARTNERS.values(), ids=PARTNERS)
@pytest.mark.parametrize("function", [np.add, np.multiply])
def test_two_arrays_that_broadcast(function, partner, layout, dtype):
    x, y = layout(numbers(SHAPE, dtype)), numbers(partner, dtype, 1)
    for pair in ((x, y), (y, x)):
        found = spread(function, *pair)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, function(*pair))


@pytest.mark.parametrize("number", [2, -0.5, True, 1e300, np.inf])
def test_a_number_does_not_widen(number):
    x = numbers(SHAPE)
    with np.errstate(all="ignore"):
        for pair in ((x, number), (number, x)):
            found = spread(np.multiply, *pair)
            assert found.dtype == np.float32
            np.testing.assert_array_equal(found, np.multiply(*pair))


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_number_of_threads_changes_no_bit(function, dtype, threads):
    n = 300_007
    arrays = arguments(function, np.abs(numbers(n, dtype)), numbers(n, dtype, 1))
    found = []
    for count in (1, 2, 3, 5):
        threads(count)
        found.append(spread(function, *arrays, cost=10))
    for other in found[1:]:
        assert other.tobytes() == found[0].tobytes()
    np.testing.assert_allclose(found[0], function(*arrays), rtol=4 * np.finfo(dtype).eps)


def test_large_arrays_really_go_through_the_blocks(monkeypatch):
    seen = []
    monkeypatch.setattr(blocks, "parallel_for", lambda *a, **k: seen.append(a[2]))
    x = numbers(SHAPE)
    spread(np.arctan2, x, x)
    spread(np.hypot, numbers((16, 1, 1)), np.concatenate([x, x], 1)[:, 16:])
    spread(np.add, x[..., :30], numbers((30,)))  # runs too short for a compiled loop
    assert seen == [np.arctan2, np.hypot, np.add]


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (numbers(SHAPE), numbers(SHAPE, np.float64)),
        (numbers(SHAPE), np.arange(40)),
        (numbers(SHAPE), np.float64(2)),
        (numbers(SHAPE, np.float16), 2.0),
        (numbers((500_000, 1)), numbers((1, 3))),
    ],
    ids=["two precisions", "integers", "float64 scalar", "half precision", "both are stretched"],
)
def test_what_is_left_to_numpy(x, y):
    found, wanted = spread(np.add, x, y), np.add(x, y)
    assert found.dtype == wanted.dtype
    np.testing.assert_array_equal(found, wanted)


def test_shapes_that_do_not_broadcast_are_refused_by_name():
    with pytest.raises(ValueError, match=r"add: shapes \(6, 16, 50, 40\) and \(3,\) do not broadcast"):
        ag.tensor(numbers(SHAPE)) + ag.tensor(numbers(3))


def test_threads_do_not_warn_of_what_the_caller_ignores():
    with np.errstate(all="ignore"):
        found = spread(np.true_divide, numbers(SHAPE), 0.0)
    assert np.isinf(found).all()


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.bool_])
def test_copies_are_equal_and_their_own(layout, dtype):
    x = layout(numbers(SHAPE).astype(dtype))
    y = copied(x)
    assert y.flags.c_contiguous
    assert y.flags.writeable
    assert not np.shares_memory(x, y)
    np.testing.assert_array_equal(x, y)


def test_small_things_are_copied_too():
    for x in (np.float32(2), np.array(3), np.zeros((0, 4)), np.arange(6).reshape(2, 3).T):
        y = copied(x)
        assert type(y) is np.ndarray
        np.testing.assert_array_equal(x, y)


def test_assignment_to_a_part():
    whole, part = np.zeros((6, 48, 50, 40), np.float32), numbers(SHAPE)
    assign(whole[:, 16:32], part)
    np.testing.assert_array_equal(whole[:, 16:32], part)
    assert not whole[:, :16].any()
    assert not whole[:, 32:].any()


@pytest.mark.parametrize("dim", [0, 1, 3])
def test_large_concatenations_and_their_gradients(dim):
    parts = [numbers((4, 16, 50, 40)), numbers((4, 16, 50, 40), seed=1)]
    leaves = [ag.tensor(p, requires_grad=True) for p in parts]
    y = ag.cat(leaves, dim)
    np.testing.assert_array_equal(y.detach().numpy(), np.concatenate(parts, dim))
    g = numbers(y.shape, seed=2)
    y.backward(ag.tensor(g))
    for leaf, wanted in zip(leaves, np.split(g, 2, dim)):
        np.testing.assert_array_equal(leaf.grad.numpy(), wanted)
