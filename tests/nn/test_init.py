"""Initialisers beyond the plain distributions."""

import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import ShapeError
from minigrad.nn import init


def zeros(*shape, dtype=np.float64):
    return nn.Parameter(np.zeros(shape, dtype))


def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("mean, std, a, b", [(0, 1, -2, 2), (1, 0.5, 0.5, 3), (0, 1, 4, 9), (0, 1, -9, -4), (5, 2, -1, 0.5)])
def test_a_truncated_normal_has_the_moments_of_one(mean, std, a, b):
    w = zeros(200, 100)
    values = init.trunc_normal_(w, mean, std, a, b, rng()).detach().numpy()
    assert values.min() >= a and values.max() <= b
    stats = pytest.importorskip("scipy.stats")
    expected = stats.truncnorm((a - mean) / std, (b - mean) / std, mean, std)
    assert abs(values.mean() - expected.mean()) < 0.02 * expected.std() + 1e-3
    assert values.std() == pytest.approx(expected.std(), rel=0.03)


@pytest.mark.parametrize("shape", [(4, 7), (7, 4), (5, 5), (6, 2, 3, 2), (2, 3, 3)])
def test_orthogonal_rows_or_columns(shape):
    w = init.orthogonal_(zeros(*shape), gain=3.0, generator=rng()).detach().numpy().reshape(shape[0], -1)
    gram = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(gram, 9 * np.eye(len(gram)), atol=1e-12)
    assert init.orthogonal_(zeros(0, 3)).shape == (0, 3)


@pytest.mark.parametrize("shape", [(1, 3), (3, 1), (3, 3), (2, 4), (4, 2)])
def test_orthogonal_matrices_have_both_signs_alike(shape):
    drawn = [init.orthogonal_(zeros(*shape), generator=np.random.default_rng(i)).detach().numpy() for i in range(400)]
    assert (np.abs(np.sign(drawn).sum(0)) < 100).all()  # five standard deviations


def test_sparse_zeros_are_anywhere():
    values = init.sparse_(zeros(4, 4000), 0.25, generator=rng()).detach().numpy()
    assert (np.abs((values == 0).sum(1) - 1000) < 140).all()  # five standard deviations


def test_a_dirac_kernel_passes_channels_through():
    x = mg.tensor(rng().standard_normal((2, 4, 5, 5)))
    conv = nn.Conv2d(4, 4, 3, padding=1, bias=False, dtype=np.float64)
    init.dirac_(conv.weight)
    assert (conv(x) == x).all()
    grouped = nn.Conv2d(4, 6, 3, padding=1, groups=2, bias=False, dtype=np.float64)
    init.dirac_(grouped.weight, groups=2)
    out = grouped(x)
    assert (out[:, :2] == x[:, :2]).all() and (out[:, 3:5] == x[:, 2:]).all() and (out[:, 2] == 0).all()


def test_identity_and_sparse():
    assert init.eye_(zeros(2, 3)).tolist() == [[1, 0, 0], [0, 1, 0]]
    values = init.sparse_(zeros(10, 50), 0.25, std=2.0, generator=rng()).detach().numpy()
    assert ((values == 0).sum(0) == math.ceil(2.5)).all() and values.std() == pytest.approx(2 * math.sqrt(0.7), rel=0.1)


@pytest.mark.parametrize(
    "call, error",
    [
        (lambda: init.eye_(zeros(2)), ShapeError),
        (lambda: init.dirac_(zeros(2, 2)), ShapeError),
        (lambda: init.dirac_(zeros(3, 2, 3), groups=2), ShapeError),
        (lambda: init.orthogonal_(zeros(3)), ShapeError),
        (lambda: init.sparse_(zeros(3), 0.5), ShapeError),
        (lambda: init.sparse_(zeros(3, 3), 1.5), ShapeError),
        (lambda: init.trunc_normal_(zeros(3), a=1.0, b=1.0), ValueError),
    ],
)
def test_what_they_refuse(call, error):
    with pytest.raises(error):
        call()


def test_pytorch_fills_the_same():
    torch = pytest.importorskip("torch")
    for name, shape, options in [("eye_", (3, 5), {}), ("dirac_", (4, 2, 3), {}), ("dirac_", (6, 2, 3, 2), {"groups": 2})]:
        ours = getattr(init, name)(zeros(*shape), **options).detach().numpy()
        np.testing.assert_array_equal(ours, getattr(torch.nn.init, name)(torch.zeros(shape), **options).numpy())
    for name in ("linear", "conv_transpose2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"):
        assert init.calculate_gain(name) == pytest.approx(torch.nn.init.calculate_gain(name))


def test_fans():
    for shape, fans in (((3, 2), (2, 3)), ((8, 3, 5, 5), (75, 200)), ((4, 1, 3), (3, 12))):
        assert init.calculate_fan_in_and_fan_out(mg.zeros(shape)) == fans
        assert init._calculate_fan_in_and_fan_out(mg.zeros(shape)) == fans  # PyTorch's name
        assert (
            init._calculate_correct_fan(mg.zeros(shape), "fan_in"),
            init._calculate_correct_fan(mg.zeros(shape), "fan_out"),
        ) == fans
    with pytest.raises(ShapeError, match=r"fan_in and fan_out need a tensor of at least two axes, got shape \(3,\)"):
        init.calculate_fan_in_and_fan_out(mg.zeros(3))


def test_names_of_pytorch_before_its_version_0_4():
    for name in (
        "uniform",
        "normal",
        "constant",
        "eye",
        "dirac",
        "xavier_uniform",
        "kaiming_normal",
        "orthogonal",
        "sparse",
    ):
        assert getattr(init, name).__wrapped__ is getattr(init, f"{name}_")
    with pytest.warns(UserWarning, match=r"nn\.init\.constant is deprecated: it is called constant_"):
        assert init.constant(mg.zeros(2), 3.0).tolist() == [3, 3]
    with pytest.raises(AttributeError):
        init.ones_like  # noqa: B018


@pytest.mark.parametrize(
    "mean, std, a, b",
    [(0.0, 2.0, 2.0, 4.0), (1.0, 2.0, 9.0, 13.0), (1.0, 2.0, 9.0, 9.1), (1.0, 0.5, -3.0, -1.0), (0.0, 0.5, -1.0, -0.5)],
)
def test_a_tail_of_a_normal_has_its_moments(mean, std, a, b):
    """Both tails, and those too rare to wait for."""
    x = nn.init.trunc_normal_(mg.empty(20000, dtype=np.float64), mean, std, a, b, np.random.default_rng(0)).numpy()
    at = a + (b - a) * (np.arange(4000) + 0.5) / 4000
    density = np.exp(-(((at - mean) / std) ** 2) / 2)
    density /= density.sum()
    expected = (density * at).sum()
    spread = np.sqrt((density * (at - expected) ** 2).sum())
    assert a <= x.min() and x.max() <= b and abs(x.mean() - expected) < 5 * spread / np.sqrt(20000)
    assert x.std() == pytest.approx(spread, rel=0.03)
