"""Custom ops: the documented examples, and that what is wrong is refused by name."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import autograd
from autograd import tensor
from autograd.custom import CustomOp, custom_op
from autograd.func import grad, hessian, jacfwd, jacrev, jvp, vmap
from autograd.gradcheck import GradcheckError, gradgradcheck
from autograd.primitive import registry

PAGE = Path(__file__).parents[2] / "docs" / "custom-ops.md"
X = np.array([0.4, -1.3, 2.1])


@pytest.fixture(autouse=True)
def forget():
    """Custom ops of a test are gone after it."""
    before = dict(registry)
    yield
    registry.clear()
    registry.update(before)


def make_cube(rule=lambda g, x: g * 3 * x * x, arrays=False, **options):
    @custom_op(sample_inputs=(X,), **options)
    def cube(x):
        return x * x * x

    (cube.vjp_arrays if arrays else cube.vjp)(x=rule)
    return cube


# --- the page -------------------------------------------------------------------------------------------------------


@pytest.fixture
def page(capsys):
    """The namespace after all examples of the page ran in order, and what they printed."""
    names: dict = {}
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 5
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    return names, capsys.readouterr().out.splitlines()


def test_the_documented_examples_run(page):
    names, printed = page
    x = np.array([-1.0, 0.0, 1.0])
    first = (1 + x / np.sqrt(x * x + 1)) / 2
    np.testing.assert_allclose(names["x"].grad.numpy(), first, rtol=1e-6)
    np.testing.assert_allclose(names["curvature"](tensor(x)).numpy(), (x * x + 1) ** -1.5 / 2, rtol=1e-10)
    assert printed[2] == "(2, 6)"
    assert printed[3].startswith("moving_average: the gradient rule of x is written on arrays")
    assert printed[4] == "(2, 6)"


def test_the_documented_ops_are_what_they_say(page):
    names, _ = page
    x, a = names["SERIES"], 0.9
    want, last = np.zeros_like(x), np.zeros(2)
    for t in range(6):
        last = a * last + (1 - a) * x[:, t]
        want[:, t] = last
    np.testing.assert_allclose(names["moving_average"](x, a=a), want)
    matrix = jacrev(lambda row: names["moving_average"](row.reshape(1, 6), a=a)[0])(tensor(x[0])).numpy()
    np.testing.assert_allclose(matrix @ x[0], want[0])  # a linear op is its Jacobian
    assert gradgradcheck(lambda x: names["squareplus"](x, b=0.5), tensor(X, requires_grad=True))


# --- an op like any other -------------------------------------------------------------------------------------------


def test_it_is_recorded_and_drawn():
    from autograd.viz.extract import extract

    @custom_op(sample_inputs=(X, 2 * X), sample_settings={"scale": 2.0})
    def scaled_product(a, b, *, scale):
        return a * b * scale

    scaled_product.vjp(a=lambda g, b, *, scale: g * b * scale, b=lambda g, a, *, scale: g * a * scale)
    x, y = tensor(X, requires_grad=True), tensor(X, requires_grad=True)
    out = scaled_product(x, y, scale=3.0)
    node = next(n for n in extract({"out": out}, {"x": x, "y": y}).nodes if n.kind == "op")
    assert node.name == "scaled_product"
    assert node.settings == (("scale", "3"),) or node.settings == (("scale", "3.0"),)
    assert __file__.endswith(node.where.rpartition(":")[0])
    assert scaled_product(X, X, scale=1.0).tolist() == (X * X).tolist()  # of arrays it just computes


def test_rules_in_ops_go_to_any_order():
    cube = make_cube()
    x = tensor(2.0, dtype=np.float64)
    assert [f(x).item() for f in (grad(cube), grad(grad(cube)), grad(grad(grad(cube))))] == [12.0, 12.0, 6.0]
    np.testing.assert_allclose(jvp(cube, (tensor(X),), (tensor(X),))[1].numpy(), 3 * X**3)


def test_it_runs_under_vmap():
    cube = make_cube()
    got = vmap(grad(lambda row: cube(row).sum()))(tensor(np.stack([X, 2 * X])))
    np.testing.assert_allclose(got.numpy(), 3 * np.stack([X, 2 * X]) ** 2)
    fast = make_cube(elementwise=True)
    np.testing.assert_allclose(jacfwd(fast)(tensor(X)).numpy(), np.diag(3 * X**2))


def test_an_elementwise_op_broadcasts():
    @custom_op(sample_inputs=[(X, X[:1]), (np.ones((2, 3)), X)], elementwise=True)
    def product(a, b):
        return a * b

    product.vjp(a=lambda g, b: g * b, b=lambda g, a: g * a)
    x, y = tensor(np.ones((2, 3)), requires_grad=True), tensor(X, requires_grad=True)
    product(x, y).sum().backward()
    assert y.grad.tolist() == [2.0, 2.0, 2.0]


def test_masks_and_indices_are_handed_through():
    @custom_op(sample_inputs=(X, np.array([2, 0])))
    def pick(x, index):
        return x[index]

    pick.vjp_arrays(x=lambda g, x, index: np.bincount(index, g, len(x)).astype(x.dtype), index=None)
    x = tensor(X, requires_grad=True)
    pick(x, np.array([1, 1])).sum().backward()
    assert x.grad.tolist() == [0.0, 2.0, 0.0]


def test_a_rule_gets_only_the_settings_it_names():
    @custom_op(sample_inputs=(X,))
    def scaled(x, *, by=2.0, **notes):
        return by * x

    scaled.vjp(x=lambda g, *, by=2.0: g * by)
    x = tensor(X, requires_grad=True)
    scaled(x, by=3.0, author="nobody").sum().backward()
    assert x.grad.tolist() == [3.0, 3.0, 3.0]


def test_samples_can_be_drawn():
    @custom_op(sample_inputs=lambda rng: (rng.normal(size=(2, 2)),))
    def double(x):
        return 2 * x

    double.vjp(x=lambda g: 2 * g)
    assert isinstance(double, CustomOp)


def test_rules_on_arrays_get_row_major_arrays():
    orders = []

    def rule(g, x):
        orders.append((g.flags.c_contiguous, x.flags.c_contiguous))
        return g * 3 * x * x

    @custom_op(sample_inputs=(np.ones((2, 3)),))
    def cube(x):
        return x * x * x

    cube.vjp_arrays(x=rule)
    x = autograd.from_numpy(np.asfortranarray(np.ones((2, 3)))).requires_grad_()
    cube(x).sum().backward()
    assert all(a and b for a, b in orders)


def test_residuals_are_read_by_rules():
    @custom_op(sample_inputs=(X,), residuals=("half",))
    def tanh_by_half(x):
        half = np.tanh(x / 2)
        return 2 * half / (1 + half * half), half

    tanh_by_half.vjp_arrays(x=lambda g, half: g * (1 - (2 * half / (1 + half * half)) ** 2))
    x = tensor(X, requires_grad=True)
    tanh_by_half(x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 1 - np.tanh(X) ** 2)


def test_declared_again_the_newer_one_counts():
    make_cube()
    cube = make_cube(arrays=True)
    assert registry["cube"] is cube


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arrays", [False, True])
def test_a_rule_wrong_by_a_thousandth_is_refused(arrays):
    with pytest.raises(GradcheckError, match=r"cube is refused: gradcheck: input 0 at \(\d,\): the rule gives"):
        make_cube(lambda g, x: g * 3.003 * x * x, arrays)
    assert "cube" not in registry


def test_a_rule_right_at_first_order_only_is_refused():
    """The rule is right, but in the recorded form a factor is cut off from its history."""
    with pytest.raises(GradcheckError, match="cube is refused"):
        make_cube(lambda g, x: g * 3 * x * (x.detach() if isinstance(x, autograd.Tensor) else x))


def test_arrays_under_create_graph_are_an_error_that_names_the_op():
    cube = make_cube(arrays=True)
    x = tensor(X, requires_grad=True)
    autograd.grad(cube(x).sum(), x)
    for call in (
        lambda: autograd.grad(cube(x).sum(), x, create_graph=True),
        lambda: hessian(lambda x: cube(x).sum())(tensor(X)),
        lambda: jvp(cube, (tensor(X),), (tensor(X),)),
        lambda: jacrev(cube)(tensor(X)),
    ):
        with pytest.raises(RuntimeError, match="cube: the gradient rule of x is written on arrays and gives first"):
            call()
    with pytest.raises(ValueError, match=r"cube\.check: rules written on arrays give first derivatives only"):
        cube.check()


def test_a_rule_on_arrays_that_is_declared_as_ops_is_refused():
    def rule(g, x):
        return np.asarray(g) * 3 * np.asarray(x) ** 2

    with pytest.raises(RuntimeError, match="requires grad"):
        make_cube(rule)
    assert "cube" not in registry


def test_none_for_an_input_that_matters_is_refused():
    @custom_op(sample_inputs=(X, X + 1))
    def product(a, b):
        return a * b

    with pytest.raises(GradcheckError, match="product is refused: gradcheck: input 1"):
        product.vjp(a=lambda g, b: g * b, b=None)


def test_no_gradient_without_a_rule():
    @custom_op(sample_inputs=(X,))
    def square_of(x):
        return x * x

    x = tensor(X, requires_grad=True)
    with pytest.raises(RuntimeError, match="square_of: no gradient rule is declared for this custom op"):
        square_of(x)
    assert not square_of(x.detach()).requires_grad


def test_names_of_the_framework_are_taken():
    with pytest.raises(ValueError, match="an op named mul exists already"):

        @custom_op(sample_inputs=(X,))
        def mul(x):
            return x


def declare(function, samples=(X,), rule=None, **options):
    op = custom_op(function, sample_inputs=samples, **options)
    if rule is not None:
        op.vjp_arrays(x=rule)


def in_place(x):
    x *= 2
    return x


def writes_g(g):
    g *= 2
    return g


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: declare(in_place), ValueError, "in_place writes to its input 0; work on a copy"),
        (lambda: declare(lambda x: x * np.random.default_rng().normal()), ValueError, "gives different results"),
        (lambda: declare(lambda x: "text"), TypeError, "must return an array, not a str"),
        (lambda: declare(lambda x: x, np.ones(3)), TypeError, "sample_inputs of <lambda> is a tuple with one array"),
        (lambda: declare(lambda x: x, ()), TypeError, "sample_inputs of <lambda>"),
        (lambda: declare(lambda x: x, (np.arange(3),)), ValueError, "hold no floating point array"),
        (
            lambda: declare(lambda x: 2 * x, rule=writes_g),
            ValueError,
            "a gradient rule of <lambda> writes to what it was",
        ),
        (
            lambda: declare(lambda x: x * np.float64(2), rule=lambda g: 2 * g),
            TypeError,
            "gives float64 for inputs of float32",
        ),
        (lambda: declare(lambda x, y: x, (X, X)), ValueError, "a parameter named 'y'; in rules g is the gradient"),
        (lambda: make_cube(lambda x: x), TypeError, "the first parameter of a rule is g"),
        (lambda: make_cube(lambda g, z: g), TypeError, "a rule reads 'z', which is no input"),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
    assert "<lambda>" not in registry


def test_the_order_that_is_checked_is_1_or_2():
    @custom_op(sample_inputs=(X,))
    def double(x):
        return 2 * x

    with pytest.raises(ValueError, match=r"double\.vjp: order is 1 or 2, not 3"):
        double.vjp(x=lambda g: 2 * g, order=3)
    double.vjp(x=lambda g: 2 * g, order=1)
    double.check(2)
