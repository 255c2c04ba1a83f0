"""What the backward pass promises, whatever the ops."""

import gc
import pickle
import sys
import threading
import tracemalloc
import weakref

import numpy as np
import pytest

import autograd as ag
from autograd import accumulation, enable_grad, engine, no_grad, tensor
from autograd.graph import Node
from autograd.kernels.arrays import canonical


def leaf(*values):
    return tensor(np.array(values), requires_grad=True)


def test_gradients_of_a_small_formula():
    x, y = leaf(2.0, 3.0), leaf(5.0, 7.0)
    ((x * y + x) * x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * np.array([2.0, 3.0]) * (np.array([5.0, 7.0]) + 1))
    np.testing.assert_allclose(y.grad.numpy(), [4.0, 9.0])


def test_gradients_accumulate_over_uses_and_over_backwards():
    x = leaf(3.0)
    (x * x).sum().backward()
    (x * x).sum().backward()
    assert x.grad.item() == 12.0


def test_a_node_used_by_many_gets_the_sum():
    x = leaf(2.0)
    y = x * 3.0
    (y + y * y + y * 5.0 + y).sum().backward()
    assert x.grad.item() == 3.0 * (1 + 2 * 6.0 + 5 + 1)


def test_diamonds_do_not_multiply_the_work():
    """60 diamonds in a row have 2^60 paths and 121 nodes."""
    x = leaf(1.0)
    y = x
    for _ in range(60):
        y = y * 0.5 + y * 0.5
    y.sum().backward()
    assert x.grad.item() == 1.0


def test_no_two_tensors_share_a_gradient_array():
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    upstream = np.ones(2)
    (x + y).backward(upstream)
    assert not np.shares_memory(x.grad.numpy(), y.grad.numpy())
    assert not np.shares_memory(x.grad.numpy(), upstream)
    before = x.grad.numpy().copy()
    y.grad.numpy()[:] = 100.0
    np.testing.assert_array_equal(x.grad.numpy(), before)


def test_the_upstream_gradient_is_never_written():
    x = leaf(1.0, 2.0)
    y = x * 2.0
    upstream = np.array([1.0, 1.0])
    upstream.flags.writeable = False
    (y + y + y).backward(upstream)
    np.testing.assert_array_equal(upstream, [1.0, 1.0])


def test_a_second_backward_is_refused_with_the_line_that_recorded_it():
    x = leaf(2.0)
    y = (x * x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match=r"test_engine\.py:\d+.*retain_graph=True"):
        y.backward()


def test_retain_graph_allows_a_second_backward():
    x = leaf(2.0)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 8.0


def test_backward_needs_a_gradient_for_more_than_one_element():
    with pytest.raises(RuntimeError, match=r"\(2,\).*sum\(\)"):
        (leaf(1.0, 2.0) * 2.0).backward()


def test_backward_refuses_a_gradient_of_another_shape():
    with pytest.raises(RuntimeError, match=r"\(3,\).*\(2,\)"):
        (leaf(1.0, 2.0) * 2.0).backward(np.ones(3))


def test_backward_without_history_is_refused():
    with pytest.raises(RuntimeError, match="requires_grad"):
        tensor([1.0]).backward()


def test_inputs_limits_where_gradients_go():
    x, y = leaf(2.0), leaf(3.0)
    (x * y).sum().backward(inputs=[x])
    assert x.grad.item() == 3.0
    assert y.grad is None


def test_backward_into_a_computed_tensor_given_as_input():
    x = leaf(2.0)
    y = x * 3.0
    (y * y).sum().backward(inputs=[y])
    assert y.grad.item() == 12.0
    assert x.grad is None


def test_grad_returns_and_touches_nothing():
    x, y = leaf(2.0), leaf(3.0)
    gx, gy = ag.grad((x * y * y).sum(), [x, y])
    assert (gx.item(), gy.item()) == (9.0, 12.0)
    assert x.grad is None
    assert y.grad is None


def test_grad_of_an_interior_tensor():
    x = leaf(2.0)
    y = x * 3.0
    (gy,) = ag.grad((y * y).sum(), y)
    assert gy.item() == 12.0


def test_grad_names_an_unused_input():
    x, y = leaf(2.0), leaf(3.0)
    with pytest.raises(RuntimeError, match="input 1"):
        ag.grad((x * x).sum(), [x, y])
    assert ag.grad((x * x).sum(), [x, y], allow_unused=True)[1] is None


def test_gradients_of_any_order():
    x = leaf(2.0)
    y = (x * x * x * x).sum()
    for expected in (32.0, 48.0, 48.0, 24.0):
        (y,) = ag.grad(y, x, create_graph=True)
        assert y.item() == expected
        y = y.sum()


def test_second_order_through_grad_attribute():
    x = leaf(3.0)
    (x * x * x).sum().backward(create_graph=True)
    g, x.grad = x.grad, None
    (g * g).sum().backward()
    assert x.grad.item() == 2 * 27.0 * 18.0


def test_unused_branches_get_nothing():
    x, unused = leaf(1.0), leaf(1.0)
    _ = unused * 2.0
    (x * 2.0).sum().backward()
    assert unused.grad is None


def test_retain_grad_keeps_a_computed_gradient():
    x = leaf(2.0)
    y = x * 3.0
    y.retain_grad()
    (y * y).sum().backward()
    assert y.grad.item() == 12.0
    assert x.grad.item() == 36.0


def test_hooks_see_and_replace_the_complete_gradient():
    x = leaf(2.0)
    seen = []

    def gradient_of_x():
        x.grad = None
        y = x * 3.0
        handle = y.register_hook(lambda g: seen.append(g.item()))
        y.register_hook(lambda g: g * 10.0)
        return y, handle

    y, _ = gradient_of_x()
    (y + y).sum().backward()
    assert seen == [2.0]
    assert x.grad.item() == 60.0
    y, handle = gradient_of_x()
    handle.remove()
    (y + y).sum().backward()
    assert seen == [2.0]


def test_no_grad_records_nothing_and_nests():
    x = leaf(1.0)
    with no_grad():
        assert not (x * 2.0).requires_grad
        with enable_grad():
            assert (x * 2.0).requires_grad
        assert not (x * 2.0).requires_grad
    assert (x * 2.0).requires_grad

    @no_grad()
    def quiet():
        return x * 2.0

    assert not quiet().requires_grad


def test_set_grad_enabled_as_a_switch_a_block_and_a_decorator():
    x = leaf(1.0)
    ag.set_grad_enabled(False)
    assert not (x * 2.0).requires_grad
    with ag.set_grad_enabled(True):
        assert (x * 2.0).requires_grad
    assert not (x * 2.0).requires_grad
    switch = ag.set_grad_enabled(True)
    assert (x * 2.0).requires_grad
    with switch, switch:
        assert (x * 2.0).requires_grad
    assert not ag.is_grad_enabled()
    ag.set_grad_enabled(True)

    @ag.set_grad_enabled(False)
    def quiet():
        return x * 2.0

    assert ag.is_grad_enabled()
    assert not quiet().requires_grad
    assert ag.is_grad_enabled()


def test_modes_are_per_thread():
    x = leaf(1.0)
    recorded = []
    with no_grad():
        thread = threading.Thread(target=lambda: recorded.append((x * 2.0).requires_grad))
        thread.start()
        thread.join()
    assert recorded == [True]


def test_two_threads_differentiate_at_once():
    def work(seed, results):
        rng = np.random.default_rng(seed)
        x = tensor(rng.normal(size=50), requires_grad=True)
        for _ in range(50):
            x.grad = None
            y = x
            for _ in range(20):
                y = y * 1.01 + 0.5
            y.sum().backward()
        results[seed] = x.grad.numpy()

    results = {}
    threads = [threading.Thread(target=work, args=(i, results)) for i in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    np.testing.assert_allclose(results[0], np.full(50, 1.01**20))
    np.testing.assert_allclose(results[1], np.full(50, 1.01**20))


def test_a_deep_chain_needs_no_recursion():
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y + 1e-6
    y.sum().backward()
    assert x.grad.item() == 1.0
    repr(y)
    del y


def test_graphs_are_freed_without_the_garbage_collector():
    gc.collect()
    gc.disable()
    try:
        x = leaf(*np.ones(10))
        y = (x * x).sum()
        node = weakref.ref(y._node)
        y.backward()
        del y
        assert node() is None
        z = (x * x * x).sum()
        (g,) = ag.grad(z, x, create_graph=True)
        node = weakref.ref(g._node)
        del z, g
        assert node() is None
    finally:
        gc.enable()


def test_memory_is_flat_over_many_steps():
    x = tensor(np.ones(1000), requires_grad=True)

    def step():
        x.grad = None
        y = (x * 2.0 + 1.0) * x
        y.sum().backward(create_graph=True)
        g, x.grad = x.grad, None
        (g * g).sum().backward()

    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            step()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(300):
            step()
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
    finally:
        gc.enable()
    assert grown < 100_000


def test_saved_values_die_as_the_pass_goes():
    x = leaf(*np.ones(10))
    y = x * x
    z = y * y
    node = y._node
    z.sum().backward()
    assert node.saved is None


def test_a_saved_value_changed_in_place_is_an_error_naming_both_places():
    x = leaf(1.0, 2.0)
    w = tensor(np.array([3.0, 4.0]))
    y = (x * w).sum()
    w.fill_(0.0)
    with pytest.raises(RuntimeError, match=r"mul.*test_engine\.py:\d+.*fill_"):
        y.backward()


def test_a_value_changed_before_it_was_saved_is_fine():
    x = leaf(1.0, 2.0)
    w = tensor(np.array([3.0, 4.0]))
    w.fill_(5.0)
    (x * w).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [5.0, 5.0])


def test_a_view_of_a_changed_buffer_is_noticed():
    x = leaf(1.0, 2.0)
    w = tensor(np.arange(4.0))
    y = (x * w[:2]).sum()
    w.zero_()
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_integers_carry_no_gradient():
    with pytest.raises(RuntimeError, match="floating point"):
        tensor([1, 2], requires_grad=True)


def test_broadcast_gradients_are_summed_back():
    x, b = tensor(np.ones((2, 3)), requires_grad=True), tensor(np.ones(3), requires_grad=True)
    (x + b).sum().backward()
    np.testing.assert_array_equal(b.grad.numpy(), [2.0, 2.0, 2.0])
    assert x.grad.shape == (2, 3)


def test_mixed_dtypes_give_each_input_its_own():
    x = tensor(np.ones(2, np.float32), requires_grad=True)
    y = tensor(np.ones(2, np.float64), requires_grad=True)
    z = x * y
    assert z.dtype == np.float64
    z.sum().backward()
    assert x.grad.dtype == np.float32
    assert y.grad.dtype == np.float64


def test_where_names_the_users_line():
    y = leaf(1.0) * 2.0
    assert isinstance(y.grad_fn, Node)
    assert "test_engine.py:" in y.grad_fn.where()


def test_parents_are_older_than_their_children():
    y = leaf(1.0) * 2.0
    z = y + 1.0
    assert z._node.age > y._node.age > y._node.parents[0].age


# --- whose array a gradient is ----------------------------------------------------------------------------------------


def test_no_two_gradients_share_an_array_and_none_is_anybody_elses():
    a, b, c = (tensor(np.arange(4.0), requires_grad=True) for _ in range(3))
    seen = []
    z = a + b
    z.register_hook(lambda g: seen.append(g))
    y = z * c
    upstream = tensor(np.ones(4))
    (y + a).backward(upstream, retain_graph=True)
    arrays = [a.grad._data, b.grad._data, c.grad._data, upstream._data, seen[0]._data, a._data, b._data, c._data]
    for i, one in enumerate(arrays):
        assert not any(np.shares_memory(one, other) for other in arrays[i + 1 :])


def test_the_same_input_twice_gets_two_arrays():
    x = tensor(np.arange(4.0), requires_grad=True)
    one, two = ag.grad((x * x).sum(), [x, x])
    assert not np.shares_memory(one._data, two._data)
    np.testing.assert_array_equal(one.numpy(), two.numpy())


def test_a_gradient_that_is_nobody_elses_is_not_copied(monkeypatch):
    copies = []
    monkeypatch.setattr(accumulation, "copied", lambda g: copies.append(g) or np.array(g))
    x = tensor(np.arange(4.0), requires_grad=True)
    (x * 2.0).sum().backward()
    assert not copies
    x.grad = None
    x.sum().backward()  # a view of one number
    assert len(copies) == 1


def test_another_shape_of_an_array_that_is_nobody_elses_is_not_copied(monkeypatch):
    copies = []
    monkeypatch.setattr(accumulation, "copied", lambda g: copies.append(g) or np.array(g, order="C"))
    x = tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    (x.reshape(6) * tensor(np.arange(6.0))).sum().backward()
    assert not copies
    assert x.grad.tolist() == [[0, 1, 2], [3, 4, 5]]
    x.grad = None
    (x.T * tensor(np.arange(6.0).reshape(3, 2))).sum().backward()  # columns: a gradient is in row-major order
    assert len(copies) == 1
    assert x.grad.tolist() == [[0, 2, 4], [1, 3, 5]]


def test_two_shapes_of_one_gradient_do_not_share_it():
    x = tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    y = x.reshape(6)
    y.retain_grad()
    (y * 2.0).sum().backward(retain_graph=True)
    assert not np.shares_memory(x.grad._data, y.grad._data)
    one, two = ag.grad((y * 2.0).sum(), [x, y])
    assert not np.shares_memory(one._data, two._data)
    upstream = tensor(np.ones(6))
    x.grad = None
    x.reshape(6).backward(upstream)
    assert not np.shares_memory(x.grad._data, upstream._data)


def test_text_of_a_huge_tensor_copies_nothing():
    x = ag.from_numpy(np.broadcast_to(np.float32(1.0), (100_000_000,)))
    tracemalloc.start()
    text = repr(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "..." in text
    assert len(text) < 200
    assert peak < 1_000_000


def test_a_pickle_is_refused():
    with pytest.raises(TypeError, match=r"pickle.*serialize\.save"):
        pickle.dumps(leaf(1.0))


def test_a_slice_that_several_rules_read_is_copied_once(monkeypatch):
    copies = []

    def counted(g):
        copies.append(g.shape)
        return canonical(g)

    monkeypatch.setattr(engine, "canonical", counted)
    x, skip = (ag.randn(2, 8, 48, 48, requires_grad=True) for _ in range(2))
    bias = ag.randn(1, 8, 1, 1, requires_grad=True)
    ag.cat([skip, x + bias], 1).backward(ag.randn(2, 16, 48, 48))
    assert copies == [(2, 8, 48, 48)]
    assert np.allclose(bias.grad.numpy(), x.grad.numpy().sum((0, 2, 3), keepdims=True), atol=1e-3)


def test_hooks_see_what_numpy_is_to_call_and_its_buffers():
    calls, sizes = [], []

    def hook(g):
        sizes.append(np.getbufsize())
        with np.errstate(divide="call"):
            np.divide(np.ones(1), 0)

    x = leaf(1.0, 2.0)
    x.register_hook(hook)
    with np.errstate(call=lambda kind, flag: calls.append(kind)):
        before = np.setbufsize(16_000)
        try:
            (x * x).sum().backward()
        finally:
            np.setbufsize(before)
    assert calls == ["divide by zero"]
    assert sizes == [16_000]


@pytest.mark.parametrize("retain_graph", [True, False])
def test_an_interrupt_as_a_backward_pass_begins_leaves_all_as_it_was(monkeypatch, retain_graph):
    class Interrupted:
        """NumPy's context variable, and an interrupt just after it is set for the first time."""

        get, reset = engine.floating_point_errors.get, engine.floating_point_errors.reset
        times = 0

        def set(self, errors):
            token = floating_point_errors.set(errors)
            self.times += 1
            if self.times == 1:
                raise KeyboardInterrupt
            return token

    floating_point_errors = engine.floating_point_errors
    x = leaf(1.0, 2.0)
    y = (x * x).sum()
    with np.errstate(divide="raise", over="print"):
        before = np.geterr()
        with monkeypatch.context() as patch:
            patch.setattr(engine, "floating_point_errors", Interrupted())
            with pytest.raises(KeyboardInterrupt):
                y.backward(retain_graph=retain_graph)
        assert np.geterr() == before
    assert ag.is_grad_enabled()
    y.backward()
    np.testing.assert_array_equal(x.grad.numpy(), [2.0, 4.0])


def test_an_interrupt_as_gradients_are_added_leaves_recording_on():
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    y, before = (x * x).sum(), sys.gettrace()

    def interrupt(frame, event, arg):
        if frame.f_code.co_name == "__exit__":
            raise KeyboardInterrupt

    with enable_grad():
        try:
            sys.settrace(interrupt)
            y.backward()
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)
        assert ag.is_grad_enabled()
