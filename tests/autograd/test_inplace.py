"""Writing in place: the right gradient, or an error that names both places. Never a silent wrong number."""

import gc
import weakref

import numpy as np
import pytest

import autograd as ag
from autograd import no_grad, tensor
from autograd.gradcheck import gradcheck, gradgradcheck


def leaf(*values):
    return tensor(np.array(values), requires_grad=True)


def grid():
    return tensor(np.arange(1.0, 7.0).reshape(2, 3), requires_grad=True)


def agrees(function, *inputs):
    assert gradcheck(function, list(inputs))
    assert gradgradcheck(function, list(inputs))


RANDOM = ("normal_", "uniform_", "bernoulli_")

# --- a whole tensor -------------------------------------------------------------------------------------------------


A, B = np.array([0.3, 0.5, 0.8]), np.array([0.9, 0.5, -0.2])
MASK, INDEX = np.array([True, False, True]), np.array([0, 2])
SQUARE = np.arange(9.0).reshape(3, 3)
BATCH = np.stack([SQUARE, SQUARE + 1])
OPERANDS = {
    **dict.fromkeys(("add_", "sub_", "subtract_", "mul_", "multiply_", "pow_"), (2.0,)),
    **dict.fromkeys(("div_", "divide_", "true_divide_"), (2.0,)),
    **dict.fromkeys(("fmod_", "remainder_", "floor_divide_"), (0.7,)),
    **dict.fromkeys(("eq_", "ne_", "lt_", "le_", "gt_", "ge_", "greater_", "greater_equal_", "less_"), (0.5,)),
    **dict.fromkeys(("less_equal_", "not_equal_", "clamp_min_", "clamp_max_", "xlogy_"), (0.5,)),
    **dict.fromkeys(("logical_and_", "logical_or_", "logical_xor_", "atan2_", "arctan2_", "copysign_", "hypot_"), (B,)),
    **dict.fromkeys(("addcmul_", "addcdiv_"), (B, B)),
    **dict.fromkeys(("clamp_", "clip_"), (0.2, 0.6)),
    **dict.fromkeys(("copy_", "fill_"), (1.5,)),
    **dict.fromkeys(("cumsum_", "cumprod_"), (0,)),
    "heaviside_": (B,), "lerp_": (B, 0.2), "polygamma_": (1,),
    "masked_fill_": (MASK, 9.0), "masked_scatter_": (MASK, B),
    "scatter_": (0, INDEX, B[:2]), "scatter_add_": (0, INDEX, B[:2]), "scatter_reduce_": (0, INDEX, B[:2], "prod"),
    "index_add_": (0, INDEX, B[:2]), "index_copy_": (0, INDEX, B[:2]), "index_fill_": (0, INDEX, 7.0),
    "index_put_": ((INDEX,), B[:2]), "index_reduce_": (0, INDEX, B[:2], "amax"), "put_": (INDEX, B[:2]),
    "addmv_": (SQUARE, B), "addr_": (A, B), "addmm_": (SQUARE, SQUARE), "addbmm_": (BATCH, BATCH),
    "baddbmm_": (BATCH, BATCH),
}  # fmt: skip
WHERE = {
    **dict.fromkeys(("addr_", "addmm_", "addbmm_", "tril_", "triu_"), SQUARE),
    "baddbmm_": BATCH,
    "acosh_": A + 1,
    "arccosh_": A + 1,
}
BITS = {
    **dict.fromkeys(
        ("bitwise_and_", "bitwise_or_", "bitwise_xor_", "bitwise_left_shift_", "bitwise_right_shift_"), (3,)
    ),
    "bitwise_not_": (),
}


@pytest.mark.parametrize("name", sorted(n for n in ag.ops.inplace.METHODS if n not in RANDOM))
def test_a_method_with_an_underscore_writes_what_the_one_without_gives(name):
    arguments = (OPERANDS | BITS).get(name, ())
    array = np.array([1, 2, 6]) if name in BITS else WHERE.get(name, A)
    x = tensor(array)
    memory, identity = x._data, x
    y = getattr(x, name)(*arguments)
    assert y is identity
    assert y._data is memory
    if name == "zero_":
        expected = np.zeros(3)
    elif name in ("copy_", "fill_"):
        expected = np.full(3, 1.5)
    elif name == "polygamma_":
        expected = ag.polygamma(1, tensor(array)).numpy()
    else:
        expected = getattr(ag, name[:-1])(tensor(array), *arguments).numpy()
    np.testing.assert_array_equal(y.numpy(), expected)


def test_bernoulli_writes_zeros_and_ones():
    ag.manual_seed(3)
    x = ag.empty(4000).bernoulli_(0.25)
    assert set(x.tolist()) == {0.0, 1.0}
    assert abs(x.mean().item() - 0.25) < 0.03  # four standard deviations
    assert ag.zeros(2, 2, dtype=np.int64).bernoulli_(tensor([0.0, 1.0])).tolist() == [[0, 1], [0, 1]]
    with pytest.raises(ValueError, match="bernoulli: probabilities lie in"):
        x.bernoulli_(1.5)


def test_augmented_assignment_writes_in_place():
    x = tensor(np.array([1.0, 2.0]))
    alias = x
    x += 1
    x *= 3
    x -= tensor(np.array([1.0, 1.0]))
    x /= 2
    x **= 2
    np.testing.assert_array_equal(alias.numpy(), [6.25, 16.0])


@pytest.mark.parametrize("method", ["add_", "sub_", "mul_", "div_"])
def test_a_recorded_write_has_the_gradient_of_its_op(method):
    def function(x, y):
        z = x * 1.0
        getattr(z, method)(y)
        return z * z

    agrees(function, leaf(1.0, 2.0), leaf(3.0, 4.0))


def test_an_op_that_reads_its_own_old_value_keeps_it():
    """``y.mul_(w)`` needs the old ``y`` for the gradient of ``w``: PyTorch refuses this, here it is right."""

    def function(x, w):
        y = x * 1.0
        y.mul_(w)
        y.mul_(w)
        return y

    agrees(function, leaf(1.0, 2.0), leaf(3.0, 4.0))


def test_overwritten_values_get_no_gradient():
    x = leaf(1.0, 2.0)
    y = x * 2.0
    y.zero_()
    (y * 3.0 + x).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [1.0, 1.0])


def test_writing_a_tensor_that_requires_grad_makes_the_target_require_it():
    x, w = tensor(np.zeros(2)), leaf(3.0, 4.0)
    x.copy_(w)
    assert x.requires_grad
    (x * x).sum().backward()
    np.testing.assert_array_equal(w.grad.numpy(), [6.0, 8.0])


def test_a_write_of_another_precision_keeps_the_dtype_and_gives_each_its_own():
    x, w = tensor(np.zeros(2, np.float32)), leaf(3.0, 4.0)
    x.copy_(w)
    x[0] = w[1]
    assert x.dtype == np.float32
    x.sum().backward()
    assert w.grad.dtype == np.float64
    np.testing.assert_array_equal(w.grad.numpy(), [0.0, 2.0])


# --- errors ---------------------------------------------------------------------------------------------------------


def test_one_number_in_brackets_fits_an_element():
    x, w = ag.zeros(3), ag.tensor([[2.0]], requires_grad=True)
    x[1] = w
    x[2] = np.array([4.0])
    assert x.tolist() == [0, 2, 4]
    x.sum().backward()
    assert w.grad.tolist() == [[1]]
    with pytest.raises(ValueError, match="broadcast"):
        x[1] = ag.ones(2)


def test_a_leaf_that_requires_grad_is_not_written():
    with pytest.raises(RuntimeError, match="add_: this tensor is a leaf that requires grad"):
        leaf(1.0).add_(1.0)
    with pytest.raises(RuntimeError, match="a view of a leaf"):
        leaf(1.0, 2.0)[:1].mul_(2.0)
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match="leaf"):
        x[0] = 1.0
    with no_grad():
        x.add_(1.0)
    np.testing.assert_array_equal(x.detach().numpy(), [2.0, 3.0])
    assert x.is_leaf


def test_a_saved_value_that_was_written_is_an_error_naming_both():
    x = leaf(1.0, 2.0)
    y = x * 2.0
    z = y * y
    y.add_(1.0)
    with pytest.raises(RuntimeError, match=r"mul: .*test_inplace\.py:\d+ was changed in place afterwards by add_"):
        z.sum().backward()


def test_a_result_that_is_not_saved_may_be_written():
    x = leaf(1.0, 2.0)
    y = x + 1.0
    z = y + 2.0
    y.mul_(2.0)
    (z + y).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [3.0, 3.0])


def test_expanded_memory_is_not_written():
    with pytest.raises(RuntimeError, match="read-only"):
        tensor(np.zeros((1, 3))).expand(2, 3).add_(1.0)


def test_a_result_that_does_not_fit_is_refused():
    x = tensor(np.zeros(3))
    with pytest.raises(RuntimeError, match=r"add_: the result has shape \(2, 3\)"):
        x.add_(tensor(np.zeros((2, 3))))
    with pytest.raises(RuntimeError, match=r"add_: the result is float32, which cannot be put into int64"):
        tensor([1, 2]).add_(0.5)
    np.testing.assert_array_equal(x.numpy(), np.zeros(3))


# --- views ----------------------------------------------------------------------------------------------------------

VIEWS = {
    "slice": lambda x: x[:, 1:],
    "number": lambda x: x[0],
    "element": lambda x: x[1, 2],
    "step": lambda x: x[:, ::2],
    "reversed": lambda x: x[:, ::-1],
    "transpose": lambda x: x.T,
    "reshape": lambda x: x.reshape(3, 2),
    "flatten": lambda x: x.flatten(),
    "unsqueeze": lambda x: x.unsqueeze(1),
    "chain": lambda x: x.T[1:].reshape(-1)[1:3] if x.T[1:].is_contiguous() else x.T[1:][:, 1],
    "dots": lambda x: x[..., None, 1],
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_a_view_shares_memory_and_history(view):
    def function(x, w):
        base = x * 1.0
        other = base[0]
        part = view(base)
        part.mul_(w)
        return base * base, part * 2.0, other * 3.0

    agrees(function, grid(), leaf(2.0).reshape(()).detach().requires_grad_())


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_a_write_to_the_base_reaches_the_views(view):
    def function(x, w):
        base = x * 1.0
        part = view(base)
        base.mul_(w)
        return part * part

    agrees(function, grid(), leaf(2.0, 3.0, 4.0))


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_values_agree_with_numpy(view):
    base = tensor(np.arange(6.0).reshape(2, 3))
    view(base).add_(100.0)
    expected = np.arange(6.0).reshape(2, 3)
    mask = np.zeros((2, 3))
    mask_t = tensor(mask)
    view(mask_t).add_(1.0)
    np.testing.assert_array_equal(base.numpy(), expected + 100.0 * mask_t.numpy())
    assert mask_t.numpy().any()


def test_a_view_outlives_its_base():
    x = leaf(1.0, 2.0, 3.0)
    part = (x * 1.0)[1:]
    gc.collect()
    part.mul_(5.0)
    part.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [0.0, 5.0, 5.0])


def test_a_copy_is_no_view():
    base = tensor(np.arange(6.0).reshape(2, 3))
    for copy in (base.flip(0), base[[0, 1]], base.clone(), base.T.reshape(-1)):
        copy.zero_()
    np.testing.assert_array_equal(base.numpy(), np.arange(6.0).reshape(2, 3))


def test_views_make_no_cycles():
    gc.collect()
    gc.disable()
    try:
        x = leaf(1.0, 2.0, 3.0)
        base = x * 1.0
        views = [base[i] for i in range(3)]
        views[0].mul_(2.0)
        gone = [weakref.ref(base), weakref.ref(views[1]), weakref.ref(base._node)]
        del base, views
        assert [reference() for reference in gone] == [None] * 3
    finally:
        gc.enable()


def test_many_views_of_one_tensor_do_not_pile_up():
    base = tensor(np.zeros(10))
    for _ in range(1000):
        base[0].add_(1.0)
    assert base.numpy()[0] == 1000.0
    assert len(base._family[0].members) < 100


# --- items ----------------------------------------------------------------------------------------------------------

KEYS = {
    "number": 0,
    "numbers": (1, 2),
    "slice": (slice(None), slice(1, None)),
    "step": (slice(None), slice(None, None, 2)),
    "dots": (..., 1),
    "mask": np.array([[True, False, True], [False, False, True]]),
    "list": [1, 0],
    "pairs": (np.array([0, 1, 1]), np.array([2, 0, 1])),
    "mixed": (slice(None), np.array([2, 0])),
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_item_assignment_is_recorded(key):
    shape = np.zeros((2, 3))[key].shape
    value = tensor(np.random.default_rng(0).normal(size=shape), requires_grad=True)

    def function(x, v):
        y = x * 1.0
        y[key] = v
        return y * y

    agrees(function, grid(), value)
    expected = np.arange(1.0, 7.0).reshape(2, 3)
    expected[key] = value.detach().numpy()
    y = grid() * 1.0
    y[key] = value
    np.testing.assert_array_equal(y.detach().numpy(), expected)


def test_item_assignment_broadcasts_and_takes_numbers():
    def function(x, v):
        y = x * 1.0
        y[:, 1:] = v
        y[0, 0] = 7.0
        y[[0, 1], [2, 2]] = 5
        return y * y

    agrees(function, grid(), leaf(2.0, 3.0))


def test_of_an_element_written_twice_the_last_value_counts_and_gets_the_gradient():
    v = leaf(1.0, 2.0, 3.0)
    y = tensor(np.zeros(2))
    y[[0, 0, 1]] = v
    np.testing.assert_array_equal(y.detach().numpy(), [2.0, 3.0])
    y.sum().backward()
    np.testing.assert_array_equal(v.grad.numpy(), [0.0, 1.0, 1.0])


def test_writes_to_disjoint_slices_do_not_disturb_each_other():
    x = leaf(1.0, 2.0)
    buffer = tensor(np.zeros((4, 2)))
    total = 0.0
    for i in range(4):
        buffer[i] = x * float(i + 1)
        total = total + (buffer[i] * buffer[i]).sum()  # saves row i; later rows are written after that
    total.backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * np.array([1.0, 2.0]) * (1 + 4 + 9 + 16))


def test_a_write_that_overlaps_a_saved_slice_is_an_error():
    x = leaf(1.0, 2.0, 3.0, 4.0)
    y = x * 1.0
    z = (y[:2] * y[:2]).sum()
    y[1:3] = 0.0
    with pytest.raises(RuntimeError, match="changed in place"):
        z.backward()


# --- memory shared with NumPy ---------------------------------------------------------------------------------------


def test_numpy_may_write_to_memory_that_came_from_it():
    a = np.array([1.0, 2.0])
    t = ag.from_numpy(a).requires_grad_()
    y = (t * t).sum()
    a[:] = 100.0
    y.backward()
    np.testing.assert_array_equal(t.grad.numpy(), [2.0, 4.0])


def test_numpy_may_write_to_memory_that_went_out_to_it():
    w, x = tensor(np.array([1.0, 2.0])), leaf(3.0, 4.0)
    array = w.numpy()
    y = (w * x).sum()
    array[:] = 100.0
    y.backward()
    np.testing.assert_array_equal(x.grad.numpy(), [1.0, 2.0])


def _as_array(y):
    return y.detach().numpy()


def _as_data(y):
    return y.data.numpy()


def _as_buffer(y):
    return np.asarray(memoryview(np.asarray(y.detach())))


def _as_dlpack(y):
    return np.from_dlpack(y.detach())


@pytest.mark.parametrize("hand_out", [_as_array, _as_data, _as_buffer, _as_dlpack])
@pytest.mark.parametrize("turned", [False, True])
def test_numpy_may_write_to_memory_that_went_out_after_it_was_saved(hand_out, turned):
    x = tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    y = x * 2.0
    seen = y.t() if turned else y
    z = (seen[1:] * seen[1:]).sum() + (x * x).sum()
    hand_out(y)[:] = 100.0
    hand_out(x)[:] = 100.0
    z.backward()
    expected = 2.0 * np.arange(6.0).reshape(2, 3)
    (expected[:, 1:] if turned else expected[1:])[...] *= 5.0
    np.testing.assert_array_equal(x.grad.numpy(), expected)


def test_a_product_saves_a_matrix_in_the_order_in_which_it_has_it():
    from autograd.memory import private

    w, x = tensor(np.arange(6.0).reshape(2, 3)), grid()
    array = w.detach().numpy()
    saved = private(array.T)
    assert not np.shares_memory(saved, array)
    assert saved.strides == array.T.strides
    (x @ w.t()).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [[3.0, 5.0, 7.0]] * 2)


def test_memory_is_copied_once_when_it_goes_out_and_the_copy_dies_with_it():
    from autograd.memory import exported

    before = len(exported)
    y = leaf(1.0, 2.0) * 1.0
    assert y.detach().numpy() is y.detach().numpy()
    assert len(exported) == before + 1
    del y
    assert len(exported) == before


@pytest.mark.parametrize("part", [slice(None), slice(None, None, -1)])
def test_an_array_operand_may_change_afterwards(part):
    a, x = np.array([1.0, 2.0]), leaf(3.0, 4.0)
    y = (x * a[part]).sum()
    expected = a[part].copy()
    a[:] = 100.0
    y.backward()
    np.testing.assert_array_equal(x.grad.numpy(), expected)


def test_targets_and_indices_may_change_afterwards():
    from nn.functional import cross_entropy

    logits = tensor(np.zeros((2, 3)), requires_grad=True)
    labels = np.array([0, 1])
    loss = cross_entropy(logits, ag.from_numpy(labels))
    picked = logits[labels].sum()
    labels[:] = 1
    (loss * 2.0 + picked * 0.0).backward()
    np.testing.assert_allclose(logits.grad.numpy(), [[-2 / 3, 1 / 3, 1 / 3], [1 / 3, -2 / 3, 1 / 3]])


def test_targets_changed_in_place_are_noticed():
    from nn.functional import cross_entropy

    logits, labels = tensor(np.zeros((2, 3)), requires_grad=True), tensor([0, 1])
    loss = cross_entropy(logits, labels)
    labels.fill_(2)
    with pytest.raises(RuntimeError, match="changed in place afterwards by fill_"):
        loss.backward()


def test_writing_through_detach_or_data_is_noticed():
    for alias in (lambda t: t.detach(), lambda t: t.data):
        x = leaf(1.0, 2.0)
        y = x * 1.0
        z = (y * y).sum()
        alias(y).zero_()
        with pytest.raises(RuntimeError, match="zero_"):
            z.backward()


def test_random_writes_refuse_what_no_number_can_satisfy():
    with pytest.raises(ValueError, match="normal_: std -1 is negative"):
        ag.zeros(2).normal_(0.0, -1)
    with pytest.raises(ValueError, match="uniform_: from 0 is above to -3"):
        ag.zeros(2).uniform_(0, -3)
