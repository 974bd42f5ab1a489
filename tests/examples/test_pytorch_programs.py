"""Programs written for PyTorch run here with only their import lines changed; with those changed back, they run there."""

import gzip
import hashlib
import re
import struct
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad.data import datasets, mnist

EXAMPLES = Path(__file__).parents[2] / "examples"
IMPORT = re.compile(r"^(import|from) minigrad\b(.*)$", re.MULTILINE)


def program(name, pytorch=False):
    """The names that a program defines, here or with PyTorch."""
    source = (EXAMPLES / f"pytorch_{name}.py").read_text()
    if pytorch:
        pytest.importorskip("torch")
        source = IMPORT.sub(r"\1 torch\2", source).replace("from torch.data import", "from torch.utils.data import")
        assert "minigrad" not in source and source.count("\n") == (EXAMPLES / f"pytorch_{name}.py").read_text().count("\n")
    names = {"__name__": f"pytorch_{name}"}
    exec(compile(source, name, "exec"), names)
    return names


def test_the_regression_learns_as_in_pytorch(capsys):
    losses = program("regression")["main"](epochs=12)
    assert losses[-1] < losses[0] / 4 and "rates [" in capsys.readouterr().out
    assert losses == pytest.approx(program("regression", pytorch=True)["main"](epochs=12), rel=1e-4)


def test_the_function_learns_as_in_pytorch():
    losses = program("function")["main"](steps=200)
    assert losses[-1] < losses[0] / 2
    assert losses == pytest.approx(program("function", pytorch=True)["main"](steps=200), rel=1e-4)


@pytest.mark.parametrize("pytorch", [False, True], ids=["minigrad", "torch"])
def test_the_autoencoder_learns_to_draw_bars(pytorch):
    losses, sample = program("vae", pytorch)["main"](steps=250)
    assert losses[0] == pytest.approx(16 * np.log(2), rel=0.1) and losses[-1] < 8
    images = np.asarray(sample.numpy() if hasattr(sample, "numpy") else sample)
    assert images.shape == (5, 4, 4) and images.min() >= 0 and images.max() <= 1


@pytest.mark.parametrize("pytorch", [False, True], ids=["minigrad", "torch"])
def test_the_networks_of_the_gan_learn_from_each_other(pytorch):
    history, fake = program("dcgan", pytorch)["main"](steps=6)
    assert tuple(fake.shape) == (16, 1, 16, 16) and np.isfinite(np.array(history)).all()
    assert history[0][0] == pytest.approx(2 * np.log(2), abs=0.2) and history[-1][0] < history[0][0] - 0.1


def test_one_step_of_the_gan_is_pytorchs():
    """Both networks from the same weights and noise: the same losses, and the same gradients in all layers."""
    torch = pytest.importorskip("torch")
    ours, theirs = program("dcgan"), program("dcgan", pytorch=True)
    nets = [(names["Generator"]().double(), names["Discriminator"]().double()) for names in (ours, theirs)]
    for mine, other in zip(*nets, strict=True):
        other.load_state_dict(mg.interop.to_torch(mine.state_dict()))
    z = np.random.default_rng(0).standard_normal((4, 8, 1, 1))
    for lib, (generator, discriminator) in zip((mg, torch), nets, strict=True):
        score = discriminator(generator(lib.tensor(z, dtype=lib.float64)))
        lib.nn.BCELoss()(score, lib.ones(4, dtype=lib.float64)).backward()
    for mine, other in zip(*nets, strict=True):
        for (name, p), q in zip(mine.named_parameters(), other.parameters(), strict=True):
            np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-8, atol=1e-13, err_msg=name)


@pytest.mark.parametrize("pytorch", [False, True], ids=["minigrad", "torch"])
def test_the_recurrent_network_learns_to_write(pytorch, capsys):
    losses = program("charrnn", pytorch)["main"](steps=60)
    assert losses[0] > 2.8 and losses[-1] < 2 and capsys.readouterr().out.splitlines()[1].startswith("h")


def test_the_recurrent_network_is_pytorchs():
    """From the same weights, over two batches with the state carried on: scores, state and gradients."""
    torch = pytest.importorskip("torch")
    nets = [program("charrnn", pytorch)["CharRNN"](9, 4, 5, dropout=0.0).double() for pytorch in (False, True)]
    nets[1].load_state_dict(mg.interop.to_torch(nets[0].state_dict()))
    found = []
    for lib, net in zip((mg, torch), nets, strict=True):
        x, state = lib.tensor(np.random.default_rng(0).integers(0, 9, (3, 7))), None
        for _ in range(2):
            logits, state = net(x, state)
        lib.nn.functional.cross_entropy(logits.transpose(1, 2), x).backward()
        found.append([logits, *state, *(p.grad for p in net.parameters())])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-9, atol=1e-13)


def small_mnist(folder, monkeypatch):
    """The bundled digits in MNIST's size and format, where the program looks for MNIST."""
    (x, t), (x_test, t_test) = mg.data.load_digits(normalize=False, flatten=False)
    files = {}
    for part, prefix, images, labels in (
        ("train", "train", x[:576, 0], t[:576]),
        ("test", "t10k", x_test[:100, 0], t_test[:100]),
    ):
        images = np.pad(images.repeat(3, 1).repeat(3, 2) * 15, ((0, 0), (2, 2), (2, 2))).astype(np.uint8)
        entries = []
        for name, array in (
            (f"{prefix}-images-idx3-ubyte", images),
            (f"{prefix}-labels-idx1-ubyte", labels.astype(np.uint8)),
        ):
            payload = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()
            path = folder / "MNIST" / "raw" / f"{name}.gz"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(gzip.compress(payload, 1))
            entries.append(mnist.File(name, hashlib.sha256(payload).hexdigest()))
        files[part] = tuple(entries)
    monkeypatch.setattr(datasets.MNIST, "source", mnist.MNIST._replace(files=files))


def test_the_convnet_learns_digits(tmp_path, monkeypatch, capsys):
    small_mnist(tmp_path, monkeypatch)
    names = program("mnist")
    weights = tmp_path / "mnist_cnn.npz"
    accuracy = names["main"](
        ["--root", str(tmp_path), "--epochs", "3", "--batch-size", "32", "--lr", "3e-3", "--save", str(weights)]
    )
    assert accuracy > 0.8 and capsys.readouterr().out.splitlines()[0].startswith("epoch 1 [0/576] loss 2.")
    again = names["Net"]()
    again.load_state_dict(mg.load(weights))
    assert again.bn1.num_batches_tracked.item() == 54


def test_the_convnet_is_pytorchs():
    """The network alone: its state travels, its scores agree in training and in evaluation."""
    torch = pytest.importorskip("torch")
    source = (EXAMPLES / "pytorch_mnist.py").read_text()
    body = source[source.index("class Net") : source.index("def train")]
    nets = []
    for lib in (mg, torch):
        names = {"torch": lib, "nn": lib.nn, "F": lib.nn.functional}
        exec(body, names)
        nets.append(names["Net"]().double())
        nets[-1].dropout.p = 0.0
    nets[1].load_state_dict(mg.interop.to_torch(nets[0].state_dict()))
    x = np.random.default_rng(0).standard_normal((3, 1, 28, 28))
    for mode in (True, False):
        out = [
            net.train(mode)(lib.tensor(x, dtype=lib.float64)).detach().numpy()
            for lib, net in zip((mg, torch), nets, strict=True)
        ]
        np.testing.assert_allclose(*out, rtol=1e-9)
