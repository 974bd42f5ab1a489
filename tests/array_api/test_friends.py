"""Libraries that work on any array by the standard take tensors and return tensors, with their gradients."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
import minigrad.array_api as xp
from tests.test_documents import run

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "array_api.md"
BLOCKS = re.findall(r"^```{code-block} python\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
X = np.random.default_rng(0).normal(size=(30, 4))


@pytest.mark.parametrize("library", ["array_api_compat", "einops", "pandas"])
def test_the_examples_of_the_guide(library):
    """Its other blocks are run by tests/test_documents.py, with no library but NumPy; scikit-learn's below."""
    pytest.importorskip(library, reason=f"{library} is not installed")
    (block,) = [block for block in BLOCKS if f"import {library}" in block]
    run(block, {})


def test_einops():
    einops = pytest.importorskip("einops.array_api", reason="einops is not installed: pip install einops")
    x = mg.tensor(X, requires_grad=True)
    y = einops.reduce(einops.rearrange(x, "(a b) c -> a c b", b=3), "a c b -> a c", "max")
    np.testing.assert_array_equal(y.detach().numpy(), X.reshape(10, 3, 4).max(1))
    y.sum().backward()
    np.testing.assert_array_equal(
        x.grad.numpy(), (X.reshape(10, 3, 4).max(1, keepdims=True) == X.reshape(10, 3, 4)).reshape(30, 4)
    )
    joined, shapes = einops.pack([x, x[:, 0]], "n *")
    assert joined.shape == (30, 5) and einops.unpack(joined, shapes, "n *")[1].shape == (30,)
    assert einops.repeat(x, "n c -> n c k", k=2).shape == (30, 4, 2)


def test_array_api_compat():
    compat = pytest.importorskip("array_api_compat", reason="array-api-compat is not installed")

    def standardized(x):  # as a library writes it that knows no minigrad
        xp = compat.array_namespace(x)
        return (x - xp.mean(x, axis=0)) / xp.std(x, axis=0, correction=1)

    x = mg.tensor(X, requires_grad=True)
    assert compat.array_namespace(x, xp.ones(2), api_version="2024.12") is xp and compat.is_array_api_obj(x)
    assert compat.size(x) == 120 and compat.device(x) == x.device and compat.to_device(x, "cpu") is x
    y = standardized(x)
    np.testing.assert_allclose(y.detach().numpy(), standardized(X), rtol=1e-12)
    (y * y).sum().backward()  # which is a constant
    np.testing.assert_allclose(x.grad.numpy(), 0 * X, atol=1e-12)


SCIKIT_LEARN = """
import numpy as np, sklearn, minigrad as mg
from sklearn.decomposition import PCA
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler

X = np.random.default_rng(0).normal(size=(30, 4))
x = mg.tensor(X)
for make in (StandardScaler, lambda: PCA(2, svd_solver="full")):
    expected = make().fit_transform(X)
    with sklearn.config_context(array_api_dispatch=True):
        found = make().fit_transform(x)
        assert isinstance(found, mg.Tensor), type(found)
        score = r2_score(x[:, 0], found[:, 0])
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-10)
    assert abs(score - r2_score(X[:, 0], expected[:, 0])) < 1e-10
    assert isinstance(make().fit_transform(x), np.ndarray)  # without dispatch a tensor is array-like, as before
"""


SCIPY = """
import numpy as np, minigrad as mg
from scipy import cluster, integrate, special, stats

X = np.random.default_rng(0).normal(size=(20, 3))
x = mg.tensor(X, requires_grad=True)
for function in (special.logsumexp, special.softmax, stats.zscore, stats.skew, integrate.trapezoid):
    found = function(x, axis=0)
    assert isinstance(found, mg.Tensor) and found.requires_grad, function
    np.testing.assert_allclose(found.detach().numpy(), function(X, axis=0), rtol=1e-10)
mg.testing.gradcheck(lambda x: stats.zscore(x, axis=0), (x,))
x = x.detach()  # what SciPy has in C takes arrays
for function in (cluster.vq.whiten, cluster.hierarchy.linkage, lambda x: stats.ttest_ind(x, x + 1).pvalue):
    found = function(x)
    assert isinstance(found, mg.Tensor), function
    np.testing.assert_allclose(found.numpy(), function(X), rtol=1e-10)
"""


@pytest.mark.parametrize(
    ("block", "code", "needs"),
    [
        ("import sklearn", SCIKIT_LEARN, ("sklearn", "joblib", "cloudpickle")),  # the latter two are what it needs
        ("from scipy", SCIPY, ("scipy",)),
    ],
    ids=["scikit-learn", "scipy"],
)
def test_dispatch(block, code, needs):
    """In a process of its own: SciPy reads SCIPY_ARRAY_API when it is imported."""
    for name in needs:
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    (example,) = [example for example in BLOCKS if block in example]
    code = f"from tests.test_documents import run\nrun({example!r}, {{}})\n{code}"
    done = subprocess.run([sys.executable, "-c", code], cwd=PAGE.parents[2], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_scipy_without_dispatch_sees_an_array():
    linalg = pytest.importorskip("scipy.linalg", reason="SciPy is not installed")
    if os.environ.get("SCIPY_ARRAY_API"):
        pytest.skip("SCIPY_ARRAY_API is set")
    assert isinstance(linalg.inv(mg.eye(2)), np.ndarray)
    with pytest.raises(mg.GraphError):
        linalg.inv(mg.ones((2, 2), requires_grad=True))


def test_pandas():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    x = mg.tensor(X)
    frame = pandas.DataFrame(x, columns=list("abcd")).assign(e=x[:, 0] > 0)
    assert frame.dtypes.astype(str).tolist() == ["float64"] * 4 + ["bool"]
    for back in (mg.tensor(frame[["a", "b", "c", "d"]]), xp.asarray(frame.iloc[:, :4])):
        assert isinstance(back, mg.Tensor) and back.tolist() == X.tolist()
    means = mg.tensor(frame.groupby("e").mean())
    np.testing.assert_allclose(means.numpy()[1], X[X[:, 0] > 0].mean(0))
    assert isinstance(frame["a"] * x[:, 1], pandas.Series) and isinstance(x[:, 1] * frame["a"], mg.Tensor)
    with pytest.raises(mg.GraphError, match="an array has no graph"):
        pandas.Series(mg.ones(2, requires_grad=True))
