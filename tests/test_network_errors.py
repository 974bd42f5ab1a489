"""The table of bad input, rows 66 to 78: modules, optimizers, files and data. Nothing changes; also under python -O."""

import gzip
import json
import math
import os
import pickle
import random
import struct
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.data import DataLoader, Subset, TensorDataset, datasets, read_idx
from minigrad.errors import DatasetFileError, GraphError, ShapeError, WeightsFileError
from tests.test_errors import run_optimised


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.bn, self.fc2 = nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)

    def forward(self, x):
        return self.fc2(self.bn(self.fc1(x)))


class Early(nn.Module):
    def __init__(self):
        self.act = nn.ReLU()


class State:
    """A network in training, its optimizer, and a folder of files: everything that a failed call must leave alone."""

    def __init__(self, folder):
        self.folder = folder
        mg.manual_seed(0)
        self.net = Net()
        self.optimizer = optim.Adam(self.net.named_parameters(), lr=0.1)
        self.net(mg.rand(5, 3)).square().sum().backward()
        self.optimizer.step()
        mg.save(self.net.state_dict(), folder / "good.npz")

    def snapshot(self):
        tensors = {name: t.numpy().tolist() for name, t in self.net.state_dict().items()}
        grads = [None if p.grad is None else p.grad.numpy().tolist() for p in self.net.parameters()]
        state = self.optimizer.state_dict()
        moments = [[v if isinstance(v, int) else v.numpy().tolist() for v in s.values()] for s in state["state"].values()]
        groups = [{k: v for k, v in group.items() if k != "params"} for group in self.optimizer.param_groups]
        files = {str(p.relative_to(self.folder)): p.read_bytes() for p in self.folder.rglob("*") if p.is_file()}
        modules, drawn = list(dict(self.net.named_modules())), mg.random.default_generator().bit_generator.state
        mode = self.net.training, mg.is_grad_enabled()
        return tensors, grads, moments, groups, modules, mode, drawn, random.getstate(), files

    def write(self, name, data):
        (self.folder / name).write_bytes(data)
        return self.folder / name


def state_with(s, **changes):
    state = {name: t.numpy().copy() for name, t in s.net.state_dict().items()}
    return {name: value for name, value in (state | changes).items() if value is not None}


def cyclic():
    state = {}
    state["fc1.weight"] = state
    return state


def idx(*sizes, code=8, payload=None):
    data = bytes(math.prod(sizes)) if payload is None else payload
    return struct.pack(f">HBB{len(sizes)}I", 0, code, len(sizes), *sizes) + data


def mnist_files(s, images, labels):
    for prefix in ("train", "t10k"):
        s.write(f"{prefix}-images-idx3-ubyte", images)
        s.write(f"{prefix}-labels-idx1-ubyte", labels)
    return s.folder


class Broken:
    def __len__(self):
        return 3

    def __getitem__(self, i):
        raise ZeroDivisionError("inside")


def save_interrupted(s):
    def write(file):
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    mg.serialization.write_atomically(s.folder / "good.npz", write)


def with_gradient(s, g):
    s.net.fc2.bias.stored_grad = g
    s.optimizer.step()


def zipped(*members):
    def write(s, name="bad.npz"):
        with zipfile.ZipFile(s.folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, data in members:
                archive.writestr(member, data)
        return mg.load(s.folder / name)

    return write


def npy(shape, descr="<f8", payload=b""):
    text = (repr({"descr": descr, "fortran_order": False, "shape": shape}) + "\n").encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + payload


def huge():
    header = json.dumps({"w": {"dtype": "F32", "shape": [2**60], "data_offsets": [0, 2**62]}}).encode()
    return len(header).to_bytes(8, "little") + header


def flipped(s, name, saved):
    """The file of `saved` with one bit of its last array turned over."""
    mg.save(saved, s.folder / name)
    data = bytearray((s.folder / name).read_bytes())
    data[data.rindex(bytes(saved["w"])) + 1] ^= 4
    return mg.load(s.write(name, bytes(data)))


def exhausted(s):
    parameters = s.net.parameters()
    list(parameters)
    return optim.SGD(parameters)


# row: (what is called, the error, what its message says)
ROWS = {
    66: [
        (lambda s: Early(), AttributeError, r"Early\.act is assigned before super\(\).__init__\(\) was called"),
        (
            lambda s: nn.Module.register_buffer(object.__new__(Early), "b", mg.ones(1)),
            AttributeError,
            r"super\(\).__init__\(\)",
        ),
    ],
    67: [
        (lambda s: s.net.register_parameter("a.b", nn.Parameter([1.0])), KeyError, "'a.b' cannot be a name: .* holds a dot"),
        (lambda s: s.net.register_parameter("forward", None), KeyError, "already has an attribute 'forward'"),
        (lambda s: s.net.register_parameter("w", np.ones(1)), TypeError, "'w' must be a Parameter or None, got ndarray"),
        (lambda s: setattr(s.net, "fc1", 3), TypeError, "Net.fc1 is a module; it cannot become a int"),
        (lambda s: setattr(s.net, "inner", s.net), ValueError, "a module cannot contain itself"),
        (lambda s: s.net.fc3, AttributeError, r"'Net' has no attribute 'fc3'; did you mean 'fc[12]'\?"),
    ],
    68: [
        (
            lambda s: s.net.load_state_dict(
                state_with(s, **{"fc1.weight": None, "fc1.wieght": np.ones(1), "fc2.bias": np.ones(3)})
            ),
            ValueError,
            r"3 problems with Net\n  fc2.bias: has shape \(3,\), the module \(2,\)\n  fc1.weight: missing\n"
            r"  fc1.wieght: unexpected; did you mean 'fc1.weight'\?",
        ),
        (lambda s: s.net.load_state_dict({}, strict=True), ValueError, "9 problems with Net"),
        (lambda s: s.net.load_state_dict({"fc2.bias": np.ones(3)}, strict=False), ValueError, "1 problem "),
    ],
    69: [
        (lambda s: s.net.load_state_dict([1, 2]), TypeError, "needs a mapping of names to arrays, got list"),
        (
            lambda s: s.net.load_state_dict(state_with(s, **{"fc2.bias": np.array(["a", "b"])})),
            TypeError,
            "fc2.bias has dtype <U1",
        ),
        (lambda s: s.net.load_state_dict(state_with(s, **{"fc2.bias": np.ones(2, complex)})), TypeError, "dtype complex128"),
        (
            lambda s: s.net.load_state_dict(state_with(s, **{"fc2.bias": np.array([1, math.nan])})),
            ValueError,
            "1 of 2 values are NaN",
        ),
        (lambda s: s.net.load_state_dict(cyclic(), strict=False), TypeError, "fc1.weight has dtype object"),
    ],
    70: [
        (lambda s: mg.load(s.folder / "none.npz"), FileNotFoundError, "none.npz"),
        (lambda s: mg.load(s.write("bad.npz", b"")), WeightsFileError, "bad.npz: damaged, or not a .npz file of 0 bytes"),
        (lambda s: mg.load(s.write("bad.npz", b"RIFF" * 9)), WeightsFileError, "bad.npz: damaged"),
        (lambda s: mg.load(s.write("bad.npz", (s.folder / "good.npz").read_bytes()[:-1])), WeightsFileError, "bad.npz"),
        (
            zipped(("a.npy", b"\x93NUMPY\x09\x00" + npy((1,))[8:])),
            WeightsFileError,
            r"version \(9, 0\), expected 1.0 or 2.0",
        ),
        (lambda s: mg.load(s.write("bad.safetensors", b"")), WeightsFileError, "bad.safetensors"),
        (lambda s: flipped(s, "bad.npz", {"w": np.arange(3.0)}), WeightsFileError, "bad.npz: damaged.*[Bb]ad CRC"),
        (lambda s: flipped(s, "bad.safetensors", {"w": np.arange(3.0)}), WeightsFileError, "bad.safetensors.*SHA-256"),
        (
            lambda s: s.net.load_state_dict(mg.load(s.folder / "good.onnx")),
            ValueError,
            r"must end in .npz, .safetensors, .*, or have no suffix, got",
        ),
    ],
    71: [
        (zipped(("a.npy", npy((1,), "|O"))), WeightsFileError, "objects are refused"),
        (
            lambda s: mg.load(s.write("bad.pkl", pickle.dumps({"a": os.getcwd}))),
            WeightsFileError,
            "only NumPy arrays are admitted",
        ),
    ],
    72: [
        (zipped(("a.npy", npy((2**40,)))), WeightsFileError, r"declares shape \(1099511627776,\), 8796093022208 bytes, of"),
        (zipped(("a.npy", npy((2**33, 2**33)))), WeightsFileError, "declares shape"),
        (zipped(("../a.npy", npy((0,)))), WeightsFileError, "'../a.npy' is not the name of an array"),
        (
            zipped(("a.npy", npy((2,)) + bytes(10**7))),
            WeightsFileError,
            r"expected 16 bytes for shape \(2,\), got more",
        ),  # a bomb: ten megabytes in ten kilobytes
        (lambda s: mg.load(s.write("bad.npz", (s.folder / "good.npz").read_bytes() + b"x")), WeightsFileError, "bad.npz"),
        (lambda s: mg.load(s.write("bad.safetensors", huge())), WeightsFileError, "bad.safetensors"),
    ],
    73: [
        (save_interrupted, OSError, "No space left on device"),
        (
            lambda s: mg.save({"w": np.array([None])}, s.folder / "good.npz"),
            TypeError,
            "w has dtype object, expected numbers",
        ),
    ],
    74: [
        (lambda s: read_idx(s.write("bad", b"PK\3\4")), DatasetFileError, "bad: magic number: expected two zero bytes"),
        (lambda s: read_idx(s.write("bad", idx(2, code=0x0A))), DatasetFileError, "type code: expected .* got 0x0A"),
        (lambda s: read_idx(s.write("bad", idx())), DatasetFileError, "number of axes: expected 1 to 64, got 0"),
        (lambda s: read_idx(s.write("bad", idx(2, 3)[:9])), DatasetFileError, "sizes: expected 8 bytes for 2 axes, got 5"),
        (
            lambda s: read_idx(s.write("bad", idx(2, 3)[:-1])),
            DatasetFileError,
            r"expected 6 bytes for shape \(2, 3\), got only 5",
        ),
        (lambda s: read_idx(s.write("bad", idx(2, 3) + b"x")), DatasetFileError, "got more"),
        (lambda s: read_idx(s.write("bad", gzip.compress(idx(9))[:-9])), DatasetFileError, "damaged gzip data"),
        (lambda s: read_idx(s.write("bad", gzip.compress(idx(9) + bytes(10**6)))), DatasetFileError, "got more"),
        (lambda s: datasets.FashionMNIST(mnist_files(s, idx(2, 3, 3), idx(3))), DatasetFileError, "do not belong together"),
        (
            lambda s: datasets.FashionMNIST(mnist_files(s, idx(1, 3, 3), idx(1, payload=b"\x0b"))),
            DatasetFileError,
            "got up to 11",
        ),
        (lambda s: datasets.MNIST(mnist_files(s, idx(1, 3, 3), idx(1))), DatasetFileError, "SHA-256: expected ba8910"),
        (lambda s: datasets.MNIST(s.folder / "nothing"), FileNotFoundError, "download=True"),
    ],
    75: [
        *[
            (
                lambda s, size=size: DataLoader(TensorDataset(np.ones(3)), batch_size=size),
                ValueError,
                f"batch_size must be an int of at least 1, got {size}",
            )
            for size in (0, -1, 2.5, True)
        ],
        (lambda s: TensorDataset(np.ones(2), np.ones(3)), ShapeError, "the same length, got 2, 3"),
        (lambda s: DataLoader(TensorDataset(np.ones(0))), ValueError, "the dataset is empty"),
        (
            lambda s: DataLoader(TensorDataset(np.ones(2)), shuffle=True, sampler=[0]),
            ValueError,
            "sampler decides the order itself",
        ),
        (lambda s: list(DataLoader(Broken())), ZeroDivisionError, "^inside\n.*raised by item 0 of the dataset"),
        (lambda s: Subset(TensorDataset(np.ones(2)), [2]), IndexError, "index 2 of a dataset of 2 items"),
    ],
    76: [
        (lambda s: optim.SGD([]), ValueError, "got no parameters\n  hint: a generator .* can be used only once"),
        (exhausted, ValueError, "can be used only once"),
        (lambda s: optim.SGD([s.net]), TypeError, "parameter 0 must be a Tensor, got Net"),
        (lambda s: optim.SGD(s.net.fc1.weight), TypeError, "an iterable of tensors or dicts, got one Parameter"),
        (lambda s: optim.SGD([s.net.fc1.weight * 1]), ValueError, "parameter 0 is the result of an operation, not a leaf"),
        (lambda s: optim.SGD([*s.net.parameters()] * 2), ValueError, r"parameter 6 of shape \(4, 3\) is given twice"),
        (lambda s: s.optimizer.add_param_group({"params": s.net.fc1.bias}), ValueError, "given twice"),
    ],
    77: [
        (lambda s: optim.SGD(s.net.parameters(), lr=-1), ValueError, "lr must be a finite number of at least 0, got -1"),
        (lambda s: optim.SGD(s.net.parameters(), lr=math.nan), ValueError, "got nan"),
        (lambda s: optim.SGD(s.net.parameters(), lr=math.inf), ValueError, "got inf"),
        (lambda s: optim.SGD(s.net.parameters(), lr="1"), TypeError, "lr must be a number, got '1'"),
        (lambda s: optim.SGD(s.net.parameters(), momentum=-0.1), ValueError, "momentum"),
        (lambda s: optim.SGD(s.net.parameters(), momentum=math.nan), ValueError, "momentum .* got nan"),
        (lambda s: optim.SGD(s.net.parameters(), nesterov=True), ValueError, "nesterov needs a momentum"),
        (lambda s: optim.Adam(s.net.parameters(), lr=math.nan), ValueError, "lr .* got nan"),
        (lambda s: optim.Adam(s.net.parameters(), betas=(-0.1, 0.9)), ValueError, "betas"),
        (lambda s: optim.RMSprop(s.net.parameters(), alpha=-1), ValueError, "alpha"),
        (
            lambda s: optim.Adam(s.net.parameters(), betas=(0.9, 1.0)),
            ValueError,
            r"betas must be two numbers within \[0, 1\)",
        ),
        (lambda s: optim.Adam(s.net.parameters(), eps=-1e-9), ValueError, "eps"),
        (lambda s: optim.RMSprop(s.net.parameters(), weight_decay=-1), ValueError, "weight_decay"),
        (
            lambda s: s.optimizer.add_param_group({"params": [mg.ones(1, requires_grad=True)], "lr": -2}),
            ValueError,
            "got -2",
        ),
    ],
    78: [
        (lambda s: s.optimizer.step(lambda: 1 / 0), ZeroDivisionError, "division"),
    ],
}


@pytest.mark.parametrize("row", [pytest.param(row, id=str(row)) for row in ROWS])
def test_row(row, tmp_path):
    for i, (call, error, says) in enumerate(ROWS[row]):
        if says.startswith("bad.safetensors") and not find_spec("safetensors"):
            continue
        folder = tmp_path / str(i)
        folder.mkdir()
        state = State(folder)
        before = state.snapshot()
        with pytest.raises(error, match=says) as caught:
            call(state)
        after = state.snapshot()
        written = {name for name in after[-1] if name not in before[-1]}  # the bad file itself
        assert after[:-1] == before[:-1] and all(after[-1][name] == data for name, data in before[-1].items())
        assert not any("tmp" in name for name in written) and "np.int64(" not in str(caught.value)


def test_a_gradient_that_does_not_fit_names_its_parameter(tmp_path):  # row 78
    state = State(tmp_path)
    before = state.snapshot()
    state.net.fc2.bias.stored_grad = mg.ones(3)
    with pytest.raises(ShapeError, match=r"the gradient has shape \(3,\), its parameter \(2,\) \(fc2.bias\)"):
        state.optimizer.step()
    state.net.fc2.bias.stored_grad = mg.tensor([1.0, math.nan])
    with pytest.raises(GraphError, match=r"the gradients have norm nan: parameter 5, of shape \(2,\), nan"):
        nn.utils.clip_grad_norm_(state.net.parameters(), 1.0, error_if_nonfinite=True)
    after = state.snapshot()
    assert after[0] == before[0] and after[2] == before[2]
    state.optimizer.zero_grad()
    state.optimizer.step()  # without gradients nothing happens
    assert state.snapshot()[0] == before[0]


def test_every_row_is_here():
    assert set(ROWS) == set(range(66, 79))


@pytest.mark.skipif(sys.flags.optimize > 0, reason="this is that run")
def test_the_same_under_optimisation():
    """`python -O` drops every assert of the library, so none of these errors may come from one."""
    files = [
        Path(__file__),
        *(Path(__file__).parent / f for f in ("serialization/test_hostile_files.py", "data/test_idx.py")),
    ]
    run_optimised(*map(str, files), "-k", "row or lie or damaged or bomb")
