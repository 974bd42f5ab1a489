"""autograd.Function: PyTorch's interface, several outputs, any order, and gradients that do not fit."""

import gc
import threading
import weakref

import numpy as np
import pytest

import minigrad as mg
from minigrad.autograd import Function, once_differentiable
from minigrad.errors import GraphError
from minigrad.testing import gradcheck, gradgradcheck

X = np.array([0.5, -1.5, 2.0])
Y = np.array([1.2, 0.7, -0.4])


def leaf(a=X):
    return mg.tensor(a, requires_grad=True)


class Exp(Function):
    @staticmethod
    def forward(ctx, x):
        out = np.exp(x)
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx, g):
        (out,) = ctx.saved_tensors
        return g * out


class SumAndProduct(Function):
    """Two outputs that share their inputs; one input is not a tensor."""

    @staticmethod
    def forward(ctx, x, y, scale):
        total, product = (x + y) * scale, x * y
        ctx.save_for_backward(x, y, product)
        ctx.scale = scale
        return total, product

    @staticmethod
    def backward(ctx, g, h):
        x, y, product = ctx.saved_tensors
        assert product.shape == x.shape
        return g * ctx.scale + h * y, g * ctx.scale + h * product / y, None


class Setup(Function):
    @staticmethod
    def forward(x, power):
        return x**power

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.power = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * ctx.power * x ** (ctx.power - 1), None


@pytest.mark.parametrize(
    ("f", "inputs"),
    [
        (Exp.apply, [X]), (lambda x, y: SumAndProduct.apply(x, y, 3.0), [X, Y]),
        (lambda x, y: SumAndProduct.apply(x, y, 3.0)[0], [X, Y]), (lambda x, y: SumAndProduct.apply(x, y, 3.0)[1], [X, Y]),
        (lambda x: SumAndProduct.apply(x, x, 2.0), [Y]), (lambda x: Setup.apply(x, 3), [X]),
        (lambda x, y: Exp.apply(Exp.apply(x) * y) + SumAndProduct.apply(x, y, 1.0)[1], [X, Y]),
    ],
)  # fmt: skip
def test_gradients_of_both_orders(f, inputs):
    gradcheck(f, inputs)
    gradgradcheck(f, inputs)


def test_backward_runs_once_for_all_inputs_and_outputs():
    calls = []

    class Counted(SumAndProduct):
        @staticmethod
        def backward(ctx, g, h):
            calls.append((g.tolist(), h.tolist()))
            return SumAndProduct.backward(ctx, g, h)

    x, y = leaf(), leaf(Y)
    total, product = Counted.apply(x, y, 1.0)
    (total * 2 + product * product).sum().backward()
    assert len(calls) == 1 and calls[0][0] == [2.0] * 3
    np.testing.assert_allclose(x.grad.numpy(), 2 + 2 * X * Y * Y)
    (mg.autograd.grad(Counted.apply(x, y, 1.0)[0].sum(), y))
    assert calls[1][1] == [0.0] * 3  # zeros for the output that nothing depends on


def test_what_backward_is_told():
    seen = []

    class Told(Function):
        @staticmethod
        def forward(ctx, x, y):
            ctx.set_materialize_grads(False)
            indices = mg.tensor([1, 2])
            fixed = y * 2
            ctx.mark_non_differentiable(fixed)
            seen.append(ctx.needs_input_grad)
            assert not mg.is_grad_enabled()
            return x * 2, fixed, indices, "word"

        @staticmethod
        def backward(ctx, *grads):
            seen.append([None if g is None else g.tolist() for g in grads])
            return grads[0] * 2, None

    a, fixed, indices, word = Told.apply(leaf(), mg.tensor(Y))
    assert a.requires_grad and not fixed.requires_grad and not indices.requires_grad and word == "word"
    assert a.grad_fn.operation == a.grad_fn.name() == "Told" and repr(a).endswith("grad_fn=<Told>)")
    a.backward(np.ones(3))
    assert seen == [(True, False), [[1.0] * 3, None, None, None]]
    assert Told.apply(mg.tensor(X), 1.0 * mg.tensor(Y))[0].is_leaf and seen[-1] == (False, False)
    with mg.no_grad():
        assert not Told.apply(leaf(), mg.tensor(Y))[0].requires_grad and seen[-1] == (True, False)

    class Nothing(Told):
        @staticmethod
        def forward(ctx, x):
            return (x * 2).astype(int), x > 0

    assert not any(y.requires_grad for y in Nothing.apply(leaf()))

    class Bits(Nothing):
        @staticmethod
        def forward(ctx, x):
            return x > 0

    assert not Bits.apply(leaf()).requires_grad


def test_inputs_handed_back_arrays_and_attributes():
    class Same(Function):
        @staticmethod
        def forward(ctx, x, a):
            ctx.a = a
            return x, np.asarray(a) * 1.0

        @staticmethod
        def backward(ctx, g, _):
            return g * mg.tensor(ctx.a), None

    x = leaf()
    same, array = Same.apply(x, Y)
    assert same is not x and not same.is_leaf and isinstance(array, mg.Tensor)
    same.backward(np.ones(3))
    np.testing.assert_allclose(x.grad.numpy(), Y)


def test_once_differentiable():
    class Once(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @once_differentiable
        def backward(ctx, g):
            return mg.tensor(g.numpy() * 2 * ctx.saved_tensors[0].detach().numpy())

    assert mg.grad(Once.apply)(3.0).item() == 6.0
    x = leaf()
    (g,) = mg.autograd.grad(Once.apply(x).sum(), x, create_graph=True)
    assert g.requires_grad and g.tolist() == (2 * X).tolist()
    with pytest.raises(GraphError, match=r"Once: .*only once"):
        g.sum().backward()
    with pytest.raises(GraphError, match=r"Once: .*only once"):
        mg.func.jvp(Once.apply, (3.0,), (1.0,))


def test_what_once_differentiable_sees_has_no_history():
    seen = []

    class Half(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x / 2

        @staticmethod
        @once_differentiable
        def backward(ctx, g):
            seen.append((g.requires_grad, ctx.saved_tensors[0].requires_grad, mg.is_grad_enabled()))
            return ctx.saved_tensors[0]  # g is 1

    x = leaf(2.0)
    (g,) = mg.autograd.grad(Half.apply(x), x, create_graph=True)
    assert seen == [(False, False, False)] and g.item() == 2.0 and g.grad_fn.operation == "Half"
    with pytest.raises(GraphError, match=r"Half: .*only once"):
        g.backward()


def test_the_gradient_of_a_linear_function_is_a_constant_whatever_it_saves():
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * 2

    double = function(lambda ctx, g: g * 2, forward).apply
    x = leaf()
    (g,) = mg.autograd.grad(double(x), x, np.ones(3), create_graph=True)
    assert g.tolist() == [2.0] * 3 and not g.requires_grad
    assert list(double(x).node.parents) == [x.node]  # one output is the call itself, not a selection from it


def test_an_array_computed_from_what_was_saved_is_no_constant():
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    square = function(lambda ctx, g: ctx.saved_tensors[0].detach().numpy() * 2.0, forward).apply
    x = leaf()
    (g,) = mg.autograd.grad(square(x), x, np.ones(3), create_graph=True)
    assert g.tolist() == (2 * X).tolist()
    with pytest.raises(GraphError, match=r"Wrong: .*only once"):
        g.sum().backward()
    x = leaf(2.0)
    (g,) = mg.autograd.grad(square(x), x, create_graph=True)
    assert type(g.array) is np.ndarray  # of a NumPy scalar


@pytest.mark.parametrize(
    "backward",
    [
        lambda ctx, g: g.detach().numpy() * 2 * ctx.saved_tensors[0].detach().numpy(),
        lambda ctx, g: g.detach() * 2 * ctx.saved_tensors[0].detach(),
    ],
)
def test_a_gradient_that_left_the_graph_is_no_constant(backward):
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    f = function(backward, forward).apply
    assert mg.grad(f)(3.0).item() == 6.0
    x, w = leaf(), leaf(Y)
    (g,) = mg.autograd.grad(f(x), x, w, create_graph=True)
    with pytest.raises(GraphError, match=r"Wrong: .*only once"):
        (g * g).sum().backward()
    zero = function(lambda ctx, g: g.detach() * 0, forward).apply  # zeros, as PyTorch programs write them, are
    (g,) = mg.autograd.grad((zero(x) + x * x), x, w, create_graph=True)
    g.sum().backward()
    assert x.grad.tolist() == (2 * Y).tolist()


def test_names_and_defaults_of_a_forward_without_a_context():
    class Scaled(Function):
        @staticmethod
        def forward(x, scale=2.0, shift=1.0):
            return x * scale + shift

        @staticmethod
        def setup_context(ctx, inputs, output):
            _, ctx.scale, _ = inputs

        @staticmethod
        def backward(ctx, g):
            return g * ctx.scale, None, None

    for call, scale, shift in (
        (lambda x: Scaled.apply(x), 2, 1), (lambda x: Scaled.apply(x, shift=4.0), 2, 4),
        (lambda x: Scaled.apply(scale=5.0, x=x), 5, 1),
    ):  # fmt: skip
        x = leaf()
        y = call(x)
        y.sum().backward()
        assert y.tolist() == (X * scale + shift).tolist() and x.grad.tolist() == [scale] * 3
    Scaled.backward = staticmethod(lambda ctx, g: (g[:1], None, None))
    with pytest.raises(GraphError, match=r"of 'x' returned shape \(1,\)"):
        Scaled.apply(leaf()).sum().backward()


def test_an_input_changed_in_place_becomes_the_result():
    class ExpInPlace(Function):
        @staticmethod
        def forward(ctx, x, scale):
            ctx.mark_dirty(x)
            x.exp_()
            ctx.save_for_backward(x, scale)
            return x, scale * scale

        @staticmethod
        def backward(ctx, g, h):
            out, scale = ctx.saved_tensors
            return g * out, h * 2 * scale

    x, scale = leaf(), leaf(Y)
    y = x * 2
    out, square = ExpInPlace.apply(y, scale)
    assert out is y and square is not scale
    (gx, gs) = mg.autograd.grad((out * Y + square).sum(), (x, scale), create_graph=True)
    (gx.sum() + (gs * gs).sum()).backward()
    np.testing.assert_allclose(y.detach().numpy(), np.exp(2 * X), rtol=1e-14)
    np.testing.assert_allclose(gx.detach().numpy(), 2 * np.exp(2 * X) * Y, rtol=1e-14)
    np.testing.assert_allclose(x.grad.numpy(), 4 * np.exp(2 * X) * Y, rtol=1e-14)
    assert scale.tolist() == Y.tolist() and gs.tolist() == (2 * Y).tolist() and scale.grad.tolist() == (8 * Y).tolist()
    constant, other = mg.tensor(X), mg.tensor(Y)
    assert ExpInPlace.apply(constant, other)[0] is constant and not constant.requires_grad
    with mg.no_grad():
        assert ExpInPlace.apply(x, scale)[0] is x and x.requires_grad  # a leaf, where nothing is recorded


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("once", [False, True])
def test_what_is_not_there_arrives_as_none(once, create_graph):
    seen = []

    def backward(ctx, g, h):
        x, none = ctx.saved_tensors
        seen.append((none, h))
        return g * 2 * x

    class Two(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            ctx.save_for_backward(x, None)
            return x * x, x * 2

    Two.backward = staticmethod(once_differentiable(backward) if once else backward)
    x = leaf()
    (g,) = mg.autograd.grad(Two.apply(x)[0].sum(), x, create_graph=create_graph)
    assert g.tolist() == (2 * X).tolist() and seen == [(None, None)]


def test_a_gradient_that_left_the_graph_beside_an_output_that_nothing_depends_on():
    class Two(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2, x * 3

        @staticmethod
        def backward(ctx, g, h):
            return g.detach() * 2 + h * 3

    x, w = leaf(), leaf(Y)
    (g,) = mg.autograd.grad(Two.apply(x)[0], x, w, create_graph=True)
    with pytest.raises(GraphError, match=r"Two: .*only once"):
        g.sum().backward()


def function(backward, forward=lambda ctx, x, k: x * 1):
    return type("Wrong", (Function,), {"forward": staticmethod(forward), "backward": staticmethod(backward)})


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize(
    ("backward", "says"),
    [
        (lambda ctx, g: g, "must return 2 gradients, one for each argument, got 1"),
        (lambda ctx, g: (g, None, g), "must return 2 gradients, one for each argument, got 3"),
        (lambda ctx, g: (g, g), "returned a gradient for argument 1, which is not a tensor"),
        (lambda ctx, g: (1.0, None), "returned float for argument 0"),
        (lambda ctx, g: ("g", None), "returned str for argument 0"),
        (lambda ctx, g: (g[:1], None), r"of 'x' returned shape \(1,\), the input has shape \(3,\)"),
        (lambda ctx, g: (g.reshape(3, 1), None), r"returned shape \(3, 1\)"),
        (lambda ctx, g: (g > 0, None), "returned dtype bool"),
        (lambda ctx, g: (np.ones(3, complex), None), "returned dtype complex128"),
    ],
)  # fmt: skip
def test_gradients_that_do_not_fit(backward, says, create_graph):
    x = leaf()
    with pytest.raises(GraphError, match=f"Wrong: .*{says}"):
        function(backward).apply(x, 2.0).sum().backward(create_graph=create_graph)
    assert x.grad is None and mg.is_grad_enabled()


def test_gradients_that_fit_after_all():
    for backward in (lambda ctx, g: (g * 2, None, None), lambda ctx, g: [g.numpy() * 2, None],
                     lambda ctx, g: (g.float() * 2, None)):  # fmt: skip
        x = leaf()
        function(backward).apply(x, 2.0).sum().backward()
        assert x.grad.tolist() == [2.0] * 3 and x.grad.dtype == np.float64
    x = leaf()
    (
        function(lambda ctx, g: None).apply(x) if False else function(lambda ctx, g: (None, None)).apply(x, 1) * x
    ).sum().backward()
    assert x.grad.tolist() == X.tolist()  # None is zero


def test_what_is_refused():
    with pytest.raises(TypeError, match=r"Exp\.apply"):
        Exp()
    with pytest.raises(TypeError, match=r"save_for_backward[\s\S]*argument 1 is of type int[\s\S]*ctx\.name"):
        function(None, lambda ctx, x, k: ctx.save_for_backward(x, 3)).apply(leaf(), 1)
    with pytest.raises(GraphError, match="mark_dirty: a leaf that requires a gradient cannot be changed in place"):
        function(None, lambda ctx, x, k: ctx.mark_dirty(x)).apply(leaf(), 1)
    with pytest.raises(GraphError, match="an input marked by mark_dirty must be returned"):
        function(None, lambda ctx, x, k: ctx.mark_dirty(x) or mg.ones(1)).apply(leaf().detach(), 1)
    with pytest.raises(TypeError, match=r"Exp: apply\(\) takes no names of arguments, got x"):
        Exp.apply(x=leaf())
    with pytest.raises(NotImplementedError, match="backward"):
        type("NoBackward", (Function,), {"forward": staticmethod(lambda ctx, x: x * 1)}).apply(leaf()).sum().backward()
    with pytest.raises(NotImplementedError, match="forward"):
        type("NoForward", (Function,), {}).apply(leaf())


def test_saved_tensors_are_freed_and_guarded():
    x = leaf()
    y = Exp.apply(x).sum()
    y.backward(retain_graph=True)
    y.backward()
    with pytest.raises(GraphError, match=r"Exp: .*already freed"):
        y.backward()
    w = leaf()
    out = Setup.apply(w, 2)
    with mg.no_grad():
        w += 1
    with pytest.raises(GraphError, match=r"Setup: an input .* was written to"):
        out.sum().backward()


def test_nothing_of_it_stays_alive_without_the_collector():
    gc.collect()
    gc.disable()
    try:
        x, y = leaf(), leaf(Y)
        total, product = SumAndProduct.apply(x, y, 2.0)
        alive = [weakref.ref(o) for o in (total, product, total.node, total.node.parents[0], product.array)]
        loss = (total * product).sum()
        loss.backward(create_graph=True)
        del total, product, loss
        x.grad = y.grad = None
        assert [ref() for ref in alive] == [None] * len(alive)
    finally:
        gc.enable()


def test_in_place_changes_by_backward_reach_nobody_else():
    class Rude(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            g *= 0
            return g

    for create_graph in (False, True):
        x, y = leaf(), leaf(Y)
        (Rude.apply(x) + y).sum().backward(create_graph=create_graph)
        assert x.grad.tolist() == [0.0] * 3 and y.grad.tolist() == [1.0] * 3


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_gradient_that_backward_changes_stays_with_those_who_hold_it(create_graph):
    class Doubling(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            return g.mul_(2.0)

    x, given = leaf(), mg.ones(3, dtype=np.float64)
    out = Doubling.apply(x)
    out.retain_grad()
    out.backward(given, create_graph=create_graph)
    assert given.tolist() == out.grad.tolist() == [1.0] * 3 and x.grad.tolist() == [2.0] * 3


def test_the_same_class_in_both_libraries():
    torch = pytest.importorskip("torch")
    results = []
    for lib, make in ((mg, leaf), (torch, lambda a=X: torch.tensor(a, requires_grad=True))):

        class Swish(lib.autograd.Function):
            @staticmethod
            def forward(ctx, x, beta):
                sig = (x * beta).sigmoid()
                ctx.save_for_backward(x, beta, sig)
                return x * sig, sig

            @staticmethod
            def backward(ctx, g, h):
                x, beta, _ = ctx.saved_tensors
                sig = (x * beta).sigmoid()
                slope = sig * (1 - sig)
                gx = g * (sig + x * slope * beta) + h * slope * beta if ctx.needs_input_grad[0] else None
                gb = (g * x * x * slope + h * slope * x).sum() if ctx.needs_input_grad[1] else None
                return gx, gb

        x, beta = make(), make(np.array(1.3))
        a, b = Swish.apply(x, beta)
        first = lib.autograd.grad((a * a + b).sum(), [x, beta], create_graph=True)
        second = lib.autograd.grad((first[0] * first[0]).sum() + first[1] ** 2, [x, beta])
        results.append([a, b, *first, *second])
    for mine, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(mine.detach().numpy(), theirs.detach().numpy(), rtol=1e-12)


def test_only_inputs_is_an_option_of_the_past():
    x = mg.tensor(3.0, requires_grad=True)
    (g,) = mg.autograd.grad(x * x, x, None, False, False, True)
    assert g.item() == 6.0 and x.grad is None
    with pytest.warns(FutureWarning, match="only_inputs has no effect any more"):
        assert mg.autograd.grad(x * x, x, only_inputs=False)[0].item() == 6.0


@pytest.mark.parametrize("once", [False, True])
@pytest.mark.parametrize("create_graph", [False, True])
def test_threads_that_walk_one_graph_do_not_see_each_others_context(once, create_graph):
    """The backward of one thread ends in the middle of that of another, which reads its saved tensors before and after."""
    arrived, found, second = [], [], None

    def backward(ctx, g):
        arrived.append(g)
        (x,) = ctx.saved_tensors
        if len(arrived) == 1:
            second.start()
            second.join(10)
        (again,) = ctx.saved_tensors
        found.append((x.tolist(), again.tolist(), ctx.factor))
        return g * x * ctx.factor

    class Squared(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            ctx.factor = 2
            return x * x

    Squared.backward = staticmethod(once_differentiable(backward) if once else backward)
    x = leaf()
    out = Squared.apply(x)
    second = threading.Thread(target=lambda: out.backward(np.ones(3), retain_graph=True, create_graph=create_graph))
    out.backward(np.ones(3), retain_graph=True, create_graph=create_graph)
    assert found == [(X.tolist(), X.tolist(), 2)] * 2 and x.grad.tolist() == (4 * X).tolist()


def test_threads_that_call_one_function_have_contexts_of_their_own():
    barrier, found = threading.Barrier(2, timeout=10), {}

    class Scaled(Function):
        @staticmethod
        def forward(ctx, x, scale):
            ctx.scale = scale
            ctx.save_for_backward(x)
            barrier.wait()
            return x * scale

        @staticmethod
        def backward(ctx, g):
            barrier.wait()
            (x,) = ctx.saved_tensors
            found[ctx.scale] = x.tolist()
            return g * ctx.scale, None

    def work(x, scale):
        Scaled.apply(x, scale).backward(np.ones(3))

    xs = {2: leaf(), 3: leaf(Y)}
    workers = [threading.Thread(target=work, args=(x, scale)) for scale, x in xs.items()]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(10)
    assert found == {2: X.tolist(), 3: Y.tolist()} and [x.grad.tolist() for x in xs.values()] == [[2] * 3, [3] * 3]


def test_a_backward_that_goes_through_its_own_call_again():
    arrived = []

    class Squared(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            arrived.append(g)
            if len(arrived) == 1:
                out.backward(np.ones(3), retain_graph=True)
            (x,) = ctx.saved_tensors
            return g * x * 2

    x = leaf()
    out = Squared.apply(x)
    out.backward(np.ones(3), retain_graph=True)
    assert len(arrived) == 2 and x.grad.tolist() == (4 * X).tolist()
