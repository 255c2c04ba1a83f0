"""Ops of the user's own: a function on arrays, in NumPy or a Numba loop, with its derivative.

A custom op is a :class:`~autograd.primitive.Primitive` like any other: recorded, drawn, batched by ``vmap``. What it
adds is distrust: its rules are compared with finite differences at sample inputs before it can be used.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import engine
from .gradcheck import GradcheckError, gradcheck, gradgradcheck
from .modes import modes, quietly
from .primitive import Primitive, registry
from .tensor import Tensor, tensor

__all__ = ["CustomOp", "custom_op"]


class CustomOp(Primitive):
    """A differentiable op of the user's own. Made by :func:`custom_op`."""

    def __init__(self, forward: Callable, samples: Any, settings: dict[str, Any], **options: Any) -> None:
        if taken := {"g", "y", "position"} & set(inspect.signature(forward).parameters):
            raise ValueError(
                f"custom_op: {forward.__name__} has a parameter named {taken.pop()!r}; in rules g is the gradient, "
                f"y the output and position the number of an input"
            )
        previous = registry.get(forward.__name__.strip("_"))
        if isinstance(previous, CustomOp):
            del registry[previous.name]  # a cell of a notebook that runs again
        super().__init__(forward, **options)
        self._samples, self._sample_settings = samples, settings
        self._declared = not self.differentiable
        self.first_order_only = False
        try:
            self._try_forward()
        except BaseException:
            self._withdraw()
            raise

    # --- declaring the rules ------------------------------------------------------------------------------------

    def vjp(self, *, order: int = 2, **rules: Callable | None) -> None:  # type: ignore[override]
        """Declare the gradient rule of each input, written with ops; the op is then differentiable to any order.

        Parameters
        ----------
        order : the highest order of derivative that is compared with finite differences now, 1 or 2; see :meth:`check`
        rules : as ``primitive`` takes them: ``x=lambda g, x: ...`` reads what it names; ``None`` where the output does
            not depend on the input

        Raises
        ------
        GradcheckError : a rule does not agree with finite differences; the op is withdrawn
        """
        if order not in (1, 2):
            raise ValueError(f"{self.name}.vjp: order is 1 or 2, not {order!r}")
        super().vjp(**rules)
        self.first_order_only = False
        self._finish(order)

    def vjp_arrays(self, **rules: Callable | None) -> None:
        """Declare the gradient rule of each input, written on arrays: NumPy, or a Numba loop. First order only.

        The rules get arrays in row-major order and return one. Under ``create_graph`` the op raises an error that names
        it, because what runs on arrays is not recorded.
        """
        super().vjp(**{name: rule if rule is None else self._on_arrays(name, rule) for name, rule in rules.items()})
        self.first_order_only = True
        self._finish(1)

    def _on_arrays(self, name: str, rule: Callable) -> Callable:
        @functools.wraps(rule)
        def on_arrays(g: Any, *values: Any, **settings: Any) -> Any:
            if isinstance(g, Tensor) or any(isinstance(v, Tensor) for v in values):
                raise RuntimeError(
                    f"{self.name}: the gradient rule of {name} is written on arrays and gives first derivatives only; "
                    f"for create_graph (second derivatives, jvp, a gradient inside a gradient) declare "
                    f"{self.name}.vjp({name}=...) with a rule written in ops"
                )
            return rule(_row_major(g), *map(_row_major, values), **settings)

        on_arrays.__signature__ = inspect.signature(rule)  # type: ignore[attr-defined]
        return on_arrays

    def _finish(self, order: int) -> None:
        self._plans.clear()
        self._declared = True
        try:
            self.check(order)
        except BaseException:
            self._withdraw()
            raise

    def _withdraw(self) -> None:
        """A refused op is not left behind half declared."""
        self._declared = False
        self.rules.clear()
        if registry.get(self.name) is self:
            del registry[self.name]

    # --- checking -----------------------------------------------------------------------------------------------

    def check(self, order: int = 2) -> None:
        """Compare the rules with finite differences at the sample inputs, to ``order`` 1 or 2.

        Raises
        ------
        GradcheckError : with the worst element
        TypeError : float32 inputs give another dtype
        ValueError : the op or a rule writes to what it was given
        """
        if order > 1 and self.first_order_only:
            raise ValueError(f"{self.name}.check: rules written on arrays give first derivatives only")
        for sample in self._inputs():
            try:
                gradcheck(self._at_sample, _leaves(sample, np.float64))
                self._check_gradients(sample, np.float64)
                self._check_gradients(sample, np.float32)
                if order > 1:
                    gradgradcheck(self._at_sample, _leaves(sample, np.float64))
            except GradcheckError as error:
                raise GradcheckError(f"custom_op: {self.name} is refused: {error}") from None

    def _at_sample(self, *inputs: Any) -> Any:
        return self(*inputs, **self._sample_settings)

    def _inputs(self) -> list[tuple]:
        found = self._samples(np.random.default_rng(0)) if callable(self._samples) else self._samples
        if isinstance(found, np.ndarray) or not isinstance(found, Sequence) or not len(found):
            raise TypeError(
                f"custom_op: sample_inputs of {self.name} is a tuple with one array for each input, a list of such "
                f"tuples, or a function of a NumPy generator that makes one"
            )
        found = list(found) if isinstance(found[0], tuple) else [tuple(found)]
        return [tuple(_plain(x) for x in sample) for sample in found]

    def _try_forward(self) -> None:
        """The op gives an array, the same one twice, and leaves its inputs alone."""
        for sample in self._inputs():
            if not any(_is_float(x) for x in sample) and self.differentiable:
                raise ValueError(
                    f"custom_op: sample_inputs of {self.name} hold no floating point array to differentiate in"
                )
            first, second = self._values(sample), self._values(sample)
            for a, b in zip(first, second):
                if not isinstance(a, (np.ndarray, np.generic, float, int)):
                    raise TypeError(f"custom_op: {self.name} must return an array, not a {type(a).__name__}")
                if not np.array_equal(a, b, equal_nan=np.asarray(a).dtype.kind == "f"):
                    raise ValueError(f"custom_op: {self.name} gives different results for the same inputs")

    def _values(self, sample: tuple) -> tuple:
        copies = [np.array(x) if isinstance(x, np.ndarray) else x for x in sample]
        out = self.forward(*copies, **self._sample_settings)
        for i, (now, then) in enumerate(zip(copies, sample)):
            if not np.array_equal(now, then, equal_nan=_is_float(now)):
                raise ValueError(f"custom_op: {self.name} writes to its input {i}; work on a copy")
        return out if self.residuals else (out,)

    def _check_gradients(self, sample: tuple, dtype: Any) -> None:
        """Gradients of the dtype of the inputs, from rules that do not write to what the graph keeps."""
        leaves = _leaves(sample, dtype)
        try:
            y = self._at_sample(*leaves)
        except TypeError:
            if dtype == np.float32:
                return  # a kernel for float64 only says so itself
            raise
        if y.dtype != dtype:
            raise TypeError(f"custom_op: {self.name} gives {y.dtype} for inputs of {np.dtype(dtype)}; keep the dtype")
        if not y.requires_grad:
            return
        g = np.ones(y.shape, dtype)
        kept = [g, y._data, *(x._data for x in leaves if isinstance(x, Tensor))]
        before = [x.copy() for x in kept]
        engine.grad([y], [x for x in leaves if _wants(x)], [g], allow_unused=True)
        if not all(np.array_equal(now, then, equal_nan=True) for now, then in zip(kept, before)):
            raise ValueError(f"custom_op: a gradient rule of {self.name} writes to what it was given; work on a copy")

    # --- running ------------------------------------------------------------------------------------------------

    def _run(self, inputs: tuple, settings: dict, residuals: list | None = None) -> Any:
        if not self._declared and modes.grad_enabled and any(_wants(x) for x in inputs):
            raise RuntimeError(
                f"{self.name}: no gradient rule is declared for this custom op; declare one with {self.name}.vjp(...) "
                f"or {self.name}.vjp_arrays(...), or pass detach()ed tensors"
            )
        if any(isinstance(x, Tensor) for x in (*inputs, *settings.values())):  # else warnings are NumPy's
            return quietly(super()._run, inputs, settings, residuals)
        return super()._run(inputs, settings, residuals)


def custom_op(
    forward: Callable | None = None,
    *,
    sample_inputs: Any,
    sample_settings: dict[str, Any] | None = None,
    elementwise: bool = False,
    differentiable: bool = True,
    residuals: tuple[str, ...] = (),
    kinks: str = "",
) -> Any:
    """Make a differentiable op of a function on arrays.

    Declare its gradient directly below, with :meth:`CustomOp.vjp` (rules written with ops) or
    :meth:`CustomOp.vjp_arrays` (rules in NumPy or Numba, first order only). There it is compared with finite
    differences.

    Parameters
    ----------
    forward : function whose positional parameters are arrays and whose keyword-only parameters are settings
    sample_inputs : where it is checked: a tuple with one array for each input (a list of such tuples; or a function of
        a ``numpy.random.Generator`` that makes one). Floating point arrays are differentiated in float64; keep them
        small, and away from kinks
    sample_settings : the settings it is checked with
    elementwise : inputs broadcast and mix dtypes; gradients are summed back to the inputs' shapes
    differentiable : ``False`` for results without a gradient
    residuals, kinks : as in :func:`autograd.primitive.primitive`

    Raises
    ------
    ValueError : the name is taken by an op of the framework; a parameter is named ``g`` or ``y``; the function writes
        to its inputs or is not deterministic

    Examples
    --------
    >>> import numpy as np
    >>> from autograd.custom import custom_op
    >>> @custom_op(sample_inputs=(np.array([0.3, -1.2]),))
    ... def cube(x):
    ...     return x * x * x
    >>> cube.vjp(x=lambda g, x: g * 3 * x * x)
    """
    options = {"elementwise": elementwise, "differentiable": differentiable, "residuals": residuals, "kinks": kinks}
    if forward is None:
        return lambda function: CustomOp(function, sample_inputs, sample_settings or {}, **options)
    return CustomOp(forward, sample_inputs, sample_settings or {}, **options)


def _row_major(value: Any) -> Any:
    return np.asarray(value, order="C") if isinstance(value, np.ndarray) else value


def _plain(x: Any) -> Any:
    return x.detach().numpy() if isinstance(x, Tensor) else x


def _is_float(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"


def _wants(x: Any) -> bool:
    return isinstance(x, Tensor) and x.requires_grad


def _leaves(sample: tuple, dtype: Any) -> list:
    return [tensor(x, dtype=dtype, requires_grad=True) if _is_float(x) else x for x in sample]
