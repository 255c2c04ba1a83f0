"""Gradients against finite differences, to order 2.

The outputs are projected on a random direction first: uniform upstream gradients hide faults (the sum over a
batch-normalised channel is constant, so a wrong rule passes under ``sum()``), random ones do not. Then every single
input element is moved, so a rule that is wrong at one border pixel is as visible as one that is wrong everywhere.

In float64 a central difference with step 1e-6 is good to about 1e-9, which is why the default tolerances are tight
enough to catch a rule that is wrong by 0.1 %.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import engine
from .modes import enable_grad, no_grad
from .tensor import Tensor, tensor


class GradcheckError(AssertionError):
    """A gradient that does not agree with finite differences."""


def gradcheck(
    fn: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    *,
    eps: float = 1e-6,
    atol: float = 1e-6,
    rtol: float = 1e-5,
    max_elements: int = 400,
    seed: int = 0,
    raise_exception: bool = True,
) -> bool:
    """Compare the gradients of ``fn`` with central finite differences.

    Parameters
    ----------
    fn : function of ``inputs`` that returns a Tensor or several
    inputs : float64 Tensors with ``requires_grad=True`` are checked; anything else is handed through
    eps : step of the differences, relative to ``max(1, |x|)``
    atol, rtol : allowed ``|analytic - numeric| <= atol * scale + rtol * max(|analytic|, |numeric|)`` where ``scale`` is
        the size of the projected output (rounding in the differences grows with it), at least 1
    max_elements : inputs with more elements are checked at that many of them, drawn at random
    raise_exception : raise :class:`GradcheckError` naming the worst element, or return ``False``

    Raises
    ------
    ValueError : nothing to check, or an input to be checked is not float64 (float32 differences carry no information)
    """
    inputs = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    checked = [i for i, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad]
    if not checked:
        raise ValueError("gradcheck: no input has requires_grad=True")
    for i in checked:
        if inputs[i].dtype != np.float64:
            raise ValueError(f"gradcheck: input {i} is {inputs[i].dtype}; finite differences need float64")
    rng = np.random.default_rng(seed)
    points = [x._data.copy() if isinstance(x, Tensor) else x for x in inputs]

    def fresh() -> list:
        return [
            tensor(points[i], requires_grad=i in checked) if isinstance(x, Tensor) else x for i, x in enumerate(inputs)
        ]

    leaves = fresh()
    with enable_grad():
        outputs = _outputs(fn(*leaves))
    directions = [_direction(rng, y.shape) for y in outputs]
    traced = [(y, v) for y, v in zip(outputs, directions, strict=True) if y.requires_grad]
    targets = [leaves[i] for i in checked]
    if traced:
        seeds = [v.astype(y.dtype) for y, v in traced]
        analytic = engine.grad([y for y, _ in traced], targets, seeds, allow_unused=True)
    else:
        analytic = (None,) * len(targets)

    def projected() -> float:
        with no_grad():
            values = _outputs(fn(*fresh()))
            return float(sum(np.vdot(v, y._data) for y, v in zip(values, directions, strict=True)))

    scale = max(1.0, float(np.sqrt(sum(np.sum(np.square(y._data)) for y in outputs))))
    if not np.isfinite(scale):
        raise ValueError("gradcheck: the outputs are not finite at this point")
    worst: tuple[float, str] = (0.0, "")
    for i, g in zip(checked, analytic, strict=True):
        flat = points[i].reshape(-1)
        gradient = np.zeros(points[i].size) if g is None else g._data.reshape(-1)
        chosen = range(flat.size) if flat.size <= max_elements else rng.choice(flat.size, max_elements, replace=False)
        for k in chosen:
            numeric, kink = _difference(projected, flat, int(k), eps)
            error = abs(numeric - gradient[k])
            allowed = atol * scale + rtol * max(abs(numeric), abs(gradient[k]))
            if not error <= allowed:  # also when either is NaN
                excess = error / allowed if np.isfinite(error) else np.inf
                if excess > worst[0]:
                    where = np.unravel_index(int(k), points[i].shape)
                    worst = (
                        excess,
                        (
                            f"input {i} at {tuple(int(w) for w in where)}: the rule gives {gradient[k]:.10g}, "
                            f"finite differences give {numeric:.10g} (allowed difference {allowed:.1e})"
                            + ("; the slopes left and right differ: this point sits on a kink" if kink else "")
                        ),
                    )
    if worst[1] and raise_exception:
        raise GradcheckError(f"gradcheck: {worst[1]}")
    return not worst[1]


def gradgradcheck(fn: Callable[..., Any], inputs: Tensor | Sequence[Any], *, seed: int = 0, **options: Any) -> bool:
    """Compare second derivatives with finite differences of the (recorded) first ones.

    The function checked is ``(inputs, v) -> gradient of fn along v``, in the inputs *and* in the upstream gradient
    ``v``. Options as in :func:`gradcheck`.
    """
    inputs = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    checked = [i for i, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad]
    rng = np.random.default_rng(seed + 1)
    with enable_grad():
        outputs = [y for y in _outputs(fn(*inputs)) if y.requires_grad]
    seeds = [tensor(_direction(rng, y.shape), requires_grad=True) for y in outputs]

    def first_order(*values: Any) -> tuple[Tensor, ...]:
        points, upstream = list(values[: len(inputs)]), list(values[len(inputs) :])
        with enable_grad():
            # under finite differences the arguments are plain values; the first gradient still has to be recorded
            points = [x.requires_grad_() if isinstance(x, Tensor) and i in checked else x for i, x in enumerate(points)]
            ys = [y for y in _outputs(fn(*points)) if y.requires_grad]
            gradients = engine.grad(ys, [points[i] for i in checked], upstream, create_graph=True, allow_unused=True)
        return tuple(g for g in gradients if g is not None)

    return gradcheck(first_order, [*inputs, *seeds], seed=seed, **options)


def _outputs(result: Any) -> list[Tensor]:
    outputs = [result] if isinstance(result, Tensor) else list(result)
    return [y for y in outputs if isinstance(y, Tensor) and y.dtype.kind == "f"]


def _direction(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Random weights of either sign, none near 0 (a weight near 0 would hide its element)."""
    return rng.uniform(0.5, 1.5, shape) * rng.choice([-1.0, 1.0], shape)


def _difference(projected: Callable[[], float], flat: np.ndarray, k: int, eps: float) -> tuple[float, bool]:
    """The central difference at element ``k``, and whether the slopes on its two sides differ."""
    x = flat[k]
    step = eps * max(1.0, abs(x))
    flat[k] = x + step
    above, up = projected(), flat[k] - x  # the step that was really taken after rounding
    flat[k] = x - step
    below, down = projected(), x - flat[k]
    flat[k] = x
    centre = projected()
    right, left = (above - centre) / up, (centre - below) / down
    noise = 1e-3 * max(1.0, abs(right), abs(left))
    return (above - below) / (up + down), abs(right - left) > noise
