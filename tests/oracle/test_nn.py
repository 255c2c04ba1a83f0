"""Layers, functions and losses beside PyTorch: values and gradients in float64, names of the state."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import nn
import nn.functional as F
from autograd.tensor import Tensor

torch = pytest.importorskip("torch")
TF = torch.nn.functional


def both(shapes, ours, theirs, seed=0, scale=1.0, gradients=True):
    """Run one function here and there on the same numbers; compare the outputs and the gradients of every input."""
    rng = np.random.default_rng(seed)
    arrays = [rng.standard_normal(s) * scale if isinstance(s, tuple) else np.asarray(s) for s in shapes]
    a = [Tensor(x, requires_grad=gradients and x.dtype.kind == "f") for x in arrays]
    b = [torch.tensor(x, requires_grad=gradients and x.dtype.kind == "f") for x in arrays]
    y, z = ours(*a), theirs(*b)
    assert tuple(y.shape) == tuple(z.shape)
    np.testing.assert_allclose(y._data, z.detach().numpy(), rtol=1e-9, atol=1e-12)
    if gradients:
        g = rng.standard_normal(y.shape)
        y.backward(Tensor(g))
        z.backward(torch.tensor(g))
        for p, q in zip(a, b, strict=True):
            if q.grad is not None:
                np.testing.assert_allclose(p.grad._data, q.grad.numpy(), rtol=1e-8, atol=1e-11)


CONV = [
    {},
    {"stride": 2, "padding": 1},
    {"stride": (2, 1), "padding": (0, 2), "dilation": (1, 2)},
    {"padding": "same"},
    {"padding": "same", "dilation": 2},
    {"padding": "valid"},
    {"groups": 2, "padding": 1},
]


@pytest.mark.parametrize("settings", CONV, ids=str)
@pytest.mark.parametrize("kernel", [(3, 3), (2, 4), (1, 1)])
def test_conv2d(settings, kernel):
    groups = settings.get("groups", 1)
    shapes = [(2, 4, 9, 8), (6, 4 // groups, *kernel), (6,)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's: 'same' with an even kernel copies the input
        both(shapes, lambda x, w, b: F.conv2d(x, w, b, **settings), lambda x, w, b: TF.conv2d(x, w, b, **settings))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"stride": 2, "padding": 1, "output_padding": 1},
        {"stride": (3, 2), "dilation": 2, "output_padding": (2, 1)},
        {"groups": 2, "stride": 2},
    ],
    ids=str,
)
def test_conv_transpose2d(settings):
    shapes = [(2, 4, 5, 6), (4, 6 // settings.get("groups", 1), 3, 2), (6,)]
    both(
        shapes,
        lambda x, w, b: F.conv_transpose2d(x, w, b, **settings),
        lambda x, w, b: TF.conv_transpose2d(x, w, b, **settings),
    )


@pytest.mark.parametrize("spatial", [1, 2, 3])
@pytest.mark.parametrize("transposed", [False, True])
def test_convolutions_at_random_settings(spatial, transposed):
    name = f"conv_transpose{spatial}d" if transposed else f"conv{spatial}d"
    ours, theirs, compared = getattr(F, name), getattr(TF, name), 0
    for seed in range(60):
        rng = np.random.default_rng([spatial, transposed, seed])

        def draw(low, high, rng=rng):
            return tuple(rng.integers(low, high, spatial).tolist())

        groups, channels, outputs = rng.integers(1, 4, 3).tolist()
        s = {"stride": draw(1, 4), "padding": draw(0, 3), "dilation": draw(1, 3), "groups": groups}
        if transposed:
            s["output_padding"] = tuple(int(rng.integers(max(a, b))) for a, b in zip(s["stride"], s["dilation"]))
        first, second = (channels * groups, outputs) if transposed else (outputs * groups, channels)
        shapes = [(2, channels * groups, *draw(2, 7)), (first, second, *draw(1, 4)), (outputs * groups,)]
        try:
            empty = not theirs(*(torch.zeros(shape) for shape in shapes), **s).numel()  # refused in volumes only
        except RuntimeError:
            empty = True
        if empty:
            with pytest.raises(ValueError, match=name):
                ours(*(Tensor(np.zeros(shape)) for shape in shapes), **s)
            continue
        both(shapes, lambda *t, s=s: ours(*t, **s), lambda *t, s=s: theirs(*t, **s), seed)
        compared += 1
    assert compared > 30


LAYERS = ["Conv1d", "Conv3d", "ConvTranspose1d", "ConvTranspose3d"]


@pytest.mark.parametrize("name", LAYERS)
def test_layers_of_lines_and_volumes(name):
    args, settings = (4, 6, 3, 2, 1), {"groups": 2, "dilation": 2}
    a, b = getattr(nn, name)(*args, **settings).double(), getattr(torch.nn, name)(*args, **settings).double()
    assert repr(a) == repr(b)
    a.load_state_dict({key: tensor.numpy() for key, tensor in b.state_dict().items()})
    both([(2, 4, *[7] * int(name[-2]))], a, b)


@pytest.mark.parametrize("function", ["conv2d", "conv_transpose2d", "max_pool2d", "avg_pool2d", "interpolate"])
def test_one_image_without_batch(function):
    ours, theirs = getattr(F, function), getattr(TF, function)
    if "conv" in function:
        both([(3, 6, 6), (3, 3, 3, 3), (3,)], ours, theirs)
    elif "pool" in function:
        both([(3, 6, 6)], lambda x: ours(x, 2), lambda x: theirs(x, 2))
    else:
        both([(3, 6, 6)], lambda x: ours(x, size=9), lambda x: theirs(x[None], size=9)[0])


POOL = [(2, None, 0, False), (3, 2, 1, False), (3, 2, 1, True), ((3, 2), (2, 1), (1, 0), True), (2, 2, 1, True)]


@pytest.mark.parametrize(("k", "s", "p", "ceil"), POOL)
@pytest.mark.parametrize("size", [(7, 8), (5, 5), (3, 4)])
def test_pools(k, s, p, ceil, size):
    shape = [(2, 3, *size)]
    both(shape, lambda x: F.max_pool2d(x, k, s, p, 1, ceil), lambda x: TF.max_pool2d(x, k, s, p, 1, ceil))
    for include in (True, False):
        for divisor in (None, 5):
            both(
                shape,
                lambda x, i=include, d=divisor: F.avg_pool2d(x, k, s, p, ceil, i, d),
                lambda x, i=include, d=divisor: TF.avg_pool2d(x, k, s, p, ceil, i, d),
            )


@pytest.mark.parametrize(("k", "s", "p"), [(2, 2, 0), (3, 2, 1)])
def test_max_unpool_of_max_pool(k, s, p):
    def chain(module, x):
        y, indices = module.max_pool2d(x, k, s, p, return_indices=True)
        return module.max_unpool2d(y * 2.0, indices, k, s, p, output_size=(7, 8))

    both([(2, 3, 7, 8)], lambda x: chain(F, x), lambda x: chain(TF, x), gradients=s == k)
    x = np.random.default_rng(0).standard_normal((2, 3, 7, 8))
    ours = F.max_pool2d(Tensor(x), k, s, p, return_indices=True)[1]
    theirs = TF.max_pool2d(torch.tensor(x), k, s, p, return_indices=True)[1]
    np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    assert ours.dtype == np.int64


@pytest.mark.parametrize("size", [1, (3, 4), (2, None), (7, 8), (5, 3), (9, 9)])
def test_adaptive_avg_pool2d(size):
    both([(2, 3, 7, 8)], lambda x: F.adaptive_avg_pool2d(x, size), lambda x: TF.adaptive_avg_pool2d(x, size))


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "bilinear", "bilinear corners"])
@pytest.mark.parametrize("size", [{"size": (5, 9)}, {"size": 1}, {"scale_factor": 1.5}, {"scale_factor": (2, 0.6)}])
def test_interpolate(mode, size):
    settings = dict(size, mode=mode.split()[0])
    if "corners" in mode:
        settings["align_corners"] = True
    both([(2, 3, 3, 7)], lambda x: F.interpolate(x, **settings), lambda x: TF.interpolate(x, **settings))


ACTIVATIONS = {
    "relu": (),
    "leaky_relu": (0.2,),
    "sigmoid": (),
    "tanh": (),
    "softplus": (2.0, 3.0),
    "elu": (0.7,),
    "silu": (),
    "gelu": (),
    "softmax": (1,),
    "log_softmax": (-1,),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("scale", [1.0, 30.0, 0.0])
def test_activations(name, scale):
    args = ACTIVATIONS[name]
    ours, theirs = getattr(F, name), getattr(torch if name in ("sigmoid", "tanh") else TF, name)
    both([(4, 5)], lambda x: ours(x, *args), lambda x: theirs(x, *args), scale=scale)


def test_gelu_with_tanh():
    both([(4, 5)], lambda x: F.gelu(x, approximate="tanh"), lambda x: TF.gelu(x, approximate="tanh"))


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 5), (2, 3, 4, 5)])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("momentum", [0.1, None])
def test_batch_norm_layers(shape, training, affine, momentum):
    ours_type = nn.BatchNorm2d if len(shape) == 4 else nn.BatchNorm1d
    theirs_type = torch.nn.BatchNorm2d if len(shape) == 4 else torch.nn.BatchNorm1d
    a, b = (
        ours_type(3, affine=affine, momentum=momentum).double(),
        theirs_type(3, affine=affine, momentum=momentum).double(),
    )
    assert list(a.state_dict()) == list(b.state_dict())
    if affine:
        with torch.no_grad():
            b.weight.uniform_(0.5, 2)
            b.bias.uniform_(-1, 1)
    a.load_state_dict({name: tensor.numpy() for name, tensor in b.state_dict().items()})
    for seed in range(2):
        both([shape], a, b, seed)
    a.train(training)
    b.train(training)
    both([shape], a, b, 5)
    for name, tensor in b.state_dict().items():
        np.testing.assert_allclose(a.state_dict()[name].numpy(), tensor.numpy(), rtol=1e-12)


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("shape", [(3, 4), (2, 4, 5), (2, 4, 3, 5), (1, 4, 2, 3, 2)])
def test_group_norm(shape, groups):
    both([shape], lambda x: F.group_norm(x, groups), lambda x: TF.group_norm(x, groups))
    both(
        [shape, (4,), (4,)],
        lambda x, w, b: F.group_norm(x, groups, w, b, 1e-2),
        lambda x, w, b: TF.group_norm(x, groups, w, b, 1e-2),
    )


@pytest.mark.parametrize("shape", [(2, 3, 5), (2, 3, 4, 5), (3, 4, 5)])
@pytest.mark.parametrize("tracked", [True, False])
def test_instance_norm_layers(shape, tracked):
    name = "InstanceNorm2d" if shape != (2, 3, 5) else "InstanceNorm1d"
    settings = {"affine": tracked, "track_running_stats": tracked}
    a, b = getattr(nn, name)(3, **settings).double(), getattr(torch.nn, name)(3, **settings).double()
    assert list(a.state_dict()) == list(b.state_dict())
    both([shape], a, b)
    both([shape], a.eval(), b.eval())
    for key, value in b.state_dict().items():
        np.testing.assert_allclose(a.state_dict()[key].numpy(), value.numpy(), rtol=1e-12)


@pytest.mark.parametrize("size", [(5,), (4, 5), (3, 4, 5)])
def test_layer_norm(size):
    shape = (2, 3, 4, 5)
    both([shape], lambda x: F.layer_norm(x, size), lambda x: TF.layer_norm(x, size))
    both(
        [shape, size, size],
        lambda x, w, b: F.layer_norm(x, size, w, b, 1e-2),
        lambda x, w, b: TF.layer_norm(x, size, w, b, 1e-2),
    )
    assert list(nn.LayerNorm(size).state_dict()) == list(torch.nn.LayerNorm(size).state_dict())


@pytest.mark.parametrize("offset", [0, 100])
@pytest.mark.parametrize("shape", [(4096, 256), (100, 5000)])
def test_float32_gradients_of_layer_norm_are_at_least_as_accurate(shape, offset):
    rng = np.random.default_rng(1)
    sizes = (shape, shape[1:], shape[1:], shape)
    x, weight, bias, g = (rng.standard_normal(size).astype(np.float32) for size in sizes)
    x += offset

    def gradients(layer_norm, leaf, dtype):
        inputs = [leaf(a.astype(dtype), requires_grad=True) for a in (x, weight, bias)]
        layer_norm(inputs[0], shape[1:], *inputs[1:]).backward(leaf(g.astype(dtype)))
        return [np.asarray(a.grad) for a in inputs]

    exact = gradients(TF.layer_norm, torch.tensor, np.float64)
    ours, theirs = gradients(F.layer_norm, Tensor, np.float32), gradients(TF.layer_norm, torch.tensor, np.float32)
    for a, b, true in zip(ours, theirs, exact, strict=True):
        assert a.dtype == np.float32
        assert np.linalg.norm(a - true) < np.linalg.norm(b - true)


REDUCTIONS = ["mean", "sum", "none"]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", [(4, 5), (3, 5, 2, 3), (5,)])
def test_cross_entropy_with_class_numbers(reduction, smoothing, weighted, shape):
    rng = np.random.default_rng(1)
    targets = rng.integers(0, 5, shape[:1] + shape[2:] if len(shape) > 1 else ())
    if targets.ndim:
        targets.flat[1] = -100
    weight = rng.random(5) if weighted else None
    kw = {"reduction": reduction, "label_smoothing": smoothing}
    both(
        [shape],
        lambda x: F.cross_entropy(x, targets, weight, **kw),
        lambda x: TF.cross_entropy(x, torch.tensor(targets), None if weight is None else torch.tensor(weight), **kw),
    )
    if not smoothing:
        both(
            [shape],
            lambda x: F.nll_loss(x, targets, weight, reduction=reduction),
            lambda x: TF.nll_loss(
                x, torch.tensor(targets), None if weight is None else torch.tensor(weight), reduction=reduction
            ),
        )


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", [(4, 5), (3, 5, 2, 3), (5,)])
def test_cross_entropy_with_class_distributions(reduction, weighted, shape):
    rng = np.random.default_rng(1)
    weight = rng.random(5) if weighted else None
    kw = {"reduction": reduction, "label_smoothing": 0.1}
    both(
        [shape, rng.random(shape)],
        lambda x, t: F.cross_entropy(x, t, weight, **kw),
        lambda x, t: TF.cross_entropy(x, t, None if weight is None else torch.tensor(weight), **kw),
    )


def test_cross_entropy_with_an_ignored_class_in_range():
    targets = np.array([0, 1, 2, 1])
    both(
        [(4, 3)],
        lambda x: F.cross_entropy(x, targets, ignore_index=1),
        lambda x: TF.cross_entropy(x, torch.tensor(targets), ignore_index=1),
    )


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_regression_losses(reduction):
    shapes = [(4, 3), (4, 3)]
    for name in ("mse_loss", "l1_loss", "smooth_l1_loss"):
        both(
            shapes,
            lambda x, t, n=name: getattr(F, n)(x, t, reduction=reduction),
            lambda x, t, n=name: getattr(TF, n)(x, t, reduction=reduction),
        )
    for beta in (0.0, 0.3):
        both(
            shapes,
            lambda x, t, b=beta: F.smooth_l1_loss(x, t, reduction=reduction, beta=b),
            lambda x, t, b=beta: TF.smooth_l1_loss(x, t, reduction=reduction, beta=b),
        )


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_binary_cross_entropies(reduction):
    rng = np.random.default_rng(0)
    p, t, w, pos = rng.random((4, 3)), rng.random((4, 3)), rng.random((4, 3)), rng.random(3)
    both(
        [p, t],
        lambda x, y: F.binary_cross_entropy(x, y, w, reduction=reduction),
        lambda x, y: TF.binary_cross_entropy(x, y, torch.tensor(w), reduction=reduction),
    )
    for scale in (1.0, 50.0, 0.0):
        both(
            [(4, 3), t],
            lambda x, y: F.binary_cross_entropy_with_logits(x, y, w, reduction=reduction, pos_weight=pos),
            lambda x, y: TF.binary_cross_entropy_with_logits(
                x, y, torch.tensor(w), reduction=reduction, pos_weight=torch.tensor(pos)
            ),
            scale=scale,
        )


def test_binary_cross_entropy_at_the_ends():
    p, t = np.array([0.0, 1, 0, 1, 0.5]), np.array([0.0, 0, 1, 1, 0.5])
    x, z = Tensor(p, requires_grad=True), torch.tensor(p, requires_grad=True)
    y, u = F.binary_cross_entropy(x, t, reduction="none"), TF.binary_cross_entropy(z, torch.tensor(t), reduction="none")
    np.testing.assert_array_equal(y._data, u.detach().numpy())
    y.sum().backward()
    u.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), z.grad.numpy(), rtol=1e-8)  # PyTorch's 1e-12 is a float32


def test_all_ignored_is_nan_with_gradient_zero_as_in_pytorch():
    x, z = Tensor(np.ones((2, 3)), requires_grad=True), torch.ones(2, 3, requires_grad=True)
    with pytest.warns(UserWarning, match="every target is ignored"):
        y = F.cross_entropy(x, np.array([-100, -100]))
    u = TF.cross_entropy(z, torch.tensor([-100, -100]))
    y.backward()
    u.backward()
    assert np.isnan(y.item())
    assert np.isnan(u.item())
    np.testing.assert_array_equal(x.grad.numpy(), z.grad.numpy())


def test_a_network_has_pytorchs_names_text_and_numbers():
    def build(m):
        return m.Sequential(
            m.Conv2d(3, 8, 3, padding="same"),
            m.BatchNorm2d(8),
            m.LeakyReLU(0.2),
            m.MaxPool2d(2),
            m.ModuleList([m.ConvTranspose2d(8, 4, 2, stride=2)])[0],
            m.GELU(),
            m.Upsample(scale_factor=2, mode="bilinear"),
            m.AdaptiveAvgPool2d((2, 3)),
            m.Flatten(),
            m.Dropout(0.3),
            m.Linear(24, 5, bias=False),
            m.LogSoftmax(dim=1),
        )

    a, b = build(nn).double().eval(), build(torch.nn).double().eval()
    assert list(a.state_dict()) == list(b.state_dict())
    assert {k: tuple(v.shape) for k, v in a.state_dict().items()} == {
        k: tuple(v.shape) for k, v in b.state_dict().items()
    }
    ours, theirs = repr(a).splitlines(), repr(b).splitlines()
    same = [x for x, y in zip(ours, theirs, strict=True) if x == y]
    assert len(same) >= len(theirs) - 2, (repr(a), repr(b))
    a.load_state_dict({name: tensor.numpy() for name, tensor in b.state_dict().items()})
    both([(2, 3, 8, 6)], a, b)
    for (name, p), (_, q) in zip(a.named_parameters(), b.named_parameters(), strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-8, atol=1e-11, err_msg=name)


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_conv2d_padding_modes(mode):
    a = nn.Conv2d(2, 3, 3, padding=(2, 1), padding_mode=mode).double()
    b = torch.nn.Conv2d(2, 3, 3, padding=(2, 1), padding_mode=mode).double()
    a.load_state_dict({name: tensor.numpy() for name, tensor in b.state_dict().items()})
    both([(2, 2, 5, 6)], a, b)
    assert repr(a) == repr(b)


def test_conv_transpose2d_output_size():
    a, b = nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1).double(), torch.nn.ConvTranspose2d(2, 3, 3, 2, 1).double()
    a.load_state_dict({name: tensor.numpy() for name, tensor in b.state_dict().items()})
    both([(1, 2, 4, 4)], lambda x: a(x, output_size=(8, 7)), lambda x: b(x, output_size=(8, 7)))


@pytest.mark.parametrize("norm", [2.0, 1.0, 3.0, float("inf")])
@pytest.mark.parametrize("most", [0.5, 100.0])
def test_clip_grad_norm(norm, most):
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((3, 4)), rng.standard_normal(5)]
    a = [nn.Parameter(np.zeros_like(x)) for x in arrays]
    b = [torch.nn.Parameter(torch.zeros(x.shape, dtype=torch.float64)) for x in arrays]
    for p, q, x in zip(a, b, arrays, strict=True):
        p.grad, q.grad = Tensor(x), torch.tensor(x)
    ours, theirs = nn.clip_grad_norm_(a, most, norm), torch.nn.utils.clip_grad_norm_(b, most, norm)
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-12)
    for p, q in zip(a, b, strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-12)


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "tanh", "sigmoid", "linear", "conv2d", "selu"])
def test_gains(name):
    assert nn.init.calculate_gain(name) == pytest.approx(torch.nn.init.calculate_gain(name), rel=1e-12)


@pytest.mark.parametrize("module", ["Linear", "Conv2d", "ConvTranspose2d", *LAYERS])
def test_default_initialisation_has_pytorchs_bounds(module):
    args = (40, 60) if module == "Linear" else (40, 60, 2)
    a, b = getattr(nn, module)(*args), getattr(torch.nn, module)(*args)
    for name in ("weight", "bias"):
        x, y = getattr(a, name).detach().numpy(), getattr(b, name).detach().numpy()
        assert x.shape == y.shape
        assert np.abs(x).max() == pytest.approx(np.abs(y).max(), rel=0.15)
        assert x.dtype == y.dtype
