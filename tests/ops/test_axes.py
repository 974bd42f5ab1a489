"""How operations name axes: a 0-d tensor has 0 and -1, as one element; a bool is no axis; no axes are all of them."""

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F

NAMES = """sum prod mean nansum nanmean amax amin max min argmax argmin any all count_nonzero logsumexp softmax log_softmax
    cumsum cumprod cummax cummin logcumsumexp median flip sort argsort aminmax"""
ALONG = {name: getattr(mg, name) for name in NAMES.split()} | {  # called with a tensor and an axis
    "var": lambda x, dim: mg.var(x, dim, correction=0),
    "std": lambda x, dim: mg.std(x, dim, correction=0),
    "var_mean": lambda x, dim: mg.var_mean(x, dim, correction=0),
    "quantile": lambda x, dim: mg.quantile(x, 0.5, dim),
    "topk": lambda x, dim: mg.topk(x, 1, dim),
    "roll": lambda x, dim: mg.roll(x, 1, dim),
    "softmin": F.softmin,
    "norm": lambda x, dim: mg.norm(x, 3.0, dim),
    "vector_norm": lambda x, dim: mg.linalg.vector_norm(x, 2, dim),
    "normalize": lambda x, dim: F.normalize(x, 3.0, dim),
    "cosine_similarity": lambda x, dim: F.cosine_similarity(x, 2 * x, dim),
}


def leaves(result):
    return list(result) if isinstance(result, tuple) else [result]


@pytest.mark.parametrize("name", ALONG)
@pytest.mark.parametrize("axis", [0, -1])
def test_a_0d_tensor_is_like_one_element(name, axis):
    gradients = []
    found = []
    for shape in ((), (1,)):
        x = mg.tensor(np.full(shape, 0.6), requires_grad=True)
        results = leaves(ALONG[name](x, axis))
        found.append([r.detach().numpy().reshape(()) for r in results])
        assert all(r.shape == () for r in results) or shape == (1,)
        if results[0].requires_grad:
            (3.0 * results[0]).sum().backward()
            gradients.append(x.grad.item())
    np.testing.assert_array_equal(*found)
    assert len(gradients) in (0, 2) and len(set(gradients)) < 2


@pytest.mark.parametrize("name", ALONG)
def test_no_other_axis_and_no_bool_is_taken(name):
    for axis in (1, -2, 0.0, "x"):
        with pytest.raises((IndexError, TypeError)):
            ALONG[name](mg.tensor(0.6), axis)
    if name not in ("var", "std", "var_mean"):  # PyTorch's var(x, unbiased)
        for x in (mg.tensor(0.6), mg.ones(2, 3)):
            for axis in (True, False, np.True_):
                with pytest.raises((IndexError, TypeError)):
                    ALONG[name](x, axis)


def test_no_axes_are_all_axes():
    x = mg.tensor([[1.0, 2.0], [4.0, 7.0]])
    for f in (mg.sum, mg.prod, mg.mean, mg.amax, mg.amin, mg.var, mg.std, mg.logsumexp, mg.nansum, mg.any, mg.all):
        for none in ((), []):
            assert f(x, none).shape == () and f(x, none).item() == f(x).item()
            assert f(x, none, keepdims=True).shape == (1, 1)
    leaf = x.clone().requires_grad_()
    (leaf.sum(dim=[]) * leaf.amax(dim=())).backward()
    assert leaf.grad.tolist() == [[7, 7], [7, 21]]


def test_numpys_functions_of_no_axes_are_refused():
    for f in (np.sum, np.mean, np.max, np.std, np.prod, np.any):
        with pytest.raises(TypeError, match=r"axis=\(\) means none to NumPy, and all to PyTorch"):
            f(mg.ones(2, 2), axis=())


def test_the_correction_goes_by_pytorchs_three_ways():
    x = mg.tensor([[1.0, 2.0, 4.0], [3.0, 5.0, 9.0]])
    for f, numpy in ((mg.var, np.var), (mg.std, np.std)):
        a = x.numpy().astype(float)
        for ours, expected in (
            (f(x, False), numpy(a)), (f(x, True), numpy(a, ddof=1)), (f(x, 0, False), numpy(a, 0)),
            (f(x, 1, True, True), numpy(a, 1, ddof=1, keepdims=True)), (f(x, dim=0, unbiased=False), numpy(a, 0)),
            (f(x, dim=None, correction=None), numpy(a, ddof=1)), (f(x, correction=2), numpy(a, ddof=2)),
        ):  # fmt: skip
            np.testing.assert_allclose(ours.numpy(), expected, rtol=1e-6)
    assert x.var(0, False).tolist() == mg.var_mean(x, 0, False)[0].tolist() == x.var(0, correction=0).tolist()
    assert mg.std_mean(x, False)[1].shape == ()
    with pytest.raises(TypeError, match="unbiased must be a bool, got 1"):
        mg.var(x, 0, 1)
    with pytest.raises(TypeError, match="unbiased and correction mean the same"):
        mg.std(x, unbiased=True, correction=0)


def test_extrema_of_all_elements_keep_their_axes_if_told_to():
    for f in (mg.max, mg.min, mg.median):
        assert f(mg.ones(2, 2), keepdims=True).shape == (1, 1)
