"""Copy an image into zero-padded residue planes, as :mod:`.plan` lays them out."""

from __future__ import annotations

from .jit import njit
from .plan import FIRST_H, FIRST_W, HEIGHT, OVERHANG, PITCH, PLANE_ROWS, STEP_H, STEP_W, WIDTH
from .tile import copy_inside


@njit
def fill_planes(x, image, channels, first_row, lanes, sizes, rows, columns, planes, at):
    """Copy ``channels`` channels, from what output row ``first_row`` needs on, to ``planes[at:]``.

    x : the images, flat; ``image`` is where the first channel begins. What the last window reads behind the planes is
        set to zero too.
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
                    if step_w == 1:
                        # whole vectors: the rest of the last one is zero, and the next row is written over it
                        for t in range(0, pitch, lanes):
                            copy_inside(planes, at + t, x, source + t, low - t, high - t)
                    else:
                        for t in range(low):
                            planes[at + t] = 0
                        for t in range(low, high):
                            planes[at + t] = x[source + t * step_w]
                        for t in range(high, pitch):
                            planes[at + t] = 0
                    at += pitch
        image += height * width
    for t in range(sizes[OVERHANG] + lanes):
        planes[at + t] = 0
