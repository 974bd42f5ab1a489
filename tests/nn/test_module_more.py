"""What a module is asked for by name, what it keeps to itself, and what it comes to in numbers."""

import copy

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten())
        self.head = nn.Linear(8, 3)
        self.register_buffer("seen", mg.tensor(0.0))
        self.register_buffer("cache", mg.ones(2), persistent=False)

    def forward(self, x):
        return self.head(self.body(x))


def test_parts_by_name():
    net = Net()
    assert net.get_submodule("") is net and net.get_submodule("body.0") is net.body[0]
    assert net.get_parameter("body.0.weight") is net.body[0].weight and net.get_buffer("seen") is net.seen
    for call, says in [
        (lambda: net.get_submodule("body.7"), "'7'"),
        (lambda: net.get_submodule("head.weight"), "'weight' is a Parameter, not a module"),
        (lambda: net.get_parameter("seen"), "'seen' is a Tensor, not a parameter"),
        (lambda: net.get_buffer("head.weight"), "'head.weight' is not a buffer"),
    ]:
        with pytest.raises(AttributeError, match=says):
            call()


def test_walks_take_a_prefix_and_stay_at_home_if_told():
    net = Net()
    assert next(n for n, _ in net.named_parameters("net")) == "net.body.0.weight"
    assert [n for n, _ in net.named_parameters(recurse=False)] == [] and len(list(net.head.parameters(recurse=False))) == 2
    assert [n for n, _ in net.named_buffers("x")] == ["x.seen", "x.cache"] and len(list(net.buffers(recurse=False))) == 2


def test_a_buffer_that_is_not_persistent_is_converted_but_not_saved():
    net = Net()
    assert "cache" not in net.state_dict() and "seen" in net.state_dict()
    assert net.double().cache.dtype == np.float64
    Net().load_state_dict(net.state_dict())
    net.register_buffer("cache", mg.zeros(1))
    assert "cache" in net.state_dict()
    other = copy.deepcopy(Net())
    assert "cache" not in other.state_dict()


def test_nan_is_not_loaded():
    net = Net()
    state = {key: value.numpy().copy() for key, value in net.state_dict().items()}
    state["head.weight"][0, :2] = np.nan
    state["seen"] = np.array(np.nan)  # a buffer may be
    with pytest.raises(ValueError, match=r"1 problem with Net\n  head.weight: 2 of 24 values are NaN"):
        net.load_state_dict(state)
    cyclic = {}
    cyclic["seen"] = cyclic
    with pytest.raises(TypeError, match="seen has dtype object"):
        net.load_state_dict(cyclic)


def test_dtypes_and_devices():
    net = Net()
    assert net.half().head.weight.dtype == np.float16 and net.type(np.float32).head.weight.dtype == np.float32
    assert net.to("cpu") is net.cpu() is net and net.to(mg.device("cpu"), np.float64).head.bias.dtype == np.float64
    with pytest.raises(ValueError, match="computes on the CPU"):
        net.to("cuda")
    net(mg.ones(1, 1, 4, 4, dtype=np.float64)).sum().backward()
    net.zero_grad(set_to_none=False)
    assert (net.head.weight.grad == 0).all()
    assert nn.Linear(2, 2, dtype=np.float64).bias.dtype == nn.Conv1d(1, 1, 1, dtype=np.float64).bias.dtype == np.float64


def test_the_summary_counts():
    net = Net()
    net.head.weight.requires_grad_(False)
    net.eval()
    net.body.train()
    found = net.summary((5, 1, 4, 4))
    rows = {row.name: row for row in found.rows}
    assert rows["body.0"] == ("body.0", "Conv2d", "(5, 2, 2, 2)", 20, 5 * 2 * 4 * 9, 160)
    assert rows["head"].parameters == 27 and rows["head"].macs == 5 * 8 * 3 and rows[""].output == "(5, 3)"
    assert (found.parameters, found.trainable, found.macs) == (47, 23, 5 * 72 + 120) and found.parameter_bytes == 188
    assert not net.training and net.body[1].training and net.body[0]._hooks.after == {}
    text = str(found).splitlines()
    assert text[0].split() == ["output", "parameters", "MACs", "bytes"]
    assert text[3].startswith("  0") and text[-1].startswith("Net: 47 parameters, 23 of them trained")
    assert "MACs" not in str(net.summary())


def test_a_summary_takes_tensors_and_counts_what_is_computed_outside_of_layers():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(np.ones((3, 3)))

        def forward(self, x, y):
            return x @ self.scale + y

    x = mg.ones(2, 3, dtype=np.float64)
    found = Scaled().summary(x, x)
    assert found.macs == 18 and found.rows[0].output == "(2, 3)"


@pytest.mark.parametrize(
    "layer, shape, macs",
    [
        (nn.Linear(3, 4), (2, 5, 3), 2 * 5 * 12),
        (nn.Conv1d(4, 6, 3, groups=2), (2, 4, 7), 2 * 5 * 6 * 2 * 3),
        (nn.Conv3d(1, 2, 2), (1, 1, 3, 3, 3), 8 * 2 * 8),
        (nn.ConvTranspose2d(3, 2, 2, stride=2), (1, 3, 4, 4), 3 * 16 * 2 * 4),
    ],
)
def test_multiplications_of_each_kind(layer, shape, macs):
    assert layer.summary(shape).macs == macs


def test_the_summary_leaves_no_trace_after_an_error():
    net = Net()
    with pytest.raises(ValueError):
        net.summary((1, 2, 4, 4))
    assert net.training and net.body[0]._hooks.after == {}


def test_the_summary_knows_operations_by_what_they_are_not_by_their_names():
    @mg.primitive
    def affine(x):
        return 2 * x

    affine.gradient("x")(lambda g: 2 * g)

    class Doubled(nn.Module):
        def forward(self, x):
            return affine(x)

    assert nn.summary(Doubled(), (2, 3)).macs == 0
    assert repr(nn.summary(nn.Linear(3, 4), (2, 3))) == repr(nn.Linear(3, 4).summary((2, 3)))
