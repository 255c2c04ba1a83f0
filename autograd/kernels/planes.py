"""Copy an image into zero-padded residue planes, as :mod:`.plan` lays them out."""

from __future__ import annotations

import numpy as np

from .buffers import flattened
from .jit import njit
from .moves import (
    clear_vector,
    copy_even_rows,
    copy_part,
    copy_rows,
    copy_split_rows,
    copy_vector,
    interleave,
    interleave_part,
)
from .parallel import parallel_for
from .plan import BLOCKS, CHANNEL_STEP, CHANNELS, DIRECT, ELEMENTS, HEIGHT, PITCH, STEP_H, STEP_W, WIDTH, Layout
from .vectors import VECTOR_BYTES, lanes

# Whether parts of vectors are copied as fast as whole ones: with AVX2 they took 30-45 % of the time of a layer with 3
# channels or 1 x 1 filters.
_MASKS = VECTOR_BYTES == 64


def image_planes(x: np.ndarray, groups: int, layout: Layout) -> np.ndarray:
    """The planes of whole images: (N, groups, elements). Where the layout reads the image in place, it is ``x``."""
    if layout.sizes[DIRECT]:
        return x.reshape(x.shape[0], groups, -1)
    planes = np.empty((x.shape[0], groups, layout.sizes[ELEMENTS]), x.dtype)
    parallel_for(
        *(_fill_images, x.shape[0] * groups, x.reshape(-1), planes, lanes(x.dtype)),
        *(layout.sizes, layout.moves),
        cost=planes.shape[2],
    )
    return planes


@njit
def copy_run(target, at, source, first, count, end, lanes):
    """Copy ``count`` elements in whole vectors: what the last one writes behind them, the caller overwrites.

    Nothing is written from ``end`` on, and nothing read behind the source.
    """
    t = 0
    while t < count and at + t + lanes <= end and first + t + lanes <= source.size:
        copy_vector(target, at + t, source, first + t)
        t += lanes
    while _MASKS and t < count:
        copy_part(target, at + t, source, first + t, count - t)
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
    if spread == 2 and _MASKS and 2 * t < size:
        interleave_part(out, at + 2 * t, sums, first + t, first + apart + t, size - 2 * t)
        return
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
def fill_planes(x, image, channels, block, lanes, sizes, moves, planes, at):
    """Copy what a block of output rows needs of ``channels`` channels to ``planes[at:]``.

    x : the images, flat; ``image`` is where the first channel begins. The planes are zero or held some block before.
    """
    line, step, pitch = sizes[STEP_H] * sizes[WIDTH], sizes[STEP_W], sizes[PITCH]
    copies = moves.shape[0] // sizes[BLOCKS]
    for _ in range(channels):
        copy_map(x, image, moves, block * copies, copies, line, step, lanes, planes, at, pitch)
        image += sizes[HEIGHT] * sizes[WIDTH]
        at += sizes[CHANNEL_STEP]


@njit
def copy_map(x, base, moves, first, count, line, step, lanes, planes, at, pitch):
    """Copy the rows of a map that are inside of its planes, which are zero or held the same rows of another map.

    So what is beside the map needs no care: writing zeros around each row took five times as long for 7 × 7 pixels.
    moves : (moves, 8), of which ``count`` are done from ``first`` on; see :func:`.grid.row_moves`.
    line, pitch : from a row to the next one, in ``x`` and in the planes. step : from a number to the next one in ``x``.
    """
    for m in range(first, first + count):
        source, target, rows, width = base + moves[m, 0], at + moves[m, 1], moves[m, 2], moves[m, 3]
        apart = moves[m, 7]
        clear_run(planes, at + moves[m, 5], moves[m, 6], lanes)
        if base + moves[m, 4] > x.size:
            for side in range(2 if apart > 0 else 1):
                for r in range(rows):
                    for t in range(width):
                        planes[target + side * apart + r * pitch + t] = x[source + side + r * line + t * step]
        elif apart > 0:
            copy_split_rows(planes, target, pitch, x, source, line, rows, width, apart)
        elif step == 1:
            copy_rows(planes, target, pitch, x, source, line, rows, width)
        else:
            copy_even_rows(planes, target, pitch, x, source, line, rows, width)


@njit
def _fill_images(start, stop, x, planes, lanes, sizes, moves):
    flat, size = flattened(planes), planes.shape[2]
    for image in range(start, stop):
        source, target = image * sizes[CHANNELS] * sizes[HEIGHT] * sizes[WIDTH], image * size
        clear_run(flat, target, size - lanes, lanes)
        fill_planes(x, source, sizes[CHANNELS], 0, lanes, sizes, moves, flat, target)
