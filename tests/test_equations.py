"""The founding report, equation by equation: what the library computes against the formula written out longhand.

``docs/equations.md`` has a row for every equation and figure, naming the code and the test here; the last tests of this
file hold that table against the code.
"""

import importlib
import math
import re
from pathlib import Path

import numpy as np
import pytest

import autograd as ag
import nn
import optim
from autograd import tensor
from nn import functional as F
from segmentation.metrics import ConfusionMatrix

rng = np.random.default_rng(0)


def correlate(image, kernel):
    """Eq. 1 for one channel, as two loops over the output."""
    kh, kw = kernel.shape
    h, w = image.shape[0] - kh + 1, image.shape[1] - kw + 1
    out = np.zeros((h, w))
    for i in range(h):
        for j in range(w):
            out[i, j] = sum(kernel[a, b] * image[i + a, j + b] for a in range(kh) for b in range(kw))
    return out


def as_batch(image):
    return tensor(image[None, None])


# --- 1.1 properties -------------------------------------------------------------------------------------------------


def test_eq_1_one_channel_correlation():
    image, kernel = rng.normal(size=(6, 7)), rng.normal(size=(3, 2))
    np.testing.assert_allclose(F.conv2d(as_batch(image), as_batch(kernel)).numpy()[0, 0], correlate(image, kernel))


def test_eq_1_translation_equivariance():
    image, kernel = np.zeros((12, 12)), rng.normal(size=(3, 3))
    image[3:6, 2:5] = rng.normal(size=(3, 3))
    moved = np.roll(image, (4, 5), axis=(0, 1))
    y = F.conv2d(as_batch(image), as_batch(kernel), padding=1).numpy()[0, 0]
    y_moved = F.conv2d(as_batch(moved), as_batch(kernel), padding=1).numpy()[0, 0]
    np.testing.assert_allclose(y_moved[5:11, 6:11], y[1:7, 1:6], atol=1e-12)


@pytest.mark.parametrize("delta", [1, 2])
def test_eq_2_locality(delta):
    """One output pixel's gradient is exactly zero outside its ±Δ window, and nowhere zero inside."""
    image = tensor(rng.normal(size=(1, 1, 11, 11)), requires_grad=True)
    kernel = tensor(rng.uniform(1, 2, size=(1, 1, 2 * delta + 1, 2 * delta + 1)))
    F.conv2d(image, kernel, padding=delta)[0, 0, 5, 6].backward()
    inside = np.zeros((11, 11), bool)
    inside[5 - delta : 6 + delta, 6 - delta : 7 + delta] = True
    gradient = image.grad.numpy()[0, 0]
    assert (gradient[~inside] == 0).all()
    assert (gradient[inside] != 0).all()


# --- 1.2 layers -----------------------------------------------------------------------------------------------------


def test_eq_3_many_channels_and_bias():
    x, w, u = rng.normal(size=(2, 3, 5, 6)), rng.normal(size=(4, 3, 3, 3)), rng.normal(size=4)
    expected = [[sum(correlate(x[n, c], w[d, c]) for c in range(3)) + u[d] for d in range(4)] for n in range(2)]
    np.testing.assert_allclose(F.conv2d(tensor(x), tensor(w), tensor(u)).numpy(), expected)


@pytest.mark.parametrize(("n", "f"), [(7, 3), (8, 2), (5, 5), (9, 1)])
def test_eq_4_5_valid_gives_n_minus_f_plus_1(n, f):
    """Erratum: the report prints N + f − 1, which is the size of the *full* correlation."""
    x, w = tensor(np.ones((1, 1, n, n + 1))), tensor(np.ones((1, 1, f, f)))
    assert F.conv2d(x, w, padding="valid").shape[2:] == (n - f + 1, n - f + 2)
    assert F.conv2d(x, w, padding=f - 1).shape[2:] == (n + f - 1, n + f)


@pytest.mark.parametrize("n", [5, 8, 13])
@pytest.mark.parametrize("f", [1, 2, 3, 5])
@pytest.mark.parametrize("s", [1, 2, 3])
@pytest.mark.parametrize("p", [0, 1])
def test_eq_6_7_output_size(n, f, s, p):
    expected = math.floor((n - f + 2 * p) / s + 1)
    x = tensor(np.ones((1, 1, n, n)))
    assert F.conv2d(x, tensor(np.ones((1, 1, f, f))), stride=s, padding=p).shape == (1, 1, expected, expected)
    if 2 * p <= f:
        assert F.max_pool2d(x, f, stride=s, padding=p).shape == (1, 1, expected, expected)
        assert F.avg_pool2d(x, f, stride=s, padding=p).shape == (1, 1, expected, expected)


def test_eq_6_same_convolution_keeps_the_size():
    x = tensor(np.ones((1, 1, 7, 9)))
    for f in (1, 2, 3, 4, 5):
        assert F.conv2d(x, tensor(np.ones((1, 1, f, f))), padding="same").shape == x.shape


def test_eq_8_9_a_layer_is_a_linear_map_a_bias_and_an_activation():
    x = rng.normal(size=(2, 3, 6, 6))
    layer = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).double()
    w, b = layer[0].weight.detach().numpy(), layer[0].bias.detach().numpy()
    linear = np.array([[sum(correlate(x[n, c], w[d, c]) for c in range(3)) + b[d] for d in range(4)] for n in range(2)])
    np.testing.assert_allclose(layer(tensor(x)).detach().numpy(), np.maximum(linear, 0))


def test_fig_1_an_example_of_2d_convolution():
    image = np.arange(16.0).reshape(4, 4)
    kernel = np.array([[1.0, 0.0], [0.0, -1.0]])
    np.testing.assert_array_equal(F.conv2d(as_batch(image), as_batch(kernel)).numpy()[0, 0], np.full((3, 3), -5.0))


POOLED = np.array([[1, 3, 2, 4], [5, 7, 6, 8], [3, 2, 1, 0], [1, 2, 3, 4]], np.float64)


def test_fig_2_max_pooling_with_a_2x2_window():
    np.testing.assert_array_equal(F.max_pool2d(as_batch(POOLED), 2).numpy()[0, 0], [[7, 8], [3, 4]])


def test_fig_3_average_pooling_with_a_2x2_window():
    np.testing.assert_array_equal(F.avg_pool2d(as_batch(POOLED), 2).numpy()[0, 0], [[4, 5], [2, 2]])


def test_section_1_2_3_flatten_and_fully_connected():
    x = rng.normal(size=(2, 3, 4, 4))
    layer = nn.Sequential(nn.Flatten(), nn.Linear(48, 5)).double()
    w, b = layer[1].weight.detach().numpy(), layer[1].bias.detach().numpy()
    expected = [[sum(w[o, i] * x[n].ravel()[i] for i in range(48)) + b[o] for o in range(5)] for n in range(2)]
    np.testing.assert_allclose(layer(tensor(x)).detach().numpy(), expected)


# --- 1.3 activations ------------------------------------------------------------------------------------------------

Z = np.array([-3.0, -0.5, 0.0, 0.25, 2.0])


def test_eq_10_fig_4_relu_and_dead_neurons():
    z = tensor(Z, requires_grad=True)
    y = F.relu(z)
    np.testing.assert_array_equal(y.detach().numpy(), [max(0.0, v) for v in Z])
    y.sum().backward()
    np.testing.assert_array_equal(z.grad.numpy(), [0, 0, 0, 1, 1])


def test_eq_11_fig_5_leaky_relu():
    """Erratum: the report's second branch reads "x if x > 0"; it is z."""
    z = tensor(Z, requires_grad=True)
    y = F.leaky_relu(z, 0.1)
    np.testing.assert_allclose(y.detach().numpy(), [0.1 * v if v <= 0 else v for v in Z])
    y.sum().backward()
    np.testing.assert_allclose(z.grad.numpy(), [0.1, 0.1, 0.1, 1, 1])


def test_eq_12_fig_6_sigmoid():
    np.testing.assert_allclose(ag.sigmoid(tensor(Z)).numpy(), [1 / (1 + math.exp(-v)) for v in Z])


def test_eq_13_fig_7_tanh():
    np.testing.assert_allclose(ag.tanh(tensor(Z)).numpy(), [2 / (1 + math.exp(-2 * v)) - 1 for v in Z], atol=1e-15)


def test_section_1_3_2_vanishing_gradients_and_the_steeper_tanh():
    z = tensor(np.array([0.0, 20.0]), requires_grad=True)
    ag.sigmoid(z).sum().backward()
    slope_sigmoid = z.grad.numpy().copy()
    z.grad = None
    ag.tanh(z).sum().backward()
    np.testing.assert_allclose([slope_sigmoid[0], z.grad.numpy()[0]], [0.25, 1.0])
    assert slope_sigmoid[1] < 1e-8
    assert z.grad.numpy()[1] < 1e-8


def test_eq_14_15_softmax():
    e = [math.exp(v) for v in Z]
    y = F.softmax(tensor(Z), dim=0).numpy()
    np.testing.assert_allclose(y, [v / sum(e) for v in e])
    np.testing.assert_allclose(y.sum(), 1.0)


def test_eq_16_17_the_prediction_is_the_argmax_of_the_logits():
    z = rng.normal(size=(50, 6))
    probabilities = F.softmax(tensor(z), dim=1)
    expected = [max(range(6), key=lambda i, row=row: row[i]) for row in z]
    np.testing.assert_array_equal(ag.argmax(probabilities, dim=1).numpy(), expected)
    np.testing.assert_array_equal(ag.argmax(tensor(z), dim=1).numpy(), expected)


# --- 1.4 losses -----------------------------------------------------------------------------------------------------


def test_eq_18_the_cost_is_the_mean_of_the_losses():
    logits, labels = tensor(rng.normal(size=(5, 3))), tensor(np.array([0, 2, 1, 1, 0]))
    losses = [F.cross_entropy(logits[i : i + 1], labels[i : i + 1]).item() for i in range(5)]
    assert F.cross_entropy(logits, labels).item() == pytest.approx(sum(losses) / 5)


def test_eq_19_20_mean_squared_error():
    y, t = rng.normal(size=7), rng.normal(size=7)
    expected = sum((a - b) ** 2 for a, b in zip(y, t)) / 7
    assert F.mse_loss(tensor(y), tensor(t)).item() == pytest.approx(expected)


def probabilities(m, q):
    p = rng.uniform(0.1, 1, size=(m, q))
    return p / p.sum(axis=1, keepdims=True)


def test_eq_21_cross_entropy_on_probabilities():
    p, y = probabilities(4, 3), np.eye(3)[[0, 2, 1, 1]]
    expected = sum(-sum(y[i, j] * math.log(p[i, j]) for j in range(3)) for i in range(4)) / 4
    assert F.cross_entropy_on_probabilities(tensor(p), tensor(y)).item() == pytest.approx(expected)


def test_eq_22_23_binary_cross_entropy_on_probabilities():
    p, y = rng.uniform(0.1, 0.9, size=6), np.array([0.0, 1, 1, 0, 1, 0])
    expected = sum(-t * math.log(v) - (1 - t) * math.log(1 - v) for v, t in zip(p, y)) / 6
    assert F.binary_cross_entropy(tensor(p), tensor(y)).item() == pytest.approx(expected)


def test_eq_24_26_categorical_cross_entropy_on_logits():
    """Erratum: the numerator of eq. 26 is e^{z_j}."""
    z, y = rng.normal(size=(4, 3)), np.eye(3)[[0, 2, 1, 1]]
    expected = 0.0
    for i in range(4):
        total = sum(math.exp(v) for v in z[i])
        expected -= sum(y[i, j] * math.log(math.exp(z[i, j]) / total) for j in range(3)) / 4
    assert F.categorical_cross_entropy(tensor(z), tensor(y)).item() == pytest.approx(expected)


def test_eq_27_sparse_and_one_hot_labels_give_the_same_number():
    """Erratum: the report's one-hot matrix has an all-zero column for label 0; every column has exactly one 1."""
    labels = np.array([2, 0, 2])
    one_hot = F.one_hot(tensor(labels), 3).numpy()
    np.testing.assert_array_equal(one_hot.T, [[0, 1, 0], [0, 0, 0], [1, 0, 1]])
    assert (one_hot.sum(axis=1) == 1).all()
    z = tensor(rng.normal(size=(3, 3)))
    sparse = F.sparse_categorical_cross_entropy(z, tensor(labels)).item()
    assert sparse == pytest.approx(F.categorical_cross_entropy(z, tensor(one_hot.astype(float))).item(), rel=1e-12)


def test_eq_28_29_binary_cross_entropy_on_logits():
    z, y = rng.normal(size=6), np.array([0.0, 1, 1, 0, 1, 0])
    s = [1 / (1 + math.exp(-v)) for v in z]
    expected = sum(-t * math.log(v) - (1 - t) * math.log(1 - v) for v, t in zip(s, y)) / 6
    assert F.binary_cross_entropy_with_logits(tensor(z), tensor(y)).item() == pytest.approx(expected)


# --- 1.5 backpropagation --------------------------------------------------------------------------------------------


def conv_gradients():
    x, f, upstream = rng.normal(size=(6, 7)), rng.normal(size=(3, 2)), rng.normal(size=(4, 6))
    tx, tf = as_batch(x).requires_grad_(), as_batch(f).requires_grad_()
    F.conv2d(tx, tf).backward(upstream[None, None])
    return x, f, upstream, tx.grad.numpy()[0, 0], tf.grad.numpy()[0, 0]


def test_eq_30_31_fig_9_the_filter_gradient_correlates_input_and_loss_gradient():
    x, f, upstream, _, gf = conv_gradients()
    longhand = np.zeros_like(f)
    for a in range(3):
        for b in range(2):
            longhand[a, b] = sum(upstream[i, j] * x[i + a, j + b] for i in range(4) for j in range(6))  # eq. 30
    np.testing.assert_allclose(gf, longhand)
    np.testing.assert_allclose(gf, correlate(x, upstream))  # eq. 31


def test_fig_9_the_input_gradient_is_the_full_correlation_with_the_rotated_filter():
    _, f, upstream, gx, _ = conv_gradients()
    padded = np.pad(upstream, ((2, 2), (1, 1)))
    np.testing.assert_allclose(gx, correlate(padded, f[::-1, ::-1]))


def test_fig_8_the_graph_of_a_convolution_has_the_input_and_the_filter():
    x, f = tensor(np.ones((1, 1, 4, 4)), requires_grad=True), tensor(np.ones((1, 1, 3, 3)), requires_grad=True)
    node = F.conv2d(x, f).grad_fn
    assert node.name == "conv2d"
    assert [parent.ref() for parent in node.parents] == [x, f]


# --- 1.6 optimizers -------------------------------------------------------------------------------------------------

GRADIENTS = [np.array([1.0, -2.0]), np.array([0.5, 0.0]), np.array([-1.0, 3.0])]


def trajectory(make_optimizer):
    """Where a parameter starting at (1, 1) goes when it is given the gradients above."""
    p = nn.Parameter(tensor(np.ones(2)))
    optimizer = make_optimizer([p])
    path = []
    for g in GRADIENTS:
        p.grad = tensor(g)
        optimizer.step()
        path.append(p.detach().numpy().copy())
    return np.array(path)


def test_eq_32_33_gradient_descent():
    w, path = np.ones(2), []
    for g in GRADIENTS:
        w = w - 0.1 * g
        path.append(w)
    np.testing.assert_allclose(trajectory(lambda p: optim.SGD(p, lr=0.1)), path)


def test_section_1_6_2_full_batch_mini_batch_and_stochastic():
    """Erratum: the report blurs full batch and mini-batch. The batch size decides: all, some, one."""
    x, t = rng.normal(size=(6, 2)), rng.normal(size=(6, 1))

    def gradient(rows):
        w = tensor(np.ones((2, 1)), requires_grad=True)
        F.mse_loss(tensor(x[rows]) @ w, tensor(t[rows])).backward()
        return w.grad.numpy()

    stochastic = [gradient([i]) for i in range(6)]
    np.testing.assert_allclose(gradient(range(6)), np.mean(stochastic, axis=0))
    np.testing.assert_allclose(gradient([1, 4]), np.mean([stochastic[1], stochastic[4]], axis=0))


def test_eq_34_37_momentum_as_an_exponential_average():
    w, v, path = np.ones(2), np.zeros(2), []
    for g in GRADIENTS:
        v = 0.9 * v + (1 - 0.9) * g
        w = w - 0.1 * v
        path.append(w)
    np.testing.assert_allclose(trajectory(lambda p: optim.SGD(p, lr=0.1, momentum=0.9, like="report")), path)


def test_eq_38_41_rmsprop():
    w, s, path = np.ones(2), np.zeros(2), []
    for g in GRADIENTS:
        s = 0.9 * s + 0.1 * g**2
        w = w - 0.1 * g / (np.sqrt(s) + 1e-8)
        path.append(w)
    np.testing.assert_allclose(trajectory(lambda p: optim.RMSprop(p, lr=0.1, alpha=0.9, eps=1e-8)), path)


def test_eq_42_49_adam():
    """Errata: S is corrected with β₂ (eq. 47), and its corrected form stands under the root (eq. 48-49), ε outside."""
    w, v, s, path = np.ones(2), np.zeros(2), np.zeros(2), []
    for t, g in enumerate(GRADIENTS, 1):
        v = 0.9 * v + 0.1 * g
        s = 0.999 * s + 0.001 * g**2
        w = w - 0.1 * (v / (1 - 0.9**t)) / (np.sqrt(s / (1 - 0.999**t)) + 1e-8)
        path.append(w)
    np.testing.assert_allclose(trajectory(lambda p: optim.Adam(p, lr=0.1)), path)


def test_eq_48_epsilon_stands_outside_the_root_of_the_corrected_average():
    p = nn.Parameter(tensor(np.zeros(1)))
    p.grad = tensor(np.array([1e-9]))
    optim.Adam([p], lr=0.1).step()
    assert p.item() == pytest.approx(-0.1 * 1e-9 / (1e-9 + 1e-8), rel=1e-6)


# --- 2 segmentation -------------------------------------------------------------------------------------------------


def test_section_2_a_mask_of_the_inputs_size():
    from segmentation import models

    for model in (models.UNet(1, 3, base=2, depth=2), models.SegNet(1, 3, base=2, depth=2), models.FCN8s(1, 3, base=2)):
        assert model(tensor(np.zeros((2, 1, 17, 22), np.float32))).shape == (2, 3, 17, 22)


SMALL = np.array([[1.0, 2.0], [3.0, 4.0]])


def test_fig_10_nearest_neighbour():
    y = F.interpolate(as_batch(SMALL), scale_factor=2, mode="nearest").numpy()[0, 0]
    np.testing.assert_array_equal(y, [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]])


def test_fig_10_bed_of_nails():
    y = F.bed_of_nails(as_batch(SMALL), 2).numpy()[0, 0]
    np.testing.assert_array_equal(y, [[1, 0, 2, 0], [0, 0, 0, 0], [3, 0, 4, 0], [0, 0, 0, 0]])


def test_fig_10_max_unpooling_puts_values_back_where_the_maxima_were():
    image = np.array([[1, 2, 6, 3], [3, 5, 2, 1], [1, 2, 2, 1], [7, 3, 4, 8]], np.float64)
    pooled, indices = F.max_pool2d(as_batch(image), 2, return_indices=True)
    np.testing.assert_array_equal(pooled.numpy()[0, 0], [[5, 6], [7, 8]])
    y = F.max_unpool2d(as_batch(SMALL), indices, 2).numpy()[0, 0]
    np.testing.assert_array_equal(y, [[0, 0, 2, 0], [0, 1, 0, 0], [0, 0, 0, 0], [3, 0, 0, 4]])


def test_fig_10_average_unpooling_shares_the_value_over_its_window():
    y = F.avg_unpool2d(as_batch(SMALL), 2).numpy()[0, 0]
    np.testing.assert_array_equal(y, np.kron(SMALL / 4, np.ones((2, 2))))


@pytest.mark.parametrize(("stride", "f"), [(1, 3), (2, 3), (2, 2), (3, 2)])
def test_fig_11_transposed_convolution_copies_the_weighted_filter(stride, f):
    x, w = rng.normal(size=(3, 4)), rng.normal(size=(f, f))
    expected = np.zeros(((3 - 1) * stride + f, (4 - 1) * stride + f))
    for i in range(3):
        for j in range(4):
            expected[i * stride : i * stride + f, j * stride : j * stride + f] += x[i, j] * w
    np.testing.assert_allclose(F.conv_transpose2d(as_batch(x), as_batch(w), stride=stride).numpy()[0, 0], expected)


def confusion(predictions, targets, classes=3):
    matrix = ConfusionMatrix(classes)
    matrix.update(predictions, targets)
    return matrix


def test_eq_50_intersection_over_union():
    """Erratum: the union is all pixels of either mask, TP + FP + FN, not those "common to both classes"."""
    predictions, targets = rng.integers(0, 3, (4, 5)), rng.integers(0, 3, (4, 5))
    expected = []
    for k in range(3):
        p = {i for i, v in enumerate(predictions.ravel()) if v == k}
        t = {i for i, v in enumerate(targets.ravel()) if v == k}
        expected.append(len(p & t) / len(p | t))
    np.testing.assert_allclose(confusion(predictions, targets).iou(), expected)


def test_eq_51_pixel_accuracy():
    predictions, targets = rng.integers(0, 2, 40), rng.integers(0, 2, 40)
    tp, tn = ((predictions == 1) & (targets == 1)).sum(), ((predictions == 0) & (targets == 0)).sum()
    fp, fn = ((predictions == 1) & (targets == 0)).sum(), ((predictions == 0) & (targets == 1)).sum()
    accuracy = confusion(predictions, targets, 2).pixel_accuracy()
    assert accuracy == pytest.approx((tp + tn) / (tp + tn + fp + fn))


# --- the table itself -----------------------------------------------------------------------------------------------

TABLE = (Path(__file__).parent.parent / "docs" / "equations.md").read_text()
ROWS = [line for line in TABLE.splitlines() if line.startswith("| ") and "`test_" in line]


def test_every_equation_and_figure_has_a_row():
    first_cells = " ".join(row.split("|")[1] for row in ROWS)
    covered = set()
    for low, high in re.findall(r"\((\d+)\)(?:–\((\d+)\))?", first_cells):
        covered |= set(range(int(low), int(high or low) + 1))
    assert covered == set(range(1, 52))
    figures = {int(n) for n in re.findall(r"fig\. (\d+)", first_cells)}
    assert figures == set(range(1, 12))


def test_every_row_names_a_test_that_exists_and_every_test_has_a_row():
    named = set(re.findall(r"`(test_\w+)`", TABLE))
    here = {name for name, value in globals().items() if name.startswith("test_") and callable(value)}
    assert named <= here
    assert {name for name in here if re.match(r"test_(eq|fig|section)_", name)} <= named


def test_every_row_names_code_that_exists():
    for row in ROWS:
        names = re.findall(r"`([a-z]+(?:\.\w+)+)", row.split("|")[3])
        assert names, row
        for name in names:
            owner, attribute = importlib.import_module(name.split(".")[0]), name.split(".")[1:]
            for part in attribute:
                if not hasattr(owner, part):
                    owner = importlib.import_module(f"{owner.__name__}.{part}")
                else:
                    owner = getattr(owner, part)
