"""A second process that compiles the kernels of the backward pass while the first compiles those of the forward pass.

Numba compiles one kernel at a time in a process. The process that makes the folder of kernels starts another one,
``python -m autograd.kernels.ahead``, which loads Numba meanwhile. Told to begin, when the first needs a kernel of
float32, it calls the kernels of a training step that are needed last, and ends. What it compiles is found on disk like
anything that another process compiled. So nothing depends on it: where it cannot start, or ends early, a first step
only takes longer. ``GLASSGRAD_COMPILE_AHEAD=off`` switches it off.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np

_SWITCH = "GLASSGRAD_COMPILE_AHEAD"
_PATIENCE = 10  # seconds to wait for the word


@cache
def start() -> subprocess.Popen | None:
    """Start the process, once, if there is a core for it. It gets ready and waits."""
    if os.environ.get(_SWITCH) == "off" or _cores() < 2 or not _is_python(sys.executable):
        return None
    path = os.pathsep.join(map(os.path.abspath, sys.path))
    try:
        process = subprocess.Popen(
            # -P: else it would look in the current directory first, which may hold another autograd
            [sys.executable, "-P", "-m", __name__],
            stdin=subprocess.PIPE,  # closes when this process ends, however it ends
            bufsize=0,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, _SWITCH: "off", "GLASSGRAD_NUM_THREADS": "1", "PYTHONPATH": path},
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # Windows
        )
    except OSError:  # no memory, no permission
        return None
    atexit.register(_end, process, os.getpid())
    return process


@cache
def begin() -> None:
    """Let the process compile."""
    process = start()
    if process is not None and process.stdin is not None:
        with suppress(OSError):  # it has ended
            process.stdin.write(b"!")


def _end(process: subprocess.Popen, parent: int) -> None:
    if os.getpid() == parent:  # and not a child of it that was forked
        with process:  # which closes the pipe and waits
            process.kill()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _is_python(executable: str | None) -> bool:
    """A program with Python inside would start itself once more."""
    return not getattr(sys, "frozen", False) and Path(executable or "").name.lower().startswith("python")


def compile_kernels() -> None:
    """Call the later kernels of a U-Net step.

    What both processes begin is compiled twice. So the first kernel here shares no helper with a convolution, what the
    backward pass meets first comes early, and the gradients of minimal filtering come late: their transforms are
    compiled by the first process.
    """
    from . import blocks, conv, folds, norm, pool, softmax, together, update

    def zeros(*shape: int) -> np.ndarray:
        return np.zeros(shape, np.float32)

    def weight_gradient(outputs: int, channels: int, side: int) -> None:
        g, x = zeros(8, outputs, side, side), zeros(8, channels, side, side)
        conv.conv2d_weight(g, x, kernel_size=(3, 3), stride=(1, 1), padding=((1, 1), (1, 1)), dilation=(1, 1), groups=1)

    images, logits, vector = zeros(8, 16, 64, 64), zeros(8, 2, 64, 64), zeros(16)
    targets = np.zeros((8, 64, 64), np.int64)
    losses, peak, scale = softmax.cross_entropy(logits, targets, None, -100, 0.0)
    softmax.cross_entropy_input(losses, logits, peak, scale, targets, None, -100, 0.0)
    pool.max_pool2d(images, kernel_size=(2, 2), stride=(2, 2), padding=(0, 0), dilation=(1, 1), output_size=(32, 32))
    folds.fold("sum", images, (0, 2, 3))
    blocks.copied(images)
    norm.batch_norm_backward(images, images, vector, vector, vector, vector, 1e-5, True)
    weight_gradient(16, 3, 64)  # dot products
    weight_gradient(256, 128, 4)  # a matrix product
    weight_gradient(128, 128, 8)  # minimal filtering, all tiles at once
    weight_gradient(16, 16, 64)  # the same, in parts of the tiles
    pool.plane_scatter_add(logits, np.zeros(logits.shape, np.int32), (128, 128))
    moments = [vector.copy() for _ in range(3)]
    together.run(update.adam(False, False, False, False), [([vector], moments, [0.0] * 8)])


def _get_ready() -> None:
    """Load what takes a second."""
    from numba.core.registry import cpu_target

    from . import conv, folds, norm, pool, softmax, together, update  # noqa: F401

    cpu_target.target_context.refresh()


def _listen(told: threading.Event) -> None:
    """To the pipe: one byte is the word to begin, the end of it that of the first process."""
    if os.read(0, 1):
        told.set()
        os.read(0, 1)
    os._exit(0)


if __name__ == "__main__":
    told = threading.Event()
    threading.Thread(target=_listen, args=(told,), daemon=True).start()
    _get_ready()
    if told.wait(_PATIENCE):
        compile_kernels()
