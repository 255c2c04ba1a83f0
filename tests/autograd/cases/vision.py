"""Pooling, unpooling, resizing, normalisation, softmax and losses, against loops."""

from __future__ import annotations

import math

import numpy as np

from .case import Case


def distinct(rng, shape):
    """Values at least 0.1 apart, so that no window has a tie or is near one."""
    size = math.prod(shape)
    return (rng.permutation(size) * 0.1 + rng.uniform(0, 0.01, size)).reshape(shape)


def normal(*shapes):
    return lambda rng: [rng.normal(size=shape) for shape in shapes]


# --- pooling --------------------------------------------------------------------------------------------------------


def window(x, n, c, oh, ow, kernel_size, stride, padding, dilation=(1, 1)):
    """The positions (row, column) of one window that lie inside the image."""
    for i in range(kernel_size[0]):
        for j in range(kernel_size[1]):
            row = oh * stride[0] - padding[0] + i * dilation[0]
            column = ow * stride[1] - padding[1] + j * dilation[1]
            if 0 <= row < x.shape[2] and 0 <= column < x.shape[3]:
                yield row, column


def max_pool2d(x, *, output_size, **s):
    y = np.zeros((*x.shape[:2], *output_size))
    for n, c, oh, ow in np.ndindex(y.shape):
        y[n, c, oh, ow] = max(x[n, c, row, column] for row, column in window(x, n, c, oh, ow, **s))
    return y


def pool(kernel_size, stride, padding, output_size, dilation=(1, 1)):
    return {
        "kernel_size": kernel_size,
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "output_size": output_size,
    }


def divisor(oh, ow, size, kernel_size, stride, padding, count_include_pad, divisor_override):
    """PyTorch's: the window clipped to the padded image, or to the image itself."""
    if divisor_override:
        return divisor_override
    count = 1
    for o, n, k, s, p in zip((oh, ow), size, kernel_size, stride, padding):
        start = o * s - p
        end = min(start + k, n + p)
        count *= end - start if count_include_pad else min(end, n) - max(start, 0)
    return count


def avg_pool2d(x, *, kernel_size, stride, padding, output_size, count_include_pad, divisor_override):
    y = np.zeros((*x.shape[:2], *output_size))
    for n, c, oh, ow in np.ndindex(y.shape):
        total = sum(x[n, c, r, k] for r, k in window(x, n, c, oh, ow, kernel_size, stride, padding))
        y[n, c, oh, ow] = total / divisor(
            oh, ow, x.shape[2:], kernel_size, stride, padding, count_include_pad, divisor_override
        )
    return y


def avg_pool2d_input(z, *, size, kernel_size, stride, padding, output_size, count_include_pad, divisor_override):
    x = np.zeros((*z.shape[:2], *size))
    for n, c, oh, ow in np.ndindex(z.shape):
        share = z[n, c, oh, ow] / divisor(
            oh, ow, size, kernel_size, stride, padding, count_include_pad, divisor_override
        )
        for row, column in window(x, n, c, oh, ow, kernel_size, stride, padding):
            x[n, c, row, column] += share
    return x


def average(kernel_size, stride, padding, output_size, count_include_pad=True, divisor_override=None):
    return {
        "kernel_size": kernel_size,
        "stride": stride,
        "padding": padding,
        "output_size": output_size,
        "count_include_pad": count_include_pad,
        "divisor_override": divisor_override,
    }


AVERAGES = {
    "2x2": ((2, 2, 4, 6), average((2, 2), (2, 2), (0, 0), (2, 3))),
    "overlapping, padded": ((1, 2, 5, 4), average((3, 2), (2, 1), (1, 1), (3, 5))),
    "padding not counted": ((1, 2, 5, 4), average((3, 2), (2, 1), (1, 1), (3, 5), count_include_pad=False)),
    "ceil": ((1, 1, 5, 5), average((2, 2), (2, 2), (0, 0), (3, 3))),
    "ceil, padded": ((1, 1, 6, 6), average((3, 3), (2, 2), (1, 1), (4, 4))),
    "divisor": ((1, 1, 4, 4), average((2, 2), (2, 2), (0, 0), (2, 2), divisor_override=3)),
}

INDICES = np.array([[[[0, 5, 3], [11, 6, 8]], [[1, 2, 7], [4, 9, 10]]]])
REPEATED = np.array([[[[0, 5, 5], [11, 6, 0]], [[1, 1, 1], [4, 9, 10]]]])


def plane_gather(x, *, indices):
    y = np.zeros(indices.shape)
    for n, c, i, j in np.ndindex(indices.shape):
        y[n, c, i, j] = x[n, c].ravel()[indices[n, c, i, j]]
    return y


def plane_scatter_add(x, *, indices, size):
    y = np.zeros((*x.shape[:2], size[0] * size[1]))
    for n, c, i, j in np.ndindex(indices.shape):
        y[n, c, indices[n, c, i, j]] += x[n, c, i, j]
    return y.reshape(*x.shape[:2], *size)


def max_unpool2d(x, *, indices, size):
    y = np.zeros((*x.shape[:2], size[0] * size[1]))
    for n, c, i, j in np.ndindex(indices.shape):
        y[n, c, indices[n, c, i, j]] = x[n, c, i, j]
    return y.reshape(*x.shape[:2], *size)


def bed_of_nails(x, *, stride, size):
    y = np.zeros((*x.shape[:2], *size))
    for n, c, i, j in np.ndindex(x.shape):
        y[n, c, i * stride[0], j * stride[1]] = x[n, c, i, j]
    return y


def pick_nails(x, *, stride, size):
    y = np.zeros((*x.shape[:2], *size))
    for n, c, i, j in np.ndindex(y.shape):
        y[n, c, i, j] = x[n, c, i * stride[0], j * stride[1]]
    return y


# --- resizing -------------------------------------------------------------------------------------------------------


def sources(i, n, m, mode, align_corners, scale):
    """The input positions that output position i reads, with their weights."""
    ratio = 1 / scale if scale else n / m
    if mode == "nearest":
        return [(min(math.floor(i * ratio), n - 1), 1.0)]
    if mode == "nearest-exact":
        return [(min(math.floor((i + 0.5) * ratio), n - 1), 1.0)]
    if align_corners:
        at = i * (n - 1) / (m - 1) if m > 1 else 0.0
    else:
        at = max((i + 0.5) * ratio - 0.5, 0.0)
    low = min(math.floor(at), n - 1)
    return [(low, 1 - (at - low)), (min(low + 1, n - 1), at - low)]


def resize2d(x, *, size, mode, align_corners, scales):
    y = np.zeros((*x.shape[:2], *size))
    scale = scales or (None, None)
    for n, c, i, j in np.ndindex(y.shape):
        for row, a in sources(i, x.shape[2], size[0], mode, align_corners, scale[0]):
            for column, b in sources(j, x.shape[3], size[1], mode, align_corners, scale[1]):
                y[n, c, i, j] += a * b * x[n, c, row, column]
    return y


def resize2d_adjoint(z, *, size, output_size, mode, align_corners, scales):
    x = np.zeros((*z.shape[:2], *size))
    scale = scales or (None, None)
    for n, c, i, j in np.ndindex(z.shape):
        for row, a in sources(i, size[0], z.shape[2], mode, align_corners, scale[0]):
            for column, b in sources(j, size[1], z.shape[3], mode, align_corners, scale[1]):
                x[n, c, row, column] += a * b * z[n, c, i, j]
    return x


RESIZES = {
    "nearest up": ((3, 4), (5, 8), "nearest", False, None),
    "nearest down": ((6, 5), (4, 2), "nearest", False, None),
    "nearest-exact": ((3, 5), (5, 3), "nearest-exact", False, None),
    "bilinear up": ((3, 4), (6, 7), "bilinear", False, None),
    "bilinear down": ((6, 5), (3, 2), "bilinear", False, None),
    "bilinear, corners": ((3, 4), (7, 1), "bilinear", True, None),
    "bilinear, given scale": ((3, 4), (4, 6), "bilinear", False, (1.5, 1.6)),
    "one pixel": ((1, 1), (3, 2), "bilinear", False, None),
}

# --- normalisation, softmax, losses ---------------------------------------------------------------------------------


def normalised(x, sets, weight, bias, eps, statistics=None, relu=False):
    """``sets``: lists of positions that share a mean and a variance, or have the given ``statistics``."""
    y = np.zeros(x.shape)
    for i, positions in enumerate(sets):
        values = [x[p] for p in positions]
        mean = sum(values) / len(values)
        var = sum((v - mean) ** 2 for v in values) / len(values)
        if statistics:
            mean, var = statistics[0][i], statistics[1][i]
        for p in positions:
            y[p] = (x[p] - mean) / math.sqrt(var + eps)
            y[p] = y[p] * (1 if weight is None else weight[p[1]]) + (0 if bias is None else bias[p[1]])
            y[p] = 0 if relu and y[p] < 0 else y[p]
    return y


def alike(shape, key):
    """The positions of ``shape``, those of one ``key(position)`` together."""
    sets = {}
    for index in np.ndindex(*shape):
        sets.setdefault(key(index), []).append(index)
    return [sets[k] for k in sorted(sets)]


def batch_norm(x, weight=None, bias=None, *, eps, relu):
    return normalised(x, alike(x.shape, lambda p: p[1]), weight, bias, eps, relu=relu)


def batch_norm_with(x, weight=None, bias=None, *, mean, var, eps, relu):
    return normalised(x, alike(x.shape, lambda p: p[1]), weight, bias, eps, (mean, var), relu)


def group_norm(x, weight=None, bias=None, *, num_groups, eps):
    sets = alike(x.shape, lambda p: (p[0], p[1] * num_groups // x.shape[1]))
    return normalised(x, sets, weight, bias, eps)


def layer_norm(x, weight=None, bias=None, *, eps):
    return normalised(x, alike(x.shape, lambda p: p[0]), weight, bias, eps)


STATISTICS = {"mean": np.array([0.3, -0.2, 0.1]), "var": np.array([0.5, 1.5, 2.0])}


def softmax(input, *, dim):
    y = np.moveaxis(np.zeros(input.shape), dim, -1)
    x = np.moveaxis(input, dim, -1)
    for at in np.ndindex(x.shape[:-1]):
        e = [math.exp(v - max(x[at])) for v in x[at]]
        y[at] = [v / sum(e) for v in e]
    return np.moveaxis(y, -1, dim)


def log_softmax(input, *, dim):
    return np.log(softmax(input, dim=dim))


TARGETS = np.array([[0, 2, 1], [3, 9, 2]])
CLASS_WEIGHTS = np.array([1.0, 0.5, 2.0, 0.25])


def cross_entropy_losses(logits, *, targets, weight, ignore_index, label_smoothing):
    classes = logits.shape[1]
    log_p = log_softmax(logits, dim=1)
    w = np.ones(classes) if weight is None else weight
    losses = np.zeros(targets.shape)
    for at in np.ndindex(targets.shape):
        t = targets[at]
        if t != ignore_index:
            p = [log_p[(at[0], k, *at[1:])] for k in range(classes)]
            smooth = sum(w[k] * p[k] for k in range(classes)) / classes
            losses[at] = -(1 - label_smoothing) * w[t] * p[t] - label_smoothing * smooth
    return losses


def bce_with_logits_losses(input, target, *, pos_weight):
    y = np.zeros(input.shape)
    for at in np.ndindex(input.shape):
        p = 1 / (1 + math.exp(-input[at]))
        y[at] = -(pos_weight or 1.0) * target[at] * math.log(p) - (1 - target[at]) * math.log(1 - p)
    return y


def ce(weight=None, label_smoothing=0.0):
    return {"targets": TARGETS, "weight": weight, "ignore_index": 9, "label_smoothing": label_smoothing}


def cases():
    for note, shape, s in [
        ("2x2", (2, 2, 4, 6), pool((2, 2), (2, 2), (0, 0), (2, 3))),
        ("overlapping", (1, 2, 5, 4), pool((3, 2), (1, 1), (0, 0), (3, 3))),
        ("padded", (1, 2, 5, 4), pool((3, 2), (2, 1), (1, 1), (3, 5))),
        ("dilated", (1, 1, 6, 7), pool((2, 3), (1, 2), (0, 1), (4, 3), (2, 2))),
        ("ceil", (1, 1, 5, 5), pool((2, 2), (2, 2), (0, 0), (3, 3))),
    ]:
        yield Case("max_pool2d", lambda rng, a=shape: [distinct(rng, a)], s, max_pool2d, note)
    for note, (shape, s) in AVERAGES.items():
        yield Case("avg_pool2d", normal(shape), s, avg_pool2d, note)
        pooled = (*shape[:2], *s["output_size"])
        yield Case("avg_pool2d_input", normal(pooled), s | {"size": shape[2:]}, avg_pool2d_input, note)
    for note, indices in [("distinct", INDICES), ("repeated", REPEATED)]:
        yield Case("plane_gather", normal((1, 2, 3, 4)), {"indices": indices}, plane_gather, note)
        size = {"indices": indices, "size": (3, 4)}
        yield Case("plane_scatter_add", normal((1, 2, 2, 3)), size, plane_scatter_add, note)
        yield Case("max_unpool2d", normal((1, 2, 2, 3)), size, max_unpool2d, note)
    nails = {"stride": (2, 3), "size": (5, 8)}
    yield Case("bed_of_nails", normal((2, 1, 2, 3)), nails, bed_of_nails)
    yield Case("pick_nails", normal((2, 1, 5, 8)), {"stride": (2, 3), "size": (2, 3)}, pick_nails)
    for note, (size, output_size, mode, align_corners, scales) in RESIZES.items():
        s = {"mode": mode, "align_corners": align_corners, "scales": scales}
        yield Case("resize2d", normal((1, 2, *size)), s | {"size": output_size}, resize2d, note)
        both = s | {"size": size, "output_size": output_size}
        yield Case("resize2d_adjoint", normal((1, 2, *output_size)), both, resize2d_adjoint, note)
    for note, shapes in [
        ("weight and bias", [(2, 3, 2, 3), (3,), (3,)]),
        ("alone", [(3, 3, 4)]),
        ("two dimensions", [(5, 3), (3,), (3,)]),
        ("long planes", [(2, 3, 4, 5), (3,), (3,)]),
    ]:
        for relu in (False, True):
            s = {"eps": 1e-3, "relu": relu}
            text = f"{note}, relu" if relu else note
            yield Case("batch_norm", normal(*shapes), s, batch_norm, text)
            yield Case("batch_norm_with", normal(*shapes), s | STATISTICS, batch_norm_with, text)
    for groups in (1, 2, 4):
        s = {"num_groups": groups, "eps": 1e-3}
        yield Case("group_norm", normal((2, 4, 2, 3), (4,), (4,)), s, group_norm, f"{groups} groups")
    yield Case("group_norm", normal((3, 4)), {"num_groups": 2, "eps": 1e-3}, group_norm, "alone")
    yield Case("layer_norm", normal((3, 5), (5,), (5,)), {"eps": 1e-3}, layer_norm, "weight and bias")
    yield Case("layer_norm", normal((3, 5)), {"eps": 1e-3}, layer_norm, "alone")
    for dim in (0, 1, 2):
        yield Case("softmax", normal((2, 3, 4)), {"dim": dim}, softmax, f"dim {dim}")
        yield Case("log_softmax", normal((2, 3, 4)), {"dim": dim}, log_softmax, f"dim {dim}")
    for note, s in [
        ("plain", ce()),
        ("weighted", ce(CLASS_WEIGHTS)),
        ("smoothed", ce(label_smoothing=0.2)),
        ("both", ce(CLASS_WEIGHTS, 0.2)),
    ]:
        yield Case("cross_entropy_losses", normal((2, 4, 3)), s, cross_entropy_losses, note)
    for pos_weight in (None, 2.5):
        yield Case(
            "bce_with_logits_losses",
            lambda rng: [rng.normal(size=(2, 3)), rng.uniform(size=(2, 3))],
            {"pos_weight": pos_weight},
            bce_with_logits_losses,
            f"pos_weight {pos_weight}",
        )


CASES = list(cases())
