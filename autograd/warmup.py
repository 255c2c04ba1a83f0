"""``python -m autograd.warmup``: compile the kernels before they are needed, so that no program waits for them.

A program, not a library: it trains the models and runs the layers for a moment, and what that compiles is kept on disk
(:mod:`autograd.kernels.jit`). So it stands above everything it runs, and follows every change of it by itself.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import autograd
import nn
import optim
import segmentation
from nn import functional as F

_EXAMPLES = """\
examples:
  python -m autograd.warmup                   what training and inference in float32 need
  python -m autograd.warmup --dtype all       in float64 too
  GLASSGRAD_CACHE_DIR=/opt/kernels python -m autograd.warmup

exit codes: 0 every kernel is on disk; 1 the disk cannot keep them; 2 wrong arguments; 130 stopped with Ctrl-C (what was
compiled until then is kept).
"""


def _train(model: str, optimizer: Callable[..., Any] = optim.Adam, depth: int | None = None) -> Callable[[Any], None]:
    """Two steps and an inference, at a size where every level of the model has kernels of its own kind."""

    def run(dtype: Any) -> None:
        network = segmentation.build(model, in_channels=3, classes=2, depth=depth).to(dtype)
        x, targets = _images((8, 3, 64, 64), dtype), autograd.tensor(np.zeros((8, 64, 64), np.int64))
        steps = optimizer(network.parameters())
        for _ in range(2):
            steps.zero_grad()
            F.cross_entropy(network(x), targets).backward()
            # weights are drawn anew each time: any other norm would now and then be large enough, and nothing be scaled
            nn.clip_grad_norm_(network.parameters(), max_norm=0.0)
            steps.step()
        with autograd.no_grad():
            network.eval()(x)

    return run


def _sgd(parameters: Any) -> optim.SGD:
    return optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=1e-4)


def _layer(layer: Callable[[], nn.Module], shape: tuple[int, ...] = (4, 16, 64, 64)) -> Callable[[Any], None]:
    """Forward and backward of one layer."""

    def run(dtype: Any) -> None:
        x = _images(shape, dtype).requires_grad_()
        layer().to(dtype)(x).sum().backward()

    return run


def _images(shape: tuple[int, ...], dtype: Any) -> autograd.Tensor:
    return autograd.tensor(np.random.default_rng(0).standard_normal(shape).astype(dtype))


PROGRAMS: dict[str, Callable[[Any], None]] = {
    "U-Net, Adam": _train("unet"),
    "SegNet, SGD": _train("segnet", _sgd),
    "FCN-8s, AdamW": _train("fcn8s", optim.AdamW),
    "RMSprop": _train("unet", optim.RMSprop, depth=1),
    "strided convolution": _layer(lambda: nn.Conv2d(16, 16, 3, stride=2, padding=1)),
    "strided convolution, many channels": _layer(lambda: nn.Conv2d(64, 64, 3, stride=2, padding=1), (4, 64, 64, 64)),
    "stem": _layer(lambda: nn.Conv2d(3, 16, 7, stride=2, padding=3), (2, 3, 64, 64)),
    "depthwise convolution": _layer(lambda: nn.Conv2d(16, 16, 3, padding=1, groups=16)),
    "average pooling": _layer(lambda: nn.AvgPool2d(2)),
    "global pooling": _layer(lambda: nn.AdaptiveAvgPool2d(1)),
    "max pooling, 3×3": _layer(lambda: nn.MaxPool2d(3, stride=2, padding=1)),
    "bilinear": _layer(lambda: nn.Upsample(scale_factor=2, mode="bilinear")),
    "nearest": _layer(lambda: nn.Upsample(scale_factor=2, mode="nearest")),
    "activations": _layer(
        lambda: nn.Sequential(nn.ReLU(), nn.LeakyReLU(), nn.ELU(), nn.GELU(), nn.SiLU(), nn.Sigmoid(), nn.Tanh())
    ),
    "softmax": _layer(lambda: nn.Sequential(nn.Softmax(1), nn.LogSoftmax(1), nn.Softmax(-1), nn.LogSoftmax(-1))),
    "normalisation": _layer(lambda: nn.Sequential(nn.GroupNorm(4, 16), nn.LayerNorm(64))),
    "linear": _layer(lambda: nn.Linear(256, 256), (256, 256)),
}


def _kept() -> tuple[Path | None, int, int]:
    """Where compiled kernels are kept, how many there are, and their bytes."""
    from .kernels.jit import cache_folder

    folder = cache_folder()
    files = list(folder.iterdir()) if folder else []
    return folder, len(files), sum(file.stat().st_size for file in files)


def warm_up(dtypes: list[str], show: bool) -> None:
    """Run every program in every dtype, with a progress bar on stderr if ``show``."""
    from tqdm import tqdm

    # some terminals (in containers, say) claim to have no columns: tqdm then draws nothing
    room: dict[str, Any] = {"dynamic_ncols": True} if os.environ.get("COLUMNS") or _columns() else {"ncols": 80}
    jobs = [(title, dtype) for dtype in dtypes for title in PROGRAMS]
    with tqdm(jobs, unit="program", disable=not show, file=sys.stderr, leave=False, **room) as bar:
        for title, dtype in bar:
            bar.set_description(f"{title}, {dtype}")
            PROGRAMS[title](np.dtype(dtype))


def _columns() -> int:
    return os.get_terminal_size(sys.stderr.fileno()).columns if sys.stderr.isatty() else 80


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m autograd.warmup",
        description="Compile the kernels of training and inference now, and keep them for every later program.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--dtype", choices=["float32", "float64", "all"], default="float32", help="default: %(default)s"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    options = parser.parse_args(arguments)
    dtypes = ["float32", "float64"] if options.dtype == "all" else [options.dtype]

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        folder, before, _ = _kept()
        start, stopped = time.perf_counter(), False
        if folder:
            try:
                warm_up(dtypes, not options.quiet)
            except KeyboardInterrupt:
                stopped = True
    folder, after, size = _kept()
    failures = [str(w.message) for w in caught if "kernels are not kept" in str(w.message)]
    if failures or folder is None:
        print(f"warmup: {failures[0] if failures else 'there is no folder for compiled kernels'}", file=sys.stderr)
        return 1
    print(
        f"{after - before} kernels compiled in {time.perf_counter() - start:.1f} s; "
        f"{after} kernels ({size / 1e6:.1f} MB) in {folder}"
    )
    if stopped:
        print("stopped; the rest is compiled when it is needed", file=sys.stderr)
    return 130 if stopped else 0


if __name__ == "__main__":
    sys.exit(main())
