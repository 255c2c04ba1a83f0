"""Correlation as a matrix product whose right-hand side is never built. :mod:`.plan` explains the layout.

A task is a block of output rows of one image and group: its padded residue planes go into a scratch buffer that stays in
the second-level cache, then each tile of pixels is multiplied with each panel of weights.
"""

from __future__ import annotations

import numpy as np

from .jit import njit
from .parallel import parallel_for
from .plan import Plan
from .planes import fill_planes
from .tile import OUTER_ROWS, OUTER_VECTORS, copy_first, lanes, multiply_outer


def correlate(x: np.ndarray, w: np.ndarray, plan: Plan, out: np.ndarray, *, groups: int, transposed: bool) -> np.ndarray:
    """Fill ``out`` with the correlation of ``x`` and ``w`` that ``plan`` describes.

    w : (O, C/groups, KH, KW) as it belongs to ``conv2d``. Transposed, the sum runs over its first axis.
    """
    inputs, outputs = x.shape[1] // groups, out.shape[1] // groups
    filter_size = w.shape[2] * w.shape[3]
    panels = -(-outputs // OUTER_ROWS)
    packed = np.empty((groups, panels, plan.offsets.size * OUTER_ROWS), x.dtype)
    along_out, along_in = (filter_size, outputs * filter_size) if transposed else (inputs * filter_size, filter_size)
    parallel_for(
        *(_pack_weights, groups * panels, w.reshape(-1), along_out, along_in, inputs, outputs),
        *(plan.phases, plan.taps, packed),
        cost=plan.offsets.size * OUTER_ROWS,
    )
    parallel_for(
        *(_correlate, x.shape[0] * groups * plan.tasks, x.reshape(-1), packed, out.reshape(-1, *out.shape[2:])),
        *(outputs, lanes(x.dtype)),
        *(plan.sizes, plan.rows, plan.columns, plan.phases, plan.offsets),
        cost=out[0, 0].size * plan.offsets.size * outputs / plan.tasks / len(plan.phases) / 8,
    )
    return out


@njit
def _pack_weights(start, stop, w, along_out, along_in, inputs, outputs, phases, taps, packed):
    """Lay out the weights panel by panel, for each phase: packed[k, m] for tap k = (channel, position) and channel m."""
    panels = packed.shape[1]
    for task in range(start, stop):
        group, panel = task // panels, task % panels
        base = group * inputs * outputs * (along_out if along_out < along_in else along_in)
        first = panel * OUTER_ROWS
        here = packed[group, panel]
        position = 0
        for phase in range(phases.shape[0]):
            first_tap, end_tap = phases[phase, 5], phases[phase, 5] + phases[phase, 4]
            for c in range(inputs):
                for t in range(first_tap, end_tap):
                    source = base + first * along_out + c * along_in + taps[t]
                    for m in range(OUTER_ROWS):
                        here[position + m] = w[source + m * along_out] if first + m < outputs else 0
                    position += OUTER_ROWS


@njit
def _correlate(start, stop, x, packed, out, outputs, lanes, sizes, rows, columns, phases, offsets):
    channels, height, width, pitch, block_rows, blocks, plane_rows, spread_h, spread_w, scratch_size = (
        sizes[0], sizes[1], sizes[2], sizes[7], sizes[8], sizes[9], sizes[10], sizes[11], sizes[12], sizes[13],
    )  # fmt: skip
    image_rows, image_columns = out.shape[1], out.shape[2]
    groups, panels = packed.shape[0], packed.shape[1]
    weights = packed.reshape(-1)
    flat = out.reshape(-1)
    planes = np.empty(scratch_size, x.dtype)
    pixels = OUTER_VECTORS * lanes
    sums = np.empty(OUTER_ROWS * pixels + lanes, x.dtype)
    for task in range(start, stop):
        image, first_row = task // blocks, task % blocks * block_rows
        fill_planes(
            x, image * channels * height * width, channels, first_row, plane_rows, lanes, sizes, rows, columns, planes, 0
        )
        first_weight = image % groups * panels * offsets.size * OUTER_ROWS
        for phase in range(phases.shape[0]):
            high, wide, taps = phases[phase, 2], phases[phase, 3], phases[phase, 4] * channels
            high = min(block_rows, high - first_row)
            here = offsets[phases[phase, 5] * channels :]
            corner = (phases[phase, 0] + first_row * spread_h) * image_columns + phases[phase, 1]
            for p in range(0, (high - 1) * pitch + wide, pixels):
                for panel in range(panels):
                    if taps > 0:
                        at = first_weight + (panel * offsets.size + phases[phase, 5] * channels) * OUTER_ROWS
                        multiply_outer(weights, at, planes, p, here, taps, sums, 0)
                    else:
                        for i in range(sums.size):
                            sums[i] = 0
                    # store the columns that exist: ``wide`` of each ``pitch``
                    row, column, lane = p // pitch, p % pitch, 0
                    while lane < pixels and row < high:
                        run = min(pixels - lane, wide - column)
                        for m in range(min(OUTER_ROWS, outputs - panel * OUTER_ROWS)):
                            target = (image * outputs + panel * OUTER_ROWS + m) * image_rows * image_columns + corner
                            target += row * spread_h * image_columns + column * spread_w
                            source = m * pixels + lane
                            if spread_w == 1:
                                for t in range(0, run, lanes):
                                    copy_first(flat, target + t, sums, source + t, run - t)
                            else:
                                for t in range(run):
                                    flat[target + t * spread_w] = sums[source + t]
                        lane += pitch - column
                        column = 0
                        row += 1
