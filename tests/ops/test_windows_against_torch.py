"""Convolution and pooling beside PyTorch: values, gradients and second gradients, and that both refuse the same calls."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
import minigrad.nn.functional as F
from tests.ops.specs import convolution, pooling

torch = pytest.importorskip("torch")
TF = torch.nn.functional

SPECS = [s for s in (*convolution.SPECS, *pooling.SPECS) if hasattr(TF, s.covers[0] if s.covers else s.name)]


def both_ways(module, spec, sample, arrays, tensor, grad):
    """The result, its gradients, and the gradients of a sum of products of those, with PyTorch or with minigrad."""
    f = getattr(module, spec.covers[0] if spec.covers else spec.name)
    inputs = [tensor(a) for a in arrays]
    out = f(*inputs, *sample.args[len(arrays) :], **sample.kwargs)
    rng = np.random.default_rng(0)
    first = grad(out, inputs, tensor(rng.standard_normal(tuple(out.shape))), create_graph=True)
    total = sum((g * tensor(rng.standard_normal(tuple(g.shape)))).sum() for g in first)
    second = grad(total, inputs, allow_unused=True) if total.requires_grad else []
    return [out, *first, *(x * 0 if g is None else g for g, x in zip(second, inputs, strict=False))]


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
@given(seed=st.integers(0, 2**32 - 1))
def test_values_and_gradients(spec, seed):
    sample = spec.sample(np.random.default_rng(seed))
    arrays = [a for a in sample.args if isinstance(a, np.ndarray)]
    ours = both_ways(F, spec, sample, arrays, lambda a: mg.tensor(a, requires_grad=True), mg.autograd.grad)
    theirs = both_ways(TF, spec, sample, arrays, lambda a: torch.tensor(a, requires_grad=True), torch.autograd.grad)
    for mine, other in zip(ours, theirs, strict=False):
        np.testing.assert_allclose(mine.detach().numpy(), other.detach().numpy(), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("n", [1, 2, 3])
@given(seed=st.integers(0, 2**32 - 1))
def test_indices_of_maxima(n, seed):
    rng = np.random.default_rng(seed)
    for kind in ("max_pool", "adaptive_max_pool"):
        spec = next(s for s in pooling.SPECS if s.name == f"{kind}{n}d")
        sample = spec.sample(rng)
        x = np.round(sample.args[0])  # with ties
        ours = getattr(F, spec.name)(mg.tensor(x), *sample.args[1:], **sample.kwargs, return_indices=True)
        theirs = getattr(TF, spec.name)(torch.tensor(x), *sample.args[1:], **sample.kwargs, return_indices=True)
        for mine, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(mine.numpy(), other.numpy())


# Where minigrad is the stricter: one image without its batch axis, no channels, no output; and PyTorch has no rounding.
STRICTER = ("input must be", "C is 0", "output_size must be at least 1", "is not.*4 or 6", "rounding")
REFUSALS = {
    f"{spec.name}: {refusal.match}": (spec, refusal)
    for spec in SPECS
    for refusal in spec.errors
    if not any(pattern in refusal.match for pattern in STRICTER)
}


@pytest.mark.parametrize("spec, refusal", REFUSALS.values(), ids=REFUSALS)
def test_both_refuse(spec, refusal):
    args = [torch.tensor(a) if isinstance(a, np.ndarray) else a for a in refusal.sample.args]
    with pytest.raises((RuntimeError, TypeError, ValueError)):
        getattr(TF, spec.covers[0] if spec.covers else spec.name)(*args, **refusal.sample.kwargs)
