"""Picture files to arrays, for files that nobody has vouched for.

The format comes from the file's content and must be on the list; the size is taken from the header and judged before
any pixel is decoded; whatever goes wrong while decoding becomes one DataError that names the file.
"""

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .errors import DataError, show

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "BMP", "TIFF")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
GRAY_MODES = {"1", "L", "LA", "I", "I;16", "I;16B", "I;16L", "F"}
_SIDEWAYS = (5, 6, 7, 8)  # EXIF orientations that swap height and width


@contextlib.contextmanager
def _open(path: Path) -> Iterator["Image"]:
    """Open a picture with its header read and its size judged; every failure inside the block becomes a DataError."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about odd metadata, without the file's name
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as picture:
                # A stack of TIFF pages or an animation has no single mask. ("MPO" is a photo with a preview behind it.)
                frames = getattr(picture, "n_frames", 1)
                if frames > 1 and picture.format != "MPO":
                    raise DataError(
                        f"{show(path)} holds {frames} pictures but one per file is expected: save them apart"
                    )
                yield picture
    except DataError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise DataError(
            f"{show(path)} unpacks to more than the {Image.MAX_IMAGE_PIXELS} pixels allowed: "
            "if that is right, cut it into tiles, or raise PIL.Image.MAX_IMAGE_PIXELS"
        ) from error
    except FileNotFoundError as error:
        raise DataError(f"{show(path)} does not exist") from error
    except PermissionError as error:
        raise DataError(f"{show(path)} may not be read: change its permissions") from error
    except MemoryError:
        raise
    # On damaged files Pillow raises OSError, SyntaxError, ValueError, struct.error, TypeError, ...: no list is complete
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, Image.UnidentifiedImageError):
            reason = f"not a picture in one of the formats {', '.join(FORMATS)}"
        raise DataError(f"{show(path)} cannot be read ({reason}): replace or remove it") from error


def inspect(path: Path, decode: bool = False) -> tuple[tuple[int, int], bool]:
    """The upright size (H, W) of a picture and whether it is gray by its kind, from the header alone.

    decode : unpack the pixels too, so that a file damaged behind its header is found now
    """
    from PIL import Image

    with _open(path) as picture:
        width, height = picture.size
        # A PNG file's own getexif unpacks the pixels, to look behind them too; the base class's stays at the header.
        exif = picture.getexif() if decode else Image.Image.getexif(picture)
        if exif.get(0x0112) in _SIDEWAYS:
            width, height = height, width
        if decode:
            picture.load()
        return (height, width), picture.mode in GRAY_MODES and "transparency" not in picture.info


def read_image(path: Path, channels: int) -> np.ndarray:
    """Read a picture as float32 (channels, H, W) in [0, 1].

    8-bit values are divided by 255 and 16-bit gray values by 65535, with no stretching. (Pillow keeps the high byte of
    16-bit *colour*.) Transparent pixels are laid over white, as a viewer shows them. EXIF orientation is applied.

    channels : 1 (colour becomes luminance, ITU-R 601) or 3 (gray is repeated)

    Raises DataError where the file cannot be read, or holds float or 32-bit values outside the known ranges.
    """
    from PIL import Image, ImageOps

    if channels not in (1, 3):
        raise ValueError(f"read_image: channels is {channels} but a picture is read with 1 or 3")
    with _open(path) as picture:
        picture = ImageOps.exif_transpose(picture)
        if picture.mode == "F" or picture.mode.startswith("I"):
            plane = _unit_range(np.asarray(picture), path)
            return np.repeat(plane[None], channels, axis=0)
        if picture.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in picture.info:
            picture = picture.convert("RGBA")
            picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
        pixels = np.asarray(picture.convert("L" if channels == 1 else "RGB"))
    planes = pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)
    return np.multiply(planes, np.float32(1 / 255), dtype=np.float32, order="C")


def _unit_range(pixels: np.ndarray, path: Path) -> np.ndarray:
    """Values of a 16-bit, 32-bit or float gray picture as float32 in [0, 1]."""
    low, high = pixels.min(), pixels.max()  # a NaN makes both comparisons below false, and is refused with the rest
    limit = 1 if pixels.dtype.kind == "f" else 65535
    if not (low >= 0 and high <= limit):
        raise DataError(
            f"{show(path)} holds values from {low} to {high} but {pixels.dtype} pixels must lie in 0..{limit}: "
            "rescale it"
        )
    return (pixels / limit).astype(np.float32)


class RawMask:
    """What a mask file holds before anybody decides what it means.

    values : (H, W) integers (class numbers, 0/1, 0/255), or (H, W, 3) uint8 colours
    bilevel : True for a 1-bit file, whose values are 0 and 1
    palette : the (n, 3) colours of a palette file, whose values are then positions in it, else None
    """

    def __init__(self, values: np.ndarray, bilevel: bool = False, palette: np.ndarray | None = None) -> None:
        self.values, self.bilevel, self.palette = values, bilevel, palette

    @property
    def is_color(self) -> bool:
        return self.values.ndim == 3


def read_mask(path: Path) -> RawMask:
    """Read a mask file without interpreting it.

    A colour file whose three channels are equal everywhere stays a colour file: only its folder can tell what it means.

    Raises DataError for lossy (JPEG) files, partly transparent ones, and kinds that cannot hold labels.
    """
    from PIL import ImageOps

    with _open(path) as picture:
        if picture.format in ("JPEG", "MPO") or picture.info.get("compression") in ("jpeg", "tiff_jpeg"):
            raise DataError(
                f"{show(path)} is a mask saved as JPEG, which changes labels along every edge: save masks as PNG"
            )
        picture = ImageOps.exif_transpose(picture)
        mode = picture.mode
        if mode == "1":
            return RawMask(np.asarray(picture).astype(np.uint8), bilevel=True)
        if mode == "P":
            colors = picture.getpalette("RGB") or []
            return RawMask(np.asarray(picture), palette=np.array(colors, np.uint8).reshape(-1, 3))
        if mode == "L" or mode.startswith("I"):
            return RawMask(np.asarray(picture))
        if mode == "RGB":
            return RawMask(np.asarray(picture))
        if mode in ("LA", "RGBA"):
            pixels = np.asarray(picture)
            if (pixels[..., -1] != 255).any():
                raise DataError(
                    f"{show(path)} is a mask with transparent pixels, whose label is unclear: save it without alpha"
                )
            return RawMask(pixels[..., 0] if mode == "LA" else pixels[..., :3])
        raise DataError(
            f"{show(path)} is a mask of kind {mode!r}, which cannot hold labels: save it as an 8-bit gray, palette or "
            "RGB PNG"
        )
