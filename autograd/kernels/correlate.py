"""Correlation as a matrix product whose right-hand side is never built. :mod:`.plan` explains the layout.

Either a task is a block of output rows of one image and group: its padded residue planes go into a scratch buffer that
stays in the second-level cache, then each tile of pixels is multiplied with each panel of weights. Or, where images are
small, a task is a tile of pixels from several images: they are gathered first, of some channels at a time, and each
once for all phases and taps that meet it. Where weights are many, such a tile is as wide as several register tiles.
"""

from __future__ import annotations

import numpy as np

from .buffers import flattened, scratch
from .jit import njit
from .moves import copy_vector, fetch
from .parallel import parallel_for
from .plan import (
    BLOCK_ROWS,
    BLOCKS,
    CHANNEL_STEP,
    CHANNELS,
    COLUMNS,
    DIRECT,
    ELEMENTS,
    FIRST_TAP,
    HEIGHT,
    PITCH,
    ROWS,
    SPREAD_H,
    SPREAD_W,
    TAPS,
    TILE,
    TOP,
    WIDTH,
    WINDOW,
    Plan,
)
from .planes import clear_run, copy_run, fill_planes, image_planes, interleave_run
from .tile import (
    FEW_ROWS,
    FEW_VECTORS,
    NARROW_VECTORS,
    OUTER_ROWS,
    OUTER_VECTORS,
    ROW_VECTORS,
    multiply_few,
    multiply_narrow,
    multiply_outer,
    multiply_outer_one,
    multiply_outer_two,
    multiply_row,
)
from .vectors import lanes


def correlate(x: np.ndarray, w: np.ndarray, plan: Plan, out: np.ndarray, *, groups: int, pitch: int) -> np.ndarray:
    """Fill ``out`` with the correlation of ``x`` and ``w`` that ``plan`` describes.

    pitch : distance of the weights of one output channel and the next.
    """
    outputs = out.shape[1] // groups
    flat, weights, target = x.reshape(-1), w.reshape(groups, -1), out.reshape(-1, *out.shape[2:])
    common = (weights, pitch, target, outputs, lanes(x.dtype))
    sizes, moves, phases, taps, shifts = plan.layout
    products = out[0, 0].size * len(taps) * outputs / len(phases) / 8  # of one image and group, vectorised
    images = x.shape[0] * groups
    if not plan.tiles:
        parallel_for(
            *(_correlate_blocks, images * plan.blocks * plan.chunks, flat, *common, plan.chunks),
            *(sizes, moves, phases, taps),
            cost=products / plan.blocks / plan.chunks,
        )
        return out
    planes = image_planes(x, groups, plan.layout)
    tasks = groups * plan.tiles * plan.chunks
    parallel_for(
        *(_correlate_tiles, tasks, planes, *common, plan.tiles, plan.chunks, sizes, phases, taps, shifts),
        cost=products * images / tasks,
    )
    return out


@njit
def _correlate_blocks(start, stop, x, w, w_pitch, out, outputs, lanes, chunks, sizes, moves, phases, taps):
    image_size, pitch, direct = sizes[CHANNELS] * sizes[HEIGHT] * sizes[WIDTH], sizes[PITCH], sizes[DIRECT] > 0
    spread_h, spread_w = sizes[SPREAD_H], sizes[SPREAD_W]
    block_rows, blocks = sizes[BLOCK_ROWS], sizes[BLOCKS]
    out_size, image_columns = out.shape[1] * out.shape[2], out.shape[2]
    groups, group_weights = w.shape
    weights, flat = flattened(w), flattened(out)
    planes = scratch(0 if direct else sizes[ELEMENTS], x.dtype)
    clear_run(planes, 0, planes.size - lanes, lanes)
    source = x if direct else planes
    single = outputs == 1
    pixels = (ROW_VECTORS if single else OUTER_VECTORS) * lanes
    apart = pixels if single else OUTER_ROWS * pixels
    sums = scratch(spread_w * apart + lanes, x.dtype)
    # counted along, not divided: a division takes as long as a tile of a small depthwise filter
    chunk, block = start % chunks, start // chunks % blocks
    image, group = start // (chunks * blocks), start // (chunks * blocks) % groups
    few, panels = direct and outputs <= FEW_ROWS, (outputs + OUTER_ROWS - 1) // OUTER_ROWS
    row_pixels = (FEW_VECTORS if few else NARROW_VECTORS) * lanes
    for _ in range(start, stop):
        first_channel = chunk * panels // chunks * OUTER_ROWS
        end_channel = min(outputs, (chunk + 1) * panels // chunks * OUTER_ROWS)
        first_row = block * block_rows
        base = image * image_size + first_row * pitch if direct else 0
        if not direct:
            fill_planes(x, image * image_size, sizes[CHANNELS], block, lanes, sizes, moves, planes, 0)
        for phase in range(0, phases.shape[0], spread_w):
            high, wide = min(block_rows, phases[phase, ROWS] - first_row), phases[phase, COLUMNS]
            corner = image * outputs * out_size + (phases[phase, TOP] + first_row * spread_h) * image_columns
            line, end = pitch, (high - 1) * pitch + wide
            if direct:  # rows follow each other without gaps: they are one
                high, wide, line = 1, end, end
            tap, count = phases[phase, FIRST_TAP], phases[phase, TAPS]
            # where rows are an odd number of vectors, the last three are one tile: two would overlap
            three = row_pixels == 2 * lanes and pixels == 3 * lanes <= wide
            unit = lanes if three else row_pixels
            covered = (wide + unit - 1) // unit * unit
            # in cycles of a pixel: 4 taps, and storing the sums, which takes longer where a tile is of two rows
            by_rows = covered * (count + 6) <= line * (count + 15) and row_pixels <= wide
            by_rows &= spread_w == 1 and not single and count > 0
            # panel by panel: what is written of a channel lies in one place. Row by row, 3 channels took a tenth
            # longer, in float64 up to twice as long.
            for channel in range(first_channel, end_channel, OUTER_ROWS):
                panel, at = min(OUTER_ROWS, outputs - channel), group * group_weights + channel * w_pitch
                for row in range(high if by_rows else 0):
                    begin = 0
                    while begin < wide:
                        last = three and row_pixels < wide - begin <= pixels
                        column = min(begin, wide - (pixels if last else row_pixels))
                        begin = wide if last else begin + row_pixels
                        p = base + row * pitch + column
                        target = corner + channel * out_size + row * spread_h * image_columns + column
                        if last:
                            multiply_outer(
                                *(weights, at, w_pitch, panel, source, p, taps, tap, count),
                                *(flat, target, out_size, False),
                            )
                        elif few:
                            multiply_few(
                                *(weights, at, w_pitch, panel, source, p, taps, tap, count),
                                *(flat, target, out_size, False),
                            )
                        else:
                            multiply_narrow(
                                *(weights, at, w_pitch, panel, source, p, taps, tap, count),
                                *(flat, target, out_size, False),
                            )
                row, column = 0, 0  # of the first pixel of a tile
                for begin in range(0, 0 if by_rows else end, pixels):
                    p = begin
                    if direct:
                        p = column = min(begin, end - pixels)  # nothing is read behind x
                    inside = spread_w == 1 and column + pixels <= wide and phases[phase, TAPS] > 0
                    target = corner + channel * out_size + row * spread_h * image_columns + column * spread_w
                    result, r0, step = (flat, target, out_size) if inside else (sums, 0, pixels)
                    for side in range(1 if inside else spread_w):
                        first, count = phases[phase + side, FIRST_TAP], phases[phase + side, TAPS]
                        if count == 0:
                            for i in range(apart):
                                sums[side * apart + i] = 0
                        elif single:
                            multiply_row(
                                *(weights, at, w_pitch, panel, source, base + p, taps, first, count),
                                *(result, r0 + side * apart, step, False),
                            )
                        else:
                            multiply_outer(
                                *(weights, at, w_pitch, panel, source, base + p, taps, first, count),
                                *(result, r0 + side * apart, step, False),
                            )
                    # store the columns that exist, ``wide`` of each ``line``; row follows row if there is one phase
                    r, c, lane = row, column, 0
                    while not inside and lane < pixels and r < high:
                        size = min(min(pixels - lane, wide - c) * spread_w, image_columns - c * spread_w)
                        room = size if spread_h > 1 else (high - r) * wide - c
                        for m in range(panel):
                            place = target + m * out_size
                            if spread_w == 1:
                                copy_run(flat, place, sums, m * pixels + lane, size, place + room, lanes)
                            else:
                                interleave_run(flat, place, size, spread_w, sums, m * pixels + lane, apart, lanes)
                        target += spread_h * image_columns - c * spread_w
                        lane += line - c
                        c = 0
                        r += 1
                    column += pixels
                    while column >= line:
                        column -= line
                        row += 1
        chunk += 1
        if chunk == chunks:
            chunk, block = 0, block + 1
        if block == blocks:
            block, image, group = 0, image + 1, group + 1
        if group == groups:
            group = 0


@njit
def _correlate_tiles(start, stop, planes, w, w_pitch, out, outputs, lanes, tiles, chunks, sizes, phases, taps, shifts):
    pitch, spread_h, spread_w = sizes[PITCH], sizes[SPREAD_H], sizes[SPREAD_W]
    channels, window_channels, channel_step = sizes[CHANNELS], sizes[WINDOW], sizes[CHANNEL_STEP]
    images, groups, image_size = planes.shape
    image_rows, image_columns = out.shape[1], out.shape[2]
    high, wide = (image_rows + spread_h - 1) // spread_h, (image_columns + spread_w - 1) // spread_w
    group_weights, panels = w.shape[1], (outputs + OUTER_ROWS - 1) // OUTER_ROWS
    weights, flat, source = flattened(w), flattened(out), flattened(planes)
    pixels, register_tile, rounds = sizes[TILE], OUTER_VECTORS * lanes, phases.shape[0] // spread_w
    panel_size, windows = OUTER_ROWS * pixels, (channels + window_channels - 1) // window_channels
    # of one panel and round, or of all while windows are added up
    sums = scratch((1 if windows == 1 else (panels // chunks + 1) * rounds) * spread_w * panel_size + lanes, w.dtype)
    window = scratch(window_channels * shifts.size * pixels + lanes, w.dtype)
    # a move is a vector of one row of pixels: where it is read (without a shift), and its first lane; a run is
    # contiguous in the output: its first lane, its size, where it goes, and in which row of a phase
    move_source, move_lane, run_lane = scratch(pixels, np.int64), scratch(pixels, np.int64), scratch(pixels, np.int64)
    run_size, run_target, run_row = scratch(pixels, np.int64), scratch(pixels, np.int64), scratch(pixels, np.int64)
    kept = -1  # the tile whose window is there
    for task in range(start, stop):
        chunk, tile, group = task % chunks, task // chunks % tiles, task // chunks // tiles
        pixel, lane, moves, runs = tile * pixels, 0, 0, 0
        while lane < pixels and pixel < images * high * wide:
            image, row, column = pixel // (high * wide), pixel // wide % high, pixel % wide
            length = min(wide - column, pixels - lane)
            for t in range(0, length, lanes):
                move_source[moves] = (image * groups + group) * image_size + row * pitch + column + t
                move_lane[moves] = lane + t
                moves += 1
            target = (image * groups + group) * outputs * image_rows + row * spread_h
            target = target * image_columns + column * spread_w
            if runs > 0 and spread_h == spread_w == 1 and target == run_target[runs - 1] + run_size[runs - 1]:
                run_size[runs - 1] += length
            else:
                run_lane[runs], run_target[runs], run_row[runs] = lane, target, row
                run_size[runs] = min(length * spread_w, image_columns - column * spread_w)
                runs += 1
            lane += length
            pixel += length
        first_panel, end_panel = chunk * panels // chunks, (chunk + 1) * panels // chunks
        for first in range(0, channels, window_channels):
            here = min(window_channels, channels - first)
            at = 0
            for c in range(first, first + (here if task // chunks != kept else 0)):
                for s in range(shifts.size):
                    for m in range(moves):  # what is too much is overwritten by the next move, or the next row
                        copy_vector(window, at + move_lane[m], source, c * channel_step + shifts[s] + move_source[m])
                    at += pixels
            add, last = first > 0, first + here == channels
            for part in range((end_panel - first_panel) * rounds):
                channel, round = (first_panel + part // rounds) * OUTER_ROWS, part % rounds
                exist, w_at = min(OUTER_ROWS, outputs - channel), group * group_weights + channel * w_pitch
                r0 = 0 if windows == 1 else part * spread_w * panel_size
                top, phase_rows = phases[round * spread_w, TOP], phases[round * spread_w, ROWS]
                corner = (channel * image_rows + top) * image_columns
                for r in range(runs if last else 0):  # multiplying takes as long as they take to come
                    target = run_target[r] + corner
                    for m in range(exist if run_row[r] < phase_rows else 0):
                        fetch(flat, target + m * image_rows * image_columns, run_size[r])
                for side in range(spread_w):
                    phase, at = round * spread_w + side, r0 + side * panel_size
                    of_channel = phases[phase, TAPS] // channels
                    k, n = phases[phase, FIRST_TAP] + first * of_channel, here * of_channel
                    for i in range(panel_size if n == 0 else 0):
                        sums[at + i] = 0
                    for p in range(0, lane if n > 0 else 0, register_tile):
                        left, s = lane - p, at + p
                        if left <= lanes:
                            multiply_outer_one(
                                weights, w_at, w_pitch, exist, window, p, taps, k, n, sums, s, pixels, add
                            )
                        elif left <= 2 * lanes:
                            multiply_outer_two(
                                weights, w_at, w_pitch, exist, window, p, taps, k, n, sums, s, pixels, add
                            )
                        else:
                            multiply_outer(weights, w_at, w_pitch, exist, window, p, taps, k, n, sums, s, pixels, add)
                for r in range(runs if last else 0):
                    size, target = run_size[r], run_target[r] + corner
                    for m in range(exist if run_row[r] < phase_rows else 0):
                        at = r0 + m * pixels + run_lane[r]
                        if spread_w == 1:
                            copy_run(flat, target, sums, at, size, target + size, lanes)
                        else:
                            interleave_run(flat, target, size, spread_w, sums, at, panel_size, lanes)
                        target += image_rows * image_columns
        kept = task // chunks if windows == 1 else -1
