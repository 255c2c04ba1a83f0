"""Whole training steps as one program: what eager code computes, leaves behind and forgets, call by call."""

import copy
import tracemalloc
import warnings

import numpy as np
import pytest

import autograd
import nn
import optim
from autograd.checkpoint import checkpoint
from autograd.compiler.program import Instruction, Program, Value
from autograd.compiler.replay import Replay
from nn import functional as F
from segmentation.models import build

RNG = np.random.default_rng(7)


def normal(*shape):
    return autograd.tensor(RNG.normal(size=shape).astype(np.float32))


def classes(*shape):
    return autograd.tensor(RNG.integers(0, 2, shape))


def network():
    return nn.Sequential(nn.Linear(5, 80), nn.Tanh(), nn.Dropout(0.2), nn.Linear(80, 80), nn.ReLU(), nn.Linear(80, 2))


def adam(model):
    return optim.Adam(model.parameters(), lr=1e-2)


def state(*models):
    """Everything a step may leave behind: parameters, statistics, gradients."""
    found = {}
    for k, model in enumerate(models):
        for name, tensor in model.state_dict().items():
            found[f"{k}.{name}"] = np.array(tensor.numpy())
        for name, parameter in model.named_parameters():
            grad = parameter.grad
            found[f"{k}.{name}.grad"] = None if grad is None else np.array(grad.detach().numpy())
    return found


def agree(make, models, calls, fullgraph=True, before=lambda models, i: None):
    """Run ``make(*models)`` eagerly and compiled, for the arguments of ``calls``: results and states have equal bits.

    before : called with the models and the number of each call
    """
    autograd.manual_seed(0)
    models = [model() for model in models]
    others = copy.deepcopy(models)
    for group in (models, others):
        autograd.manual_seed(1)
        step = make(*group)
        step = compiled = step if group is models else autograd.compile(step, fullgraph=fullgraph)
        seen = []
        for i, arguments in enumerate(calls):
            before(group, i)
            with warnings.catch_warnings():
                warnings.simplefilter("error" if fullgraph else "ignore")
                results = step(*arguments)
            results = results if isinstance(results, tuple) else (results,)
            seen.append(([np.array(x.detach().numpy()) for x in results], state(*group)))
        if group is models:
            wanted = seen
    for (results, got), (expected, want) in zip(seen, wanted, strict=True):
        for a, b in zip(results, expected, strict=True):
            np.testing.assert_array_equal(a, b)
        for name in want:
            np.testing.assert_array_equal(got[name], want[name], err_msg=name)
    return compiled


X = [(normal(6, 5), classes(6)) for _ in range(5)]


@pytest.mark.parametrize("name", ["unet", "segnet", "fcn8s"])
def test_a_step_of_a_network_has_the_bits_of_eager_code(name):
    def make(model):
        optimizer = adam(model)

        def step(x, t):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), t)
            loss.backward()
            optimizer.step()
            return loss

        return step

    calls = [(normal(2, 3, 21, 18), classes(2, 21, 18)) for _ in range(4)]
    compiled = agree(make, [lambda: build(name, 3, 2, base=4, depth=3)], calls)
    assert compiled.count == 1
    assert "step: " in compiled.report()
    assert "zero_grad" in compiled.graph().svg()


def plain(model, x, t):
    loss = F.cross_entropy(model(x), t)
    loss.backward()
    return loss


def forgetting_nothing(model):
    return lambda x, t: plain(model, x, t)


def two_passes(model):
    optimizer = adam(model)

    def step(x, t):
        model.zero_grad()
        first = plain(model, x, t)
        second = plain(model, x * 2, t)
        optimizer.step()
        return first, second

    return step


def zeroed(model):
    optimizer = adam(model)

    def step(x, t):
        loss = plain(model, x, t)
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)
        return loss

    return step


def set_to_none(model):
    optimizer = adam(model)

    def step(x, t):
        for parameter in model.parameters():
            parameter.grad = None
        loss = plain(model, x, t)
        optimizer.step()
        return loss

    return step


def clipped(model):
    optimizer = adam(model)

    def step(x, t):
        optimizer.zero_grad()
        loss = plain(model, x, t)
        norm = nn.clip.clip_grad_norm_(model.parameters(), 0.01)
        nn.clip.clip_grad_value_(model.parameters(), 0.001)
        optimizer.step()
        return loss, norm * 2

    return step


def scheduled(model):
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    schedule = optim.lr_scheduler.StepLR(optimizer, 2)

    def step(x, t):
        optimizer.zero_grad()
        loss = plain(model, x, t)
        optimizer.step()
        schedule.step()
        return loss

    return step


def gradients_read(model):
    optimizer = adam(model)

    def step(x, t):
        optimizer.zero_grad()
        loss = plain(model, x, t)
        norm = sum(p.grad.square().sum() for p in model.parameters() if p.grad is not None)
        optimizer.step()
        return loss, norm

    return step


def parameters_read_after_the_step(model):
    optimizer = adam(model)

    def step(x, t):
        optimizer.zero_grad()
        w = model[3].weight.detach()
        loss = plain(model, x, t)
        before = w * 2 + 1
        optimizer.step()
        return loss, before, w * 2 + 1, (before + w).relu()

    return step


def retained(model):
    def step(x, t):
        model.zero_grad()
        loss = F.cross_entropy(model(x), t)
        loss.backward(retain_graph=True)
        loss.backward()
        return loss

    return step


def with_a_gradient(model):
    def step(x, t):
        model.zero_grad()
        y = model(x)
        y.backward(y.detach() * 2)
        return y

    return step


def checkpointed(model):
    optimizer = adam(model)

    def step(x, t):
        optimizer.zero_grad()
        loss = F.cross_entropy(checkpoint(model, x), t)
        loss.backward()
        optimizer.step()
        return loss

    return step


def one_gradient_for_two(model):
    def step(x, t):
        model.zero_grad()
        (model[0].bias + model[3].bias).square().sum().backward()
        nn.clip.clip_grad_norm_(model.parameters(), 0.01)  # scales in place: each must have an array of its own
        return (x * 2,)

    return step


MADE = [forgetting_nothing, two_passes, zeroed, set_to_none, clipped, scheduled, gradients_read]
MADE += [parameters_read_after_the_step, retained, with_a_gradient, one_gradient_for_two]


@pytest.mark.parametrize("make", MADE, ids=lambda make: make.__name__)
def test_a_step_leaves_behind_what_eager_code_leaves(make):
    assert agree(make, [network], X).count == 1


def test_a_checkpoint_in_a_step():
    agree(checkpointed, [network], X, fullgraph=False)


def test_gradients_from_before_the_call_are_added_to():
    def before(models, i):
        if i in (1, 4):
            models[0].zero_grad()

    agree(forgetting_nothing, [network], X, before=before)


def test_two_networks_that_learn_in_turn():
    def make(one, other):
        first, second = adam(one), optim.SGD(other.parameters(), lr=0.1)

        def step(x, t):
            first.zero_grad()
            second.zero_grad()
            y = one(x)
            F.cross_entropy(y.detach() * other(x), t).backward()
            second.step()
            loss = F.cross_entropy(y * other(x), t)
            second.zero_grad()
            loss.backward()
            first.step()
            return loss

        return step

    assert agree(make, [network, network], X).count == 1


def test_settings_of_the_optimizer_are_read_at_each_call():
    def make(model):
        optimizer = adam(model)
        model.__dict__["optimizer"] = optimizer

        def step(x, t):
            optimizer.zero_grad()
            loss = plain(model, x, t)
            optimizer.step()
            return loss

        return step

    def before(models, i):
        models[0].optimizer.param_groups[0]["lr"] = 0.1 * i

    agree(make, [network], X, before=before)


def test_hooks_that_wait_for_a_gradient_are_called_at_each_call():
    model = network()
    calls = []
    model[0].bias.register_post_accumulate_grad_hook(lambda p: calls.append(p.grad.numpy().sum()))
    step = autograd.compile(forgetting_nothing(model), fullgraph=True)
    for x, t in X:
        step(x, t)
    assert len(calls) == len(X)
    assert len(set(calls)) == len(X)


def test_a_second_backward_pass_through_what_a_step_returned_is_an_error():
    step = autograd.compile(forgetting_nothing(network()), fullgraph=True)
    for x, t in X[:2]:
        loss = step(x, t)
        assert loss.requires_grad
        with pytest.raises(RuntimeError, match="a second time"):
            loss.backward()


def test_a_step_keeps_no_more_alive_than_eager_code():
    x, t = normal(8, 3, 64, 64), classes(8, 64, 64)

    def peaks(compiled):
        autograd.manual_seed(0)
        model = build("unet", 3, 2, base=16, depth=3)
        step = set_to_none(model)
        step = autograd.compile(step, fullgraph=True) if compiled else step
        found = []
        for _ in range(3):
            tracemalloc.start()
            model.zero_grad()
            step(x, t)
            found.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        return found[0], found[2]

    peaks(True)  # compiles the kernels
    (_, eager), (recording, replay) = peaks(False), peaks(True)
    assert eager > 30e6
    assert recording < 1.4 * eager
    assert replay < 1.05 * eager


def test_what_the_backward_pass_makes_again_is_not_kept_in_a_step():
    w, x = normal(64, 64).requires_grad_(), normal(8000, 64)
    size = x.numel() * 4

    def step(x):
        w.grad = None
        total = 0
        for _ in range(4):
            x = (x @ w) * 0.01
            total = total + x.exp().sum(0)
        total.sum().backward()
        return total

    compiled = autograd.compile(step, fullgraph=True)
    compiled(x), compiled(x)
    tracemalloc.start()
    compiled(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * size  # four products and what is at work, without the four exponentials


def test_a_value_that_is_made_again_is_let_go_before():
    a, b, c, d = (Value(i, (1,), np.dtype(np.float32), "computed") for i in range(4))
    double, add = (lambda x: x * 2), (lambda x, y: x + y)
    once, again = (Instruction("double", double, (a,), {}, (b,)) for _ in range(2))
    between = Instruction("double", double, (b,), {}, (c,))
    replay = Replay(Program("step", [a], [once, between, again, Instruction("add", add, (b, c), {}, (d,))], [d]))
    assert "v2 = double(v1); del v1\n" in replay.source
    assert replay.run([np.ones(1)]) == [6]


# --- where it gives up ------------------------------------------------------------------------------------------------


def argument_wants_a_gradient(model):
    def step(x, t):
        x = x.detach().requires_grad_()
        inner = autograd.compile(lambda x: (plain(model, x, t), x * 1)[1])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            inner(x)
        step.reasons = inner.reasons
        return x.grad

    return step


def from_outside(model):
    w = model[0].weight * 2

    def step(x, t):
        y = (x @ w.t()).sum()
        y.backward(retain_graph=True)
        return y

    return step


def create_graph(model):
    def step(x, t):
        loss = F.cross_entropy(model(x), t)
        loss.backward(create_graph=True)
        return loss.detach()

    return step


def another_pass(model):
    def step(x, t):
        plain(model, x, t)
        return model(x)

    return step


def closure(model):
    optimizer = adam(model)

    def step(x, t):
        def compute():
            optimizer.zero_grad()
            return plain(model, x, t)

        return optimizer.step(compute)

    return step


def gradient_set(model):
    def step(x, t):
        loss = plain(model, x, t)
        model[0].bias.grad = autograd.ones(80)
        return loss

    return step


def data_set(model):
    def step(x, t):
        loss = plain(model, x, t)
        for p in model.parameters():
            p.data = p.data - 0.1 * p.grad
        return loss

    return step


def data_written(model):
    def step(x, t):
        loss = plain(model, x, t)
        for p in model.parameters():
            p.data -= 0.1 * p.grad
        return loss

    return step


def old_gradient(model):
    plain(model, *X[0])

    def step(x, t):
        return x * model[0].bias.grad.sum() + plain(model, x, t).detach()

    return step


def zeroed_in_place(model):
    def step(x, t):
        for p in model.parameters():
            if p.grad is not None:
                p.grad.zero_()
        return plain(model, x, t)

    return step


def hooked(model):
    model[0].bias.register_hook(lambda g: g * 2)
    return forgetting_nothing(model)


def stepped_before_backward(model):
    optimizer = adam(model)
    plain(model, *X[0])

    def step(x, t):
        optimizer.step()
        return F.cross_entropy(model(x), t)

    return step


def item(model):
    return lambda x, t: x * plain(model, x, t).item()


GIVES_UP = {
    from_outside: "goes on through what was computed before the call",
    create_graph: "with create_graph",
    another_pass: "an output wants another backward pass",
    closure: "has a closure",
    gradient_set: "grad is set",
    data_set: "data is set",
    data_written: "in place",
    old_gradient: "a gradient is looked at that was there before the call",
    zeroed_in_place: "a gradient is looked at that was there before the call",
    hooked: "a hook is registered on a parameter",
    stepped_before_backward: "parameters are changed inside",
    item: "read by item",
}


@pytest.mark.parametrize("make", list(GIVES_UP), ids=lambda make: make.__name__)
def test_a_step_that_cannot_be_repeated_runs_uncompiled_and_right(make):
    compiled = agree(make, [network], X, fullgraph=False)
    assert GIVES_UP[make] in " ".join(compiled.reasons)


def test_an_argument_that_wants_a_gradient():
    model = network()
    step = argument_wants_a_gradient(model)
    for x, t in X[:3]:
        autograd.manual_seed(0)
        got = step(x, t)
        leaf = x.detach().requires_grad_()
        autograd.manual_seed(0)
        plain(model, leaf, t)
        np.testing.assert_array_equal(got.numpy(), leaf.grad.numpy())
    assert "an argument wants a gradient" in " ".join(step.reasons)


def test_a_hook_that_comes_after_the_recording_is_noticed():
    def before(models, i):
        if i == 2:
            models[0][0].bias.register_hook(lambda g: g * 2)

    compiled = agree(forgetting_nothing, [network], X, fullgraph=False, before=before)
    assert "a hook is registered" in " ".join(compiled.reasons)


def test_values_of_a_parameter_are_not_frozen_into_a_recording():
    w = nn.Parameter(autograd.tensor([2.0]))
    x = normal(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for read in (
            lambda: w.item(),
            lambda: float(w),
            lambda: w.tolist()[0],
            lambda: w.detach().numpy()[0],
            lambda: w.detach(),
            lambda: w.data,
        ):
            f = autograd.compile(lambda x, read=read: x * read())
            f(x)
            w.data = w.data + 1
            np.testing.assert_array_equal(f(x).numpy(), x.numpy() * w._data)
