"""Elementwise operations, activations, reductions and losses against PyTorch: values, gradients and second gradients."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.pytree import leaves as leaves_of
from minigrad.testing.calls import with_floats
from tests.ops.specs import SPECS

torch = pytest.importorskip("torch")
F = torch.nn.functional

ELEMENTWISE = """
absolute add arccos arccosh arcsin arcsinh arctan arctan2 arctanh ceil clip copysign cos cosh deg2rad divide exp exp2
expm1 floor fmax fmin fmod hypot log log10 log1p log2 logaddexp logaddexp2 maximum minimum multiply negative positive
power rad2deg reciprocal remainder sigmoid sign sin sinh sqrt square subtract tan tanh trunc rsqrt erf erfc sinc frac
logit xlogy lerp addcmul addcdiv nan_to_num erfinv lgamma digamma polygamma clamp_min clamp_max
"""
ACTIVATIONS = """
relu leaky_relu prelu elu selu celu gelu softplus hardtanh relu6 hardsigmoid hardswish silu mish logsigmoid softsign
tanhshrink softshrink hardshrink threshold glu softmin
"""
REDUCTIONS = """
sum mean amax amin logsumexp nansum cumsum cumprod cummax cummin logcumsumexp softmax log_softmax max min median var std
"""
LOSSES = """
mse_loss l1_loss huber_loss binary_cross_entropy kl_div gaussian_nll_loss poisson_nll_loss hinge_embedding_loss
margin_ranking_loss soft_margin_loss cosine_similarity pairwise_distance cosine_embedding_loss triplet_margin_loss
cross_entropy nll_loss multi_margin_loss multilabel_margin_loss multilabel_soft_margin_loss
"""
ONLY_ONCE = {"hardsigmoid", "multi_margin_loss", "multilabel_margin_loss"}  # in PyTorch; hardsigmoid takes 1/6 in float32
CONSTANT = {"binary_cross_entropy": (2,)}  # inputs that PyTorch does not differentiate
NAMES = [*ELEMENTWISE.split(), *ACTIVATIONS.split(), *REDUCTIONS.split(), *LOSSES.split()]
SPEC = {spec.name: spec for spec in SPECS}


def theirs(name):
    if name in ("cumsum", "cumprod", "cummax", "cummin"):
        return lambda x, axis: getattr(torch, name)(x, axis) if axis is not None else getattr(torch, name)(x.reshape(-1), 0)
    if name in ("logsumexp", "amax", "amin", "sum", "mean", "nansum"):
        return lambda x, axis, keepdims: _reduced(getattr(torch, name), x, axis, keepdims)
    if name in ("max", "min"):
        return lambda x, axis, keepdims: tuple(getattr(torch, name)(x, axis, keepdims))
    if name == "median":
        return lambda x, axis, keepdims: tuple(torch.median(x, axis, keepdims))
    if name in ("var", "std"):
        return lambda x, axis, keepdims, correction: getattr(torch, name)(x, axis, correction=correction, keepdim=keepdims)
    if name == "pairwise_distance":
        return lambda x, y, p, keepdims: F.pairwise_distance(x, y, p, keepdim=keepdims)
    if name == "kl_div":
        return lambda x, t, reduction, log_target: F.kl_div(x, t, reduction=reduction, log_target=log_target)
    if name.endswith("_loss"):
        return getattr(F, name)
    return {"power": torch.pow}.get(name) or getattr(torch, name, None) or getattr(F, name)


def _reduced(function, x, axis, keepdims):
    if axis is None:
        axis = tuple(range(x.ndim))
    return function(x, axis, keepdims) if axis != () else function(x.reshape(1), 0)


def as_torch(part):
    if isinstance(part, mg.Tensor):
        part = part.numpy()
    return torch.tensor(part) if isinstance(part, np.ndarray) else part


def derivatives(function, grad, leaves, seeds, ones, twice):
    """The outputs, the gradients and the gradients of their weighted sum."""
    outputs = [y for y in leaves_of(function()) if "float" in str(y.dtype)]
    first = grad(outputs, leaves, seeds(outputs), True)
    parts = [(g * w).sum() for g, w in zip(first, ones, strict=True) if g is not None and g.requires_grad]
    total = sum(parts, start=0 * outputs[0].sum())
    second = grad([total], leaves, [None], False) if total.requires_grad and twice else [None] * len(leaves)
    return outputs, first, second


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore")
def test_agrees_with_pytorch(name):
    spec = SPEC[name]
    for seed in range(6):
        rng = np.random.default_rng([seed, 99])
        sample = spec.sample(np.random.default_rng(seed))
        arrays = [part for part in leaves_of(sample.args) if isinstance(part, np.ndarray) and part.dtype.kind == "f"]
        if any(a.size == 0 for a in arrays):
            continue
        weights = [rng.standard_normal(a.shape) for i, a in enumerate(arrays) if i not in CONSTANT.get(name, ())]

        ours = [mg.tensor(a, requires_grad=i not in CONSTANT.get(name, ())) for i, a in enumerate(arrays)]
        shapes = []

        def our_seeds(outputs, shapes=shapes, rng=rng):
            shapes.extend(rng.standard_normal(y.shape) for y in outputs)
            return [mg.tensor(g) for g in shapes]

        found = derivatives(
            lambda: spec.fn(*with_floats(sample.args, ours), **sample.kwargs),
            lambda ys, xs, gs, again: mg.autograd.grad(ys, xs, gs, create_graph=again, allow_unused=True),
            [x for x in ours if x.requires_grad], our_seeds,
            [mg.tensor(w) for w in weights], name not in ONLY_ONCE,
        )  # fmt: skip
        leaves = [torch.tensor(a, requires_grad=i not in CONSTANT.get(name, ())) for i, a in enumerate(arrays)]
        args = [as_torch(part) for part in with_floats(sample.args, leaves)]
        kwargs = {key: as_torch(value) for key, value in sample.kwargs.items()}

        def their_seeds(outputs, shapes=shapes):
            return [torch.tensor(g).reshape(y.shape) for g, y in zip(shapes, outputs, strict=True)]

        expected = derivatives(
            lambda: theirs(name)(*args, **kwargs),
            lambda ys, xs, gs, again: torch.autograd.grad(ys, xs, gs, create_graph=again, allow_unused=True),
            [x for x in leaves if x.requires_grad], their_seeds, [torch.tensor(w) for w in weights], name not in ONLY_ONCE,
        )  # fmt: skip
        rtol = 1e-7 if name in ONLY_ONCE else 1e-9
        for mine, other in zip(found, expected, strict=True):
            for a, b in zip(mine, other, strict=True):
                a, b = (0.0 if part is None else part.detach().numpy() for part in (a, b))
                np.testing.assert_allclose(a, np.broadcast_to(b, np.shape(a)) if np.ndim(a) else b, rtol=rtol, atol=1e-11)
