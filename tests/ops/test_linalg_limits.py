"""Linear algebra at the limits of a dtype: ranks and gaps of the size of rounding errors, tiny and huge matrices."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import GraphError
from minigrad.kernels import cofactors as kernel
from minigrad.ops import decomposition, solving

L = mg.linalg
DTYPES = [np.float32, np.float64]
SIZES = (2, 3, 4, 6, 9, 17, 33)


def orthonormal(rng, m, n=None):
    return np.linalg.qr(rng.standard_normal((m, n or m)))[0]


def first(f, x, power=1):
    """The gradient of a sum of powers of f(x), whose elements count differently."""
    x = mg.tensor(x, requires_grad=True)
    out = f(x) ** power
    weights = np.arange(1, out.numel() + 1, dtype=x.dtype).reshape(out.shape)
    return mg.autograd.grad((out * weights).sum(), x)[0].numpy()


def of_low_rank(rng, m, n, dtype):
    """Matrices m x n, m >= n, with dependent columns, as programs come by them: dependent but for rounding."""
    rank = int(rng.integers(1, n))
    a, b = rng.standard_normal((m, rank)), rng.standard_normal((rank, n))
    dependent = rng.standard_normal((m, n))
    dependent[:, -1] = dependent[:, :-1] @ rng.standard_normal(n - 1)
    repeated = rng.standard_normal((m, n)).astype(dtype)
    repeated[:, -1] = repeated[:, 0] * dtype(0.3)
    values = 10.0 ** -rng.uniform(0, 4, n)
    values[rng.integers(n)] = 0
    whole = rng.integers(-4, 5, (m, rank)) @ rng.integers(-4, 5, (rank, n))
    yield a.astype(dtype) @ b.astype(dtype)
    yield dependent[:, rng.permutation(n)].astype(dtype)
    yield repeated
    yield ((orthonormal(rng, m, n) * values) @ orthonormal(rng, n).T).astype(dtype)
    yield whole.astype(dtype)


def scaled_columns(rng, x):
    return x * (10.0 ** rng.uniform(-15, 15, x.shape[-1])).astype(x.dtype)


def with_an_equal_pair(rng, n, dtype):
    """Values, the rest of them apart, of which two are the same; in several ranges, and of either sign in the first."""
    grid = np.linspace(-1, 1, n) + rng.uniform(-0.2, 0.2, n) / n
    for values in (grid, grid + 1.3, 10.0 ** -np.linspace(0, 4, n), 1 - 0.1 * np.linspace(0, 1, n)):
        at = rng.integers(n - 1)
        values[at + 1] = values[at]
        yield values.astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
def test_dependent_columns_are_always_refused(n, dtype, rng):
    for _ in range(12):
        m = n + int(rng.integers(0, n))
        for x in of_low_rank(rng, m, n, dtype):
            for y in (x, scaled_columns(rng, x)):
                for part in ("Q", "R"):
                    with pytest.raises(GraphError, match="qr: a matrix without full rank"):
                        first(lambda x, part=part: getattr(L.qr(x), part), y)
            with pytest.raises(GraphError, match=r"svd: (a matrix without full rank|two singular values are equal)"):
                first(lambda x: L.svd(x, False).U, np.concatenate([x, np.zeros_like(x[:1])]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
def test_equal_values_are_always_refused(n, dtype, rng):
    for _ in range(12):
        for values in with_an_equal_pair(rng, n, dtype):
            v, u = orthonormal(rng, n).astype(dtype), orthonormal(rng, n + int(rng.integers(0, n)), n).astype(dtype)
            with pytest.raises(GraphError, match="eigh: two eigenvalues are equal"):
                first(lambda x: L.eigh(x).eigenvectors, (v * values) @ v.T, 3)
            # singular values -a and a would be a third and a fourth of one size
            for part in ("U", "Vh"):
                with pytest.raises(GraphError, match="svd: two singular values are equal"):
                    first(lambda x, part=part: getattr(L.svd(x, False), part), (u * np.abs(values)) @ v.T, 3)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
def test_matrices_of_full_rank_and_values_apart_are_never_refused(n, dtype, rng):
    """Up to a condition, and down to a gap, of a twentieth of what the dtype can tell apart, or 1e-6."""
    small = {np.float32: 2e-5, np.float64: 1e-6}[dtype]
    for _ in range(5):
        values = np.linspace(1, 2, n)
        values[-1] = values[-2] + small
        m = n + int(rng.integers(0, n))
        u, v = orthonormal(rng, m, n), orthonormal(rng, n)
        near = ((v * values) @ v.T).astype(dtype)
        assert np.isfinite(first(lambda x: L.eigh(x).eigenvectors, near, 3)).all()
        x = ((u * values) @ v.T).astype(dtype)
        assert np.isfinite(first(lambda x: L.svd(x, False).U, x, 3)).all()
        conditioned = ((u * np.geomspace(1, small, n)) @ v.T).astype(dtype)
        for y in (conditioned, scaled_columns(rng, x)):
            for part in ("Q", "R"):
                assert np.isfinite(first(lambda x, part=part: getattr(L.qr(x), part), y)).all()


def test_the_diagonal_of_r_does_not_tell_the_rank():
    """The last column is 1e4 times the difference of two that nearly agree: what is left of it is 1e4 rounding errors."""
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 5))
    x = np.stack([a, a + 1e-4 * b, b], 1)
    assert np.abs(np.diagonal(np.linalg.qr(x)[1]))[-1] > 100 * np.finfo(float).eps * np.abs(x).max()
    with pytest.raises(GraphError, match="qr: a matrix without full rank"):
        first(lambda x: L.qr(x).Q, x)


def test_the_gradient_of_q_turns_with_the_scale_of_the_columns():
    """Q stays when a column is scaled, so that the gradient by that column is divided by the scale."""
    rng = np.random.default_rng(0)
    x, scale = rng.standard_normal((4, 3)), np.array([1e-200, 1, 1e200])
    np.testing.assert_allclose(first(lambda x: L.qr(x).Q, x * scale) * scale, first(lambda x: L.qr(x).Q, x), rtol=1e-9)


def test_one_matrix_of_a_stack_is_enough_to_refuse():
    x = np.stack([np.diag([1.0, 2, 3]), np.diag([1.0, 2, 2])])
    for f in (lambda x: L.eigh(x).eigenvectors, lambda x: L.svd(x).U):
        assert np.isfinite(first(f, x[:1])).all()
        with pytest.raises(GraphError, match="are equal"):
            first(f, x)


@pytest.mark.filterwarnings("ignore:invalid value encountered in det:RuntimeWarning")
def test_nan_is_no_lack_of_rank():
    """QR of NaN is NaN, and so is its gradient; the other matrices of the stack keep theirs."""
    x = np.stack([np.eye(2) + 1, np.full((2, 2), np.nan)])
    for f in (lambda x: L.qr(x).R, L.det):
        found = first(f, x)
        assert np.isnan(found[1]).all()
        np.testing.assert_allclose(found[0], first(f, x[:1])[0])


def symmetric(f):
    return lambda x: f((x + x.mT) / 2)


def homogeneous():
    """Functions f of matrices with f(s * x) = s**degree * f(x); where a sign is free, LAPACK's is the same for both."""
    rng = np.random.default_rng(0)
    square, tall, wide = (rng.standard_normal(size) + 2 * np.eye(*size) for size in ((3, 3), (4, 2), (2, 4)))
    y, low = rng.standard_normal((3, 2)), rng.standard_normal((4, 2)) @ rng.standard_normal((2, 3))
    positive = square @ square.T + np.eye(3)
    of_y = {
        "solve": L.solve, "solve, left=False": lambda x, y: L.solve(x, y.T, left=False),
        "solve_triangular": lambda x, y: L.solve_triangular(x, y, upper=True),
    }  # fmt: skip
    yield from ((name, square, -1, lambda x, f=f: f(x, y.astype(x.dtype))) for name, f in of_y.items())
    yield "inv", square, -1, L.inv
    yield "det", square[:2, :2], 2, L.det
    yield "det of a singular matrix", np.ones((2, 2)), 2, L.det
    yield "slogdet", square, 0, lambda x: L.slogdet(x).logabsdet
    yield "pinv, tall", tall, -1, L.pinv
    yield "pinv, wide", wide, -1, L.pinv
    yield "pinv, low rank", low, -1, lambda x: L.pinv(x, rtol=1e-4)
    yield "lstsq", tall, -1, lambda x: L.lstsq(x, np.arange(8, dtype=x.dtype).reshape(4, 2)).solution
    yield "cholesky", positive, 0.5, symmetric(L.cholesky)
    yield "Q, tall", tall, 0, lambda x: L.qr(x).Q
    yield "R, tall", tall, 1, lambda x: L.qr(x).R
    yield "R, wide", wide, 1, lambda x: L.qr(x).R
    yield "eigvalsh", square, 1, symmetric(L.eigvalsh)
    yield "eigenvectors", square, 0, symmetric(lambda x: L.eigh(x).eigenvectors)
    for name, x in (("square", square), ("tall", tall), ("wide", wide)):
        yield f"U, {name}", x, 0, lambda x: L.svd(x, False).U
        yield f"S, {name}", x, 1, L.svdvals
        yield f"Vh, {name}", x, 0, lambda x: L.svd(x, False).Vh
    yield "nuclear norm", square, 1, lambda x: L.norm(x, "nuc")
    yield "condition", square, 0, L.cond


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize(("x", "degree", "f"), [pytest.param(*case[1:], id=case[0]) for case in homogeneous()])
@pytest.mark.filterwarnings("ignore:overflow encountered in (det|cast):RuntimeWarning")
def test_gradients_are_right_for_tiny_and_huge_matrices(x, degree, f, sign, dtype):
    """Of f(s * x) = s**degree * f(x) the first gradient goes with s**(degree - 1), the second with s**(degree - 2).

    s is 1e-170 or 1e170 (1e-25 or 1e25 in float32), so that its square is not a number of the dtype, but a power of two, so
    that it rounds nothing. What flows in is scaled so that what comes out is.
    """
    power = sign * {np.float32: 84, np.float64: 564}[dtype]
    rng = np.random.default_rng(1)
    x = x.astype(dtype)
    g, h = None, rng.standard_normal(x.shape).astype(dtype)
    found = []
    for scale in (0, power):
        t = mg.tensor(np.ldexp(x, scale), requires_grad=True)
        out = f(t)
        g = rng.standard_normal(out.shape).astype(dtype) if g is None else g
        inflow = 1 if degree < 0 else 0
        (slope,) = mg.autograd.grad(out, t, np.ldexp(g, inflow * scale), create_graph=True)
        bend_inflow = 1 if degree + inflow - 2 < -1 else 0
        (bend,) = mg.autograd.grad(slope, t, np.ldexp(h, bend_inflow * scale))
        back = (1 - degree - inflow) * scale, (2 - degree - inflow - bend_inflow) * scale
        found.append([np.ldexp(a.detach().numpy().astype(float), int(n)) for a, n in zip((slope, bend), back, strict=True)])
    for plain, scaled in zip(*found, strict=True):
        error = {np.float32: 2e-4, np.float64: 1e-9}[dtype]
        np.testing.assert_allclose(scaled, plain, rtol=error, atol=error * np.abs(plain).max())


@pytest.mark.parametrize("scale", [1e-170, 1e170])
def test_the_third_derivative_of_the_determinant_of_tiny_and_huge_matrices(scale):
    """Of 3 x 3 matrices it does not depend on the scale, and of smaller ones it is 0."""
    x, u, v = np.random.default_rng(0).standard_normal((3, 3, 3))

    def third(x, u, v):
        t = mg.tensor(x, requires_grad=True)
        return mg.autograd.grad((solving.cofactors_pullback(u, t) * v).sum(), t)[0].numpy()

    np.testing.assert_allclose(third(scale * x, u, v), third(x, u, v), rtol=1e-9)
    assert (third(scale * x[:2, :2], u[:2, :2], v[:2, :2]) == 0).all()


def test_the_exponential_of_a_tiny_matrix_is_the_identity_and_so_is_its_gradient():
    rng = np.random.default_rng(0)
    found = first(L.matrix_exp, 1e-170 * rng.standard_normal((3, 3)))
    np.testing.assert_allclose(found, np.arange(1.0, 10).reshape(3, 3), rtol=1e-14)


def test_a_long_matrix_has_a_pseudoinverse_whose_gradient_stays_small(rng):
    """Of 30,000 rows, which a product of the size rows x rows would not fit: |pinv(x)|**2 is the trace of inv(x.T @ x)."""
    x = rng.standard_normal((30_000, 2))
    t = mg.tensor(x, requires_grad=True)
    (L.pinv(t) ** 2).sum().backward()
    inverse = np.linalg.inv(x.T @ x)
    np.testing.assert_allclose(t.grad.numpy(), -2 * x @ inverse @ inverse, rtol=1e-9, atol=1e-18)
    t = mg.tensor(x.T, requires_grad=True)
    (L.pinv(t) ** 2).sum().backward()
    np.testing.assert_allclose(t.grad.numpy(), -2 * inverse @ inverse @ x.T, rtol=1e-9, atol=1e-18)


def test_nothing_has_full_rank():
    """Matrices without columns, and stacks without matrices."""
    for size in ((3, 0), (0, 3, 2), (2, 3, 0), (0, 0)):
        for f in (lambda x: L.qr(x).Q, lambda x: L.qr(x).R, L.pinv, L.svdvals, lambda x: L.svd(x, False).U):
            assert first(f, np.zeros(size)).shape == size


def test_cofactors_where_the_determinant_is_no_number():
    x, wanted = np.array([[1.0, 2], [3, 5]]), np.array([[5.0, -3], [-2, 1]])
    for scale in (1e-170, 1e170):
        np.testing.assert_allclose(kernel.cofactors(scale * x), scale * wanted)
    found = kernel.cofactors(np.stack([1e-170 * x, np.eye(2), np.zeros((2, 2)), np.full((2, 2), np.nan)]))
    np.testing.assert_allclose(found[:3], [1e-170 * wanted, np.eye(2), np.zeros((2, 2))], atol=1e-184)
    assert np.isnan(found[3]).all()


def test_how_many_rounding_errors_apart_the_copies_of_a_value_are(rng):
    """What the bound on gaps was chosen by: two copies of one eigenvalue stay within a quarter of it."""
    eps, apart = np.finfo(float).eps, 0.0
    for n in SIZES:
        for values in (v for _ in range(20) for v in with_an_equal_pair(rng, n, float)):
            v = orthonormal(rng, n)
            w = np.linalg.eigvalsh((v * values) @ v.T)
            apart = max(apart, np.diff(w).min() / np.abs(w).max() / eps)
    assert 1 < apart < decomposition.EQUAL / 4
