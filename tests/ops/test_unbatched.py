"""One item without its batch axis: the result of a batch of one, without the axis; and the same as PyTorch's."""

import importlib.util

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn

LIBRARIES = [mg] if importlib.util.find_spec("torch") is None else [mg, importlib.import_module("torch")]
RNG = np.random.default_rng(0)
ONE = {1: (3, 8), 2: (3, 8, 7), 3: (3, 8, 7, 6)}
CALLS = {
    **{f"Conv{n}d": (n, lambda lib, n=n: getattr(lib.nn, f"Conv{n}d")(3, 2, 3, padding=1)) for n in ONE},
    **{f"ConvTranspose{n}d": (n, lambda lib, n=n: getattr(lib.nn, f"ConvTranspose{n}d")(3, 2, 3, 2)) for n in ONE},
    **{f"MaxPool{n}d": (n, lambda lib, n=n: getattr(lib.nn, f"MaxPool{n}d")(2)) for n in ONE},
    **{f"AvgPool{n}d": (n, lambda lib, n=n: getattr(lib.nn, f"AvgPool{n}d")(2, padding=1)) for n in ONE},
    **{f"AdaptiveMaxPool{n}d": (n, lambda lib, n=n: getattr(lib.nn, f"AdaptiveMaxPool{n}d")(2)) for n in ONE},
    **{f"AdaptiveAvgPool{n}d": (n, lambda lib, n=n: getattr(lib.nn, f"AdaptiveAvgPool{n}d")(3)) for n in ONE},
    **{f"InstanceNorm{n}d": (n, lambda lib, n=n: getattr(lib.nn, f"InstanceNorm{n}d")(3, affine=True)) for n in ONE},
    "circular padding": (2, lambda lib: lib.nn.Conv2d(3, 2, 3, padding=1, padding_mode="circular")),
    "Unfold": (2, lambda lib: lib.nn.Unfold(2)),
}


def value_and_gradient(lib, make, x):
    layer = make(lib)
    with lib.no_grad():
        for i, p in enumerate(layer.parameters()):
            p.copy_(lib.tensor(np.cos(np.arange(p.numel()) + i).reshape(tuple(p.shape))))
    x = lib.tensor(x, requires_grad=True)
    out = layer.double()(x)
    (out * out).sum().backward()
    return out.detach().numpy(), x.grad.numpy()


@pytest.mark.parametrize("name", CALLS)
def test_an_item_is_a_batch_of_one(name):
    n, make = CALLS[name]
    x = RNG.standard_normal(ONE[n])
    one, batch = value_and_gradient(mg, make, x), value_and_gradient(mg, make, x[None])
    for a, b in zip(one, batch, strict=True):
        np.testing.assert_array_equal(a[None], b)


@pytest.mark.parametrize("name", CALLS)
def test_as_pytorch(name):
    torch = pytest.importorskip("torch")
    n, make = CALLS[name]
    x = RNG.standard_normal(ONE[n])
    for a, b in zip(value_and_gradient(mg, make, x), value_and_gradient(torch, make, x), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_indices_and_names():
    x = mg.tensor(RNG.standard_normal((2, 4, 4)))
    maxima, indices = nn.functional.max_pool2d(input=x, kernel_size=2, return_indices=True)
    assert maxima.shape == indices.shape == (2, 2, 2)
    assert (x.reshape(2, 16).gather(1, indices.reshape(2, 4)) == maxima.reshape(2, 4)).all()
    columns = nn.functional.unfold(x, 2)
    assert columns.shape == (8, 9) and nn.functional.fold(columns, (4, 4), 2).shape == (2, 4, 4)
    assert nn.ConvTranspose2d(2, 1, 3, 2)(x.float(), output_size=(10, 10)).shape == (1, 10, 10)


def kept(out):
    """Which elements dropout kept, as one boolean for each element of the leading axes that drop together."""
    return np.abs(out.numpy()) > 0


@pytest.mark.filterwarnings("ignore:dropout")  # PyTorch, of inputs (N, C)
@pytest.mark.parametrize(
    "function, shape, channel_axes",
    [
        ("dropout1d", (40, 9), 1), ("dropout1d", (4, 10, 9), 2), ("dropout2d", (20, 30), 2), ("dropout2d", (6, 9, 5), 2),
        ("dropout2d", (4, 10, 3, 3), 2), ("dropout3d", (40, 3, 3, 3), 1), ("dropout3d", (2, 20, 2, 2, 2), 2),
        ("dropout3d", (20, 3), 2),
    ],
)  # fmt: skip
def test_dropout_of_channels(function, shape, channel_axes):
    for lib in LIBRARIES:
        whole = kept(getattr(lib.nn.functional, function)(lib.ones(shape), 0.5, True)).reshape(*shape[:channel_axes], -1)
        assert (whole.all(-1) | ~whole.any(-1)).all() and 0.2 < whole.mean() < 0.8
        if channel_axes == 2:
            assert len({tuple(row) for row in whole[..., 0]}) > 1


def test_what_has_no_channels():
    for name, shape in (("dropout1d", (3,)), ("dropout1d", (1, 2, 3, 4)), ("dropout2d", (3,)), ("dropout3d", (3,))):
        with pytest.raises(mg.ShapeError, match=rf"{name}: input must be \(N, C, .*\) or \(C, .*\), got shape"):
            getattr(nn.functional, name)(mg.ones(shape))
