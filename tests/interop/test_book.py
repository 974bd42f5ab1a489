"""The book's layers against plain loops, a network written with them, and the chapter's notebook as a whole."""

import runpy
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad import training
from minigrad.interop import book

(X, T), (X_TEST, T_TEST) = mg.data.load_digits(flatten=False)


def numeric(layer, x, g, of):
    """The gradient of sum(g * layer.forward(x)) by differences, for the array `of`, which is written to and restored."""
    return book.numerical_gradient(lambda _: float((g * layer.forward(x)).sum()), of)


@pytest.mark.parametrize("stride, pad", [(1, 0), (2, 1), (1, 2)])
def test_convolution(stride, pad, rng):
    x, W, b = rng.standard_normal((2, 3, 7, 6)), rng.standard_normal((4, 3, 3, 3)), rng.standard_normal(4)
    layer = book.Convolution(W, b, stride, pad)
    out = layer.forward(x)
    OH, OW = 1 + (7 + 2 * pad - 3) // stride, 1 + (6 + 2 * pad - 3) // stride
    columns = book.im2col(x, 3, 3, stride, pad)  # as 7.4.3 writes the layer down
    np.testing.assert_allclose(out, (columns @ W.reshape(4, -1).T + b).reshape(2, OH, OW, 4).transpose(0, 3, 1, 2))
    g = rng.standard_normal(out.shape)
    dx = layer.backward(g)
    for found, of in ((dx, x), (layer.dW, W), (layer.db, b)):
        np.testing.assert_allclose(found, numeric(layer, x, g, of), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("size, stride, pad", [(2, 2, 0), (3, 2, 0), (2, 2, 1)])
def test_pooling(size, stride, pad, rng):
    x = rng.permutation(2 * 3 * 7 * 7).reshape(2, 3, 7, 7) - 150.0  # distinct, most of them negative
    layer = book.Pooling(size, size, stride, pad)
    out = layer.forward(x)
    columns = book.im2col(x, size, size, stride, pad).reshape(-1, size * size)
    OH = 1 + (7 + 2 * pad - size) // stride
    np.testing.assert_array_equal(out, columns.max(1).reshape(2, OH, OH, 3).transpose(0, 3, 1, 2))
    g = rng.standard_normal(out.shape)
    np.testing.assert_allclose(layer.backward(g), numeric(layer, x, g, x), atol=1e-6)


@pytest.mark.parametrize(
    "layer", [book.Relu(), book.Sigmoid(), book.Affine(np.random.default_rng(1).standard_normal((12, 5)), np.arange(5.0))]
)
def test_other_layers(layer, rng):
    x = rng.standard_normal((4, 3, 2, 2))
    g = rng.standard_normal(layer.forward(x).shape)
    np.testing.assert_allclose(layer.backward(g), numeric(layer, x, g, x), rtol=1e-6, atol=1e-6)
    layer.forward(x)
    again, once = layer.backward(2 * g), layer.backward(g)  # two backwards of the same forward
    np.testing.assert_allclose(again, 2 * once)
    found = {name: getattr(layer, f"d{name}") for name in layer.parameters}
    for name, gradient in found.items():
        np.testing.assert_allclose(gradient, numeric(layer, x, g, getattr(layer, name)), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("one_hot", [False, True])
def test_softmax_with_loss(one_hot, rng):
    x, t = rng.standard_normal((4, 5)), np.array([1, 0, 4, 4])
    layer = book.SoftmaxWithLoss()
    loss = layer.forward(x, np.eye(5)[t] if one_hot else t)
    y = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    np.testing.assert_allclose(layer.y, y)
    assert loss == layer.loss == pytest.approx(-np.log(y[range(4), t] + 1e-7).mean(), rel=1e-14)
    np.testing.assert_allclose(layer.backward(), (y - np.eye(5)[t]) / 4)


def test_the_results_belong_to_the_caller():
    layer, x = book.Relu(), np.ones((2, 3))
    out = layer.forward(x)
    out[...], x[...] = 7, -1
    assert (layer.backward(np.ones((2, 3))) == 1).all()


class Notebook:
    """A network as a notebook writes it, out of the book's layers; parameters are shared with them as arrays."""

    def __init__(self, filters=4, size=3, hidden=20):
        rng = np.random.default_rng(1)
        pooled = (8 - size + 1) // 2
        self.params = {
            "W1": 0.1 * rng.standard_normal((filters, 1, size, size)),
            "b1": np.zeros(filters),
            "W2": 0.1 * rng.standard_normal((filters * pooled**2, hidden)),
            "b2": np.zeros(hidden),
            "W3": 0.1 * rng.standard_normal((hidden, 10)),
            "b3": np.zeros(10),
        }
        p = self.params
        self.layers = OrderedDict(
            Conv1=book.Convolution(p["W1"], p["b1"], 1, 0), Relu1=book.Relu(), Pool1=book.Pooling(2, 2, stride=2),
            Affine1=book.Affine(p["W2"], p["b2"]), Relu2=book.Relu(), Affine2=book.Affine(p["W3"], p["b3"]),
        )  # fmt: skip
        self.last_layer = book.SoftmaxWithLoss()

    def predict(self, x):
        for layer in self.layers.values():
            x = layer.forward(x)
        return x

    def loss(self, x, t):
        return self.last_layer.forward(self.predict(x), t)

    def gradient(self, x, t):
        self.loss(x, t)
        g = self.last_layer.backward(1)
        for layer in reversed(self.layers.values()):
            g = layer.backward(g)
        named = {"1": "Conv1", "2": "Affine1", "3": "Affine2"}
        return {key: getattr(self.layers[named[key[1]]], f"d{key[0]}") for key in self.params}


def test_a_network_written_in_a_notebook_trains_as_the_librarys_own(tmp_path):
    written, own = Notebook(), mg.models.SimpleConvNet((1, 8, 8), {"filter_num": 4, "filter_size": 3}, 20).double()
    own.params.update(written.params)
    x, t = X[:20].astype(np.float64), T[:20]
    for name, g in own.gradient(x, t).items():
        np.testing.assert_allclose(written.gradient(x, t)[name], g, rtol=1e-9, atol=1e-12)
    options = {
        "epochs": 2,
        "mini_batch_size": 40,
        "verbose": False,
        "seed": 3,
        "optimizer": "SGD",
        "optimizer_param": {"lr": 0.1},
    }
    data = (X[:150].astype(np.float64), T[:150], X_TEST[:70].astype(np.float64), T_TEST[:70])
    mine = book.Trainer(written, *data, checkpoint=tmp_path / "c.npz", **options)
    mine.train()
    theirs = training.Trainer(own, *data, **options)
    theirs.train()
    np.testing.assert_allclose(mine.train_loss_list, theirs.train_loss_list, rtol=3e-6)  # + 1e-7
    for name, values in own.params.items():
        np.testing.assert_allclose(written.params[name], values, rtol=1e-7, atol=1e-9)
    fresh = Notebook()
    book.Trainer(fresh, *data, **options).load_checkpoint(tmp_path / "c.npz")
    assert all((written.params["W1"] == fresh.layers["Conv1"].W).ravel())


def test_the_books_trainer_takes_modules_too():
    mg.manual_seed(0)
    net = mg.models.SimpleConvNet((1, 8, 8))
    trainer = book.Trainer(net, X[:100], T[:100], X_TEST[:50], T_TEST[:50], epochs=1, verbose=False)
    trainer.train()
    assert trainer.network is net and len(trainer.test_acc_list) == 1


@pytest.mark.parametrize("kind", [book.SimpleConvNet, mg.models.SimpleConvNet])
def test_numerical_gradients_of_the_network_agree(kind, rng):
    mg.manual_seed(0)
    net = kind((1, 6, 6), {"filter_num": 2, "filter_size": 3}, 5, weight_init_std=0.3)
    net = net.double() if isinstance(net, mg.nn.Module) else net
    x, t = rng.random((2, 1, 6, 6)), np.array([[3], [1]])  # a column of classes
    before = {name: array.copy() for name, array in net.params.items()}
    expected = net.numerical_gradient(x, t)
    for name, g in net.gradient(x, t).items():
        np.testing.assert_allclose(g, expected[name], rtol=3e-6, atol=1e-9)  # of a loss with + 1e-7
        assert (net.params[name] == before[name]).all()


@pytest.mark.filterwarnings("ignore")
def test_the_notebook_runs(tmp_path, monkeypatch, capsys):
    """With the bundled digits in MNIST's size for MNIST, and few of them."""
    plt = pytest.importorskip("matplotlib.pyplot")

    def load(flatten):
        def wide(x):
            return np.pad(x.repeat(3, 2).repeat(3, 3), ((0, 0), (0, 0), (2, 2), (2, 2)))

        assert not flatten
        return (wide(X[:300]), T[:300]), (wide(X_TEST[:100]), T_TEST[:100])

    plt.switch_backend("agg")
    monkeypatch.setattr(book, "load_mnist", load)
    monkeypatch.chdir(tmp_path)
    mg.manual_seed(0)
    np.random.seed(0)
    names = runpy.run_path(str(Path(__file__).parents[2] / "examples" / "chapter7.py"))
    plt.close("all")
    out = capsys.readouterr().out
    for line in ("(9, 75)", "(90, 75)", "(10, 8, 3, 3) (10, 3, 7, 7) (8, 3, 5, 5) (8,)", "Saved Network Parameters!"):
        assert line in out
    assert all(np.abs(names["grad_num"][key] - g).mean() < 1e-3 for key, g in names["grad"].items())
    assert len(names["trainer"].test_acc_list) == 20 and names["trainer"].test_acc_list[-1] > 0.8
    assert names["network"].accuracy(names["x_test"], names["t_test"]) == names["trainer"].test_acc_list[-1]
    assert (tmp_path / "params.npz").is_file() and names["before"].shape == (30, 1, 5, 5)
