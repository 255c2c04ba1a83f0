"""What a compiled function promises: eager numbers, state and randomness at each call, and reasons for giving up."""

import copy
import functools
import threading
import tracemalloc
import warnings

import numpy as np
import pytest

import autograd
import nn
import optim
from autograd import Tensor
from nn import functional as F
from segmentation.models import build

RNG = np.random.default_rng(3)


def normal(*shape, dtype=np.float32):
    return autograd.tensor(RNG.normal(size=shape).astype(dtype))


def close(a, b, tolerance=1e-5):
    scale = max(float(np.abs(b).max(initial=0)), 1e-30)
    assert np.abs(np.asarray(a, np.float64) - b).max(initial=0) <= tolerance * scale


def reasons(function):
    return " ".join(function.reasons)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.norm, self.drop, self.last = (
            nn.Conv2d(2, 4, 3, padding=1),
            nn.BatchNorm2d(4),
            nn.Dropout(0.3),
            nn.Conv2d(4, 3, 1),
        )

    def forward(self, x):
        return self.last(self.drop(self.norm(self.first(x)).relu()))


# --- training ---------------------------------------------------------------------------------------------------------


def train(model, x, t, steps=4, lr=1e-3):
    optimizer = optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), t)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("name", ["unet", "segnet", "fcn8s", "fcn16s"])
def test_a_compiled_model_trains_like_the_model(name):
    autograd.manual_seed(0)
    eager = build(name, 3, 2, base=4, depth=3)
    other = copy.deepcopy(eager)
    compiled = autograd.compile(other, fullgraph=True)
    x, t = normal(2, 3, 21, 18), autograd.tensor(RNG.integers(0, 2, (2, 21, 18)))
    close(train(compiled, x, t), np.array(train(eager, x, t)))
    for (name, a), b in zip(eager.state_dict().items(), other.state_dict().values(), strict=True):
        close(b.numpy(), a.numpy(), 1e-3 if "running" not in name else 1e-4)
    for a, b in zip(eager.parameters(), compiled.parameters(), strict=True):
        close(b.grad.numpy(), a.grad.numpy(), 1e-3)


def test_a_perceptron_and_its_loss_in_one_function():
    autograd.manual_seed(1)
    eager = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 3))
    other = copy.deepcopy(eager)
    x, t = normal(7, 5), autograd.tensor(RNG.integers(0, 3, 7))
    loss = autograd.compile(lambda x, t: F.cross_entropy(other(x), t), fullgraph=True)
    for _ in range(3):
        for model in (eager, other):
            model.zero_grad()
        want = F.cross_entropy(eager(x), t)
        want.backward()
        got = loss(x, t)
        got.backward()
        close(got.item(), want.item())
        for a, b in zip(eager.parameters(), other.parameters()):
            close(b.grad.numpy(), a.grad.numpy())


def test_the_mean_of_no_targets_is_nan_with_a_zero_gradient_when_replayed_too():
    loss = autograd.compile(lambda x, t: F.cross_entropy(x, t, ignore_index=-1), fullgraph=True)
    x = normal(4, 3).requires_grad_()
    t = autograd.tensor(RNG.integers(0, 3, 4))
    for _ in range(2):
        close(loss(x, t).item(), F.cross_entropy(x, t).item())
    y = loss(x, autograd.tensor(np.full(4, -1)))
    assert np.isnan(y.item())
    y.backward()
    assert not x.grad.numpy().any()


def test_dropout_draws_the_numbers_of_eager_code_anew_at_each_call():
    autograd.manual_seed(0)
    net = Net()
    twin = autograd.compile(net, fullgraph=True)
    x = normal(2, 2, 6, 6)
    autograd.manual_seed(5)
    want = [net(x).detach().numpy().copy() for _ in range(4)]
    autograd.manual_seed(5)
    got = [twin(x).detach().numpy().copy() for _ in range(4)]
    for a, b in zip(got, want):
        close(a, b)
    assert not np.array_equal(got[2], got[3])


def test_modes_are_recorded_apart():
    net = Net()
    twin = autograd.compile(net, fullgraph=True)
    x = normal(2, 2, 6, 6)
    for _ in range(2):
        twin.train()
        assert twin(x).requires_grad
        twin.eval()
        close(twin(x).detach().numpy(), net(x).detach().numpy())
        with autograd.no_grad():
            assert not twin(x).requires_grad
    before = net.norm.running_mean.numpy().copy()
    twin(x)
    assert np.array_equal(net.norm.running_mean.numpy(), before)
    assert twin.compiled.count == 3


def test_evaluation_reads_the_statistics_at_each_call():
    net = Net().eval()
    twin = autograd.compile(net, fullgraph=True)
    x = normal(2, 2, 6, 6)
    twin(x), twin(x)
    net.norm.running_mean._data += 1
    close(twin(x).detach().numpy(), net(x).detach().numpy())


def test_frozen_parameters_make_a_recording_of_their_own():
    net = Net().eval()
    twin = autograd.compile(net, fullgraph=True)
    x = normal(2, 2, 6, 6)
    twin(x).sum().backward()
    twin(x).sum().backward()
    net.first.requires_grad_(False)
    net.zero_grad()
    twin(x).sum().backward()
    twin(x).sum().backward()
    assert net.first.weight.grad is None
    assert net.last.weight.grad is not None


def test_a_replaced_layer_is_noticed():
    net = Net().eval()
    twin = autograd.compile(net, fullgraph=True)
    x = normal(2, 2, 6, 6)
    twin(x), twin(x)
    net.last = nn.Conv2d(4, 5, 1)
    assert twin(x).shape == (2, 5, 6, 6)
    net.last.weight.data = np.zeros_like(net.last.weight._data)
    close(twin(x).detach().numpy(), net(x).detach().numpy())


# --- forms ------------------------------------------------------------------------------------------------------------


def test_shapes_and_dtypes_have_recordings_of_their_own():
    f = autograd.compile(lambda x: (x * 2 + 1).exp(), fullgraph=True)
    for shape in [(3,), (4, 5), (3,), (1, 1)]:
        for dtype in (np.float32, np.float64):
            x = normal(*shape, dtype=dtype)
            y = f(x)
            assert y.dtype == dtype
            close(y.numpy(), np.exp(x.numpy() * 2 + 1))
    assert f.count == 6


def test_the_number_of_recordings_is_bounded():
    f = autograd.compile(lambda x: x * 2, options={"recordings": 2})
    with pytest.warns(UserWarning, match="there are 2 recordings already") as caught:
        assert [f(normal(n)).shape for n in (1, 2, 3, 4, 3)] == [(1,), (2,), (3,), (4,), (3,)]
    assert len(caught) == 1
    assert f.count == 2
    assert f.reasons == {"there are 2 recordings already": 3}


def test_numbers_and_keywords_are_part_of_the_form():
    f = autograd.compile(lambda x, factor=1.0, *, flip=False: -x * factor if flip else x * factor, fullgraph=True)
    x = normal(3)
    for _ in range(2):
        close(f(x, 3.0).numpy(), x.numpy() * 3)
        close(f(x, factor=2.0, flip=True).numpy(), x.numpy() * -2)
        close(f(x).numpy(), x.numpy())


def test_containers_go_in_and_out():
    f = autograd.compile(
        lambda d: {"sum": d["a"] + d["b"][0], "rest": [d["b"][1] * 2, 5], "same": d["a"]}, fullgraph=True
    )
    a, b, c = normal(3), normal(3), normal(2)
    for _ in range(2):
        out = f({"a": a, "b": (b, c)})
        close(out["sum"].numpy(), a.numpy() + b.numpy())
        close(out["rest"][0].numpy(), c.numpy() * 2)
        assert out["rest"][1] == 5
        assert out["same"] is a


def test_a_transposed_argument():
    f = autograd.compile(lambda x: (x.reshape(-1) * 2).relu() + 1, fullgraph=True)
    x = normal(4, 6)
    for _ in range(2):
        close(f(x).numpy(), np.maximum(x.numpy().reshape(-1) * 2, 0) + 1)
        close(f(x.t()).numpy(), np.maximum(x.numpy().T.reshape(-1) * 2, 0) + 1)


# --- where it gives up ------------------------------------------------------------------------------------------------


def keep_in_place(x):
    y = x * 2
    y.add_(1)
    return y


GIVES_UP = {
    "the values of a tensor are read by bool": lambda x: x * 2 if (x.sum() > 0) else x * 3,
    "read by item": lambda x: x * float(x.sum().item()),
    "are read by item": lambda x: x * x.reshape(1, 3).max(1).indices.item(),
    "read by tolist": lambda x: x * len(x.tolist()),
    "read by numpy": lambda x: x * float(x.detach().numpy()[0]),
    "add_ writes in place": keep_in_place,
    "random numbers": lambda x: x + autograd.randn(3),
    "a view of an argument": lambda x: x.reshape(3, 1),
    "share memory": lambda x: [(y := x * 2).reshape(3, 1), y.reshape(1, 3)],
    "not computed from the arguments": lambda x: autograd.ones(3),
    "hook is registered": lambda x: ((y := x * 2).register_hook(lambda g: g), y * 1)[1],
    "vmap": lambda x: autograd.vmap.vmap(lambda a: a * 2)(x),
    "read by array": lambda x: autograd.tensor(np.asarray(x.detach()) * 2),
}


@pytest.mark.parametrize("reason", list(GIVES_UP))
def test_what_cannot_be_repeated_runs_uncompiled_and_says_why(reason):
    function = GIVES_UP[reason]
    f = autograd.compile(function)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for values in ([1.0, 2, 3], [-1.0, -2, -3], [4.0, 5, 6]):
            results = []
            for run in (f, function):
                autograd.manual_seed(0)
                y = run(autograd.tensor(values, requires_grad=True))
                results.append(y if isinstance(y, list) else [y])
            for a, b in zip(*results, strict=True):
                assert type(a) is Tensor
                close(a.detach().numpy(), b.detach().numpy())
                assert a.requires_grad == b.requires_grad
    (warning,) = [w for w in caught if "uncompiled, because" in str(w.message)]
    assert reason in str(warning.message)
    assert reason in f.report()
    assert sum(f.reasons.values()) == 3


def test_the_reason_names_the_line():
    f = autograd.compile(GIVES_UP["the values of a tensor are read by bool"])
    with pytest.warns(UserWarning, match=r"test_compile\.py:\d+"):
        f(normal(3))


def test_a_write_to_a_tensor_from_outside_runs_uncompiled():
    seen = autograd.zeros(3)

    def f(x):
        seen.add_(1)
        return x * seen

    compiled = autograd.compile(f)
    x = normal(3)
    with pytest.warns(UserWarning, match="in place"):
        results = [compiled(x).numpy() for _ in range(3)]
    close(np.array(results), np.outer((1, 2, 3), x.numpy()))


def test_no_grad_inside():
    def f(x):
        with autograd.no_grad():
            factor = x.exp()
        return x * factor

    compiled = autograd.compile(f, fullgraph=True)
    x = normal(4).requires_grad_()
    for _ in range(3):
        (g,) = autograd.grad(compiled(x).sum(), x)
        close(g.numpy(), np.exp(x.detach().numpy()))
    (g,) = autograd.grad(compiled(x).sum(), x, create_graph=True)
    assert not g.requires_grad


def test_an_eager_graph_with_a_compiled_node_is_drawn():
    twin = autograd.compile(Net())
    x = normal(2, 2, 6, 6)
    twin(x)
    assert "compiled" in autograd.viz.graph(twin(x).sum()).svg()


def test_a_checkpoint_of_a_compiled_module():
    autograd.manual_seed(0)
    net = Net()
    twin = autograd.compile(net, fullgraph=True)
    x = normal(2, 2, 6, 6)
    twin(x)
    results = []
    for model in (twin, twin, net):
        net.zero_grad()
        autograd.manual_seed(3)
        autograd.checkpoint.checkpoint(model, x).sum().backward()
        results.append((net.first.weight.grad.numpy().copy(), net.norm.num_batches_tracked.item()))
    close(results[0][0], results[2][0], 1e-4)
    close(results[1][0], results[2][0], 1e-4)
    assert [n for _, n in results] == [2, 3, 4]


def test_fullgraph_refuses():
    f = autograd.compile(lambda x: x * float(x.sum().item()), fullgraph=True)
    with pytest.raises(RuntimeError, match="cannot be compiled as a whole, because the values of a tensor are read"):
        f(normal(3))


def test_effects_happen_once_in_a_call_that_gives_up():
    net = Net()
    f = autograd.compile(lambda x: net(x) * float(x.sum().item()))
    with pytest.warns(UserWarning, match="uncompiled"):
        f(normal(2, 2, 6, 6))
    assert net.norm.num_batches_tracked.item() == 1


def test_forward_hooks_are_called():
    net = Net()
    twin = autograd.compile(net)
    twin(normal(2, 2, 6, 6))
    calls = []
    net.last.register_forward_hook(lambda *args: calls.append(1))
    with pytest.warns(UserWarning, match="forward hooks"):
        twin(normal(2, 2, 6, 6)), twin(normal(2, 2, 6, 6))
    assert len(calls) == 2


def test_an_error_leaves_everything_as_it_was():
    f = autograd.compile(lambda x, y: (x + y).exp(), fullgraph=True)
    with pytest.raises(ValueError, match="do not broadcast"):
        f(normal(3), normal(4))
    assert autograd.modes.modes.trace is None
    close(f(normal(3) * 0, normal(3) * 0).numpy(), np.ones(3))
    loss = autograd.compile(lambda x, t: F.cross_entropy(x, t), fullgraph=True)
    good, bad = autograd.tensor(np.array([0, 1])), autograd.tensor(np.array([0, 9]))
    x = normal(2, 3)
    want = loss(x, good).item()
    with pytest.raises(IndexError, match="target 9"):
        loss(x, bad)
    close(loss(x, good).item(), want)


# --- memory -----------------------------------------------------------------------------------------------------------


def test_outputs_stay_and_inputs_are_not_written():
    f = autograd.compile(lambda x: (x * 2 + 1).relu() * 3, fullgraph=True)
    xs = [normal(50, 60) for _ in range(4)]
    before = [x.numpy().copy() for x in xs]
    ys = [f(x) for x in xs]
    for x, old, y in zip(xs, before, ys):
        assert np.array_equal(x.numpy(), old)
        close(y.numpy(), np.maximum(old * 2 + 1, 0) * 3)


def peak_of(step):
    """Bytes that were alive at most while ``step`` ran, above those alive before."""
    tracemalloc.start()
    step()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_neither_the_recording_nor_a_replay_keeps_more_alive_than_eager_code():
    x, t = normal(8, 3, 64, 64), autograd.tensor(RNG.integers(0, 2, (8, 64, 64)))

    def steps(compiled):
        autograd.manual_seed(0)
        model = build("unet", 3, 2, base=16, depth=3)
        network = autograd.compile(model, fullgraph=True) if compiled else model
        peaks = []
        for _ in range(2):
            model.zero_grad()
            peaks.append(peak_of(lambda: F.cross_entropy(network(x), t).backward()))
        return peaks

    steps(True)  # compiles the kernels
    eager, (recording, replay) = max(steps(False)), steps(True)
    assert eager > 30e6
    assert recording < 1.3 * eager  # it goes backward and keeps what the backward pass of this call will need
    assert replay < 1.05 * eager


def test_the_copy_of_a_parameter_that_numpy_may_write_dies_as_its_layer_is_passed():
    ws = [normal(700, 700).requires_grad_() for _ in range(6)]
    for w in ws:
        w.detach().numpy()  # from now on, what is saved of it is a copy
    f = autograd.compile(lambda x: functools.reduce(autograd.matmul, ws, x).sum(), fullgraph=True)
    x = normal(2, 700).requires_grad_()
    f(x)
    tracemalloc.start()
    loss = f(x)
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    loss.backward()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    size = ws[0].numel() * 4
    assert before > 6 * size
    assert peak - before < 3 * size  # not 6: a gradient comes where a copy was


def test_a_parameter_written_before_backward_is_an_error():
    w = normal(3).requires_grad_()
    f = autograd.compile(lambda x: (x * w).exp(), fullgraph=True)
    x = normal(3).requires_grad_()
    f(x)
    y = f(x).sum()
    with autograd.no_grad():
        w.add_(1)
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_the_users_array_may_change_before_backward():
    array = np.array([1.0, 2, 3])
    x = autograd.from_numpy(array).requires_grad_()
    f = autograd.compile(lambda x: (x * x).sum(), fullgraph=True)
    f(x)
    y = f(x)
    array[:] = 7
    y.backward()
    assert x.grad.numpy().tolist() == [2, 4, 6]


def test_the_same_graph_backward_twice():
    f = autograd.compile(lambda x: (x * x).exp(), fullgraph=True)
    x = normal(4).requires_grad_()
    f(x)
    y = f(x).sum()
    y.backward(retain_graph=True)
    first = x.grad.numpy().copy()
    y.backward()
    close(x.grad.numpy(), 2 * first)
    y = f(x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


def test_second_derivatives_are_those_of_the_ops():
    net = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, 1))
    twin = autograd.compile(net, fullgraph=True)
    x = normal(5, 3).requires_grad_()

    def penalty(model):
        autograd.manual_seed(0)
        (g,) = autograd.grad(model(x).sum(), x, create_graph=True)
        return autograd.grad((g * g).sum(), [*net.parameters()], allow_unused=True)

    for _ in range(3):
        for a, b in zip(penalty(twin), penalty(net)):
            assert (a is None) == (b is None)
            if a is not None:
                close(a.numpy(), b.numpy())


def test_gradients_of_some_outputs_only():
    f = autograd.compile(lambda x, y: (x * y, x + y, x.detach() * 2), fullgraph=True)
    x, y = normal(3).requires_grad_(), normal(3).requires_grad_()
    for _ in range(2):
        product, total, free = f(x, y)
        assert not free.requires_grad
        for out, want in ((product, y.detach().numpy()), (total, np.ones(3))):
            (g,) = autograd.grad(out.sum(), x, retain_graph=True)
            close(g.numpy(), want)
        (g,) = autograd.grad(product.sum() + total.sum() * 2, y)
        close(g.numpy(), x.detach().numpy() + 2)


# --- threads, nesting -------------------------------------------------------------------------------------------------


def test_threads_share_one_compiled_function():
    w = normal(40, 40)
    f = autograd.compile(lambda x: ((x @ w) * 2 + 1).relu().sum(), fullgraph=True)
    xs = [normal(40, 40).requires_grad_() for _ in range(4)]
    want = []
    for x in xs:
        y = ((x @ w) * 2 + 1).relu().sum()
        want.append((y.item(), autograd.grad(y, x)[0].numpy()))
    wrong = []

    def work(i):
        for _ in range(20):
            y = f(xs[i])
            (g,) = autograd.grad(y, xs[i])
            if abs(y.item() - want[i][0]) > 1e-4 * abs(want[i][0]) or not np.allclose(g.numpy(), want[i][1], rtol=1e-5):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_the_bits_do_not_depend_on_the_number_of_threads():
    from autograd.kernels.parallel import get_num_threads, set_num_threads

    autograd.manual_seed(0)
    net = autograd.compile(build("unet", 3, 2, base=4, depth=2))
    x = normal(2, 3, 64, 64)
    threads = get_num_threads()
    results = []
    try:
        for n in (1, 2, 3):
            set_num_threads(n)
            net.zero_grad()
            net(x), net(x).sum().backward()
            results.append([p.grad.numpy().tobytes() for p in net.parameters()])
    finally:
        set_num_threads(threads)
    assert results[0] == results[1] == results[2]


def test_compiled_inside_compiled_and_inside_vmap():
    inner = autograd.compile(lambda x: x * 2 + 1)
    outer = autograd.compile(lambda x: inner(x).exp(), fullgraph=True)
    x = normal(3)
    for _ in range(2):
        close(outer(x).numpy(), np.exp(x.numpy() * 2 + 1))
    with pytest.warns(UserWarning, match="inside vmap"):
        close(autograd.vmap.vmap(inner)(x).numpy(), x.numpy() * 2 + 1)


# --- the door ---------------------------------------------------------------------------------------------------------


def test_the_twin_is_the_module():
    net = Net()
    twin = autograd.compile(net)
    assert isinstance(twin, Net)
    assert list(twin.state_dict()) == list(net.state_dict())
    assert all(a is b for a, b in zip(twin.parameters(), net.parameters()))
    twin.eval()
    assert not net.training
    assert nn.Sequential(twin)(normal(1, 2, 6, 6)).shape == (1, 3, 6, 6)
    other = copy.deepcopy(twin)
    assert other.first.weight is not net.first.weight
    close(other(normal(1, 2, 6, 6)).shape, np.array((1, 3, 6, 6)))


def test_bad_options_are_refused():
    with pytest.raises(TypeError, match="a function or a module, not a int"):
        autograd.compile(3)
    with pytest.raises(ValueError, match="dynamic=True is not supported"):
        autograd.compile(len, dynamic=True)
    with pytest.raises(ValueError, match="backend is 'glassgrad'"):
        autograd.compile(len, backend="tpu")
    with pytest.raises(ValueError, match="no option 'speed'"):
        autograd.compile(len, options={"speed": 1})
    assert autograd.compile(len, disable=True) is len


def test_as_a_decorator():
    @autograd.compile(fullgraph=True)
    def double(x):
        """Twice."""
        return x * 2

    assert double.__doc__ == "Twice."
    close(double(autograd.tensor([1.0])).numpy(), np.array([2.0]))


def test_an_array_argument_is_not_recorded():
    f = autograd.compile(lambda x: autograd.tensor(x) * 2)
    with pytest.warns(UserWarning, match="an argument is a NumPy array"):
        close(f(np.ones(2)).numpy(), np.full(2, 2.0))


def test_a_compiled_call_warns_of_nothing():
    f = autograd.compile(lambda x: (x / 0).log(), fullgraph=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        f(normal(3)), f(normal(3))
