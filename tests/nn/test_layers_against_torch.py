"""Every layer beside PyTorch's: its repr, its state in both directions, forward, gradients, and ten steps of training."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import interop, nn

torch = pytest.importorskip("torch")

# (layer, arguments, shape of the input); options by name in a dict at the end of the arguments
LAYERS = [
    ("Linear", (5, 3), (4, 5)),
    ("Linear", (5, 3, {"bias": False}), (2, 4, 5)),
    ("Identity", (), (2, 3)),
    ("Flatten", (), (2, 3, 4)),
    ("Flatten", (2, -1), (2, 3, 4, 5)),
    ("Unflatten", (1, (2, 3)), (4, 6, 5)),
    ("Conv1d", (3, 5, 4), (2, 3, 9)),
    ("Conv1d", (4, 6, 3, {"stride": 2, "padding": 1, "dilation": 2, "groups": 2, "bias": False}), (2, 4, 11)),
    ("Conv1d", (2, 3, 4, {"padding": "same", "padding_mode": "circular"}), (2, 2, 9)),
    ("Conv2d", (3, 5, (4, 3)), (2, 3, 7, 11)),
    ("Conv2d", (2, 4, 3, {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2), "groups": 2}), (2, 2, 7, 9)),
    ("Conv2d", (2, 3, 3, {"padding": "same", "bias": False}), (1, 2, 5, 6)),
    ("Conv2d", (2, 3, (3, 4), {"padding": "same", "padding_mode": "reflect", "dilation": (1, 2)}), (2, 2, 7, 9)),
    ("Conv2d", (2, 3, 3, {"padding": (2, 1), "padding_mode": "replicate", "stride": 2}), (2, 2, 6, 7)),
    ("Conv2d", (2, 3, 3, {"padding": 1, "padding_mode": "circular"}), (2, 2, 6, 7)),
    ("Conv2d", (2, 3, 3, {"padding": "valid"}), (2, 2, 6, 7)),
    ("Conv3d", (2, 4, (2, 3, 2), {"stride": (1, 2, 1), "padding": (0, 1, 1), "groups": 2}), (2, 2, 4, 5, 3)),
    ("Conv3d", (1, 2, 2, {"padding": 1, "padding_mode": "reflect"}), (1, 1, 3, 4, 3)),
    ("ConvTranspose1d", (4, 6, 3, {"stride": 3, "padding": 1, "output_padding": 2, "groups": 2}), (2, 4, 5)),
    ("ConvTranspose2d", (3, 2, (4, 3), {"stride": (2, 3), "padding": 1, "output_padding": (1, 0)}), (2, 3, 4, 5)),
    ("ConvTranspose2d", (2, 4, 3, {"dilation": 2, "bias": False, "groups": 2}), (2, 2, 3, 4)),
    ("ConvTranspose3d", (2, 3, 2, {"stride": 2}), (1, 2, 3, 2, 3)),
    ("MaxPool1d", (3,), (2, 3, 10)),
    ("MaxPool1d", (3, {"stride": 2, "padding": 1, "dilation": 2}), (2, 3, 10)),
    ("MaxPool2d", (2,), (2, 3, 6, 8)),
    ("MaxPool2d", ((3, 2), {"stride": (2, 1), "padding": 1, "ceil_mode": True}), (2, 3, 7, 8)),
    ("MaxPool3d", (2, {"stride": 1}), (2, 2, 3, 4, 3)),
    ("AvgPool1d", (3, {"stride": 2, "padding": 1}), (2, 3, 10)),
    ("AvgPool2d", (2,), (2, 3, 6, 8)),
    ("AvgPool2d", (3, 2, 1, True, False), (2, 3, 6, 8)),
    ("AvgPool2d", (3, {"divisor_override": 5}), (2, 3, 6, 8)),
    ("AvgPool3d", (2,), (2, 2, 4, 4, 3)),
    ("AdaptiveAvgPool1d", (4,), (2, 3, 10)),
    ("AdaptiveAvgPool2d", ((3, None),), (2, 3, 7, 5)),
    ("AdaptiveAvgPool2d", (1,), (2, 3, 7, 5)),
    ("AdaptiveAvgPool3d", (2,), (2, 2, 5, 4, 3)),
    ("AdaptiveMaxPool1d", (4,), (2, 3, 10)),
    ("AdaptiveMaxPool2d", ((3, 2),), (2, 3, 7, 5)),
    ("AdaptiveMaxPool3d", (2,), (2, 2, 5, 4, 3)),
    ("ZeroPad1d", (2,), (2, 3, 4)),
    ("ZeroPad2d", ((1, 2, 0, 3),), (2, 3, 4, 5)),
    ("ZeroPad2d", ((1, -1, 0, -2),), (2, 3, 4, 5)),
    ("ZeroPad3d", (1,), (2, 3, 2, 3, 2)),
    ("ConstantPad1d", ((1, 2), 3.5), (2, 3, 4)),
    ("ConstantPad2d", (1, -2.0), (2, 3, 4, 5)),
    ("ConstantPad3d", (1, 0.5), (2, 2, 2, 3, 2)),
    ("ReflectionPad1d", ((2, 1),), (2, 3, 4)),
    ("ReflectionPad2d", ((1, 2, 3, 0),), (2, 3, 4, 5)),
    ("ReflectionPad3d", (1,), (2, 2, 2, 3, 2)),
    ("ReplicationPad1d", ((2, 1),), (2, 3, 4)),
    ("ReplicationPad2d", ((1, 2, 3, 0),), (2, 3, 4, 5)),
    ("ReplicationPad3d", (1,), (2, 2, 2, 3, 2)),
    ("CircularPad1d", ((2, 1),), (2, 3, 4)),
    ("CircularPad2d", ((1, 2, 3, 0),), (2, 3, 4, 5)),
    ("CircularPad3d", (1,), (2, 2, 2, 3, 2)),
    ("BatchNorm1d", (4,), (5, 4)),
    ("BatchNorm1d", (4, 1e-3, None), (5, 4, 3)),
    ("BatchNorm2d", (3,), (4, 3, 2, 5)),
    ("BatchNorm2d", (3, {"affine": False, "momentum": 0.3}), (4, 3, 2, 5)),
    ("BatchNorm2d", (3, {"track_running_stats": False}), (4, 3, 2, 5)),
    ("BatchNorm3d", (2,), (3, 2, 2, 3, 2)),
    ("SyncBatchNorm", (2,), (4, 2, 3)),
    ("InstanceNorm1d", (3,), (2, 3, 7)),
    ("InstanceNorm1d", (3, {"affine": True, "track_running_stats": True}), (2, 3, 7)),
    ("InstanceNorm2d", (3, {"affine": True}), (2, 3, 4, 5)),
    ("InstanceNorm3d", (2,), (2, 2, 2, 3, 2)),
    ("LayerNorm", (5,), (4, 3, 5)),
    ("LayerNorm", ([3, 5], 1e-3), (4, 3, 5)),
    ("LayerNorm", (5, {"bias": False}), (4, 5)),
    ("LayerNorm", (5, {"elementwise_affine": False}), (4, 5)),
    ("RMSNorm", (5,), (4, 3, 5)),
    ("RMSNorm", ((3, 5), 1e-2, False), (4, 3, 5)),
    ("GroupNorm", (2, 6), (3, 6, 4)),
    ("GroupNorm", (3, 6, 1e-3, False), (3, 6, 2, 3)),
    ("LocalResponseNorm", (3, 0.5, 0.75, 2.0), (2, 7, 3, 2)),
    ("Upsample", ({"scale_factor": 2},), (2, 3, 4, 5)),
    ("Upsample", ((7, 3), None, "bilinear", False), (2, 3, 4, 5)),
    ("Upsample", (None, 1.5, "linear", True), (2, 3, 8)),
    ("UpsamplingNearest2d", ((5, 9),), (2, 3, 4, 5)),
    ("UpsamplingBilinear2d", ({"scale_factor": 2},), (2, 3, 4, 5)),
    ("LPPool1d", (2, 3), (2, 3, 8)),
    ("LPPool2d", (2.0, (2, 3), 2, True), (2, 3, 5, 6)),
    ("LPPool3d", (2, 2), (1, 2, 4, 5, 4)),
    ("ChannelShuffle", (2,), (2, 6, 3)),
    ("PixelShuffle", (2,), (2, 8, 2, 3)),
    ("PixelUnshuffle", (2,), (2, 2, 4, 6)),
    ("Unfold", ((2, 3), {"padding": 1, "stride": 2}), (2, 3, 5, 6)),
    ("Fold", ((5, 6), (2, 3), {"padding": 1, "stride": 2}), (2, 18, 9)),
    ("RNNCell", (4, 3), (2, 4)),
    ("RNNCell", (4, 3, False, "relu"), (2, 4)),
    ("GRUCell", (4, 3), (2, 4)),
    ("GRUCell", (4, 3, False), (2, 4)),
    ("ReLU", (), (3, 4)),
    ("ReLU", (True,), None),  # PyTorch refuses to change a leaf
    ("ReLU6", (), (3, 4)),
    ("LeakyReLU", (), (3, 4)),
    ("LeakyReLU", (0.2, {"inplace": True}), None),
    ("PReLU", (), (3, 4)),
    ("PReLU", (4, 0.1), (3, 4, 2)),
    ("RReLU", (0.25, 0.25), (3, 4)),
    ("RReLU", ({"inplace": True},), None),
    ("ELU", (0.7,), (3, 4)),
    ("SELU", (), (3, 4)),
    ("CELU", (1.5,), (3, 4)),
    ("GELU", (), (3, 4)),
    ("GELU", ("tanh",), (3, 4)),
    ("SiLU", (), (3, 4)),
    ("Mish", (), (3, 4)),
    ("Softplus", (), (3, 4)),
    ("Softplus", (2.0, 1.0), (3, 4)),
    ("Softsign", (), (3, 4)),
    ("Softshrink", (0.3,), (3, 4)),
    ("Hardshrink", (0.3,), (3, 4)),
    ("Hardtanh", (-0.5, 1.2), (3, 4)),
    ("Hardsigmoid", (), None),  # PyTorch's 1/6 is a float32
    ("Hardswish", (), (3, 4)),
    ("LogSigmoid", (), (3, 4)),
    ("Tanhshrink", (), (3, 4)),
    ("Threshold", (0.3, -1.0), (3, 4)),
    ("GLU", (1,), (3, 4, 2)),
    ("GLU", (), (3, 4)),
    ("Softmax", (1,), (3, 4, 2)),
    ("Softmax2d", (), (2, 3, 4, 5)),
    ("Softmax2d", (), (3, 4, 5)),
    ("Softmin", (-1,), (3, 4)),
    ("LogSoftmax", (0,), (3, 4)),
    ("Sigmoid", (), (3, 4)),
    ("Tanh", (), (3, 4)),
    ("Dropout", (0.3,), None),
    ("Dropout", (0.0,), (3, 4)),
    ("Dropout", (1.0,), (3, 4)),
    ("AlphaDropout", (0.3, True), None),
    ("AlphaDropout", (1.0,), (3, 4)),
    ("FeatureAlphaDropout", (), None),
    ("FeatureAlphaDropout", (1.0,), (2, 3, 4)),
    ("Dropout1d", (), None),
    ("Dropout1d", (1.0,), (2, 3, 4)),
    ("Dropout2d", (), None),
    ("Dropout2d", (1.0,), (2, 3, 4, 5)),
    ("Dropout3d", (), None),
    ("Dropout3d", (1.0,), (2, 3, 2, 3, 2)),
]  # fmt: skip


def made(lib, name, arguments):
    options = {}
    if arguments and isinstance(arguments[-1], dict):
        *arguments, options = arguments
    return getattr(lib.nn, name)(*arguments, **options).double()


def every(layers):
    ids = [f"{name}-{i}" for i, (name, _, _) in enumerate(layers)]
    return pytest.mark.parametrize("name, arguments, shape", layers, ids=ids)


every_layer, every_exact_layer = every(LAYERS), every([layer for layer in LAYERS if layer[2]])  # no shape: only made


def distinct(rng, shape):
    """Numbers without ties and without zeros, so that no kink is near."""
    size = int(np.prod(shape))
    return ((rng.permutation(size) - size / 2 + 0.5) / size * 4 + rng.uniform(-0.4, 0.4, size) / size).reshape(shape)


def pair(name, arguments):
    """The layer in both libraries with the same values, drawn by neither's initialiser."""
    ours, theirs = made(mg, name, arguments), made(torch, name, arguments)
    rng = np.random.default_rng(1)
    state = {
        key: torch.tensor(rng.uniform(0.2, 1.0, tuple(value.shape))).to(value.dtype)
        if "running_var" in key or not value.dtype.is_floating_point
        else torch.tensor(rng.standard_normal(tuple(value.shape)))
        for key, value in theirs.state_dict().items()
    }
    theirs.load_state_dict(state)
    ours.load_state_dict(interop.from_torch(theirs.state_dict()))
    return ours, theirs


def both(x):
    return mg.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)


def close(ours, theirs, rtol=1e-10):
    assert (ours is None) == (theirs is None)
    if ours is not None:
        a, b = (np.asarray(t.detach().numpy()) for t in (ours, theirs))
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-12)


@every_layer
def test_it_prints_and_saves_alike(name, arguments, shape):
    ours, theirs = pair(name, arguments)
    assert repr(ours) == repr(theirs)
    assert [(k, tuple(v.shape)) for k, v in theirs.state_dict().items()] == [
        (k, v.shape) for k, v in ours.state_dict().items()
    ]
    theirs.load_state_dict(interop.to_torch(ours.state_dict()))


@every_exact_layer
def test_forward_gradients_and_ten_steps(name, arguments, shape):
    ours, theirs = pair(name, arguments)
    learns, rng = bool(list(theirs.parameters())), np.random.default_rng(2)
    optimizers = [lib.optim.SGD(layer.parameters(), lr=1e-2, momentum=0.9) for lib, layer in ((mg, ours), (torch, theirs))
                  if learns]  # fmt: skip
    for _ in range(10 if learns else 1):
        x, y = both(distinct(rng, shape))
        out, expected = ours(x), theirs(y)
        close(out, expected)
        for optimizer in optimizers:
            optimizer.zero_grad()
        if out.requires_grad:
            g = rng.standard_normal(out.shape)
            out.backward(mg.tensor(g))
            expected.backward(torch.tensor(g))
            close(x.grad, y.grad)
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            close(p.grad, q.grad)
        for optimizer in optimizers:
            optimizer.step()
    for p, q in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True):
        close(p, q)
    if ours.state_dict():  # with what it has learned and seen
        close(ours.eval()(x), theirs.eval()(y))


def test_a_transposed_convolution_takes_the_size_wanted():
    ours, theirs = pair("ConvTranspose2d", (2, 3, 3, {"stride": 3, "padding": 1}))
    x, y = both(np.random.default_rng(0).standard_normal((1, 2, 4, 5)))
    for size in [(10, 13), (12, 14), (1, 3, 11, 15)]:
        close(ours(x, output_size=size), theirs(y, output_size=size))
    with pytest.raises(mg.ShapeError, match=r"output_size must be within \(10, 13\) and \(12, 15\)"):
        ours(x, output_size=(9, 13))


def test_maxima_come_with_their_places():
    for name, arguments, shape in [("MaxPool2d", (2, {"return_indices": True}), (1, 2, 4, 6)),
                                   ("AdaptiveMaxPool1d", (3, {"return_indices": True}), (1, 2, 7))]:  # fmt: skip
        ours, theirs = pair(name, arguments)
        x, y = both(distinct(np.random.default_rng(0), shape))
        for a, b in zip(ours(x), theirs(y), strict=True):
            close(a, b)


def test_the_values_they_start_with_have_pytorchs_bounds():
    mg.manual_seed(0)
    torch.manual_seed(0)
    for name, arguments in [("Linear", (50, 400)), ("Conv1d", (10, 400, 5)), ("Conv2d", (6, 300, 3, {"groups": 2})),
                            ("ConvTranspose2d", (200, 10, 3)), ("Conv3d", (3, 200, 2))]:  # fmt: skip
        ours, theirs = made(mg, name, arguments), made(torch, name, arguments)
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            a, b = np.abs(p.detach().numpy()), np.abs(q.detach().numpy())
            loose = 0.03 if a.ndim > 1 else 0.3  # a bias has few values
            assert a.max() == pytest.approx(b.max(), rel=loose) and a.mean() == pytest.approx(b.mean(), rel=2 * loose)


def test_embeddings():
    ours, theirs = pair("Embedding", (7, 3, {"padding_idx": -2}))
    assert repr(ours) == repr(theirs)
    indices = np.array([[1, 5, 0], [5, 1, 6]])
    a, b = ours(mg.tensor(indices)), theirs(torch.tensor(indices))
    close(a, b)
    g = np.random.default_rng(0).standard_normal(a.shape)
    a.backward(mg.tensor(g))
    b.backward(torch.tensor(g))
    close(ours.weight.grad, theirs.weight.grad)
    assert not ours.weight.grad[5].any() and not nn.Embedding(7, 3, padding_idx=5).weight[5].any()
    frozen = nn.Embedding.from_pretrained(np.arange(6.0).reshape(3, 2))
    assert frozen(mg.tensor([2])).tolist() == [[4, 5]] and not frozen.weight.requires_grad
    with pytest.raises(ValueError, match="padding_idx must be within the 7 indices, got 7"):
        nn.Embedding(7, 3, padding_idx=7)


OVERWRITING = [("relu", ()), ("relu6", ()), ("leaky_relu", (0.2,)), ("elu", (0.7,)), ("selu", ()), ("celu", (1.5,)),
               ("silu", ()),
               ("hardtanh", (-0.5, 1.2)), ("hardswish", ()), ("mish", ()), ("threshold", (0.3, -1.0)), ("dropout", (1.0,)),
               ("dropout", (0.5, False)), ("dropout2d", (1.0,))]  # fmt: skip


@pytest.mark.parametrize("name, arguments", OVERWRITING)
def test_in_place_the_tensor_becomes_the_result(name, arguments):
    found = []
    for lib, x in zip((mg, torch), both(distinct(np.random.default_rng(0), (2, 3, 4, 5))), strict=True):
        function, y = getattr(lib.nn.functional, name), x * 1.5
        assert function(y, *arguments, inplace=True) is y
        (y * y).sum().backward()
        found.append((y, x.grad))
        if "dropout" not in name:  # and by position; a leaf refuses
            z = lib.tensor([0.5, -0.5])
            assert function(z, *arguments, True) is z and function(z, *arguments) is not z
            with pytest.raises(RuntimeError, match="leaf"):
                function(x, *arguments, inplace=True)
    for a, b in zip(*found, strict=True):
        close(a, b)


def test_layers_in_place_change_what_other_branches_see():
    """A block that adds its input after an activation in place adds the activation: a mistake that must stay the same."""
    found = []
    for lib, x in zip((mg, torch), both(distinct(np.random.default_rng(0), (2, 3, 4, 4))), strict=True):
        h = x + 0.1
        out = lib.nn.ReLU(inplace=True)(h) * 2
        out += h
        out.square().sum().backward()
        dropped = lib.nn.Dropout(1.0, inplace=True)(h)
        found.append((out, x.grad, dropped, h))
    for a, b in zip(*found, strict=True):
        close(a, b)


@pytest.mark.filterwarnings("ignore:Implicit dimension choice")
@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax", "Softmin"])
def test_without_a_dim_it_is_the_last_of_two_axes(name):
    ours, theirs = pair(name, ())
    assert repr(ours) == repr(theirs)
    for shape in [(3, 4), (5,)]:
        x = np.random.default_rng(0).standard_normal(shape)
        close(ours(mg.tensor(x)), theirs(torch.tensor(x)))
    with pytest.raises(ValueError, match=f"{name}: dim must be given for an input of 4 axes"):
        ours(mg.ones(1, 2, 3, 4))
