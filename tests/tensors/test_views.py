"""Views, one property at a time; test_views_machine.py mixes them."""

import gc
import sys
import weakref

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import GraphError


def matrix():
    return mg.arange(12.0).reshape(3, 4).clone()


WRITES = {  # a change through a view, and the same change of a NumPy array
    "x[0][1] = 5": (lambda x: x[0].__setitem__(1, 5.0), lambda a: a.__setitem__((0, 1), 5)),
    "x[:, 0].zero_()": (lambda x: x[:, 0].zero_(), lambda a: a.__setitem__((slice(None), 0), 0)),
    "x[1:3].add_(1)": (lambda x: x[1:3].add_(1), lambda a: a.__setitem__(slice(1, 3), a[1:3] + 1)),
    "x.view(-1)[0] = 5": (lambda x: x.view(-1).__setitem__(0, 5.0), lambda a: a.__setitem__((0, 0), 5)),
    "x.t()[0] = 5": (lambda x: x.t().__setitem__(0, 5.0), lambda a: a.__setitem__((slice(None), 0), 5)),
    "x.mT[0, 1:] = y": (
        lambda x: x.mT.__setitem__((0, slice(1, None)), mg.tensor([7.0, 8.0])),
        lambda a: a.__setitem__((slice(1, None), 0), [7, 8]),
    ),
    "x.diagonal().fill_(5)": (lambda x: x.diagonal().fill_(5.0), lambda a: np.fill_diagonal(a, 5)),
    "x.narrow(0, 0, 1).zero_()": (lambda x: x.narrow(0, 0, 1).zero_(), lambda a: a.__setitem__(0, 0)),
    "x.select(0, 0).fill_(5)": (lambda x: x.select(0, 0).fill_(5.0), lambda a: a.__setitem__(0, 5)),
    "x.chunk(2)[0].zero_()": (lambda x: x.chunk(2)[0].zero_(), lambda a: a.__setitem__(slice(2), 0)),
    "x.split(2)[1].zero_()": (lambda x: x.split(2)[1].zero_(), lambda a: a.__setitem__(2, 0)),
    "x.unbind(1)[0].fill_(5)": (lambda x: x.unbind(1)[0].fill_(5.0), lambda a: a.__setitem__((slice(None), 0), 5)),
    "for row in x": (lambda x: [row.fill_(5.0) for row in x], lambda a: a.fill(5)),
    "x.flatten()[0] = 5": (lambda x: x.flatten().__setitem__(0, 5.0), lambda a: a.__setitem__((0, 0), 5)),
    "x.detach().fill_(5)": (lambda x: x.detach().fill_(5.0), lambda a: a.fill(5)),
    "x.data.t().fill_(5)": (lambda x: x.data.t().fill_(5.0), lambda a: a.fill(5)),
    "x.expand_as(x)[0]": (lambda x: x.expand_as(x)[0].fill_(5.0), lambda a: a.__setitem__(0, 5)),
    "x.transpose(0, 1).copy_(y)": (lambda x: x.transpose(0, 1).copy_(mg.full((4, 3), 5.0)), lambda a: a.fill(5)),
    "init of a part": (lambda x: nn.init.ones_(x[0]), lambda a: a.__setitem__(0, 1)),
    "x[0, 1] += 1": (lambda x: x.__setitem__((0, 1), x[0, 1].add_(1)), lambda a: a.__setitem__((0, 1), 2)),
    "np.add(..., out=x[0])": (lambda x: np.add(x[0], 1, out=x[0]), lambda a: a.__setitem__(0, a[0] + 1)),
    "indexing by a list copies": (lambda x: x[[0, 1]].fill_(5.0), lambda a: None),
    "a mask copies": (lambda x: x[x > 3].zero_(), lambda a: None),
    "clone copies": (lambda x: x.clone().zero_(), lambda a: None),
    "contiguous of a transpose copies": (lambda x: x.t().contiguous().zero_(), lambda a: None),
    "contiguous of itself does not": (lambda x: x.contiguous().zero_(), lambda a: a.fill(0)),
    "flip copies": (lambda x: x.flip(0).zero_(), lambda a: None),
    "reshape of a transpose copies": (lambda x: x.t().reshape(-1).zero_(), lambda a: None),
}


@pytest.mark.parametrize("name", WRITES)
def test_a_write_through_a_view_is_a_write_to_the_tensor(name):
    write, expected = WRITES[name]
    x, a = matrix(), np.arange(12.0).reshape(3, 4)
    view, column = x.t(), x[:, 1]
    write(x)
    expected(a)
    assert x.tolist() == a.tolist() and view.tolist() == a.T.tolist() and column.tolist() == a[:, 1].tolist()


def test_a_recorded_write_makes_a_result_of_the_base_and_of_its_other_views():
    w, v = mg.tensor([1.0, 2.0, 3.0], requires_grad=True), mg.tensor(5.0, requires_grad=True)
    y = w * 1
    before, first = y[1:], y[0]
    first.mul_(v)
    assert y.tolist() == [5.0, 2.0, 3.0] and y.grad_fn.operation == "setitem" and before.grad_fn.operation == "getitem"
    (y * mg.tensor([1.0, -2.0, 3.0])).sum().backward(retain_graph=True)
    assert w.grad.tolist() == [5.0, -2.0, 3.0] and v.grad.item() == 1.0
    before.sum().backward()
    assert w.grad.tolist() == [5.0, -1.0, 4.0] and v.grad.item() == 1.0


def test_a_constant_becomes_a_result_through_a_view():
    out, w = mg.zeros(3, 2), mg.tensor([1.0, 2.0], requires_grad=True)
    for i, row in enumerate(out):
        row.copy_(w * (i + 1))
    assert out.requires_grad and out.tolist() == [[1, 2], [2, 4], [3, 6]]
    out.sum().backward()
    assert w.grad.tolist() == [6.0, 6.0]


def test_a_view_of_a_leaf_refuses_as_the_leaf_does():
    w = nn.Parameter(mg.ones(2, 2))
    for change in (lambda: w[0].zero_(), lambda: w.view(-1).add_(1), lambda: w.t().__setitem__(0, 1.0)):
        with pytest.raises(GraphError, match="a view of a leaf that requires a gradient"):
            change()
    with mg.no_grad():
        row = w[0]
        row.zero_()
    assert w.tolist() == [[0, 0], [1, 1]] and w.is_leaf
    with pytest.raises(GraphError, match="a view of a leaf"):
        row.mul_(mg.tensor(2.0, requires_grad=True))
    assert w.tolist() == [[0, 0], [1, 1]] and w.is_leaf


def test_an_expanded_tensor_takes_one_number_for_all_and_refuses_several():
    x = mg.ones(3)
    rows = x.expand(2, 3)
    assert rows.fill_(2.0) is rows and x.tolist() == [2, 2, 2]
    for change in (lambda: rows.add_(1), lambda: rows.copy_(mg.ones(2, 3)), lambda: rows.__setitem__([0, 1], 1.0)):
        with pytest.raises(GraphError, match="shows in several positions"):
            change()
    rows[1] = mg.tensor([4.0, 5.0, 6.0])
    rows[0][0] = 9.0
    assert x.tolist() == [9, 5, 6] and rows.tolist() == [[9, 5, 6], [9, 5, 6]]


def test_changes_of_shape_in_place_move_the_tensor_alone():
    x = matrix()
    same = x.detach()
    x.t_()
    x[0, 1] = 50.0
    assert x.shape == (4, 3) and same.shape == (3, 4) and same[1, 0].item() == 50.0
    view = x[0]
    with pytest.raises(GraphError, match=r"unsqueeze_: the tensor has views[\s\S]*x\.clone\(\)\.unsqueeze_\("):
        x.unsqueeze_(0)
    del view
    assert x.unsqueeze_(0).shape == (1, 4, 3)


def test_state_dict_shares_its_values_with_the_parameters():
    """Moving averages of weights are written this way in many programs."""
    layer = nn.Linear(2, 1)
    for value in layer.state_dict().values():
        value.copy_(mg.full(value.shape, 3.0))
    assert layer.weight.tolist() == [[3.0, 3.0]] and layer.bias.tolist() == [3.0]


def test_data_takes_the_memory_of_another_tensor():
    flat = mg.zeros(5)
    w = nn.Parameter(mg.ones(2, 2))
    w.data = flat[:4].view(2, 2)
    with mg.no_grad():
        w.add_(1)
    assert flat.tolist() == [1, 1, 1, 1, 0]
    mg.optim.SGD([w], lr=1.0).step()
    (w.sum() * 3).backward()
    mg.optim.SGD([w], lr=1.0).step()
    assert flat.tolist() == [-2, -2, -2, -2, 0] and w.is_leaf


@pytest.mark.skipif(not hasattr(sys, "getrefcount"), reason="needs CPython's reference counts")
def test_a_tensor_that_nobody_else_holds_is_written_in_place():
    x = mg.zeros(1000)
    array = weakref.ref(x.array)
    for i in range(10):
        x[i] = i
        x[i : i + 1].add_(1)
        x.view(10, 100)[0][i] += 1
    assert array() is x.array and x[:10].tolist() == [i + 2 for i in range(10)]
    kept = x.numpy()
    x[0] = 99.0
    assert array() is not x.array and kept[0] == 2 and x[0].item() == 99


def test_a_saved_value_is_never_written_to():
    w, x = mg.tensor([2.0, 3.0], requires_grad=True), mg.tensor([5.0, 7.0])
    y = w * x
    z = w * x[:]
    x.zero_()
    x[0] = 1.0
    y.sum().backward()
    z.sum().backward()
    assert w.grad.tolist() == [10.0, 14.0]


def test_the_array_of_a_living_view_is_not_written_to_while_a_node_has_saved_it():
    w, x = mg.tensor([2.0, 3.0], requires_grad=True), mg.tensor([5.0, 7.0])
    view = x[:]
    z = w * view
    x.zero_()
    z.sum().backward()
    assert w.grad.tolist() == [5.0, 7.0] and view.tolist() == [0.0, 0.0]


def test_a_recorded_change_of_a_detached_part_changes_that_part_of_the_memory():
    x, w = mg.zeros(3), mg.tensor([1.0, 2.0], requires_grad=True)
    part = x[1:].detach()
    part.add_(w)
    assert x.tolist() == [0.0, 1.0, 2.0] and part.tolist() == [1.0, 2.0]
    assert part.requires_grad and not x.requires_grad


def test_a_leaf_that_shares_the_memory_of_a_recorded_change_was_written_to():
    x, w = mg.tensor([1.0, 2.0]), mg.tensor(3.0, requires_grad=True)
    leaf = x.detach().requires_grad_()
    saved = leaf * leaf
    x.mul_(w)
    assert leaf.tolist() == [3.0, 6.0] and leaf.is_leaf
    with pytest.raises(GraphError, match="written to afterwards"):
        saved.sum().backward()


def test_nothing_of_a_finished_step_stays_alive():
    gc.disable()
    try:
        w = nn.Parameter(mg.ones(3, 3))
        for _ in range(100):
            view = w.t()
            view.sum().backward()
        assert len(w.place.memory.tensors()) == 2
        h = w * 2
        history, kept = weakref.ref(h.node), h.detach()
        del h
        assert history() is None and kept.sum().item() == 18  # a detached tensor keeps no graph
    finally:
        gc.enable()
