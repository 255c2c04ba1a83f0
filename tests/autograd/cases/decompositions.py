"""Solving and taking matrices apart. The references are the schoolbook's: cofactors, elimination, Gram and Schmidt."""

from __future__ import annotations

import itertools

import numpy as np

from .case import Case, normal


def each(function):
    """A function of one matrix, for each of a batch."""

    def batched(A, **settings):
        shape = A.shape[:-2]
        results = [function(A[p], **settings) for p in np.ndindex(*shape)]
        if isinstance(results[0], tuple):
            return tuple(np.array(part).reshape((*shape, *part[0].shape)) for part in zip(*results))
        return np.array(results).reshape((*shape, *np.shape(results[0])))

    return batched


def det(A):
    """Leibniz: over all permutations."""
    n, total = len(A), 0.0
    for order in itertools.permutations(range(n)):
        swaps = sum(order[i] > order[j] for i in range(n) for j in range(i + 1, n))
        product = (-1.0) ** swaps
        for i, j in enumerate(order):
            product *= A[i, j]
        total += product
    return np.array(total)


def cofactors(A):
    out = np.zeros_like(A)
    for i, j in np.ndindex(*A.shape):
        out[i, j] = (-1) ** (i + j) * det(np.delete(np.delete(A, i, 0), j, 1))
    return out


def inverse(A):
    return cofactors(A).T / det(A)


def solved(A, B):
    shape = np.broadcast_shapes(A.shape[:-2], B.shape[:-2])
    A, B = (np.broadcast_to(x, (*shape, *x.shape[-2:])) for x in (A, B))
    out = np.zeros(B.shape)
    for p in np.ndindex(*shape):
        out[p] = inverse(A[p]) @ B[p]
    return out


def second_cofactors(G, A):
    """A central difference is exact for a polynomial of degree 2, and cofactors of 3 × 3 matrices are that."""
    return (each(cofactors)(A + G) - each(cofactors)(A - G)) / 2


def cholesky(A):
    n = len(A)
    L = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            rest = A[i, j] - sum(L[i, k] * L[j, k] for k in range(j))
            L[i, j] = np.sqrt(rest) if i == j else rest / L[j, j]
    return L


def qr(A, mode):
    """Gram and Schmidt, with LAPACK's signs."""
    m, n = A.shape
    k = min(m, n)
    Q = np.zeros((m, k))
    for j in range(k):
        v = A[:, j].copy()
        for _ in range(2):  # twice is enough
            for i in range(j):
                v -= (Q[:, i] @ v) * Q[:, i]
        Q[:, j] = v / np.sqrt(v @ v)
    signs = np.sign(np.diagonal(np.linalg.qr(A)[1]))
    Q = Q * np.where(signs, signs, 1)
    return Q, Q.T @ A


def pinv(A, **_):
    """Of full rank: by the normal equations."""
    return inverse(A.T @ A) @ A.T if len(A) >= A.shape[1] else A.T @ inverse(A @ A.T)


def spread(*shapes):
    """Matrices whose singular values lie well apart, and from 0."""

    def make(rng):
        out = []
        for shape in shapes:
            U, S, Vh = np.linalg.svd(rng.normal(size=shape), full_matrices=False)
            S = S * 0 + np.arange(S.shape[-1], 0, -1) + rng.uniform(0, 0.3, S.shape)
            out.append((U * S[..., None, :]) @ Vh)
        return out

    return make


def symmetric(A):
    return (A + A.mT,)


def positive(A):
    return (A @ A.mT + np.eye(A.shape[-1], dtype=A.dtype),)


def singular(rng):
    """Rank 2 of 3, and rank 1."""
    a, b = rng.normal(size=(2, 3, 2)), rng.normal(size=(2, 2, 3))
    a[1, :, 1] = 0
    return [a @ b]


def singular_and_direction(rng):
    return [rng.normal(size=(2, 3, 3)), *singular(rng)]


def cases():
    for note, shape in (("", (3, 3)), ("batch", (2, 2, 2)), ("1 by 1", (1, 1))):
        yield Case("inv", spread(shape), {}, each(inverse), note)
        yield Case("det", spread(shape), {}, each(det), note)
        yield Case("cofactors", spread(shape), {}, each(cofactors), note)
        yield Case("slogdet", spread(shape), {}, each(lambda A: (np.sign(det(A)), np.log(np.abs(det(A))))), note)
        yield Case("cholesky", spread(shape), {}, each(cholesky), note, prepare=positive)
        yield Case("eigh", spread(shape), {"UPLO": "L"}, None, note, prepare=symmetric)
        yield Case("eigh", spread(shape), {"UPLO": "U"}, None, note + " upper", prepare=symmetric)
    yield Case("det", singular, {}, each(det), "singular")
    yield Case("cofactors", singular, {}, each(cofactors), "singular", order=1)
    yield Case("second_cofactors", spread((3, 3), (3, 3)), {}, second_cofactors)
    yield Case("second_cofactors", spread((2, 3, 3), (2, 3, 3)), {}, second_cofactors, "batch")
    yield Case("second_cofactors", singular_and_direction, {}, second_cofactors, "singular", order=0)
    for note, a, b in (
        ("", (3, 3), (3, 2)),
        ("batch", (2, 2, 2), (2, 2, 3)),
        ("batch of A", (2, 2, 2), (2, 1)),
        ("batch of B", (2, 2), (3, 2, 1)),
        ("broadcast", (2, 1, 2, 2), (3, 2, 1)),
    ):
        yield Case("solve", spread(a, b), {}, solved, note)
    for note, shape in (("tall", (4, 2)), ("wide", (2, 4)), ("square", (3, 3)), ("batch", (2, 3, 2))):
        yield Case("qr", spread(shape), {"mode": "reduced"}, each(qr), note)
        yield Case("svd", spread(shape), {"full_matrices": False}, None, note)
        yield Case("pinv", spread(shape), {"atol": None, "rtol": None}, each(pinv), note)
    yield Case("qr", spread((2, 4)), {"mode": "complete"}, each(qr), "complete, wide")
    yield Case("svd", spread((3, 3)), {"full_matrices": True}, None, "full, square")
    for ord in ("fro", "nuc", 2, -2, 1, -1, np.inf, -np.inf):
        yield Case("linalg.matrix_norm()", spread((3, 2)), {"ord": ord}, None, str(ord))
    yield Case("linalg.lstsq()", spread((4, 2), (4, 3)), {}, None)
    yield Case("linalg.solve_triangular()", spread((3, 3), (3, 2)), {"upper": True}, None)
    yield Case("linalg.matrix_power()", spread((2, 2)), {"n": 5}, None)
    yield Case("linalg.matrix_power()", spread((2, 2)), {"n": -3}, None, "inverse")
    yield Case("linalg.multi_dot()", lambda rng: [rng.normal(size=s) for s in ((2, 3), (3, 4), (4, 2))], {}, None,
               prepare=lambda *tensors: (tensors,))  # fmt: skip
    yield Case("cross()", normal((2, 3), (1, 3)), {"dim": -1}, lambda a, b, dim: np.cross(a, b))
    for dims in (1, 0, ([0], [2]), ([0, 1], [2, 1])):
        shapes = {1: ((2, 3), (3, 2)), 0: ((2,), (3,))}.get(dims if isinstance(dims, int) else 2, ((2, 3), (2, 3, 2)))
        yield Case(
            "tensordot()", normal(*shapes), {"dims": dims}, lambda a, b, dims: np.tensordot(a, b, dims), str(dims)
        )
    yield Case("kron()", normal((2, 3), (3, 2)), {}, np.kron)
    yield Case("kron()", normal((2,), (2, 2)), {}, np.kron, "vector")
    yield Case("inner()", normal((2, 3), (4, 3)), {}, lambda a, b: np.array([[x @ y for y in b] for x in a]))
    s = {"beta": 0.5, "alpha": 2.0}
    yield Case("addmm()", normal((3,), (2, 2), (2, 3)), s, lambda c, a, b, beta, alpha: beta * c + alpha * (a @ b))
    yield Case(
        "baddbmm()", normal((2, 2, 3), (2, 2, 2), (2, 2, 3)), s, lambda c, a, b, beta, alpha: beta * c + alpha * (a @ b)
    )
    yield Case("einsum()", normal((1, 3), (2, 3)), {}, lambda _, a, b: np.array([sum(a[0] * r) for r in b]), "size 1",
               prepare=lambda a, b: ("ij,ij->i", a, b))  # fmt: skip


CASES = list(cases())
