"""New tensors: constants, sequences, random numbers (of which shapes, dtypes and refusals are compared)."""

from __future__ import annotations

from typing import Any

from .generators import ANY, FLOATS, Draw, dtype, flag, integer, maybe, number, one_of, sizes, tensor, usually
from .spec import Spec
from .values import Array

X = tensor(ANY)
DTYPE = maybe(dtype(), 0.4)
FLOAT_DTYPE = maybe(usually(dtype("float64", "float32"), dtype("int64", "bool")), 0.4)
ASK = maybe(flag, 0.15)
SIZE = sizes(lambda d: list(d.shape()) if d.chance(0.96) else [2, -1])
ONE_BY_ONE = lambda d: list(d.shape((1, 2, 3)))


def made(name: str, compare: str = "values", dtypes: Any = DTYPE, **more: Any) -> list[Spec]:
    """A function of a size, given as a tuple or one by one."""
    arguments = {"size": SIZE, **more, "dtype": dtypes, "requires_grad": ASK}
    keywords = ("dtype", "requires_grad")
    spread: Any = lambda library, size, **kwargs: getattr(library, name)(*size, **kwargs)
    out = [Spec(name, arguments, keywords, method=False, compare=compare)]
    if not more:
        arguments = {**arguments, "size": ONE_BY_ONE}
        out.append(Spec(name, arguments, keywords, run=spread, compare=compare, note="one by one"))
    return out


def like_of(name: str, compare: str = "values", dtypes: Any = DTYPE, first: Any = X, **more: Any) -> Spec:
    arguments = {"input": first, **more, "dtype": dtypes, "requires_grad": ASK}
    return Spec(name, arguments, ("dtype", "requires_grad"), method=False, compare=compare)


STEP = {"dtype": DTYPE, "requires_grad": ASK}
ENDS = ("dtype", "requires_grad")
WHOLE = number((int,), -4, 6)
REAL = one_of(number((int,), -4, 6), number((float,), -4, 6))


def probabilities(d: Draw) -> Array:
    array = d.array(d.shape(), d.pick((*FLOATS, "int64")), grad=False, low=0.0, high=1.0, special=0)
    return array if d.chance(0.95) else Array(array.values + 1, grad=False)


def weights(d: Draw) -> Array:
    shape = (d.integer(1, 4),) if d.chance(0.6) else (d.integer(1, 3), d.integer(1, 4))
    low = -0.5 if d.chance(0.05) else 0.1
    return d.array(shape if d.chance(0.95) else (), d.pick(FLOATS), grad=False, low=low, high=1.0, special=0)


def nested(d: Draw) -> Any:
    """Numbers in lists."""
    kind = d.pick((float, int, bool))
    one = lambda: {float: round(float(d.rng.normal()), 2), int: d.integer(-3, 3), bool: d.chance(0.5)}[kind]
    n = d.integer(0, 3)
    rows = lambda: [one() for _ in range(n)]
    return d.pick((one(), rows(), [rows(), rows()], (one(), one()), [], [[], []]))


SPECS = [
    *made("zeros"),
    *made("ones"),
    *made("empty", compare="shapes"),
    *made("rand", compare="shapes", dtypes=FLOAT_DTYPE),
    *made("randn", compare="shapes", dtypes=FLOAT_DTYPE),
    *made("full", fill_value=number()),
    *[like_of(name) for name in ("zeros_like", "ones_like")],
    like_of("empty_like", compare="shapes"),
    like_of("full_like", fill_value=number()),
    *[like_of(name, "shapes", FLOAT_DTYPE, tensor(FLOATS * 5 + ("int64",))) for name in ("rand_like", "randn_like")],
    Spec("randint", {"high": integer(1, 9), "size": SIZE, "dtype": DTYPE}, ("dtype",), method=False, compare="shapes"),
    Spec(
        "randint",
        {"low": integer(-3, 4), "high": usually(integer(5, 9), integer(-5, 4)), "size": SIZE, "dtype": DTYPE},
        ("dtype",),
        method=False,
        compare="shapes",
        note="low",
    ),
    like_of("randint_like", "shapes", high=integer(1, 5)),
    Spec(
        "randperm",
        {"n": usually(integer(0, 6), -1), "dtype": maybe(dtype("int64", "int32", "float64"), 0.4)},
        ("dtype",),
        method=False,
        compare="shapes",
    ),
    Spec("arange", {"end": REAL, **STEP}, ENDS, method=False),
    Spec("arange", {"start": REAL, "end": REAL, **STEP}, ENDS, method=False, note="start", positional_only=True),
    Spec(
        "arange",
        {"start": REAL, "end": REAL, "step": one_of(1, 2, 0.5, 3, -1, -0.5, 0, 0.3), **STEP},
        ENDS,
        method=False,
        note="step",
    ),
    Spec("linspace", {"start": REAL, "end": REAL, "steps": usually(integer(0, 7), -1), **STEP}, ENDS, method=False),
    Spec("eye", {"n": usually(integer(0, 4), -1), "m": maybe(usually(integer(0, 4), -1)), **STEP}, ENDS, method=False),
    Spec("tensor", {"data": nested, **STEP}, ENDS, method=False, gradients="none"),
    Spec("as_tensor", {"data": nested, "dtype": DTYPE}, ("dtype",), method=False, gradients="none"),
    Spec("is_tensor", {"obj": one_of(X, number(), None)}, method=False),
    Spec("bernoulli", {"input": probabilities}, compare="shapes"),
    Spec(
        "normal",
        {"mean": tensor(FLOATS, grad=False, special=0), "std": lambda d: Array(abs(d["mean"].values), grad=False)},
        method=False,
        compare="shapes",
    ),
    Spec(
        "normal",
        {"mean": number((float,)), "std": usually(number((float,), 0.1, 2), -1.0), "size": SIZE},
        method=False,
        compare="shapes",
        note="numbers",
    ),
    Spec(
        "multinomial",
        {"input": weights, "num_samples": usually(integer(1, 4), 0), "replacement": maybe(flag, 0.7)},
        compare="shapes",
    ),
]
