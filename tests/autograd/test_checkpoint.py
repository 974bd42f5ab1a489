"""checkpoint: the same numbers for less memory, and an error where they would not be the same."""

import gc
import threading
import time
import weakref

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.autograd import checkpoint
from minigrad.errors import GraphError

A = np.random.default_rng(0).standard_normal((4, 3))
G = np.random.default_rng(1).standard_normal((4, 3))


def leaf(a=A):
    return mg.tensor(a, requires_grad=True)


W = leaf(np.random.default_rng(2).standard_normal((3, 3)))


def block(x, scale=1.0, *, shift=0.0):
    return np.tanh(x @ W * scale + shift) * np.exp(-x * x)


def gradients(f, *tensors):
    W.grad = None
    xs = [leaf(t) for t in tensors]
    out = f(*xs)
    out.backward(G)
    return [out.tolist(), *(x.grad.tolist() for x in xs), W.grad.tolist()]


def test_gradients_of_arguments_and_of_what_is_closed_over():
    assert gradients(lambda x: checkpoint(block, x, 2.0, shift=0.5), A) == gradients(lambda x: block(x, 2.0, shift=0.5), A)
    nested = lambda x: checkpoint(lambda x: block(checkpoint(block, x) + checkpoint(block, x * 2)), x)
    assert gradients(nested, A) == gradients(lambda x: block(block(x) + block(x * 2)), A)
    trees = lambda x, y: checkpoint(lambda d, l: block(d["x"]) * l[0], {"x": x}, [y, "word"])
    assert gradients(trees, A, G) == gradients(lambda x, y: block(x) * y, A, G)


def test_chosen_inputs_and_higher_orders():
    for f in (block, lambda x: checkpoint(block, x)):
        x = leaf()
        out = f(x)
        (g,) = mg.autograd.grad(out, x, G, create_graph=True)
        (h,) = mg.autograd.grad((g * g).sum(), x, create_graph=True)
        (third,) = mg.autograd.grad((h * G).sum(), W)
        found = (g.tolist(), h.tolist(), third.tolist())
        if f is block:
            expected = found
    assert found == expected
    hv = mg.func.hvp(lambda x: checkpoint(block, x).sum(), (A,), (G,))
    np.testing.assert_array_equal(hv.detach(), mg.func.hvp(lambda x: block(x).sum(), (A,), (G,)).detach())


def test_nothing_is_kept_and_the_function_runs_once_more():
    runs, arrays = [], []

    def f(x):
        runs.append(1)
        for _ in range(5):
            x = np.exp(x * 0.1)
            arrays.append(weakref.ref(x.array))
        return x * 1

    gc.disable()
    try:
        x = leaf()
        out = checkpoint(f, x)
        assert len(runs) == 1 and all(ref() is None for ref in arrays)
        out.backward(G, retain_graph=True)
        assert len(runs) == 2
        first = x.grad.tolist()
        out.backward(G)  # the arrays are there now
        assert len(runs) == 2 and x.grad.tolist() == (2 * np.array(first)).tolist()
        assert all(ref() is None for ref in arrays)  # and freed by the last walk
        with pytest.raises(GraphError, match="already freed"):
            out.backward(G)
        with mg.no_grad():
            assert not checkpoint(f, x).requires_grad and len(runs) == 3
    finally:
        gc.enable()


def test_what_was_computed_again_may_be_written_to():
    w = leaf()
    out = checkpoint(lambda x: np.exp(x + w), leaf(G))
    out.backward(G, retain_graph=True)
    with mg.no_grad():
        w += 1
    out.backward(G)
    np.testing.assert_allclose(w.grad.numpy(), 2 * G * np.exp(A + G))


def test_a_thread_that_waits_for_the_second_run_does_not_repeat_it():
    runs, found = [], []

    def f(x):
        runs.append(1)
        if len(runs) == 2:
            second.start()
            time.sleep(0.1)  # it reaches the lock
        return np.sin(x * x)

    def differentiate():
        found.append(mg.autograd.grad(out, x, G, retain_graph=True)[0].tolist())

    x, second = leaf(), threading.Thread(target=differentiate)
    out = checkpoint(f, x)
    differentiate()
    second.join(10)
    assert len(runs) == 2 and found == [mg.autograd.grad(np.sin(x * x), x, G)[0].tolist()] * 2


@pytest.mark.parametrize(
    ("segments", "runs"), [(1, [0, 1, 2, 3, 4]), (2, [0, 1, 2, 3, 4, 0, 1]), (5, [0, 1, 2, 3, 4, 3, 2, 1, 0])]
)
def test_all_segments_but_the_last_run_twice(segments, runs):
    calls = []

    def layer(i):
        return lambda x: (calls.append(i), x.tanh())[1]

    x, y = leaf(), leaf()
    mg.utils.checkpoint.checkpoint_sequential([layer(i) for i in range(5)], segments, x).sum().backward()
    assert calls == runs
    y.tanh().tanh().tanh().tanh().tanh().sum().backward()
    assert x.grad.tolist() == y.grad.tolist()


def test_dropout_draws_the_same_and_the_generator_goes_on():
    drop = nn.Dropout(0.5)

    def f(x):
        return drop(block(x)) * drop(x)

    results = []
    for call in (f, lambda x: checkpoint(f, x)):
        mg.manual_seed(7)
        results.append((gradients(call, A), mg.rand(3).tolist()))
    assert results[0] == results[1]
    mg.manual_seed(7)
    assert gradients(lambda x: checkpoint(f, x, preserve_rng_state=False), A) != results[0][0]


def test_what_follows_an_inner_checkpoint_draws_the_same():
    def outer(x, inner):
        return F.dropout(inner(lambda x: F.dropout(block(x), 0.5, True), F.dropout(x, 0.5, True)) * x, 0.5, True)

    results = []
    for call in (lambda f, *args: f(*args), checkpoint):
        mg.manual_seed(3)
        results.append((gradients(lambda x, call=call: call(lambda x: outer(x, call), x), A), mg.rand(3).tolist()))
    assert results[0] == results[1]


@pytest.mark.parametrize("call", [checkpoint, lambda f, x: mg.utils.checkpoint.checkpoint_sequential([f, f], 2, x)])
def test_the_second_run_leaves_the_generator_where_it_was(call):
    mg.manual_seed(0)
    x = leaf()
    out = call(lambda x: F.dropout(x * x, 0.5, True), x)
    mg.rand(3)
    before = mg.random.default_generator().bit_generator.state
    out.sum().backward()
    assert mg.random.default_generator().bit_generator.state == before


def test_later_changes_in_place_do_not_matter():
    a = G.copy()
    x = leaf()
    h = x * 1

    def f(h, a):
        h *= 2
        return np.exp(h) * a

    out = checkpoint(f, h, a)
    h += 100
    a[:] = 0
    out.backward(np.ones((4, 3)))
    np.testing.assert_allclose(x.grad.numpy(), 2 * np.exp(2 * A) * G)


def test_what_would_give_other_numbers_is_refused():
    w = leaf()
    out = checkpoint(lambda x: np.exp(x + w), leaf(G))  # exp saves its result alone: without a checkpoint, w may change
    with mg.no_grad():
        w += 1
    with pytest.raises(GraphError, match=r"checkpoint: a tensor .* was written to"):
        out.sum().backward()
    assert w.grad is None
    turn = iter([np.exp, np.tanh, np.exp])
    out = checkpoint(lambda x: next(turn)(x), leaf())
    with pytest.raises(GraphError, match="other operations the second time: operation 0 was exp, is tanh"):
        out.sum().backward()
    depth = iter([1, 3])
    out = checkpoint(lambda x: [x := np.exp(x) for _ in range(next(depth))][-1], leaf())
    with pytest.raises(GraphError, match="1, then 3"):
        out.sum().backward()
    assert mg.is_grad_enabled()


def test_a_function_may_walk_a_graph_of_its_own():
    def f(x):
        y = block(x)
        (g,) = mg.autograd.grad(y.sum(), x)  # frees what y saved
        return x.sin() * g

    (g,) = mg.autograd.grad(block(x := leaf()).sum(), x)
    out = checkpoint(f, x)
    out.backward(G)
    np.testing.assert_allclose(x.grad.numpy(), G * np.cos(A) * g.numpy(), rtol=1e-12)


def test_functions_of_several_outputs_inside():
    class Two(mg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return np.sin(x), np.cos(x)

        @staticmethod
        def backward(ctx, g, h):
            (x,) = ctx.saved_tensors
            return g * np.cos(x) - h * np.sin(x)

    def f(x):
        s, c = Two.apply(block(x))
        return s * c + x

    assert gradients(lambda x: checkpoint(f, x), A) == gradients(f, A)


def test_a_network_trains_the_same():
    results = []
    for use in (False, True):
        mg.manual_seed(0)
        net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 2))
        optimizer = mg.optim.Adam(net.parameters(), lr=0.1)
        losses = []
        for _ in range(4):
            optimizer.zero_grad()
            x = mg.tensor(A.astype(np.float32))
            loss = F.cross_entropy(checkpoint(net, x) if use else net(x), np.array([0, 1, 1, 0]))
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        results.append(losses)
    assert results[0] == results[1]


@pytest.mark.parametrize("write", [lambda y: y.mul_(0.0), lambda y: mg.no_grad()(y.zero_)()], ids=["recorded", "unrecorded"])
@pytest.mark.parametrize("is_leaf", [False, True])
def test_a_result_in_the_closure_that_was_written_to_is_refused(write, is_leaf):
    w = mg.tensor([1.0, 2.0], requires_grad=True)
    y = w * 2.0
    out = checkpoint(lambda x: mg.sin(x * y), mg.tensor([0.1, 0.2], requires_grad=is_leaf))
    write(y)
    with pytest.raises(GraphError, match="written to before backward"):
        out.sum().backward()
    assert w.grad is None


def test_a_backward_that_is_refused_changes_nothing():
    x, y = (mg.tensor([value], requires_grad=True) for value in (0.5, 1.5))
    out = mg.autograd.checkpoint(lambda x: (x + 1).sin(), x)
    loss = out * y
    with mg.no_grad():
        x.copy_(mg.tensor([0.25]))
    for _ in range(2):  # the first one did not free the product
        with pytest.raises(GraphError, match="written to before backward"):
            loss.backward()
    assert mg.autograd.grad(loss, y)[0].tolist() == out.tolist()


def test_a_write_in_the_middle_of_backward_is_refused():
    w = mg.tensor([1.0, 2.0], requires_grad=True)
    out = checkpoint(lambda x: (x * w).sin(), mg.tensor([0.1, 0.2])).exp()

    def write(g):
        with mg.no_grad():
            w.fill_(0.0)

    out.register_hook(write)
    with pytest.raises(GraphError, match="written to before backward"):
        out.sum().backward()
    assert w.grad is None


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_gradient_with_respect_to_a_checkpoint_does_not_run_it_again(create_graph):
    x, runs = mg.tensor([0.1, 0.2], requires_grad=True), []

    def function(x):
        runs.append(0)
        return x.sin().square()

    y = checkpoint(function, x)
    z = y.exp()
    with mg.no_grad():
        x.fill_(1.0)  # what it saved is gone, and not needed
    (g,) = mg.autograd.grad(z.sum(), y, create_graph=create_graph)
    assert g.tolist() == z.tolist() and len(runs) == 1
