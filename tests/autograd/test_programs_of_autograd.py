"""Functions, hooks, checkpoints and derivatives as programs for PyTorch write them: each runs in both libraries."""

import contextlib
import gc
import warnings

import numpy as np
import pytest

import minigrad as mg
import minigrad.utils.checkpoint
from minigrad import nn
from minigrad.errors import GraphError

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")
PROGRAMS = {}


def program(function):
    """Register a program of a library, `lib`, that returns lists of numbers or facts."""
    PROGRAMS[function.__name__] = function
    return function


@pytest.mark.parametrize("name", PROGRAMS)
def test_as_in_pytorch(name):
    torch = pytest.importorskip("torch")
    pytest.importorskip("torch.utils.checkpoint")
    check_close(PROGRAMS[name](mg), PROGRAMS[name](torch))


def check_close(mine, theirs):
    assert type(mine) is type(theirs), (mine, theirs)
    if isinstance(mine, list | tuple):
        assert len(mine) == len(theirs), (mine, theirs)
        for a, b in zip(mine, theirs, strict=True):
            check_close(a, b)
    else:
        assert mine == theirs or mine == pytest.approx(theirs, rel=1e-12), (mine, theirs)


def leaf(lib, values=(0.5, -1.5, 2.0)):
    return lib.tensor(values, dtype=lib.float64, requires_grad=True)


def derivatives(lib, f, *xs):
    """The value, the gradients and second derivatives of a sum."""
    y = f(*xs)
    first = lib.autograd.grad((y * y).sum(), xs, create_graph=True)
    second = lib.autograd.grad(sum((g * g).sum() for g in first), xs, allow_unused=True)
    return [y.tolist(), [g.tolist() for g in first], [None if g is None else g.tolist() for g in second]]


@program
def changed_in_place(lib):
    class AddOne(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            x.add_(1)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 7

    x = leaf(lib)
    y = x * 2
    y.retain_grad()
    z = AddOne.apply(y)
    constant = lib.ones(2)
    same = AddOne.apply(constant)
    (z * y).sum().backward()
    return [
        z is y,
        y.tolist(),
        x.grad.tolist(),
        y.grad.tolist(),
        same is constant,
        constant.tolist(),
        y.grad_fn is z.grad_fn,
    ]


@program
def changed_in_place_and_saved(lib):
    class ExpInPlace(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x, scale):
            ctx.mark_dirty(x)
            x.exp_()
            ctx.save_for_backward(x, scale)
            return x

        @staticmethod
        def backward(ctx, g):
            out, scale = ctx.saved_tensors
            return g * out * scale, None

    x = leaf(lib)
    y = ExpInPlace.apply(x.clone(), lib.tensor(3.0, dtype=lib.float64))
    y.sum().backward()
    one = lib.tensor(1.0, dtype=lib.float64)
    return [y.tolist(), x.grad.tolist(), derivatives(lib, lambda x: ExpInPlace.apply(x * 1, one), x)]


@program
def changed_in_place_refused(lib):
    class Double(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.mark_dirty(x)
            return x.mul_(2)

        @staticmethod
        def backward(ctx, g):
            return g * 2

    x = leaf(lib)
    facts = []
    y = x * 1
    z = y * y  # saves y
    Double.apply(y)
    for call in (lambda: Double.apply(x), lambda: z.sum().backward()):
        try:
            call()
            facts.append("ran")
        except RuntimeError:
            facts.append("refused")
    with lib.no_grad():
        v = leaf(lib)
        facts += [Double.apply(v).tolist(), v.tolist(), v.requires_grad]
    return facts


@program
def names_and_defaults(lib):
    class Scaled(lib.autograd.Function):
        @staticmethod
        def forward(x, scale=2.0, shift=1.0):
            return x * scale + shift

        @staticmethod
        def setup_context(ctx, inputs, output):
            _, ctx.scale, _ = inputs

        @staticmethod
        def backward(ctx, g):
            return g * ctx.scale, None, None

    x = leaf(lib)
    return [derivatives(lib, lambda x: Scaled.apply(x), x), derivatives(lib, lambda x: Scaled.apply(x, shift=4.0), x),
            derivatives(lib, lambda x: Scaled.apply(x, scale=5.0) * Scaled.apply(x=x), x)]  # fmt: skip


@program
def context_of_a_function(lib):
    facts = []

    class Facts(lib.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(ctx, x, y, name, unused):
            ctx.set_materialize_grads(name != "none")
            ctx.save_for_forward(x)
            ctx.save_for_backward(x, None, y)
            ctx.name = name
            ranks = (x > y).to(lib.int64)
            ctx.mark_non_differentiable(ranks)
            facts.append([ctx.needs_input_grad, x.requires_grad, lib.is_grad_enabled()])
            return x * y, ranks, x + y

        @staticmethod
        def backward(ctx, g, nothing, h):
            x, none, y = ctx.saved_tensors
            facts.append([none is None, ctx.name, g is None, nothing is None, h is None, lib.is_grad_enabled()])
            g, h = (lib.zeros_like(x) if t is None else t for t in (g, h))
            return (g * y + h, g * x + h, None, None)

    x, y = leaf(lib), leaf(lib, (1.0, 0.5, -3.0))
    product, ranks, total = Facts.apply(x, y, "first", None)
    facts += [product.requires_grad, ranks.requires_grad, ranks.tolist(), total.requires_grad]
    product.sum().backward(retain_graph=True)
    lib.autograd.grad(total.sum(), (x, y), create_graph=True)
    _, _, total = Facts.apply(x, y.detach(), "none", x)
    total.sum().backward()
    with lib.no_grad():
        facts.append(Facts.apply(x, y, "quiet", None)[0].requires_grad)
    return [facts, x.grad.tolist(), y.grad.tolist()]


@program
def differentiable_once(lib):
    class Square(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @lib.autograd.function.once_differentiable
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 2 * g * x

    x = leaf(lib)
    (g,) = lib.autograd.grad(Square.apply(x).sum(), x, create_graph=True)
    try:
        lib.autograd.grad(g.sum(), x)
        refused = False
    except RuntimeError:
        refused = True
    return [g.tolist(), refused]


@program
def quantizer(lib):
    class Binarize(lib.autograd.function.InplaceFunction):
        @staticmethod
        def forward(ctx, input, inplace=False):
            ctx.inplace = inplace
            if ctx.inplace:
                ctx.mark_dirty(input)
                output = input
            else:
                output = input.clone()
            return output.sign_() if inplace else output.sign()

        @staticmethod
        def backward(ctx, grad_output):
            return grad_output.clamp(-1, 1), None

    x = leaf(lib)
    (Binarize.apply(x, False) * 3).sum().backward()
    (Binarize.apply(x * 1, True) * 0.5).sum().backward()
    return x.grad.tolist()


@program
def function_under_transforms(lib):
    class Cube(lib.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x):
            return x**3

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 3 * g * x**2

    x = leaf(lib).detach()
    total = lambda x: Cube.apply(x).sum()
    return [
        lib.func.vmap(Cube.apply)(x).tolist(), lib.func.grad(total)(x).tolist(), lib.func.jacrev(Cube.apply)(x).tolist(),
        lib.func.vmap(lib.func.grad(total))(x[:, None] * x).tolist(),
    ]  # fmt: skip


@program
def saved_tensors(lib):
    packed, unpacked = [], []

    def pack(t):
        packed.append([t.tolist(), t.requires_grad])
        return t.numpy(), len(packed)

    def unpack(pair):
        unpacked.append(pair[1])
        return lib.tensor(pair[0]) * 2

    x = leaf(lib)
    with lib.autograd.graph.saved_tensors_hooks(lambda t: pack(t.detach()), unpack):
        y = x.exp()
        z = y.sin() + 2.0
    z.sum().backward()
    with lib.autograd.graph.save_on_cpu():
        w = (x * x).sum()
    w.backward()
    return [sorted(packed), sorted(unpacked), x.grad.tolist()]


@program
def checkpoints(lib):
    x, w = leaf(lib), leaf(lib, (1.0, 2.0, 3.0))
    runs, results = [], []

    def block(x, scale):
        runs.append(lib.is_grad_enabled())
        return lib.tanh(x * w * scale)

    @contextlib.contextmanager
    def noted(name):
        runs.append(name)
        yield

    for options in (
        {"use_reentrant": False}, {"use_reentrant": False, "determinism_check": "none", "debug": False, "early_stop": False},
        {"use_reentrant": False, "context_fn": lambda: (noted("first"), noted("second"))},
    ):  # fmt: skip
        x.grad = w.grad = None
        lib.utils.checkpoint.checkpoint(block, x, 2.0, **options).sum().backward()
        results.append([x.grad.tolist(), w.grad.tolist()])
    layers = [lambda x, i=i: (x * (i + 1)).sin() for i in range(5)]
    for segments in 1, 2, 3, 5:
        x.grad = None
        y = lib.utils.checkpoint.checkpoint_sequential(layers, segments, x, use_reentrant=False)
        y.sum().backward()
        results.append([y.tolist(), x.grad.tolist()])
    return [results, runs]


@program
def functional_derivatives(lib):
    F = lib.autograd.functional
    x, y = leaf(lib).detach(), leaf(lib, (1.0, 0.5, -3.0)).detach()
    listed = lambda tree: [listed(t) for t in tree] if isinstance(tree, tuple | list) else tree.tolist()
    product, energy = lambda x, y: x * y.exp(), lambda x, y: (x * y * y).sum()
    found = [
        F.jacobian(func=product, inputs=(x, y), strict=True), F.jacobian(lambda x: x.cumsum(0), x, vectorize=True),
        F.jacobian(lambda x: (x.sum(), x * 2), x, strategy="reverse-mode"),
        F.hessian(energy, (x, y)), F.hessian(lambda x: (x**3).sum(), x, outer_jacobian_strategy="reverse-mode"),
        F.hessian(lambda x: (x**3).sum(0, keepdim=True), x, vectorize=True),
        F.vjp(product, (x, y), v=y), F.jvp(product, (x, y), (y, x)), F.vhp(energy, (x, y), (y, x)),
        F.hvp(energy, (x, y), v=(y, x)),
        F.vjp(lambda x: x.sum(), x), F.jvp(lambda x: x * x, x, x, strict=True),
    ]  # fmt: skip
    facts = []
    for call in (lambda f: F.jacobian(f, (x, y), strict=True), lambda f: F.vjp(f, (x, y), x, strict=True)):
        for f in (lambda x, y: x * 1, lambda x, y: lib.ones(3), product):
            try:
                call(f)
                facts.append("ran")
            except RuntimeError:
                facts.append("refused")
    return [listed(found), facts]


@program
def options_of_grad(lib):
    x, y = leaf(lib), leaf(lib, (1.0, 0.5, -3.0))
    z, s = x * x * y, (x * y).sum()
    G = lib.tensor(np.arange(6.0).reshape(2, 3))
    grad = lib.autograd.grad
    found = [
        *grad(outputs=z, inputs=(x, y), grad_outputs=G, retain_graph=True, is_grads_batched=True),
        *grad([z, s], [x], [G, lib.tensor([1.0, 2.0], dtype=lib.float64)], True, is_grads_batched=True),
        *grad(z, [x], (G[0],), None, True, True, False, False, False),
        *grad(s, (x, y), create_graph=True, only_inputs=True),
        grad(s, (leaf(lib), y), allow_unused=True, materialize_grads=True)[0],
    ]
    facts = [grad(z, (x, leaf(lib)), G, True, False, True, True, True)[1] is None]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        lib.autograd.grad((x * y).sum(), x, only_inputs=False)
        lib.autograd.backward([(x * y).sum(), x.sum()], grad_variables=[lib.tensor(2.0, dtype=lib.float64), None])
        facts += [str(w.category) for w in caught]
    lib.autograd.backward(x.sum(), None, None, False, None, x)
    return [[t.tolist() for t in found], facts, x.grad.tolist()]


@program
def modes(lib):
    x = leaf(lib)
    facts = []

    @lib.no_grad()
    def f():
        return lib.is_grad_enabled()

    @lib.enable_grad()
    def g():
        return (x * 2).requires_grad

    @lib.inference_mode()
    def h():
        return (x * 2).requires_grad

    @lib.set_grad_enabled(mode=False)
    def k():
        return (x * 2).requires_grad

    facts += [f(), h(), k(), lib.is_grad_enabled()]
    with lib.no_grad():
        facts += [g(), lib.is_grad_enabled()]
    lib.set_grad_enabled(False)
    facts.append(lib.is_grad_enabled())
    lib.set_grad_enabled(True)
    with lib.autograd.set_grad_enabled(False), lib.autograd.enable_grad(), lib.autograd.no_grad():
        facts.append(lib.is_grad_enabled())
    with lib.inference_mode(mode=False):
        facts.append(lib.is_grad_enabled())
    return facts


def test_checkpoints_of_modules():
    net = nn.Sequential(*[nn.Linear(3, 3) for _ in range(4)])
    x = mg.ones(2, 3, requires_grad=True)
    net(x).sum().backward()
    expected = [p.grad.tolist() for p in net.parameters()]
    net.zero_grad()
    mg.utils.checkpoint.checkpoint_sequential(net, 2, x, preserve_rng_state=False).sum().backward()
    assert [p.grad.tolist() for p in net.parameters()] == expected
    for wrong in 0, 5:
        with pytest.raises(ValueError, match=rf"checkpoint_sequential: segments must be within 1\.\.4, got {wrong}"):
            mg.utils.checkpoint.checkpoint_sequential(net, wrong, x)


def test_saved_values_are_held_by_the_hooks_alone_and_read_anew():
    """Without PyTorch; also for a Function of several outputs, in a checkpoint, and in a second derivative."""
    store = []

    class Two(mg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x, x.exp()

        @staticmethod
        def backward(ctx, g, h):
            (x,) = ctx.saved_tensors
            return g * 2 * x + h * x.exp()

    def pack(t):
        assert isinstance(t, mg.Tensor) and not t.requires_grad
        store.append(t.numpy().copy())
        return len(store) - 1

    hooks = lambda: mg.autograd.graph.saved_tensors_hooks(pack, lambda i: mg.tensor(store[i]))
    for f in (
        lambda x: Two.apply(x)[0].sum() + Two.apply(x)[1].prod(),
        lambda x: mg.autograd.checkpoint(lambda x: (x.exp() * x).sum(), x),
        lambda x: (x.sin() * x[[0, 1, 0]]).sum(),
    ):  # fmt: skip
        x = mg.tensor([0.5, -1.5, 2.0], dtype=mg.float64, requires_grad=True)
        expected = mg.autograd.grad(f(x), x, create_graph=True)[0]
        twice = mg.autograd.grad(expected.sum(), x)[0]
        with hooks():
            y = f(x)
        (first,) = mg.autograd.grad(y, x, create_graph=True)
        assert (
            store and first.tolist() == expected.tolist() and mg.autograd.grad(first.sum(), x)[0].tolist() == twice.tolist()
        )
    before, y = len(store), x.exp() * x
    with hooks():
        (y.sin() * 2).sum()
    assert len(store) == before + 1 and store[-1].tolist() == y.tolist()  # nothing of what was recorded before the block
    (x * x).sum()
    assert len(store) == before + 1
    with mg.autograd.graph.saved_tensors_hooks(lambda t: 1, lambda t: t):
        y = x.exp().sum()
    with pytest.raises(TypeError, match="saved_tensors_hooks: unpack_hook must return a tensor, got int"):
        y.backward()
    with hooks():
        z = x.exp()
    z.sum().backward()
    with pytest.raises(GraphError, match="already freed"):
        z.sum().backward()
    gc.collect()


def test_names_given_twice_are_refused():
    x = mg.tensor(1.0, requires_grad=True)
    with pytest.raises(ValueError, match="name the same argument"), pytest.warns(FutureWarning, match="grad_tensors now"):
        mg.autograd.backward(x * 1, mg.tensor(1.0), grad_variables=mg.tensor(1.0))
    assert x.grad is None
    with pytest.raises(GraphError, match="jacobian: strict: output 0 does not depend on input 1"):
        mg.autograd.functional.jacobian(lambda x, y: x * 1, (mg.ones(2), mg.ones(2)), strict=True)


def test_strict_asks_for_every_output_of_one_graph():
    def both(x):
        y = x.exp()
        return y * y, y * 2

    found = mg.autograd.functional.jacobian(both, mg.zeros(1), strict=True)
    assert [j.tolist() for j in found] == [[[2.0]], [[2.0]]]


def test_what_a_function_of_several_outputs_saves_is_packed_once():
    packed = []

    class Both(mg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * 2, x * x

        @staticmethod
        def backward(ctx, g, h):
            return g * 2 + h * 2 * ctx.saved_tensors[0]

    x = mg.tensor(3.0, requires_grad=True)
    with mg.autograd.graph.saved_tensors_hooks(lambda t: packed.append(t.item()) or t, lambda t: t):
        double, square = Both.apply(x)
    assert packed == [3.0]
    mg.autograd.backward([double, square])
    assert x.grad.item() == 8.0
