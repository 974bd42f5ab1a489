"""The networks of the book beside SimpleConvNet: their layers, their shapes, the book's interface, and PyTorch."""

import pickle

import numpy as np
import pytest

import minigrad as mg
from minigrad.models import DeepConvNet, LeNet5, MultiLayerNet


def kinds(net):
    return [type(m).__name__ for m in net.modules() if not m._modules]


def images(n=3, size=28, channels=1):
    return np.random.default_rng(0).random((n, channels, size, size)).astype(np.float32)


T = np.array([3, 7, 1])


def test_the_fully_connected_network_has_five_affine_layers():
    net = MultiLayerNet()
    assert kinds(net) == ["Linear", "ReLU"] * 4 + ["Linear"]
    assert [p.shape for name, p in net.params.items() if name[0] == "W"] == [(784, 100)] + [(100, 100)] * 3 + [(100, 10)]
    assert kinds(MultiLayerNet(6, [5], 2, activation="sigmoid")) == ["Linear", "Sigmoid", "Linear"]
    assert net.predict(images()).shape == net.predict(images().reshape(3, 784)).shape == (3, 10)
    mg.manual_seed(0)
    spreads = [MultiLayerNet(400, [300], 10, a).params["W1"].std() for a in ("relu", "sigmoid")]
    assert spreads == pytest.approx([(2 / 400) ** 0.5, (1 / 400) ** 0.5], rel=0.02)
    with pytest.raises(ValueError, match="activation must be one of relu, sigmoid, got 'tanhh'"):
        MultiLayerNet(activation="tanhh")


def test_weight_decay_is_part_of_the_loss_and_its_gradient():
    mg.manual_seed(0)
    net = MultiLayerNet(4, [3], 2, weight_decay_lambda=0.2).double()
    x, t = np.random.default_rng(0).standard_normal((5, 4)), np.array([0, 1, 1, 0, 1])
    loss, g = net.loss(x, t).item(), net.gradient(x, t)["W1"]
    squares = sum((net.params[f"W{i}"] ** 2).sum() for i in (1, 2))
    net.weight_decay_lambda = 0.0
    assert loss == pytest.approx(net.loss(x, t).item() + 0.1 * squares, rel=1e-12)
    np.testing.assert_allclose(g, net.gradient(x, t)["W1"] + 0.2 * net.params["W1"], rtol=1e-12)


def test_the_deep_network_is_the_books():
    net = DeepConvNet()
    block = ["Conv2d", "ReLU", "Conv2d", "ReLU", "MaxPool2d"]
    assert kinds(net) == block * 3 + ["Linear", "ReLU", "Dropout", "Linear", "Dropout"]
    assert {name: value.shape for name, value in net.params.items() if name[0] == "W"} == {
        "W1": (16, 1, 3, 3), "W2": (16, 16, 3, 3), "W3": (32, 16, 3, 3), "W4": (32, 32, 3, 3), "W5": (64, 32, 3, 3),
        "W6": (64, 64, 3, 3), "W7": (1024, 50), "W8": (50, 10),
    }  # fmt: skip
    assert [m.padding for m in net.features if isinstance(m, mg.nn.Conv2d)] == [(1, 1)] * 3 + [(2, 2)] + [(1, 1)] * 2


def test_dropout_works_in_training_and_rests_in_prediction():
    net, x = DeepConvNet(), images()
    assert (net.predict(x) == net.predict(x)).all() and (net.predict(x, train_flg=True) != net.predict(x)).any()
    assert net.training and net.drop1.training
    assert net.accuracy(x, np.eye(10)[net.predict(x).argmax(1)]) == 1.0
    assert net.loss(x, T).item() != net.loss(x, T).item()
    with pytest.raises(ValueError, match="no images"):
        net.accuracy(x[:0], T[:0])


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
@pytest.mark.parametrize("subsampling", ["average", "max"])
def test_lenet_has_its_layers(activation, subsampling):
    net = LeNet5(activation=activation, subsampling=subsampling)
    act = {"relu": "ReLU", "sigmoid": "Sigmoid", "tanh": "Tanh"}[activation]
    pool = {"average": "AvgPool2d", "max": "MaxPool2d"}[subsampling]
    assert kinds(net) == ["Conv2d", act, pool, "Conv2d", act, pool, "Linear", act, "Linear", act, "Linear"]
    shapes = [p.shape for name, p in net.params.items() if name[0] == "W"]
    assert shapes == [(6, 1, 5, 5), (16, 6, 5, 5), (400, 120), (120, 84), (84, 10)]
    assert net.summary((1, 1, 28, 28)).macs == 6 * 25 * 784 + 16 * 150 * 100 + 400 * 120 + 120 * 84 + 840  # the paper's maps


def test_what_lenet_refuses():
    with pytest.raises(ValueError, match="activation must be one of sigmoid, tanh, relu, got 'swish'"):
        LeNet5(activation="swish")
    with pytest.raises(ValueError, match="subsampling must be one of average, max, got 'mean'"):
        LeNet5(subsampling="mean")


@pytest.mark.parametrize("make", [DeepConvNet, LeNet5, MultiLayerNet])
def test_parameters_travel_through_files_in_the_books_layouts(make, tmp_path):
    a, b, x = make(), make(), images()
    a.save_params(tmp_path / "params.npz")
    b.load_params(tmp_path / "params.npz")
    assert (a.predict(x) == b.predict(x)).all()
    with (tmp_path / "params.pkl").open("wb") as file:
        pickle.dump({name: value.astype(np.float64) for name, value in make().params.items()}, file)
    b.load_params(tmp_path / "params.pkl")
    assert (a.predict(x) != b.predict(x)).any() and next(b.parameters()).dtype == np.float32


def test_it_learns_what_is_put_before_it():
    mg.manual_seed(0)
    net = LeNet5(activation="relu", subsampling="max")
    x, t = images(8), np.arange(8) % 4
    optimizer = mg.optim.Adam(net.parameters(), lr=3e-3)
    for _ in range(25):
        optimizer.zero_grad()
        net.loss(x, t).backward()
        optimizer.step()
    assert net.accuracy(x, t) == 1.0
