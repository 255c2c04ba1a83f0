"""How one argument is drawn: functions of a :class:`Draw`, most of them made by the functions below.

Each draws the whole space of its argument: 0-d tensors, sizes 0 and 1, every dtype, every layout, infinities and NaN,
and now and then something that must be refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .values import LAYOUTS, Array, Dtype

MISSING = object()  # the argument is left out

FLOATS = ("float64", "float64", "float64", "float32")
INTEGERS = ("int64", "int32")
ANY = ("float64",) * 6 + ("float32",) * 2 + ("int64", "int32", "bool")
NUMBERS = ("float64",) * 5 + ("float32", "int64", "int32")
MOSTLY_FLOATS = ("float64",) * 8 + ("float32",) * 2 + ("int64", "bool")
BITS = ("int64", "int32", "bool")
NEVER = 0.0
OFTEN, RARELY = 0.5, 0.06  # how often an optional argument is given, an argument is wrong

SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, 0.5, -2.0, 3.0, np.inf, -np.inf, np.nan])


class Draw:
    """One call in the making: random choices, and the arguments drawn so far by name."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.arguments: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        return self.arguments[name]

    def get(self, name: str, default: Any = None) -> Any:
        value = self.arguments.get(name, MISSING)
        return default if value is MISSING else value

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def pick(self, options: Sequence) -> Any:
        return options[self.rng.integers(len(options))]

    def integer(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return int(self.rng.integers(low, high + 1))

    def size(self) -> int:
        return 0 if self.chance(0.05) else 1 if self.chance(0.18) else self.integer(2, 4)

    def shape(self, ndims: Sequence[int] = (0, 1, 1, 2, 2, 2, 3, 3, 4)) -> tuple[int, ...]:
        return tuple(self.size() for _ in range(self.pick(ndims)))

    def values(
        self, shape: tuple, dtype: str, low: float = -2.5, high: float = 2.5, special: float = 0.1
    ) -> np.ndarray:
        """Numbers between ``low`` and ``high``; sometimes whole and half ones with ties; sometimes special ones."""
        if dtype == "bool":
            return np.asarray(self.rng.random(shape) < 0.5)
        if dtype.startswith("int"):
            return np.asarray(self.rng.integers(int(np.floor(low)), int(np.ceil(high)) + 1, shape), dtype)
        style = self.rng.random()
        if style < special:
            out = np.where(self.rng.random(shape) < 0.5, self.rng.choice(SPECIAL, shape), self.rng.normal(size=shape))
        elif style < 2 * special:
            out = self.rng.integers(int(2 * low), int(2 * high) + 1, shape) / 2
        else:
            out = self.rng.uniform(low, high, shape)
        return np.asarray(out, dtype)

    def array(
        self, shape: tuple, dtype: str, grad: bool = True, layouts: Sequence[str] = LAYOUTS, **values: float
    ) -> Array:
        layout = self.pick(layouts) if self.chance(0.35) else "C"
        return Array(self.values(shape, dtype, **values), layout, grad)


Argument = Callable[[Draw], Any]


def tensor(
    dtypes: Sequence[str] = ANY,
    ndims: Sequence[int] = (0, 1, 1, 2, 2, 2, 3, 3, 4),
    grad: bool = True,
    layouts: Sequence[str] = LAYOUTS,
    **values: float,
) -> Argument:
    """A tensor of any shape."""
    return lambda d: d.array(d.shape(ndims), d.pick(dtypes), grad, layouts, **values)


def shaped(shape: Callable[[Draw], tuple], dtypes: Sequence[str] = ANY, grad: bool = True, **values: float) -> Argument:
    """A tensor whose shape depends on the arguments before it."""
    return lambda d: d.array(tuple(shape(d)), d.pick(dtypes), grad, **values)


def like(name: str, dtypes: Sequence[str] | None = None, other_dtype: float = 0.0, **values: float) -> Argument:
    """A tensor of the shape and, unless ``dtypes`` says otherwise, the dtype of another argument."""

    def draw(d: Draw) -> Array:
        dtype = d[name].dtype.name if dtypes is None else d.pick(dtypes)
        return d.array(d[name].shape, d.pick(ANY) if d.chance(other_dtype) else dtype, **values)

    return draw


def partner_shape(d: Draw, shape: tuple[int, ...], wrong: float = RARELY) -> tuple[int, ...]:
    """A shape that broadcasts with ``shape``, rarely one that does not."""
    other = [1 if d.chance(0.15) else d.integer(2, 3) if n == 1 and d.chance(0.5) else n for n in shape]
    if d.chance(0.3):
        other = other[d.integer(0, len(other)) :]
    elif d.chance(0.15) and len(other) < 4:
        other = [d.integer(1, 2), *other]
    if other and d.chance(wrong):
        other[d.integer(0, len(other) - 1)] += d.integer(1, 2)
    return tuple(other)


def partner(name: str, dtypes: Sequence[str] = ANY, same: float = 0.6, grad: bool = True, **values: float) -> Argument:
    """A tensor that broadcasts with another argument, most often of its dtype."""

    def draw(d: Draw) -> Array:
        first = d[name]
        if not isinstance(first, Array):
            return d.array(d.shape(), d.pick(dtypes), grad, **values)
        dtype = first.dtype.name if d.chance(same) and first.dtype.name in dtypes else d.pick(dtypes)
        return d.array(partner_shape(d, first.shape), dtype, grad, **values)

    return draw


def number(kinds: Sequence[type] = (float, float, int, bool), low: float = -2.5, high: float = 2.5) -> Argument:
    """A Python number."""

    def draw(d: Draw) -> Any:
        kind = d.pick(kinds)
        if kind is bool:
            return d.chance(0.5)
        if kind is int:
            return d.integer(int(np.ceil(low)), int(np.floor(high)))
        if d.chance(0.3):
            return float(d.pick([v for v in (0.0, 0.5, 1.0, -0.5, 2.0, -2.0) if low <= v <= high] or [high]))
        return round(float(d.rng.uniform(low, high)), 3)

    return draw


def one_of(*arguments: Any) -> Argument:
    """Drawn by one of several generators, or one of several constants."""
    return lambda d: value(d) if callable(value := d.pick(arguments)) else value


def usually(argument: Argument | Any, wrong: Argument | Any, probability: float = RARELY) -> Argument:
    """One that is right, rarely one that is wrong."""

    def draw(d: Draw) -> Any:
        chosen = wrong if d.chance(probability) else argument
        return chosen(d) if callable(chosen) else chosen

    return draw


def maybe(argument: Argument, probability: float = OFTEN) -> Argument:
    """Given or left out."""
    return lambda d: argument(d) if d.chance(probability) else MISSING


def integer(low: int, high: int) -> Argument:
    return lambda d: d.integer(low, high)


def dimension(name: str = "input", extra: int = 0, wrong: float = RARELY) -> Argument:
    """One dimension of another argument, counted from either end; rarely out of range."""

    def draw(d: Draw) -> int:
        first = d[name][0] if isinstance(d[name], (tuple, list)) and d[name] else d[name]
        n = max(1, getattr(first, "ndim", 1) + extra)
        if d.chance(wrong):
            return d.pick((n, -n - 1, n + 3))
        return d.integer(-n, n - 1)

    return draw


def dimensions(name: str = "input", none: bool = True, wrong: float = RARELY) -> Argument:
    """``None``, one dimension, or several; rarely none at all, one twice, or one out of range."""

    def draw(d: Draw) -> Any:
        style = d.rng.random()
        if none and style < 0.1:
            return None
        n = getattr(d[name], "ndim", 1)
        if style < 0.5 or n == 0:
            return dimension(name, wrong=wrong)(d)
        dims = [int(i) - n * d.chance(0.4) for i in d.rng.permutation(n)[: d.integer(1, n)]]
        if d.chance(wrong):
            dims.append(d.pick((dims[0], n, -n - 1)))
        elif d.chance(0.04):
            dims = []
        return tuple(dims) if d.chance(0.7) else dims

    return draw


def flag(d: Draw) -> bool:
    return d.chance(0.5)


def dtype(*names: str) -> Argument:
    """A dtype argument."""
    return lambda d: Dtype(d.pick(names or ("float64", "float32", "int64", "int32", "bool")))


def sizes(argument: Callable[[Draw], Sequence[int]]) -> Argument:
    """A shape, as a tuple or a list."""
    return lambda d: tuple(argument(d)) if d.chance(0.7) else list(argument(d))
