"""Where a node was made: recorded for pictures, keeping nothing alive and costing no gradient anything."""

import gc
import threading
import weakref

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.engine.composite import composite
from minigrad.engine.scope import composite_watchers, derivative, here, watch, watchers


class Scale(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter([1.0, 2.0])

    def forward(self, x):
        return x * self.weight


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = Scale()

    def forward(self, x):
        return self.fc(self.fc(x).tanh())


def chain(scope):
    """From the outermost scope inwards: modules, names of composites, derivatives."""
    found = []
    while scope is not None:
        scope, what, _ = scope
        found.append(what() if isinstance(what, weakref.ref) else getattr(what, "__name__", what))
    return found[::-1]


def test_a_node_knows_the_modules_around_it():
    net = Twice()
    y = net(mg.ones(1, 2))
    inner = y.node.parents[0]
    assert chain(y.node.scope) == chain(inner.parents[0].scope) == [net, net.fc]
    assert y.node.scope is not inner.parents[0].scope  # two calls of one layer are two scopes
    assert chain(inner.scope) == [net]
    assert (y * 2).node.scope is None is here.scope


def test_a_composite_names_the_nodes_made_in_it():
    @composite
    def twice(x):
        """Documented."""
        return x + x

    assert (twice.__name__, twice.__doc__) == ("twice", "Documented.")
    assert chain(twice(mg.ones(1, requires_grad=True)).node.scope) == ["twice"]
    assert twice(np.ones(1)).tolist() == [2.0]


def test_a_scope_knows_shape_and_dtype_of_data_that_has_no_node():
    net = Twice()
    y = net(mg.ones(3, 2))
    inner = y.node.parents[0]
    assert [known[:2] for known in inner.scope[2]] == [((3, 2), np.dtype(np.float32))]
    assert y.node.scope[2] == (inner.number,)
    f = composite(lambda x, y, times: x * y * times)
    array = np.ones((2, 1))
    y = f(mg.ones(1, requires_grad=True), array, 3)
    _, known, scalar = y.node.scope[2]
    assert known[:2] == ((2, 1), np.dtype(np.float64)) and known.array() is array and scalar == (3,)
    y = f(mg.ones(1, requires_grad=True), times=2, y=array)
    assert [(one.name, one.known[0]) for one in y.node.scope[2][1:]] == [("times", 2), ("y", (2, 1))]


def test_the_scope_is_left_when_a_call_fails():
    class Broken(nn.Module):
        def forward(self, x):
            raise KeyError("x")

    with pytest.raises(KeyError):
        Broken()(1)
    with pytest.raises(ZeroDivisionError):
        composite(lambda: 1 / 0)()
    assert here.scope is None


def test_nodes_of_a_derivative_know_its_order_and_whose_rule_made_them():
    x = mg.tensor(0.5, requires_grad=True)
    y = x.tanh()
    assert derivative(y.node.scope) is None
    orders = []
    for _ in range(3):
        sources = y
        (y,) = mg.autograd.grad(y, x, create_graph=True)
        orders.append(derivative(y.node.scope).order)
    assert orders == [1, 2, 3] and here.scope is None
    assert derivative(y.node.scope).source <= sources.node.number


def test_the_scope_is_left_when_a_rule_fails():
    @mg.primitive
    def broken(x):
        return x * 1

    @broken.gradient("x")
    def _(g):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken(mg.tensor(1.0, requires_grad=True)).backward(create_graph=True)
    assert here.scope is None


def test_a_scope_keeps_no_module_and_no_node_alive():
    gc.collect()
    gc.disable()
    try:
        net = Twice()
        y = net(mg.ones(1, 2))
        gone = [weakref.ref(net), weakref.ref(net.fc)]
        del net
        assert [ref() for ref in gone] == [None, None] and chain(y.node.scope) == [None, None]
        net = Twice()
        y = net(mg.ones(1, 2)).sum()
        (g,) = mg.autograd.grad(y, net.fc.weight, create_graph=True)
        gone = [weakref.ref(y.node), weakref.ref(g.node)]
        del y, g
        assert [ref() for ref in gone] == [None, None]
    finally:
        gc.enable()


def test_a_watcher_sees_every_operation_of_its_thread():
    seen = []
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    constant = mg.ones(2)

    def elsewhere():
        mg.ones(2) + 1

    with watch(lambda op, args, out, node: seen.append((op.__name__, len(args), out.shape, node is not None))):
        x * 2
        constant + constant
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        with mg.no_grad():
            x.sum()
    x * 3
    assert seen == [("multiply", 2, (2,), True), ("add", 2, (2,), False), ("sum", 4, (), False)] and watchers == []


def test_a_watcher_of_composites_sees_each_call_after_those_inside_it():
    @composite
    def inner(x, factor=1):
        return x * factor

    @composite
    def outer(x):
        return inner(x, factor=3) + 1

    seen = []

    def see(op, args, options, out):
        seen.append((op.__name__, len(args), options, out.tolist(), chain(here.scope)[-1]))

    with watch(see, composite_watchers):
        outer(mg.ones(1))
        with pytest.raises(TypeError):
            inner(mg.ones(1), None)
    outer(mg.ones(1))
    assert seen == [("inner", 1, {"factor": 3}, [3.0], "inner"), ("outer", 1, {}, [4.0], "outer")]
    assert composite_watchers == []
