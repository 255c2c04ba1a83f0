"""Correlation as a matrix product whose right-hand side is never built. :mod:`.plan` explains the layout.

A task is a block of output rows of one image and group: its padded residue planes go into a scratch buffer that stays in
the second-level cache, then each tile of pixels is multiplied with each panel of weights.
"""

from __future__ import annotations

import numpy as np

from .jit import njit
from .parallel import parallel_for
from .plan import Plan
from .tile import OUTER_ROWS, OUTER_VECTORS, lanes, multiply_outer


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
        *(_correlate, x.shape[0] * groups * plan.tasks, x, packed, out, OUTER_VECTORS * lanes(x.dtype)),
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
def _fill_planes(image, first_channel, first_row, sizes, rows, columns, scratch):
    """Copy the source rows of one block into its residue planes, zeros where the padding is."""
    channels, height, _, step_h, step_w, first_h, first_w, plane_rows, pitch = sizes[:9]
    at = 0
    for c in range(first_channel, first_channel + channels):
        for a in range(rows.size):
            for b in range(columns.shape[0]):
                residue, low, high = columns[b, 0], columns[b, 1], columns[b, 2]
                for r in range(plane_rows):
                    h = (r + first_row + first_h) * step_h + rows[a]
                    row = scratch[at : at + pitch]
                    at += pitch
                    if h < 0 or h >= height:
                        row[:] = 0
                        continue
                    row[:low] = 0
                    source = image[c, h]
                    w = (low + first_w) * step_w + residue
                    if step_w == 1:
                        row[low:high] = source[w : w + high - low]
                    else:
                        for t in range(low, high):
                            row[t] = source[w]
                            w += step_w
                    row[high:] = 0
    scratch[at:] = 0


@njit
def _write_tile(sums, pixels, first_pixel, pitch, rows, columns, out, first_channel, y, x, spread_h, spread_w):
    """Store the pixels of one tile that belong to the output: ``columns`` of each ``pitch``."""
    channels = min(OUTER_ROWS, out.shape[0] - first_channel)
    row, column, lane = first_pixel // pitch, first_pixel % pitch, 0
    while lane < pixels and row < rows:
        run = min(pixels - lane, columns - column)
        for m in range(channels):
            target = out[first_channel + m, y + row * spread_h]
            source = m * pixels + lane
            if spread_w == 1:
                for t in range(run):
                    target[x + column + t] = sums[source + t]
            else:
                for t in range(run):
                    target[x + (column + t) * spread_w] = sums[source + t]
        lane += pitch - column
        column = 0
        row += 1


@njit
def _correlate(start, stop, x, packed, out, pixels, sizes, rows, columns, phases, offsets):
    channels, pitch, block_rows, blocks, spread_h, spread_w, scratch_size = (
        sizes[0], sizes[8], sizes[9], sizes[10], sizes[11], sizes[12], sizes[13],
    )  # fmt: skip
    groups, panels = packed.shape[0], packed.shape[1]
    outputs = out.shape[1] // groups
    scratch = np.empty(scratch_size, x.dtype)
    sums = np.empty(OUTER_ROWS * pixels, x.dtype)
    for task in range(start, stop):
        n, group, block = task // blocks // groups, task // blocks % groups, task % blocks
        first_row = block * block_rows
        _fill_planes(x[n], group * channels, first_row, sizes, rows, columns, scratch)
        target = out[n, group * outputs : (group + 1) * outputs]
        first = 0
        for phase in range(phases.shape[0]):
            y, left, height, width, taps = phases[phase, 0], phases[phase, 1], phases[phase, 2], phases[phase, 3], phases[phase, 4]
            taps *= channels
            here = offsets[first : first + taps]
            height = min(block_rows, height - first_row)
            y += first_row * spread_h
            if taps == 0:
                sums[:] = 0
            for p in range(0, (height - 1) * pitch + width, pixels):
                for panel in range(panels):
                    if taps > 0:
                        weights = (group * panels + panel) * offsets.size + first
                        multiply_outer(packed.reshape(-1), weights * OUTER_ROWS, scratch, p, here, taps, sums, 0)
                    _write_tile(sums, pixels, p, pitch, height, width, target, panel * OUTER_ROWS, y, left, spread_h, spread_w)
            first += taps
