"""New tensors and random numbers."""

import json

import numpy as np
import pytest

import autograd as ag


def test_sizes_as_numbers_or_tuple():
    assert ag.zeros(2, 3).shape == ag.zeros((2, 3)).shape == ag.ones([2, 3]).shape == ag.empty(2, 3).shape == (2, 3)
    assert ag.zeros().shape == ()


def test_default_dtypes():
    assert ag.zeros(1).dtype == ag.eye(2).dtype == ag.linspace(0, 1, 3).dtype == ag.randn(2).dtype == np.float32
    assert ag.full((2,), 1).dtype == ag.arange(3).dtype == ag.randint(5, (2,)).dtype == ag.randperm(3).dtype == np.int64
    assert ag.full((2,), 1.5).dtype == ag.arange(0, 1, 0.25).dtype == np.float32
    assert ag.full((2,), True).dtype == np.bool_
    assert ag.zeros(1, dtype="float64").dtype == np.float64


def test_values():
    assert ag.arange(2, 8, 3).tolist() == [2, 5]
    assert ag.arange(3, 0, -1).tolist() == [3, 2, 1]
    assert ag.linspace(0, 1, 5).tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert ag.eye(2, 3).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert ag.full_like(ag.zeros(2, dtype=np.int64), 7).tolist() == [7, 7]
    assert sorted(ag.randperm(5).tolist()) == [0, 1, 2, 3, 4]
    assert set(ag.randint(2, 4, (50,)).tolist()) == {2, 3}


def test_requires_grad_makes_a_leaf():
    x = ag.ones(2, requires_grad=True)
    (x * 3).sum().backward()
    assert x.grad.tolist() == [3, 3]
    with pytest.raises(RuntimeError, match="floating point"):
        ag.arange(3, requires_grad=True)


def test_like_takes_shape_and_dtype_but_no_history():
    x = ag.ones(2, 3, dtype=np.float64, requires_grad=True)
    for y in (ag.zeros_like(x), ag.ones_like(x), ag.rand_like(x), ag.randn_like(x), ag.empty_like(x)):
        assert (y.shape, y.dtype, y.requires_grad) == ((2, 3), np.float64, False)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ag.arange(0, 3, -1), ValueError, "not reached"),
        (lambda: ag.arange(0, 3, 0), ValueError, "step must not be 0"),
        (lambda: ag.randint(3, 3, (2,)), ValueError, "no whole number"),
        (lambda: ag.randint(3), TypeError, "size is missing"),
        (lambda: ag.rand(2, dtype=np.int64), TypeError, "randint"),
        (lambda: ag.rand(2, generator=3), TypeError, "Generator"),
        (lambda: ag.manual_seed(-1), ValueError, "not negative"),
        (lambda: ag.zeros(2.5), TypeError, "integer"),
    ],
)
def test_wrong_calls_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


# --- random numbers -------------------------------------------------------------------------------------------------


def test_same_seed_same_numbers():
    ag.manual_seed(3)
    first = [ag.rand(4).tolist(), ag.randn(4).tolist(), ag.randperm(9).tolist()]
    ag.manual_seed(3)
    assert [ag.rand(4).tolist(), ag.randn(4).tolist(), ag.randperm(9).tolist()] == first


def test_a_generator_is_its_own_stream():
    a = ag.rand(3, generator=ag.Generator(5))
    ag.rand(10)
    assert ag.rand(3, generator=ag.Generator(5)).tolist() == a.tolist()
    assert ag.rand(3, generator=ag.Generator((5, 1))).tolist() != a.tolist()


def test_state_goes_through_json():
    g = ag.Generator(1)
    g.numpy.random(dtype=np.float32)  # half of a 64-bit draw is held back: part of the state
    state = json.loads(json.dumps(g.get_state()))
    expected = ag.randn(5, generator=g).tolist()
    h = ag.Generator(2)
    h.set_state(state)
    assert ag.randn(5, generator=h).tolist() == expected
    assert h.initial_seed() == 1
    with pytest.raises(ValueError, match="PCG64"):
        h.set_state({"bit_generator": "MT19937"})


def test_default_state_can_be_kept_and_restored():
    state = ag.get_rng_state()
    first = ag.rand(3).tolist()
    ag.set_rng_state(state)
    assert ag.rand(3).tolist() == first
