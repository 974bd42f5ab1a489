"""The programs of examples/book in a small size: what each is to show, and its picture."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg

plt = pytest.importorskip("matplotlib.pyplot")
BOOK = Path(__file__).parents[2] / "examples" / "book"
PROGRAMS = [
    "batch_norm", "dropout", "filters", "half_precision", "hyperparameters", "misclassified", "optimizers", "weight_init",
]  # fmt: skip


@pytest.fixture(autouse=True)
def no_windows():
    plt.switch_backend("agg")
    yield
    plt.close("all")


def load(name):
    spec = importlib.util.spec_from_file_location(f"examples_book_{name}", BOOK / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def drawn(figure):
    """The axes of a figure that can be drawn."""
    figure.canvas.draw()
    return figure.axes


def test_every_program_is_here_with_its_picture():
    assert sorted(path.stem for path in BOOK.glob("*.py")) == PROGRAMS == sorted(path.stem for path in BOOK.glob("*.png"))


def test_optimizers():
    program = load("optimizers")
    paths = {name: program.path(name) for name in program.OPTIMIZERS}
    for name, points in paths.items():
        assert points.shape == (31, 2) and program.valley(*points[-1]) < 0.15, name
    assert (np.diff(np.sign(paths["SGD"][:20, 1])) != 0).all()  # from one side of the valley to the other, each time
    curves = {name: program.losses(name, steps=40) for name in program.OPTIMIZERS}
    assert curves["SGD"][-1] > max(curves[name][-1] for name in ("Momentum", "AdaGrad", "Adam"))
    assert len(drawn(program.draw(paths, curves))) == 5


def test_weight_init():
    program = load("weight_init")
    cases = {name: program.activations(*case, samples=100) for name, case in program.CASES.items()}
    spread = {name: [layer.std() for layer in layers] for name, layers in cases.items()}
    assert min(spread["sigmoid, std 1"]) > 0.4 and max(spread["sigmoid, std 0.01"]) < 0.03
    assert spread["ReLU, std 0.01"][-1] < 1e-4 and spread["ReLU, Xavier"][-1] < spread["ReLU, Xavier"][0] / 2
    assert 0.5 < spread["ReLU, He"][-1] / spread["ReLU, He"][0] < 2
    assert len(drawn(program.draw(cases))) == 6 * program.DEPTH


def test_dropout():
    program = load("dropout")
    results = {dropout: program.accuracies(dropout, epochs=60) for dropout in (0.0, 0.5)}
    (train, test), (train_dropped, test_dropped) = (np.array(curves)[:, -5:].mean(1) for curves in results.values())
    assert train > train_dropped and test < test_dropped and train - test > train_dropped - test_dropped + 0.1
    (_, t), _ = program.digits(400)
    assert 0.15 < (t != mg.data.load_digits()[0][1][:400]).mean() < 0.3
    assert len(drawn(program.draw(results))) == 2


def test_batch_norm():
    program = load("batch_norm")
    cases = {"with batch normalization": True, "without": False}
    results = {std: {name: program.accuracies(std, on, 300, 4) for name, on in cases.items()} for std in program.SCALES[::4]}
    assert results[0.01]["with batch normalization"][-1] > 0.6 > 0.3 > results[0.01]["without"][-1]
    assert len(results[1.0]["without"]) < 4  # its loss was not finite
    assert len(drawn(program.draw(results | dict.fromkeys(range(2, 8), results[0.01])))) == 9


def test_hyperparameters():
    program = load("hyperparameters")
    rows = program.search(trials=6, images=200, epochs=4)
    assert rows.shape == (6, 3) and (rows[:, 0] >= 1e-5).all() and (rows[:, 0] <= 10**-0.5).all()
    assert rows[rows[:, 0].argmax(), 2] > rows[rows[:, 0].argmin(), 2]
    assert len(drawn(program.draw(rows))) == 2


def test_filters():
    program = load("filters")
    kernels, image = program.learned(epochs=1, filters=4), program.scene(32)
    assert kernels.shape == (4, 1, 5, 5) and image.shape == (1, 1, 32, 32) and 0.1 < image.mean() < 0.6
    assert len(drawn(program.draw(kernels, image))) == 1 + 2 * 4


def test_misclassified():
    program = load("misclassified")
    images, classes, probabilities = program.mistakes(epochs=2)
    assert 0 < len(images) < 150 and images.shape[1:] == (8, 8)
    assert (probabilities.argmax(1) != classes).all()
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)
    figure = program.draw(images, classes, probabilities, most=7)
    assert len(drawn(figure)) == 10 and sum(bool(axes.images) for axes in figure.axes) == 7
    drawn(program.draw(images[:0], classes[:0], probabilities[:0]))  # nothing wrong


def test_half_precision():
    program = load("half_precision")
    single, half, t, size = program.compare(epochs=2)
    assert single.dtype == np.float32 and half.dtype == np.float16 and size[0] == 2 * size[1]
    assert 0 < abs(single - half).max() < 0.05 and (single.argmax(1) == half.argmax(1)).mean() > 0.98
    assert len(drawn(program.draw(single, half, t, size))) == 2
