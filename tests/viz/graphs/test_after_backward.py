"""A picture drawn after backward: what had been saved, and the gradients of leaves."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.pytree import leaves
from minigrad.testing.calls import Call
from minigrad.viz.graphs.gradients import root_mean_square
from minigrad.viz.graphs.saved_bytes import arrays_in, saved_bytes
from tests.ops.specs import SPECS
from tests.viz.graphs.test_numbers import tape


def test_a_picture_after_backward_shows_what_was_saved_and_the_gradients_of_leaves():
    net = mg.models.SimpleConvNet((1, 8, 8))
    images, labels = np.random.default_rng(0).random((10, 1, 8, 8), np.float32), np.arange(10)
    loss = net.loss(images, labels)
    before = mg.viz.graph(loss, model=net)
    assert before.look.show == {"shapes", "saved"} and sum(n.saved for n in before.nodes) > 40_000
    loss.backward()
    after = mg.viz.graph(loss, model=net)
    assert after.look.show == {"shapes", "saved", "grads"}
    assert [(n.name, n.saves, n.saved) for n in after.nodes] == [(n.name, n.saves, n.saved) for n in before.nodes]
    known = {n.name: n.gradient for n in after.nodes if n.gradient is not None}
    assert known == {name: root_mean_square(p.grad.numpy()) for name, p in net.named_parameters()}
    assert "gradient, root mean square" in after.render("svg").decode()
    scores = mg.tensor(np.ones((2, 3)), requires_grad=True) * 2.0  # of several elements: no walk is needed
    (scores * scores).sum().backward()
    assert mg.viz.graph(scores).look.show == {"shapes", "saved"}


@pytest.mark.parametrize("dtype", [np.float64, np.float16])
@pytest.mark.parametrize("leaf", [True, False])
def test_saved_bytes_after_backward_are_those_before_it_for_every_operation(leaf, dtype):
    """Of each spec one call; what it saves of arguments that are no tensors is not compared."""
    compared = 0
    for spec in (spec for spec in SPECS if spec.order):
        sample = spec.sample(np.random.default_rng(0))
        call = Call(spec.fn, sample.args, sample.kwargs)
        floats = [x.detach().astype(dtype).requires_grad_() if x.dtype.kind == "f" else x for x in call.tensors()]
        try:
            with np.errstate(all="ignore"):
                outputs = leaves(call.outputs(floats if leaf else [x * 1.5 if x.requires_grad else x for x in floats]))
        except (ValueError, TypeError, mg.GraphError):  # not in float16, or in place
            continue
        outputs = [y for y in outputs if isinstance(y, mg.Tensor) and y.requires_grad]
        if not outputs:
            continue
        seeds = [mg.ones_like(y) for y in outputs]
        nodes = _nodes(outputs)
        if any(_arrays_without_a_node(node) for node in nodes):
            continue
        before = saved_bytes(nodes, {})
        with np.errstate(all="ignore"):
            mg.autograd.backward(outputs, seeds)
        assert saved_bytes(nodes, {}) == before, spec.name
        compared += any(node.saved is None for node in nodes)
    assert compared > 150


@pytest.mark.parametrize("plain", [False, True])
def test_the_ledger_after_backward_is_that_before_it_for_every_operation(plain):
    """Also of what is saved of arguments that are no leaves: constant tensors, plain arrays, factors of a decomposition."""
    compared = set()
    for spec in (spec for spec in SPECS if spec.order):
        sample = spec.sample(np.random.default_rng(0))
        call = Call(spec.fn, sample.args, sample.kwargs)
        first, *others = call.tensors()
        if first.dtype.kind != "f":
            continue
        try:
            inputs = [first * 1.5, *((x.numpy() if plain else x.detach()) for x in others)]
            with np.errstate(all="ignore"):
                outputs = [y for y in leaves(call.outputs(inputs)) if isinstance(y, mg.Tensor) and y.requires_grad]
        except (ValueError, TypeError, AttributeError, mg.GraphError):  # needs tensors, or is in place
            continue
        if not outputs:
            continue

        def ledger(outputs=outputs):
            nodes = mg.viz.graph(outputs, names={}).nodes
            return [(node.name, node.saves, node.saved) for node in nodes if node.kind == "op"]

        before = ledger()
        with np.errstate(all="ignore"):
            mg.autograd.backward(outputs, [mg.ones_like(y) for y in outputs])
        assert ledger() == before, spec.name
        compared.add(spec.name)
    assert len(compared) > 150


@pytest.mark.parametrize("decompose", [mg.linalg.qr, mg.linalg.eigh, mg.linalg.svd])
def test_factors_count_after_backward_as_before_it(decompose):
    x = mg.tensor(np.diag([1.0, 2.0, 4.0]) + 0.1, requires_grad=True)
    loss = sum(factor.exp().sum() for factor in decompose(x * 1))
    before = mg.viz.graph(loss, names={}).title
    loss.backward()
    assert mg.viz.graph(loss, names={}).title == before


@pytest.mark.parametrize("rows", [lambda x: x[:5], lambda x: x.reshape(20, 6), lambda x: x[:5].reshape(6, 5).T])
def test_views_of_data_count_as_the_array_that_they_are_of(rows):
    x, w = mg.tensor(np.ones((20, 6))), mg.tensor(np.ones((6, 4)), requires_grad=True)
    loss = (rows(x) @ w).sum() + (x @ w).sum()
    before = mg.viz.graph(loss)
    loss.backward()
    for graph in (before, mg.viz.graph(loss)):
        assert [node.saved for node in graph.nodes if node.saved] == [x.nbytes]


def _nodes(outputs):
    found = {node for output in outputs for node in tape(output)}
    return sorted(found, key=lambda node: node.number)


def _arrays_without_a_node(node):
    saved = zip(node.plan.saves, node.saved, strict=True)
    return any(kind == "arg" and node.parents[at] is None and any(True for _ in arrays_in(v)) for (kind, at), v in saved)
