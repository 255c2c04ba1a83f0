"""Convolution as its definition reads: one multiplication at a time, in float64. Slow, obvious, shares no code."""

import numpy as np


def terms(x_shape, w_shape, out_size, stride, padding, dilation, groups):
    """Every product of the sum: the positions in x, w and the output that belong together.

    The position in x is None in the padding, which is a zero that is multiplied like any other (so 0 · NaN is NaN).
    """
    N, _, H, W = x_shape
    outputs, channels, KH, KW = w_shape
    for n in range(N):
        for o in range(outputs):
            group = o // (outputs // groups)
            for c in range(channels):
                for i in range(KH):
                    for j in range(KW):
                        for oh in range(out_size[0]):
                            for ow in range(out_size[1]):
                                h = oh * stride[0] + i * dilation[0] - padding[0][0]
                                w = ow * stride[1] + j * dilation[1] - padding[1][0]
                                inside = 0 <= h < H and 0 <= w < W
                                at_x = (n, group * channels + c, h, w) if inside else None
                                yield at_x, (o, c, i, j), (n, o, oh, ow)


def output_size(x_shape, w_shape, stride, padding, dilation):
    sizes = []
    for n, k, s, (before, after), d in zip(x_shape[2:], w_shape[2:], stride, padding, dilation):
        places = [p for p in range(-before, n + after, s) if p + d * (k - 1) < n + after]
        sizes.append(len(places))
    return tuple(sizes)


def conv2d(x, w, *, stride, padding, dilation, groups):
    size = output_size(x.shape, w.shape, stride, padding, dilation)
    out = np.zeros((x.shape[0], w.shape[0], *size))
    for at_x, at_w, at_out in terms(x.shape, w.shape, size, stride, padding, dilation, groups):
        out[at_out] += (float(x[at_x]) if at_x else 0.0) * float(w[at_w])
    return out


def conv2d_input(g, w, *, size, stride, padding, dilation, groups):
    gx = np.zeros((g.shape[0], w.shape[1] * groups, *size))
    for at_x, at_w, at_out in terms(gx.shape, w.shape, g.shape[2:], stride, padding, dilation, groups):
        if at_x:
            gx[at_x] += float(g[at_out]) * float(w[at_w])
    return gx


def conv2d_weight(g, x, *, kernel_size, stride, padding, dilation, groups):
    gw = np.zeros((g.shape[1], x.shape[1] // groups, *kernel_size))
    for at_x, at_w, at_out in terms(x.shape, gw.shape, g.shape[2:], stride, padding, dilation, groups):
        gw[at_w] += float(g[at_out]) * (float(x[at_x]) if at_x else 0.0)
    return gw
