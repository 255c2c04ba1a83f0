"""Copy an image into zero-padded residue planes, as :mod:`.plan` lays them out."""

from __future__ import annotations

import numpy as np

from .jit import njit
from .parallel import parallel_for
from .plan import (
    CHANNELS,
    DIRECT,
    ELEMENTS,
    FIRST_H,
    FIRST_W,
    HEIGHT,
    OVERHANG,
    PITCH,
    PLANE_ROWS,
    STEP_H,
    STEP_W,
    WIDTH,
    Layout,
)
from .vectors import clear_vector, copy_even, copy_even_rows, copy_rows, copy_vector, interleave, lanes


def image_planes(x: np.ndarray, groups: int, layout: Layout) -> np.ndarray:
    """The planes of whole images: (N, groups, elements). Where the layout reads the image in place, it is ``x``."""
    if layout.sizes[DIRECT]:
        return x.reshape(x.shape[0], groups, -1)
    planes = np.empty((x.shape[0], groups, layout.sizes[ELEMENTS]), x.dtype)
    parallel_for(
        *(_fill_images, x.shape[0] * groups, x.reshape(-1), planes, lanes(x.dtype)),
        *(layout.sizes, layout.rows, layout.columns),
        cost=planes.shape[2],
    )
    return planes


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
def interleave_run(out, at, size, spread, sums, first, apart, lanes):
    """Write sums to ``out[at : at + size]``, each in turn from ``spread`` rows that lie ``apart``."""
    t = 0
    while spread == 2 and 2 * (t + lanes) <= size:
        interleave(out, at + 2 * t, sums, first + t, first + apart + t)
        t += lanes
    for side in range(spread):
        source, target = first + side * apart + t, at + t * spread + side
        while target < at + size:
            out[target] = sums[source]
            source += 1
            target += spread


@njit
def clear_run(target, at, count, lanes):
    """Zero ``count`` elements in whole vectors: what the last one clears behind them, the caller overwrites."""
    t = 0  # counted by hand: a range with a step that is no constant divides first
    while t < count:
        clear_vector(target, at + t)
        t += lanes


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
                    clear_run(planes, at, low, lanes)
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
                    clear_run(planes, at + high, pitch - high, lanes)
                    at += pitch
        image += height * width
    clear_run(planes, at, sizes[OVERHANG] + lanes, lanes)


@njit
def refill_planes(x, image, block, spans, lanes, sizes, rows, columns, planes):
    """``fill_planes`` for one channel into planes that are zero, or were filled like this before.

    So the columns beside the map need no care: :func:`fill_planes` took three times as long for maps of 7 × 7.
    spans : for each block and residue of rows, how many rows of a plane lie above the map, how many in it, and which
        row of the map is the first of them.
    """
    width, pitch, plane_rows = sizes[WIDTH], sizes[PITCH], sizes[PLANE_ROWS]
    step_h, step_w = sizes[STEP_H], sizes[STEP_W]
    at = 0
    for a in range(rows.size):
        above, inside, first_row = spans[block, a, 0], spans[block, a, 1], spans[block, a, 2]
        for b in range(columns.shape[0]):
            low, count = columns[b, 1], columns[b, 2] - columns[b, 1]
            clear_run(planes, at, above * pitch, lanes)
            target = at + above * pitch + low
            source = image + first_row * width + (sizes[FIRST_W] + low) * step_w + columns[b, 0]
            left, line = inside, step_h * width
            if count > 0 and step_w <= 2:
                safe = inside  # rows whose last vector ends in x
                reach = source + step_w * max(count, lanes)
                while safe > 0 and reach + (safe - 1) * line > x.size:
                    safe -= 1
                if safe > 0:
                    if step_w == 1:
                        copy_rows(planes, target, pitch, x, source, line, safe, count)
                    else:
                        copy_even_rows(planes, target, pitch, x, source, line, safe, count)
                    left -= safe
                    target += safe * pitch
                    source += safe * line
            for _ in range(left):
                for t in range(count):
                    planes[target + t] = x[source + t * step_w]
                target += pitch
                source += line
            at += plane_rows * pitch
            clear_run(planes, target - low, at - (target - low), lanes)


@njit
def _fill_images(start, stop, x, planes, lanes, sizes, rows, columns):
    flat = planes.reshape(-1)
    for image in range(start, stop):
        source, target = image * sizes[CHANNELS] * sizes[HEIGHT] * sizes[WIDTH], image * planes.shape[2]
        fill_planes(x, source, sizes[CHANNELS], 0, lanes, sizes, rows, columns, flat, target)
