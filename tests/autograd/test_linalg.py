"""Linear algebra: what the parts multiply to, degenerate matrices, and wrong calls."""

import numpy as np
import pytest

import autograd as ag
from autograd import linalg, tensor
from autograd.gradcheck import gradcheck, gradgradcheck

RNG = np.random.default_rng(0)
A = RNG.normal(size=(2, 3, 3))
TALL = RNG.normal(size=(2, 4, 2))


def number(x):
    return x.detach().numpy()


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 3, 2), (0, 3), (3, 0), (0, 2, 2)])
def test_the_parts_of_svd_and_qr_multiply_to_the_matrix(shape):
    x = RNG.normal(size=shape)
    for full in (True, False):
        U, S, Vh = linalg.svd(tensor(x), full_matrices=full)
        k = S.shape[-1]
        np.testing.assert_allclose((U[..., :k] * S[..., None, :]) @ Vh[..., :k, :], x, atol=1e-12)
        assert (np.diff(S.numpy()) <= 0).all()
        np.testing.assert_allclose(U.mT @ U, np.zeros(U.mT.shape[:-1] + U.shape[-1:]) + np.eye(U.shape[-1]), atol=1e-12)
    for mode in ("reduced", "complete"):
        Q, R = linalg.qr(tensor(x), mode)
        np.testing.assert_allclose(Q @ R, x, atol=1e-12)
    assert linalg.qr(tensor(x), "r").R.shape == linalg.qr(tensor(x)).R.shape


def test_the_parts_of_eigh_multiply_to_the_matrix():
    S = A + np.swapaxes(A, 1, 2)
    w, V = linalg.eigh(tensor(S))
    np.testing.assert_allclose((V * w[:, None]) @ V.mT, S, atol=1e-12)
    np.testing.assert_allclose(linalg.eigvalsh(tensor(S)), w)
    lower, upper = np.tril(S), np.triu(S)
    np.testing.assert_allclose(linalg.eigh(tensor(lower)).eigenvalues, w)
    np.testing.assert_allclose(linalg.eigh(tensor(upper), UPLO="U")[0], w)


def test_cholesky_reads_one_triangle():
    P = A @ np.swapaxes(A, 1, 2) + np.eye(3)
    L = linalg.cholesky(tensor(np.tril(P)))
    np.testing.assert_allclose(L @ L.mT, P, atol=1e-12)
    np.testing.assert_allclose(linalg.cholesky(tensor(np.triu(P)), upper=True), L.mT, atol=1e-12)
    b = tensor(TALL[:, :3])
    np.testing.assert_allclose(tensor(P) @ ag.cholesky_solve(b, L), b, atol=1e-12)
    np.testing.assert_allclose(tensor(P) @ ag.cholesky_solve(b, L.mT, upper=True), b, atol=1e-12)


def test_solve_takes_vectors_and_the_other_side():
    b = RNG.normal(size=(2, 3))
    np.testing.assert_allclose(linalg.solve(tensor(A), tensor(b)), np.linalg.solve(A, b[..., None])[..., 0])
    np.testing.assert_allclose(linalg.solve(tensor(A[0]), tensor(b[0])), np.linalg.solve(A[0], b[0]))
    x = linalg.solve(tensor(A), tensor(A + 1), left=False)
    np.testing.assert_allclose(x @ tensor(A), A + 1, atol=1e-12)


def test_determinants_of_singular_matrices_have_their_gradients():
    """PyTorch 2.13 gives 0 for the first of these; the cofactor of the last element is 2."""
    x = tensor(np.diag([1.0, 2.0, 0.0]), requires_grad=True)
    linalg.det(x).backward()
    np.testing.assert_allclose(x.grad, np.diag([0, 0, 2.0]), atol=1e-12)
    assert gradcheck(linalg.det, [x])
    assert gradgradcheck(linalg.det, [x])
    zeros = tensor(np.zeros((2, 2)), requires_grad=True)
    assert gradgradcheck(linalg.det, [zeros])


def test_third_derivatives_of_determinants():
    def second(x):
        with ag.enable_grad():
            (g,) = ag.grad(linalg.det(x), x, create_graph=True)
            (h,) = ag.grad((g * A[1]).sum(), x, create_graph=True)
        return h

    x = tensor(A[0], requires_grad=True)
    assert gradcheck(second, [x])


def test_slogdet_of_a_singular_matrix():
    x = tensor(np.ones((2, 2)), requires_grad=True)
    sign, logabsdet = linalg.slogdet(x)
    assert (sign.item(), logabsdet.item()) == (0, -np.inf)
    with pytest.raises(linalg.LinAlgError, match="inv: the matrix is singular"):
        logabsdet.backward()
    assert np.isnan(ag.logdet(tensor(np.diag([-1.0, 1.0]))).item())
    np.testing.assert_allclose(ag.logdet(tensor(np.diag([3.0, 1.0]))).item(), np.log(3))


def test_equal_eigenvalues_have_gradients_and_their_vectors_have_not():
    x = tensor(np.eye(3), requires_grad=True)
    w, _ = linalg.eigh(x)
    (w * np.array([1.0, 1.0, 1.0])).sum().backward()
    np.testing.assert_allclose(x.grad, np.eye(3))
    y = tensor(np.eye(3), requires_grad=True)
    (linalg.eigh(y).eigenvectors * A[0]).sum().backward()
    assert not np.isfinite(number(y.grad)).all()
    S = linalg.svdvals(x)
    assert np.isfinite(ag.grad(S.sum(), x)[0].numpy()).all()


def test_functions_of_a_symmetric_matrix_do_not_see_signs():
    """``V h(w) Vᵀ`` is smooth: here the square root, whose square is the matrix."""

    def root(m):
        w, V = linalg.eigh(m @ m.mT)
        return (V * w.sqrt()[..., None, :]) @ V.mT

    x = tensor(A[0] + 3 * np.eye(3), requires_grad=True)
    assert gradcheck(root, [x])
    assert gradgradcheck(root, [x])


@pytest.mark.parametrize("part", [0, 2])
def test_arbitrary_singular_vectors_have_no_gradient(part):
    x = tensor(TALL, requires_grad=True)
    with pytest.raises(RuntimeError, match="full_matrices=False"):
        linalg.svd(x)[part].sum().backward()
    linalg.svd(x).S.sum().backward()
    with pytest.raises(RuntimeError, match="mode='complete'"):
        linalg.qr(x, "complete").R.sum().backward()


def test_rank_and_pseudo_inverse_count_small_values_as_zero():
    x = np.diag([1.0, 1e-3, 1e-20])
    assert linalg.matrix_rank(tensor(x)).item() == 2
    assert linalg.matrix_rank(tensor(x), rtol=0.1).item() == 1
    assert linalg.matrix_rank(tensor(x), atol=0.0, hermitian=True).item() == 3
    assert linalg.matrix_rank(tensor(A)).tolist() == [3, 3]
    np.testing.assert_allclose(linalg.pinv(tensor(x)), np.diag([1, 1e3, 0]), atol=1e-9)
    np.testing.assert_allclose(linalg.pinv(tensor(x), rtol=0.1), np.diag([1.0, 0, 0]), atol=1e-9)


def test_least_squares():
    b = RNG.normal(size=(2, 4))
    for right in (b, b[..., None]):
        solution, residuals, rank, values = linalg.lstsq(tensor(TALL), tensor(right))
        for i in range(2):
            want, error, _, _ = np.linalg.lstsq(TALL[i], right[i])
            np.testing.assert_allclose(solution[i], want, atol=1e-12)
            np.testing.assert_allclose(residuals[i], error, atol=1e-12)
        assert rank.tolist() == [2, 2] and values.shape == (0,)
    assert linalg.lstsq(tensor(TALL.mT), tensor(TALL.mT)).residuals.shape == (0,)


def test_norms_agree_with_numpy():
    x = tensor(A)
    for ord in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf):
        np.testing.assert_allclose(linalg.matrix_norm(x, ord), np.linalg.norm(A, ord, axis=(-2, -1)))
        np.testing.assert_allclose(
            linalg.matrix_norm(x, ord, (0, 2), keepdim=True), np.linalg.norm(A, ord, axis=(0, 2), keepdims=True)
        )
        np.testing.assert_allclose(linalg.norm(x[0], ord), np.linalg.norm(A[0], ord))
    for ord in (0, 1, 2, 3.5, np.inf, -np.inf):
        np.testing.assert_allclose(linalg.vector_norm(x, ord, 1), np.linalg.norm(A, ord, axis=1))
        np.testing.assert_allclose(linalg.norm(x, ord, dim=1), np.linalg.norm(A, ord, axis=1))
    np.testing.assert_allclose(linalg.norm(x).item(), np.sqrt((A * A).sum()))
    for p in (None, 2, -2, 1, "fro", np.inf):
        np.testing.assert_allclose(linalg.cond(x, p), np.linalg.cond(A, p))
    assert linalg.vector_norm(ag.ones(3), dtype=np.float64).dtype == np.float64


def test_products_agree_with_numpy():
    x, y = tensor(A), tensor(A + 1)
    np.testing.assert_allclose(linalg.matrix_power(x, 3), np.linalg.matrix_power(A, 3))
    np.testing.assert_allclose(linalg.matrix_power(x, -2), np.linalg.matrix_power(A, -2))
    np.testing.assert_allclose(linalg.matrix_power(x, 0), np.linalg.matrix_power(A, 0))
    np.testing.assert_allclose(linalg.vecdot(x, y), (A * (A + 1)).sum(-1))
    np.testing.assert_allclose(linalg.vecdot(x, y[0, 0], dim=2), (A * (A[0, 0] + 1)).sum(2))
    np.testing.assert_allclose(ag.trace(x[0]), np.trace(A[0]))
    np.testing.assert_allclose(ag.cross(x, y), np.cross(A, A + 1, axis=1))
    np.testing.assert_allclose(linalg.cross(x, y), np.cross(A, A + 1))
    np.testing.assert_allclose(ag.addmv(x[0, 0], y[0], x[0, 1], beta=2), 2 * A[0, 0] + (A[0] + 1) @ A[0, 1])
    np.testing.assert_allclose(ag.addr(x[0], x[0, 0], x[0, 1]), A[0] + np.outer(A[0, 0], A[0, 1]))
    np.testing.assert_allclose(ag.addbmm(x[0], x, y), A[0] + (A @ (A + 1)).sum(0))
    vectors = [A[0, 0], A[0], A[1], A[1, 1]]
    np.testing.assert_allclose(linalg.multi_dot([tensor(v) for v in vectors]), np.linalg.multi_dot(vectors))
    np.testing.assert_allclose(ag.chain_matmul(x[0], y[0], x[1]), A[0] @ (A[0] + 1) @ A[1])
    np.testing.assert_allclose(ag.einsum(x, [0, 1, 2], y, [0, 2, 3], [0, 1, 3]), A @ (A + 1))
    np.testing.assert_allclose(ag.einsum(x, [..., 1, 2], y, [..., 2, 3]), A @ (A + 1))
    np.testing.assert_allclose(ag.einsum("...i,...i", x[:1], y), (A[:1] * (A + 1)).sum(-1))
    assert ag.inner(x, tensor(2.0, dtype=np.float64)).shape == (2, 3, 3)


def test_the_order_of_a_chain_is_the_cheapest():
    """(a b) c costs 10·1000·1 + 10·1·1000, a (b c) 1000·1·1000 + 10·1000·1000."""
    from autograd.ops.products import _best_cuts

    assert _best_cuts([10, 1000, 1, 1000])[0, 2] == 1
    assert _best_cuts([1000, 1, 1000, 10])[0, 2] == 0


def test_beta_0_does_not_read_the_input():
    nan = tensor(np.full((3, 3), np.nan))
    assert np.isfinite(number(ag.addmm(nan, tensor(A[0]), tensor(A[1]), beta=0))).all()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: linalg.inv(ag.zeros(3, 3)), linalg.LinAlgError, "inv: the matrix is singular; pinv"),
        (lambda x: linalg.inv(ag.zeros(2, 3, 3)), linalg.LinAlgError, r"singular \(matrix \(0,\) of the batch\)"),
        (lambda x: linalg.inv(ag.zeros(2, 3)), ValueError, "inv: A must be square, not 2 by 3"),
        (lambda x: linalg.inv(ag.zeros(3)), ValueError, "at least 2 dimensions"),
        (lambda x: linalg.inv(ag.eye(3).long()), TypeError, "floating point, not int64"),
        (lambda x: linalg.inv(ag.eye(3).half()), TypeError, "LAPACK has no float16"),
        (lambda x: linalg.inv(3.0), TypeError, "inv: A is a Tensor"),
        (lambda x: linalg.solve(ag.zeros(3, 3), ag.ones(3)), linalg.LinAlgError, "solve: the matrix is singular"),
        (lambda x: linalg.solve(x, tensor(np.ones(2))), ValueError, "do not fit A X = B"),
        (lambda x: linalg.solve(x, ag.ones(3)), TypeError, "convert one"),
        (lambda x: linalg.solve(x, tensor(np.ones((5, 3, 1)))), ValueError, "batches"),
        (lambda x: linalg.solve(x, tensor(np.ones(3)), left=False), ValueError, "left=False takes matrices"),
        (lambda x: linalg.cholesky(-ag.eye(3)), linalg.LinAlgError, "not positive definite"),
        (
            lambda x: linalg.cholesky(ag.stack([ag.eye(3), -ag.eye(3)])),
            linalg.LinAlgError,
            r"not positive definite \(matrix \(1,\) of the batch\)",
        ),
        (lambda x: linalg.qr(x, "raw"), ValueError, "'raw'"),
        (lambda x: linalg.eigh(x, "Z"), ValueError, "'Z'"),
        (lambda x: linalg.svd(x[0, 0]), ValueError, "svd: A has shape"),
        (lambda x: linalg.svd(x * np.nan), linalg.LinAlgError, "no convergence"),
        (lambda x: linalg.multi_dot([x[0]]), ValueError, "at least 2"),
        (lambda x: linalg.multi_dot([x[0], tensor(np.ones((4, 2)))]), ValueError, "3 columns but tensor 1 has 4 rows"),
        (lambda x: linalg.multi_dot([x[0], x[0, 0], x[0]]), ValueError, "tensor 1 has shape"),
        (lambda x: linalg.matrix_norm(x[0, 0]), ValueError, "at least 2 dimensions"),
        (lambda x: linalg.matrix_norm(x, 3), ValueError, "not 3"),
        (lambda x: linalg.matrix_norm(x, dim=1), ValueError, "two dimensions"),
        (lambda x: linalg.norm(x, 2), ValueError, "vector or a matrix, not 3-d"),
        (lambda x: linalg.norm(x[0, 0], "fro"), ValueError, "needs matrices"),
        (lambda x: linalg.vector_norm(x, "two"), ValueError, "'two'"),
        (lambda x: linalg.vector_norm(x.long()), TypeError, "floating point"),
        (lambda x: linalg.lstsq(x, x[:, :2]), ValueError, "lstsq: A has 3 rows"),
        (lambda x: ag.addmm(ag.zeros(3, 3), x[0], x[1]), TypeError, "addmm: input is float32"),
        (lambda x: ag.addmm(tensor(np.ones(2)), x[0], x[1]), ValueError, "does not broadcast"),
        (lambda x: ag.addmm(x, x[0], x[1]), ValueError, "does not broadcast"),
        (lambda x: ag.inner(x, x[:, :, :2]), ValueError, "last dimensions differ, 3 and 2"),
        (lambda x: ag.tensordot(x, x, 1), ValueError, "dim 2 of a has size 3 but dim 0 of b has 2"),
        (lambda x: ag.tensordot(x, x, 4), ValueError, "dims=4"),
        (lambda x: ag.tensordot(x, x, ([0], [0, 1])), ValueError, "two lists of equal length"),
        (lambda x: ag.cross(x[:, :2, :2], x[:, :2, :2]), ValueError, "no dimension"),
        (lambda x: linalg.cross(x[..., :2], x), ValueError, "both must be 3"),
        (lambda x: ag.trace(x), ValueError, "one matrix"),
        (lambda x: linalg.vecdot(x, x[..., :2]), ValueError, "of 3 and of 2 elements"),
        (lambda x: ag.einsum("bii", x[:, :1]), ValueError, "'i' is 1 and 3 in one operand of 'bii'"),
        (lambda x: ag.einsum(x, [0, 1, 99]), ValueError, "numbers from 0 to 51"),
        (lambda x: ag.diagonal(x, 0, 1, 1), ValueError, "same dimension"),
        (lambda x: ag.diagonal(x[0, 0]), ValueError, "at least 2 dimensions"),
        (lambda x: ag.diag(x), ValueError, "a vector or a matrix"),
        (lambda x: ag.diag_embed(x.sum()), ValueError, "0-d"),
        (lambda x: ag.diagonal_scatter(x[0], x[0]), ValueError, r"this diagonal has shape \(3,\)"),
        (lambda x: ag.diagonal_scatter(x[0], ag.ones(3)), TypeError, "src is float32"),
    ],
)
def test_wrong_calls_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call(tensor(A))


def test_the_error_is_numpys_and_pytorchs():
    assert issubclass(linalg.LinAlgError, np.linalg.LinAlgError)
    assert issubclass(linalg.LinAlgError, RuntimeError)


def test_diagonals():
    x = tensor(A[0])
    np.testing.assert_array_equal(ag.diag(x, 1), np.diag(A[0], 1))
    np.testing.assert_array_equal(ag.diag(x[0], -1), np.diag(A[0, 0], -1))
    np.testing.assert_array_equal(ag.diagflat(x, 1), np.diagflat(A[0], 1))
    np.testing.assert_array_equal(linalg.diagonal(tensor(A)), np.diagonal(A, 0, 1, 2))
    assert ag.diag_embed(tensor(A), 1, 0, -1).shape == (4, 2, 3, 4)
