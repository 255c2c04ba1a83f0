"""1 × 1 filters on register tiles: the product of the weights with every pixel of some images, the pixels packed.

In an image the channels of a pixel lie a plane apart: a tile of pixels touches as many pages as there are channels, and
where planes are a multiple of 4096 bytes, all of them compete for the same few lines of the first-level cache. So a
task copies the channels of a *group* of pixels, of all images alike, side by side, into the second-level cache, for all
output channels or a *chunk* of them: whole tiles while they are multiplied with the first weights, and asked for before
that, which hides most of the copying (a tenth of the time with 64 channels). The pixels that a stride leaves out are
left out in the copy.
Transposed weights are copied, too, for some channels at a time: a line of memory holds weights of 16 outputs.

A 2 × 2 filter with a stride of 2 is such a filter, too, of four times as many channels: each pixel of a *patch* is a
channel of its own, in the copy or where results are written.
"""

from __future__ import annotations

import numpy as np

from ..geometry import Padding, Pair
from .buffers import address, scratch
from .jit import njit
from .moves import clear_vector, copy_even, copy_part, copy_split, copy_vector, fetch, interleave, interleave_part
from .packed_plan import (
    CHUNKS,
    COLUMNS,
    GROUPS,
    IMAGE,
    LINE,
    OUT_IMAGE,
    OUT_LINE,
    OUT_PATCHES,
    OUT_PLANE,
    OUT_ROWS,
    PATCHES,
    PIXELS,
    ROWS,
    SPREAD_H,
    SPREAD_W,
    STEP,
    TILES,
    lay_out,
)
from .parallel import parallel_for
from .tile import (
    FETCHED,
    OUTER_ROWS,
    OUTER_VECTORS,
    multiply_and_pack,
    multiply_outer,
    multiply_outer_one,
    multiply_outer_two,
)
from .vectors import lanes

# Channels on either side that pay for copying the pixels. To 16 channels, maps of 28 × 28 took 0.8 to 1.2 times as long
# as where tiles read them in place, and maps of 64 × 64 took 0.6 times as long.
_LEAST_CHANNELS = 16
# Bytes of the weights of a channel that are copied at a time, if they are transposed. With 64, a line of memory, 1024
# channels took a tenth longer; with 512, in float64, they leave too little of the second-level cache to the pixels.
_ABREAST_BYTES = 256
# Bytes of results whose places are asked for before they are written: 8 to 17 MB of patches took a fifth to a third
# less in float64, 4 MB in float32 a twentieth more.
_FAR_BYTES = 6_000_000


def pays(weights: tuple[int, ...], size: Pair, stride: Pair, padding: Padding, dilation: Pair, groups: int) -> bool:
    """Whether a convolution of maps of ``size`` with weights (O, C, KH, KW) is such a product, and faster here."""
    outputs, channels, *kernel_size = weights
    whole = size[0] % 2 == size[1] % 2 == 0
    patches = kernel_size == [2, 2] == list(stride) and tuple(dilation) == (1, 1) and whole
    least = min(outputs, channels * kernel_size[0] * kernel_size[1])
    return (
        (kernel_size == [1, 1] or patches) and groups == 1 and least >= _LEAST_CHANNELS and not any(map(any, padding))
    )


def multiply(
    weights: np.ndarray, x: np.ndarray, out: np.ndarray, *, stride: Pair = (1, 1), spread: Pair = (1, 1)
) -> np.ndarray:
    """Fill ``out`` (N, O, OH, OW) with ``weights`` (M, K) times each pixel that ``stride`` meets of x (N, C, H, W).

    K is C, or C times the pixels of a patch as large as ``stride``; M is O, or O times those of one as large as
    ``spread``. A patch has two columns.

    weights : a matrix in row-major order, or the transpose of one.
    spread : distance of two results in ``out``; there is zero between them if M is O.
    """
    layout = lay_out(x.shape, out.shape, weights.shape, tuple(stride), tuple(spread), x.itemsize)
    transposed = not weights.flags.c_contiguous
    tasks = int(layout.sizes[GROUPS] * layout.sizes[CHUNKS])
    parallel_for(
        *(_multiply, tasks, x.reshape(-1), (weights.T if transposed else weights).reshape(-1), transposed),
        *(out.reshape(-1), *layout, lanes(x.dtype)),
        cost=int(layout.sizes[PIXELS]) * weights.size / tasks / 8,
    )
    return out


@njit
def _multiply(start, stop, x, w, transposed, out, sizes, sources, targets, lanes):
    channels, outputs, chunks = sources.size, targets.size, sizes[CHUNKS]
    width, out_plane = OUTER_VECTORS * lanes, sizes[OUT_PLANE]
    split = sizes[PATCHES] > 0
    apart = channels // 2 * width + lanes  # of even and odd pixels
    tile_size, most = channels * width + 2 * lanes, sizes[TILES] * width
    dense, patches = sizes[SPREAD_H] == 1 and sizes[SPREAD_W] == 1, sizes[OUT_PATCHES] > 0
    # The first lanes of the first tile that are empty, so that the results of whole tiles are whole lines of memory.
    empty = address(out) // out.itemsize % lanes if dense and not patches and out_plane % lanes == 0 else 0
    panels, tiles = (outputs + OUTER_ROWS - 1) // OUTER_ROWS, (sizes[PIXELS] + empty + width - 1) // width
    pixels, runs = scratch(sizes[TILES] * tile_size, x.dtype), scratch(4 * most, np.int64)
    first_run, moves = scratch(sizes[TILES] + 1, np.int64), scratch(2 * most, np.int64)
    whole = scratch(sizes[TILES], np.int64)
    sums = scratch(OUTER_ROWS * width + lanes, x.dtype)  # and zeros
    clear_vector(sums, OUTER_ROWS * width)
    abreast, span = max(OUTER_ROWS, lanes), _ABREAST_BYTES // x.itemsize
    columns = scratch(span * channels if transposed else 0, x.dtype)
    weights = columns if transposed else w
    taps, planes = scratch(2 * channels, np.int64), scratch(2 * (channels + FETCHED), np.int64)
    for k in range(channels + FETCHED):  # where pixels come from, of this tile and the next ones
        planes[2 * k] = k * abreast if transposed else k
        planes[2 * k + 1] = sources[k % channels] + k // channels * width
    for k in range(channels):  # where they are packed
        taps[2 * k] = planes[2 * k]
        taps[2 * k + 1] = k // 2 * width + k % 2 * apart if split else k * width
    far = patches and out.size * out.itemsize > _FAR_BYTES
    packed, size = -1, 0  # the group whose pixels are there, and how many they are
    for task in range(start, stop):
        group, chunk = task // chunks, task % chunks
        fresh = group != packed  # then its whole tiles are packed while they are multiplied for the first time
        if fresh:
            pixel, packed = group * tiles // sizes[GROUPS] * width - empty, group
            size = min((group + 1) * tiles // sizes[GROUPS] * width - empty, sizes[PIXELS]) - pixel
            moved = _lay_out(pixel, size, width, tile_size, lanes, sizes, whole, moves, runs, first_run)
            if split:
                _pack_patches(x, sources, moves, moved, lanes, pixels, width, apart)
            else:
                _pack(x, sources, sizes[STEP], moves, moved, lanes, pixels, width)
        first, end = chunk * panels // chunks * OUTER_ROWS, (chunk + 1) * panels // chunks * OUTER_ROWS
        for channel in range(first, min(end, outputs), OUTER_ROWS):
            rows, w0, pitch = min(OUTER_ROWS, outputs - channel), channel * channels, channels
            if transposed:
                place, pitch = (channel - first) % span, 1
                if place == 0:
                    _copy_columns(w, channel, outputs, channels, span, abreast, lanes, columns)
                w0 = place // abreast * abreast * channels + place % abreast
            for tile in range((size + width - 1) // width):
                p0, run, vectors = tile * tile_size, 4 * first_run[tile], (size - tile * width + lanes - 1) // lanes
                direct = dense and runs[run + 1] == width
                place = runs[run + 2] + channel * out_plane
                result, r0, step = (out, place, out_plane) if direct else (sums, 0, width)
                if far:
                    _ask(rows, channel, targets, runs, first_run[tile], first_run[tile + 1], out)
                if fresh and whole[tile] >= 0:
                    multiply_and_pack(
                        *(weights, w0, pitch, rows, x, whole[tile], planes, 0, channels),
                        *(result, r0, step, False, pixels, p0),
                    )
                elif vectors == 1:
                    multiply_outer_one(weights, w0, pitch, rows, pixels, p0, taps, 0, channels, result, r0, step, False)
                elif vectors == 2:
                    multiply_outer_two(weights, w0, pitch, rows, pixels, p0, taps, 0, channels, result, r0, step, False)
                else:
                    multiply_outer(weights, w0, pitch, rows, pixels, p0, taps, 0, channels, result, r0, step, False)
                if direct:
                    continue
                run, end_run = first_run[tile], first_run[tile + 1]
                if patches:
                    _store_patches(sums, width, rows, channel, targets, runs, run, end_run, lanes, out)
                else:
                    _store(sums, width, rows, channel, targets, runs, run, end_run, lanes, sizes, out)
            fresh = False


@njit
def _lay_out(pixel, size, width, tile_size, lanes, sizes, whole, moves, runs, first_run):
    """Fill the tables of ``size`` pixels, from ``pixel`` on, and return how many moves they are.

    A whole tile has a place where it is read at once, others have -1, and moves: a move is a vector of pixels, where it
    is read, and where it is packed. A run lies in one tile, and in one run of results: its first lane, how many they
    are with what lies between them, where those of channel 0 go, and in which of their rows.
    """
    rows, columns = sizes[ROWS], sizes[COLUMNS]
    position, move, run = max(0, -pixel), 0, 0
    pixel += position
    first_run[0], whole[0] = 0, -1
    while position < size:
        image, row, column = pixel // (rows * columns), pixel // columns % rows, pixel % columns
        tile, lane = position // width, position % width
        if lane == 0:
            first_run[tile], whole[tile] = run, -1
        length = min(columns - column, width - lane, size - position)
        source = image * sizes[IMAGE] + row * sizes[LINE] + column * sizes[STEP]
        t = 0
        if length == width and sizes[STEP] == 1:
            whole[tile], t = source, length
        while t < length:
            moves[2 * move], moves[2 * move + 1] = source + t * sizes[STEP], tile * tile_size + lane + t
            t, move = t + lanes, move + 1
        place = image * sizes[OUT_IMAGE] + row * sizes[SPREAD_H] * sizes[OUT_LINE]
        place += column * sizes[SPREAD_W]
        last, count = 4 * run - 4, min(length * sizes[SPREAD_W], sizes[OUT_LINE] - column * sizes[SPREAD_W])
        neighbours = run > first_run[tile] and place == runs[last + 2] + runs[last + 1]
        if neighbours and sizes[SPREAD_H] == sizes[SPREAD_W] == 1:
            runs[last + 1] += count
        else:
            runs[last + 4], runs[last + 5], runs[last + 6], runs[last + 7] = lane, count, place, row
            run += 1
        position += length
        pixel += length
    first_run[(size + width - 1) // width] = run
    return move


@njit
def _pack(x, sources, step, moves, moved, lanes, pixels, width):
    """Copy the pixels: what is too much is overwritten by the next move, or the next channel, or lies between tiles."""
    for k in range(sources.size):
        base, at = sources[k], k * width
        for m in range(moved):
            s, t = base + moves[2 * m], at + moves[2 * m + 1]
            if step == 1 and s + lanes <= x.size:
                copy_vector(pixels, t, x, s)
            elif step == 2 and s + 2 * lanes <= x.size:
                copy_even(pixels, t, x, s)
            else:
                for i in range(min(lanes, (x.size - s + step - 1) // step)):
                    pixels[t + i] = x[s + i * step]


@njit
def _pack_patches(x, sources, moves, moved, lanes, pixels, width, apart):
    """Copy the even pixels of the rows of patches, and the odd ones ``apart`` from them, in the manner of ``_pack``."""
    for k in range(0, sources.size, 2):
        base, at = sources[k], k // 2 * width
        for m in range(moved):
            s, t = base + moves[2 * m], at + moves[2 * m + 1]
            if s + 2 * lanes <= x.size:
                copy_split(pixels, t, t + apart, x, s)
            else:
                for i in range(min(lanes, (x.size - s) // 2)):
                    pixels[t + i], pixels[t + apart + i] = x[s + 2 * i], x[s + 2 * i + 1]


@njit
def _copy_columns(w, first, outputs, channels, span, abreast, lanes, columns):
    """Copy the weights of ``span`` outputs, from ``first`` on: of ``abreast`` of them for each channel, and so on."""
    for k in range(channels):
        s, t = k * outputs + first, k * abreast
        m, end = 0, s + span
        while s < end:  # counted by hand: a range with a step that is no constant divides first
            if s + lanes <= w.size:
                copy_vector(columns, t + m, w, s)
            else:
                for i in range(w.size - s):
                    columns[t + m + i] = w[s + i]
            s, m = s + lanes, m + lanes
            if m == abreast:
                m, t = 0, t + channels * abreast


@njit
def _store(sums, width, rows, channel, targets, runs, first_run, end_run, lanes, sizes, out):
    """Write the sums of ``rows`` channels from ``channel`` on to their runs, with zeros between and below them."""
    line, spread_h, spread_w = sizes[OUT_LINE], sizes[SPREAD_H], sizes[SPREAD_W]
    zeros = OUTER_ROWS * width
    for run in range(first_run, end_run):
        first, count, place, row = runs[4 * run], runs[4 * run + 1], runs[4 * run + 2], runs[4 * run + 3]
        below = min(spread_h, sizes[OUT_ROWS] - row * spread_h) - 1
        for m in range(rows):
            at, target = m * width + first, place + targets[channel + m]
            if spread_w <= 2:
                t = 0
                while t < count:
                    if spread_w == 1:
                        copy_part(out, target + t, sums, at + t, count - t)
                    else:
                        interleave_part(out, target + t, sums, at + t // 2, zeros, count - t)
                    t += spread_w * lanes
            else:
                for i in range(count):
                    out[target + i] = sums[at + i // spread_w] if i % spread_w == 0 else 0
            for _ in range(below):
                target += line
                t = 0
                while t < count:
                    copy_part(out, target + t, sums, zeros, count - t)
                    t += lanes


@njit
def _store_patches(sums, width, rows, channel, targets, runs, first_run, end_run, lanes, out):
    """Write the sums of ``rows`` channels: one and the next one are neighbours in a patch."""
    for run in range(first_run, end_run):
        first, count, place = runs[4 * run], runs[4 * run + 1], runs[4 * run + 2]
        m = 0
        while m < rows:
            at, target, t = m * width + first, place + targets[channel + m], 0
            while t + 2 * lanes <= count:
                interleave(out, target + t, sums, at, at + width)
                at, t = at + lanes, t + 2 * lanes
            if t < count:
                interleave_part(out, target + t, sums, at, at + width, count - t)
            m += 2


@njit
def _ask(rows, channel, targets, runs, first_run, end_run, out):
    """Ask for the places that ``_store_patches`` will write: multiplying takes as long as they take to come."""
    for run in range(first_run, end_run):
        for m in range(0, rows, 2):
            fetch(out, runs[4 * run + 2] + targets[channel + m], runs[4 * run + 1])
