"""Module: registration, walks, state and errors."""

import copy

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import DTypeError, ShapeError


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(3, 4)
        self.scale = nn.Parameter([2.0])
        self.body = nn.Sequential(nn.ReLU(), nn.Linear(4, 2, bias=False))
        self.register_buffer("count", mg.tensor([0.0]))

    def forward(self, x):
        return self.body(self.fc1(x)) * self.scale


def values(module):
    return {key: tensor.numpy().copy() for key, tensor in module.state_dict().items()}


def same(a, b):
    return list(a) == list(b) and all(np.array_equal(a[key], b[key]) for key in a)


def test_names_follow_the_order_of_registration():
    net = Net()
    assert [n for n, _ in net.named_parameters()] == ["scale", "fc1.weight", "fc1.bias", "body.1.weight"]
    assert [n for n, _ in net.named_modules()] == ["", "fc1", "body", "body.0", "body.1"]
    assert [n for n, _ in net.named_children()] == ["fc1", "body"]
    assert list(net.state_dict()) == ["scale", "count", "fc1.weight", "fc1.bias", "body.1.weight"]
    assert [n for n, _ in net.named_buffers()] == ["count"]
    assert {"fc1", "scale", "count"} <= set(dir(net))


def test_a_shared_parameter_is_walked_once_and_saved_under_each_name():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight
    assert len(list(net.parameters())) == 3 and len(net.state_dict()) == 4
    twice = nn.Sequential(net[0], net[0])
    assert len(list(twice.modules())) == 2 and len(list(twice.parameters())) == 2 and len(twice.state_dict()) == 4


def test_attributes_move_between_registries():
    net = Net()
    net.fc1 = nn.Parameter([1.0])
    assert "fc1" not in dict(net.named_children()) and "fc1" in dict(net.named_parameters())
    net.fc1 = None
    assert net.fc1 is None and "fc1" not in dict(net.named_parameters())
    del net.body
    with pytest.raises(AttributeError):
        _ = net.body
    net.plain = 3
    net.plain = nn.ReLU()
    assert isinstance(net.plain, nn.ReLU)
    net.count = mg.tensor([5.0])
    assert dict(net.named_buffers())["count"].item() == 5
    del net.count
    assert "count" not in dict(net.named_buffers())


def test_what_registration_refuses():
    class Early(nn.Module):
        def __init__(self):
            self.fc = nn.Linear(1, 1)

    with pytest.raises(AttributeError, match=r"Early\.fc is assigned before super\(\).__init__\(\)"):
        Early()

    class Sized(nn.Module):
        def __init__(self):
            self.size = 3  # what is not registered may come first
            super().__init__()

    assert Sized().size == 3
    net = Net()
    before = values(net)
    for call, error, says in [
        (lambda: net.register_parameter("a.b", nn.Parameter([1.0])), KeyError, "dot"),
        (lambda: net.register_parameter("", None), KeyError, "empty"),
        (lambda: net.register_parameter("forward", None), KeyError, "already"),
        (lambda: net.register_parameter("w", mg.tensor([1.0])), TypeError, "must be a Parameter"),
        (lambda: net.register_parameter(3, None), TypeError, "string"),
        (lambda: net.register_buffer("b", 3.0), TypeError, "must be a Tensor"),
        (lambda: net.add_module("m", nn.ReLU), TypeError, "must be a Module"),
        (lambda: setattr(net, "fc1", 3), TypeError, "is a module"),
        (lambda: setattr(net, "scale", 3), TypeError, "is a parameter"),
        (lambda: setattr(net, "inner", net), ValueError, "contain itself"),
        (lambda: setattr(net, "x", nn.Sequential(net)), ValueError, "contain itself"),
    ]:
        with pytest.raises(error, match=says):
            call()
    assert same(values(net), before)


def test_a_missing_attribute_names_the_class_and_the_nearest_name():
    with pytest.raises(AttributeError, match=r"'Net' has no attribute 'fc2'; did you mean 'fc1'\?"):
        _ = Net().fc2
    with pytest.raises(AttributeError):
        del Net().nothing


def test_errors_name_the_layer():
    with pytest.raises(ShapeError, match=r"in Net\.fc1 \(Linear\(in_features=3, out_features=4, bias=True\)\)"):
        Net()(mg.ones(2, 5))
    net = Net()
    net.fc1 = nn.Flatten()
    with pytest.raises(ShapeError, match=r"in Net\.body\.1 \(Linear"):
        net(mg.ones(2, 5))
    with pytest.raises(NotImplementedError, match="Module does not define forward"):
        nn.Module()(1)


def test_train_and_eval_reach_every_module():
    net = nn.Sequential(nn.Dropout(0.5), nn.Sequential(nn.Dropout(0.5)))
    assert net.eval() is net and not any(m.training for m in net.modules())
    x = mg.ones(50)
    assert (net(x) == x).all()
    net.train()
    assert all(m.training for m in net.modules()) and not (net(x) == x).all()


def test_apply_visits_children_first():
    seen = []
    Net().apply(lambda m: seen.append(type(m).__name__))
    assert seen[-1] == "Net" and seen.index("Linear") < seen.index("Sequential")


def test_dtype_conversion():
    net = Net()
    net(mg.ones(1, 3)).sum().backward()
    before = net.fc1.weight.grad.tolist()
    assert net.to(np.float64) is net and all(p.dtype == np.float64 for p in net.parameters())
    assert net.fc1.weight.grad.dtype == np.float64 and net.fc1.weight.grad.tolist() == before
    assert net.count.dtype == np.float64
    net(mg.ones(1, 3, dtype=np.float64)).sum().backward()
    assert net.fc1.weight.grad.dtype == np.float64
    assert net.float().scale.dtype == np.float32 and net.double().scale.dtype == np.float64
    with pytest.raises(DTypeError, match="must be a float"):
        net.to(np.int64)


def test_requires_grad_and_zero_grad():
    net = Net()
    net(mg.ones(1, 3)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    net.requires_grad_(False)
    assert not net(mg.ones(1, 3)).requires_grad


def test_state_travels():
    a, b = Net(), Net()
    result = b.load_state_dict(a.state_dict())
    assert same(values(a), values(b)) and result == ([], [])
    x = mg.randn(2, 3)
    assert (a(x) == b(x)).all()
    state = {key: value.numpy() for key, value in a.state_dict().items()}  # arrays, too
    state.pop("scale")
    state["extra"] = np.zeros(1)
    assert b.load_state_dict(state, strict=False) == (["scale"], ["extra"])


def test_a_state_that_does_not_fit_changes_nothing_and_names_every_problem():
    net = Net()
    before = values(net)
    state = {key: np.zeros_like(value) for key, value in before.items()}
    state["fc1.wieght"] = state.pop("fc1.weight")
    state["scale"] = np.zeros(3)
    with pytest.raises(ValueError) as error:
        net.load_state_dict(state)
    message = str(error.value)
    assert "3 problems with Net" in message and "scale: has shape (3,), the module (1,)" in message
    assert "fc1.weight: missing" in message and "fc1.wieght: unexpected; did you mean 'fc1.weight'?" in message
    with pytest.raises(ValueError, match="scale"):
        net.load_state_dict(state, strict=False)
    with pytest.raises(TypeError, match="mapping"):
        net.load_state_dict([1])
    with pytest.raises(TypeError, match="dtype"):
        net.load_state_dict({**before, "scale": np.array(["a"])})
    assert same(values(net), before)


def test_loading_keeps_dtype_and_identity():
    net = Net()
    weight = net.fc1.weight
    net.load_state_dict({key: np.ones(value.shape) for key, value in values(net).items()})
    assert net.fc1.weight is weight and weight.dtype == np.float32 and (weight == 1).all()


def test_a_copy_is_deep():
    net = Net()
    other = copy.deepcopy(net)
    before = values(other)
    nn.init.zeros_(net.fc1.weight)
    assert same(values(other), before) and other.fc1.weight is not net.fc1.weight
    other(mg.ones(1, 3)).sum().backward()
    assert net.fc1.weight.grad is None and other.fc1.weight.grad is not None


def test_containers():
    net = nn.Sequential({"first": nn.Linear(2, 3), "then": nn.ReLU()})
    assert [n for n, _ in net.named_children()] == ["first", "then"] and len(net) == 2
    assert net[-1] is net.then and isinstance(net[:1], nn.Sequential) and list(net) == [net.first, net.then]
    assert isinstance(net.append(nn.Tanh())[2], nn.Tanh)
    items = nn.ModuleList([nn.Linear(1, 1), nn.ReLU()])
    items.append(nn.Tanh()).extend([nn.Sigmoid()])
    assert len(items) == 4 and isinstance(items[1:3], nn.ModuleList) and items[3] is list(items)[3]
    with pytest.raises(NotImplementedError):
        items(mg.ones(1))


def test_repr_is_a_tree():
    assert repr(Net()).splitlines() == [
        "Net(",
        "  (fc1): Linear(in_features=3, out_features=4, bias=True)",
        "  (body): Sequential(",
        "    (0): ReLU()",
        "    (1): Linear(in_features=4, out_features=2, bias=False)",
        "  )",
        ")",
    ]
