"""The functions behind layers beside PyTorch's: values, gradients, second gradients, and that both refuse the same calls."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
import minigrad.nn.functional as F
from tests.ops.specs import attention, convolution, interpolation, normalization, pooling

torch = pytest.importorskip("torch")
TF = torch.nn.functional

# Compared in test_networks_against_torch.py: their arguments or results are not arrays alone.
ELSEWHERE = {"embedding_bag", "multi_head_attention_forward", "lp_pool1d", "upsample_bilinear"}
SPECS = [
    spec
    for room in (attention, convolution, pooling, normalization, interpolation)
    for spec in room.SPECS
    if hasattr(TF, spec.proves[0]) and spec.name not in ELSEWHERE
]
CONSTANT = {"batch_norm in evaluation": (1, 2)}  # what PyTorch gives no gradient for
SHAPES = {"layer_norm", "rms_norm"}  # take a tuple for a shape, not an int


def both_ways(module, spec, sample, tensor, grad):
    """The result, its gradients, and the gradients of a sum of products of those, with PyTorch or with minigrad."""
    args, options = list(sample.args), dict(sample.kwargs)
    if spec.name in SHAPES and isinstance(args[1], int):
        args[1] = (args[1],)
    for i, arg in enumerate(args):
        if isinstance(arg, np.ndarray):
            args[i] = tensor(arg, arg.dtype == np.float64 and i not in CONSTANT.get(spec.name, ()))
    if "attn_mask" in options:
        options["attn_mask"] = tensor(options["attn_mask"], False)
    inputs = [a for a in args if getattr(a, "requires_grad", False)]
    out = getattr(module, spec.proves[0])(*args, **options)
    if not spec.order:
        return [out]
    rng = np.random.default_rng(0)
    first = grad(out, inputs, tensor(rng.standard_normal(tuple(out.shape)), True), create_graph=True)
    total = sum((g * tensor(rng.standard_normal(tuple(g.shape)), True)).sum() for g in first)
    second = grad(total, inputs, allow_unused=True) if total.requires_grad else []
    return [out, *first, *(x * 0 if g is None else g for g, x in zip(second, inputs, strict=False))]


@pytest.mark.filterwarnings("ignore:Using padding='same'", "ignore:The default behavior for interpolate")
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
@given(seed=st.integers(0, 2**32 - 1))
def test_values_and_gradients(spec, seed):
    sample = spec.sample(np.random.default_rng(seed))
    ours = both_ways(F, spec, sample, lambda a, tracked: mg.tensor(a, requires_grad=tracked), mg.autograd.grad)
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):  # the only one that is differentiable twice
        theirs = both_ways(TF, spec, sample, lambda a, tracked: torch.tensor(a, requires_grad=tracked), torch.autograd.grad)
    for mine, other in zip(ours, theirs, strict=False):
        np.testing.assert_allclose(mine.detach().numpy(), other.detach().numpy(), rtol=1e-9, atol=1e-10)


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


@pytest.mark.parametrize("name", ["batch_norm", "instance_norm"])
def test_running_statistics(name):
    x, mean, var = np.random.default_rng(0).standard_normal((5, 3, 4)), np.arange(3.0), np.arange(1.0, 4)
    ours, theirs = (mg.tensor(mean), mg.tensor(var)), (torch.tensor(mean), torch.tensor(var))
    for momentum in (0.1, 0.75):
        getattr(F, name)(mg.tensor(x), *ours, None, None, True, momentum)
        getattr(TF, name)(torch.tensor(x), *theirs, None, None, True, momentum)
        for mine, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(mine.numpy(), other.numpy())


def test_nearest_pixels():
    for n in range(1, 20):
        x = np.arange(n, dtype=np.float32).reshape(1, 1, n)
        for wanted in range(1, 50):
            np.testing.assert_array_equal(F.interpolate(x, wanted), TF.interpolate(torch.tensor(x), wanted).numpy())


# Where minigrad is the stricter: one image without its batch axis, no channels, no output; and PyTorch has no rounding.
STRICTER = ("input must be", "C is 0", "output_size must be at least 1", "is not.*4 or 6", "rounding")
THEIR_ERRORS = (
    AssertionError, IndexError, NotImplementedError, RuntimeError, TypeError, ValueError, ZeroDivisionError
)  # fmt: skip
REFUSALS = {
    f"{spec.name}: {refusal.match}": (spec, refusal)
    for spec in SPECS
    for refusal in spec.errors
    if not any(pattern in refusal.match for pattern in STRICTER)
}


@pytest.mark.parametrize("spec, refusal", REFUSALS.values(), ids=REFUSALS)
def test_both_refuse(spec, refusal):
    args = [torch.tensor(a) if isinstance(a, np.ndarray) else a for a in refusal.sample.args]
    with pytest.raises(THEIR_ERRORS):
        getattr(TF, spec.proves[0])(*args, **refusal.sample.kwargs)
