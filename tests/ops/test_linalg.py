"""Linear algebra where it is singular, degenerate or refused."""

from fractions import Fraction

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import GraphError, ShapeError
from minigrad.ops import contraction

LinAlgError = np.linalg.LinAlgError


def leaf(x):
    return mg.tensor(np.asarray(x, float), requires_grad=True)


def grad(f, x, g=None):
    x = leaf(x)
    out = f(x)
    out.backward(g)
    return x.grad.numpy()


def exact_cofactors(x):
    """In fractions: (-1)**(i + j) times the determinant without row i and column j."""

    def det(rows):
        if not rows:
            return Fraction(1)
        return sum((-1) ** j * v * det([row[:j] + row[j + 1 :] for row in rows[1:]]) for j, v in enumerate(rows[0]))

    rows, n = [[Fraction(v) for v in row] for row in x.tolist()], len(x)
    minor = [[[row[:j] + row[j + 1 :] for k, row in enumerate(rows) if k != i] for j in range(n)] for i in range(n)]
    return np.array([[float((-1) ** (i + j) * det(minor[i][j])) for j in range(n)] for i in range(n)])


@pytest.mark.parametrize("rank", range(5))
@pytest.mark.parametrize("noise", [0.0, 1e-16, 1e-12, 1e-8, 1e-4])
def test_the_gradient_of_det_is_accurate_at_and_near_singular_matrices(rank, noise):
    rng = np.random.default_rng(rank)
    x = rng.integers(-4, 5, (4, rank)) @ rng.integers(-4, 5, (rank, 4)) + noise * rng.standard_normal((4, 4))
    wanted = exact_cofactors(x)
    np.testing.assert_allclose(grad(mg.det, x, -2.0), -2 * wanted, rtol=0, atol=1e-14 * max(np.abs(x).max(), 1) ** 3 * 4)


@pytest.mark.parametrize("rank", range(4))
def test_the_hessian_of_det_is_right_at_singular_matrices(rank):
    """det(x + a u + b v) is a polynomial of degree 3: four of its values give the coefficient of a b exactly."""
    rng = np.random.default_rng(rank)
    x = (rng.integers(-3, 4, (3, rank)) @ rng.integers(-3, 4, (rank, 3))).astype(float)
    u, v = rng.integers(-3, 4, (2, 3, 3)).astype(float)
    t = leaf(x)
    (first,) = mg.autograd.grad(mg.det(t), t, create_graph=True)
    (second,) = mg.autograd.grad((first * u).sum(), t)
    corners = sum(a * b * np.linalg.det(x + a * u + b * v) for a in (-1, 1) for b in (-1, 1))
    assert np.vdot(second.numpy(), v) == pytest.approx(corners / 4, abs=1e-10)


def test_the_third_derivative_of_det():
    """For 3 x 3 matrices it is the coefficient of a b c in det(a u + b v + c w), and the fourth is 0."""
    rng = np.random.default_rng(0)
    u, v, w = rng.standard_normal((3, 3, 3))
    t = leaf(rng.standard_normal((3, 3)) + 3 * np.eye(3))
    (first,) = mg.autograd.grad(mg.det(t), t, create_graph=True)
    (second,) = mg.autograd.grad((first * u).sum(), t, create_graph=True)
    (third,) = mg.autograd.grad((second * v).sum(), t, create_graph=True)
    (fourth,) = mg.autograd.grad((third * w).sum(), t)
    parts = {1: (u + v + w,), -1: (u + v, v + w, u + w)}
    wanted = sum(sign * np.linalg.det(m) for sign, ms in parts.items() for m in ms) + np.linalg.det([u, v, w]).sum()
    assert np.vdot(third.detach().numpy(), w) == pytest.approx(wanted)
    np.testing.assert_allclose(fourth.numpy(), np.zeros((3, 3)), atol=1e-12)


@pytest.mark.parametrize("x", [np.ones((3, 3)), np.diag([1, 1, 1e-7])])
def test_the_third_derivative_of_det_at_a_singular_matrix_is_refused(x):
    t = leaf(x)
    (first,) = mg.autograd.grad(mg.det(t), t, create_graph=True)
    (second,) = mg.autograd.grad((first * np.eye(3)).sum(), t, create_graph=True)
    with pytest.raises(GraphError, match="third derivative needs a matrix that is not nearly singular"):
        mg.autograd.grad(second.sum(), t)
    assert t.grad is None


def test_the_third_derivative_of_det_near_a_singular_matrix():
    t = leaf(np.diag([1, 1, 2e-5]))
    (first,) = mg.autograd.grad(mg.det(t), t, create_graph=True)
    (second,) = mg.autograd.grad(first[0, 0], t, create_graph=True)
    (third,) = mg.autograd.grad(second[1, 1], t)
    np.testing.assert_allclose(third.numpy(), np.diag([0.0, 0.0, 1.0]), atol=1e-8)


def test_slogdet_of_singular_matrices():
    x = leaf(np.ones((2, 2)))
    sign, logarithm = mg.linalg.slogdet(x)
    assert sign.item() == 0 and logarithm.item() == -np.inf and not sign.requires_grad
    with pytest.raises(LinAlgError, match="inv: the matrix is singular"):
        logarithm.backward()
    assert x.grad is None


def test_logdet_has_the_sign_of_pytorchs():
    flipped = np.diag([-1.0, 2.0])
    assert np.isnan(mg.logdet(mg.tensor(flipped)).item())
    assert mg.logdet(mg.zeros(2, 2)).item() == -np.inf
    assert mg.logdet(mg.tensor(np.eye(2) * 1e200)).item() == pytest.approx(400 * np.log(10))


DEGENERATE = np.diag([2.0, 1.0, 1.0])


def test_eigenvalues_have_gradients_where_they_repeat():
    np.testing.assert_allclose(grad(lambda x: np.linalg.eigvalsh(x).sum(), DEGENERATE), np.eye(3), atol=1e-15)
    np.testing.assert_allclose(grad(lambda x: (mg.linalg.eigh(x)[0] ** 2).sum(), DEGENERATE), 2 * DEGENERATE, atol=1e-14)
    np.testing.assert_allclose(grad(lambda x: mg.linalg.svdvals(x).sum(), np.eye(3)), np.eye(3), atol=1e-15)
    np.testing.assert_allclose(grad(lambda x: mg.linalg.svd(x).S.sum(), np.eye(3)), np.eye(3), atol=1e-15)


def nearly(x, size):
    """Turned at random, so that equal eigenvalues differ by rounding."""
    q = np.linalg.qr(np.random.default_rng(1).standard_normal((size, size)))[0]
    return q @ x @ q.T


def second_derivative(f):
    def g(x):
        (first,) = mg.autograd.grad(f(x), x, create_graph=True)
        return (first * np.arange(9.0).reshape(3, 3)).sum()

    return g


@pytest.mark.parametrize("turn", [lambda x: x, lambda x: nearly(x, 3), np.zeros_like])
@pytest.mark.parametrize(
    ("f", "says"),
    [
        (lambda x: (mg.linalg.eigh(x).eigenvectors ** 3).sum(), "eigh: two eigenvalues are equal.*\n  hint: .* eigvalsh"),
        (lambda x: (mg.linalg.svd(x).U ** 3).sum(), "svd: two singular values are equal.*\n  hint: .* svdvals"),
        (lambda x: (mg.linalg.svd(x).Vh ** 3).sum(), "svd: two singular values are equal"),
        (second_derivative(lambda x: (mg.linalg.eigvalsh(x) ** 2).sum()), "eigh: two eigenvalues are equal"),
        (second_derivative(lambda x: (mg.linalg.svdvals(x) ** 2).sum()), "svd: two singular values are equal"),
    ],
)
def test_vectors_of_repeated_values_have_no_gradient(f, says, turn):
    x = leaf(turn(DEGENERATE))
    with pytest.raises(GraphError, match=says):
        f(x).backward()
    assert x.grad is None


def test_what_a_full_decomposition_adds_has_no_gradient():
    rng = np.random.default_rng(0)
    tall, wide = leaf(rng.standard_normal((3, 2))), leaf(rng.standard_normal((2, 3)))
    for x, part in ((tall, mg.linalg.svd(tall).U), (wide, mg.linalg.svd(wide).Vh), (tall, mg.linalg.qr(tall, "complete").Q)):
        assert part.shape == (3, 3) and np.allclose(part.detach() @ part.detach().mT, np.eye(3))
        with pytest.raises(GraphError, match="not determined by the matrix, so they have no gradient"):
            part.sum().backward()
        assert x.grad is None
    for x, full, reduced in (
        (tall, mg.linalg.svd(tall), mg.linalg.svd(tall, False)),
        (wide, *[mg.linalg.svd(wide, b) for b in (True, False)]),
    ):
        assert (full.S == reduced.S).all() and full.U.shape[0] == full.U.shape[1] and full.Vh.shape[0] == full.Vh.shape[1]
        determined = [(a, b) for a, b in zip(full, reduced, strict=True) if a.shape == b.shape]
        for a, b in determined:
            ga, gb = (mg.autograd.grad(part, x, np.ones(part.shape))[0] for part in (a, b))
            assert (ga == gb).all()


def test_qr_of_a_matrix_without_full_rank_has_no_gradient():
    for part in ("Q", "R"):
        for x in (leaf([[1, 2], [2, 4], [3, 6]]), leaf(np.zeros((3, 2)))):
            out = getattr(mg.linalg.qr(x), part)
            with pytest.raises(GraphError, match="qr: a matrix without full rank"):
                out.sum().backward()
            assert x.grad is None


def test_singular_vectors_beside_a_null_space_have_no_gradient():
    x = leaf([[1, 0], [0, 0], [0, 0]])
    with pytest.raises(GraphError, match="svd: a matrix without full rank"):
        mg.linalg.svd(x, full_matrices=False).U.sum().backward()
    assert x.grad is None


def test_norms_at_the_origin():
    zero = np.zeros((2, 3))
    for ord in (None, "fro", "nuc", 1, 2, np.inf):
        assert (grad(lambda x, ord=ord: mg.linalg.norm(x, ord), zero) == 0).all(), ord
    for ord in (2, 1, 3, 1.5, 0.5, np.inf, -np.inf, 0):
        found = grad(lambda x, ord=ord: mg.linalg.vector_norm(x, ord, 1), [[0, 0, 0], [3, 0, -4]], np.array([5.0, 7.0]))
        assert np.isfinite(found).all() and (found[0] == 0).all(), ord
    assert grad(lambda x: mg.linalg.norm(x, axis=1), [[0, 0], [3, -4]], np.array([5.0, 10.0])).tolist() == [[0, 0], [6, -8]]


def test_equal_largest_elements_share_the_gradient_of_the_maximum_norm():
    assert grad(lambda x: mg.linalg.norm(x, np.inf), [3, -3, 1], 8.0).tolist() == [4, -4, 0]


def test_the_second_derivative_of_a_norm_at_the_origin_is_0():
    x = leaf([0, 0])
    (first,) = mg.autograd.grad(mg.linalg.norm(x), x, create_graph=True)
    assert mg.autograd.grad(first.sum(), x)[0].tolist() == [0, 0]


def test_norms_of_large_and_small_numbers_stay_silent():
    assert mg.linalg.norm(mg.tensor(np.array([3e200, 4e200]))).item() == pytest.approx(5e200)
    assert grad(lambda x: mg.linalg.vector_norm(x, 3), [1e-200, 0]).tolist() == [1, 0]
    assert mg.linalg.vector_norm(mg.tensor(np.array([0.0, 2.0])), -1).item() == 0


def test_decompositions_refuse_what_they_cannot_take():
    for f in (mg.linalg.cholesky, mg.linalg.eigh, mg.linalg.eigvalsh):
        with pytest.raises(ShapeError, match=r"needs square matrices, got shape \(2, 3\)"):
            f(leaf(np.ones((2, 3))))
    with pytest.raises(LinAlgError, match="cholesky: a matrix is not positive definite"):
        mg.linalg.cholesky(leaf(-np.eye(2)))


def test_numpys_names_and_arguments():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, 3)) + 3 * np.eye(3)
    t = mg.tensor(x)
    for f in (
        np.linalg.inv, np.linalg.det, np.linalg.norm, np.linalg.svdvals, np.linalg.pinv, np.linalg.matrix_rank,
        np.linalg.cond, np.linalg.trace, np.linalg.diagonal, np.linalg.matrix_transpose, np.linalg.vector_norm,
        np.linalg.matrix_norm, lambda x: np.linalg.trace(np.stack([x, 2 * x]), offset=1),
        lambda x: np.linalg.diagonal(np.stack([x, 2 * x]), offset=1), lambda x: np.linalg.qr(x, "r"),
        lambda x: np.linalg.svd(x, compute_uv=False),
        lambda x: np.linalg.slogdet(x)[1], lambda x: np.linalg.matrix_power(x, 3), lambda x: np.linalg.cross(x, x[0]),
        lambda x: np.linalg.multi_dot([x, x, x[0]]), lambda x: np.linalg.norm(x, ord=1, axis=0, keepdims=True),
        lambda x: np.linalg.vecdot(x, x), lambda x: np.vecdot(x, x), lambda x: np.linalg.lstsq(x, x[0], rcond=None)[0],
        lambda x: np.linalg.outer(x[0], x[1]), lambda x: np.linalg.matmul(x, x), lambda x: np.linalg.solve(a=x, b=x[0]),
        lambda x: np.linalg.pinv(x, rcond=1e-3), lambda x: np.cross(x, x[0], axisa=0, axisc=0),
    ):  # fmt: skip
        np.testing.assert_allclose(np.asarray(f(t)), f(x), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(np.asarray(np.linalg.cholesky(t @ t.T, upper=True)), np.linalg.cholesky(x @ x.T, upper=True))
    with pytest.raises(TypeError, match=r"np.linalg.eig: has no gradient rule"):
        np.linalg.eig(t)


def test_the_empty_power_is_the_identity():
    assert mg.matrix_power(mg.ones(3, 2, 2), 0).tolist() == [np.eye(2).tolist()] * 3
    assert mg.matrix_power(mg.ones(3, 1, 2, 2), 0).shape == (3, 1, 2, 2)


def test_what_counts_as_equal_goes_with_the_size_of_the_numbers():
    x = leaf(1e-20 * np.array([[2.0, 1.0], [1.0, 3.0]]))
    for out in (*mg.linalg.eigh(x), *mg.linalg.qr(x), *mg.linalg.svd(x)):
        assert np.isfinite(mg.autograd.grad(out.sum(), x)[0].numpy()).all()


def test_pinv_takes_what_is_below_its_tolerance_for_zero():
    x = mg.tensor(np.diag([1.0, 1e-6]))
    np.testing.assert_allclose(mg.linalg.pinv(x, rtol=1e-4).numpy(), np.diag([1, 0]))
    np.testing.assert_allclose(mg.linalg.pinv(x).numpy(), np.diag([1, 1e6]))
    for options in ({"rcond": 1e-4}, {"rtol": 1e-4}, {}):
        np.testing.assert_allclose(np.linalg.pinv(x, **options).numpy(), np.linalg.pinv(x.numpy(), **options))


def test_three_factors_are_multiplied_in_the_order_that_costs_least():
    program = contraction._program("ij,jk,k->i", ((9, 9), (9, 9), (9,)), "greedy")
    assert program.products[0][:2] == (1, 2)
    program = contraction._program("ij,jk,kl,l->i", ((9, 9), (9, 9), (9, 9), (9,)), "greedy")
    assert program.products[0][:2] == (2, 3)


@pytest.mark.parametrize("x", [np.eye(2), np.eye(2, 3), np.ones((3, 2))])
def test_residuals_are_only_of_systems_that_are_overdetermined_and_regular(x):
    found, wanted = mg.linalg.lstsq(leaf(x), leaf(x[:, 0])), np.linalg.lstsq(x, x[:, 0], None)
    assert found.residuals.shape == wanted[1].shape == (0,) and found.rank.item() == wanted[2]


def test_the_singular_values_of_lstsq_refuse_a_gradient_that_they_do_not_have():
    x = leaf(np.array([[1.0, 0.5], [0.0, 2.0], [1.0, 1.0]]))
    values = mg.linalg.lstsq(x, np.ones(3))[3]
    np.testing.assert_allclose(values.detach().numpy(), mg.linalg.svdvals(x.detach()).numpy())
    with pytest.raises(GraphError, match=r"lstsq: its singular values have no gradient[\s\S]*svdvals"):
        values.sum().backward()


def test_what_is_a_stack_of_vectors():
    """For `solve` and `lstsq`, what has the shape of the stack of matrices without its last axis; for triangles, nothing."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 2, 2)) + 3 * np.eye(2), rng.standard_normal((2, 2))
    lower, upper = np.tril(x), np.triu(x)
    vectors, matrices = np.linalg.solve(x, y[..., None])[..., 0], lambda x: np.linalg.solve(x, y)
    for found, wanted in (
        (mg.linalg.solve(mg.tensor(x), y), vectors),
        (mg.linalg.lstsq(mg.tensor(x), y).solution, vectors),
        (mg.linalg.solve_triangular(mg.tensor(x), y, upper=True), matrices(upper)),
        (mg.linalg.solve_triangular(mg.tensor(x), y, upper=False, left=False), y @ np.linalg.inv(lower)),
        (mg.cholesky_solve(mg.tensor(y), x), matrices(lower @ lower.mT)),
        (mg.cholesky_solve(mg.tensor(y), x, upper=True), matrices(upper.mT @ upper)),
        (mg.cholesky_solve(mg.tensor(y[0]), x), np.linalg.solve(lower @ lower.mT, y[0])),
        (mg.linalg.solve_triangular(mg.tensor(x), y[0], upper=True), np.linalg.solve(upper, y[0])),
    ):
        np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-12)
    for f in (mg.linalg.solve, lambda *xs, left: mg.linalg.solve_triangular(*xs, upper=True, left=left)):
        with pytest.raises(ShapeError, match=r"left=False needs matrices on the right, got shape \(2,\)"):
            f(leaf(x), y[0], left=False)


def test_least_squares_of_stacks():
    """The residuals of each system, as PyTorch's, whether its right-hand side is a vector or a matrix."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((3, 5, 2)), rng.standard_normal((3, 5))
    parts = [np.linalg.lstsq(a, b) for a, b in zip(x, y, strict=True)]
    found, columns = mg.linalg.lstsq(leaf(x), y), mg.linalg.lstsq(leaf(x), y[..., None])
    np.testing.assert_allclose(found.solution.detach().numpy(), [p[0] for p in parts])
    np.testing.assert_allclose(found.residuals.detach().numpy(), [p[1] for p in parts])
    assert (columns.solution[..., 0] == found.solution).all() and (columns.residuals == found.residuals).all()
    with pytest.raises(ShapeError, match=r"lstsq: 5 equations, shape \(5, 2\), but right-hand sides of shape \(\)"):
        mg.linalg.lstsq(x[0], 1.0)


def test_the_order_of_contractions_is_numpys():
    x, y, z = (leaf(np.ones(size)) for size in ((2, 3), (3, 4), (4, 5)))
    plain = np.einsum_path("ij,jk,kl", x.detach().numpy(), y.detach().numpy(), z.detach().numpy(), optimize="greedy")
    assert np.einsum_path("ij,jk,kl", x, y, z) == plain


def test_a_bias_of_more_precision_is_not_rounded():
    x = np.ones((2, 2), np.float32)
    assert mg.linear(mg.tensor(x), mg.tensor(x), leaf([1e-9, 0])).tolist() == [[2 + 1e-9, 2]] * 2


def test_the_logarithm_of_no_determinant():
    assert mg.logdet(leaf(np.zeros((2, 2)))).item() == -np.inf


def test_a_complete_qr_of_a_square_matrix_adds_nothing():
    x = leaf(np.eye(2) + 1)
    gradients = [mg.autograd.grad(mg.linalg.qr(x, mode).Q.sum(), x)[0].tolist() for mode in ("complete", "reduced")]
    assert gradients[0] == gradients[1]


def test_r_alone_has_no_q():
    q, r = mg.linalg.qr(leaf(np.eye(2)), "r")
    assert q.shape == (0,) and np.abs(r.tolist()).tolist() == np.eye(2).tolist()


def test_axes_may_come_in_a_list():
    x = leaf(np.arange(6).reshape(1, 2, 3))
    assert mg.amax(x, [0, 2]).tolist() == [2, 5] and mg.sum(x, [0, -1]).tolist() == [3, 12]
    assert mg.logsumexp(x, [0, -1]).tolist() == mg.logsumexp(x[0], 1).tolist()


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (2, 4, 3), (3, 0)])
def test_the_determined_vectors_of_a_full_svd_have_their_gradient(shape):
    rng, k = np.random.default_rng(0), min(shape[-2:])
    x = leaf(rng.standard_normal(shape))
    full, reduced = mg.linalg.svd(x), mg.linalg.svd(x, full_matrices=False)
    for a, b in ((full.U[..., :k], reduced.U), (full.Vh[..., :k, :], reduced.Vh)):
        g = rng.standard_normal(b.shape)
        ga, gb = (mg.autograd.grad((part**2 * g).sum(), x, create_graph=True)[0] for part in (a, b))
        np.testing.assert_allclose(ga.detach(), gb.detach(), atol=1e-12)
        second = [mg.autograd.grad((grad**2).sum(), x)[0] for grad in (ga, gb)] if k else [ga, gb]
        np.testing.assert_allclose(*(part.detach() for part in second), rtol=1e-9, atol=1e-12)


def test_a_column_of_zeros_leaves_lu_finite():
    x = np.array([[0.0, 1.0, 2.0], [0.0, 3.0, 4.0], [0.0, 5.0, 7.0]])
    p, lower, upper = mg.linalg.lu(x)
    np.testing.assert_allclose(p @ lower @ upper, x, atol=1e-14)
    for pivot in (True, False):
        found, _ = mg.linalg.lu_factor(x, pivot=pivot)
        assert np.isfinite(found).all() and (found[1:, 0] == 0).all()
