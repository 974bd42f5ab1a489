"""Programs written for PyTorch run here with only their import lines changed; with those changed back, they run there."""

import gzip
import hashlib
import itertools
import re
import struct
import sys
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad.data import datasets, mnist

EXAMPLES = Path(__file__).parents[2] / "examples"
DIGITS = "from minigrad.data import load_digits"  # arrays, for PyTorch, too
IMPORT = re.compile(rf"^(?!{re.escape(DIGITS)})(import|from) minigrad\b(.*)$", re.MULTILINE)
BRIDGE = "from torch.interop.einops import Rearrange, rearrange, repeat"
EINOPS = "from einops import rearrange, repeat; from einops.layers.torch import Rearrange"
each_library = pytest.mark.parametrize("pytorch", [False, True], ids=["minigrad", "torch"])


def program(name, pytorch=False):
    """The names that a program defines, here or with PyTorch."""
    source = (EXAMPLES / f"pytorch_{name}.py").read_text()
    if pytorch:
        pytest.importorskip("torch")
        source = IMPORT.sub(r"\1 torch\2", source).replace("from torch.data import", "from torch.utils.data import")
        source = source.replace(BRIDGE, EINOPS)
        assert "minigrad" not in source.replace(DIGITS, "")
        assert source.count("\n") == (EXAMPLES / f"pytorch_{name}.py").read_text().count("\n")
    names = {"__name__": f"pytorch_{name}"}
    exec(compile(source, name, "exec"), names)
    return names


def pair(name):
    """The names of a program here and with PyTorch, and the libraries."""
    torch = pytest.importorskip("torch")
    return (program(name), program(name, pytorch=True)), (mg, torch)


def same_numbers(found, rtol=1e-9):
    """Lists of tensors, one of each library, agree."""
    for i, (a, b) in enumerate(zip(*found, strict=True)):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=rtol, atol=1e-12, err_msg=f"result {i}")


def test_the_regression_learns_as_in_pytorch(capsys):
    losses = program("regression")["main"](epochs=12)
    assert losses[-1] < losses[0] / 4 and "rates [" in capsys.readouterr().out
    assert losses == pytest.approx(program("regression", pytorch=True)["main"](epochs=12), rel=1e-4)


def test_the_function_learns_as_in_pytorch():
    losses = program("function")["main"](steps=200)
    assert losses[-1] < losses[0] / 2
    assert losses == pytest.approx(program("function", pytorch=True)["main"](steps=200), rel=1e-4)


@each_library
def test_the_autoencoder_learns_to_draw_bars(pytorch):
    losses, sample = program("vae", pytorch)["main"](steps=250)
    assert losses[0] == pytest.approx(16 * np.log(2), rel=0.1) and losses[-1] < 8
    images = np.asarray(sample.numpy() if hasattr(sample, "numpy") else sample)
    assert images.shape == (5, 4, 4) and images.min() >= 0 and images.max() <= 1


@each_library
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


@each_library
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


@each_library
def test_names_are_learned_from_letters_written_one_by_one(pytorch, capsys):
    names = program("elements", pytorch)
    x = names["one_hot"]("tin")
    np.testing.assert_array_equal(x[:, 0].numpy(), np.eye(26)[[19, 8, 13]])
    losses, found = names["main"](steps=300)
    assert np.mean(losses[:20]) > 2.7 and np.mean(losses[-60:]) < 2.3  # 2.6 with inputs of zeros
    assert [name[0] for name in found] == list("abcdefghijklmnopqrst") and max(map(len, found)) <= 14
    assert "guess among 27 classes has 3.296" in capsys.readouterr().out


def test_steps_of_the_network_of_names_are_pytorchs():
    programs, libraries = pair("elements")
    nets = [names["RNN"](5) for names in programs]
    nets[1].load_state_dict(mg.interop.to_torch(nets[0].state_dict()))
    losses = [
        [names["train"](net, lib.nn.NLLLoss(), name, lr=0.1) for name in ("tin", "boron", "zinc")]
        for names, lib, net in zip(programs, libraries, nets, strict=True)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    same_numbers([list(net.parameters()) for net in nets], rtol=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_the_random_field_sums_over_all_paths_and_finds_the_best(seed):
    """Beside every path of four words, scored one by one."""
    names = program("crf")
    words, start, stop = ["add", "the", "brown", "rice"], names["START"], names["STOP"]
    mg.manual_seed(seed)
    model = names["BiLSTM_CRF"](words).double()
    feats, steps = model.features(words), model.transitions.detach().numpy()
    scores = {
        tags: steps[tags[0], start] + sum(steps[b, a] for a, b in itertools.pairwise(tags)) + steps[stop, tags[-1]]
        + feats.detach().numpy()[range(4), tags].sum()
        for tags in itertools.product(range(7), repeat=4)
    }  # fmt: skip
    total = np.logaddexp.reduce(list(scores.values()))
    assert model.log_partition(feats).item() == pytest.approx(total, rel=1e-12)
    for tags in ((0, 3, 4, 4), (2, 4, 0, 1)):
        assert model.score(feats, list(tags)).item() == pytest.approx(scores[tags], rel=1e-12)
    score, path = model(words)
    assert tuple(path) == max(scores, key=scores.get) and score.item() == pytest.approx(max(scores.values()), rel=1e-12)


@each_library
def test_the_random_field_learns_to_tag(pytorch, capsys):
    names = program("crf", pytorch)
    losses, share, model = names["main"](epochs=8)
    assert losses[0] > 8 and losses[-1] < 0.8 and share > 0.8
    before, inside = [names["START"], 0, 1, 2, 3, 4], {2: (1, 2), 4: (3, 4)}
    steps = np.asarray(model.transitions.detach())
    for tag in range(7):  # what was written stays: no step to the start, from the stop, or into the middle
        for last in range(7):
            forbidden = tag == names["START"] or last not in before or (tag in inside and last not in inside[tag])
            assert (steps[tag, last] < -9000) == forbidden, (tag, last)
    assert "add/O three/B-Q spoons/I-Q of/O brown/B-F sugar/I-F" in capsys.readouterr().out


def test_the_random_field_is_pytorchs():
    programs, _ = pair("crf")
    words, tags = programs[0]["sentences"](programs[0]["RECIPES"])[2]
    mg.manual_seed(0)
    models = [names["BiLSTM_CRF"](sorted(words)).double() for names in programs]
    models[1].load_state_dict(mg.interop.to_torch(models[0].state_dict()))
    found, paths = [], []
    for model in models:
        loss = model.loss(words, tags)
        loss.backward()
        score, path = model(words)
        found.append([loss, score, *(p.grad for p in model.parameters())])
        paths.append(path)
    same_numbers(found)
    assert paths[0] == paths[1]


def test_lbfgs_finds_the_minimum_of_a_logistic_regression(capsys):
    best, descent = program("logistic")["main"]().values()
    assert best.slope() < 1e-5 and best.accuracy() > 0.97 and len(best.history) < 160
    assert descent.history[-1] > best.history[-1] + 0.02
    assert "L-BFGS, 1" in capsys.readouterr().out


def test_lbfgs_asks_for_the_losses_that_pytorchs_asks_for():
    programs, _ = pair("logistic")
    ours, theirs = (names["lbfgs"](40).history for names in programs)
    assert ours == pytest.approx(theirs, rel=1e-9) and len(ours) > 40


@each_library
def test_the_critic_with_a_gradient_penalty_teaches_to_draw(pytorch, capsys):
    history, halves, norm, drawn = program("wgan", pytorch)["main"](steps=60)
    assert tuple(drawn.shape)[1:] == (64,) and 1 < halves < 1.4
    assert min(history[0]) > 3 and history[-1][0] < 1.4 and history[-1][1] < 1.8
    assert norm == pytest.approx(1, abs=0.15)
    assert len(capsys.readouterr().out.splitlines()) == 1 + 6 + 1 + 8


def test_the_gradient_penalty_is_pytorchs():
    """At images that are both real and drawn: then the random point between them is the same."""
    programs, libraries = pair("wgan")
    critics = [names["critic"](6).double() for names in programs]
    critics[1].load_state_dict(mg.interop.to_torch(critics[0].state_dict()))
    x, found = np.random.default_rng(0).random((5, 64)), []
    for names, lib, D in zip(programs, libraries, critics, strict=True):
        images = lib.tensor(x, dtype=lib.float64)
        loss = names["critic_loss"](D, images, images)
        loss.backward()
        found.append([names["gradient_norms"](D, images, images), loss, *(p.grad for p in D.parameters())])
    same_numbers(found)
    assert abs(found[0][2]).sum().item() > 0.1  # the penalty's gradient by the weights: a second derivative


@each_library
def test_gradients_of_single_examples_are_those_of_a_loop(pytorch):
    names = program("privacy", pytorch)
    gap, accuracies = names["main"](steps=20)
    assert gap < 1e-6 and accuracies[0.0] > 0.45 and accuracies[0.0] > accuracies[3.0] + 0.1


def test_each_gradient_is_clipped_for_itself():
    names = program("privacy")
    gradients = {"a": mg.tensor([[3.0, 0.0], [0.3, 0.0]]), "b": mg.tensor([[[4.0]], [[0.4]]])}
    assert names["norms_of"](gradients).tolist() == pytest.approx([5.0, 0.5])
    clipped = names["clip"](gradients, 1.0)
    np.testing.assert_allclose(clipped["a"].numpy(), [[0.6, 0.0], [0.3, 0.0]], rtol=1e-6)
    np.testing.assert_allclose(clipped["b"].numpy(), [[[0.8]], [[0.4]]], rtol=1e-6)


def test_gradients_of_single_examples_are_pytorchs():
    programs, libraries = pair("privacy")
    models = [names["network"](5).double() for names in programs]
    models[1].load_state_dict(mg.interop.to_torch(models[0].state_dict()))
    rng, found = np.random.default_rng(0), []
    x, t = rng.random((4, 64)), rng.integers(0, 10, 4)
    for names, lib, model in zip(programs, libraries, models, strict=True):
        gradients = names["per_example_gradients"](model, lib.tensor(x), lib.tensor(t))
        found.append([*gradients.values(), *names["clip"](gradients, 0.7).values()])
    same_numbers(found)


@each_library
def test_the_vision_transformer_learns_digits(pytorch, capsys):
    pytest.importorskip("einops", reason="einops is not installed: pip install einops")
    losses, accuracy = program("vit", pytorch)["main"](epochs=4)
    assert losses[0] > 2 > 1.3 > losses[-1] and accuracy > 0.55
    assert capsys.readouterr().out.splitlines()[-1] == "18026 parameters"


def test_the_vision_transformer_is_pytorchs():
    pytest.importorskip("einops", reason="einops is not installed: pip install einops")
    programs, libraries = pair("vit")
    models = [names["ViT"](dim=8, heads=2).double() for names in programs]
    models[1].load_state_dict(mg.interop.to_torch(models[0].state_dict()))
    x, found = np.random.default_rng(0).random((3, 1, 8, 8)), []
    for lib, model in zip(libraries, models, strict=True):
        scores = model(lib.tensor(x))
        lib.nn.functional.cross_entropy(scores, lib.tensor([3, 1, 4])).backward()
        found.append([scores, *(p.grad for p in model.parameters())])
    same_numbers(found)


def test_the_vision_transformer_says_that_it_needs_einops(monkeypatch):
    monkeypatch.setitem(sys.modules, "einops", None)
    monkeypatch.delitem(sys.modules, "minigrad.interop.einops", raising=False)
    with pytest.raises(ModuleNotFoundError, match=r"needs einops\n  hint: pip install einops"):
        program("vit")
