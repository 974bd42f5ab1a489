"""Sums over outer axes are as accurate as sums along the innermost one, in whatever order the axes lie in memory."""

import itertools

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad.engine.fused import unfused
from minigrad.kernels.summation import LARGE, PART, add_up

CASES = [
    ((65536, 3), (0,)),
    ((20001, 2), (0,)),
    ((1024, 512), (0,)),
    ((2 * PART, 64), (0,)),
    ((2 * PART - 1, 129), (0,)),
    ((3, 4096, 5), (1,)),
    ((64, 16, 16, 4), (0, 1, 2)),
    ((64, 16, 16, 4), (0, 2)),
    ((512, 8, 9), (0, 2)),
    ((8, 512, 9), (1, 2)),
    ((4, 5000), (1,)),
    ((40000, 2), (0, 1)),
    ((40000, 1), (0,)),
    ((1, 40000, 2), (0, 1)),
]


def values(shape, order, dtype=np.float32):
    a = np.random.default_rng(0).standard_normal([shape[i] for i in order]) + 1e4
    return a.astype(dtype).transpose(np.argsort(order))


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize(("shape", "axes"), CASES)
def test_sums_of_rows_are_off_by_a_few_units(shape, axes, keepdims):
    for order in itertools.permutations(range(len(shape))):
        x = values(shape, order)
        exact = x.astype(np.float64).sum(axes, keepdims=keepdims)
        found = add_up(x, axes, keepdims)
        assert found.dtype == np.float32 and found.shape == exact.shape
        units = 4 if len(axes) == 1 and shape[axes[0]] >= 2 * PART else 16  # short axes are added up one after the other
        assert np.abs(found - exact).max() <= units * np.finfo(np.float32).eps * exact.max()
        wide = x.astype(np.float64)
        np.testing.assert_allclose(add_up(wide, axes, keepdims), exact, rtol=1e-14)


def test_other_layouts_and_dtypes_are_added_by_numpy():
    x = values((30000, 4), (0, 1))
    for a in (x[:, ::2], np.broadcast_to(x[:, None], (30000, 2, 4)), x.astype(int), x > 1e4, x[: LARGE // 4 - 1]):
        np.testing.assert_array_equal(add_up(a, (0,)), np.add.reduce(a, 0))
    np.testing.assert_array_equal(add_up(x, ()), x)
    assert np.isnan(add_up(np.where(x > 1e4, np.nan, x), (0,))).all()
    np.testing.assert_array_equal(add_up(np.where(np.arange(4) == 1, np.inf, x), (0,)) == np.inf, np.arange(4) == 1)


@pytest.mark.parametrize("shape", [(65536, 16), (16384, 64)])
def test_means_and_variances_over_rows_far_from_zero(shape):
    x = values(shape, (0, 1))
    t, exact = mg.tensor(x), x.astype(np.float64)
    assert abs(t.mean(0).numpy() - exact.mean(0)).max() < 1e-3  # values near 10,000 are 1e-3 apart
    assert abs(t.var(0).numpy() - exact.var(0, ddof=1)).max() < 5e-5
    assert abs(t.std(0).numpy() - exact.std(0, ddof=1)).max() < 5e-5


def test_gradients_of_what_was_broadcast_over_rows():
    bias = mg.zeros(3, requires_grad=True)
    g = values((65536, 3), (0, 1))
    (mg.zeros(65536, 3) + bias).backward(mg.tensor(g))
    assert abs(bias.grad.numpy() / g.astype(np.float64).sum(0) - 1).max() < 1e-6


@pytest.mark.parametrize("shape", [(65536, 16), (5001, 3, 4), (300, 8), (40, 3, 500)])
def test_batch_norm_adds_many_rows_as_accurately_as_long_ones(shape):
    rng = np.random.default_rng(0)
    x, g = (rng.standard_normal((2, *shape)) * 3).astype(np.float32)

    def run(dtype):
        t, w = mg.tensor(x.astype(dtype)).requires_grad_(), mg.ones(shape[1], dtype=dtype).requires_grad_()
        mean, var = mg.zeros(shape[1], dtype=dtype), mg.zeros(shape[1], dtype=dtype)
        out = F.batch_norm(t, mean, var, w, None, training=True, momentum=1.0)
        (gw,) = mg.autograd.grad(out, w, mg.tensor(g.astype(dtype)))
        return [y.numpy() for y in (out.detach(), mean, var, gw)]

    with unfused():
        wanted = run(np.float64)
    for found, exact in zip(run(np.float32), wanted, strict=True):
        assert np.abs(found - exact).max() <= 1e-6 * np.abs(exact).max()


@pytest.mark.parametrize("axes", [*itertools.permutations(range(3))])
def test_batch_norm_of_values_far_from_zero_in_any_order_of_memory(axes):
    x = values((256, 4, 256), axes)
    out = F.batch_norm(mg.Tensor.from_array(x).requires_grad_(), None, None, training=True)
    with unfused():
        exact = F.batch_norm(mg.tensor(x.astype(np.float64)), None, None, training=True)
    np.testing.assert_allclose(out.detach().numpy(), exact.numpy(), atol=1e-3)


def test_axes_that_do_not_exist_are_refused_for_large_arrays_as_for_small():
    for rows in (2, LARGE):
        with pytest.raises(np.exceptions.AxisError, match="sum: axis 2 does not exist"):
            mg.ones(rows, 2).sum(2)
        with pytest.raises(np.exceptions.AxisError, match="twice"):
            mg.ones(rows, 2).sum((0, 0))
        assert mg.ones(rows, 2).sum(()).item() == 2 * rows
