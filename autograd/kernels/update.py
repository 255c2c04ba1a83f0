"""The update rules of optimizers, on all parameters together (:mod:`.together`).

Operation by operation they round as the array expressions of the rule would, in the dtype of the parameter. What a rule
leaves out (no momentum, no decay) is left out of the compiled loop.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from .jit import njit
from .together import number, view


@cache
def adam(maximize: bool, decay: bool, decoupled: bool, amsgrad: bool) -> Callable:
    """Reads g; writes p, v, s and, with ``amsgrad``, the largest s.

    Numbers: β₁, 1 − β₁, β₂, 1 − β₂, 1/√(1 − β₂ᵗ), ε, lr/(1 − β₁ᵗ), and λ or, ``decoupled``, 1 − lr·λ.
    """

    @njit(key=(maximize, decay, decoupled, amsgrad))
    def step_of_adam(start, stop, chunks, objects, numbers, like, results):
        for unit in range(start, stop):
            chunk = chunks[unit]
            g, p = view(chunk, objects, 0, like), view(chunk, objects, 1, like)
            v, s = view(chunk, objects, 2, like), view(chunk, objects, 3, like)
            beta1, rest1 = number(chunk, numbers, 0, like), number(chunk, numbers, 1, like)
            beta2, rest2 = number(chunk, numbers, 2, like), number(chunk, numbers, 3, like)
            correction, eps = number(chunk, numbers, 4, like), number(chunk, numbers, 5, like)
            rate, decayed = number(chunk, numbers, 6, like), number(chunk, numbers, 7, like)
            largest = view(chunk, objects, 4, like) if amsgrad else s
            for i in range(p.size):
                d, x = g[i], p[i]
                if maximize:
                    d = -d
                if decay and decoupled:
                    x = x * decayed
                elif decay:
                    d = d + x * decayed
                m = v[i] * beta1 + d * rest1
                q = s[i] * beta2 + d * d * rest2
                v[i], s[i] = m, q
                if amsgrad:
                    q = largest[i] if largest[i] > q else q
                    largest[i] = q
                p[i] = x - m / (np.sqrt(q) * correction + eps) * rate

    return step_of_adam


@cache
def rmsprop(maximize: bool, decay: bool, momentum: bool, centered: bool) -> Callable:
    """Reads g; writes p, s and, as far as there are any, the momentum b and the mean m.

    Numbers: α, 1 − α, ε, lr, μ, λ.
    """

    @njit(key=(maximize, decay, momentum, centered))
    def step_of_rmsprop(start, stop, chunks, objects, numbers, like, results):
        for unit in range(start, stop):
            chunk = chunks[unit]
            g, p = view(chunk, objects, 0, like), view(chunk, objects, 1, like)
            s = view(chunk, objects, 2, like)
            alpha, rest = number(chunk, numbers, 0, like), number(chunk, numbers, 1, like)
            eps, rate = number(chunk, numbers, 2, like), number(chunk, numbers, 3, like)
            mu, decayed = number(chunk, numbers, 4, like), number(chunk, numbers, 5, like)
            b = view(chunk, objects, 3, like) if momentum else s
            m = view(chunk, objects, 3 + momentum, like) if centered else s
            for i in range(p.size):
                d = g[i]
                if maximize:
                    d = -d
                if decay:
                    d = d + p[i] * decayed
                q = s[i] * alpha + d * d * rest
                s[i] = q
                if centered:
                    m[i] = m[i] * alpha + d * rest
                    q = q - m[i] * m[i]
                step = d / (np.sqrt(q) + eps)
                if momentum:
                    step = b[i] * mu + step
                    b[i] = step
                p[i] = p[i] - step * rate

    return step_of_rmsprop


@cache
def sgd(maximize: bool, decay: bool, momentum: bool, nesterov: bool) -> Callable:
    """Reads g; writes p and, with ``momentum``, v.

    Numbers: lr, what v keeps of itself (0 the first time), the share of g in v, μ, λ.
    """

    @njit(key=(maximize, decay, momentum, nesterov))
    def step_of_sgd(start, stop, chunks, objects, numbers, like, results):
        for unit in range(start, stop):
            chunk = chunks[unit]
            g, p = view(chunk, objects, 0, like), view(chunk, objects, 1, like)
            v = view(chunk, objects, 2, like) if momentum else p
            rate, kept = number(chunk, numbers, 0, like), number(chunk, numbers, 1, like)
            share, mu = number(chunk, numbers, 2, like), number(chunk, numbers, 3, like)
            decayed = number(chunk, numbers, 4, like)
            for i in range(p.size):
                d = g[i]
                if maximize:
                    d = -d
                if decay:
                    d = d + p[i] * decayed
                if momentum:
                    v[i] = v[i] * kept + d * share
                    d = d + v[i] * mu if nesterov else v[i]
                p[i] = p[i] - d * rate

    return step_of_sgd
