"""A leaf keeps its place in the graph for life: its hooks, who receives, and what was recorded with it."""

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.engine import walk
from minigrad.errors import GraphError


def leaf(*values):
    return mg.tensor(np.array(values), requires_grad=True)


def hooked(*values, factor=10.0):
    w = leaf(*values)
    w.register_hook(lambda g: g * factor)
    return w


OFF_AND_ON = {
    "requires_grad_": lambda w: w.requires_grad_(False).requires_grad_(True),
    "the attribute": lambda w: (setattr(w, "requires_grad", False), setattr(w, "requires_grad", True)),
    "detach_": lambda w: w.detach_().requires_grad_(),
    "twice": lambda w: w.requires_grad_(False).requires_grad_(False).requires_grad_(True).requires_grad_(True),
    "a dtype": lambda w: (w.requires_grad_(False), w.astype_(np.dtype("f4")), w.requires_grad_(True)),
    "data": lambda w: (w.requires_grad_(False), setattr(w, "data", w.detach() * 1), w.requires_grad_(True)),
    "in place": lambda w: (w.requires_grad_(False), w.add_(1.0), w.requires_grad_(True)),
}


@pytest.mark.parametrize("name", OFF_AND_ON)
def test_hooks_and_graphs_outlast_being_turned_off(name):
    w = hooked(1.0, 2.0)
    before = (w + w).sum()
    OFF_AND_ON[name](w)
    (w * 1).sum().backward()
    assert w.grad.tolist() == [10, 10]
    assert mg.autograd.grad(before, w, retain_graph=True)[0].tolist() == [20, 20]
    before.backward()
    assert w.grad.tolist() == [30, 30] and w.grad.dtype == w.dtype


def test_the_example_of_clamped_gradients():
    w = leaf(1.0, 2.0)
    handle = w.register_hook(lambda g: g.clamp(max=1))
    w.requires_grad_(False)
    w.requires_grad_(True)
    (w * 5).sum().backward()
    assert w.grad.tolist() == [1, 1]
    w.requires_grad_(False)
    handle.remove()  # also while it is off
    w.requires_grad_(True)
    w.grad = None
    (w * 5).sum().backward()
    assert w.grad.tolist() == [5, 5]


def test_a_leaf_that_is_off_is_a_constant_and_receives_nothing():
    w, v, seen = leaf(1.0, 2.0), leaf(3.0, 4.0), []
    w.register_hook(lambda g: seen.append(g.tolist()))
    y = (w * v).sum()
    w.requires_grad_(False)
    assert not (w * 2).requires_grad and (w * v).node.parents[0] is None
    y.backward()
    assert w.grad is None and v.grad.tolist() == [1, 2] and seen == [[3, 4]]  # the hook runs, as in PyTorch
    z = (w * v).sum()
    w.requires_grad_(True)
    z.backward()
    assert w.grad is None and v.grad.tolist() == [2, 4]
    with pytest.raises(GraphError, match="input 0 requires no gradient"):
        mg.autograd.grad(y, w.requires_grad_(False))
    with pytest.raises(GraphError, match="requires no gradient"):
        w.register_hook(print)


def test_a_leaf_written_to_while_it_is_off_is_noticed():
    for change in (
        lambda w: w.mul_(2),
        lambda w: w.data.mul_(2),
        lambda w: w.__setitem__(0, 5.0),
        lambda w: w.astype_("f4"),
    ):
        w = leaf(1.0, 2.0)
        y = (w * w).sum()
        w.requires_grad_(False)
        change(w)
        w.requires_grad_()
        with pytest.raises(GraphError, match="was written to"):
            y.backward()
        assert w.grad is None


def test_a_leaf_that_became_a_result_while_it_was_off_begins_anew():
    w, v = hooked(1.0, 2.0), leaf(3.0, 4.0)
    old = (w + 1).sum()
    w.requires_grad_(False)
    w.mul_(v)
    assert not w.is_leaf
    (w * 1).sum().backward()
    assert v.grad.tolist() == [1, 2]
    w.detach_()
    w.requires_grad_()
    (w * 1).sum().backward()
    assert w.is_leaf and w.grad.tolist() == [1, 1]
    old.backward()  # its leaf is no more
    assert w.grad.tolist() == [1, 1]


def test_a_result_that_was_detached_still_receives_what_it_retained():
    w = leaf(1.0, 2.0)
    h = w * 2
    h.retain_grad()
    y = (h * 3).sum()
    h.detach_()
    y.backward()
    assert h.grad.tolist() == [3, 3] and w.grad.tolist() == [6, 6]
    h.requires_grad_()
    (h * 1).sum().backward()
    assert h.grad.tolist() == [4, 4]


def test_modules_keep_hooks_and_gradients_through_conversions():
    for convert in (lambda m: m.double(), lambda m: m.half(), lambda m: m.to(np.float64), lambda m: m.double().float()):
        layer = nn.Linear(2, 1)
        layer.weight.register_hook(lambda g: g * 10)
        layer(mg.ones(1, 2)).sum().backward()
        layer.requires_grad_(False)
        convert(layer)
        layer.requires_grad_(True)
        assert layer.weight.grad.dtype == layer.weight.dtype and layer.weight.grad.tolist() == [[10, 10]]
        layer(mg.ones(1, 2, dtype=layer.weight.dtype)).sum().backward()
        assert layer.weight.grad.tolist() == [[20, 20]] and layer.weight.grad.dtype == layer.weight.dtype
    layer.load_state_dict(layer.state_dict())
    layer(mg.ones(1, 2)).sum().backward()
    assert layer.weight.grad.tolist() == [[30, 30]]


def test_a_copy_has_neither_the_hooks_nor_the_place():
    w = hooked(1.0, 2.0)
    y = (w * 1).sum()
    for made in (copy.deepcopy(w), copy.copy(w), pickle.loads(pickle.dumps(w))):
        assert made.requires_grad
        (made * 1).sum().backward()
        assert made.grad.tolist() == [1, 1] and w.grad is None
        with pytest.raises(GraphError, match="do not depend on input 0"):
            mg.autograd.grad(y, made, retain_graph=True)
    assert not copy.deepcopy(w.requires_grad_(False)).requires_grad
    assert not pickle.loads(pickle.dumps(w)).requires_grad


def test_a_leaf_that_is_off_is_not_open_to_functions():
    w = leaf(2.0)
    y = w * 3
    w.requires_grad_(False)
    assert not walk.open_leaves([y.node])


def test_a_leaf_that_is_off_dies_with_its_last_name():
    gc.disable()
    try:
        w = hooked(1.0)
        node = weakref.ref(w.node)
        w.requires_grad_(False)
        del w
        assert node() is None
    finally:
        gc.enable()


# Gradients that are themselves differentiable


def test_a_gradient_keeps_its_graph_when_more_is_added():
    x = mg.tensor(2.0, requires_grad=True)
    (x**3).backward(create_graph=True)
    y = 5 * x
    with mg.no_grad():  # nor does the mode around a backward matter
        y.backward()
    p = x.grad**2 + x
    x.grad = None
    p.backward()
    assert x.grad.item() == 409  # 2 * 17 * 12 + 1


def test_create_graph_adds_up_differentiably_whatever_the_mode_around_it():
    x = mg.tensor(2.0, requires_grad=True)
    (x**3).backward(create_graph=True)
    y = x**3
    with mg.no_grad():
        y.backward(create_graph=True)
    assert x.grad.item() == 24 and mg.autograd.grad(x.grad, x)[0].item() == 24
    (5 * mg.tensor(1.0, requires_grad=True)).backward()
    x.grad = None
    (5 * x).backward()
    assert not x.grad.requires_grad


def test_a_gradient_of_ones_own_stays_differentiable():
    x, mine = mg.tensor(2.0, requires_grad=True), mg.tensor(3.0, requires_grad=True)
    x.grad = mine * mine
    (5 * x).backward()
    assert x.grad.item() == 14
    x.grad.backward()
    assert mine.grad.item() == 6


# backward(inputs=)


@pytest.mark.parametrize("backward", [lambda y, **o: y.backward(**o), lambda y, **o: mg.autograd.backward(y, **o)])
def test_backward_reaches_the_inputs_alone(backward):
    x, z = leaf(2.0), leaf(5.0)
    h = x * z
    y = (h**3).sum()
    backward(y, inputs=[x, x], retain_graph=True)  # counted once
    assert x.grad.item() == 1500 and z.grad is None
    backward(y, inputs=h, retain_graph=True)
    assert h.grad.item() == 300 and x.grad.item() == 1500
    backward(y, inputs=(z,), retain_graph=True)  # what is on the way and retained gets its own
    assert h.grad.item() == 600 and z.grad.item() == 600
    backward(y, inputs=[y, leaf(1.0)])
    assert y.grad.item() == 1


def test_inputs_that_are_refused():
    x, plain = leaf(2.0), mg.tensor(1.0)
    y = (x * x).sum()
    for bad, error, says in (
        ([], GraphError, "must not be empty"),
        ([x, plain], GraphError, r"inputs\[1\] requires no gradient"),
        ([x, 3.0], TypeError, "inputs must be tensors, got float at 1"),
    ):
        with pytest.raises(error, match=says):
            y.backward(inputs=bad)
    assert x.grad is None
    y.backward()


# 0-d gradients, and what may be walked again


def test_gradients_without_axes_stay_arrays():
    x = mg.tensor(2.0, requires_grad=True, dtype=np.float64)
    y = x * 2
    y[...] = 3 * x
    (y * y + y).backward()
    assert x.grad.item() == 39
    seen = []
    h = x * 1
    h.register_hook(lambda g: seen.append(type(g.array)))
    (h * h + h + h).backward()
    assert seen == [np.ndarray] and type(x.grad.array) is np.ndarray


def test_what_saved_numbers_alone_is_walked_again():
    x = leaf(1.0, 2.0)
    m = (x.mean() / 2 * 3 - 1) * 2.0
    (m * 2).backward()
    (m * 3).backward()
    assert x.grad.tolist() == [7.5, 7.5]
    e = x.exp()
    e.sum().backward()
    with pytest.raises(GraphError, match="already freed"):
        e.sum().backward()


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "hardtanh", "relu6", "softshrink"])
def test_a_piecewise_constant_gradient_has_zeros_for_its_own(name):
    def second(lib):
        x = lib.tensor([1.0, -2.0], requires_grad=True)
        (g,) = lib.autograd.grad(getattr(lib.nn.functional, name)(x).sum(), x, create_graph=True)
        g.sum().backward()
        return g.tolist(), x.grad.tolist()

    first, zeros = second(mg)
    assert zeros == [0, 0]
    torch = pytest.importorskip("torch")
    np.testing.assert_allclose((first, zeros), second(torch))


def test_what_is_linear_has_no_second_derivative():
    x = leaf(1.0, 2.0)
    (g,) = mg.autograd.grad((x * mg.tensor([3.0, 4.0])).sum() + x.sum(), x, create_graph=True)
    assert not g.requires_grad
