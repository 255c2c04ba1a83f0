"""Calls of the NumPy functions that arrange, pick and multiply arrays, for ``test_numpy_protocol``."""

import numpy as np

A = np.random.default_rng(1).uniform(0.5, 1.5, (4, 4)) + 2 * np.eye(4)
S = A @ A.T
ROWS = np.array([2, 0, 2])


def square(t):
    """A well-conditioned matrix made of the test's."""
    return np.concatenate([t, A[3:]]) + 2 * np.eye(4)


def symmetric(t):
    return square(t) + square(t).T


def first(parts):
    return parts[0]


def joined(parts):
    return np.concatenate([np.ravel(p) for p in parts])


CALLS = {
    np.matrix_transpose: [lambda t: np.matrix_transpose(t)],
    np.broadcast_arrays: [lambda t: np.broadcast_arrays(t, np.ones((2, 1, 1)))[0]],
    np.atleast_1d: [lambda t: np.atleast_1d(t), lambda t: np.atleast_1d(t[0, 0])],
    np.atleast_2d: [lambda t: np.atleast_2d(t[0])],
    np.atleast_3d: [lambda t: np.atleast_3d(t), lambda t: np.atleast_3d(t[0])],
    np.fliplr: [lambda t: np.fliplr(t)],
    np.flipud: [lambda t: np.flipud(t)],
    np.rot90: [lambda t: np.rot90(t), lambda t: np.rot90(t, 3, (1, 0))],
    np.append: [lambda t: np.append(t, t[:1]), lambda t: np.append(t, t[:1], axis=0)],
    np.hstack: [lambda t: np.hstack([t, A[:3]]), lambda t: np.hstack([t[0], t[1]])],
    np.vstack: [lambda t: np.vstack([t, A]), lambda t: np.vstack([t[0], t[1]])],
    np.dstack: [lambda t: np.dstack([t, t]), lambda t: np.dstack([t[0], t[1]])],
    np.column_stack: [lambda t: np.column_stack([t, t[:, 0]])],
    np.array_split: [lambda t: joined(np.array_split(t, 3, axis=1)), lambda t: np.array_split(t, [1, 2], 1)[1]],
    np.hsplit: [lambda t: np.hsplit(t, 2)[1]],
    np.vsplit: [lambda t: np.vsplit(t, [2])[1]],
    np.dsplit: [lambda t: np.dsplit(np.atleast_3d(t), 1)[0]],
    np.unstack: [lambda t: np.unstack(t)[1], lambda t: np.unstack(t, axis=1)[3]],
    np.repeat: [lambda t: np.repeat(t, 2), lambda t: np.repeat(t, [1, 0, 2], axis=0)],
    np.meshgrid: [lambda t: np.meshgrid(t[0], t[1])[0], lambda t: np.meshgrid(t[0], t[1, :3], indexing="ij")[1]],
    np.lib.stride_tricks.sliding_window_view: [
        lambda t: np.lib.stride_tricks.sliding_window_view(t, (2, 3)),
        lambda t: np.lib.stride_tricks.sliding_window_view(t, 2, axis=1),
    ],
    np.take: [lambda t: np.take(t, ROWS), lambda t: np.take(t, ROWS, axis=1), lambda t: np.take(t, -1, axis=0)],
    np.diagonal: [lambda t: np.diagonal(t), lambda t: np.diagonal(t, 1, 1, 0)],
    np.diag: [lambda t: np.diag(t, -1), lambda t: np.diag(t[0], 2)],
    np.diagflat: [lambda t: np.diagflat(t, 1)],
    np.trace: [lambda t: np.trace(t), lambda t: np.trace(t, 1)],
    np.dot: [
        lambda t: np.dot(t, A),
        lambda t: np.dot(t[0], t[1]),
        lambda t: np.dot(np.stack([t, t]), np.stack([A, A])),
    ],
    np.vdot: [lambda t: np.vdot(t, t)],
    np.inner: [lambda t: np.inner(t, A)],
    np.tensordot: [lambda t: np.tensordot(t, A, 1), lambda t: np.tensordot(t, A, axes=([1], [1]))],
    np.kron: [lambda t: np.kron(t, A[:2])],
    np.cross: [lambda t: np.cross(t[:, :3], A[:3, :3])],
    np.linalg.matrix_norm: [lambda t: np.linalg.matrix_norm(t), lambda t: np.linalg.matrix_norm(t, ord="nuc")],
    np.linalg.vector_norm: [lambda t: np.linalg.vector_norm(t), lambda t: np.linalg.vector_norm(t, axis=1, ord=3)],
    np.linalg.cond: [lambda t: np.linalg.cond(square(t)), lambda t: np.linalg.cond(square(t), 1)],
    np.linalg.inv: [lambda t: np.linalg.inv(square(t))],
    np.linalg.solve: [lambda t: np.linalg.solve(square(t), A), lambda t: np.linalg.solve(A, t[0])],
    np.linalg.det: [lambda t: np.linalg.det(square(t))],
    np.linalg.slogdet: [lambda t: np.linalg.slogdet(square(t))[1]],
    np.linalg.cholesky: [lambda t: np.linalg.cholesky(t.T @ t + np.eye(4))],
    np.linalg.qr: [lambda t: np.linalg.qr(t)[0], lambda t: np.linalg.qr(t).R],
    np.linalg.svd: [lambda t: np.linalg.svd(t, full_matrices=False)[1], lambda t: np.linalg.svd(t, compute_uv=False)],
    np.linalg.svdvals: [lambda t: np.linalg.svdvals(t)],
    np.linalg.eigh: [lambda t: np.linalg.eigh(symmetric(t))[0]],
    np.linalg.eigvalsh: [lambda t: np.linalg.eigvalsh(symmetric(t))],
    np.linalg.pinv: [lambda t: np.linalg.pinv(t)],
    np.linalg.matrix_rank: [lambda t: np.linalg.matrix_rank(t)],
    np.linalg.matrix_power: [lambda t: np.linalg.matrix_power(square(t), -3)],
    np.linalg.multi_dot: [lambda t: np.linalg.multi_dot([t, A, t.T])],
    np.linalg.cross: [lambda t: np.linalg.cross(t[:, :3], A[:3, :3])],
    np.linalg.outer: [lambda t: np.linalg.outer(t[0], t[1])],
    np.linalg.matmul: [lambda t: np.linalg.matmul(t, A)],
    np.linalg.tensordot: [lambda t: np.linalg.tensordot(t, A, axes=1)],
    np.linalg.matrix_transpose: [lambda t: np.linalg.matrix_transpose(t)],
    np.linalg.diagonal: [lambda t: np.linalg.diagonal(t, offset=1)],
    np.linalg.trace: [lambda t: np.linalg.trace(t)],
    np.argwhere: [lambda t: np.argwhere(t > 1)],
    np.flatnonzero: [lambda t: np.flatnonzero(t > 1)],
    np.full_like: [lambda t: np.full_like(t, 3.0)],
}
