"""Segmenting pictures with a trained network.

The class of a pixel is the argmax of its logits. No softmax is computed: it keeps the order of the logits, so the
argmax is the same, equations (16) and (17) of the report. Training did need it, because an argmax has no gradient to
learn from.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

import nn
from autograd import from_numpy, no_grad

from . import checkpoint
from .config import Config
from .data import DataError
from .data.reading import SUFFIXES, inspect, read_image
from .data.transforms import resize_image, resize_mask
from .errors import UsageError, show
from .evaluation import predict
from .models import build
from .palette import overlay, palette
from .progress import Progress
from .report.pictures import background
from .run import Run


def load_model(path: str | Path) -> tuple[nn.Module, Config, dict[str, Any], Path]:
    """The network of a run folder (its best checkpoint, else its last) or of a checkpoint file, in evaluation mode.

    Returns the network, the settings it was trained with, what is known of its data, and the checkpoint's path.
    Raises UsageError where there is no checkpoint, or a damaged one.
    """
    path = Path(path)
    if not path.exists():
        raise UsageError(f"no such run: {show(path)}: give the --out folder of a training run")
    if path.is_dir():
        run = Run(path)
        file = run.best if run.best.is_file() or not run.last.is_file() else run.last
        if not file.is_file():
            raise UsageError(
                f"{show(path)} holds no checkpoint (best.safetensors or last.safetensors): "
                "train first, or give the folder of another run"
            )
    else:
        file = path
    state = checkpoint.load(file)
    try:
        config, about = Config.from_json(state["config"]), state["about"]
        model = build(config.model, about["in_channels"], len(about["classes"]), config.base, config.depth)
        model.load_state_dict(state["model"])
    except UsageError as error:
        raise UsageError(f"{show(file)}: {error}") from error
    except (KeyError, ValueError, TypeError) as error:
        raise UsageError(f"{show(file)} is damaged ({' '.join(str(error).split())}): train again") from error
    return model.eval(), config, about, file


def segment(model: nn.Module, image: np.ndarray, depth: int, tile: int = 512) -> np.ndarray:
    """The classes of a picture of any size: image float32 (C, H, W) to int64 (H, W).

    A large picture is cut into tiles. Each is predicted with a border around it and only its core is kept. Tiles
    begin at multiples of ``2**depth``, where the pooling grids of tile and whole picture coincide, and the border is
    8 times that, which is wider than these networks see: the result is that of the whole picture, in bounded memory.
    """
    grid = 2**depth
    border, core = 8 * grid, -(-tile // grid) * grid
    height, width = image.shape[1:]
    if max(height, width) <= core + 2 * border:
        return _predict(model, image)
    mask = np.empty((height, width), np.int64)
    for top in range(0, height, core):
        for left in range(0, width, core):
            y, x = max(top - border, 0), max(left - border, 0)
            window = image[:, y : top + core + border, x : left + core + border]
            found = _predict(model, window)[top - y :, left - x :][:core, :core]
            mask[top : top + found.shape[0], left : left + found.shape[1]] = found
    return mask


def _predict(model: nn.Module, image: np.ndarray) -> np.ndarray:
    with no_grad():
        return predict(model(from_numpy(np.ascontiguousarray(image[None]))))[0]


def predict_files(
    model: nn.Module,
    config: Config,
    about: dict[str, Any],
    images: Path,
    out: Path,
    progress: Progress,
    tile: int = 512,
    overlays: bool = True,
    overwrite: bool = False,
    native: bool = False,
) -> list[Path]:
    """Segment a picture or a folder of pictures; returns the masks written.

    native : predict at the pictures' own size even if the network was trained on resized pictures

    Raises DataError or UsageError before the first prediction where a picture does not fit or a result would be
    overwritten.
    """
    files = _find(images)
    for file in files:
        _check_channels(file, about["in_channels"])
    targets = _targets(files, images, out, overwrite)
    names = about["classes"]
    colors = np.array(about["colors"], np.uint8) if about["colors"] else palette(len(names))
    written = []
    progress.start("predicting", len(files))
    try:
        for file, target in zip(files, targets, strict=True):
            image = read_image(file, about["in_channels"])
            # a network trained on resized pictures knows things at that size
            seen = image if native or config.size is None else resize_image(image, config.size)
            mask = resize_mask(segment(model, seen, config.depth, tile), image.shape[1:])
            _write_mask(target, mask, colors)
            if overlays:
                painted = overlay(image, mask, colors, background=background(tuple(names)))
                _write(target.with_name(f"{target.stem}_overlay.png"), painted)
            written.append(target)
            progress.step(1)
            counts = np.bincount(mask.ravel(), minlength=len(names))
            shares = {name: int(n) for name, n in zip(names, counts, strict=True)}
            record = {"event": "prediction", "image": str(file), "mask": str(target), "pixels": shares}
            progress.result(f"{target}: {_told(shares, mask.size)}", record)
    finally:
        progress.finish()
    return written


def _told(shares: dict[str, int], pixels: int) -> str:
    found = sorted(((n, name) for name, n in shares.items() if n), reverse=True)[:4]
    return ", ".join(f"{name} {100 * n / pixels:.1f} %" for n, name in found)


def _find(images: Path) -> list[Path]:
    if images.is_file():
        return [images]
    if not images.exists():
        raise UsageError(f"no such picture or folder: {show(images)}")
    files = sorted(
        p for p in images.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith(".") and p.is_file()
    )
    if not files:
        raise UsageError(
            f"{show(images)} holds no pictures ({' '.join(SUFFIXES)}): name a picture or a folder of pictures"
        )
    return files


def _check_channels(file: Path, channels: int) -> None:
    gray = inspect(file)[1]
    if gray and channels == 3:
        raise DataError(
            f"{show(file)} is gray (1 channel) but the network was trained on colour (3): convert the picture to RGB"
        )
    if not gray and channels == 1:
        raise DataError(
            f"{show(file)} is in colour (3 channels) but the network was trained on gray (1): convert it to gray"
        )


def _targets(files: list[Path], images: Path, out: Path, overwrite: bool) -> list[Path]:
    """Where the masks go; refuses what would overwrite a picture, or two results of one name."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {show(out)} is a file: name a folder")
    if out.resolve() == (images if images.is_dir() else images.parent).resolve():
        raise UsageError(
            f"--out {show(out)} is the folder of the pictures, which would be overwritten: name another folder"
        )
    targets: list[Path] = []
    owner: dict[str, Path] = {}
    for file in files:
        target = out / f"{file.stem}.png"
        for name in (target.name, f"{file.stem}_overlay.png"):
            if name in owner:
                raise UsageError(
                    f"{show(owner[name])} and {show(file)} would both be written to {show(out / name)}: rename one"
                )
            owner[name] = file
        if target.exists() and not overwrite:
            raise UsageError(f"{show(target)} exists already: give --overwrite or another --out")
        targets.append(target)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"--out {show(out)} cannot be written ({error.strerror or error}): choose another folder"
        ) from error
    return targets


def _write_mask(path: Path, mask: np.ndarray, colors: np.ndarray) -> None:
    """Class numbers as a palette picture: values for programs, colours for people. 16-bit gray from 257 classes on."""
    if len(colors) > 256:
        _write(path, mask.astype(np.uint16))
    else:
        _write(path, mask.astype(np.uint8), colors)


def _write(path: Path, pixels: np.ndarray, colors: np.ndarray | None = None) -> None:
    from PIL import Image

    picture = Image.fromarray(np.ascontiguousarray(pixels))
    if colors is not None:
        picture.putpalette(np.asarray(colors, np.uint8).tobytes())  # turns gray into palette mode, values kept
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        picture.save(temporary, "PNG")
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise UsageError(
            f"cannot write {show(path)} ({error.strerror or error}): free some space, or choose another --out"
        ) from error
