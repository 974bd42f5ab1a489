"""What stays alive and for how long, with the garbage collector off: no cycles, nothing kept that is not needed."""

import gc
import sys
import weakref

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad.engine import tape
from minigrad.errors import GraphError


@pytest.fixture(autouse=True)
def without_collector():
    gc.disable()
    yield
    gc.enable()


def leaf(*values):
    return mg.tensor(np.array(values), requires_grad=True)


def watched(array):
    """A tensor of an array, and a way to see whether the array is still there."""
    tensor = mg.tensor(array, requires_grad=True)
    return tensor, weakref.ref(tensor.array)


def test_a_result_dies_with_its_last_name():
    x = leaf(1.0, 2.0)
    y = (x * x).tanh()
    refs = weakref.ref(y), weakref.ref(y.node), weakref.ref(y.node.parents[0])
    del y
    assert [ref() for ref in refs] == [None] * 3


def test_a_leaf_does_not_keep_what_was_made_of_it():
    x = leaf(1.0)
    nodes = [weakref.ref((x * n).node) for n in range(3)]
    assert [ref() for ref in nodes] == [None] * 3


def test_a_leaf_dies_while_its_results_live():
    x = leaf(1.0, 2.0)
    y = x + 1.0
    ref = weakref.ref(x)
    del x
    assert ref() is None
    y.sum().backward()  # its gradient has nowhere to go
    assert y.detach().tolist() == [2.0, 3.0]


def test_backward_frees_what_was_saved_while_the_result_lives():
    x, array = watched(np.arange(4.0))
    y = np.sin(x * 1.0)
    inner = weakref.ref(y.node.saved[0])
    loss = y.sum()
    loss.backward()
    assert inner() is None  # sin had saved its input
    del x
    assert array() is None
    assert loss.item() == pytest.approx(np.sin(np.arange(4.0)).sum())


def test_a_retained_graph_keeps_what_was_saved():
    x = leaf(1.0, 2.0)
    y = np.sin(x * 1.0)
    inner = weakref.ref(y.node.saved[0])
    y.sum().backward(retain_graph=True)
    assert inner() is not None
    del y
    assert inner() is None


def test_only_what_a_gradient_needs_is_saved():
    x, x_array = watched(np.ones(3))
    y = mg.tensor(np.full(3, 2.0))
    product = x * y  # the rule of x asks for y alone
    del x
    assert x_array() is None
    product.sum().backward()
    x, x_array = watched(np.ones(3))
    total = x + y
    del x
    assert x_array() is None and total.requires_grad


def test_a_graph_of_gradients_dies_with_the_gradients():
    x = leaf(0.5)
    (first,) = mg.autograd.grad(np.tanh(x), x, create_graph=True)
    (second,) = mg.autograd.grad(first, x, create_graph=True)
    refs = [weakref.ref(t.node) for t in (first, second)]
    del first, second
    assert [ref() for ref in refs] == [None] * 2


def test_hooks_and_retained_gradients_make_no_cycle():
    x = leaf(1.0, 2.0)
    y = x * 2.0
    y.retain_grad()
    handle = y.register_hook(lambda g: g * 2.0)
    y.sum().backward()
    refs = weakref.ref(y), weakref.ref(y.node)
    del y, handle
    assert [ref() for ref in refs] == [None] * 2


def test_a_failed_backward_leaves_nothing_behind():
    x = leaf(1.0)
    y = x.exp().sum()
    y.backward()
    ref = weakref.ref(y.node)
    with pytest.raises(GraphError):
        y.backward()
    del y
    sys.last_exc = None
    assert ref() is None


def test_steps_of_training_do_not_add_up():
    """The number of objects alive after a hundred steps is that after ten."""
    net = mg.nn.Linear(3, 2)
    optimizer = mg.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    x, t = mg.ones(4, 3), np.array([0, 1, 0, 1])

    def step():
        optimizer.zero_grad()
        F.cross_entropy(net(x), t).backward()
        optimizer.step()

    def alive():
        return sum(issubclass(type(o), mg.Tensor | tape.Node) for o in gc.get_objects())

    for _ in range(10):
        step()
    before = alive()
    for _ in range(90):
        step()
    assert alive() == before


def test_long_chains_die_without_recursion():
    x = leaf(1.0)
    y = x
    for _ in range(50_000):
        y = y * 1.0
    limit = sys.getrecursionlimit()
    del y
    assert sys.getrecursionlimit() == limit
    y = x
    for _ in range(20_000):
        y = y * 1.0
    (first,) = mg.autograd.grad(y, x, create_graph=True)
    del y, first


@pytest.mark.parametrize("create_graph", [False, True])
def test_backward_hooks_of_modules_make_no_cycle(create_graph):
    layer = mg.nn.Linear(3, 2)
    layer.register_full_backward_hook(lambda module, grad_input, grad_output: None)
    layer.register_full_backward_pre_hook(lambda module, grad_output: None)
    for given in (leaf([1.0, 2.0, 3.0]).float().detach(), mg.ones(1, 3, requires_grad=True)):
        y = layer(given).exp()
        refs = [weakref.ref(y.node), weakref.ref(y.node.parents[0]), weakref.ref(y.array)]
        y.sum().backward(create_graph=create_graph)
        del y
        given.grad = None
        layer.zero_grad()
        assert [ref() for ref in refs] == [None] * 3
    y = layer(given)
    ref = weakref.ref(y.node)  # never walked
    del y
    assert ref() is None
