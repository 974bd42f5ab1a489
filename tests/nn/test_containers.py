"""Lists and dicts of modules and parameters."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn


def names(module):
    return [name for name, _ in module.named_children()]


@pytest.mark.parametrize(
    "make", [lambda *m: nn.Sequential(*m), lambda *m: nn.ModuleList(m)], ids=["Sequential", "ModuleList"]
)
def test_a_row_changes_like_a_list(make):
    a, b, c, d = nn.ReLU(), nn.Tanh(), nn.Sigmoid(), nn.Identity()
    row = make(a, b)
    assert row.append(c) is row and row.insert(1, d) is row and list(row) == [a, d, b, c] and names(row) == list("0123")
    assert row.pop(1) is d and list(row) == [a, b, c] and names(row) == list("012")
    row[1] = d
    assert row[-2] is d and d in row and b not in row and row["2"] is c
    del row[0]
    assert list(row) == [d, c] and names(row) == ["0", "1"]
    row.extend([a, b])
    del row[1:3]
    assert list(row) == [d, b] and names(row) == ["0", "1"] and type(row[:1]) is type(row) and list(row[:1]) == [d]
    with pytest.raises(IndexError):
        row[5]


def test_a_sequential_of_names_keeps_them():
    net = nn.Sequential({"first": nn.Linear(2, 3), "then": nn.ReLU(), "last": nn.Linear(3, 1)})
    assert names(net[1:]) == ["then", "last"] and net.first is net[0]
    del net["then"]
    assert names(net) == ["first", "last"]


def test_a_dict_of_modules():
    inner = nn.ModuleDict({"conv": nn.Conv2d(1, 1, 3), "act": nn.ReLU()})
    inner["more"] = nn.Linear(1, 1)
    inner.update([("act", nn.Tanh())])
    assert list(inner) == list(inner.keys()) == ["conv", "act", "more"] and len(inner) == 3 and "act" in inner
    assert isinstance(inner["act"], nn.Tanh) and list(inner.values())[1] is inner["act"]
    assert dict(inner.items())["more"] is inner.more and isinstance(inner.pop("more"), nn.Linear)
    assert list(inner.state_dict()) == ["conv.weight", "conv.bias"]
    inner.clear()
    assert not len(inner)
    with pytest.raises(KeyError, match="dot"):
        inner["a.b"] = nn.ReLU()


def test_lists_and_dicts_of_parameters():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.rows = nn.ParameterList([mg.ones(2), nn.Parameter([3.0])])
            self.named = nn.ParameterDict({"a": mg.zeros(1)})

        def forward(self, x):
            return sum(row.sum() for row in self.rows) * x + self.named["a"]

    net = Net()
    net.rows.append(mg.ones(1))
    net.rows[0] = mg.zeros(2)
    net.named["b"] = nn.Parameter([5.0])
    assert list(net.state_dict()) == ["rows.0", "rows.1", "rows.2", "named.a", "named.b"]
    assert all(isinstance(p, nn.Parameter) and p.requires_grad for p in net.parameters())
    assert net(mg.tensor([2.0])).item() == 8 and len(net.rows) == 3 and len(net.rows[1:]) == 2 and "b" in net.named
    del net.named["b"]
    assert [k for k, _ in net.named.items()] == list(net.named) == list(net.named.keys()) == ["a"]
    assert [p.tolist() for p in net.named.values()] == [[0.0]]
    assert repr(net.named) == "ParameterDict((a): Parameter of float32 and shape (1,))"
    assert repr(net.rows).splitlines()[1] == "  (0): Parameter of float32 and shape (2,)"


def test_shared_modules_and_parameters_count_once_and_learn_once():
    shared = nn.Linear(2, 2, bias=False)
    net = nn.Sequential(shared, nn.ReLU(), shared)
    assert sum(p.numel() for p in net.parameters()) == 4 and len(net.state_dict()) == 2
    assert len(list(net.named_parameters(remove_duplicate=False))) == 2
    before = shared.weight.detach().numpy().copy()
    net(mg.ones(1, 2)).sum().backward()
    g = shared.weight.grad.numpy().copy()
    mg.optim.SGD(net.parameters(), lr=0.5).step()
    np.testing.assert_allclose(shared.weight.detach().numpy(), before - 0.5 * g, rtol=1e-6)
    assert net.summary((1, 2)).parameters == 4 and net.summary((1, 2)).macs == 8


def test_update_takes_its_argument_by_the_name_of_pytorch():
    modules, parameters = nn.ModuleDict({"act": nn.ReLU()}), nn.ParameterDict({"scale": np.ones(2)})
    modules.update(modules={"act": nn.Tanh(), "out": nn.Linear(2, 1)})
    parameters.update(parameters=[("scale", np.zeros(3)), ("shift", np.ones(1))])
    assert [type(module) for module in modules.values()] == [nn.Tanh, nn.Linear]
    assert {name: p.shape for name, p in parameters.items()} == {"scale": (3,), "shift": (1,)}


def test_lists_are_added():
    a, b, c = nn.ReLU(), nn.Tanh(), nn.Linear(1, 1)
    listed = nn.ModuleList([a])
    same = listed
    listed += [b]
    assert same is listed and list(listed) == [a, b]
    more = listed + nn.ModuleList([c])
    assert type(more) is nn.ModuleList and list(more) == [a, b, c] and list(listed) == [a, b]
    assert list(more.state_dict()) == ["2.weight", "2.bias"] and list(listed + [c, a]) == [a, b, c, a]
    parameters = nn.ParameterList([mg.ones(1)])
    parameters += [mg.zeros(2), c.weight]
    assert [tuple(p.shape) for p in parameters] == [(1,), (2,), (1, 1)] and parameters[2] is c.weight


def test_parameter_lists_hold_modules_and_other_values_too():
    inner = nn.ParameterList([mg.ones(2)])
    outer = nn.ParameterList([inner, 0.5, mg.zeros(1)])
    assert outer[0] is inner and outer[1] == 0.5 and outer[-1] is outer[2] and len(outer) == 3
    assert sorted(outer.state_dict()) == ["0.0", "2"] and [type(v) for v in outer][1] is float
    with pytest.raises(IndexError):
        outer[3]


def test_sequentials_are_added_and_repeated():
    a, b, c = nn.ReLU(), nn.Tanh(), nn.Linear(1, 1)
    first, second = nn.Sequential({"relu": a}), nn.Sequential(b, c)
    both = first + second
    assert type(both) is nn.Sequential and list(both) == [a, b, c] and len(first) == 1
    assert [name for name, _ in both.named_children()] == ["0", "1", "2"]
    second += nn.Sequential(a)
    assert list(second) == [b, c, a]
    twice = nn.Sequential(a, c) * 2
    assert list(twice) == list(2 * nn.Sequential(a, c)) == [a, c, a, c] and len(list(twice.parameters())) == 2
    with pytest.raises(ValueError, match="Sequential: can be repeated once or more, got 0"):
        first * 0
    with pytest.raises(TypeError):
        first * 1.5


def test_pytorch_adds_the_same():
    torch = pytest.importorskip("torch")
    found = []
    for lib in (mg, torch):
        L, S = lib.nn.ModuleList, lib.nn.Sequential
        made = [
            L([lib.nn.ReLU()]) + L([lib.nn.Linear(1, 2)]),
            S(lib.nn.ReLU()) + S(lib.nn.Linear(1, 2)),
            S(lib.nn.Linear(1, 1)) * 3,
        ]
        made[0] += [lib.nn.Tanh()]
        made[1] += S(lib.nn.Tanh())
        found.append([(repr(m), list(m.state_dict())) for m in made])
    assert found[0] == found[1]
