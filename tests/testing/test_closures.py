"""Whole layers and networks: what a function uses beside its arguments is checked with them, by name, and put back."""

import functools

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.testing import GradcheckError, gradcheck, gradgradcheck

scale = mg.tensor([0.5, -2.0], dtype=mg.float64, requires_grad=True)


class Scaled:
    """A callable that is no module."""

    def __init__(self, by):
        self.by = by

    def __call__(self, x):
        return x * self.by

    def method(self, x):
        return x * self.by


def scaled(x):
    return x * scale


def scaled_by_another(x):
    return scaled(x)


def leaf(*shape):
    return mg.tensor(np.random.default_rng(1).standard_normal(shape), requires_grad=True)


@pytest.fixture
def x(rng):
    return rng.standard_normal((4, 2))


NETWORKS = {
    "linear": (lambda: nn.Linear(2, 3), (4, 2), ["weight", "bias"]),
    "convolution": (lambda: nn.Conv2d(2, 3, 2, stride=2), (2, 2, 4, 4), ["weight", "bias"]),
    "batch norm": (lambda: nn.BatchNorm1d(2), (4, 2), ["weight", "bias"]),
    "dropout": (lambda: nn.Sequential(nn.Linear(2, 3), nn.Dropout(0.5)), (4, 2), ["0.weight", "0.bias"]),
    "recurrence": (
        lambda: nn.GRU(2, 3), (3, 1, 2), ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"],
    ),
    "encoder layer": (lambda: nn.TransformerEncoderLayer(2, 1, 3, batch_first=True), (1, 2, 2), None),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
def test_a_layer_with_its_parameters(check, name, rng):
    make, shape, names = NETWORKS[name]
    net = make().double()
    report = check(net, rng.standard_normal(shape))
    parameters = names or [name for name, _ in net.named_parameters()]
    assert report and report.names[: 1 + len(parameters)] == ["input 0", *parameters]
    assert report.inputs[1] == f"{tuple(next(net.parameters()).shape)} float64" and f"\n  {parameters[0]}" in str(report)


@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
def test_a_network(check, rng):
    report = check(mg.models.LeNet5().double(), rng.standard_normal((1, 1, 28, 28)), mode="directional", directions=1)
    assert report and len(report.names) >= 11


def test_buffers_and_random_numbers_are_put_back(x):
    net = nn.Sequential(nn.BatchNorm1d(2), nn.Dropout(0.5)).double()
    mg.manual_seed(3)
    before, drawn = {name: value.clone() for name, value in net.state_dict().items()}, mg.rand(3)
    mg.manual_seed(3)
    buffers, nodes = [*net.buffers()], [p.node for p in net.parameters()]
    assert gradcheck(net, x) and gradgradcheck(net, x)
    assert all((value == before[name]).all() for name, value in net.state_dict().items())
    assert all(a is b for a, b in zip(net.buffers(), buffers, strict=True)) and [p.node for p in net.parameters()] == nodes
    assert all(p.grad is None for p in net.parameters()) and (mg.rand(3) == drawn).all()


class Counting(nn.Module):
    """A module that replaces its buffer by another tensor."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", mg.tensor(0.0))
        self.weight = nn.Parameter(mg.tensor([1.5, -1.0], dtype=mg.float64))

    def forward(self, x):
        self.calls = self.calls + 1
        return x * self.weight / self.calls


def test_a_buffer_that_is_replaced_and_arrays(x):
    net = Counting()
    buffer, array = net.calls, net.weight.array
    for check, options in ((gradcheck, {"checks": ()}), (gradgradcheck, {}), (gradcheck, {})):
        assert check(net, x, **options) and net.calls is buffer and buffer == 0 and net.weight.array is array


def test_also_after_an_error(x):
    net = nn.Linear(2, 3).double()
    weight = net.weight.detach().numpy()

    def fails(t):
        net(t)
        if t.node is None:
            raise ZeroDivisionError
        return net(t)

    with pytest.raises(ZeroDivisionError):
        gradcheck(fails, x)
    assert (net.weight.detach().numpy() == weight).all() and net.weight.requires_grad and net.weight.is_leaf


def test_a_wrong_gradient_has_the_name_of_its_parameter(x):
    net = nn.Linear(2, 3).double()
    for wrong, says in ((2.0, "every entry is 0.5 times the numeric one"), (0.0, "it is zero everywhere")):

        def loses_a_part(t, wrong=wrong):
            half = net.weight.detach() if wrong == 0 else (net.weight + net.weight.detach()) / 2
            return F.linear(t, half, net.bias)

        for check in (gradcheck, gradgradcheck):
            with pytest.raises(GradcheckError) as caught:
                check(loses_a_part, x)
            if check is gradcheck:
                assert f"the gradient of net.weight is wrong: {says}\n  d output 0 " in str(caught.value)
                assert "/ d net.weight [" in str(caught.value)


WAYS = {
    "a variable of a closure": (lambda w: lambda x: x * w, "w"),
    "a list": (lambda w: (lambda ws: lambda x: x * ws[1])([None, w]), "ws[1]"),
    "a default": (lambda w: lambda x, w=w: x * w, "w"),
    "a partial": (lambda w: functools.partial(lambda w, x: x * w, w), "[0]"),
    "an attribute": (Scaled, "by"),
    "a method": (lambda w: Scaled(w).method, "by"),
    "a global": (lambda w: scaled, "scale"),
    "a global of another function": (lambda w: scaled_by_another, "scale"),
    "a module in a closure": (lambda w: (lambda net: lambda x: net(x))(nn.Linear(2, 2).double()), "net.weight"),
    "a result": (lambda w: (lambda twice: lambda x: x * twice)(w * 2), "twice"),
    "nothing that leads to it": (lambda w: (lambda hold: lambda x: x * hold())(iter([w] * 10**6).__next__), "tensor 0"),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_ways_that_lead_to_a_tensor(way, x):
    make, name = WAYS[way]
    report = gradcheck(make(leaf(2)), x)
    assert report.names[1] == name and report.compared > 2


def test_tensors_in_options_and_modules_among_the_arguments(x):
    assert gradcheck(F.linear, x, kwargs={"weight": leaf(3, 2)}).names == ["input 0", "weight"]
    assert gradcheck(lambda net, t: net(t), [nn.Linear(2, 3).double(), x]).names == ["input 0", "weight", "bias"]


def test_which_inputs_are_differentiated(x):
    net = nn.Linear(2, 3).double()
    net.bias.requires_grad_(False)
    assert gradcheck(net, x).names == ["input 0", "weight"]  # what is frozen is a constant
    assert gradcheck(net, x, wrt=0) and gradcheck(net, x, wrt=[1])
    indices = gradcheck(nn.Embedding(5, 3).double(), np.array([0, 2]))
    assert indices.names == ["weight"] and indices.compared
    with pytest.raises(ValueError, match=r"wrt names input 2; the float inputs are 0\.\.1"):
        gradcheck(net, x, wrt=2)


def test_a_float32_network_is_checked_with_its_own_tolerance(x):
    assert gradcheck(nn.Linear(2, 3), x.astype(np.float32)).inputs[1] == "(3, 2) float32"


def test_shared_parameters_are_one_input(x):
    layer = nn.Linear(2, 2).double()
    assert gradcheck(nn.Sequential(layer, nn.Tanh(), layer), x).names == ["input 0", "0.weight", "0.bias"]


def test_a_checkpoint_computes_the_same_again(x):
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Dropout(0.5), nn.BatchNorm1d(3)).double()

    def again(t):
        return mg.autograd.checkpoint(net, t)

    assert gradcheck(again, x) and gradgradcheck(again, x)


def test_a_function_of_code_without_a_module_is_looked_through():
    names = {"w": mg.tensor([2.0, 3.0], requires_grad=True, dtype=np.float64)}
    exec("def weighted(x):\n    return x * w", names)
    assert names["weighted"].__module__ is None
    assert gradcheck(names["weighted"], np.array([1.0, 2.0]))
