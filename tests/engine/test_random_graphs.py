"""Random graphs, differentiated backward by the engine and forward by dual numbers: the same to eleven digits."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad.testing import gradcheck
from minigrad.testing.finite_differences import signed_vector
from minigrad.testing.strategies import graphs
from tests import dual_numbers
from tests.dual_numbers import Dual

seeds = st.integers(0, 2**32 - 1)


def directions(rng, arrays):
    return [signed_vector(rng, a.size).reshape(a.shape) for a in arrays]


def inner(parts, others):
    """<a, b> over lists of arrays, and the size of its terms."""
    products = [np.asarray(a) * b for a, b in zip(parts, others, strict=True)]
    return sum(float(p.sum()) for p in products), sum(float(np.abs(p).sum()) for p in products)


def agree(one, other):
    (a, size_a), (b, size_b) = one, other
    return abs(a - b) <= 1e-11 * (size_a + size_b) + 1e-13


def check_first_derivatives(graph, seed):
    rng = np.random.default_rng(seed)
    u = directions(rng, graph.inputs)
    forward = graph(*map(Dual, graph.inputs, u), xp=dual_numbers)

    xs = [mg.tensor(x, requires_grad=True) for x in graph.inputs]
    outputs = graph(*xs)
    assert all(np.array_equal(y.detach().numpy(), wanted) for y, wanted in zip(outputs, graph(*graph.inputs), strict=True))
    gs = directions(rng, [np.empty(y.shape) for y in outputs])
    gradients = [g.numpy() for g in mg.autograd.grad(outputs, xs, gs)]

    wanted = inner(gs, [y.slope for y in forward])
    assert agree(inner(gradients, u), wanted)

    # The same by one backward that adds up in .grad.
    total = sum((y * mg.tensor(g)).sum() for y, g in zip(graph(*xs), gs, strict=True))
    total.backward()
    assert agree(inner([x.grad.numpy() for x in xs], u), wanted)


@settings(max_examples=6 * settings.default.max_examples)
@given(graph=graphs(min_steps=3), seed=seeds)
def test_first_derivatives(graph, seed):
    check_first_derivatives(graph, seed)


@settings(max_examples=2 * settings.default.max_examples)
@given(graph=graphs(min_steps=2, max_steps=8), seed=seeds)
def test_second_derivatives(graph, seed):
    """<g, d2f[u, w]> by dual numbers of dual numbers, and by a backward through a backward."""
    rng = np.random.default_rng(seed)
    u, w = directions(rng, graph.inputs), directions(rng, graph.inputs)
    forward = graph(*[Dual(Dual(x, a), Dual(b, 0 * x)) for x, a, b in zip(graph.inputs, u, w, strict=True)], xp=dual_numbers)

    xs = [mg.tensor(x, requires_grad=True) for x in graph.inputs]
    outputs = graph(*xs)
    gs = directions(rng, [np.empty(y.shape) for y in outputs])
    gradients = mg.autograd.grad(outputs, xs, gs, create_graph=True)
    along_u = sum((g * mg.tensor(a)).sum() for g, a in zip(gradients, u, strict=True))
    if along_u.requires_grad:
        second = [0 * x if h is None else h.numpy() for h, x in zip(
            mg.autograd.grad(along_u, xs, allow_unused=True), graph.inputs, strict=True)]  # fmt: skip
    else:
        second = [0 * x for x in graph.inputs]
    assert agree(inner(second, w), inner(gs, [y.slope.slope for y in forward]))


@given(graph=graphs(max_steps=6))
def test_gradcheck_agrees(graph):
    """The numerical derivatives of the checker, on graphs that nobody chose."""
    assert gradcheck(graph, list(graph.inputs), mode="directional", directions=1)
