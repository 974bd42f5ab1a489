"""The book's programs run with their imports changed: those in the folder $MINIGRAD_BOOK, and small ones written here."""

import os
import re

import pytest

from minigrad.serialization import load_pickled_params
from tests.interop import book_programs

pytest.importorskip("matplotlib")  # and Pillow with it
FOLDER = os.environ.get("MINIGRAD_BOOK", "")
PROGRAMS = book_programs.programs(FOLDER) if FOLDER else []
# What a program must print, where more can be said of it than that it ran.
PRINTED = {
    "ch03/mnist_show.py": r"^5\n\(784,\)\n\(28, 28\)\n$",
    "ch03/neuralnet_mnist.py": r"^Accuracy:0\.\d+\n$",
    "ch04/gradient_1d.py": r"^0\.1999999999990898\n",
    "ch05/buy_apple.py": r"^price: 220\ndApple: 2\.2\ndApple_num: 110\ndTax: 200\n$",
    "ch05/buy_apple_orange.py": r"^price: 715\ndApple: 2\.2\ndApple_num: 110\ndOrange: 3\.3\d*\ndOrange_num: 165\n",
    "ch06/batch_norm_test.py": r"epoch:1 \| 0\.\d+ - 0\.\d+\n$",
    "ch07/train_convnet.py": r"Saved Network Parameters!\n$",
    "ch08/half_float_network.py": r"\(float64\) \.\.\. \n0\.\d+\n.*\(float16\) \.\.\. \n0\.\d+\n$",
    "ch08/train_deepnet.py": r"Saved Network Parameters!\n$",
}
# The largest difference between gradients that a program may print. The one of batch normalization has a batch of one, whose
# normalized values are all 0, where ReLU has its kink.
DIFFERENCES = {"ch05/gradient_check.py": 1e-6, "ch07/gradient_check.py": 1e-6}


@pytest.fixture(scope="module")
def copies(tmp_path_factory):
    """The folder converted in both ways, by whether networks are ours."""
    found = {}
    for own in (True, False):
        found[own] = tmp_path_factory.mktemp("book")
        book_programs.prepare(FOLDER, found[own], own_networks=own)
    return found


@pytest.mark.skipif(not FOLDER, reason="set MINIGRAD_BOOK to a folder with the book's public code")
@pytest.mark.parametrize("own", [True, False], ids=["our-networks", "networks-of-the-folder"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_runs(name, own, copies):
    target = copies[own]
    if not own:
        text = (target / name).read_text("utf-8")
        if text == (copies[True] / name).read_text("utf-8"):
            pytest.skip("the same program in both ways")
    done = book_programs.run(target, name)
    assert done.returncode == 0, done.stderr
    assert re.search(PRINTED.get(name, ""), done.stdout, re.S), done.stdout
    if name in DIFFERENCES:
        differences = [float(line.split(":" if ":" in line else " ")[1]) for line in done.stdout.splitlines()]
        assert len(differences) >= 4 and max(differences) < DIFFERENCES[name], done.stdout


@pytest.mark.skipif(not FOLDER, reason="set MINIGRAD_BOOK to a folder with the book's public code")
def test_every_chapter_is_there():
    assert {name[:4] for name in PROGRAMS} == {"ch03", "ch04", "ch05", "ch06", "ch07", "ch08"}
    assert PRINTED.keys() | DIFFERENCES.keys() <= set(PROGRAMS)


# Programs in the book's manner, so that the conversion is tested where the book's code is not at hand.
SMALL = {
    "ch04/net.py": """
import sys, os
sys.path.append(os.pardir)
from common.functions import *
from common.gradient import numerical_gradient
from dataset.mnist import load_mnist
(x_train, t_train), (x_test, t_test) = load_mnist(normalize=True, one_hot_label=True)
iters_num = 10000
W = np.zeros((2, 3))
f = lambda w: cross_entropy_error(softmax(np.dot(np.array([0.6, 0.9]), W)), np.array([0, 0, 1]))
print(x_train.shape, t_test.shape, iters_num, numerical_gradient(f, W)[0].round(3).astype(float))
""",
    "ch05/train.py": """
import numpy as np
from dataset.mnist import load_mnist
from two_layer_net import TwoLayerNet
(x, t), _ = load_mnist()
network = TwoLayerNet(input_size=784, hidden_size=20, output_size=10)
before = network.loss(x, t)
for i in range(30):
    grad = network.gradient(x, t)
    for key in ('W1', 'b1', 'W2', 'b2'):
        network.params[key] -= 0.5 * grad[key]
print(network.loss(x, t) < before, type(network).__module__)
""",
    "ch05/two_layer_net.py": """
from common.layers import *
class TwoLayerNet:
    def __init__(self, input_size, hidden_size, output_size):
        self.params = {'W1': 0.1 * np.random.randn(input_size, hidden_size), 'b1': np.zeros(hidden_size),
                       'W2': 0.1 * np.random.randn(hidden_size, output_size), 'b2': np.zeros(output_size)}
        p = self.params
        self.layers = [Affine(p['W1'], p['b1']), Relu(), Affine(p['W2'], p['b2'])]
        self.last = SoftmaxWithLoss()
    def loss(self, x, t):
        for layer in self.layers:
            x = layer.forward(x)
        return self.last.forward(x, t)
    def gradient(self, x, t):
        self.loss(x, t)
        dout = self.last.backward(1)
        for layer in self.layers[::-1]:
            dout = layer.backward(dout)
        first, _, second = self.layers
        return {'W1': first.dW, 'b1': first.db, 'W2': second.dW, 'b2': second.db}
""",
    "ch07/filters.py": """
import matplotlib.pyplot as plt
from matplotlib.image import imread
from simple_convnet import SimpleConvNet
from common.layers import Convolution
network = SimpleConvNet()
network.load_params("params.pkl")
img = imread('../dataset/lena_gray.png')
out = Convolution(network.params['W1'][:1], 0).forward(img.reshape(1, 1, *img.shape))
network.save_params("params.pkl")
network.load_params("params.pkl")
plt.imshow(out[0, 0])
plt.show()
print(out.shape)
""",
    "ch07/simple_convnet.py": "raise ImportError('the one in this folder')\n",
    "ch08/half.py": """
import numpy as np
from deep_convnet import DeepConvNet
from dataset.mnist import load_mnist
(x, t), (x_test, t_test) = load_mnist(flatten=False)
network = DeepConvNet()
network.load_params("deep_convnet_params.pkl")
before = network.accuracy(x_test, t_test)
for param in network.params.values():
    param[...] = param.astype(np.float16)
print(abs(before - network.accuracy(x_test.astype(np.float16), t_test)) < 0.02, network.params['W1'].ravel()[0])
""",
}


def test_small_programs_run(tmp_path, monkeypatch):
    monkeypatch.delenv("MINIGRAD_DATA", raising=False)
    source, target = tmp_path / "book", tmp_path / "run"
    for name, text in SMALL.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    book_programs.prepare(source, target)
    printed = {}
    for name in SMALL:
        if "_" not in name:
            done = book_programs.run(target, name)
            assert done.returncode == 0, done.stderr
            printed[name] = done.stdout.strip()
    assert printed["ch04/net.py"] == "(600, 784) (300, 10) 12 [ 0.2  0.2 -0.4]"
    assert printed["ch05/train.py"] == "True minigrad.interop.book.two_layer_net"
    assert printed["ch07/filters.py"] == "(1, 1, 60, 60)"
    changed = load_pickled_params(target / "ch08" / "deep_convnet_params.pkl")["W1"].ravel()[0]
    assert printed["ch08/half.py"] == f"True {float(changed.astype('f2'))}"
    book_programs.prepare(source, target, own_networks=False)
    done = book_programs.run(target, "ch05/train.py")
    assert done.stdout.strip() == "True two_layer_net", done.stderr
    assert book_programs.main([str(source), "ch07/filters.py", "--networks", "of-the-folder"]) == 1
    assert book_programs.main([str(source), "ch05/train.py", "ch04/net.py", "--networks", "of-the-folder"]) == 0


def test_the_weights_that_are_made_up_are_read_without_unpickling(tmp_path):
    for name in book_programs.weights():
        (tmp_path / name).parent.mkdir()
    book_programs.prepare(tmp_path, tmp_path / "copy")
    for name, shapes in book_programs.weights().items():
        found = load_pickled_params(tmp_path / "copy" / name)
        assert [found[f"W{i}"].shape for i in range(1, len(shapes) + 1)] == shapes


def test_nothing_but_imports_is_converted():
    text = "from common.layers import *\nx = 'from common.layers'\n    from dataset.mnist import load_mnist\nepochs=20\n"
    ours = "from minigrad.interop.book.common.layers import *\nx = 'from common.layers'\n"
    ours += "    from minigrad.interop.book.dataset.mnist import load_mnist\nepochs=20\n"
    assert book_programs.converted(text, "a.py", full=True) == ours
    assert (
        book_programs.converted("from simple_convnet import S", "b.py", own_networks=False) == "from simple_convnet import S"
    )
