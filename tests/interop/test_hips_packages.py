"""Packages that stand on HIPS autograd find the same gradients and fits with minigrad under its name.

Each package runs twice, in processes of its own: with HIPS autograd, and with `sys.modules` naming our modules instead.
"""

import importlib.util
import json
import subprocess
import sys

import numpy as np
import pytest

INSTEAD = """
import builtins, importlib, sys, types
import minigrad
package = "minigrad.interop.hips"
for path in ("", ".differential_operators", ".extend", ".misc", ".numpy", ".numpy.linalg", ".numpy.numpy_vjps",
             ".numpy.random", ".scipy", ".scipy.special", ".scipy.stats", ".scipy.stats.norm"):
    sys.modules["autograd" + path] = importlib.import_module(package + path)
sys.modules["autograd.builtins"] = types.SimpleNamespace(DictBox=dict)  # names in lifelines' annotations
sys.modules["autograd.numpy.numpy_boxes"] = types.SimpleNamespace(ArrayBox=minigrad.Tensor)
"""
START = """
import json, warnings
import numpy as np
warnings.simplefilter("ignore")
found = {}
"""
LIFELINES = """
import lifelines
from lifelines import fitters
from lifelines.datasets import load_rossi, load_waltons
data = load_waltons()
T, E = data["T"].values.astype(float), data["E"].values.astype(bool)
univariate = {
    lifelines.WeibullFitter(): [50.0, 3.0], lifelines.ExponentialFitter(): [60.0], lifelines.LogNormalFitter(): [4.0, 0.6],
    lifelines.LogLogisticFitter(): [50.0, 4.0], lifelines.PiecewiseExponentialFitter([20, 40]): [90.0, 80.0, 30.0],
    lifelines.SplineFitter([15.0, 50.0, 70.0]): [-9.0, 2.5, -0.2], lifelines.GeneralizedGammaFitter(): [4.0, -1.0, 0.8],
}
for fitter, start in univariate.items():
    name = type(fitter).__name__
    args = (np.array(start), (T, None), E, np.where(T > 30, 5.0, 0.0), np.linspace(1.0, 2.0, len(T)))
    likelihood = fitter._negative_log_likelihood_right_censoring
    value, gradient = fitters.value_and_grad(likelihood)(*args)
    found[name] = [value, *gradient]
    if name != "GeneralizedGammaFitter":  # its rules are difference quotients
        found[name + " hessian"] = np.ravel(fitters.hessian(likelihood)(*args)).tolist()
        found[name + " fit"] = fitter.fit(T, E).confidence_interval_.values[::20].ravel().tolist()
rossi = load_rossi()[["week", "arrest", "fin", "age", "prio"]]
regressions = [
    lifelines.WeibullAFTFitter(), lifelines.LogNormalAFTFitter(), lifelines.LogLogisticAFTFitter(),
    lifelines.PiecewiseExponentialRegressionFitter([10, 30]), lifelines.CoxPHFitter(penalizer=0.1, l1_ratio=0.5),
    lifelines.CoxPHFitter(baseline_estimation_method="spline", n_baseline_knots=3),
    lifelines.CoxPHFitter(baseline_estimation_method="piecewise", breakpoints=[20, 35]),
]
for i, fitter in enumerate(regressions):
    found[f"{type(fitter).__name__} {i}"] = fitter.fit(rossi, "week", "arrest").params_.tolist()
"""
PYERRORS = """
import pyerrors as pe, autograd.numpy as anp
rng = np.random.RandomState(0)
def observed(value, i, error=0.1):
    obs = pe.Obs([value + error * rng.randn(200)], [f"e{i}"])
    obs.gamma_method()
    return obs
def keep(name, *results):
    [obs.gamma_method() for obs in results]
    found[name] = [number for obs in results for number in (obs.value, obs.dvalue)]
def model(p, x):
    return p[0] * anp.exp(-p[1] * x)
a, b = observed(1.3, 1), observed(0.4, 2)
keep("arithmetic", a * b, a / b, a**b, abs(a), np.sin(a), np.arcsin(b), np.arctanh(b), np.log(a), np.cosh(a), 2**a)
keep("derived", pe.derived_observable(lambda x: anp.sin(x[0]) * x[1] + anp.log(x[0]), [a, b]))
for f in (pe.special.j0, pe.special.y1, pe.special.i0, pe.special.gamma, pe.special.gammaln, pe.special.erf, pe.special.psi):
    keep(f"function {len(found)}", pe.derived_observable(lambda x: f(x[0]), [a]))
x = np.arange(1.0, 8.0)
y = [observed(2 * np.exp(-0.4 * value), 10 + i, 0.02) for i, value in enumerate(x)]
keep("fit", *pe.least_squares(x, y, model, silent=True).fit_parameters)
keep("priors", *pe.least_squares(x, y, model, priors=["2.0(5)", "0.4(1)"], silent=True).fit_parameters)
both = pe.total_least_squares([observed(value, 100 + i, 0.01) for i, value in enumerate(x)], y, model, silent=True)
keep("errors in both", *both.fit_parameters)
keep("root", pe.roots.find_root(b, lambda x, d: anp.exp(-(x**2)) - d))
keep("integral", pe.integrate.quad(lambda p, x: p[0] * anp.exp(-p[1] * x), [a, b], 0.0, b)[0])
M = np.array([[observed(2.0, 1), observed(0.3, 2)], [observed(0.3, 3), observed(1.5, 4)]])
keep("matrices", *pe.linalg.inv(M).ravel(), pe.linalg.det(M), *pe.linalg.eigh(M @ M.T)[0], *pe.linalg.pinv(M).ravel())
"""


@pytest.mark.parametrize("package, program", [("lifelines", LIFELINES), ("pyerrors", PYERRORS)])
def test_a_package_finds_the_same(package, program):
    for needed in ("autograd", package, *{"lifelines": ["formulaic"]}.get(package, [])):
        if importlib.util.find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed")
    theirs, ours = (
        subprocess.run(
            [sys.executable, "-c", f"{start}{START}{program}print('found:', json.dumps(found))"],
            capture_output=True, text=True, check=False,
        )
        for start in ("", INSTEAD)
    )  # fmt: skip
    assert "found:" in theirs.stdout and "found:" in ours.stdout, (theirs.stderr[-2000:], ours.stderr[-2000:])
    theirs, ours = (json.loads(run.stdout.rpartition("found:")[2]) for run in (theirs, ours))
    assert ours.keys() == theirs.keys() and len(ours) > 14
    for name, numbers in theirs.items():
        np.testing.assert_allclose(ours[name], numbers, rtol=1e-10, atol=1e-12, err_msg=name)
