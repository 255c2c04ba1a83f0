"""Random numbers: one default generator for the process, or one that is handed in.

Everything that draws (initialisation, dropout, ...) takes ``generator=`` and falls back to the default one. Same seed,
same numbers, on every machine: the generator is NumPy's PCG64.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Generator = np.random.Generator

_default: Generator = np.random.default_rng()


def manual_seed(seed: int) -> Generator:
    """Start the default generator anew; returns it.

    Raises
    ------
    ValueError : a seed below 0
    """
    set_rng_state(np.random.default_rng(seed).bit_generator.state)
    return _default


def generator(given: Generator | None = None) -> Generator:
    """The generator given, or the default one."""
    if given is None:
        return _default
    if not isinstance(given, Generator):
        raise TypeError(
            f"generator must be a numpy.random.Generator, not {type(given).__name__}; numpy.random.default_rng(seed) makes one"
        )
    return given


def get_rng_state() -> dict[str, Any]:
    """The state of the default generator: a dict of text and integers, which JSON can hold."""
    return dict(_default.bit_generator.state)


def set_rng_state(state: dict[str, Any]) -> None:
    """Go on drawing where :func:`get_rng_state` was called."""
    _default.bit_generator.state = state
