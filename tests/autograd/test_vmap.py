"""vmap: every op of the table on batches against a loop, and how it nests, composes and refuses."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import autograd
import nn
from autograd import Tensor, tensor
from autograd.batched import BatchedTensor
from autograd.batching import RULES, Call
from autograd.func import functional_call, grad, jacfwd, jacrev, jvp, vjp, vmap
from nn import functional as F

from .cases import CASES, Case
from .test_table import OPS, arrays_of, run

SIZE = 3


def close(got, want, tolerance=1e-10):
    got, want = (x.detach().numpy() if isinstance(x, Tensor) else np.asarray(x) for x in (got, want))
    assert got.shape == want.shape
    assert got.dtype == want.dtype
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance)


def randn(*shape, seed=0):
    return tensor(np.random.default_rng(seed).normal(size=shape))


# --- every op -------------------------------------------------------------------------------------------------------


def batches(case: Case) -> list[tuple[list[np.ndarray], list[int | None]]]:
    """The inputs of a case with samples for each choice of them: values near the given ones, whose form they keep."""
    arrays = arrays_of(case)
    floats = [i for i, a in enumerate(arrays) if a.dtype.kind == "f"]
    others = [np.asarray(a) for a in case.inputs(np.random.default_rng(8))]
    found = []
    for chosen in product([False, True], repeat=len(floats)):
        if not any(chosen) or (len(floats) > 3 and sum(chosen) not in (1, len(floats))):
            continue
        mapped = [i for i, yes in zip(floats, chosen) if yes]
        if any(others[i].shape != arrays[i].shape for i in mapped):
            mapped = [i for i in mapped if others[i].shape == arrays[i].shape]
            if not mapped:
                continue
        values = [np.stack([a, o, a]) if i in mapped else a for i, (a, o) in enumerate(zip(arrays, others))]
        found.append((values, [0 if i in mapped else None for i in range(len(arrays))]))
    return found


ON_BATCHES = [c for c in CASES if c.op in OPS and any(a.dtype.kind == "f" for a in arrays_of(c))]
each_op = pytest.mark.parametrize("case", ON_BATCHES, ids=str)


def by_loop(f, values, dims):
    rows = [f(*(tensor(v[i]) if d == 0 else v for v, d in zip(values, dims))) for i in range(SIZE)]
    if isinstance(rows[0], tuple):
        return tuple(autograd.stack(column) for column in zip(*rows))
    return autograd.stack(rows)


@each_op
def test_an_op_on_a_batch_is_the_op_on_each_sample(case):
    def f(*inputs):
        inputs = [x if isinstance(x, BatchedTensor) or x.dtype.kind != "f" else autograd.as_tensor(x) for x in inputs]
        return run(case, inputs)

    for values, dims in batches(case):
        with np.errstate(all="ignore"):
            for got, want in zip(vmap(f, tuple(dims))(*values), by_loop(f, values, dims), strict=True):
                close(got, want)


@pytest.mark.parametrize("case", [c for c in ON_BATCHES if OPS[c.op].differentiable and c.order >= 1], ids=str)
def test_per_sample_gradients_of_an_op(case):
    """Gradients in batched and in shared inputs, each sample its own."""
    values, dims = batches(case)[-1]
    floats = tuple(i for i, v in enumerate(values) if v.dtype.kind == "f")

    def loss(*inputs):
        outputs = [y for y in run(case, inputs) if y.dtype.kind == "f"]
        return sum((y * np.cos(np.arange(y.numel())).reshape(y.shape)).sum() for y in outputs)

    gradient = grad(loss, floats)
    for got, want in zip(vmap(gradient, tuple(dims))(*values), by_loop(gradient, values, dims)):
        close(got, want)


def test_the_rules_are_of_ops_that_exist():
    assert set(RULES) <= set(OPS)


def test_ops_with_a_rule_do_not_run_one_by_one(monkeypatch):
    """What networks are made of runs on the whole batch."""
    from autograd import batching, batching_vision

    def forbidden(call: Call):
        raise AssertionError(f"{call.op.name} ran sample by sample")

    monkeypatch.setattr(batching, "one_by_one", forbidden)
    monkeypatch.setattr(batching_vision, "one_by_one", forbidden)
    net = small_net()
    parameters = dict(net.named_parameters())
    vmap(grad(loss_of(net)), (None, 0, 0))(parameters, randn(4, 1, 8, 8), randn(4, 3))


# --- networks -------------------------------------------------------------------------------------------------------


def small_net():
    autograd.manual_seed(1)
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 2, 3, groups=2), nn.Flatten(),
        nn.Linear(8, 3),
    )  # fmt: skip
    return net.double()


def loss_of(net):
    def loss(parameters, x, target):
        y = functional_call(net, parameters, (x.unsqueeze(0),))
        return ((y.squeeze(0) - target) ** 2).sum()

    return loss


def test_per_sample_gradients_of_a_network_are_those_of_a_loop():
    net = small_net()
    parameters = dict(net.named_parameters())
    x, targets = randn(5, 1, 8, 8), randn(5, 3, seed=1)
    found = vmap(grad(loss_of(net)), (None, 0, 0))(parameters, x, targets)
    for i in range(5):
        one = grad(loss_of(net))(parameters, x[i], targets[i])
        for name in parameters:
            close(found[name][i], one[name])


@pytest.mark.parametrize("as_log", [False, True])
def test_per_sample_gradients_with_class_numbers(as_log):
    """cross_entropy reads its targets: it runs sample by sample, the network around it does not."""
    net, runs = small_net(), []
    net.register_forward_hook(lambda *_: runs.append(1))
    parameters = dict(net.named_parameters())

    def loss(parameters, x, target):
        y = functional_call(net, parameters, (x.unsqueeze(0),))
        return F.nll_loss(F.log_softmax(y, 1), target.reshape(1)) if as_log else F.cross_entropy(y, target.reshape(1))

    x, targets = randn(4, 1, 8, 8), tensor([0, 2, 1, 1])
    found = vmap(grad(loss), (None, 0, 0))(parameters, x, targets)
    assert len(runs) == 1
    for i in range(4):
        close(found["5.weight"][i], grad(loss)(parameters, x[i], targets[i])["5.weight"])


def test_an_ensemble_is_vmap_over_parameters():
    nets = [nn.Linear(3, 2) for _ in range(4)]
    names = list(nets[0].state_dict())
    stacked = {name: autograd.stack([net.state_dict()[name] for net in nets]) for name in names}
    x = autograd.randn(5, 3)
    y = vmap(lambda p: functional_call(nets[0], p, (x,)))(stacked)
    assert y.shape == (4, 5, 2)
    for i, net in enumerate(nets):
        close(y[i], net(x), 1e-6)


def test_batch_norm_normalises_each_sample_with_its_own_statistics():
    x, w = randn(3, 4, 2, 5), randn(3, 2)
    f = lambda x, w: F.batch_norm(x, None, None, weight=w, training=True)
    close(vmap(f)(x, w), autograd.stack([f(x[i], w[i]) for i in range(3)]))


# --- dimensions -----------------------------------------------------------------------------------------------------


def test_in_dims_and_out_dims_name_any_dimension():
    x, y = randn(2, 3, 4), randn(4, 3)
    got = vmap(lambda a, b: a * b, in_dims=(1, -1), out_dims=-1)(x, y)
    close(got, autograd.stack([x[:, i] * y[:, i] for i in range(3)], -1))


def test_containers_go_in_and_out():
    tree = {"w": randn(3, 2), "b": [randn(3), 2.0]}
    out = vmap(lambda p, x: {"y": p["w"].sum() + p["b"][0], "x": (x * p["b"][1],)}, ({"w": 0, "b": [0, None]}, None),
               {"y": 0, "x": None})(tree, randn(5))  # fmt: skip
    close(out["y"], tree["w"].sum(1) + tree["b"][0])
    assert out["x"][0].shape == (5,)


def test_an_output_without_samples_is_repeated():
    close(vmap(lambda x: autograd.ones(2))(randn(3)), np.ones((3, 2), np.float32))


def test_nested_vmap_is_a_table():
    x, y = randn(3), randn(4)
    close(vmap(vmap(lambda a, b: a * b.exp(), (None, 0)), (0, None))(x, y), x.reshape(3, 1) * y.exp())


def test_nested_vmap_over_the_same_argument():
    x = randn(3, 4, 2)
    close(vmap(vmap(lambda a: (a @ a).sqrt(), out_dims=0), in_dims=1, out_dims=1)(x), (x * x).sum(-1).sqrt())


def test_chunks_give_the_same():
    x = randn(7, 3)
    f = lambda a: a.exp() / a.exp().sum()
    close(vmap(f, chunk_size=3)(x), vmap(f)(x))


def test_a_zero_dimensional_sample_keeps_its_rank_in_promotion():
    """For one sample a 0-d float64 beside a float32 vector gives float32, so it does in a batch."""
    scale = tensor(np.array([1.0, 2.0]))
    vector = autograd.ones(3)
    assert (scale[0] * vector).dtype == np.float32
    assert vmap(lambda s: s * vector)(scale).dtype == np.float32
    assert vmap(lambda s: vector.double() * s.float())(scale).dtype == np.float64


def test_batched_tensors_look_like_one_sample():
    seen = []

    def look(x):
        seen.append((x.shape, x.ndim, x.dim(), x.size(), x.size(0), x.numel(), len(x), x.dtype, x.is_floating_point()))
        assert x.float().double().view(-1).contiguous().type_as(x).shape == (4,)
        assert x.requires_grad is False
        assert "3 samples of shape (2, 2)" in repr(x)
        return sum(row.sum() for row in x)

    x = randn(3, 2, 2)
    close(vmap(look)(x), x.sum((1, 2)))
    assert seen == [((2, 2), 2, 2, (2, 2), 2, 4, 2, np.dtype(np.float64), True)]


def test_methods_operators_and_numpy_functions_work_on_batches():
    x = randn(3, 4)
    f = lambda a: np.exp(a)[1:].flip(0).reshape(3, 1).T @ np.ones((3, 2)) + np.arange(2.0) * a[..., 0] - a[[0, 2]].max()
    close(vmap(f)(x), autograd.stack([f(row) for row in x]))


@pytest.mark.parametrize(
    "index",
    [
        (0,), (slice(1, 3),), (..., 1), (None, 2), ([0, 2],), ([0, 2], 1), (slice(None), [1, 0]), (..., [0, 1]),
        ([0, 1], slice(None), [1, 0]), (0, slice(None), [1, 0]), (np.array([True, False, True]),),
    ],
    ids=str,
)  # fmt: skip
def test_every_form_of_index(index):
    x = randn(5, 3, 4, 2)
    f = lambda a: a[index] * 2
    close(vmap(f)(x), autograd.stack([f(a) for a in x]))
    g = grad(lambda a: (a[index] ** 3).sum())
    close(vmap(g)(x), autograd.stack([g(a) for a in x]))


# --- where values are needed ----------------------------------------------------------------------------------------


def test_a_function_that_branches_on_values_runs_sample_by_sample():
    f = lambda a: a * 2 if a.sum() > 0 else a.exp()
    x = randn(5, 2)
    close(vmap(f)(x), autograd.stack([f(a) for a in x]))


def test_item_numpy_and_backward_work_inside():
    def gradient(a):
        a = a.detach().requires_grad_()
        (a * a).sum().backward()
        return a.grad + a.detach().numpy().max() + a.sum().item()

    x = randn(3, 2)
    close(vmap(gradient)(x), autograd.stack([gradient(a) for a in x]))


def test_an_index_that_differs_between_samples():
    x, i = randn(4, 3), tensor([2, 0, 1, 1])
    close(vmap(lambda a, k: a[k])(x, i), x[np.arange(4), i.numpy()])
    close(vmap(lambda a, k: a.gather(0, k.reshape(1)))(x, i), x.gather(1, i.reshape(4, 1)))


def test_only_the_level_that_is_read_goes_sample_by_sample():
    x, y = randn(3), randn(4)
    f = lambda a, b: b * (2.0 if a.item() > 0 else 1.0)
    close(vmap(vmap(f, (None, 0)), (0, None))(x, y), autograd.stack([autograd.stack([f(a, b) for b in y]) for a in x]))


# --- with the other transforms --------------------------------------------------------------------------------------


def test_gradients_flow_through_vmap():
    x = randn(3, 2).requires_grad_()
    w = randn(2, seed=1).requires_grad_()
    f = lambda a: (a * w).sum().exp()
    got = autograd.grad(vmap(f)(x).sum(), [x, w])
    want = autograd.grad(autograd.stack([f(a) for a in x]).sum(), [x, w])
    for a, b in zip(got, want):
        close(a, b)


@pytest.mark.parametrize(
    "transform", [grad, jacrev, jacfwd, lambda f: jacrev(jacrev(f)), lambda f: grad(lambda a: grad(f)(a).sum())]
)
def test_transforms_inside_vmap_are_those_of_a_loop(transform):
    w = randn(3, seed=5)
    f = transform(lambda a: (a * w).sin().sum() * a[0])
    x = randn(4, 3)
    close(vmap(f)(x), autograd.stack([f(a) for a in x]))


def test_vmap_inside_a_jacobian():
    x = randn(3, 2)
    f = vmap(lambda a: a.exp() * a.sum())
    close(jacrev(f)(x), jacfwd(f)(x))
    assert jacrev(f)(x).shape == (3, 2, 3, 2)


def test_a_gradient_of_a_per_sample_gradient():
    """The penalty on per-sample gradient norms, differentiated in the shared parameter."""
    w, x = randn(3), randn(5, 3, seed=1)
    norms = lambda w: (vmap(grad(lambda w, a: (w * a).sum().tanh()), (None, 0))(w, x) ** 2).sum()
    loop = lambda w: sum((grad(lambda w, a: (w * a).sum().tanh())(w, a) ** 2).sum() for a in x)
    close(grad(norms)(w), grad(loop)(w))


def test_vjp_and_jvp_inside_vmap():
    x, t = randn(4, 3), randn(4, 3, seed=1)
    f = lambda a: (a * a).cumsum(0)
    push = lambda a, t: jvp(f, (a,), (t,))[1]
    pull = lambda a, t: vjp(f, a)[1](t)[0]
    for g in (push, pull):
        close(vmap(g)(x, t), autograd.stack([g(a, b) for a, b in zip(x, t)]))


def test_a_pullback_made_outside_runs_in_vmap():
    x = randn(3)
    _, pullback = vjp(lambda a: a.exp() * a.sum(), x)
    close(vmap(lambda v: pullback(v)[0])(tensor(np.eye(3))), jacrev(lambda a: a.exp() * a.sum())(x))


# --- random numbers -------------------------------------------------------------------------------------------------


def test_random_numbers_are_refused_until_a_kind_is_chosen():
    with pytest.raises(RuntimeError, match="<lambda> draws random numbers; say randomness='different'"):
        vmap(lambda a: a + autograd.rand(2))(randn(3, 2))


@pytest.mark.parametrize("read", [False, True])
def test_random_numbers_same_and_different(read):
    noise = lambda a: a * 0 + autograd.rand(2, dtype=np.float64) + (a.sum().item() * 0 if read else 0)
    same = vmap(noise, randomness="same")(randn(3, 2)).numpy()
    different = vmap(noise, randomness="different")(randn(3, 2)).numpy()
    assert (same == same[0]).all()
    assert len(np.unique(different)) == 6
    chunks = vmap(noise, randomness="same", chunk_size=2)(randn(3, 2)).numpy()
    assert (chunks == chunks[0]).all()


def test_dropout_differs_between_samples_where_asked():
    ones = autograd.ones(4, 50)
    rows = vmap(lambda a: F.dropout(a, 0.5), randomness="different")(ones).numpy()
    assert len(np.unique(rows, axis=0)) == 4


def test_an_inner_vmap_asks_the_outer_one():
    inner = lambda row: vmap(lambda a: a * 0 + autograd.rand((), dtype=np.float64), randomness="same")(row)
    out = vmap(inner, randomness="different")(randn(3, 2)).numpy()
    assert (out[:, 0] == out[:, 1]).all()
    assert len(np.unique(out)) == 3
    with pytest.raises(RuntimeError, match="draws random numbers"):
        vmap(inner)(randn(3, 2))


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: vmap(autograd.dot)(randn(3, 2), randn(4, 2)), ValueError, r"different numbers of samples: \[3, 4\]"),
        (lambda: vmap(autograd.dot, (0,))(randn(3, 2), randn(3, 2)), ValueError, r"in_dims=\(0,\) does not fit the 2"),
        (lambda: vmap(autograd.dot, None)(randn(2), randn(2)), ValueError, "maps no argument of dot"),
        (lambda: vmap(autograd.sin)(tensor(1.0)), ValueError, "0-d and has no samples"),
        (lambda: vmap(lambda a, n: a * n)(randn(3), 2.0), ValueError, "which is a float, not a tensor; say None"),
        (lambda: vmap(autograd.sin, 2)(randn(3, 2)), IndexError, "in_dims: dim 2 is out of range"),
        (lambda: vmap(autograd.sin, "x")(randn(3, 2)), TypeError, "dimensions and None, not 'x'"),
        (lambda: vmap(autograd.sin, 0, (0, 0))(randn(3, 2)), ValueError, r"out_dims=\(0, 0\) does not fit"),
        (lambda: vmap(autograd.sin, 0, None)(randn(3, 2)), ValueError, "differs between samples"),
        (lambda: vmap(autograd.sin, 0, 3)(randn(3, 2)), IndexError, "out_dims: dim 3"),
        (lambda: vmap(lambda a: 1)(randn(3)), TypeError, "must return tensors, or containers of them, not int"),
        (lambda: vmap(lambda a: a[a > 0])(tensor([[1.0, 2.0], [1.0, -1.0]])), ValueError, "give different shapes"),
        (lambda: vmap(lambda a: a * a.item())(autograd.ones(0)), ValueError, "a batch of none has none"),
        (lambda: vmap(autograd.sin, randomness="yes"), ValueError, "'error', 'same' or 'different', not 'yes'"),
        (lambda: vmap(autograd.sin, chunk_size=0), ValueError, "chunk_size is at least 1, not 0"),
    ],
)
def test_what_vmap_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_tensor_that_escaped_says_so():
    kept = []
    vmap(lambda a: kept.append(a) or a)(randn(3))
    with pytest.raises(RuntimeError, match="a tensor made inside vmap is used after that vmap ended"):
        kept[0] * 2
    with pytest.raises(RuntimeError, match="used after that vmap had ended"):
        kept[0].item()


def test_an_empty_batch_gives_an_empty_batch():
    assert vmap(lambda a: (a @ a).exp())(randn(0, 3)).shape == (0,)
