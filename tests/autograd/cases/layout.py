"""Shape and order, joining and padding, against element-by-element copies."""

from __future__ import annotations

import numpy as np

from .case import Case, normal


def elements(shape, source):
    """An array of ``shape`` whose element at a position is ``source(position)``."""
    out = np.zeros(shape)
    for position in np.ndindex(*shape):
        out[position] = source(position)
    return out


def broadcast(x, shape):
    lead = len(shape) - x.ndim
    return elements(shape, lambda p: x[tuple(0 if n == 1 else i for n, i in zip(x.shape, p[lead:]))])


def reshaped(x, shape):
    values = iter(x.ravel().tolist())
    size = [n if n != -1 else x.size // -int(np.prod(shape)) for n in shape]
    return elements(size, lambda p: next(values))


def permuted(x, dims):
    return elements([x.shape[d] for d in dims], lambda p: x[tuple(p[dims.index(d)] for d in range(x.ndim))])


def flipped(x, dims):
    return elements(
        x.shape, lambda p: x[tuple(n - 1 - i if d in dims else i for d, (n, i) in enumerate(zip(x.shape, p)))]
    )


def rolled(x, shifts, dims):
    by = dict(zip(dims, shifts))
    return elements(x.shape, lambda p: x[tuple((i - by.get(d, 0)) % n for d, (n, i) in enumerate(zip(x.shape, p)))])


def triangle(inside):
    return lambda x, diagonal: elements(x.shape, lambda p: x[p] if inside(p[-1] - p[-2], diagonal) else 0)


def joined(*tensors, dim, **_):
    rows = [row for x in tensors for row in np.moveaxis(x, dim, 0)]
    out = np.zeros((len(rows), *rows[0].shape))
    for i, row in enumerate(rows):
        out[i] = row
    return np.moveaxis(out, 0, dim)


def stacked(*tensors, dim):
    out = np.zeros((len(tensors), *tensors[0].shape))
    for i, x in enumerate(tensors):
        out[i] = x
    return np.moveaxis(out, 0, dim)


def source_index(i, n, mode):
    if 0 <= i < n:
        return i
    if mode == "reflect":
        return -i if i < 0 else 2 * (n - 1) - i
    return {"replicate": 0 if i < 0 else n - 1, "circular": i % n}[mode]


def padded(x, padding, value):
    def source(p):
        place = tuple(i - before for i, (before, _) in zip(p, padding))
        return x[place] if all(0 <= i < n for i, n in zip(place, x.shape)) else value

    return elements([n + a + b for n, (a, b) in zip(x.shape, padding)], source)


def bordered(x, padding, mode):
    shape = [n + a + b for n, (a, b) in zip(x.shape, padding)]
    return elements(
        shape, lambda p: x[tuple(source_index(i - a, n, mode) for i, n, (a, _) in zip(p, x.shape, padding))]
    )


def folded(x, padding, mode):
    shape = [n - a - b for n, (a, b) in zip(x.shape, padding)]
    out = np.zeros(shape)
    for p in np.ndindex(*x.shape):
        out[tuple(source_index(i - a, n, mode) for i, n, (a, _) in zip(p, shape, padding))] += x[p]
    return out


X = (2, 3, 4)


def cases():
    for note, have, shape in (
        ("grow", (2, 1, 3), (2, 4, 3)),
        ("lead", (3,), (2, 2, 3)),
        ("0-d", (), (2, 3)),
        ("same", (2, 3), (2, 3)),
    ):
        yield Case("broadcast_to", normal(have), {"shape": shape}, broadcast, note)
    for note, have, shape in (
        ("", X, (4, 6)),
        ("-1", X, (3, -1)),
        ("to 0-d", (1, 1), ()),
        ("from 0-d", (), (1, 1)),
        ("empty", (0, 3), (3, 0)),
    ):
        yield Case("reshape", normal(have), {"shape": shape}, reshaped, note)
    for dims in ((2, 0, 1), (0, 2, 1), (0, 1, 2)):
        yield Case("permute", normal(X), {"dims": dims}, permuted, str(dims))
    for dims in ((0,), (1, 2), ()):
        yield Case("flip", normal(X), {"dims": dims}, flipped, str(dims))
    yield Case("roll", normal(X), {"shifts": (1, -2), "dims": (0, 2)}, rolled, "two")
    yield Case("roll", normal(X), {"shifts": (5,), "dims": (1,)}, rolled, "more than round")
    for diagonal in (-1, 0, 2):
        yield Case("tril", normal((2, 3, 4)), {"diagonal": diagonal}, triangle(lambda d, k: d <= k), str(diagonal))
        yield Case("triu", normal((4, 3)), {"diagonal": diagonal}, triangle(lambda d, k: d >= k), str(diagonal))
    yield Case("cat", normal((2, 3), (2, 1), (2, 2)), {"dim": 1, "ends": (3, 4, 6)}, joined)
    yield Case("cat", normal((2, 0, 2), (2, 3, 2)), {"dim": 1, "ends": (0, 3)}, joined, "an empty one")
    for dim in (0, 1, 2):
        yield Case("stack", normal((2, 3), (2, 3), (2, 3)), {"dim": dim}, stacked, f"dim {dim}")
    for note, padding in (("", ((1, 2), (0, 1))), ("cut", ((-1, -1), (0, -2))), ("cut and pad", ((-1, 2), (3, -1)))):
        yield Case("pad", normal((3, 4)), {"padding": padding, "value": 0}, padded, note)
    yield Case("pad", normal((3, 4)), {"padding": ((1, 1), (1, 1)), "value": 2.5}, padded, "value")
    for mode in ("reflect", "replicate", "circular"):
        for note, padding in (("", ((0, 0), (1, 2), (2, 1))), ("largest", ((0, 0), (2, 2), (3, 3)))):
            s = {"padding": padding, "mode": mode}
            yield Case("pad_border", normal((2, 3, 4)), s, bordered, f"{mode}{', ' * bool(note)}{note}")
            wide = tuple(n + a + b for n, (a, b) in zip((2, 3, 4), padding))
            yield Case("fold_border", normal(wide), s, folded, f"{mode}{', ' * bool(note)}{note}")


CASES = list(cases())
