"""The tape: order, accumulation, freeing, scale, modes, hooks, and what is refused."""

import gc
import sys
import threading
import weakref

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad.errors import DTypeError, GraphError, ShapeError


def leaf(*values, dtype=np.float64):
    return mg.tensor(np.array(values, dtype), requires_grad=True)


def counting_square():
    """A square that counts how often its gradient rule runs."""
    calls = []

    @mg.primitive
    def double(x):
        return x + x

    @double.gradient("x")
    def _(g):
        calls.append(1)
        return 2 * g

    return double, calls


def test_a_diamond_of_sixty_costs_sixty_rule_calls():
    double, calls = counting_square()

    @mg.primitive
    def join(x, y):
        return x + y

    join.gradient("x", "y")(lambda g: (calls.append(1), g)[1])
    x = y = leaf(1.0)
    for _ in range(60):
        y = join(y, y)
    y.sum().backward()
    assert x.grad.item() == 2.0**60
    assert len(calls) == 120  # two arguments for each of sixty nodes, and no more
    x = y = leaf(1.0)
    calls.clear()
    for _ in range(60):
        y = double(y)
    y.sum().backward()
    assert len(calls) == 60


def test_a_chain_of_100_000_is_built_differentiated_and_freed():
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y + 1
    y.backward()
    assert x.grad.item() == 1.0
    del y
    y = x
    for _ in range(100_000):  # never walked: freed by deletion alone
        y = y * 1.0
    del y


def test_a_deep_chain_differentiates_twice():
    x = leaf(1.0)
    y = x
    for _ in range(2_000):
        y = y * 1.0001 + 0.0 * x * x
    (first,) = mg.autograd.grad(y, x, create_graph=True)
    (second,) = mg.autograd.grad(first, x)
    np.testing.assert_allclose(first.item(), 1.0001**2000, rtol=1e-10)
    assert np.isfinite(second.item())


def test_nothing_of_a_finished_step_stays_alive_without_the_collector():
    gc.collect()
    gc.disable()
    try:
        w = leaf(1.0, 2.0)
        h = (w * 2).tanh()
        loss = (h * h).sum()
        alive = [weakref.ref(o) for o in (h, loss, h.node, loss.node)]
        loss.backward()
        del h, loss
        assert [ref() for ref in alive] == [None] * 4
        y = (w**3).sum()
        node = weakref.ref(y.node)
        y.backward(create_graph=True)
        del y
        w.grad = None
        assert node() is None
    finally:
        gc.enable()


def test_saved_arrays_are_freed_by_backward():
    x = leaf(1.0, 2.0)
    y = x.exp()
    z = y.sum()
    saved = weakref.ref(y.array)
    z.backward()
    del y
    assert saved() is None


def test_saved_arrays_are_freed_before_the_next_node_is_visited():
    """Of a chain, the walk holds what the rules still need: at the peak of memory, one array less."""
    seen, x = [], leaf(0.5, -1.0, 2.0)

    @mg.primitive
    def double(x):
        return x + x

    @double.gradient("x")
    def _(g):
        seen.append(saved())
        return 2 * g

    doubled = double(x)
    y = doubled.sin()
    saved = weakref.ref(y.node.saved[0])
    del doubled
    y.backward(mg.tensor([1.0, -2.0, 0.5]))
    assert len(seen) == 1
    assert seen[0] is None


def test_only_what_a_rule_names_is_kept():
    x, y = leaf(1.0, 2.0), mg.tensor([3.0, 4.0], dtype=np.float64)
    assert [len((x + y).node.saved), len((x * y).node.saved)] == [0, 1]
    assert (x * y).node.saved[0] is y.array  # x itself is needed only for the gradient of y
    out = x.relu()
    assert out.node.saved[0] is out.array


def test_backward_accumulates_and_never_shares():
    x = leaf(1.0, 2.0)
    g = np.array([1.0, -3.0])
    (x + x + x).backward(g)
    assert x.grad.numpy().tolist() == [3.0, -9.0]
    first = x.grad
    (x * 1.0).backward(g)
    assert x.grad.numpy().tolist() == [4.0, -12.0] and first.numpy().tolist() == [3.0, -9.0]
    assert g.tolist() == [1.0, -3.0]
    y = leaf(1.0, 2.0)
    z = x + y
    z.backward(g)
    for a in (x.grad.array, y.grad.array):
        assert a.flags.writeable and a.base is None and not np.shares_memory(a, g)
    assert not np.shares_memory(x.grad.array, y.grad.array)


@pytest.mark.skipif(not hasattr(sys, "getrefcount"), reason="needs CPython's reference counts")
@pytest.mark.parametrize("kept", [False, True])
def test_a_gradient_that_nothing_else_holds_is_neither_copied_nor_added_out_of_place(kept):
    held, made = [], []

    class Doubled(mg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 2 * x

        @staticmethod
        def backward(ctx, g):
            out = 2 * g
            made.append(out.array.ctypes.data)
            held.append(out.array if kept else None)
            return out

    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    Doubled.apply(x).sum().backward()
    assert (x.grad.array.ctypes.data == made[0]) is not kept
    (Doubled.apply(y) + 0 * Doubled.apply(y)).sum().backward()
    assert (y.grad.array.ctypes.data == made[1]) is not kept
    assert y.grad.tolist() == [2.0, 2.0] and all(array.tolist() in ([2.0, 2.0], [0.0, 0.0]) for array in held if kept)


def test_gradients_of_broadcast_views_are_real_arrays():
    x = leaf(1.0, 2.0)
    x.sum().backward()
    assert x.grad.array.base is None and x.grad.array.flags.writeable and x.grad.array.strides == (8,)


def test_intermediate_gradients_only_where_asked_for():
    x = leaf(2.0)
    y = x * 3
    z = x * 4
    z.retain_grad()
    (y * z).sum().backward()
    assert z.grad.item() == 6.0
    with pytest.warns(UserWarning, match="retain_grad"):
        assert y.grad is None
    with pytest.raises(GraphError, match="the tensor requires no gradient"):
        mg.tensor(1.0).retain_grad()


def test_grad_visits_only_what_lies_between():
    double, calls = counting_square()
    x = leaf(1.0)
    h = double(double(x))
    y = h * 3
    (g,) = mg.autograd.grad(y, h)
    assert g.item() == 3 and calls == [] and x.grad is None
    h.backward()  # the part below h was neither visited nor freed
    assert x.grad.item() == 4.0 and len(calls) == 2
    x.grad, h = None, x.exp()
    mg.autograd.grad(h * 3, h)
    h.backward()  # nor was what h itself saved
    assert x.grad.item() == np.exp(1.0)


def test_grad_of_several_outputs_and_inputs():
    x, y, unused = leaf(2.0), leaf(3.0), leaf(1.0)
    gx, gy = mg.autograd.grad([x * y, x + y], [x, y], [np.array([10.0]), np.array([1.0])])
    assert (gx.item(), gy.item()) == (31.0, 21.0)
    with pytest.raises(GraphError, match="do not depend on input 1"):
        mg.autograd.grad(x * y, [x, unused])
    assert mg.autograd.grad(x * y, [x, unused], allow_unused=True)[1] is None


def test_grad_of_an_interior_and_a_leaf_at_once():
    x = leaf(2.0)
    h = x * x
    y = h * h
    gh, gx = mg.autograd.grad(y, [h, x])
    assert (gh.item(), gx.item()) == (8.0, 32.0)


@pytest.mark.parametrize("order", range(1, 6))
def test_tanh_to_the_fifth_derivative(order):
    x = mg.tensor(0.3, dtype=np.float64, requires_grad=True)
    y = np.tanh(x)
    for _ in range(order):
        (y,) = mg.autograd.grad(y, x, create_graph=True)
    t = np.tanh(0.3)
    p = np.polynomial.Polynomial([0, 1])
    for _ in range(order):
        p = p.deriv() * np.polynomial.Polynomial([1, 0, -1])  # d/dx p(t) = p'(t) (1 - t**2)
    np.testing.assert_allclose(y.item(), p(t), rtol=1e-10)


def test_backward_of_a_gradient_reaches_the_incoming_gradient_too():
    x, g = leaf(2.0), leaf(3.0)
    (gx,) = mg.autograd.grad(x**3, x, g, create_graph=True)
    gx.sum().backward()
    assert g.grad.item() == 12.0 and x.grad.item() == 36.0


def test_a_number_flows_in_as_a_gradient():
    x = leaf(2.0)
    assert mg.autograd.grad((x**2).sum(), x, 3.0)[0].item() == 12.0
    mg.autograd.backward((x**2).sum(), 0.5)
    assert x.grad.item() == 2.0
    with pytest.raises(GraphError, match="1 outputs, but 2 incoming gradients"):
        mg.autograd.grad((x**2).sum(), x, [1.0, 1.0])


def test_a_graph_is_walked_once_unless_retained():
    x = leaf(1.0)
    y = x.exp().sum()
    y.backward(retain_graph=True)
    y.backward()
    grad = x.grad.numpy().copy()
    with pytest.raises(GraphError, match=r"exp: .*already freed[\s\S]*retain_graph=True"):
        y.backward()
    assert (x.grad.numpy() == grad).all()


def test_a_freed_graph_below_a_newer_target():
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    h = x.exp()
    h.sum().backward()
    t = mg.tensor([3.0, 4.0], requires_grad=True)  # newer than what was freed
    with pytest.raises(GraphError, match="exp: backward through a graph that was already freed"):
        mg.autograd.grad((h * t).sum(), [t, x])
    (g,) = mg.autograd.grad((h * t).sum(), [t])  # needs nothing of it
    np.testing.assert_array_equal(g.numpy(), h.detach().numpy())


def test_writing_to_a_saved_input_is_noticed():
    w = leaf(2.0)
    y = w * w
    stale = w + 1
    with mg.no_grad():
        w.copy_([5.0])
    with pytest.raises(GraphError, match=r"multiply: an input .* was written to"):
        y.backward()
    assert w.grad is None
    stale.backward()  # add saved nothing
    assert w.grad.item() == 1.0
    (w * w).backward()
    assert w.grad.item() == 11.0


def test_an_array_written_to_after_its_use_does_not_matter():
    x, c = leaf(1.0, 2.0), np.array([3.0, 4.0])
    y = (x * c).sum()
    c[:] = 0
    y.backward()
    assert x.grad.numpy().tolist() == [3.0, 4.0]
    index = np.array([0, 0])
    z = x[index].sum()
    index[:] = 1
    x.grad = None
    z.backward()
    assert x.grad.numpy().tolist() == [2.0, 0.0]


def test_a_view_of_a_parameter_changes_with_it_and_an_array_taken_before_does_not():
    w = leaf(1.0, 2.0)
    view, shared, array = w.reshape(2, 1), w.detach(), w.detach().numpy()
    with mg.no_grad():
        w.copy_([7.0, 8.0])
    assert view.detach().numpy().ravel().tolist() == shared.numpy().tolist() == [7.0, 8.0]
    assert array.tolist() == [1.0, 2.0]


def test_modes_nest_restore_and_decorate():
    x = leaf(1.0)
    assert mg.is_grad_enabled()
    with mg.no_grad():
        assert not (x * 2).requires_grad
        with mg.enable_grad():
            assert (x * 2).requires_grad
        with mg.inference_mode(False):
            assert mg.is_grad_enabled()
        assert not mg.is_grad_enabled()
    with mg.inference_mode():
        assert not (x * 2).requires_grad
    with pytest.raises(RuntimeError, match="stop"), mg.no_grad():
        raise RuntimeError("stop")
    assert mg.is_grad_enabled()

    @mg.no_grad()
    def f(n):
        return f(n - 1) if n else mg.is_grad_enabled()

    assert f(3) is False and mg.is_grad_enabled()
    mode = mg.no_grad()
    with mode, mode:
        assert not mg.is_grad_enabled()
    assert mg.is_grad_enabled()


def test_modes_belong_to_their_thread():
    seen = []
    with mg.no_grad():
        thread = threading.Thread(target=lambda: seen.append(mg.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_backward_under_no_grad_works_and_keeps_the_mode():
    x = leaf(2.0)
    y = x * x
    with mg.no_grad():
        y.backward(create_graph=True)
        assert not mg.is_grad_enabled()
    assert x.grad.requires_grad and x.grad.item() == 4.0


def test_threads_differentiate_separate_graphs():
    results = {}

    def work(k):
        x = leaf(float(k))
        y = x
        for _ in range(200):
            y = y * 1.01
        y.sum().backward()
        results[k] = x.grad.item()

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(results) == 8 and len(set(results.values())) == 1


def test_hooks_see_and_change_the_whole_gradient():
    x = leaf(2.0)
    h = x * 3
    seen = []
    handle = h.register_hook(lambda g: seen.append(g.item()))
    x.register_hook(lambda g: g * 10)
    (h + h * h).sum().backward()
    assert seen == [13.0] and x.grad.item() == 390.0
    handle.remove()
    h2 = x * 3
    h2.register_hook(lambda g: np.zeros(2))
    with pytest.raises(ShapeError, match="hook"):
        h2.sum().backward()


def test_what_a_hook_does_is_differentiated_too():
    x = leaf(3.0)
    h = x * 1
    h.register_hook(lambda g: g * x)
    (g,) = mg.autograd.grad(h**2, x, mg.ones(1, dtype=mg.float64), create_graph=True)  # 2 h x
    g.sum().backward()
    assert g.item() == 18.0 and x.grad.item() == 6 + 6 * 3  # 2 h, and 2 x by way of h, where the hook acts again


def test_hooks_stay_when_their_handles_are_dropped():
    x = leaf(1.0)
    for _ in range(50):
        x.register_hook(lambda g: g * 2)
    (x * 1).backward()
    assert x.grad.item() == 2.0**50


def test_a_hook_may_keep_what_it_saw():
    x = leaf(1.0)
    kept = []
    x.register_hook(kept.append)
    (x * 2).backward()
    (x * 3).backward()
    assert [g.item() for g in kept] == [2.0, 3.0] and x.grad.item() == 5.0


def test_what_backward_refuses():
    x = leaf(1.0, 2.0)
    with pytest.raises(GraphError, match=r"shape \(2,\)[\s\S]*\.sum\(\)"):
        (x * 2).backward()
    with pytest.raises(GraphError, match="no graph"):
        mg.tensor([1.0]).backward()
    with pytest.raises(ShapeError, match=r"\(3,\).*\(2,\).*not broadcast"):
        (x * 2).backward(np.ones(3))
    for bad in (np.array([True, False]), np.array([1j, 0]), np.array(["a", "b"])):
        with pytest.raises(DTypeError, match="gradient must be of numbers"):
            (x * 2).backward(bad)
    assert x.grad is None
    with pytest.raises(GraphError, match="requires no gradient"):
        mg.autograd.grad((x * 2).sum(), mg.tensor(1.0))


def test_a_failing_rule_leaves_every_gradient_as_it_was():
    @mg.primitive
    def broken(x):
        return x * 1

    @broken.gradient("x")
    def _(g):
        raise ZeroDivisionError

    x, y = leaf(1.0), leaf(2.0)
    out = broken(x) + y
    with pytest.raises(ZeroDivisionError):
        out.backward()
    assert x.grad is None and y.grad is None and mg.is_grad_enabled()


def test_gradients_take_the_dtype_and_memory_order_of_their_tensor():
    x = mg.tensor(np.asfortranarray(np.ones((3, 4), np.float32)), requires_grad=True)
    y = mg.tensor(np.ones((3, 4)), requires_grad=True)
    (x * y).sum().backward()
    assert (x.grad.dtype, y.grad.dtype) == (np.float32, np.float64)
    assert x.grad.array.flags.f_contiguous


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_gradients_of_a_product_take_the_memory_order_of_its_factors(order):
    x, y = (mg.tensor(np.ones(shape, order=order), requires_grad=True) for shape in [(3, 4), (4, 5)])
    for g in mg.autograd.grad(x @ y, [x, y], mg.tensor(np.ones((3, 5)))):
        assert g.array.flags[f"{order}_CONTIGUOUS"]
    (g,) = mg.autograd.grad(F.linear(x, y.T), [x], mg.tensor(np.ones((3, 5))))
    assert g.array.flags[f"{order}_CONTIGUOUS"]
    strided = mg.tensor(np.ones((6, 8)), requires_grad=True)[::2, ::2]  # in no order: row-major
    (g,) = mg.autograd.grad(strided @ y, [strided], mg.tensor(np.ones((3, 5))))
    assert g.array.flags.c_contiguous


def test_what_saved_nothing_is_walked_again():
    x = leaf(1.0, 2.0)
    y = (x + 1).reshape(2, 1).sum(0).sum()
    y.backward()
    y.backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_inference_mode_is_no_grad_by_another_name():
    x = leaf(1.0)
    with mg.inference_mode():
        assert not (x * x).requires_grad
        with mg.inference_mode(False):
            assert (x * x).requires_grad
    assert (x * x).requires_grad


def test_infinite_gradients_are_values_not_warnings():
    x = leaf(0.0)
    np.sqrt(x).backward()
    assert x.grad.item() == np.inf


def test_a_list_beside_a_tensor_is_an_array_of_its_own():
    operand = [0.0, 2.0]
    y = leaf(3.0, 5.0)
    jump, product = np.heaviside(operand, y), operand * y
    operand[1] = 7.0  # after its use
    (jump + product).backward(np.array([1.0, 10.0]))
    assert y.grad.tolist() == [1.0, 20.0]
    exponent = leaf(2.0, 2.0)
    (([0.0, 2.0] ** exponent).sum() * 3).backward()
    np.testing.assert_allclose(exponent.grad.tolist(), [0.0, 12 * np.log(2)])


def test_a_graph_is_walked_as_in_pytorch():
    x, w = leaf(1.0, 2.0), mg.ones(2)
    y = (mg.tanh(x * w) + 1).sum(0)
    assert repr(y.grad_fn) == "<Sum>" and str(y).endswith("grad_fn=<Sum>)")
    ((add, place),) = y.grad_fn.next_functions
    assert repr(add) == "<Add>" and place == 0
    (tanh, _), (constant, _) = add.next_functions
    assert repr(tanh) == "<Tanh>" and constant is None
    (multiply, _), = tanh.next_functions  # fmt: skip
    (last, _), (nothing, _) = multiply.next_functions
    assert repr(last) == "<AccumulateGrad>" and last.variable is x and nothing is None and last.next_functions == ()
    assert not hasattr(tanh, "variable") and x.grad_fn is None
    assert repr(F.log_softmax(x, 0).grad_fn) == "<LogSoftmax>"


def test_next_functions_name_the_inputs_that_pytorchs_do():
    torch = pytest.importorskip("torch")

    def names(node):
        return [
            n if n is None else repr(n)[1:].split("Backward")[0].split(">")[0].split(" ")[0] for n, _ in node.next_functions
        ]

    for f in (
        lambda m, x: x * 2 + x,
        lambda m, x: m.tanh(x).sum(),
        lambda m, x: (x * x).sum(),
        lambda m, x: m.cat([x, x * 2]),
    ):
        ours = f(mg, mg.ones(3, requires_grad=True)).grad_fn
        theirs = f(torch, torch.ones(3, requires_grad=True)).grad_fn
        renamed = {"Mul": "Multiply"}
        assert names(ours) == [renamed.get(name, name) for name in names(theirs)]


def test_a_leaf_that_is_gone_is_no_variable():
    x = leaf(1.0)
    y = x * 2
    del x
    assert y.grad_fn.next_functions[0][0].variable is None


def test_the_name_of_a_function_of_ones_own():
    class MyOwnStep(mg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    x = leaf(1.0)
    y = MyOwnStep.apply(x)
    assert repr(y.grad_fn) == "<MyOwnStep>" and y.grad_fn.next_functions[0][0].variable is x
