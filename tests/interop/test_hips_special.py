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
