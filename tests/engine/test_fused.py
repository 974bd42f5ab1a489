"""Kernels of composites and of rules compute what the definition does: values, gradients and their gradients."""

import gc
import weakref

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.engine.fused import Fused, fuse, unfused
from minigrad.engine.primitive import Primitive
from minigrad.kernels.activation import log1p
from minigrad.kernels.blocks import BLOCK
from minigrad.pytree import leaves
from minigrad.viz.graphs.parts import below

COMPOSITES = {
    "layer_norm": lambda x, w, b: F.layer_norm(x, (x.shape[-1],), w, b),
    "layer_norm without bias": lambda x, w, b: F.layer_norm(x, (x.shape[-1],), w, eps=0.1),
    "layer_norm of two axes": lambda x, w, b: F.layer_norm(x, x.shape[-2:]),
    "batch_norm": lambda x, w, b: F.batch_norm(x.mT, None, None, w, b, training=True),
    "batch_norm of channels in rows": lambda x, w, b: F.batch_norm(x.permute(1, 2, 0), None, None, bias=b, training=True),
    "batch_norm of vectors": lambda x, w, b: F.batch_norm(x.reshape(-1, x.shape[-1]), None, None, w, training=True, eps=0.1),
    "group_norm": lambda x, w, b: F.group_norm(x.reshape(3, 20, 34), 4, *(mg.concatenate([v, v])[:20] for v in (w, b))),
    "group_norm, batch innermost": lambda x, w, b: F.group_norm((x * 1).permute(2, 0, 1), 1, w[:3], eps=0.1),
    "group_norm, no weights": lambda x, w, b: F.group_norm(x[..., :16].mT, 8),
    "instance_norm": lambda x, w, b: F.instance_norm(x.mT, None, None, w, b),
    "instance_norm, batch innermost": lambda x, w, b: F.instance_norm((x * 1).permute(2, 0, 1), None, None, bias=b[:3]),
    "scaled_dot_product_attention": lambda x, w, b: F.scaled_dot_product_attention(x * w, x[:, :9] * b, x[:, :9]),
    "scaled_dot_product_attention, causal": lambda x, w, b: F.scaled_dot_product_attention(
        *(part.reshape(40, 3, 17).permute(1, 0, 2)[:, None] for part in (x * w, x * b, x)), is_causal=True, scale=0.1
    ),
    "gelu": lambda x, w, b: F.gelu(x * w),
    "gelu tanh": lambda x, w, b: F.gelu(x * w, approximate="tanh"),
    "hardsigmoid": lambda x, w, b: F.hardsigmoid(x * w),
    "silu": lambda x, w, b: F.silu(x * w),
    "mish": lambda x, w, b: F.mish(x * w),
    "logsigmoid": lambda x, w, b: F.logsigmoid(x * w + b),
}
RULES = {
    "sigmoid": mg.sigmoid,
    "tanh": mg.tanh,
    "softplus": F.softplus,
    "softplus, sharp": lambda x: F.softplus(x, beta=3.0, threshold=2.0),
    "elu": F.elu,
    "elu, alpha": lambda x: F.elu(x, 1.7),
    "elu, falling": lambda x: F.elu(x, -0.3),
    "leaky_relu": F.leaky_relu,
    "leaky_relu, steep": lambda x: F.leaky_relu(x, 1.5),
    "leaky_relu, falling": lambda x: F.leaky_relu(x, -0.5),
    "hardswish": F.hardswish,
    "softmax": lambda x: F.softmax(x, -1),
    "softmax, axis 0": lambda x: F.softmax(x, 0),
    "softmax, no axis": lambda x: F.softmax(x, ()),
    "softmax, a list": lambda x: F.softmax(x, [0, 1]),
    "log_softmax": lambda x: F.log_softmax(x, -1),
    "log_softmax, axis 0": lambda x: F.log_softmax(x, 0),
    "log_softmax, no axis": lambda x: F.log_softmax(x, []),
    "log_softmax, all": lambda x: F.log_softmax(x, None),
    "x ** 3": lambda x: x**3,
    "x ** -3": lambda x: x**-3,
}
ORDERS = {
    "C": lambda a: a,
    "F": np.asfortranarray,
    "reversed": lambda a: a[::-1],
    "every other": lambda a: np.repeat(a, 2, -1)[..., ::2],
}


def inputs(dtype, shape=(3, 40, 17), order="C", seed=0):
    rng = np.random.default_rng(seed)
    x = ORDERS[order](rng.standard_normal(shape).astype(dtype) * 3)
    return [
        mg.Tensor.from_array(x).requires_grad_(),
        *mg.tensor(rng.standard_normal((2, shape[-1])).astype(dtype)).requires_grad_(),
    ]


def gradients(out, xs, seed=1):
    g = mg.tensor(np.random.default_rng(seed).standard_normal(out.shape).astype(out.dtype))
    return mg.autograd.grad(out, xs, g, allow_unused=True)


def close(found, wanted, dtype, steps=1):
    for a, b in zip(found, wanted, strict=True):
        if a is None or b is None:
            assert a is b is None
            continue
        size = max(1.0, float(abs(b.array).max())) if b.numel() else 1.0
        assert a.dtype == b.dtype and a.shape == b.shape
        np.testing.assert_allclose(a.array, b.array, rtol=0, atol=steps * 64 * np.finfo(dtype).eps * size)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", COMPOSITES)
def test_a_kernel_computes_what_the_composition_does(name, order, dtype):
    function = COMPOSITES[name]
    xs = inputs(dtype, order=order)
    out = function(*xs)
    found = [out, *gradients(out, xs)]
    with unfused():
        composed = function(*xs)
        wanted = [composed, *gradients(composed, xs)]
    used, unused = (any(isinstance(node.primitive, Fused) for node in below([y.node])) for y in (out, composed))
    assert not unused and (used or (name.startswith("gelu") and dtype == np.float64))
    close(found, wanted, dtype)


@pytest.mark.parametrize("name", COMPOSITES)
def test_gradients_of_gradients_are_those_of_the_composition(name):
    function = COMPOSITES[name]
    xs = inputs(np.float32)

    def second():
        out = function(*xs)
        first = mg.autograd.grad((out * out).sum(), xs, create_graph=True, allow_unused=True)
        return mg.autograd.grad(sum((g * g).sum() for g in first if g is not None), xs, allow_unused=True)

    found = second()
    with unfused():
        wanted = second()
    close(found, wanted, np.float32, steps=100)


@pytest.mark.parametrize("size", [4, 600, BLOCK + 5])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", RULES)
def test_the_kernel_of_a_rule_computes_what_the_rule_does(name, dtype, size):
    x = mg.tensor((np.random.default_rng(0).standard_normal((3, size)) * 2).astype(dtype), requires_grad=True)
    out = RULES[name](x)
    g = mg.tensor(np.random.default_rng(1).standard_normal(out.shape).astype(dtype))
    (by_kernel,) = mg.autograd.grad(out, x, g, retain_graph=True)
    (by_rule,) = mg.autograd.grad(out, x, g, create_graph=True)
    size = np.abs(by_rule.array).max()
    np.testing.assert_allclose(by_kernel.array, by_rule.array, rtol=1e-5 if dtype == np.float32 else 1e-13, atol=1e-7 * size)


def test_leaving_an_inner_block_leaves_the_outer():
    x = mg.ones(1000, requires_grad=True)  # fewer have no kernel
    with unfused():
        with unfused():
            pass
        assert F.silu(x).grad_fn.name() == "Multiply"
    assert F.silu(x).grad_fn.name() != "Multiply"


@pytest.mark.parametrize("size", [4, 900])
@pytest.mark.parametrize("name", RULES)
def test_at_infinities_and_nan_a_kernel_gives_what_the_rule_does(name, size):
    x = mg.tensor(np.resize(np.array([-np.inf, np.inf, np.nan, 1.0], np.float32), (2, size)), requires_grad=True)
    with np.errstate(all="ignore"):
        out = RULES[name](x)
        (by_kernel,) = mg.autograd.grad(out, x, mg.ones_like(out), retain_graph=True)
        (by_rule,) = mg.autograd.grad(out, x, mg.ones_like(out), create_graph=True)
    np.testing.assert_allclose(by_kernel.array, by_rule.array, rtol=1e-6)


def test_a_kernel_takes_what_its_rule_does():
    @mg.primitive
    def scale(x, by):
        return x * by

    with pytest.raises(mg.GraphError, match=r"same, got \(g, by\) and \(g, x\)"):

        @scale.gradient("x", kernel=lambda g, x: g)
        def _(g, by):
            return g * by

    assert scale.rules == {}


def test_layer_norm_keeps_its_digits_far_from_zero():
    a = (np.random.default_rng(0).standard_normal((8, 4096)) + 1e4).astype(np.float32)
    exact = a.astype(np.float64)
    exact = (exact - exact.mean(1, keepdims=True)) / exact.std(1, keepdims=True)
    out = F.layer_norm(mg.tensor(a), np.int64(4096), eps=0.0).array
    assert np.abs(out - exact).max() < 1.5e-3  # the mean is rounded to 1e-3


def test_softplus_is_x_above_its_threshold():
    x = np.linspace(7, 1e4, 1000).astype(np.float32)
    assert (F.softplus(mg.tensor(x), beta=3.0).array == x).all()
    assert F.softplus(mg.tensor([1e38]), beta=10.0).item() == np.float32(1e38)


def test_relu_networks_pass_gradients_at_nan_as_relu_does():
    mg.manual_seed(0)
    net, x = nn.RNN(2, 3, nonlinearity="relu"), mg.full((2, 1, 2), np.nan)

    def gradient():
        net.zero_grad()
        net(x)[0][0].sum().backward()
        return net.bias_hh_l0.grad.array.copy()

    found = gradient()
    with unfused():
        np.testing.assert_array_equal(found, gradient())


def test_a_result_that_is_changed_in_place_leaves_what_its_kernel_kept():
    mg.manual_seed(0)
    net, x = nn.LSTM(3, 4), mg.randn(5, 2, 3)
    out = net(x)[0]
    (wanted,) = mg.autograd.grad(out.sum(), net.weight_hh_l0, retain_graph=True)
    with mg.no_grad():
        out.fill_(7.0)
    assert (out.array == 7).all()
    out = net(x)[0]
    with mg.no_grad():
        out.detach().zero_()
    (found,) = mg.autograd.grad(out, net.weight_hh_l0, mg.ones_like(out))
    np.testing.assert_array_equal(found.array, wanted.array)


def test_every_kernel_is_among_these():
    ops = [op for op in vars(F).values() if isinstance(getattr(op, "compute", None), Fused)]
    inner = {"batch_norm", "instance_norm", "scaled_dot_product_attention"}  # a part of them has a kernel
    assert {op.__name__ for op in ops} | inner == {name.split(",")[0].split()[0] for name in COMPOSITES}
    with_kernels = {
        op.__name__ for room in (F, mg) for op in vars(room).values() if isinstance(op, Primitive) and op.kernels
    }
    assert with_kernels == {name.split(",")[0] for name in RULES if "**" not in name}


@pytest.mark.parametrize(
    "activation",
    ["gelu", "silu", "mish", "logsigmoid", "elu", "softplus", "hardsigmoid", "hardswish", "leaky_relu", "sigmoid", "tanh"],
)
def test_activations_and_their_slopes_are_finite_far_away_and_nan_at_nan(activation):
    values = np.array([-1e30, -1e4, -100.0, 0.0, 100.0, 1e4, 1e30] * 200, np.float32)
    for array in (values[:7], values):
        x = mg.tensor(array, requires_grad=True)
        out = getattr(F, activation)(x)
        out.backward(mg.ones_like(out))
        assert np.isfinite(out.array).all() and np.isfinite(x.grad.array).all()
    x = mg.tensor(np.full(1000, np.nan, np.float32), requires_grad=True)
    out = getattr(F, activation)(x)
    assert np.isnan(out.array).all()


def test_log1p_is_as_accurate_as_log():
    z = np.concatenate([np.logspace(-40, 0, 5000), np.linspace(0, 1, 5000)])
    for dtype in (np.float32, np.float64):
        exact = np.log1p(z.astype(dtype).astype(np.longdouble))
        off = np.abs(log1p(z.astype(dtype)).astype(np.longdouble) - exact) / np.spacing(exact.astype(dtype))
        assert off.max() <= 4  # np.log of float32 is off by up to 3.8 units on some processors


def test_a_composition_is_called_for_what_a_kernel_does_not_compute():
    x = mg.randn(4, 6, dtype=mg.float64).requires_grad_()
    assert isinstance(F.layer_norm(x, 6).node.primitive, Fused)
    assert not isinstance(F.layer_norm(x, 6, np.ones(6)).node.primitive, Fused)  # an array among the operands
    assert not isinstance(F.layer_norm(x, 6, mg.ones(6)).node.primitive, Fused)  # of another dtype
    assert F.layer_norm(x.half(), 6).dtype == np.float16
    with pytest.raises(mg.errors.ShapeError, match="normalized_shape"):
        F.layer_norm(x, 5)
    with mg.autograd.detect_anomaly():  # looks at every operation
        assert not isinstance(F.layer_norm(x, 6).node.primitive, Fused)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "options", [{}, {"bidirectional": True, "num_layers": 2}, {"bias": False, "batch_first": True}], ids=str
)
@pytest.mark.parametrize("kind", ["RNN", "RNN relu", "LSTM", "GRU"])
def test_a_sequence_by_its_kernel_is_that_of_its_steps(kind, options, dtype):
    mg.manual_seed(0)
    kind, *nonlinearity = kind.split()
    net = getattr(nn, kind)(3, 5, **options, **({"nonlinearity": "relu"} if nonlinearity else {}), dtype=dtype)
    x = mg.randn(6, 4, 3, dtype=dtype).requires_grad_()
    h = mg.randn(len(net._passes()), 6 if net.batch_first else 4, 5, dtype=dtype).requires_grad_()
    start = (h, h * 0.5) if kind == "LSTM" else h
    g = [mg.randn(*y.shape, dtype=dtype) for y in leaves(net(x, start))]

    def run(used, create_graph=False):
        outs = leaves(net(x, start))
        found = [y for i, y in enumerate(outs) if i in used]
        grads = [y for i, y in enumerate(g) if i in used]
        return found, mg.autograd.grad(found, [x, h, *net.parameters()], grads, create_graph=create_graph)

    for used in ({0}, {1}, set(range(len(g)))):
        outs, grads = run(used)
        assert any(isinstance(node.primitive, Fused) for node in below([y.node for y in outs]))
        with unfused():
            composed, wanted = run(used)
        close([*outs, *grads], [*composed, *wanted], dtype, steps=10)
    if dtype == np.float64:

        def second():
            return mg.autograd.grad(sum((v * v).sum() for v in run({0, 1}, True)[1]), [x, h, *net.parameters()])

        found = second()
        with unfused():
            close(found, second(), dtype, steps=1000)


def test_incoming_gradients_may_be_arrays():
    x = mg.randn(4, 6, dtype=mg.float64).requires_grad_()
    g = np.random.default_rng(0).standard_normal((4, 6))
    (recorded,) = mg.autograd.grad(F.layer_norm(x, 6), x, g, create_graph=True)
    (plain,) = mg.autograd.grad(F.layer_norm(x, 6), x, g)
    np.testing.assert_allclose(recorded.array, plain.array, atol=1e-14)
    assert recorded.requires_grad


def test_one_operand_may_be_made_of_another():
    x = mg.randn(4, 6, dtype=mg.float64).requires_grad_()

    def norm(x):
        w = (x * x).mean(0)
        return F.layer_norm(x * w, 6, w, w.exp())

    assert mg.testing.gradcheck(norm, x)
    assert mg.testing.gradgradcheck(norm, x)


def test_only_wanted_gradients_are_computed_and_nothing_stays_alive():
    x, w, b = mg.randn(4, 6), mg.ones(6, requires_grad=True), mg.zeros(6, requires_grad=True)
    out = F.layer_norm(x, 6, w, b)
    node = weakref.ref(out.node)
    needs = []
    kernel = out.node.primitive.backward
    out.node.primitive.backward = lambda g, needed, *rest: (needs.append(list(needed)), kernel(g, needed, *rest))[1]
    try:
        out.sum().backward()
    finally:
        out.node.primitive.backward = kernel
    assert needs == [[False, False, True, True, False]]
    assert out.node.saved is None
    del out
    gc.collect()
    assert node() is None


def test_a_leaf_that_was_written_to_is_refused():
    x, w = mg.randn(4, 6), mg.ones(6, requires_grad=True)
    out = F.layer_norm(x, 6, w).sum()
    with mg.no_grad():
        w.mul_(2)
    with pytest.raises(mg.errors.GraphError, match="written to"):
        out.backward()


def test_a_kernel_can_be_given_to_any_composite():
    from minigrad.engine.composite import composite

    @composite
    def weighted(x, w, power=1):
        return x * w**power

    def forward(x, w, power):
        return None if power != 1 else (x * w, ())

    def backward(g, needs, args, kept):
        x, w, _ = args
        return [g * w if needs[0] else None, g * x if needs[1] else None, None]

    fuse(weighted, forward, backward, "x", "w")
    x, w = mg.tensor([1.0, 2.0], requires_grad=True), mg.tensor([3.0, 4.0], requires_grad=True)
    assert weighted(x, w).grad_fn.name() == "Weighted"
    assert weighted(x, w, power=2).grad_fn.name() == "Multiply"
    weighted(x, w).sum().backward()
    assert x.grad.tolist() == [3, 4] and w.grad.tolist() == [1, 2]


def test_an_encoder_trains_alike_with_and_without_kernels():
    def train():
        mg.manual_seed(0)
        net = nn.TransformerEncoderLayer(16, 2, 32, activation="gelu", dropout=0.0, batch_first=True, dtype=mg.float64)
        optimizer = mg.optim.SGD(net.parameters(), 0.1)
        x = mg.randn(4, 5, 16, dtype=mg.float64)
        for _ in range(5):
            optimizer.zero_grad()
            ((net(x) - x.flip(1)) ** 2).mean().backward()
            optimizer.step()
        return [p.detach().numpy() for p in net.parameters()]

    fused = train()
    with unfused():
        composed = train()
    for a, b in zip(fused, composed, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)
