"""vmap: values and gradients beside PyTorch's and beside a plain loop, axes, trees, randomness, and what it refuses."""

from collections import namedtuple

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import GraphError, ShapeError
from minigrad.func import functional_call, grad, grad_and_value, hessian, jacfwd, jacrev, jvp, stack_module_state, vjp, vmap

RNG = np.random.default_rng(3)
X, Y, W = RNG.standard_normal((4, 3, 4)), RNG.standard_normal((4, 3)), RNG.standard_normal((4, 3, 3))
Pair = namedtuple("Pair", "a b")

# PyTorch's forward mode compiles its formulas at the first call.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.torch.jit.script:DeprecationWarning", "ignore:Attempted to insert a get_attr"
)


def tensors(lib, tree):
    if isinstance(tree, np.ndarray):
        return lib.tensor(tree)
    if isinstance(tree, dict):
        return {key: tensors(lib, value) for key, value in tree.items()}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(tensors(lib, value) for value in tree))
    return type(tree)(tensors(lib, value) for value in tree) if isinstance(tree, list | tuple) else tree


def arrays(tree):
    if isinstance(tree, dict):
        return {key: arrays(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [arrays(value) for value in tree]
    return tree.detach().numpy()


def check_equal(mine, theirs):
    assert type(mine) is type(theirs)
    if isinstance(mine, dict):
        assert mine.keys() == theirs.keys()
        for key in mine:
            check_equal(mine[key], theirs[key])
    elif isinstance(mine, list):
        assert len(mine) == len(theirs)
        for a, b in zip(mine, theirs, strict=True):
            check_equal(a, b)
    else:
        assert mine.shape == theirs.shape
        np.testing.assert_allclose(mine, theirs, rtol=1e-11, atol=1e-13)


def loss(w, x, y, square=True):
    error = (w @ x).sum(-1) - y
    return (error * error).sum() if square else error.abs().sum()


# (name, function of the library's func module, arguments, keyword arguments)
CASES = [
    ("plain", lambda f: f.vmap(lambda x, y: x.sum(-1) * y), (X, Y), {}),
    ("one axis for all", lambda f: f.vmap(lambda x, y: x.sum(0) + y, in_dims=-1), (X, Y.T.copy()), {}),
    ("the first axis, from the end", lambda f: f.vmap(lambda x: x.sum(0), in_dims=-2), (Y,), {}),
    ("axes", lambda f: f.vmap(lambda x, y: (x.exp(), x + y), in_dims=(2, 0), out_dims=(1, -1)), (X, Y), {}),
    ("shared", lambda f: f.vmap(lambda x, y: x * y, in_dims=(None, 0)), (Y, Y), {}),
    ("keywords", lambda f: f.vmap(lambda x, *, y: x.sum(0) * y.sum()), (X,), {"y": Y}),
    ("a tree", lambda f: f.vmap(lambda t: {"a": t["a"] * t["b"][0], "b": [t["b"][0]]}, in_dims=({"a": 0, "b": [1]},)),
     ({"a": Y, "b": [Y.T.copy()]},), {}),
    ("a tree of results", lambda f: f.vmap(lambda x: (x.sum(0), {"p": x.T, "q": x}), out_dims=(0, {"p": 1, "q": -1})),
     (X,), {}),
    ("one axis for a tree", lambda f: f.vmap(lambda t: t[0] @ t[1], in_dims=(0,), out_dims=1), ((W, X),), {}),
    ("a named tuple", lambda f: f.vmap(lambda p: p.a @ p.b, in_dims=(Pair(0, None),)), (Pair(W, X[0]),), {}),
    ("a value for all", lambda f: f.vmap(lambda x, y: (x, y), in_dims=(0, None), out_dims=(0, None)), (X, Y), {}),
    ("a scalar for each", lambda f: f.vmap(lambda x: x.sum()), (X,), {}),
    ("nested", lambda f: f.vmap(f.vmap(lambda x, y: x * y, in_dims=(0, None), out_dims=1), in_dims=(0, 0)),
     (X, X[0, 0]), {}),
    ("nested over other axes", lambda f: f.vmap(f.vmap(lambda x: x * x.sum(), 1, 1), 1, 2), (X,), {}),
    ("chunks", lambda f: f.vmap(lambda x: x.cumsum(0), chunk_size=3), (X,), {}),
    ("gradients of examples", lambda f: f.vmap(f.grad(loss), in_dims=(None, 0, 0)), (W[0], X, Y), {}),
    ("gradients and values", lambda f: f.vmap(f.grad_and_value(loss, argnums=(0, 1)), in_dims=(None, 0, 0)),
     (W[0], X, Y), {}),
    ("gradients with more", lambda f: f.vmap(f.grad(lambda x: ((x**3).sum(), x * 2), has_aux=True)), (Y,), {}),
    ("gradient around",
     lambda f: f.grad(lambda w, x, y: f.vmap(loss, in_dims=(None, 0, 0))(w, x, y).sum(), argnums=(0, 1, 2)),
     (W[0], X, Y), {}),
    ("a gradient of gradients", lambda f: f.grad(lambda x: (f.vmap(f.grad(lambda r: (r**4).sum()))(x) ** 2).sum()),
     (Y,), {}),
    ("hessians", lambda f: f.vmap(f.hessian(lambda x: (x.sin() * x.sum()).sum())), (Y,), {}),
    ("jacobians", lambda f: f.vmap(f.jacrev(lambda x: x.cumsum(0) ** 2)), (Y,), {}),
    ("forward jacobians", lambda f: f.vmap(f.jacfwd(lambda x: x.outer(x), argnums=0), out_dims=-1), (Y,), {}),
    ("jvp", lambda f: f.vmap(lambda x, v: f.jvp(lambda x: x.sin() * x[0], (x,), (v,))), (Y, Y[::-1].copy()), {}),
    ("vjp", lambda f: f.vmap(lambda x, v: f.vjp(lambda x: x.sin() * x[0], x)[1](v)), (Y, Y[::-1].copy()), {}),
    ("jacobian of it", lambda f: f.jacrev(f.vmap(lambda x: x * x[0])), (Y,), {}),
    ("hessian of it", lambda f: f.hessian(lambda y: f.vmap(lambda x: (x**3).prod())(y).sum()), (Y[:2],), {}),
]  # fmt: skip


@pytest.mark.parametrize(("transform", "args", "kwargs"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_as_in_pytorch(transform, args, kwargs):
    torch = pytest.importorskip("torch")
    mine = transform(mg.func)(*tensors(mg, args), **tensors(mg, kwargs))
    theirs = transform(torch.func)(*tensors(torch, args), **tensors(torch, kwargs))
    check_equal(arrays(mine), arrays(theirs))


TRANSFORMS = [
    ("jacrev", lambda f: f.jacrev(lambda x, y: x.outer(y).sin(), argnums=(0, 1)), (Y[0], Y[1])),
    ("jacfwd", lambda f: f.jacfwd(lambda x, y: x.outer(y).sin(), argnums=(0, 1)), (Y[0], Y[1])),
    ("jacrev with more", lambda f: f.jacrev(lambda x: (x**2, x * 3), has_aux=True, chunk_size=2), (Y[0],)),
    ("jacfwd with more", lambda f: f.jacfwd(lambda x: (x**2, x * 3), has_aux=True, randomness="same"), (Y[0],)),
    ("jacfwd of jacrev", lambda f: f.jacfwd(f.jacrev(lambda x: x.outer(x).exp())), (Y[0],)),
    ("jacrev of jacfwd", lambda f: f.jacrev(f.jacfwd(lambda x: x.outer(x).exp())), (Y[0],)),
    ("hessian", lambda f: f.hessian(lambda x, y: (x * y).sum() ** 3, argnums=(0, 1)), (Y[0], Y[1])),
    ("hessian of several results", lambda f: f.hessian(lambda x: x.exp() * x.sum()), (Y[0],)),
    ("hessian of one element", lambda f: f.hessian(lambda x: (x**3).sum(0, keepdim=True)), (Y[0],)),
    ("grad_and_value", lambda f: f.grad_and_value(lambda x: ((x**2).sum(), x), has_aux=True), (Y[0],)),
    ("linearize", lambda f: lambda x, v: f.linearize(lambda x: x.sin() * x[0], x)[1](v), (Y[0], Y[1])),
    ("linearize of two", lambda f: lambda x, y: f.linearize(lambda x, y: (x * y, y), x, y)[1](y, x), (Y[0], Y[1])),
    ("jvp with more", lambda f: lambda x, v: f.jvp(lambda x: (x**2, x), (x,), (v,), has_aux=True), (Y[0], Y[1])),
    ("vjp with more", lambda f: lambda x, v: f.vjp(lambda x: (x**2, x), x, has_aux=True)[1](v), (Y[0], Y[1])),
]  # fmt: skip


@pytest.mark.parametrize(("transform", "args"), [case[1:] for case in TRANSFORMS], ids=[case[0] for case in TRANSFORMS])
def test_other_transforms_as_in_pytorch(transform, args):
    torch = pytest.importorskip("torch")
    check_equal(arrays(transform(mg.func)(*tensors(mg, args))), arrays(transform(torch.func)(*tensors(torch, args))))


def test_it_is_a_loop():
    """Without PyTorch: what the cases above compare, and what PyTorch cannot do."""
    np.testing.assert_array_equal(
        vmap(lambda x, y: x * y, in_dims=(1, None), out_dims=2)(X, 2.0 * Y[0, 0]).numpy(), 2 * Y[0, 0] * X.transpose(0, 2, 1)
    )
    tree, k = {"a": Y, "b": [Y.T.copy(), Y[0]]}, mg.tensor(2.0)
    f = lambda t, *, k: {"p": t["a"] * t["b"][0], "q": k * t["b"][1]}
    found = vmap(f, in_dims=({"a": 0, "b": [1, None]},), out_dims={"p": 1, "q": 0})(tree, k=k)
    assert found["p"].tolist() == (Y * Y).T.tolist() and found["q"].tolist() == [(2 * Y[0]).tolist()] * 4
    seen = []

    def branches(x):
        seen.append(x.shape)
        return x.sum() if x[0] > 0 else x.max() * x.detach().numpy().mean()

    found = vmap(branches)(Y)
    assert seen == [(3,)] * 4
    np.testing.assert_allclose(found.numpy(), [y.sum() if y[0] > 0 else y.max() * y.mean() for y in Y])
    found = vmap(lambda x, y: (x, y * 2), in_dims=(0, None), out_dims=(0, None), chunk_size=1)(Y, mg.tensor(3.0))
    assert found[0].tolist() == Y.tolist() and found[1].item() == 6.0  # equal, though computed anew for each
    assert vmap(mg.sum, out_dims=None)(Y[:1]).item() == Y[0].sum()  # of a single example
    assert vmap(mg.dot).__name__ == "dot"
    assert vmap(lambda x: None)(Y) is None
    assert mg.vmap is vmap


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8])
def test_gradients_reach_every_example(n):
    x = mg.tensor(np.arange(2.0 * n).reshape(n, 2), requires_grad=True)
    weights = np.arange(1.0, n + 1)
    out = vmap(lambda row, w: (row * row).sum() * w)(x, weights)
    out.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), 2 * x.detach().numpy() * weights[:, None])


def test_gradients_of_a_module_for_each_example():
    net = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2)).double()
    x, labels = mg.tensor(Y), mg.tensor([0, 1, 1, 0])
    parameters = {name: p.detach() for name, p in net.named_parameters()}

    def loss_of_one(parameters, x, label):
        return nn.functional.cross_entropy(functional_call(net, parameters, (x[None],)), label[None])

    found, losses = vmap(grad_and_value(loss_of_one), in_dims=(None, 0, 0))(parameters, x, labels)
    for i in range(4):
        net.zero_grad()
        loss = nn.functional.cross_entropy(net(x[i : i + 1]), labels[i : i + 1])
        loss.backward()
        assert losses[i].item() == pytest.approx(loss.item(), rel=1e-14)
        for name, p in net.named_parameters():
            np.testing.assert_allclose(found[name][i].numpy(), p.grad.numpy(), rtol=1e-12, atol=1e-15)


def test_an_ensemble_of_modules():
    nets = [nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)).double() for _ in range(3)]
    for net in nets:
        net.eval()
    parameters, buffers = stack_module_state(nets)
    assert (
        parameters["0.weight"].shape == (3, 2, 3) and parameters["0.weight"].is_leaf and parameters["0.weight"].requires_grad
    )
    assert buffers["1.running_mean"].shape == (3, 2) and not buffers["1.running_mean"].requires_grad
    call = lambda p, b, x: functional_call(nets[0], (p, b), (x,))
    out = vmap(call, in_dims=(0, 0, None))(parameters, buffers, mg.tensor(Y))
    np.testing.assert_array_equal(out.detach().numpy(), np.stack([net(mg.tensor(Y)).detach().numpy() for net in nets]))
    out.sum().backward()
    assert parameters["1.bias"].grad.tolist() == [[4.0, 4.0]] * 3
    nets[1].train()
    with pytest.raises(ValueError, match="one class and one mode, got Sequential in evaluation, Sequential in training"):
        stack_module_state(nets)
    with pytest.raises(ValueError, match="got none"):
        stack_module_state([])
    nets[1].eval()
    for net in nets:
        net[1].weight.requires_grad_(False)
    assert not stack_module_state(nets)[0]["1.weight"].requires_grad
    nets[2][0].bias.requires_grad_(False)
    with pytest.raises(ValueError, match=r"stack_module_state: 0\.bias requires a gradient in some"):
        stack_module_state(nets)


def test_batch_norms_without_running_averages():
    net = nn.Sequential(nn.Conv2d(1, 2, 1), nn.Sequential(nn.BatchNorm2d(2)), nn.InstanceNorm2d(2, track_running_stats=True))
    x = mg.randn(3, 1, 4, 4)
    expected = net[:2](x).detach().numpy()
    assert mg.func.replace_all_batch_norm_modules_(net) is net and not net[1][0].track_running_stats
    assert [name for name, _ in net.named_buffers()] == ["2.running_mean", "2.running_var", "2.num_batches_tracked"]
    net[1].eval()
    np.testing.assert_array_equal(net[:2](x).detach().numpy(), expected)


def test_functional_call_takes_several_dicts_and_can_be_strict():
    net = nn.Linear(2, 1)
    weight, bias = {"weight": mg.tensor([[1.0, 2.0]])}, {"bias": mg.tensor([0.5])}
    assert functional_call(net, [weight, bias], mg.ones(2)).item() == 3.5
    assert functional_call(net, weight | bias, (mg.ones(2),), strict=True).item() == 3.5
    with pytest.raises(KeyError, match="functional_call: strict needs a value for bias of Linear"):
        functional_call(net, weight, mg.ones(2), strict=True)
    tied = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    tied[1].weight = tied[0].weight
    given = {name: p for name, p in tied.named_parameters()}  # noqa: C416
    assert "1.weight" not in given and functional_call(tied, given, mg.ones(2), strict=True).shape == (2,)

    class Constant(nn.Module):
        def forward(self):
            return mg.ones(1)

    assert functional_call(Constant(), {}).item() == 1.0


def test_randomness():
    draw = lambda x: x + mg.rand(2)
    x = mg.zeros(3, 2)
    state = mg.manual_seed(0).bit_generator.state
    with pytest.raises(RuntimeError, match=r"vmap: the function drew random numbers\n  hint: pass randomness='different'"):
        vmap(draw)(x)
    assert mg.random.default_generator().bit_generator.state == state  # as before the call
    found = vmap(draw, randomness="different")(x)
    mg.manual_seed(0)
    np.testing.assert_array_equal(found.numpy(), [mg.rand(2).numpy() for _ in range(3)])
    after = mg.rand(2)
    mg.manual_seed(0)
    found = vmap(draw, randomness="same")(x)
    mg.manual_seed(0)
    np.testing.assert_array_equal(found.numpy(), [mg.rand(2).numpy()] * 3)
    assert mg.rand(2).tolist() != after.tolist()
    rare = lambda x: x + mg.rand(2) if x[0] > 1 else x
    with pytest.raises(RuntimeError, match="drew random numbers"):
        vmap(rare)(mg.tensor([[0.0, 0.0], [2.0, 2.0]]))
    nested = vmap(vmap(lambda x: x + mg.rand(), randomness="different"), randomness="same")(x)
    assert nested[0].tolist() == nested[1].tolist() and nested[0, 0] != nested[0, 1]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: vmap(mg.sin)(2.0), ValueError, "vmap: argument [0] is of type float\n  hint: give it None in in_dims"),
        (lambda: vmap(mg.sin)(mg.ones(())), ValueError, "vmap: argument [0] of shape () has no axis 0 of in_dims"),
        (lambda: vmap(mg.sin, in_dims=2)(mg.ones(1, 1)), ValueError, "of shape (1, 1) has no axis 2"),
        (lambda: vmap(mg.add)(mg.ones(2), mg.ones(3)), ValueError, "one number of examples, [0] has 2, [1] has 3"),
        (lambda: vmap(mg.sin, in_dims=None)(mg.ones(2)), ValueError, "in_dims has no axis"),
        (lambda: vmap(mg.sin)(), ValueError, "in_dims has no axis"),
        (lambda: vmap(mg.sin)(mg.ones(0, 2)), ValueError, "vmap: the batch has no example"),
        (
            lambda: vmap(mg.add, in_dims=(0,))(mg.ones(2), mg.ones(2)),
            ValueError,
            "vmap: in_dims (0,) does not fit tuple of 2",
        ),
        (
            lambda: vmap(lambda d: d["a"], in_dims=({"b": 0},))({"a": mg.ones(2)}),
            ValueError,
            "in_dims {'b': 0} does not fit",
        ),
        (lambda: vmap(mg.sin, in_dims=True)(mg.ones(2)), ValueError, "in_dims True does not fit"),
        (lambda: vmap(mg.sin, out_dims=(0, 1))(mg.ones(2)), ValueError, "out_dims (0, 1) does not fit"),
        (lambda: vmap(mg.sin, out_dims=None)(mg.tensor([1.0, 2.0])), ValueError, "the result differs between examples"),
        (lambda: vmap(lambda x: x.item())(mg.ones(2)), GraphError, "vmap: the function must return tensors, got float"),
        (lambda: vmap(lambda x: {"a": 1})(mg.ones(2)), GraphError, "got int at ['a']"),
        (
            lambda: vmap(lambda x: x.nonzero())(mg.tensor([[0, 1], [1, 1]])),
            ShapeError,
            "(1, 1) in example 0, (2, 1) in example 1",
        ),
        (
            lambda: vmap(lambda x: {f"{x.item()}": x})(mg.tensor([0, 1])),
            ValueError,
            "the results differ: [\"['0']\"] in example 0",
        ),
        (lambda: vmap(mg.sin, randomness="no"), ValueError, "randomness must be 'error', 'different' or 'same', got 'no'"),
        (lambda: vmap(mg.sin, chunk_size=0), ValueError, "chunk_size must be None or at least 1, got 0"),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error) as raised:
        call()
    assert message in str(raised.value)


def test_jvp_and_linearize_check_their_tangents():
    with pytest.raises(ShapeError, match="linearize"):
        mg.func.linearize(mg.sin, mg.ones(2))[1](mg.ones(3))
    with pytest.raises(ValueError, match="the trees differ"):
        mg.func.linearize(mg.sin, mg.ones(2))[1](mg.ones(2), mg.ones(2))
    with pytest.raises(TypeError, match="jvp: tangents must be a tuple"):
        jvp(mg.sin, (mg.ones(2),), mg.ones(2))
    assert [f.__name__ for f in (hessian(mg.sin), jacrev(mg.sin), grad(mg.sin), vmap(mg.sin))] == ["sin"] * 4
    assert jacfwd is jacrev and len(vjp(mg.sin, 1.0)) == 2
