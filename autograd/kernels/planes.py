"""Copy an image into zero-padded residue planes, as :mod:`.plan` lays them out."""

from __future__ import annotations

from .jit import njit
from .plan import FIRST_H, FIRST_W, HEIGHT, OVERHANG, PITCH, PLANE_ROWS, STEP_H, STEP_W, WIDTH
from .tile import clear_vector, copy_even, copy_vector, interleave


@njit
def copy_run(target, at, source, first, count, end, lanes):
    """Copy ``count`` elements in whole vectors: what the last one writes behind them, the caller overwrites.

    Nothing is written from ``end`` on, and nothing read behind the source. (Masked vectors, which need no such care,
    took 30-45 % of the time of a layer with 3 channels or 1 x 1 filters where the CPU has only AVX2.)
    """
    t = 0
    while t < count and at + t + lanes <= end and first + t + lanes <= source.size:
        copy_vector(target, at + t, source, first + t)
        t += lanes
    while t < count:
        target[at + t] = source[first + t]
        t += 1


@njit
def store_run(out, at, size, end, spread, sums, first, apart, lanes):
    """Write sums to ``out[at : at + size]`` as ``copy_run`` does, in turn from ``spread`` rows that lie ``apart``."""
    if spread == 1:
        copy_run(out, at, sums, first, size, end, lanes)
        return
    t = 0
    while spread == 2 and 2 * (t + lanes) <= size:
        interleave(out, at + 2 * t, sums, first + t, first + apart + t)
        t += lanes
    for side in range(spread):
        source = first + side * apart + t
        for target in range(at + t * spread + side, at + size, spread):
            out[target] = sums[source]
            source += 1


@njit
def fill_planes(x, image, channels, first_row, lanes, sizes, rows, columns, planes, at):
    """Copy ``channels`` channels, from what output row ``first_row`` needs on, to ``planes[at:]``.

    x : the images, flat; ``image`` is where the first channel begins. What the last window reads behind the planes is
        set to zero too. All is written in ascending order, in whole vectors: each overwrites what is too much of the
        one before.
    """
    height, width, pitch = sizes[HEIGHT], sizes[WIDTH], sizes[PITCH]
    step_h, step_w, first_h, first_w = sizes[STEP_H], sizes[STEP_W], sizes[FIRST_H], sizes[FIRST_W]
    for _ in range(channels):
        for a in range(rows.size):
            for b in range(columns.shape[0]):
                first = image + first_w * step_w + columns[b, 0]
                for r in range(sizes[PLANE_ROWS]):
                    h = (first_row + r + first_h) * step_h + rows[a]
                    low, high = (columns[b, 1], columns[b, 2]) if 0 <= h < height else (0, 0)
                    source = first + h * width
                    for t in range(0, low, lanes):
                        clear_vector(planes, at + t)
                    if step_w == 1:
                        copy_run(planes, at + low, x, source + low, high - low, planes.size, lanes)
                    else:
                        t = low
                        while step_w == 2 and t < high and source + 2 * (t + lanes) <= x.size:
                            copy_even(planes, at + t, x, source + 2 * t)
                            t += lanes
                        while t < high:
                            planes[at + t] = x[source + t * step_w]
                            t += 1
                    for t in range(high, pitch, lanes):
                        clear_vector(planes, at + t)
                    at += pitch
        image += height * width
    for t in range(0, sizes[OVERHANG] + lanes, lanes):
        clear_vector(planes, at + t)
