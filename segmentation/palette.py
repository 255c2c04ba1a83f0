"""Class colours that stay apart for colour-blind readers, and masks laid over images.

The first colours are those of Okabe and Ito (2008). Where more are needed, each further one is the colour farthest from
all before it, judged by normal vision and by the three kinds of colour blindness, whichever sees the least difference.
"""

import functools
from collections.abc import Sequence

import numpy as np

OKABE_ITO = (
    (0, 0, 0),  # black: the background
    (230, 159, 0),  # orange
    (86, 180, 233),  # sky blue
    (0, 158, 115),  # bluish green
    (240, 228, 66),  # yellow
    (0, 114, 178),  # blue
    (213, 94, 0),  # vermilion
    (204, 121, 167),  # reddish purple
)

# Machado, Oliveira and Fernandes (2009), table of severity 1.0, for linear RGB.
_VISIONS = np.array(
    [
        [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    ]
)
# Ottosson (2020), OKLab: linear RGB -> cone responses -> (cube root) -> lightness and two colour axes.
_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_LEVELS = range(0, 256, 51)  # further colours are chosen among these levels of red, green and blue ...
_DARKEST = 0.4  # ... if they have this OKLab lightness: darker ones are told from black by formula, but hardly by eye


def perceived(colors: np.ndarray | Sequence) -> np.ndarray:
    """OKLab coordinates of sRGB colours (n, 3) in 0..255 as four eyes see them, float64 (4, n, 3).

    The eyes: normal, without red (protan), without green (deutan), without blue (tritan) cones.
    """
    srgb = np.asarray(colors, np.float64) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ _VISIONS.transpose(0, 2, 1), 0, 1)
    return np.cbrt(seen @ _TO_LMS.T) @ _TO_LAB.T


@functools.lru_cache
def palette(count: int) -> np.ndarray:
    """``count`` class colours, uint8 (count, 3), read-only; class 0 is black. A longer palette begins with the shorter.

    With more classes than about 20 no palette stays easy to read: names in a legend, and outlines, must help.
    """
    if count < 1:
        raise ValueError(f"palette: count is {count} but at least 1 colour is needed")
    chosen = np.array(OKABE_ITO[:count], np.uint8)
    if count > len(OKABE_ITO):
        grid = np.array([(r, g, b) for r in _LEVELS for g in _LEVELS for b in _LEVELS], np.uint8)
        grid = grid[perceived(grid)[0, :, 0] >= _DARKEST]
        seen = perceived(grid)  # (4, G, 3)
        distance = np.min([_apart(seen, color) for color in chosen], axis=0)
        picked = list(chosen)
        # Past the whole grid, which nobody can tell apart, all distances are 0 and argmax repeats one colour.
        while len(picked) < count:
            picked.append(grid[distance.argmax()])
            distance = np.minimum(distance, _apart(seen, picked[-1]))
        chosen = np.array(picked)
    chosen.flags.writeable = False
    return chosen


def _apart(seen: np.ndarray, color: np.ndarray) -> np.ndarray:
    """How far a colour is from each of ``seen`` (4, G, 3), for the eye that sees the least difference: (G,)."""
    return np.sqrt(((seen - perceived(color[None])) ** 2).sum(axis=-1)).min(axis=0)


def colorize(
    mask: np.ndarray, colors: np.ndarray | Sequence | None = None, ignore_index: int | None = None
) -> np.ndarray:
    """Paint a mask: uint8 (H, W, 3). Ignored pixels are gray, striped, so that they pass for no class.

    mask : integers (H, W)
    colors : (K, 3) in 0..255; None makes ``palette`` as long as the mask needs

    Raises ValueError for a label without a colour that is not ``ignore_index``.
    """
    mask = np.asarray(mask)
    if mask.ndim != 2 or mask.dtype.kind not in "iub":
        raise ValueError(f"colorize: the mask is {mask.dtype} {mask.shape} but must be integers (H, W)")
    ignored = np.zeros(mask.shape, bool) if ignore_index is None else mask == ignore_index
    labels = np.where(ignored, 0, mask).astype(np.int64)
    low, high = (int(labels.min()), int(labels.max())) if labels.size else (0, 0)
    table = (
        palette(high + 1)
        if colors is None and high >= 0
        else np.asarray(colors if colors is not None else (), np.uint8)
    )
    if low < 0 or high >= len(table):
        raise ValueError(
            f"colorize: the mask holds the label {low if low < 0 else high} but there are {len(table)} colours"
        )
    painted = table[labels]
    row, column = np.indices(mask.shape, sparse=True)
    stripe = ((row + column) // 2 % 2).astype(bool)
    painted[ignored & stripe], painted[ignored & ~stripe] = 160, 96
    return painted


def overlay(
    image: np.ndarray,
    mask: np.ndarray,
    colors: np.ndarray | Sequence | None = None,
    alpha: float = 0.5,
    ignore_index: int | None = None,
    background: int | None = 0,
    outline: bool = True,
) -> np.ndarray:
    """Lay a mask over its image, uint8 (H, W, 3): ``(1 - alpha) image + alpha colour``.

    image : (C, H, W) or (H, W), floats in [0, 1] (cut to it) or uint8; 3 channels are RGB, any other number is averaged
    mask : integers (H, W)
    alpha : 0 shows the image alone, 1 the mask alone
    background : a class that is left unpainted, so the image shows through; None paints every class
    outline : paint the inner edge of every area in its full colour: areas are seen where their colour hardly is

    Raises ValueError where image and mask disagree in size.
    """
    mask, picture = np.asarray(mask), np.asarray(image)
    if not 0 <= alpha <= 1:
        raise ValueError(f"overlay: alpha is {alpha} but must lie in 0..1")
    picture = picture[None] if picture.ndim == 2 else picture
    if picture.ndim != 3 or picture.shape[1:] != mask.shape:
        raise ValueError(
            f"overlay: the image has shape {np.shape(image)} but the mask {mask.shape}: (C, H, W) and (H, W) are needed"
        )
    unit = np.clip(picture / 255 if picture.dtype == np.uint8 else np.nan_to_num(picture), 0, 1)
    rgb = (unit if len(unit) == 3 else np.repeat(unit.mean(axis=0, keepdims=True), 3, axis=0)).transpose(1, 2, 0) * 255
    strength = np.full(mask.shape, float(alpha))
    if outline and alpha > 0:
        strength[_edges(mask)] = 1
    if background is not None:
        strength[mask == background] = 0
    mixed = rgb + strength[..., None] * (colorize(mask, colors, ignore_index) - rgb)
    return np.rint(mixed).astype(np.uint8)


def _edges(mask: np.ndarray) -> np.ndarray:
    """Pixels with a neighbour, left, right, above or below, of another label: bool (H, W)."""
    edges = np.zeros(mask.shape, bool)
    across, down = mask[:, 1:] != mask[:, :-1], mask[1:] != mask[:-1]
    edges[:, 1:] |= across
    edges[:, :-1] |= across
    edges[1:] |= down
    edges[:-1] |= down
    return edges
