"""minigrad.scipy: values are SciPy's, and gradients those of HIPS autograd and of difference quotients."""

import subprocess
import sys

import minigrad.scipy.special as special
import minigrad.scipy.stats as stats
import numpy as np
import pytest

import minigrad as mg
from minigrad import elementwise_grad

X = np.array([0.3, 1.7, 4.2])
U = np.array([0.1, 0.55, 0.93])
A, B = np.array([1.3, 2.0, 0.6]), np.array([0.8, 3.1, 2.2])
CALLS = {  # a function of special: its arguments, and the positions that have a gradient
    "beta": ((A, B), (0, 1)), "betainc": ((A, B, U), (2,)), "betaln": ((A, B), (0, 1)), "digamma": ((X,), (0,)),
    "entr": ((X,), (0,)), "erf": ((X,), (0,)), "erfc": ((X,), (0,)), "erfcinv": ((2 * U,), (0,)), "erfcx": ((X,), (0,)),
    "erfinv": ((U,), (0,)), "expit": ((X,), (0,)), "gamma": ((X,), (0,)), "gammainc": ((A, X), (1,)),
    "gammaincc": ((A, X), (1,)), "gammaln": ((X,), (0,)), "gammasgn": ((X,), (0,)), "i0": ((X,), (0,)), "i1": ((X,), (0,)),
    "iv": ((2, X), (1,)), "ive": ((1, X), (1,)), "j0": ((X,), (0,)), "j1": ((X,), (0,)), "jn": ((2, X), (1,)),
    "log_ndtr": ((X,), (0,)), "logit": ((U,), (0,)), "logsumexp": ((X,), (0,)), "multigammaln": ((X + 2, 3), (0,)),
    "ndtr": ((X,), (0,)), "ndtri": ((U,), (0,)), "polygamma": ((2, X), (1,)), "psi": ((X,), (0,)), "rgamma": ((X,), (0,)),
    "xlog1py": ((A, X), (0, 1)), "xlogy": ((A, X), (0, 1)), "y0": ((X,), (0,)), "y1": ((X,), (0,)), "yn": ((2, X), (1,)),
}  # fmt: skip
LOC, SCALE = np.array([0.0, -0.2, 0.5]), np.array([1.0, 2.0, 0.7])
FAMILIES = {"norm": (X - 1, ()), "t": (X - 1, (B,)), "gamma": (X + 1, (A,)), "chi2": (X + 1, (B,)), "beta": (U, (A, B))}
FUNCTIONS = ("logpdf", "pdf", "cdf", "sf", "logcdf", "logsf")


def quotient(f, x, h=1e-3):
    """The derivative of an elementwise function, to the eighth order of h."""
    weights = (4 / 5, -1 / 5, 4 / 105, -1 / 280)
    return sum(w * (f(x + k * h) - f(x - k * h)) for k, w in enumerate(weights, 1)) / h


def test_every_function_is_tried():
    assert {*CALLS} == {*special.__all__}
    assert {*FAMILIES, "poisson", "dirichlet", "multivariate_normal"} == {*stats.__all__}


@pytest.mark.parametrize("name", CALLS)
def test_values_and_gradients_of_special_functions(name):
    scipy = pytest.importorskip("scipy.special", reason="SciPy is not installed")
    f, (args, places) = getattr(special, name), CALLS[name]
    np.testing.assert_allclose(f(*args), getattr(scipy, name)(*args), rtol=1e-12)
    for place in places:
        if name == "logsumexp":
            expected = scipy.softmax(X)
        else:
            expected = quotient(lambda x: getattr(scipy, name)(*args[:place], x, *args[place + 1 :]), args[place])
        np.testing.assert_allclose(elementwise_grad(f, place)(*args), expected, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("family", FAMILIES)
def test_values_and_gradients_of_distributions(family, name):
    scipy = pytest.importorskip("scipy.stats", reason="SciPy is not installed")
    f, theirs = getattr(getattr(stats, family), name), getattr(getattr(scipy, family), name)
    x, shapes = FAMILIES[family]
    args = (x * SCALE + LOC, *shapes, LOC, SCALE)
    np.testing.assert_allclose(f(*args), theirs(*args), rtol=1e-11)
    for place in range(len(args)):
        if 0 < place <= len(shapes) and "pdf" not in name:
            with pytest.raises(mg.errors.GraphError, match="no gradient rule for"):
                elementwise_grad(f, place)(*args)
        else:
            expected = quotient(lambda v, p=place: theirs(*args[:p], v, *args[p + 1 :]), args[place])
            np.testing.assert_allclose(elementwise_grad(f, place)(*args), expected, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("family", FAMILIES)
def test_gradients_of_distributions_are_those_of_hips(family, name):
    theirs = pytest.importorskip("autograd.scipy.stats", reason="HIPS autograd or SciPy is not installed")
    from autograd import elementwise_grad as hips

    f = getattr(getattr(theirs, family), name, None)
    if f is None:
        assert family != "norm"  # it has these of all families alone for the normal one
        return
    x, shapes = FAMILIES[family]
    if family == "chi2":  # HIPS has a gradient in x alone, and 0 where df is not a whole number
        shapes = (np.ceil(B),)
    own = getattr(getattr(stats, family), name)
    np.testing.assert_allclose(elementwise_grad(own)(x, *shapes), hips(f)(x, *shapes), rtol=1e-10)
    for place in range(1, len(shapes) + 1) if "pdf" in name and family != "chi2" else ():
        np.testing.assert_allclose(elementwise_grad(own, place)(x, *shapes), hips(f, place)(x, *shapes), rtol=1e-10)


def test_the_other_distributions():
    scipy = pytest.importorskip("scipy.stats", reason="SciPy is not installed")
    k = np.array([0, 3, 7, -1, 2.5])
    np.testing.assert_allclose(stats.poisson.logpmf(k, 2.5), scipy.poisson.logpmf(k, 2.5), rtol=1e-12)
    np.testing.assert_allclose(stats.poisson.pmf(k[:3], 2.5), scipy.poisson.pmf(k[:3], 2.5), rtol=1e-12)
    np.testing.assert_allclose(stats.poisson.cdf(k, 2.5), scipy.poisson.cdf(k, 2.5), rtol=1e-12)
    mu = np.array([0.5, 2.0, 6.0])
    for name in ("logpmf", "pmf", "cdf"):
        expected = quotient(lambda v, name=name: getattr(scipy.poisson, name)(k[:3], v), mu)
        np.testing.assert_allclose(elementwise_grad(getattr(stats.poisson, name), 1)(k[:3], mu), expected, rtol=1e-8)
    x, alpha = np.array([[0.2, 0.3], [0.5, 0.1], [0.3, 0.6]]), np.array([1.0, 2.5, 0.7])
    for name in ("logpdf", "pdf"):
        np.testing.assert_allclose(
            getattr(stats.dirichlet, name)(x, alpha), getattr(scipy.dirichlet, name)(x, alpha), rtol=1e-12
        )
    assert stats.gamma.cdf([-1.0, np.inf], 2.0).tolist() == [0.0, 1.0] and stats.beta.sf([-1.0, 2.0], 2.0, 1.0).tolist() == [
        1,
        0,
    ]
    cov, mean = np.array([[2.0, 0.3], [0.3, 0.5]]), np.array([0.1, -1.0])
    points = np.array([[0.0, 0.0], [1.0, -2.0], [0.4, 0.3]])
    for name in ("logpdf", "pdf"):
        ours, theirs = getattr(stats.multivariate_normal, name), getattr(scipy.multivariate_normal, name)
        np.testing.assert_allclose(ours(points, mean, cov), theirs(points, mean, cov), rtol=1e-12)
        np.testing.assert_allclose(ours(0.7, 0.2, 3.0), theirs(0.7, 0.2, 3.0), rtol=1e-12)
    assert stats.multivariate_normal.entropy(mean, cov) == pytest.approx(scipy.multivariate_normal(mean, cov).entropy())
    with pytest.raises(np.linalg.LinAlgError):
        stats.multivariate_normal.logpdf(points, mean, -cov)


def test_outside_of_the_support():
    x = np.array([-1.0, 0.5, 2.0])
    np.testing.assert_array_equal(np.isfinite(stats.beta.logpdf(x, 1.5, 2.0)), [False, True, False])
    assert stats.gamma.pdf(x, 2.0)[0] == 0 and np.isfinite(elementwise_grad(stats.gamma.logpdf)(x, 2.0)).all()
    assert stats.norm.logsf(40.0) == pytest.approx(-804.6084420137538, rel=1e-12) == stats.norm.logcdf(-40.0)
    with pytest.raises(TypeError, match="the parameters after x are a, loc, scale"):
        stats.gamma.pdf(x)
    with pytest.raises(TypeError, match="the parameters after x are a, loc, scale"):
        stats.gamma.pdf(x, 1.0, a=2.0)
    assert stats.gamma.pdf(1.0, a=2.0, scale=2.0) == pytest.approx(np.exp(-0.5) / 4)


EDGES = np.array([-np.inf, -5.0, -1.0, 0.0, 1e-10, 0.5, 1.0, 2.0, 50.0, 1e10, np.inf, np.nan])
IMPROPER = [
    ("norm", ()),
    ("t", (-1.0,)),
    ("gamma", (0.0,)),
    ("chi2", (-2.0,)),
    ("beta", (2.0, -1.0)),
    ("beta", (np.nan, 1.0)),
]
PROPER = [("norm", ()), ("t", (3.0,)), ("gamma", (2.5,)), ("chi2", (2.0,)), ("beta", (2.0, 3.0))]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_nan_and_parameters_that_are_not_positive(name):
    scipy = pytest.importorskip("scipy.stats", reason="SciPy is not installed")
    cases = [(family, (*shapes, 0.0, scale)) for family, shapes in PROPER for scale in (1.0, 0.0, -1.0, np.nan)]
    cases += [(family, shapes) for family, shapes in IMPROPER if shapes]
    for family, args in cases:
        ours, theirs = (getattr(getattr(module, family), name)(EDGES, *args) for module in (stats, scipy))
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, err_msg=f"{family}{args}")
    mixed = getattr(stats.norm, name)(1.0, 0.0, mg.tensor([2.0, -1.0]))
    assert np.isnan(mixed.numpy()).tolist() == [False, True]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_events_that_are_not_numbers_and_rates_that_are_not():
    scipy = pytest.importorskip("scipy.stats", reason="SciPy is not installed")
    k, mu = np.meshgrid([-1.0, 0.0, 0.5, 3.0, np.nan], [0.0, 2.5, -1.0, np.nan])
    for name in ("logpmf", "pmf", "cdf"):
        np.testing.assert_allclose(getattr(stats.poisson, name)(k, mu), getattr(scipy.poisson, name)(k, mu), rtol=1e-12)


def test_logarithms_of_probabilities_near_1():
    """The rest is far below the distance of 1 to its neighbor."""
    scipy = pytest.importorskip("scipy.stats", reason="SciPy is not installed")
    for family, x, shapes in (
        ("t", 60.0, (100.0,)),
        ("gamma", 60.0, (2.5,)),
        ("chi2", 90.0, (2.0,)),
        ("beta", 1e-9, (2.0, 3.0)),
    ):
        ours, rest = getattr(stats, family), getattr(scipy, family)
        function, other = ("logsf", rest.cdf) if family == "beta" else ("logcdf", rest.sf)
        found = getattr(ours, function)(x, *shapes)
        np.testing.assert_allclose(found, -other(x, *shapes), rtol=1e-10)
        sign = -1 if family == "beta" else 1
        slope = elementwise_grad(getattr(ours, function))(np.array(x), *shapes)
        np.testing.assert_allclose(slope, sign * rest.pdf(x, *shapes), rtol=1e-10)


def test_large_parameters():
    """Differences of gammaln lose a digit with each of its argument's; the t distribution becomes the normal one."""
    scipy = pytest.importorskip("scipy.stats", reason="SciPy is not installed")
    for df in (0.3, 1.0, 39.9, 40.1, 1e3, 1e7, 1e10, 1e14, np.inf):
        np.testing.assert_allclose(stats.t.logpdf(X, df), scipy.t.logpdf(X, df), rtol=1e-12)
    for a, b in ((1e10, 0.5), (0.5, 1e10), (19.9, 20.1), (1e5, 3.0)):
        x = a / (a + b)
        np.testing.assert_allclose(stats.beta.logpdf(x, a, b), scipy.beta.logpdf(x, a, b), rtol=1e-10)


@pytest.mark.parametrize("a", [0.5, 3.0, 25.0])
def test_curvatures_of_equal_parameters(a):
    """The logarithm of the beta function is symmetric: neither parameter is preferred where they are equal."""
    scipy = pytest.importorskip("scipy.special", reason="SciPy is not installed")
    hessian = mg.func.hessian(lambda p: stats.beta.logpdf(0.4, p[0], p[1]))(mg.tensor([a, a], dtype=mg.float64)).numpy()
    both = scipy.polygamma(1, 2 * a)
    np.testing.assert_allclose(
        hessian, [[both - scipy.polygamma(1, a), both], [both, both - scipy.polygamma(1, a)]], rtol=1e-9
    )


def test_slopes_of_the_reciprocal_of_gamma_where_it_is_0():
    pytest.importorskip("scipy.special", reason="SciPy is not installed")
    slope = elementwise_grad(special.rgamma)
    np.testing.assert_allclose(slope(np.array([0.0, -1.0, -2.0, -5.0])), [1, -1, 2, -120], rtol=1e-12)
    np.testing.assert_allclose(elementwise_grad(slope)(np.array([0.0, -1.0])), [2 * np.euler_gamma, 2 - 2 * np.euler_gamma])


def test_covariances_that_are_numbers_or_diagonals():
    scipy = pytest.importorskip("scipy.stats", reason="SciPy is not installed")
    points, mean = np.array([[0.0, 0.5], [1.0, -2.0]]), np.array([0.1, -1.0])
    for cov in (2.0, [2.0, 0.5], np.array([2.0, 0.5])):
        expected = scipy.multivariate_normal(mean, cov)
        np.testing.assert_allclose(stats.multivariate_normal.logpdf(points, mean, cov), expected.logpdf(points), rtol=1e-12)
        np.testing.assert_allclose(stats.multivariate_normal.entropy(mean, cov), expected.entropy(), rtol=1e-12)
    slopes = elementwise_grad(lambda v: stats.multivariate_normal.logpdf(points[1], mean, v))(np.array([2.0, 0.5]))
    z = (points[1] - mean) ** 2
    np.testing.assert_allclose(slopes, (z / [4.0, 0.25] - [0.5, 2.0]) / 2, rtol=1e-12)


@pytest.mark.parametrize("value", [1 + 2j, None, "one", [1.0, None]])
def test_values_that_are_not_real_numbers(value):
    with pytest.raises(mg.errors.DTypeError, match="needs real numbers, got"):
        special.gammaln(value)
    with pytest.raises(mg.errors.DTypeError, match="needs real numbers, got"):
        stats.norm.logpdf(value)


def test_numbers_and_integers_are_float64_and_tensors_stay():
    assert special.gammaln(5) == pytest.approx(np.log(24.0), rel=1e-15) and type(special.gammaln(5)) is np.float64
    assert special.gammaln(np.array([4, 5])).dtype == special.gammaln([4, 5]).dtype == np.float64
    t = mg.tensor([4.0], requires_grad=True)
    assert special.gammaln(t).dtype == mg.float32 and special.gammaln(t).requires_grad


def test_logsumexp_with_factors():
    a = np.array([[0.0, 1.0, 700.0], [2.0, -800.0, 0.5]])
    b = np.array([0.5, 2.0, 0.0])
    with np.errstate(over="ignore"):
        expected = np.log(np.sum(b * np.exp(a - a.max(1, keepdims=True)), 1)) + a.max(1)
    np.testing.assert_allclose(special.logsumexp(a, axis=1, b=b), expected, rtol=1e-13)
    assert special.logsumexp(a, 1, b, True).shape == (2, 1) and special.logsumexp(a, b=b).shape == ()
    g = elementwise_grad(lambda a: special.logsumexp(a, axis=1, b=b))(a)
    np.testing.assert_allclose(g, b * np.exp(a - expected[:, None]), rtol=1e-12)
    assert np.isneginf(special.logsumexp([-np.inf, -np.inf]))
    with np.errstate(divide="ignore"):
        assert np.isneginf(special.logsumexp([-np.inf, -np.inf], b=[1.0, 2.0]))
    assert special.logsumexp(np.zeros((1, 3)), axis=1, b=1.0).shape == (1,)
    np.testing.assert_allclose(special.logsumexp([0.0, 1.0], 1, np.ones((2, 2))), np.log1p(np.e) * np.ones(2), rtol=1e-12)


@pytest.mark.parametrize("large", [1.0, 1000.0, np.inf])
def test_a_factor_of_0_leaves_a_term_out(large):
    a, b = np.array([0.0, large]), np.array([2.0, 0.0])
    assert special.logsumexp(a, b=b) == pytest.approx(np.log(2), rel=1e-15)
    assert elementwise_grad(lambda a: special.logsumexp(a, b=b))(a).tolist() == [1, 0]
    assert special.logsumexp(np.float32(a), b=np.float32(b)) == pytest.approx(np.log(2), rel=1e-7)
    if large == 1:
        np.testing.assert_allclose(elementwise_grad(lambda b: special.logsumexp(a, b=b))(b), [0.5, np.e / 2], rtol=1e-12)


def test_without_scipy():
    """What has values here needs no SciPy; the others say how to install it, and which function it was."""
    code = (
        "import sys\n"
        "sys.modules['scipy'] = None\n"
        "from minigrad.scipy import special, stats\n"
        "print(float(special.gammaln(3.0)), float(stats.norm.logcdf(0.0)), float(stats.beta.logpdf(0.5, 2.0, 2.0)))\n"
        "try:\n"
        "    special.gammainc(1.0, 2.0)\n"
        "except ModuleNotFoundError as error:\n"
        "    print(error)\n"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()
    np.testing.assert_allclose([float(n) for n in said[0].split()], np.log([2, 0.5, 1.5]), rtol=1e-12)
    assert said[1:] == ["gammainc needs SciPy for its values", "  hint: pip install scipy"]
