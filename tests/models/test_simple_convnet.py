"""SimpleConvNet: the book's interface, its sizes, and its gradient beside naive loops and PyTorch."""

import pickle

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import ShapeError, WeightsFileError
from minigrad.models import SimpleConvNet
from tests.benchmarks.book_style import Network

SHAPES = {"W1": (30, 1, 5, 5), "b1": (30,), "W2": (480, 100), "b2": (100,), "W3": (100, 10), "b3": (10,)}


def small(std=0.5, **options):
    mg.manual_seed(0)
    net = SimpleConvNet((2, 7, 9), {"filter_num": 3, "filter_size": 4, "stride": 1, "pad": 0}, 5, 4, std, **options)
    return net.double()


def batch(n=6):
    rng = np.random.default_rng(1)
    return rng.standard_normal((n, 2, 7, 9)), rng.integers(0, 4, n)


def test_the_parameters_have_the_books_names_and_layouts():
    net = SimpleConvNet((1, 12, 12))
    assert {name: array.shape for name, array in net.params.items()} == SHAPES
    assert (
        SimpleConvNet().params["W2"].shape == (4320, 100) and sum(p.size for p in SimpleConvNet().params.values()) == 433_890
    )
    assert [type(m).__name__ for m in net.children()] == ["Conv2d", "ReLU", "MaxPool2d", "Linear", "ReLU", "Linear"]
    values = net.params["W1"]
    values[...] = 7  # a copy
    assert not (net.params["W1"] == 7).any()
    net.params["W2"] = np.arange(48_000.0).reshape(480, 100)
    assert net.fc1.weight.detach().numpy()[3, 2] == 203 and net.fc1.weight.dtype == np.float32
    with pytest.raises(ShapeError, match=r"params\['b1'\]: has shape \(3,\), expected \(30,\)"):
        net.params["b1"] = np.zeros(3)
    with pytest.raises(KeyError):
        net.params["W4"] = 3
    with pytest.raises(TypeError):
        del net.params["W1"]
    assert repr(net.params).startswith("{W1: (30, 1, 5, 5), b1: (30,)")


def test_the_gradient_agrees_with_differences():
    net, (x, t) = small(), batch(3)
    found = net.gradient(x, t)
    assert all(p.grad is None for p in net.parameters())
    for name, g in found.items():
        values = net.params[name]
        assert g.shape == values.shape and g.dtype == np.float64
        rng = np.random.default_rng(2)
        for _ in range(5):
            at = tuple(int(rng.integers(n)) for n in values.shape)
            losses = []
            for h in (1e-5, -1e-5):
                moved = values.copy()
                moved[at] += h
                net.params[name] = moved
                losses.append(net.loss(x, t).item())
            net.params[name] = values
            assert abs((losses[0] - losses[1]) / 2e-5 - g[at]) < 1e-8 + 1e-6 * abs(g[at])


def test_three_steps_follow_a_plain_implementation():
    mg.manual_seed(0)
    net = SimpleConvNet((1, 28, 28)).double()
    rng = np.random.default_rng(3)
    x, t = rng.random((4, 1, 28, 28)), rng.integers(0, 10, 4)
    naive = Network(dict(net.params), np.float64)
    optimizer = mg.optim.Adam(net.parameters())
    for _ in range(3):
        optimizer.zero_grad()
        loss = net.loss(x, t)
        loss.backward()
        optimizer.step()
        assert abs(loss.item() - naive.step(x, t)) < 1e-12
    for mine, (p, _) in zip(("W1", "W2", "W3"), ((layer.params) for layer in naive.layers if layer.params), strict=True):
        np.testing.assert_allclose(net.params[mine], p, rtol=1e-6, atol=1e-12)


def test_one_hot_labels_mean_the_same():
    net, (x, t) = small(), batch()
    one_hot = np.eye(4)[t]
    assert net.loss(x, t).item() == net.loss(x, one_hot).item() and net.accuracy(x, t) == net.accuracy(x, one_hot)


@pytest.mark.parametrize("size", [1, 4, 5, 6, 100])
def test_accuracy_counts_every_image_once(size):
    net, (x, t) = small(), batch()
    assert net.accuracy(x, t, size) == np.mean(net.predict(x).argmax(1) == t)
    with pytest.raises(ValueError, match="no images"):
        net.accuracy(x[:0], t[:0])


def test_predict_records_nothing_and_gives_an_array():
    net, (x, _) = small(), batch()
    assert type(net.predict(x)) is np.ndarray and net.predict(x).shape == (6, 4)
    np.testing.assert_array_equal(net.predict(x), net(mg.tensor(x)).detach().numpy())


@pytest.mark.parametrize(
    "conv, hidden",
    [({"pad": 2}, 30 * 4 * 4), ({"filter_size": 3, "stride": 2, "pad": 1}, 30 * 2 * 2), ({"filter_num": 4}, 16)],
)
def test_pad_and_stride_count_in_the_sizes(conv, hidden):
    net = SimpleConvNet((1, 8, 8) if "stride" not in conv else (1, 7, 7), conv)
    assert net.fc1.in_features == hidden
    assert net(np.zeros((1, *((1, 8, 8) if "stride" not in conv else (1, 7, 7))), np.float32)).shape == (1, 10)


@pytest.mark.parametrize(
    "options, error, says",
    [
        ({"input_dim": (28, 28)}, ShapeError, r"\(C, H, W\)"),
        ({"input_dim": (1, 28, 28), "conv_param": {"stride": 2}}, ShapeError, r"\(28 \+ 2\*0 - 5\)/2 \+ 1 = 12.5"),
        ({"input_dim": (1, 7, 7)}, ShapeError, "pooling"),
        ({"conv_param": {"filter_nun": 3}}, ValueError, "did you mean 'filter_num'"),
        ({"weight_init_std": "hee"}, ValueError, "weight_init_std must be a number or one of relu, he"),
    ],
)
def test_what_it_refuses(options, error, says):
    with pytest.raises(error, match=says):
        SimpleConvNet(**options)


@pytest.mark.parametrize("std, expected", [(0.02, 0.02), ("he", (2 / 480) ** 0.5), ("xavier", (1 / 480) ** 0.5)])
def test_initial_spread(std, expected):
    mg.manual_seed(0)
    net = SimpleConvNet((1, 12, 12), weight_init_std=std)
    assert abs(net.params["W2"].std() / expected - 1) < 0.02 and not net.params["b2"].any()


def test_parameters_in_files(tmp_path):
    a, b = small(), small(std=0.1)
    a.save_params(tmp_path / "params.npz")
    b.load_params(tmp_path / "params.npz")
    assert all((a.params[k] == b.params[k]).all() for k in a.params)
    (tmp_path / "params.pkl").write_bytes(pickle.dumps(dict(small(std=0.3).params), 3))
    b.load_params(tmp_path / "params.pkl")
    assert (b.params["W1"] == small(std=0.3).params["W1"]).all()
    a.save_params(tmp_path / "params.pkl")  # the book's name, and no pickle
    b.load_params(tmp_path / "params.pkl")
    assert (b.params["W1"] == a.params["W1"]).all()
    with pytest.raises(ValueError, match=r"\.npz"):
        a.save_params(tmp_path / "params.zip")


def test_parameters_that_do_not_fit_change_nothing(tmp_path):
    net = small()
    before = dict(net.params)
    mg.serialization.save_npz(
        tmp_path / "p.npz", {**{k: v for k, v in before.items() if k != "b3"}, "W1": np.zeros(3), "x": np.zeros(1)}
    )
    with pytest.raises(WeightsFileError) as error:
        net.load_params(tmp_path / "p.npz")
    for says in ("b3: missing", "x: unexpected", "W1: has shape (3,), the network (3, 2, 4, 4)"):
        assert says in str(error.value)
    assert all((net.params[k] == before[k]).all() for k in before)


def test_pytorch_agrees_for_five_steps():
    torch = pytest.importorskip("torch")
    net, (x, t) = small(), batch()
    layers = [torch.nn.Conv2d(2, 3, 4), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(),
              torch.nn.Linear(18, 5), torch.nn.ReLU(), torch.nn.Linear(5, 4)]  # fmt: skip
    peer = torch.nn.Sequential(*layers).double()
    with torch.no_grad():
        for mine, theirs in zip(net.parameters(), peer.parameters(), strict=True):
            theirs.copy_(torch.tensor(mine.detach().numpy().copy()))
    ours, others = mg.optim.Adam(net.parameters(), lr=0.01), torch.optim.Adam(peer.parameters(), lr=0.01)
    for _ in range(5):
        loss = net.loss(x, t)
        ours.zero_grad()
        loss.backward()
        expected = torch.nn.functional.cross_entropy(peer(torch.tensor(x)), torch.tensor(t))
        others.zero_grad()
        expected.backward()
        assert abs(loss.item() - expected.item()) < 1e-12
        for mine, theirs in zip(net.parameters(), peer.parameters(), strict=True):
            np.testing.assert_allclose(mine.grad.numpy(), theirs.grad.numpy(), rtol=1e-9, atol=1e-14)
        ours.step()
        others.step()
