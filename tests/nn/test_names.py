"""Names of submodules, parameters and buffers: whatever is registered can be read back, or is refused."""

import copy
import pickle

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim


class Graphs(nn.Module):
    def __init__(self):
        super().__init__()
        self.graph = nn.Linear(2, 3)
        self.summary = nn.Linear(3, 1)

    def forward(self, x):
        return self.summary(self.graph(x))


def ours_alone():
    """Public names of our Module that PyTorch's does not have."""
    return ("graph", "summary")


def test_names_that_pytorch_leaves_free_are_the_users():
    net = Graphs()
    assert type(net.graph) is type(net.summary) is nn.Linear and net(mg.zeros(1, 2)).shape == (1, 1)
    assert [name for name, _ in net.named_children()] == ["graph", "summary"]
    assert copy.deepcopy(net).graph.weight is not net.graph.weight
    net.load_state_dict(net.state_dict())
    optim.SGD(net.parameters(), lr=0.1)
    assert repr(nn.summary(net, (1, 2))).endswith("saved for backward")
    assert "linear" in str(mg.viz.module_graph(net, (mg.zeros(1, 2),)))
    for alone in (mg.zeros(5, 2), np.zeros((5, 2), np.float32)):  # not five rows
        assert "5×2 float32" in str(mg.viz.module_graph(net, alone))
    del net.graph
    assert callable(net.graph) and not isinstance(net.graph, nn.Module)  # the method again


@pytest.mark.parametrize("name", ours_alone())
@pytest.mark.parametrize("outer", [nn.Module, nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.ParameterDict])
def test_every_way_of_registering_one_of_them(name, outer):
    for add, value in [
        (setattr, nn.ReLU()),
        (setattr, nn.Parameter([1.0])),
        (lambda m, n, v: m.add_module(n, v), nn.ReLU()),
        (lambda m, n, v: m.register_parameter(n, v), nn.Parameter([1.0])),
        (lambda m, n, v: m.register_buffer(n, v), mg.ones(1)),
    ]:
        module = outer()
        add(module, name, value)
        assert getattr(module, name) is value and getattr(copy.copy(module), name) is value
        if add is setattr:
            setattr(module, name, value)  # replaced
    assert getattr(nn.ModuleDict({name: nn.ReLU()}), name) is not None
    plain = outer()
    setattr(plain, name, 3)
    assert getattr(plain, name) == 3


def test_methods_are_found_where_nothing_hides_them():
    assert nn.Linear(2, 2).summary((1, 2)).parameters == 6
    assert nn.Module.summary.__name__ == "summary" and "multiply-accumulates" in nn.Module.summary.__doc__
    assert pickle.loads(pickle.dumps(Graphs())).graph.in_features == 2


@pytest.mark.parametrize("name", ["train", "type", "float", "forward", "parameters", "training", "_modules", "to", "apply"])
def test_names_that_would_be_hidden_are_refused(name):
    for add, value in [
        (setattr, nn.ReLU()),
        (setattr, nn.Parameter([1.0])),
        (lambda m, n, v: m.add_module(n, v), nn.ReLU()),
        (lambda m, n, v: m.register_parameter(n, v), nn.Parameter([1.0])),
        (lambda m, n, v: m.register_buffer(n, v), mg.ones(1)),
    ]:
        module = nn.Sequential(nn.Linear(1, 1))
        with pytest.raises(KeyError, match=f"'{name}'"):
            add(module, name, value)
        assert list(module.state_dict()) == ["0.weight", "0.bias"] and module.training is True


def test_a_class_attribute_of_the_users_own_hides_nothing_in_silence():
    class Defaults(nn.Module):
        norm = None

        @property
        def gain(self):
            return 1

    for name in ("norm", "gain"):
        with pytest.raises(KeyError, match=f"'{name}', an attribute of Defaults, which would hide"):
            setattr(Defaults(), name, nn.ReLU())

    class Annotated(nn.Module):
        norm: nn.Module

        def __init__(self):
            super().__init__()
            self.norm = None
            self.norm = nn.ReLU()

    assert isinstance(Annotated().norm, nn.ReLU)


def test_the_keys_of_containers():
    for name in ("keys", "values", "pop", "train"):
        with pytest.raises(KeyError, match="already has an attribute"):
            nn.ModuleDict({name: nn.ReLU()})


def test_layers_leave_the_names_of_pytorchs_layers_free():
    free = {
        nn.Conv2d(1, 1, 1): ("axes", "function"),
        nn.MaxPool2d(2): ("axes", "function"),
        nn.LSTM(1, 1): ("gates", "states"),
        nn.BatchNorm2d(1): ("dimensions",),
        nn.GELU(): ("function", "options"),
        nn.ZeroPad2d(1): ("mode",),
        nn.Dropout(): ("function",),
        nn.MSELoss(): ("function",),
    }
    for layer, names in free.items():
        for name in names:
            setattr(layer, name, nn.ReLU())
            assert isinstance(getattr(layer, name), nn.ReLU)


def test_as_torch_decides():
    torch = pytest.importorskip("torch")
    for name in dir(nn.Module):
        if name.startswith("_"):
            continue
        refused = []
        for library in (torch.nn, nn):
            try:
                library.Module().add_module(name, library.ReLU())
                refused.append(False)
            except KeyError:
                refused.append(True)
        assert refused[0] == refused[1], name
        assert name in ours_alone() or name == "training" or hasattr(torch.nn.Module, name), name  # which instances have


def test_init_forgotten():
    class Forgotten(nn.Module):
        def __init__(self):
            self.size = 3

    for call in (lambda: list(Forgotten().parameters()), lambda: repr(Forgotten()), lambda: Forgotten().state_dict()):
        with pytest.raises(AttributeError, match=r"Forgotten: super\(\).__init__\(\) was not called"):
            call()


def test_train_takes_a_truth():
    with pytest.raises(ValueError, match="must be True or False, got 'no'"):
        nn.ReLU().train("no")


def test_what_is_no_module():
    for call, says in [
        (lambda: nn.Sequential([nn.ReLU()]), r"got one list\n  hint: Sequential\(\*modules\)"),
        (lambda: nn.Sequential(nn.ReLU), r"the class ReLU\n  hint: make one: ReLU\(...\)"),
        (lambda: nn.Sequential(lambda x: x), "the function <lambda>\n  hint: call it in forward"),
        (lambda: nn.ModuleDict([nn.ReLU()]), "needs a dict or"),
        (lambda: nn.ParameterDict([1.0]), "needs a dict or"),
    ]:
        with pytest.raises(TypeError, match=says):
            call()


def test_a_layer_that_returns_nothing_or_too_much():
    class Nothing(nn.Module):
        def forward(self, x):
            pass

    with pytest.raises(TypeError, match="Nothing, before Linear, returned None"):
        nn.Sequential(Nothing(), nn.Linear(1, 1))(mg.ones(1, 1))
    with pytest.raises(mg.errors.DTypeError, match=r"got tuple\n  hint: .* pass on one of them\n  in Sequential.1"):
        nn.Sequential(nn.LSTM(1, 1), nn.Linear(1, 1))(mg.ones(2, 1, 1))


def test_an_optimizer_says_why_it_got_nothing():
    class Plain(nn.Module):
        def __init__(self, held):
            super().__init__()
            self.inner = nn.Sequential()
            self.inner.held = held

    for held, says in [
        ([nn.Linear(1, 1)], "plain list of modules; make it an nn.ModuleList"),
        ((nn.ReLU(),), "plain tuple of modules; make it an nn.ModuleList"),
        ({"a": nn.Linear(1, 1)}, "plain dict of modules; make it an nn.ModuleDict"),
        ([nn.Parameter([1.0])], "plain list of parameters; make it an nn.ParameterList"),
    ]:
        with pytest.raises(ValueError, match=f"Plain has none registered\n  hint: Plain.inner.held is a {says}"):
            optim.SGD(Plain(held).parameters(), lr=0.1)
    with pytest.raises(ValueError, match="got no parameters: ReLU has none"):
        optim.SGD(nn.ReLU().parameters(), lr=0.1)
    with pytest.raises(TypeError, match=r"got Linear\n  hint: pass its parameters\(\)"):
        optim.SGD(nn.Linear(1, 1), lr=0.1)
    with pytest.raises(ValueError, match="a group needs 'params', got 'param'"):
        optim.SGD([{"param": [nn.Parameter([1.0])]}], lr=0.1)


def test_state_dicts_from_before_num_batches_tracked():
    for layer in (nn.BatchNorm1d(2), nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))):
        layer(mg.randn(3, 2))
        old = {key: value * 2 for key, value in layer.state_dict().items() if not key.endswith("num_batches_tracked")}
        assert repr(layer.load_state_dict(old)) == "<All keys matched successfully>"
        state = layer.state_dict()
        np.testing.assert_array_equal(next(v for k, v in state.items() if k.endswith("running_var")).numpy(),
                                      next(v for k, v in old.items() if k.endswith("running_var")).numpy())  # fmt: skip
        assert next(v for k, v in state.items() if k.endswith("num_batches_tracked")).item() == 1  # as it was
    with pytest.raises(ValueError, match="num_batches_tracked: missing"):
        layer.load_state_dict({key: value for key, value in old.items() if key.startswith("0")})


def test_where_a_state_dict_is_found():
    layer = nn.Linear(2, 1)
    state = layer.state_dict()
    for given, error, says in [
        ({"model": state, "epoch": 1}, ValueError, r"it is a checkpoint: load state_dict\['model'\]"),
        ({f"module.{key}": value for key, value in state.items()}, ValueError, r"'module.': nn.modules.utils.consume"),
        (layer, TypeError, r"got Linear\n  hint: pass its state_dict\(\)"),
        ("weights.npz", TypeError, "hint: load the file first"),
    ]:
        with pytest.raises(error, match=says):
            layer.load_state_dict(given)
