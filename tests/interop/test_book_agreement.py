"""`interop.book` side by side with the book's layers and optimizers in plain NumPy: forward, gradients, 50 updates."""

import importlib
import importlib.util

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import DTypeError, GraphError, ShapeError, WeightsFileError
from minigrad.interop import book
from tests.interop import plain_book as plain


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


def layers(rng):
    """Pairs of our layer and the plain one, and a shape of inputs."""
    W, b, K, k = (rng.standard_normal(shape) for shape in ((12, 5), 5, (4, 3, 3, 3), 4))
    gamma, beta = rng.standard_normal(12), rng.standard_normal(12)
    return {
        "relu": (book.Relu(), plain.Relu(), (6, 12)),
        "sigmoid": (book.Sigmoid(), plain.Sigmoid(), (6, 12)),
        "affine": (book.Affine(W, b), plain.Affine(W, b), (6, 12)),
        "affine of images": (book.Affine(W, b), plain.Affine(W, b), (6, 3, 2, 2)),
        "batch norm": (book.BatchNormalization(gamma, beta), plain.BatchNormalization(gamma, beta), (6, 12)),
        "batch norm of images": (book.BatchNormalization(gamma, beta), plain.BatchNormalization(gamma, beta), (6, 3, 2, 2)),
        "batch norm of one": (book.BatchNormalization(gamma, beta), plain.BatchNormalization(gamma, beta), (1, 12)),
        "convolution": (book.Convolution(K, k, 2, 1), plain.Convolution(K, k, 2, 1), (2, 3, 7, 6)),
        "convolution that leaves a rest": (book.Convolution(K, k, 2), plain.Convolution(K, k, 2), (2, 3, 8, 8)),
        "convolution, a number as bias": (book.Convolution(K, 0.5), plain.Convolution(K, 0.5), (2, 3, 6, 6)),
        "pooling": (book.Pooling(2, 2, 2), plain.Pooling(2, 2, 2), (2, 3, 6, 6)),
        "pooling that overlaps": (book.Pooling(3, 2, 1, 1), plain.Pooling(3, 2, 1, 1), (2, 3, 5, 5)),
        "dropout": (book.Dropout(0.3), plain.Dropout(0.3), (50, 40)),
    }


@pytest.mark.parametrize("name", layers(np.random.default_rng(0)))
def test_a_layer_agrees(name, rng):
    mine, theirs, shape = layers(rng)[name]
    for _ in range(3):  # running statistics move
        x = rng.standard_normal(shape)
        out = mine.forward(x)
        if isinstance(mine, book.Dropout):
            theirs.mask = mine.mask
            assert abs(mine.mask.mean() - 0.7) < 0.05
        close(out, theirs.forward(x))
        g = rng.standard_normal(out.shape)
        close(mine.backward(g), theirs.backward(g))
        for parameter in mine.parameters:
            close(getattr(mine, f"d{parameter}"), getattr(theirs, f"d{parameter}"))
    if isinstance(mine, book.Dropout | book.BatchNormalization):
        close(mine.forward(x, train_flg=False), theirs.forward(x, train_flg=False))
    if isinstance(mine, book.BatchNormalization):
        close(mine.running_mean, theirs.running_mean)
        close(mine.running_var, theirs.running_var)
        again = book.BatchNormalization(mine.gamma, mine.beta, 0.9, mine.running_mean, mine.running_var)
        close(again.forward(x, False), mine.forward(x, False))


@pytest.mark.parametrize("one_hot", [False, True])
def test_the_loss_agrees(one_hot, rng):
    x, t = 3 * rng.standard_normal((6, 4)), np.array([0, 3, 1, 1, 2, 0])
    t = np.eye(4, dtype=int)[t] if one_hot else t
    mine, theirs = book.SoftmaxWithLoss(), plain.SoftmaxWithLoss()
    close(mine.forward(x, t), theirs.forward(x, t))
    close(mine.backward(), theirs.backward())
    close(book.softmax_loss(x, t), theirs.forward(x, t))
    close(book.softmax(x), theirs.y)


def plain_network(params, activation, batch_norm, masks):
    """A network of plain layers on copies of `params`; `masks` are those of dropout, if there is any."""
    own = {name: array.copy() for name, array in params.items()}
    stack, count = [], sum(name[0] == "W" for name in own)
    for i in range(1, count + 1):
        stack.append((plain.Affine(own[f"W{i}"], own[f"b{i}"]), {"W": f"W{i}", "b": f"b{i}"}))
        if i < count:
            if batch_norm:
                layer = plain.BatchNormalization(own[f"gamma{i}"], own[f"beta{i}"])
                stack.append((layer, {"gamma": f"gamma{i}", "beta": f"beta{i}"}))
            stack.append((activation(), {}))
            if masks:
                stack.append((plain.Dropout(0.4), {}))
    return own, stack


def plain_gradient(stack, x, t, masks, params, decay):
    masks = iter(masks)
    for layer, _ in stack:
        if isinstance(layer, plain.Dropout):
            layer.mask = next(masks)
        x = layer.forward(x)
    last = plain.SoftmaxWithLoss()
    loss = last.forward(x, t) + 0.5 * decay * sum((W**2).sum() for name, W in params.items() if name[0] == "W")
    g, found = last.backward(), {}
    for layer, names in reversed(stack):
        g = layer.backward(g)
        for attribute, name in names.items():
            found[name] = getattr(layer, f"d{attribute}") + (decay * params[name] if attribute == "W" else 0)
    return loss, found


OPTIMIZERS = {
    "SGD": {}, "Momentum": {"momentum": 0.9}, "Nesterov": {"momentum": 0.9}, "AdaGrad": {}, "RMSprop": {"decay_rate": 0.99},
    "Adam": {"beta1": 0.9, "beta2": 0.999},
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_fifty_updates_agree(name, rng):
    mg.manual_seed(1)
    net = book.MultiLayerNet(8, [7, 6], 3, "sigmoid", weight_decay_lambda=0.1)
    own, stack = plain_network(net.params, plain.Sigmoid, False, ())
    mine, theirs = getattr(book, name)(lr=0.05), getattr(plain, name)(lr=0.05, **OPTIMIZERS[name])
    for attribute, value in OPTIMIZERS[name].items():
        assert getattr(mine, attribute) == value  # the book's defaults
    assert getattr(book, name)().lr == (0.001 if name == "Adam" else 0.01)
    for _ in range(50):
        x, t = rng.standard_normal((5, 8)), rng.integers(0, 3, 5)
        grads = net.gradient(x, t)
        loss, expected = plain_gradient(stack, x, t, (), own, 0.1)
        close(net.loss(x, t), loss)
        for key, g in grads.items():
            close(g, expected[key])
        mine.update(net.params, grads)
        theirs.update(own, expected)
    for key, array in net.params.items():
        close(array, own[key])
        assert array is getattr(net.layers[f"Affine{key[1]}"], key[0])  # updated in place


@pytest.mark.parametrize("batch_norm, dropout", [(True, False), (False, True), (True, True)])
def test_an_extended_network_agrees(batch_norm, dropout, rng):
    mg.manual_seed(2)
    net = book.MultiLayerNetExtend(
        8, [7, 6], 3, weight_decay_lambda=0.01, use_batchnorm=batch_norm, use_dropout=dropout, dropout_ration=0.4
    )
    own, stack = plain_network(net.params, plain.Relu, batch_norm, dropout)
    mine, theirs = book.Adam(), plain.Adam(0.001, beta1=0.9, beta2=0.999)
    for _ in range(50):
        x, t = rng.standard_normal((5, 8)), rng.integers(0, 3, 5)
        grads = net.gradient(x, t)
        masks = [layer.mask for layer in net.layers.values() if isinstance(layer, book.Dropout)]
        _, expected = plain_gradient(stack, x, t, masks, own, 0.01)
        for key, g in grads.items():
            close(g, expected[key])
        mine.update(net.params, grads)
        theirs.update(own, expected)
    for key, array in net.params.items():
        close(array, own[key])
    for layer, _ in stack:
        x = layer.forward(x, False) if isinstance(layer, plain.Dropout | plain.BatchNormalization) else layer.forward(x)
    close(net.predict(rng_x := rng.standard_normal((4, 8))), plain_scores(stack, rng_x))


def plain_scores(stack, x):
    for layer, _ in stack:
        x = layer.forward(x, False) if isinstance(layer, plain.Dropout | plain.BatchNormalization) else layer.forward(x)
    return x


def test_an_optimizer_of_numbers():
    """As 6.1.2 compares the optimizers on x**2 / 20 + y**2; the dict may be used again by the next one."""
    for name in OPTIMIZERS:
        params, optimizer = {"x": -7.0, "y": 2.0}, getattr(book, name)(lr=0.1)
        for _ in range(30):
            optimizer.update(params, {"x": params["x"] / 10, "y": 2 * params["y"]})
        assert type(params["x"]) is float and params["x"] > -7 and abs(params["y"]) < 2


def test_options_may_change_between_updates():
    params, optimizer = {"W": np.ones(2)}, book.SGD(lr=1.0)
    optimizer.lr = 0.25
    optimizer.update(params, {"W": np.ones(2)})
    optimizer.lr = 0.5
    optimizer.update(params, {"W": np.ones(2)})
    assert (params["W"] == 0.25).all()


def test_sgd_may_serve_several_networks_and_others_say_that_they_may_not():
    first, second = {"W": np.ones(2)}, {"V": np.ones(3), "W": np.ones(2)}
    sgd, adam = book.SGD(), book.Adam()
    for params in (first, second, first):
        sgd.update(params, {name: np.ones_like(array) for name, array in params.items()})
    assert first["W"][0] == pytest.approx(0.98) and second["V"][0] == pytest.approx(0.99)
    adam.update(first, {"W": np.ones(2)})
    before = second["W"].copy()
    with pytest.raises(ShapeError, match=r"Adam: params V \(3,\), W \(2,\) are not those of the first update, W \(2,\)"):
        adam.update(second, {"V": np.ones(3), "W": np.ones(2)})
    with pytest.raises(ShapeError, match=r"SGD: the gradient of W has shape \(3,\), it \(2,\)"):
        sgd.update({"W": second["W"]}, {"W": np.ones(3)})
    assert (second["W"] == before).all()


def test_functions():
    x = np.array([-1.0, 0.0, 2.0])
    assert (book.identity_function(x) is x) and (book.step_function(x) == [0, 0, 1]).all() and book.step_function(3) == 1
    close(book.sigmoid(x), 1 / (1 + np.exp(-x)))
    close(book.sigmoid_grad(x), np.exp(-x) / (1 + np.exp(-x)) ** 2)
    assert (book.relu(x) == [0, 0, 2]).all() and (book.relu_grad(x) == [0, 1, 1]).all()
    close(book.softmax(np.arange(6).reshape(2, 3)).sum(1), [1, 1])
    y, t = np.array([0.1, 0.05, 0.6, 0.0, 0.05, 0.1, 0.0, 0.1, 0.0, 0.0]), np.eye(10)[2]
    assert book.sum_squared_error(y, t) == pytest.approx(0.0975)  # the book's example in 4.2.1, and that in 4.2.2
    assert book.cross_entropy_error(y, t) == pytest.approx(0.510825457099338)
    for shape in ((10,), (1, 10)):
        assert book.cross_entropy_error(y.reshape(shape), 2) == book.cross_entropy_error(y.reshape(shape), t)
    assert book.sigmoid(np.float32([1, 2])).dtype == np.float32 and book.sigmoid([1, 2]).dtype == np.float64


def test_numerical_gradient_of_any_shape():
    for shape in ((), (3,), (2, 3), (2, 1, 3)):
        x = np.random.default_rng(0).standard_normal(shape)
        before = x.copy()
        np.testing.assert_allclose(book.numerical_gradient(lambda x: (x**2).sum(), x), 2 * x, rtol=1e-6)
        assert (x == before).all()
        with pytest.raises(ZeroDivisionError):
            book.numerical_gradient(lambda x: 1 / 0, x)
        assert (x == before).all()
    points = np.array([[1.0, 2.0], [3.0, -4.0]])
    np.testing.assert_allclose(book.numerical_gradient_2d(lambda x: (x**2).sum(), points), 2 * points, rtol=1e-6)
    np.testing.assert_allclose(book.numerical_gradient_2d(lambda x: (x**2).sum(), points[0]), 2 * points[0], rtol=1e-6)
    with pytest.raises(DTypeError, match="floats, got int64"):
        book.numerical_gradient(lambda x: x.sum(), np.arange(3))


def test_curves_and_shuffling():
    x = np.random.default_rng(0).standard_normal(40)
    padded = np.r_[x[10:0:-1], x, x[-1:-11:-1]]  # the book's: ten at each end, and what is too long cut off again
    window = np.kaiser(11, 2) / np.kaiser(11, 2).sum()
    close(book.smooth_curve(list(x)), np.convolve(padded, window, mode="valid")[5:-5])
    for n in (1, 2, 7, 11, 12):
        assert len(book.smooth_curve(x[:n])) == n
    images, t = np.arange(24).reshape(6, 1, 2, 2), np.arange(6)
    mg.manual_seed(0)
    shuffled, labels = book.shuffle_dataset(images, t)
    assert sorted(labels) == [0, 1, 2, 3, 4, 5] and (labels != t).any() and (shuffled[:, 0, 0, 0] == 4 * labels).all()
    with pytest.raises(ShapeError, match="x has 6 images, t 5 labels"):
        book.shuffle_dataset(images, t[:5])
    assert book.conv_output_size(28, 5) == 24 and book.conv_output_size(8, 3, 2, 1) == 4


def test_backward_before_forward():
    with pytest.raises(GraphError, match=r"Relu\.backward: forward has not been called"):
        book.Relu().backward(np.ones(2))


def test_networks_learn_and_keep_their_weights(tmp_path):
    (x, t), (x_test, t_test) = mg.data.load_digits(flatten=False)
    small = {"filter_num": 4, "filter_size": 3}
    for net in (
        book.TwoLayerNet(64, 20, 10, "he"),
        book.MultiLayerNetExtend(64, [20, 20], 10, use_batchnorm=True, use_dropout=True, dropout_ration=0.1),
        book.SimpleConvNet((1, 8, 8), small, 20, weight_init_std="he"),
        book.DeepConvNet((1, 8, 8), *[{"filter_num": 8, "filter_size": 3, "pad": 1}] * 6),
    ):
        mg.manual_seed(0)
        options = {"epochs": 5, "optimizer": "Adam", "optimizer_param": {"lr": 0.005}, "verbose": False}
        book.Trainer(net, x, t, x_test, t_test, **options).train()
        learned = net.accuracy(x_test, t_test)
        assert learned > 0.4 and learned == net.accuracy(x_test, np.eye(10)[t_test]), type(net)
        for suffix in (".npz", ".pkl", *([".safetensors"] if importlib.util.find_spec("safetensors") else [])):
            net.save_params(tmp_path / f"params{suffix}")
            other = type(net)(64, 20, 10) if isinstance(net, book.TwoLayerNet) else net
            for array in other.params.values():
                array[...] = 0
            other.load_params(tmp_path / f"params{suffix}")
            assert other.accuracy(x_test, t_test) == learned
    before = {name: array.copy() for name, array in net.params.items()}
    with pytest.raises(WeightsFileError, match="does not fit this DeepConvNet\n  W1: has shape"):
        net.load_params(saved(book.DeepConvNet(), tmp_path / "deep.npz"))
    assert all((array == before[name]).all() for name, array in net.params.items())


def saved(net, path):
    net.save_params(path)
    return path


def test_parameters_may_be_replaced_and_written_to():
    """The book's layered networks ignore a replaced array: they keep the one that they were given first."""
    net, x, t = book.TwoLayerNet(4, 3, 2), np.ones((1, 4)), np.array([1])
    before = net.predict(x)
    net.params["b2"] = net.params["b2"] + np.array([1.0, 2.0])
    close(net.predict(x), before + [1.0, 2.0])
    assert net.layers["Affine2"].b is net.params["b2"]
    net.params["b2"][...] = [3.0, 4.0]
    close(net.predict(x), before + [3.0, 4.0])
    net.params["b2"] -= 0.5 * net.gradient(x, t)["b2"]
    assert net.loss(x, t) < plain.SoftmaxWithLoss().forward(before + [3.0, 4.0], t)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_trainer_takes_the_books_optimizers(name):
    """An epoch of one batch is one update."""
    (x, t), _ = mg.data.load_digits()
    x, t = x[:20].astype(float), t[:20]
    mg.manual_seed(0)
    net, other = (book.TwoLayerNet(64, 5, 10, "he") for _ in range(2))
    other.params.update({key: array.copy() for key, array in net.params.items()})
    options = {"lr": 0.03} | OPTIMIZERS[name]
    trainer = book.Trainer(net, x, t, x, t, 3, 20, name.lower(), options, verbose=False)
    trainer.train()
    optimizer = getattr(book, name)(**options)
    for _ in range(3):
        optimizer.update(other.params, other.gradient(x, t))
    for key, array in net.params.items():
        close(array, other.params[key])


def test_words_for_networks():
    with pytest.raises(ValueError, match="MultiLayerNet: activation must be one of relu, sigmoid, got 'tanh'"):
        book.MultiLayerNet(4, [3], 2, activation="tanh")
    with pytest.raises(ValueError, match="TwoLayerNet: weight_init_std must be a number or one of relu, he"):
        book.TwoLayerNet(4, 3, 2, "normal")
    mg.manual_seed(0)
    for word, variance in (("relu", 2.0), ("He", 2.0), ("sigmoid", 1.0), ("xavier", 1.0)):
        W = book.MultiLayerNet(400, [400], 10, weight_init_std=word).params["W1"]
        assert W.var() * 400 == pytest.approx(variance, rel=0.02) and W.dtype == np.float64


PATHS = """common.functions common.gradient common.layers common.multi_layer_net common.multi_layer_net_extend
    common.optimizer common.trainer common.util dataset.mnist deep_convnet simple_convnet two_layer_net"""


@pytest.mark.parametrize("path", PATHS.split())
def test_the_books_import_paths(path):
    module = importlib.import_module(f"minigrad.interop.book.{path}")
    for name in module.__all__:
        assert name == "np" or getattr(module, name) is getattr(book, name), name


def test_stars_bring_numpy_as_the_books_do():
    for path in ("functions", "layers", "optimizer"):
        names = {}
        exec(f"from minigrad.interop.book.common.{path} import *", names)
        assert names["np"] is np
