"""Hooks after accumulation, retained gradients, and nodes of the graph, as programs for PyTorch use them."""

import gc
import weakref

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.errors import GraphError


def both(program):
    """Run a program with this library, and with PyTorch where it is installed; return the results."""
    torch = pytest.importorskip("torch")
    return program(mg), program(torch)


def test_hooks_run_after_the_gradient_was_added():
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    seen = []
    first = x.register_post_accumulate_grad_hook(lambda t: seen.append((t is x, t.grad.tolist(), mg.is_grad_enabled())))
    (3 * x).sum().backward()
    (3 * x).sum().backward()
    assert seen == [(True, [3.0, 3.0], False), (True, [6.0, 6.0], False)] and mg.is_grad_enabled()
    x.register_post_accumulate_grad_hook(lambda t: setattr(t, "grad", None))
    with mg.set_grad_enabled(False):
        pass
    (x * x).sum().backward(create_graph=True)
    assert seen[2][2] is True and x.grad is None  # in the order of registration
    first.remove()
    mg.autograd.grad((x * x).sum(), x)  # adds to no .grad
    (x * x).sum().backward()
    assert len(seen) == 3 and x.grad is None


def test_an_error_in_a_hook_restores_the_mode():
    x = mg.tensor(1.0, requires_grad=True)

    def fail(t):
        raise KeyError("here")

    x.register_post_accumulate_grad_hook(fail)
    with pytest.raises(KeyError):
        (x * x).backward()
    assert mg.is_grad_enabled() and x.grad.item() == 2.0


def test_an_optimizer_in_the_backward_is_the_optimizer_after_it():
    def trained(inside):
        mg.manual_seed(0)
        net, x = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)), mg.randn(5, 3)
        opts = {p: optim.Adam([p], lr=0.1) for p in net.parameters()}

        def step(p):
            opts[p].step()
            opts[p].zero_grad()

        if inside:
            for p in net.parameters():
                p.register_post_accumulate_grad_hook(step)
        for _ in range(3):
            net(x).square().sum().backward()
            if not inside:
                for p in net.parameters():
                    step(p)
        return [p.tolist() for p in net.parameters()]

    assert trained(True) == trained(False)


def test_hooks_are_refused_where_nothing_accumulates_and_die_with_the_leaf():
    with pytest.raises(GraphError, match="the tensor requires no gradient"):
        mg.ones(2).register_post_accumulate_grad_hook(print)
    x = mg.tensor(1.0, requires_grad=True)
    with pytest.raises(GraphError, match=r"the tensor is a result\n  hint: use register_hook"):
        (x * 2).register_post_accumulate_grad_hook(print)
    x.register_post_accumulate_grad_hook(lambda t, x=x: x)  # a cycle
    gone = weakref.ref(x)
    del x
    gc.collect()
    assert gone() is None


def test_hooks_as_in_pytorch():
    def program(lib):
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        events = []
        x.register_hook(lambda g: events.append(("first", g.tolist())) or g * 10)
        x.register_hook(lambda g: events.append(("second", g.tolist())))
        x.register_post_accumulate_grad_hook(lambda t: events.append(("after", t.grad.tolist())))
        y = x * x
        y.retain_grad()
        x.retain_grad()
        y.register_hook(lambda g: g + 1)
        y.sum().backward()
        with lib.no_grad():
            x.grad.zero_()
        (2 * x).sum().backward()
        facts = [t.retains_grad for t in (x, y, x.detach(), x * 2)] + [t.is_leaf for t in (x, y, x.detach())]
        return events, facts, x.grad.tolist(), y.grad.tolist()

    mine, theirs = both(program)
    assert mine == theirs and mine[1][:2] == [False, True]


def test_a_program_that_walks_the_graph_finds_what_it_finds_in_pytorch():
    def walked(lib):
        x, w = lib.tensor([1.0, 2.0], requires_grad=True), lib.tensor(3.0, requires_grad=True)
        y = ((x * w).sum() + 1.0).exp() * x.sum()
        found = []

        def visit(node, depth):
            leaf = getattr(node, "variable", None)
            found.append((depth, node.name().rpartition("::")[2].removesuffix("Backward0"), leaf is x, leaf is w))
            for parent, number in node.next_functions:
                assert number == 0
                if parent is not None:
                    visit(parent, depth + 1)

        visit(y.grad_fn, 0)
        return found

    names = {"Mul": "Multiply"}
    mine, theirs = both(walked)
    assert mine == [(depth, names.get(name, name), a, b) for depth, name, a, b in theirs]


def test_a_node_has_a_name_and_room_for_notes():
    x = mg.tensor([1.0, -2.0], requires_grad=True)
    y = mg.leaky_relu(x)
    node = y.grad_fn
    assert node.operation == "leaky_relu" and node.name() == "LeakyRelu" and repr(node) == "<LeakyRelu>"
    assert node.next_functions[0][0].name() == "AccumulateGrad" and node.next_functions[0][0].operation == "leaf"
    assert node.metadata == {}
    node.metadata["seen"] = 1
    assert y.grad_fn.metadata == {"seen": 1} and (y * 2).grad_fn.metadata == {}
    assert isinstance(node, mg.autograd.graph.Node)


@pytest.mark.parametrize("retained", [False, True])
def test_retained_gradients(retained):
    x = mg.tensor(np.ones(2), requires_grad=True)
    y = x * 2
    if retained:
        y.retain_grad()
    assert y.retains_grad is retained and not x.retains_grad
    y.add_(1)  # the tensor is another result now
    assert y.retains_grad is retained
