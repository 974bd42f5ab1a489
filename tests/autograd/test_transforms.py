"""Transforms of functions: against formulas, differences and PyTorch, nested, over trees, and what they refuse."""

import gc
import weakref
from collections import OrderedDict, namedtuple

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.autograd.transforms import grad, hessian, hvp, jacfwd, jacobian, jacrev, jvp, value_and_grad, vjp
from minigrad.errors import DTypeError, GraphError, ShapeError
from minigrad.pytree import flatten

RNG = np.random.default_rng(0)
X, W, V = RNG.standard_normal((3,)), RNG.standard_normal((2, 3)), RNG.standard_normal((3,))


def network(x, w):
    return np.tanh(w @ x) * np.exp(x[0])


def energy(x):
    return np.sum(np.sin(x) * x * x) + x[0] * x[1] * x[2]


def value(t):
    return np.asarray(t)  # also shows that nothing is tracked


def test_gradients_of_functions():
    assert grad(lambda x: x * x * x)(2.0).item() == 12.0
    assert mg.grad(mg.grad(mg.grad(lambda x: x**4)))(2.0).item() == 48.0
    gx, gy = grad(lambda x, y: (x * y).sum(), argnums=(0, 1))(np.ones(2), np.full(2, 3.0))
    assert gx.tolist() == [3.0, 3.0] and gy.tolist() == [1.0, 1.0] and not gx.requires_grad
    assert grad(lambda x, y: x * y, argnums=-1)(2.0, 3.0).item() == 2.0
    assert grad(lambda x, *, k: x * k)(2.0, k=5.0).item() == 5.0
    assert grad(lambda x: mg.tensor(1.0))(2.0).item() == 0.0
    x = mg.tensor(2.0, requires_grad=True)
    assert mg.grad(x * x, x)[0].item() == 4.0  # PyTorch's autograd.grad
    assert grad(np.sin).__name__ == "sin"


def test_values_and_what_comes_along():
    f = lambda x: (x**2, {"twice": 2 * x, "name": "f"})
    g, aux = grad(f, has_aux=True)(3.0)
    assert g.item() == 6.0 and aux["twice"].item() == 6.0 and aux["name"] == "f" and not aux["twice"].requires_grad
    (v, aux), g = value_and_grad(f, has_aux=True)(3.0)
    assert (v.item(), g.item(), aux["name"]) == (9.0, 6.0, "f") and not v.requires_grad
    out, pull, aux = vjp(f, 3.0, has_aux=True)
    assert (out.item(), pull(10.0)[0].item(), aux["twice"].item()) == (9.0, 60.0, 6.0)
    out, pushed, aux = jvp(f, (3.0,), (10.0,), has_aux=True)
    assert (out.item(), pushed.item(), aux["twice"].item()) == (9.0, 60.0, 6.0)


def test_against_differences():
    h = 1e-6
    J = np.stack([(np.asarray(network(X + h * e, W)) - np.asarray(network(X - h * e, W))) / (2 * h) for e in np.eye(3)], 1)
    found = jacobian(network)(X, W)
    np.testing.assert_allclose(value(found), J, rtol=1e-8, atol=1e-9)
    out, pushed = jvp(lambda x: network(x, W), (X,), (V,))
    np.testing.assert_allclose(value(pushed), J @ V, rtol=1e-8)
    np.testing.assert_allclose(value(out), network(X, W), rtol=1e-14)
    out, pull = vjp(lambda x: network(x, W), X)
    g = np.array([2.0, -3.0])
    np.testing.assert_allclose(value(pull(g)[0]), g @ J, rtol=1e-8)
    np.testing.assert_allclose(value(pull(-g)[0]), -g @ J, rtol=1e-8)  # as often as asked
    H = value(hessian(energy)(X))
    columns = [(value(grad(energy)(X + h * e)) - value(grad(energy)(X - h * e))) / (2 * h) for e in np.eye(3)]
    np.testing.assert_allclose(H, np.stack(columns, 1), rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(value(hvp(energy, (X,), (V,))), H @ V, rtol=1e-12)
    np.testing.assert_allclose(value(jvp(grad(energy), (X,), (V,))[1]), H @ V, rtol=1e-12)
    assert jacrev is jacfwd is jacobian


def test_both_jacobians_of_several_arguments():
    Jx, Jw = jacobian(network, argnums=(0, 1))(X, W)
    assert Jx.shape == (2, 3) and Jw.shape == (2, 2, 3)
    (hxx, hxw), (hwx, hww) = hessian(lambda x, w: np.sum(network(x, w) ** 2), argnums=(0, 1))(X, W)
    assert hxx.shape == (3, 3) and hww.shape == (2, 3, 2, 3)
    np.testing.assert_allclose(value(hxw), value(hwx).transpose(2, 0, 1), rtol=1e-12)
    assert (
        jacobian(lambda x: x[:0])(X).shape == (0, 3)
        and jacobian(lambda x: np.ones_like(x) * 2)(X).tolist() == [[0.0] * 3] * 3
    )


def test_trees():
    Point = namedtuple("Point", "x y")
    params = {"layers": [W, (2.0, None)], "point": Point(X, np.array(1.5)), "ordered": OrderedDict(a=1.0)}

    def f(p):
        w, (scale, _) = p["layers"]
        return scale * np.sum((w @ p["point"].x) ** 2) * p["point"].y * p["ordered"]["a"]

    g = grad(f)(params)
    assert type(g["point"]) is Point and type(g["ordered"]) is OrderedDict and g["layers"][1][1] is None
    np.testing.assert_allclose(value(g["point"].x), 2 * 2 * 1.5 * W.T @ W @ X, rtol=1e-6)
    np.testing.assert_allclose(g["layers"][1][0].item(), np.sum((W @ X) ** 2) * 1.5, rtol=1e-6)
    assert params["layers"][0] is W and isinstance(params["point"].x, np.ndarray)
    J = jacobian(lambda p: {"sum": p["a"] + p["b"], "all": [p["a"] * p["b"]]})({"a": X, "b": V})
    np.testing.assert_array_equal(value(J["all"][0]["a"]), np.diag(V))
    np.testing.assert_array_equal(value(J["sum"]["b"]), np.eye(3))
    _, pushed = jvp(lambda p: [p["a"] * p["b"]], ({"a": X, "b": V},), ({"a": V, "b": X},))
    np.testing.assert_allclose(value(pushed[0]), V * V + X * X)
    _, pull = vjp(lambda p, q: {"u": p[0] * q, "v": q}, [X], V)
    (gp,), gq = pull({"u": V, "v": X})
    np.testing.assert_allclose(value(gp), V * V)
    np.testing.assert_allclose(value(gq), X * V + X)


def test_transforms_nest_without_confusion():
    assert grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0).item() == 1.0  # the classic of Siskind and Pearlmutter
    assert grad(lambda x: x * grad(lambda y: x * y)(2.0))(3.0).item() == 6.0
    assert grad(lambda x: grad(lambda y: x * y * y)(3.0))(2.0).item() == 6.0  # through a closure alone
    assert grad(lambda x: jvp(lambda y: x * x * y, (1.0,), (1.0,))[1])(3.0).item() == 6.0
    assert grad(lambda x: vjp(lambda y: x * y * y, 2.0)[1](x)[0])(3.0).item() == 24.0  # d/dx x * 2 x y
    assert grad(lambda x: hvp(lambda y: x * y**3, (2.0,), (1.0,)))(5.0).item() == 12.0
    assert grad(lambda x: jacobian(lambda y: x * x * y)(np.ones(2)).sum())(3.0).item() == 12.0
    assert grad(lambda v: jvp(lambda y: y**3, (2.0,), (v,))[1])(7.0).item() == 12.0
    third = jvp(lambda x: jvp(lambda x: jvp(lambda x: x**5, (x,), (1.0,))[1], (x,), (1.0,))[1], (2.0,), (1.0,))[1]
    assert third.item() == 60 * 4.0
    assert all(not f(2.0).requires_grad for f in (grad(lambda x: x * grad(lambda y: x * y)(2.0)), grad(np.sin)))


def test_a_derivative_is_tracked_exactly_where_something_outside_is():
    w = mg.tensor(3.0, requires_grad=True)
    g = grad(lambda x: w * x * x)(2.0)
    g.backward()
    assert g.item() == 12.0 and w.grad.item() == 4.0
    v, g = value_and_grad(lambda x: w * x)(2.0)
    assert v.requires_grad and g.requires_grad
    gx, gy = grad(lambda x, y: w * x + y * y, argnums=(0, 1))(2.0, 5.0)
    assert gx.requires_grad and not gy.requires_grad and gy.item() == 10.0
    with mg.no_grad():
        assert grad(lambda x: w * x * x)(2.0).item() == 12.0 and not grad(lambda x: w * x * x)(2.0).requires_grad
        assert not mg.is_grad_enabled()
    assert not grad(lambda x: w.detach() * x)(2.0).requires_grad
    assert not grad(lambda x: mg.tensor(3.0, requires_grad=True) * x * x)(2.0).requires_grad  # nobody holds the other leaf
    x = mg.tensor(2.0, requires_grad=True)
    g = grad(lambda y: y**3)(x)
    g.backward()
    assert x.grad.item() == 12.0
    net = nn.Linear(3, 1)
    assert grad(lambda x: net(x).sum())(np.ones(3, np.float32)).tolist() == net.weight.tolist()[0]
    assert net.weight.grad is None


def test_a_rule_may_use_a_transform_and_be_differentiated():
    @mg.primitive
    def cube(x):
        return x**3

    cube.gradient("x")(lambda g, x: g * grad(lambda y: y**3)(x))
    assert grad(grad(grad(cube)))(2.0).item() == 6.0
    assert hvp(cube, (2.0,), (1.0,)).item() == 12.0


def test_a_module_as_a_function_of_its_parameters(rng):
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    before = {name: p.tolist() for name, p in net.named_parameters()}
    params = {name: rng.standard_normal(p.shape) for name, p in net.named_parameters()}

    def loss(p, x):
        return mg.func.functional_call(net, p, (x,)).sum()

    g = grad(loss)(params, mg.tensor(X))
    h = 1e-6
    for name, a in params.items():
        v = rng.standard_normal(a.shape)
        slope = (loss(params | {name: a + h * v}, X).item() - loss(params | {name: a - h * v}, X).item()) / (2 * h)
        np.testing.assert_allclose(np.vdot(value(g[name]), v), slope, rtol=1e-7, atol=1e-9)
    assert {name: p.tolist() for name, p in net.named_parameters()} == before and net[0].weight.grad is None
    with pytest.raises(KeyError, match=r"functional_call: Sequential has no 0\.weihgt; it has 0\.weight"):
        mg.func.functional_call(net, {"0.weihgt": X}, (X,))
    with pytest.raises(ShapeError):
        mg.func.functional_call(net, params, (X[:2],))
    assert {name: p.tolist() for name, p in net.named_parameters()} == before
    twins = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    twins[1].weight = twins[0].weight
    out = mg.func.functional_call(twins, {"0.weight": 2 * np.eye(3)}, mg.ones(3, dtype=mg.float64))
    assert out.tolist() == [4.0] * 3 and twins[1].weight is twins[0].weight  # what is shared is replaced in both


@pytest.mark.parametrize("tensor", ["weight", "running_mean"])
@pytest.mark.parametrize("place", [0, 1])
def test_what_is_shared_may_have_any_of_its_names(tensor, place):
    net = nn.Sequential(nn.BatchNorm1d(2), nn.BatchNorm1d(2)).eval()
    shared = getattr(net[0], tensor)
    setattr(net[1], tensor, shared)
    x, new = np.array([[1.0, 2.0], [3.0, 5.0]], np.float32), np.array([0.5, 2.0], np.float32)
    expected = net(mg.tensor(x)).detach().numpy()
    out = mg.func.functional_call(net, {f"{place}.{tensor}": mg.tensor(new)}, x).detach().numpy()
    one = lambda x: x * new if tensor == "weight" else x - new
    np.testing.assert_allclose(out, one(one(x)), atol=1e-3)
    assert getattr(net[0], tensor) is getattr(net[1], tensor) is shared
    with pytest.raises(ShapeError):
        mg.func.functional_call(net, {f"{place}.{tensor}": mg.ones(3)}, x)
    assert getattr(net[0], tensor) is getattr(net[1], tensor) is shared
    np.testing.assert_array_equal(net(mg.tensor(x)).detach().numpy(), expected)


def test_nothing_of_a_call_stays_alive():
    gc.collect()
    gc.disable()
    try:
        seen = []
        grad(lambda x: seen.append(weakref.ref(x.node)) or (x * x))(2.0)
        hessian(lambda x: seen.append(weakref.ref(x.node)) or (x * x).sum())(X)
        assert seen and all(ref() is None for ref in seen)
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "call",
    [
        lambda f: grad(f)(2.0),
        lambda f: value_and_grad(f)(2.0),
        lambda f: vjp(f, 2.0)[1](1.0),
        lambda f: jvp(f, (2.0,), (1.0,)),
        lambda f: mg.func.linearize(f, 2.0)[1](1.0),
        lambda f: hvp(f, (2.0,), (1.0,)),
        lambda f: jacobian(f)(2.0),
    ],
)
def test_what_leaves_a_call_receives_no_gradient(call):
    kept = []
    call(lambda x: kept.append((x, x * 2)) or x**2)
    (x, y) = kept[0]
    y.backward()
    assert x.grad is None


def test_gradients_are_tensors_of_their_own():
    x, y = (mg.tensor(2.0, requires_grad=True) for _ in range(2))
    gx, gy = mg.autograd.grad(x + y, [x, y], create_graph=True)
    gx += 1
    assert (gx.item(), gy.item()) == (2.0, 1.0)
    seed = mg.tensor(1.0)
    for outputs, inputs in (([x * y], [x, x]), ([x, y], [x, y]), ([x], [x])):
        found = mg.autograd.grad(outputs, inputs, [seed] * len(outputs), create_graph=True)
        assert len({id(g) for g in (*found, seed)}) == len(found) + 1
        found[0].zero_()
        assert seed.item() == 1.0 and all(g.item() for g in found[1:])
    (x + y).backward(create_graph=True)
    x.grad.zero_()
    assert y.grad.item() == 1.0
    h = x * 1
    h.register_hook(lambda g: (g.mul_(0), None)[1])
    x.grad = None
    (h + y).backward(create_graph=True)
    assert y.grad.item() == 2.0 and x.grad.item() == 1.0


def test_backward_of_several_tensors():
    x, y = mg.tensor(2.0, requires_grad=True), mg.tensor(3.0, requires_grad=True)
    mg.autograd.backward([x * y, x * x], [mg.tensor(10.0), None])
    assert (x.grad.item(), y.grad.item()) == (34.0, 20.0)
    x.grad = y.grad = None
    mg.autograd.backward(x * y, inputs=x)
    assert x.grad.item() == 3.0 and y.grad is None
    with pytest.raises(GraphError, match="2 outputs, but 1"):
        mg.autograd.backward([x * y, x], [None])
    with pytest.raises(GraphError, match="inputs"):
        mg.autograd.backward(x * y, inputs=[])
    (gx, gz) = mg.autograd.grad(x * 2, [x, y], materialize_grads=True)
    assert (gx.item(), gz.item()) == (2.0, 0.0)


def test_what_is_refused():
    x, other, constant = (mg.tensor(1.0, requires_grad=i < 2) for i in range(3))
    for call, error, says in (
        (lambda: mg.autograd.grad(x, [x, constant], allow_unused=True), GraphError, "grad: input 1 requires no gradient"),
        (lambda: mg.autograd.grad(x * 2, [x, other]), GraphError, "grad: the outputs do not depend on input 1"),
        (lambda: grad(lambda x: x)(np.ones(2)), GraphError, r"grad: .*one element, got shape \(2,\)"),
        (lambda: grad(lambda x: (x, x))(1.0), GraphError, "got 2 tensors"),
        (lambda: grad(lambda x: x.item())(1.0), GraphError, r"must return tensors, got float[\s\S]*leave the graph"),
        (lambda: grad(lambda x: x)(3), DTypeError, r"argument \[0\]: .*int64[\s\S]*1\.0 instead of 1"),
        (lambda: grad(lambda p: p["a"])({"a": 1.0, "n": "x"}), TypeError, r"argument \[0\]\['n'\] is of type str"),
        (lambda: grad(lambda x: x, argnums=1)(1.0), TypeError, "argument 1, but .* with 1"),
        (lambda: grad(lambda x: x, argnums=-2)(1.0), TypeError, "argument -2, but .* with 1"),
        (lambda: grad(lambda x: x, argnums=(0, -1))(1.0), TypeError, "twice"),
        (lambda: grad(lambda x: x, has_aux=True)(1.0), TypeError, "has_aux"),
        (lambda: hvp(lambda x: x, (X,), (V,)), GraphError, "hvp: .*one element"),
        (lambda: jvp(np.sin, (X,), (V[:2],)), ShapeError, r"jvp: .*\(2,\).*the primals has \(3,\)"),
        (lambda: jvp(np.sin, X, V), TypeError, "primals must be a tuple"),
        (lambda: jvp(np.sin, (X,), (V, V)), ValueError, "the trees differ"),
        (lambda: vjp(np.sin, X)[1]({"a": V}), ValueError, "the trees differ"),
        (lambda: vjp(np.sin, X)[1](V[:1]), ShapeError, "vjp"),
        (lambda: jacobian(lambda x: 3.0)(X), GraphError, "jacobian: the function must return tensors"),
    ):  # fmt: skip
        with pytest.raises(error, match=says):
            call()
        assert mg.is_grad_enabled()

    def fails(x):
        raise KeyError("x")

    with pytest.raises(KeyError), mg.no_grad():
        grad(fails)(1.0)
    assert mg.is_grad_enabled()


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
def test_against_torch_func():
    torch = pytest.importorskip("torch")

    def f(np_like):
        return lambda x, w: np_like.tanh(w @ x) * np_like.exp(x[0])

    ours, theirs = f(np), f(torch)
    tx, tw, tv = (torch.tensor(a) for a in (X, W, V))
    for mine, other in (
        (jacobian(ours, (0, 1))(X, W), torch.func.jacrev(theirs, (0, 1))(tx, tw)),
        (jvp(ours, (X, W), (V, W)), torch.func.jvp(theirs, (tx, tw), (tv, tw))),
        (vjp(ours, X, W)[1](V[:2]), torch.func.vjp(theirs, tx, tw)[1](tv[:2])),
        (vjp(lambda x: ours(x, W), X)[1](V[:2]), torch.func.vjp(lambda x: theirs(x, tw), tx)[1](tv[:2])),
        (hessian(lambda x: ours(x, W).sum())(X), torch.func.hessian(lambda x: theirs(x, tw).sum())(tx)),
        (jacobian(lambda x: {"a": x * x, "b": (x,)})(X)["b"], torch.func.jacrev(lambda x: {"a": x * x, "b": (x,)})(tx)["b"]),
    ):  # fmt: skip
        assert isinstance(mine, tuple) == isinstance(other, tuple)
        for a, b in zip(
            mine if isinstance(mine, tuple) else (mine,), other if isinstance(other, tuple) else (other,), strict=True
        ):
            np.testing.assert_allclose(value(a), b.detach().numpy(), rtol=1e-10, atol=1e-13)


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
def test_the_names_of_torch_autograd_functional():
    torch = pytest.importorskip("torch")
    calls = [
        ("jacobian", lambda x, w, v: (lambda x: x * x * x[0], x)),
        ("jacobian", lambda x, w, v: (lambda x, w: w @ x, (x, w))),
        ("hessian", lambda x, w, v: (lambda x: (x * x * x).sum() * x[1], x)),
        ("hessian", lambda x, w, v: (lambda x, w: (w @ x).sum() ** 2, (x, w))),
        ("vjp", lambda x, w, v: (lambda x: x * x[0], x, v)), ("vjp", lambda x, w, v: (lambda x, w: (w @ x).sum(), (x, w))),
        ("jvp", lambda x, w, v: (lambda x: x * x[0], x, v)), ("jvp", lambda x, w, v: (lambda x, w: w @ x, (x, w), (v, w))),
        ("hvp", lambda x, w, v: (lambda x: (x * x * x).sum(), x, v)),
        ("vhp", lambda x, w, v: (lambda x, w: (w @ x).sum() ** 2, (x, w), (v, w))),
        ("hvp", lambda x, w, v: (lambda x: (x * x * x).sum(), (x,), (v,))),
        ("jvp", lambda x, w, v: (lambda x: x * x, x[:1])),
    ]  # fmt: skip
    for name, call in calls:
        mine = getattr(mg.autograd.functional, name)(*call(*(mg.tensor(a) for a in (X, W, V))))
        theirs = getattr(torch.autograd.functional, name)(*call(*(torch.tensor(a) for a in (X, W, V))))
        mine, mine_paths = flatten_tensors(mine)
        theirs, their_paths = flatten_tensors(theirs)
        assert mine_paths == their_paths, name
        for a, b in zip(mine, theirs, strict=True):
            np.testing.assert_allclose(value(a), b.numpy(), rtol=1e-11, atol=1e-13)
    w = mg.tensor(2.0, requires_grad=True)
    assert mg.autograd.functional.jacobian(lambda x: w * x, mg.tensor(X), create_graph=True).requires_grad
    assert not mg.autograd.functional.jacobian(lambda x: w * x, mg.tensor(X)).requires_grad


def test_derivatives_of_autograd_functional():
    F = mg.autograd.functional
    x, y, v, w = (mg.tensor(a) for a in (X, V, np.array([1.0, -2.0, 0.5]), np.array([0.3, 1.0, 2.0])))
    product, energy, cubes = lambda x, y: x * np.exp(y), lambda x, y: (x * y * y).sum(), lambda x: (x**3).sum()
    e, total = np.exp(V), (X * V * V).sum()
    for found, expected in (
        (F.jacobian(product, (x, y), strict=True), (np.diag(e), np.diag(X * e))),
        (F.jacobian(lambda x: x * x, x), np.diag(2 * X)),
        (F.jacobian(lambda x: x * x, (x,)), (np.diag(2 * X),)),
        (F.hessian(energy, [x, y]), ((np.zeros((3, 3)), np.diag(2 * V)), (np.diag(2 * V), np.diag(2 * X)))),
        (F.hessian(cubes, x), np.diag(6 * X)),
        (F.vjp(product, (x, y), v), (X * e, (v * e, v * X * e))),
        (F.vjp(cubes, x), ((X**3).sum(), 3 * X * X)),
        (F.vjp(cubes, (x,)), ((X**3).sum(), (3 * X * X,))),
        (F.jvp(product, (x, y), (v, w)), (X * e, v * e + w * X * e)),
        (F.jvp(lambda x: x * x, x, v), (X * X, 2 * X * v)),
        (F.jvp(lambda x: x * x, x[:1]), (X[:1] ** 2, 2 * X[:1])),
        (F.hvp(energy, (x, y), (v, w)), (total, (2 * V * w, 2 * V * v + 2 * X * w))),
        (F.vhp(cubes, (x,), (v,)), ((X**3).sum(), (6 * X * v,))),
        (F.hvp(cubes, x, v), ((X**3).sum(), 6 * X * v)),
    ):
        (found, paths), (expected, wanted) = flatten_tensors(found), flatten_tensors(expected)
        assert paths == wanted
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(value(a), b, rtol=1e-12)
    scale = mg.tensor(2.0, requires_grad=True)
    for call in (
        lambda f, **options: F.jacobian(f, x, **options), lambda f, **options: F.hessian(lambda x: f(x).sum(), x, **options),
        lambda f, **options: F.vjp(f, x, v, **options)[1], lambda f, **options: F.jvp(f, x, v, **options)[1],
        lambda f, **options: F.hvp(lambda x: f(x).sum(), x, v, **options)[1],
    ):  # fmt: skip
        assert [call(lambda x: scale * x**2, create_graph=c).requires_grad for c in (False, True)] == [False, True]
        for constant in (lambda x: mg.ones(3), lambda x: scale * mg.ones(3)):
            with pytest.raises(GraphError, match="strict: output 0 does not depend on input 0"):
                call(constant, strict=True)


def test_gradients_of_a_batch_of_weights():
    x, y = (mg.tensor(a, requires_grad=True) for a in (X, V))
    G, g = mg.tensor(RNG.standard_normal((2, 3))), mg.tensor([1.0, 2.0])
    gx, gy = mg.autograd.grad(x * x * y, (x, y), G, is_grads_batched=True)
    np.testing.assert_allclose(gx.numpy(), G * (2 * X * V), rtol=1e-12)
    np.testing.assert_allclose(gy.numpy(), G * (X * X), rtol=1e-12)
    (gx,) = mg.autograd.grad([x * x, (x * y).sum()], x, [G, g], create_graph=True, is_grads_batched=True)
    np.testing.assert_allclose(gx.detach().numpy(), G * (2 * X) + g[:, None] * V, rtol=1e-12)
    np.testing.assert_allclose(mg.autograd.grad(gx.sum(), x)[0].numpy(), 2 * G.sum(0), rtol=1e-12)
    (gx,) = mg.autograd.grad([x * x, x.sum()], x, [G, None], is_grads_batched=True)  # None: ones for each
    np.testing.assert_allclose(gx.numpy(), G * (2 * X) + 1, rtol=1e-12)
    other = mg.tensor(1.0, requires_grad=True)
    assert mg.autograd.grad(x * 2, [x, other], G, allow_unused=True, is_grads_batched=True)[1] is None
    assert mg.autograd.grad(x * 2, [x, other], G, materialize_grads=True, is_grads_batched=True)[1].tolist() == [0.0, 0.0]
    with pytest.raises(GraphError, match="do not depend on input 1"):
        mg.autograd.grad(x * 2, [x, other], G, is_grads_batched=True)


def test_the_old_name_of_the_weights():
    x = mg.tensor(X, requires_grad=True)
    with pytest.warns(FutureWarning, match="grad_variables is called grad_tensors now"):
        mg.autograd.backward([x * x, x.sum()], grad_variables=[mg.tensor(V), None])
    np.testing.assert_allclose(x.grad.numpy(), 2 * X * V + 1, rtol=1e-12)


def flatten_tensors(tree):
    leaves, _ = flatten(tree)
    return list(leaves.values()), list(leaves)
