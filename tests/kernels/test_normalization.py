"""Kernels of normalization compute what the compositions do, over many blocks and in every order of memory."""

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad.engine.fused import unfused

FUNCTIONS = {
    "group_norm": lambda x, w, b: F.group_norm(x, 4, w, b),
    "group_norm, one group": lambda x, w, b: F.group_norm(x, 1, None, b),
    "group_norm, channels alone": lambda x, w, b: F.group_norm(x, x.shape[1], w, None, eps=0.1),
    "instance_norm": lambda x, w, b: F.instance_norm(x, None, None, w, b),
    "batch_norm": lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True),
}
ORDERS = {
    "batch first": (0, 1, 2, 3),
    "batch last": (1, 2, 3, 0),
    "channels last": (0, 2, 3, 1),
    "space transposed": (0, 1, 3, 2),
    "batch last, space transposed": (1, 3, 2, 0),
}


def computed(function, x):
    rng = np.random.default_rng(1)
    t = mg.Tensor.from_array(x).requires_grad_()
    w, b = mg.tensor(rng.standard_normal((2, x.shape[1]))).requires_grad_().unbind()
    out = function(t, w, b)
    g = mg.tensor(rng.standard_normal(out.shape))
    return [
        out.detach().numpy(),
        *(v.numpy() for v in mg.autograd.grad(out, [t, w, b], g, allow_unused=True) if v is not None),
    ]


@pytest.mark.parametrize("shape", [(70, 8, 16, 9), (1, 8, 300, 30), (3, 8, 1, 1), (5, 8, 2, 3)], ids=str)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_kernel_is_its_composition(name, order, shape):
    if shape[2:] == (1, 1) and name in ("instance_norm", "group_norm, channels alone"):
        shape = (*shape[:3], 2)
    axes = ORDERS[order]
    x = (np.random.default_rng(0).standard_normal([shape[i] for i in axes]) + 3).transpose(np.argsort(axes))
    found = computed(FUNCTIONS[name], x)
    with unfused():
        wanted = computed(FUNCTIONS[name], x)
    for a, b in zip(found, wanted, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10 * np.abs(b).max())


def test_a_batch_that_is_innermost_stays_innermost():
    x = mg.Tensor.from_array(np.random.default_rng(0).standard_normal((8, 4, 4, 6)).astype(np.float32).transpose(3, 0, 1, 2))
    for function in FUNCTIONS.values():
        assert function(x, mg.ones(8), None if function is FUNCTIONS["batch_norm"] else mg.ones(8)).array.strides[0] == 4


@pytest.mark.parametrize("groups", [3, 0, -1, 2.0, True])
def test_groups_that_do_not_fit_are_refused_by_the_composition(groups):
    x = mg.randn(2, 8, 3)
    with pytest.raises((mg.errors.ShapeError, ValueError), match="group_norm"):
        F.group_norm(x, groups)
    assert F.group_norm(x, np.int64(4)).shape == x.shape
    with pytest.raises(mg.errors.ShapeError, match="weight"):
        F.group_norm(x, 2, mg.ones(2))


def test_instance_norm_updates_running_statistics_as_the_composition_does():
    x = mg.randn(5, 3, 4, 2)
    for order in ((0, 1, 2, 3), (1, 2, 3, 0)):
        t = mg.Tensor.from_array(np.ascontiguousarray(x.numpy().transpose(order)).transpose(np.argsort(order)))
        found, wanted = mg.zeros(2, 3), mg.zeros(2, 3)
        F.instance_norm(t, *found)
        with unfused():
            F.instance_norm(t, *wanted)
        np.testing.assert_allclose(found.numpy(), wanted.numpy(), rtol=1e-5)
        assert np.abs(found.numpy()).max() > 0.05
