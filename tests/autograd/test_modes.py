"""What the user wrote, an op or what a compiled function calls, runs in the caller's context, without warnings."""

from __future__ import annotations

import contextvars
import threading
import warnings

import numpy as np
import pytest

import autograd
from autograd.custom import custom_op
from autograd.primitive import registry

word = contextvars.ContextVar("word", default="at first")
IGNORED = dict.fromkeys(("divide", "over", "under", "invalid"), "ignore")


@pytest.fixture(params=["eager", "compiled"])
def call(request):
    """``call(look)`` calls ``look()`` in the forward of a custom op of a tensor."""
    doing: list = [lambda: None]

    @custom_op(sample_inputs=(np.ones(2),))
    def looked_at(x):
        doing[0]()
        return x + 0

    looked_at.vjp(x=lambda g: g)
    function = looked_at if request.param == "eager" else autograd.compile(lambda x: looked_at(x))
    x = autograd.ones(3, requires_grad=True)
    function(x)  # after its first op the quiet context of this thread is there, and what is compiled is

    def made(look, argument=x):
        doing[0] = look
        return function(argument)

    yield made
    del registry["looked_at"]


def test_it_sees_context_variables_as_they_are(call):
    seen = []
    token = word.set("later")
    with np.printoptions(precision=2):
        call(lambda: seen.append((word.get(), np.get_printoptions()["precision"])))
    word.reset(token)
    call(lambda: seen.append((word.get(), np.get_printoptions()["precision"])))
    assert seen == [("later", 2), ("at first", 8)]


def test_what_it_sets_stays(call):
    token = word.set("before")
    call(lambda: word.set("inside"))
    assert word.get() == "inside"
    word.reset(token)


def test_floating_point_errors_are_ignored_inside_only(call):
    seen = []
    with np.errstate(divide="raise", over="print", call=print):
        before = np.geterr()
        call(lambda: seen.append((np.geterr(), np.geterrcall())))
        assert np.geterr() == before
    assert seen == [(IGNORED, print)]


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_errors_inside_leave_all_as_it_was(call, error):
    def fail():
        raise error

    with np.errstate(divide="raise", over="print"):
        before = np.geterr()
        with pytest.raises(error):
            call(fail)
        assert np.geterr() == before
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        autograd.log(autograd.zeros(1))  # and the next op is as quiet as ever


def test_ops_inside_are_recorded_quietly(call):
    call(lambda: autograd.log(autograd.zeros(1, requires_grad=True)).backward())


def test_each_thread_has_its_own(call):
    seen = {}
    both = threading.Barrier(2, timeout=30)

    def look():
        name = word.get()
        both.wait()
        seen[name] = np.geterr()
        both.wait()

    def run(name, kind):
        word.set(name)
        with np.errstate(divide=kind):
            call(look)
            assert np.geterr()["divide"] == kind
            seen[f"after {name}"] = np.geterr()["divide"]

    threads = [threading.Thread(target=run, args=args) for args in (("one", "raise"), ("two", "print"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {"one": IGNORED, "two": IGNORED, "after one": "raise", "after two": "print"}


def test_a_custom_op_of_arrays_warns_as_numpy_does():
    @custom_op(sample_inputs=(np.ones(2),))
    def inverse(x):
        return 1 / x

    try:
        with np.errstate(divide="raise"):
            assert np.isinf(inverse(x=autograd.zeros(1)).item())  # a tensor given by name is one
            with pytest.raises(FloatingPointError):
                inverse(np.zeros(1))
    finally:
        del registry["inverse"]
