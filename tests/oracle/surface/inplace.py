"""Methods that write into a tensor: the result, and the tensor itself, on a computed tensor and on a leaf."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from autograd.ops.inplace import METHODS

from . import elementwise, indexing, layout, reductions
from .generators import ANY, Argument, flag, maybe, number, one_of, partner, tensor, usually
from .products import ADDED, SCALES, added
from .spec import Spec


def written(name: str) -> Callable:
    """The method on a copy that is in the graph: what it returns is what it wrote."""

    def run(library: Any, x: Any, *args: Any, **kwargs: Any) -> tuple:
        y = x.clone()
        out = getattr(y, name)(*args, **kwargs)
        return y, out is y

    return run


def on_leaf(name: str) -> Callable:
    """The method on the tensor itself, which a leaf that requires grad must refuse."""

    def run(library: Any, x: Any, *args: Any) -> Any:
        out = getattr(x if x.requires_grad else x.clone(), name)(*args)
        return out.shape

    return run


OTHER = one_of(partner("x"), number())
ARGUMENTS: dict[str, dict[str, Argument]] = {
    **{name: {"other": OTHER, "alpha": maybe(number((float, int)), 0.3)} for name in ("add_", "sub_")},
    **{name: {"other": OTHER} for name in ("mul_", "div_", "copy_", "fill_", "pow_", "remainder_")},
    "zero_": {},
    "clamp_": {"min": maybe(one_of(None, number()), 0.8), "max": maybe(one_of(None, number()), 0.8)},
    **{name: {} for name in ("neg_", "abs_", "exp_", "sqrt_", "sigmoid_", "tanh_", "floor_", "round_", "reciprocal_")},
    "masked_fill_": {"mask": partner("x", ("bool",)), "value": number()},
    "normal_": {"mean": maybe(number((float,))), "std": maybe(usually(number((float,), 0.1, 2), -1.0))},
    "uniform_": {"from": maybe(number((float,), -2, 0)), "to": maybe(usually(number((float,), 0.1, 2), -3.0))},
    "bernoulli_": {"p": maybe(usually(number((float,), 0.1, 0.9), 1.5))},
    "requires_grad_": {"requires_grad": maybe(flag)},
}
RANDOM = ("normal_", "uniform_", "bernoulli_")


def specs(name: str, arguments: dict[str, Argument]) -> list[Spec]:
    keywords = tuple(k for k in arguments if k == "alpha")
    compare = "shapes" if name in RANDOM else "values"
    needs = ("Tensor." + name,)
    out = [
        Spec(f"method {name}", {"x": tensor(ANY), **arguments}, keywords, written(name), compare=compare, needs=needs)
    ]
    if name not in ("requires_grad_", *RANDOM):
        without = {k: v for k, v in arguments.items() if k != "alpha"}
        out.append(Spec(f"method {name}", {"x": tensor(ANY), **without}, run=on_leaf(name), note="leaf", needs=needs))
    return out


# functions whose tensor is not, or not always, the first argument
SECOND = ("xlogy", "polygamma")


def of_the_function(spec: Spec) -> list[Spec]:
    """The in-place form of a function, with the arguments that the function is compared with."""
    name = f"{spec.name}_"
    if name in ARGUMENTS or name not in METHODS or spec.run is not None or str(spec) in SECOND:
        return []
    return [replace(spec, name=f"method {name}", run=written(name), needs=(f"Tensor.{name}",))]


def of_a_product(name: str, arguments: dict[str, Argument]) -> Spec:
    """``x.addmm_(a, b)``, drawn in the order of need."""
    run = lambda library, a, b, x, **scales: written(f"{name}_")(library, x, a, b, **scales)
    return Spec(f"method {name}_", {**arguments, **SCALES}, tuple(SCALES), run, needs=(f"Tensor.{name}_",))


FUNCTIONS = [*elementwise.SPECS, *reductions.SPECS, *indexing.SPECS, *layout.SPECS]
SPECS = [spec for name, arguments in ARGUMENTS.items() for spec in specs(name, arguments)]
SPECS += [form for spec in FUNCTIONS for form in of_the_function(spec)]
SPECS += [of_a_product(name, added(*operands)) for name, operands in ADDED.items()]
