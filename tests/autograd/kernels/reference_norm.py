"""Normalisation, number by number, with exact sums. A *set* is the positions that share a mean and a variance."""

import math

import numpy as np


def channels(shape):
    """The sets of batch normalisation."""
    sets = [[] for _ in range(shape[1])]
    for index in np.ndindex(*shape):
        sets[index[1]].append(index)
    return sets


def groups(shape, number):
    """The sets of group normalisation, image by image."""
    sets = [[] for _ in range(shape[0] * number)]
    for index in np.ndindex(*shape):
        sets[index[0] * number + index[1] * number // shape[1]].append(index)
    return sets


def rows(shape):
    """The sets of layer normalisation."""
    return [[(r, i) for i in range(shape[1])] for r in range(shape[0])]


def stats(x, sets):
    means, variances = [], []
    for positions in sets:
        values = [float(x[p]) for p in positions]
        mean = math.fsum(values) / len(values)
        means.append(mean)
        variances.append(math.fsum((v - mean) ** 2 for v in values) / len(values))
    return np.array(means), np.array(variances)


def forward(x, sets, mean, var, weight, bias, eps):
    y = np.zeros(x.shape)
    for positions, m, v in zip(sets, mean, var):
        for p in positions:
            w, b = (1 if weight is None else weight[p[1]]), (0 if bias is None else bias[p[1]])
            y[p] = (float(x[p]) - m) / math.sqrt(v + eps) * w + b
    return y


def backward(g, x, sets, mean, var, weight, eps, own=True):
    gx, gweight, gbias = np.zeros(x.shape), np.zeros(x.shape[1]), np.zeros(x.shape[1])
    for positions, m, v in zip(sets, mean, var):
        rstd = 1 / math.sqrt(v + eps)
        normal = [(float(x[p]) - m) * rstd for p in positions]
        gw = [float(g[p]) * (1 if weight is None else weight[p[1]]) for p in positions]
        average = math.fsum(gw) / len(gw) if own else 0
        slope = math.fsum(a * b for a, b in zip(gw, normal)) / len(gw) if own else 0
        for p, a, b in zip(positions, gw, normal):
            gx[p] = rstd * (a - average - b * slope)
            gbias[p[1]] += float(g[p])
            gweight[p[1]] += float(g[p]) * b
    return gx, gweight, gbias
