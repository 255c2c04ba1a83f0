"""``segmentation.UNet`` and its training step in JAX: pure functions on a dictionary of the same weights."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from .cases import StepCase
from .cases.case import Prepared

_DEPTH = 4
Weights = dict[str, Any]


def prepare_jax(threads: int, dtype: np.dtype) -> None:
    """XLA takes the cores it may run on when JAX is imported; float64 must be allowed before an array is made."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    import jax

    jax.config.update("jax_enable_x64", dtype == np.float64)


def _conv(x: Any, weight: Any) -> Any:
    from jax import lax

    return lax.conv_general_dilated(x, weight, (1, 1), "SAME", dimension_numbers=("NCHW", "OIHW", "NCHW"))


def _block(x: Any, weights: Weights, name: str, train: bool) -> Any:
    """Twice: convolution, batch normalisation, ReLU."""
    from jax import lax, nn

    for conv, norm in ((0, 1), (3, 4)):
        x = _conv(x, weights[f"{name}.{conv}.weight"])
        if train:
            mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3))
        else:
            mean, variance = weights[f"{name}.{norm}.running_mean"], weights[f"{name}.{norm}.running_var"]
        scale = weights[f"{name}.{norm}.weight"] * lax.rsqrt(variance + 1e-5)
        shift = weights[f"{name}.{norm}.bias"] - mean * scale
        x = nn.relu(x * scale[:, None, None] + shift[:, None, None])
    return x


def _up(x: Any, weights: Weights, name: str) -> Any:
    """Transposed convolution, 2×2, stride 2: four products side by side."""
    import jax.numpy as jnp

    n, _, h, w = x.shape
    y = jnp.einsum("nchw,coij->nohiwj", x, weights[f"{name}.weight"])
    return y.reshape(n, -1, 2 * h, 2 * w) + weights[f"{name}.bias"][:, None, None]


def unet(weights: Weights, x: Any, train: bool) -> Any:
    """Logits; the running averages of batch normalisation are read, not written."""
    import jax.numpy as jnp
    from jax import lax

    skips = []
    for i in range(_DEPTH + 1):
        if i:
            x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
        x = _block(x, weights, f"encoder.levels.{i}", train)
        skips.append(x)
    for i, skip in enumerate(skips[-2::-1]):
        x = jnp.concatenate([skip, _up(x, weights, f"ups.{i}.up")], 1)
        x = _block(x, weights, f"ups.{i}.convs", train)
    return _conv(x, weights["head.weight"]) + weights["head.bias"][:, None, None]


def _loss(weights: Weights, x: Any, targets: Any) -> Any:
    import jax.numpy as jnp
    from jax import nn

    return -jnp.take_along_axis(nn.log_softmax(unet(weights, x, train=True), 1), targets[:, None], 1).mean()


def _step(weights: Weights, m: Weights, v: Weights, t: Any, x: Any, targets: Any) -> tuple:
    """Adam, lr = 1e-3: Kingma and Ba (2015), algorithm 1."""
    import jax
    import jax.numpy as jnp

    loss, g = jax.value_and_grad(_loss)(weights, x, targets)
    t = t + 1
    m = {k: 0.9 * m[k] + 0.1 * g[k] for k in g}
    v = {k: 0.999 * v[k] + 0.001 * g[k] ** 2 for k in g}
    rate = {k: (m[k] / (1 - 0.9**t)) / (jnp.sqrt(v[k] / (1 - 0.999**t)) + 1e-8) for k in g}
    return {k: weights[k] - 1e-3 * rate[k] for k in g}, m, v, t, loss


def prepare(case: StepCase, dtype: np.dtype, state: Mapping[str, np.ndarray] | None) -> Prepared:
    """As ``Case.prepare``. ``state`` is needed: the weights are drawn by the first framework."""
    import jax
    import jax.numpy as jnp

    if state is None:
        raise ValueError("jax draws no weights of its own: run it beside glassgrad")
    x, targets = (jnp.asarray(array) for array in case.batch(dtype))
    weights = {k: jnp.asarray(value) for k, value in state.items() if np.asarray(value).dtype.kind == "f"}
    infer = jax.jit(partial(unet, train=False))
    step = jax.jit(_step, donate_argnums=(0, 1, 2))
    zeros = {k: jnp.zeros_like(value) for k, value in weights.items()}
    now = [weights, zeros, jax.tree_util.tree_map(jnp.copy, zeros), jnp.zeros((), dtype)]

    def train() -> Any:
        *now[:], loss = step(*now, x, targets)
        return loss.block_until_ready()

    def run() -> Any:
        return train() if case.train else infer(weights, x).block_until_ready()

    def outputs() -> dict[str, np.ndarray]:
        losses = lambda: np.array([float(run()) for _ in range(3)], dtype)
        results = {"losses": losses()} if case.train else {"logits": np.asarray(run())}
        return results | {f"state {k}": np.asarray(value) for k, value in state.items()}

    return run, outputs
