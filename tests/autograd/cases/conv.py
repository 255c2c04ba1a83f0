"""Convolution: the three faces, against loops over every output pixel."""

from __future__ import annotations

import itertools

import numpy as np

from .case import Case


def settings(stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), groups=1):
    return {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}


def terms(x_shape, w_shape, z_shape, s):
    """Every product of the trilinear form: (position in x, in w, in z). Products with padding are left out."""
    n_, _, h, w = x_shape
    o_, cg, kh, kw = w_shape
    per_group = o_ // s["groups"]
    for n, o, oh, ow, c, i, j in itertools.product(
        range(n_), range(o_), range(z_shape[2]), range(z_shape[3]), range(cg), range(kh), range(kw)
    ):
        row = oh * s["stride"][0] + i * s["dilation"][0] - s["padding"][0][0]
        column = ow * s["stride"][1] + j * s["dilation"][1] - s["padding"][1][0]
        if 0 <= row < h and 0 <= column < w:
            yield (n, o // per_group * cg + c, row, column), (o, c, i, j), (n, o, oh, ow)


def output_shape(x_shape, w_shape, s):
    sizes = [
        (n + sum(p) - d * (k - 1) - 1) // st + 1
        for n, p, d, k, st in zip(x_shape[2:], s["padding"], s["dilation"], w_shape[2:], s["stride"])
    ]
    return (x_shape[0], w_shape[0], *sizes)


def conv2d(x, w, **s):
    z = np.zeros(output_shape(x.shape, w.shape, s))
    for a, b, c in terms(x.shape, w.shape, z.shape, s):
        z[c] += x[a] * w[b]
    return z


def conv2d_input(z, w, *, size, **s):
    x = np.zeros((z.shape[0], w.shape[1] * s["groups"], *size))
    for a, b, c in terms(x.shape, w.shape, z.shape, s):
        x[a] += z[c] * w[b]
    return x


def conv2d_weight(z, x, *, kernel_size, **s):
    w = np.zeros((z.shape[1], x.shape[1] // s["groups"], *kernel_size))
    for a, b, c in terms(x.shape, w.shape, z.shape, s):
        w[b] += z[c] * x[a]
    return w


GEOMETRIES = {
    "plain": ((2, 2, 5, 4), (3, 2, 3, 2), settings()),
    "same": ((1, 2, 4, 5), (2, 2, 3, 3), settings(padding=((1, 1), (1, 1)))),
    "stride 2": ((1, 2, 5, 6), (2, 2, 3, 3), settings(stride=(2, 2), padding=((1, 1), (1, 1)))),
    "stride 3 and 1": ((1, 1, 7, 4), (2, 1, 2, 2), settings(stride=(3, 1))),
    "dilation": ((1, 1, 6, 7), (2, 1, 3, 2), settings(dilation=(2, 3), padding=((1, 1), (0, 0)))),
    "uneven padding": ((1, 1, 4, 4), (2, 1, 2, 3), settings(padding=((0, 1), (2, 0)))),
    "groups": ((1, 4, 4, 4), (6, 2, 2, 2), settings(groups=2)),
    "depthwise": ((2, 3, 4, 4), (3, 1, 3, 3), settings(groups=3, padding=((1, 1), (1, 1)))),
    "1x1": ((2, 3, 3, 3), (2, 3, 1, 1), settings()),
    "kernel larger than the image": ((1, 1, 2, 2), (1, 1, 4, 4), settings(padding=((2, 1), (1, 2)))),
    "everything": (
        (2, 4, 7, 6),
        (4, 2, 3, 2),
        settings(stride=(2, 1), padding=((1, 2), (0, 1)), dilation=(2, 1), groups=2),
    ),
}


def windows_of_depth(shape, *, size, stride, padding, dilation):
    """(output depth, tap, input depth) of every slice that lies inside the input."""
    outputs = (shape[2] + sum(padding) - dilation * (size - 1) - 1) // stride + 1
    for out, k in itertools.product(range(outputs), range(size)):
        depth = out * stride + k * dilation - padding[0]
        if 0 <= depth < shape[2]:
            yield out, k, depth


def depth_windows(x, *, outputs, **s):
    y = np.zeros((x.shape[0], outputs, x.shape[1], s["size"], *x.shape[3:]))
    for n, c, (out, k, depth) in itertools.product(
        range(x.shape[0]), range(x.shape[1]), windows_of_depth(x.shape, **s)
    ):
        y[n, out, c, k] = x[n, c, depth]
    return y


def depth_windows_sum(y, *, depth, **s):
    x = np.zeros((y.shape[0], y.shape[2], depth, *y.shape[4:]))
    for n, c, (out, k, source) in itertools.product(
        range(x.shape[0]), range(x.shape[1]), windows_of_depth(x.shape, **s)
    ):
        x[n, c, source] += y[n, out, c, k]
    return x


# depth, output depth, settings
DEPTHS = {
    "plain": (5, 3, {"size": 3, "stride": 1, "padding": (0, 0), "dilation": 1}),
    "stride and dilation": (8, 3, {"size": 3, "stride": 2, "padding": (1, 0), "dilation": 2}),
    "wide padding": (2, 5, {"size": 4, "stride": 1, "padding": (3, 3), "dilation": 1}),
    "a tap that meets padding only": (1, 1, {"size": 3, "stride": 3, "padding": (2, 2), "dilation": 2}),
}


def cases():
    for note, (depth, outputs, s) in DEPTHS.items():
        yield Case(
            "depth_windows",
            lambda rng, d=depth: [rng.normal(size=(2, 2, d, 1, 2))],
            s,
            lambda x, outputs=outputs, **s: depth_windows(x, outputs=outputs, **s),
            note,
        )
        yield Case(
            "depth_windows_sum",
            lambda rng, n=outputs, k=s["size"]: [rng.normal(size=(2, n, 2, k, 1, 2))],
            s | {"depth": depth},
            depth_windows_sum,
            note,
        )
    for note, (x_shape, w_shape, s) in GEOMETRIES.items():
        z_shape = output_shape(x_shape, w_shape, s)
        yield Case(
            "conv2d", lambda rng, a=x_shape, b=w_shape: [rng.normal(size=a), rng.normal(size=b)], s, conv2d, note
        )
        yield Case(
            "conv2d_input",
            lambda rng, a=z_shape, b=w_shape: [rng.normal(size=a), rng.normal(size=b)],
            s | {"size": x_shape[2:]},
            conv2d_input,
            note,
        )
        yield Case(
            "conv2d_weight",
            lambda rng, a=z_shape, b=x_shape: [rng.normal(size=a), rng.normal(size=b)],
            s | {"kernel_size": w_shape[2:]},
            conv2d_weight,
            note,
        )


CASES = list(cases())
