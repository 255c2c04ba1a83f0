"""Random numbers from explicit generators.

Everything random takes a ``generator``; without one it draws from the default generator, which :func:`manual_seed`
seeds. The state of a generator is a dictionary of numbers and strings that fits into JSON, for checkpoints.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from .kernels.parallel import WORTH_WAKING, parallel_for
from .modes import modes


class Generator:
    """A stream of random numbers (PCG64), at its seed or where its state says.

    Parameters
    ----------
    seed : a number, or several: ``Generator((seed, epoch, index))`` is a stream of its own for each combination.
        Without one, the operating system chooses.
    """

    def __init__(self, seed: int | Sequence[int] | None = None) -> None:
        self.manual_seed(np.random.SeedSequence().entropy if seed is None else seed)

    def manual_seed(self, seed: Any) -> Generator:
        """Start again at ``seed``."""
        parts = [int(n) for n in seed] if isinstance(seed, Sequence) else int(seed)
        if (min(parts) if isinstance(parts, list) else parts) < 0:
            raise ValueError(f"manual_seed: a seed is not negative, got {seed}")
        self._seed = parts
        self.numpy = np.random.Generator(np.random.PCG64(parts))
        return self

    def initial_seed(self) -> Any:
        """The seed this stream started at."""
        return self._seed

    def get_state(self) -> dict:
        """Where the stream is, in numbers and strings."""
        state = self.numpy.bit_generator.state
        return {**state, "state": dict(state["state"]), "seed": self._seed}

    def set_state(self, state: dict) -> None:
        """Continue where :meth:`get_state` was called."""
        name = state.get("bit_generator")
        if name != "PCG64":
            raise ValueError(f"set_state: expected the state of a PCG64 generator, not of {name!r}")
        state = dict(state)
        seed = state.pop("seed", self._seed)
        self.numpy.bit_generator.state = state
        self._seed = seed


default_generator = Generator()

# NumPy holds a lock of the generator while it draws, and lets other threads run. A child that was forked then would
# wait at its first draw for a thread that it has not, so the default generator is at rest whenever a process forks.
_held: list[Any] = []


def _rest() -> None:
    lock = default_generator.numpy.bit_generator.lock
    lock.acquire()
    _held.append(lock)


def _go_on() -> None:
    _held.pop().release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_rest, after_in_parent=_go_on, after_in_child=_go_on)


def manual_seed(seed: int) -> Generator:
    """Seed the default generator."""
    return default_generator.manual_seed(seed)


def get_rng_state() -> dict:
    """The state of the default generator."""
    return default_generator.get_state()


def set_rng_state(state: dict) -> None:
    """Continue the default generator at a state."""
    default_generator.set_state(state)


def numpy_generator(generator: Generator | np.random.Generator | None) -> np.random.Generator:
    """The NumPy generator to draw from: of ``generator``, or the default one."""
    if generator is None:
        found = default_generator.numpy
    elif isinstance(generator, Generator):
        found = generator.numpy
    elif isinstance(generator, np.random.Generator):
        found = generator
    else:
        raise TypeError(
            f"generator: expected autograd.Generator or numpy.random.Generator, not {type(generator).__name__}"
        )
    return found if modes.draws is None else modes.draws(found)


_BLOCK = 1 << 16  # numbers; even, because PCG64 makes two of float32 at a time
_COST = 10  # operations of one number, about


def each_uniform(
    generator: np.random.Generator, out: np.ndarray, function: Callable[[np.ndarray, np.ndarray], Any]
) -> None:
    """Call ``function(numbers, part)`` for parts of the 1-d array ``out``: fill it from numbers in [0, 1).

    The numbers are those of ``generator.random(out.size, dtype=np.float32)``, which also says where the generator is
    afterwards. Of many numbers each thread makes its share, with a copy of the generator that skips the others' shares.
    """
    if type(generator.bit_generator) is not np.random.PCG64 or out.size * _COST < WORTH_WAKING:
        function(generator.random(out.size, dtype=np.float32), out)
        return
    with generator.bit_generator.lock:
        ahead = _copy_of(generator.bit_generator.state)
        if ahead.state["has_uint32"]:  # the second of two numbers is waiting
            function(np.random.Generator(ahead).random(1, dtype=np.float32), out[:1])
            out = out[1:]
        start = ahead.state
        rest = 2 - out.size % 2
        ahead.advance((out.size - rest) // 2)
        np.random.Generator(ahead).random(rest, dtype=np.float32)
        generator.bit_generator.state = ahead.state
    parallel_for(_draw, -(-out.size // _BLOCK), start, out, function, cost=_COST * _BLOCK)


def _draw(first: int, last: int, start: Any, out: np.ndarray, function: Callable) -> None:
    bits = _copy_of(start)
    bits.advance(first * (_BLOCK // 2))
    numbers = np.random.Generator(bits)
    for i in range(first * _BLOCK, last * _BLOCK, _BLOCK):
        part = out[i : i + _BLOCK]
        function(numbers.random(part.size, dtype=np.float32), part)


def _copy_of(state: Any) -> np.random.PCG64:
    bits = np.random.PCG64(0)
    bits.state = state
    return bits


class Draws:
    """The random numbers drawn inside ``with draws.repeated():``, which come again when it is entered again.

    The first time the generators themselves draw, and their positions are kept. After that copies draw from those
    positions: the generators do not move, whatever other threads do with them meanwhile.
    """

    def __init__(self) -> None:
        self._starts: dict[np.random.Generator, Any] = {}

    @contextmanager
    def repeated(self) -> Iterator[None]:
        outer = modes.draws
        taken: dict[np.random.Generator, np.random.Generator] = {}

        def take(found: np.random.Generator) -> np.random.Generator:
            if found not in taken:
                if found in self._starts:
                    bits = type(found.bit_generator)()
                    bits.state = self._starts[found]
                    taken[found] = np.random.Generator(bits)
                else:
                    taken[found] = found if outer is None else outer(found)
                    self._starts[found] = taken[found].bit_generator.state
            return taken[found]

        with drawing(take):
            yield


@contextmanager
def drawing(hook: Callable[[np.random.Generator], np.random.Generator] | None) -> Iterator[None]:
    """Ask ``hook`` which generator to take at every draw of this thread inside the ``with`` block."""
    outer, modes.draws = modes.draws, hook
    try:
        yield
    finally:
        modes.draws = outer
