"""What a module is called with: data from outside take its dtype, and a class is not its function."""

import inspect
import re

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.models import SimpleConvNet

LAYERS = {
    "Linear": (lambda: nn.Linear(3, 2), [(4, 3)]),
    "Conv2d": (lambda: nn.Conv2d(1, 2, 3), [(2, 1, 5, 5)]),
    "ConvTranspose1d": (lambda: nn.ConvTranspose1d(1, 2, 3), [(2, 1, 5)]),
    "Sequential": (lambda: nn.Sequential(nn.ReLU(), nn.Linear(3, 2)), [(4, 3)]),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(3), [(4, 3)]),
    "LayerNorm": (lambda: nn.LayerNorm(3), [(4, 3)]),
    "PReLU": (lambda: nn.PReLU(), [(4, 3)]),
    "TransformerEncoderLayer": (lambda: nn.TransformerEncoderLayer(4, 2, 8), [(3, 1, 4)]),
    "LSTM": (lambda: nn.LSTM(3, 2), [(4, 1, 3)]),
    "GRU": (lambda: nn.GRU(3, 2), [(4, 1, 3), (1, 1, 2)]),
    "GRUCell": (lambda: nn.GRUCell(3, 2), [(1, 3), (1, 2)]),
    "MultiheadAttention": (lambda: nn.MultiheadAttention(4, 2), [(3, 1, 4)] * 3),
}


def first(out):
    return out[0] if isinstance(out, tuple) else out


@pytest.mark.parametrize("name", LAYERS)
def test_float64_arrays_take_the_dtype_of_the_model(name):
    make, shapes = LAYERS[name]
    mg.manual_seed(0)
    layer = make().eval()
    arrays = [np.random.default_rng(0).standard_normal(shape) for shape in shapes]
    out = first(layer(*arrays))
    assert out.dtype == np.float32
    np.testing.assert_array_equal(
        out.detach().numpy(), first(layer(*(a.astype(np.float32) for a in arrays))).detach().numpy()
    )
    assert first(make().double()(*(a.astype(np.float32) for a in arrays))).dtype == np.float64


def test_arrays_in_tuples_and_by_name():
    layer = nn.LSTM(3, 2)
    state = (np.zeros((1, 1, 2)), np.zeros((1, 1, 2)))
    out, (h, c) = layer(mg.zeros(4, 1, 3), state)
    assert out.dtype == h.dtype == c.dtype == np.float32
    assert layer(x=np.zeros((4, 1, 3)))[0].dtype == np.float32


def test_what_stays_as_it_is():
    seen = []

    class Look(nn.Module):
        def __init__(self, dtype=None):
            super().__init__()
            self.w = nn.Parameter([1.0], dtype=dtype)

        def forward(self, *args, **kwargs):
            seen[:] = [*args, *kwargs.values()]

    array = np.zeros(2)
    tensor, pair = mg.zeros(2, dtype=mg.float64), (mg.zeros(1), 3)
    Look()(tensor, np.arange(2), np.array([True]), 1.5, pair, "text", None, kept=[1.0, 2.0])
    assert seen[0] is tensor and seen[1].dtype == np.int64 and seen[2].dtype == bool and seen[4:6] == [pair, "text"]
    assert seen[7] == [1.0, 2.0]
    Look(mg.float64)(array)
    assert seen[0] is array  # no copy where there is nothing to convert
    Look()(array)
    assert seen[0].dtype == np.float32 and array.dtype == np.float64
    assert nn.ReLU()(array).dtype == np.float64  # no parameters, no dtype of its own


def test_gradients_and_networks_are_in_the_models_dtype():
    layer = nn.Linear(3, 2)
    layer(np.ones((4, 3))).sum().backward()
    assert layer.weight.grad.dtype == np.float32
    net = SimpleConvNet(input_dim=(1, 8, 8))
    assert net.predict(np.zeros((2, 1, 8, 8))).dtype == np.float32
    assert net.loss(np.zeros((2, 1, 8, 8)), np.array([0, 1])).dtype == np.float32


@pytest.mark.parametrize("name", nn.losses.__all__)
def test_a_loss_called_as_a_function(name):
    cls = getattr(nn, name)
    x, target = mg.zeros(2, 3), np.zeros((2, 3))
    with pytest.raises(TypeError) as caught:
        cls(x, target)
    message = str(caught.value)
    assert message.startswith(f"{name}: takes options, and is then called on data; got data of shape (2, 3) and (2, 3)\n")
    function = re.search(r"F\.(\w+)\(", message)[1]
    assert re.search(rf"hint: nn.{name}\(\)\((x|anchor)", message) and hasattr(nn.functional, function)


def test_losses_still_take_their_weights():
    w = mg.ones(3)
    for cls in (nn.CrossEntropyLoss, nn.NLLLoss, nn.BCELoss, nn.BCEWithLogitsLoss, nn.MultiLabelSoftMarginLoss):
        assert cls(w).weight is w and cls(weight=w).weight is w
    assert nn.BCEWithLogitsLoss(w, None, None, "sum", w).pos_weight is w and nn.MultiMarginLoss(1, 1.0, w).weight is w

    class Mine(nn.MSELoss):
        def __init__(self, scale):
            super().__init__()
            self.scale = scale

    assert Mine(w).scale is w  # a subclass of the user's own takes what it likes


@pytest.mark.parametrize("cls", [nn.ReLU, nn.Sigmoid, nn.Softmax, nn.Flatten, nn.MaxPool2d, nn.Dropout])
def test_a_layer_called_as_a_function(cls):
    with pytest.raises(TypeError, match=rf"{cls.__name__}: takes options.*\n  hint: nn.{cls.__name__}\((...)?\)\(x\)"):
        cls(mg.zeros(1, 1, 4, 4))


def test_identity_takes_anything():
    nn.Identity(mg.zeros(1), 3)


def layers():
    found = {cls for cls in vars(nn).values() if inspect.isclass(cls) and issubclass(cls, nn.Module)}
    return sorted(found, key=lambda cls: cls.__name__)


@pytest.mark.parametrize("cls", layers())
def test_pythons_messages_name_public_classes(cls):
    for name in dir(cls):
        method = inspect.getattr_static(cls, name)
        if inspect.isfunction(method) and (not name.startswith("_") or name == "__init__"):
            assert not method.__qualname__.startswith("_"), f"{cls.__name__}.{name} is {method.__qualname__}"
    with pytest.raises(TypeError) as caught:
        cls(no_such_option=1) if cls is not nn.Identity else cls().forward()
    assert re.search(r"\b_[A-Z]", str(caught.value)) is None


def test_methods_copied_under_public_names_work_as_before():
    with pytest.raises(TypeError, match=r"^Conv2d.__init__\(\) missing 2 required"):
        nn.Conv2d(1)
    with pytest.raises(TypeError, match=r"^Conv2d.forward\(\) missing 1 required"):
        nn.Conv2d(1, 1, 1)()
    assert nn.Conv2d.__init__.__doc__ is None and nn.Conv2d(1, 2, 3, rounding="exact").rounding == "exact"

    class Own(nn.Conv2d):
        def forward(self, x):
            return super().forward(x) * 0

    assert (Own(1, 2, 3)(mg.ones(1, 1, 4, 4)).detach().numpy() == 0).all()


def test_a_forgotten_flatten():
    for shape, says in [
        ((2, 3, 4, 4), r"hint: flattened, each item has 48 features: put Flatten\(\) before it, or use x.flatten\(1\)"),
        ((2, 3, 4, 5), "hint: linear works along the last axis, of 5; flattened, each item has 60 features"),
        ((2, 47), r"hint: the input has 47 features; use Linear\(47, 10\)"),
    ]:
        with pytest.raises(mg.errors.ShapeError, match=says):
            nn.Linear(48, 10)(mg.zeros(*shape))
