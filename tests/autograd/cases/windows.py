"""Sliding windows and columns, element by element; joining and turning by name."""

from __future__ import annotations

import numpy as np

from .case import Case, normal


def windows(x, dim, size, step):
    rows = np.moveaxis(x, dim, 0)
    starts = range(0, len(rows) - size + 1, step)
    out = np.zeros((len(starts), *rows.shape[1:], size))
    for i, start in enumerate(starts):
        for k in range(size):
            out[i, ..., k] = rows[start + k]
    return np.moveaxis(out, 0, dim)


def windows_sum(x, dim, size, step, length):
    rows = np.moveaxis(x, dim, 0)
    out = np.zeros((length, *rows.shape[1:-1]))
    for i, window in enumerate(rows):
        for k in range(size):
            out[i * step + k] += window[..., k]
    return np.moveaxis(out, 0, dim)


def column_places(size, kernel_size, stride, padding, dilation):
    """(row of the column matrix within a channel, column, image row, image column) of every entry in the image."""
    (top, bottom), (left, right) = padding
    (H, W), (KH, KW) = size, kernel_size
    count = 0
    for y in range(-top, H + bottom - dilation[0] * (KH - 1), stride[0]):
        for x in range(-left, W + right - dilation[1] * (KW - 1), stride[1]):
            for i in range(KH):
                for j in range(KW):
                    yield i * KW + j, count, y + i * dilation[0], x + j * dilation[1]
            count += 1


def columns(x, **s):
    places = list(column_places(x.shape[2:], **s))
    per = s["kernel_size"][0] * s["kernel_size"][1]
    out = np.zeros((x.shape[0], x.shape[1] * per, 1 + max(p[1] for p in places)))
    for n, c in np.ndindex(*x.shape[:2]):
        for k, count, i, j in places:
            if 0 <= i < x.shape[2] and 0 <= j < x.shape[3]:
                out[n, c * per + k, count] = x[n, c, i, j]
    return out


def columns_sum(x, size, **s):
    per = s["kernel_size"][0] * s["kernel_size"][1]
    out = np.zeros((x.shape[0], x.shape[1] // per, *size))
    for n, c in np.ndindex(*out.shape[:2]):
        for k, count, i, j in column_places(size, **s):
            if 0 <= i < size[0] and 0 <= j < size[1]:
                out[n, c, i, j] += x[n, c * per + k, count]
    return out


def cases():
    for dim, size, step in ((0, 2, 1), (1, 2, 2), (2, 3, 2), (1, 5, 1), (0, 1, 3)):
        s = {"dim": dim, "size": size, "step": step}
        yield Case("windows", normal((4, 5, 6)), s, windows, f"dim {dim}, {size} by {step}")
        shape = windows(np.zeros((4, 5, 6)), **s).shape
        length = (4, 5, 6)[dim]
        yield Case("windows_sum", normal(shape), s | {"length": length}, windows_sum, f"dim {dim}, {size} by {step}")
    for note, kernel, stride, pads, dilation in (
        ("", (2, 2), (1, 1), 0, (1, 1)),
        ("stride", (2, 1), (2, 3), 0, (1, 1)),
        ("padding", (3, 2), (2, 1), 1, (1, 1)),
        ("dilation", (2, 2), (1, 2), 1, (2, 3)),
    ):
        s = {"kernel_size": kernel, "stride": stride, "padding": ((pads, pads), (pads, pads)), "dilation": dilation}
        yield Case("columns", normal((2, 2, 4, 5)), s, columns, note)
        shape = columns(np.zeros((2, 2, 4, 5)), **s).shape
        yield Case("columns_sum", normal(shape), s | {"size": (4, 5)}, columns_sum, note)
    for k in range(-1, 5):
        yield Case(
            "rot90()", normal((2, 3, 2)), {"k": k, "dims": (0, 1)}, lambda x, k, dims: np.rot90(x, k, dims), str(k)
        )
    yield Case("rot90()", normal((2, 3, 2)), {"dims": (2, 0)}, lambda x, dims: np.rot90(x, 1, dims), "other plane")
    for name, function in (("hstack", np.hstack), ("vstack", np.vstack), ("dstack", np.dstack)):
        for shape in ((2,), (2, 2), ()):
            yield Case(f"{name}()", normal(shape, shape), {}, function, str(shape), prepare=lambda *x: (x,))
    yield Case("column_stack()", normal((2,), (2, 3)), {}, np.column_stack, prepare=lambda *x: (x,))
    yield Case("block_diag()", normal((2,), (2, 3), ()), {}, blocks)
    for repeats, dim in ((2, None), (3, 1), (np.array([1, 0, 2]), 1), (np.array([2]), 0)):
        s = {"repeats": repeats, "dim": dim}
        yield Case("repeat_interleave()", normal((2, 3)), s, lambda x, repeats, dim: np.repeat(x, repeats, dim), str(s))
    for indexing in ("ij", "xy"):
        yield Case("meshgrid()", normal((2,), (3,), (2,)), {"indexing": indexing}, np.meshgrid, indexing)
    yield Case("cartesian_prod()", normal((2,), (3,)), {}, lambda a, b: np.array([[x, y] for x in a for y in b]))
    for sections, dim in ((5, 2), ([1, 3], 2), ([-1], 0), ([3, 1], 2), (2, 1)):
        s = {"indices_or_sections": sections, "dim": dim}
        yield Case("tensor_split()", normal((2, 3, 4)), s, pieces, str(s), order=1)


def turned(x, dims, k=1):
    return np.rot90(x, k, dims)


def blocks(*parts):
    parts = [np.atleast_2d(p) for p in parts]
    out = np.zeros(sum(np.array(p.shape) for p in parts))
    at = np.array([0, 0])
    for p in parts:
        for i, j in np.ndindex(*p.shape):
            out[at[0] + i, at[1] + j] = p[i, j]
        at = at + p.shape
    return out


def pieces(x, indices_or_sections, dim):
    return tuple(np.array_split(x, indices_or_sections, dim))


CASES = list(cases())
