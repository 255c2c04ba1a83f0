"""A whole training step: the same bits for any number of threads, two Python threads at once, and in a forked child."""

import multiprocessing
import threading
import time

import numpy as np
import pytest

import autograd
import nn
import optim
import segmentation
from nn import functional as F


@pytest.fixture(autouse=True)
def as_before():
    threads = autograd.get_num_threads()
    yield
    autograd.set_num_threads(threads)


def train(model="unet", steps=2):
    """Bytes of every weight, running average and loss after some steps from a fixed start."""
    rng = np.random.default_rng(0)
    network = segmentation.build(model, in_channels=3, classes=3, base=8)
    network.load_state_dict(
        {
            name: autograd.tensor(rng.standard_normal(value.shape).astype(np.float32) * 0.1)
            if value.dtype == np.float32 and "running_var" not in name
            else value
            for name, value in network.state_dict().items()
        }
    )
    x = autograd.tensor(rng.standard_normal((4, 3, 64, 64), np.float32))
    targets = autograd.tensor(rng.integers(0, 3, (4, 64, 64)))
    adam = optim.Adam(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(steps):
        adam.zero_grad()
        loss = F.cross_entropy(network(x), targets)
        loss.backward()
        nn.clip_grad_norm_(list(network.parameters()), 1.0)
        adam.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    return [value.numpy().tobytes() for value in network.state_dict().values()], losses


@pytest.mark.parametrize("model", ["unet", "segnet", "fcn8s"])
def test_same_bits_for_any_number_of_threads(model):
    results = []
    for threads in (1, 2, 4):
        autograd.set_num_threads(threads)
        results.append(train(model))
    assert results[0] == results[1] == results[2]


def test_perceptron_has_the_same_bits_for_any_number_of_threads():
    rng = np.random.default_rng(0)
    x, w, v = (rng.standard_normal(shape, np.float32) for shape in ((300, 576), (1000, 576), (10, 1000)))
    results = []
    for threads in (1, 2, 4):
        autograd.set_num_threads(threads)
        weights = [autograd.tensor(array, requires_grad=True) for array in (w, v)]
        hidden = autograd.tanh(F.linear(autograd.tensor(x), weights[0]))
        (F.linear(hidden, weights[1]) ** 2).mean().backward()
        results.append([weight.grad.numpy().tobytes() for weight in weights])
    assert results[0] == results[1] == results[2]


def test_two_python_threads_train_at_once():
    autograd.set_num_threads(2)
    alone = train()
    results = [None, None]

    def run(i):
        results[i] = train()

    threads = [threading.Thread(target=run, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert results == [alone, alone]


def _train_in_child(queue):
    queue.put(train())


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_forked_child_trains_while_the_parent_trains():
    autograd.set_num_threads(2)
    alone = train()
    stop = threading.Event()

    def keep_training():
        while not stop.is_set():
            train(steps=2)

    busy = threading.Thread(target=keep_training)
    busy.start()
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_train_in_child, args=(queue,))
    child.start()
    try:
        assert queue.get(timeout=120) == alone
        child.join(timeout=60)
        assert child.exitcode == 0
    finally:
        stop.set()
        busy.join()
        child.kill()


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_child_forked_while_another_thread_draws_draws_too():
    drawing = threading.Event()

    def draw_for_long():
        with autograd.default_generator.numpy.bit_generator.lock:  # as NumPy does while it fills an array
            drawing.set()
            time.sleep(0.2)

    thread = threading.Thread(target=draw_for_long)
    thread.start()
    drawing.wait()
    child = multiprocessing.get_context("fork").Process(target=autograd.randn, args=(3,))
    child.start()
    child.join(timeout=20)
    alive = child.is_alive()
    child.kill()
    thread.join()
    assert not alive, "the child waits for a thread of its parent"
    assert autograd.randn(3).shape == (3,)


@pytest.mark.parametrize(("threads", "error"), [(0, ValueError), (2.0, TypeError), (True, TypeError)])
def test_number_of_threads_that_makes_no_sense_is_refused(threads, error):
    with pytest.raises(error, match="set_num_threads: threads must be"):
        autograd.set_num_threads(threads)
