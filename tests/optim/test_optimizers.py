"""Optimizers: their equations written out, one element at a time, and PyTorch's own where it is installed."""

import copy
import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.errors import ShapeError


def sgd(p, grads, lr, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False):
    b = None
    for g in grads:
        g = g + weight_decay * p
        if momentum:
            b = g if b is None else momentum * b + (1 - dampening) * g
            g = g + momentum * b if nesterov else b
        p = p - lr * g
    return p


def adagrad(p, grads, lr, eps=1e-10, weight_decay=0.0, lr_decay=0.0, initial_accumulator_value=0.0):
    total = initial_accumulator_value
    for t, g in enumerate(grads):
        g = g + weight_decay * p
        total += g * g
        p = p - lr / (1 + t * lr_decay) * g / (math.sqrt(total) + eps)
    return p


def rmsprop(p, grads, lr, alpha=0.99, eps=1e-8, weight_decay=0.0, momentum=0.0, centered=False):
    square = mean = b = 0.0
    for g in grads:
        g = g + weight_decay * p
        square = alpha * square + (1 - alpha) * g * g
        mean = alpha * mean + (1 - alpha) * g
        step = g / (math.sqrt(square - mean * mean if centered else square) + eps)
        b = momentum * b + step
        p = p - lr * (b if momentum else step)
    return p


def adam(p, grads, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, decoupled=False, amsgrad=False):
    m = v = largest = 0.0
    for t, g in enumerate(grads, 1):
        if decoupled:
            p = p - lr * weight_decay * p
        else:
            g = g + weight_decay * p
        m, v = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g * g
        largest = max(largest, v)
        p = p - lr * (m / (1 - betas[0] ** t)) / (math.sqrt((largest if amsgrad else v) / (1 - betas[1] ** t)) + eps)
    return p


def adamw(p, grads, lr, weight_decay=1e-2, **options):
    return adam(p, grads, lr, weight_decay=weight_decay, decoupled=True, **options)


def adadelta(p, grads, lr=1.0, rho=0.9, eps=1e-6, weight_decay=0.0):
    v = s = 0.0
    for g in grads:
        g = g + weight_decay * p
        v = rho * v + (1 - rho) * g * g
        d = math.sqrt(s + eps) / math.sqrt(v + eps) * g
        s = rho * s + (1 - rho) * d * d
        p = p - lr * d
    return p


def adamax(p, grads, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
    m = u = 0.0
    for t, g in enumerate(grads, 1):
        g = g + weight_decay * p
        m, u = betas[0] * m + (1 - betas[0]) * g, max(betas[1] * u, abs(g) + eps)
        p = p - lr / (1 - betas[0] ** t) * m / u
    return p


def nadam(p, grads, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, momentum_decay=4e-3):
    m, v, product = 0.0, 0.0, 1.0
    mu = [betas[0] * (1 - 0.96 ** (t * momentum_decay) / 2) for t in range(len(grads) + 2)]
    for t, g in enumerate(grads, 1):
        g = g + weight_decay * p
        m, v = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g * g
        product *= mu[t]
        along = (1 - mu[t]) / (1 - product) * g + mu[t + 1] / (1 - product * mu[t + 1]) * m
        p = p - lr * along / (math.sqrt(v / (1 - betas[1] ** t)) + eps)
    return p


def radam(p, grads, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
    m = v = 0.0
    R = 2 / (1 - betas[1]) - 1
    for t, g in enumerate(grads, 1):
        g = g + weight_decay * p
        m, v = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g * g
        rho, step = R - 2 * t * betas[1] ** t / (1 - betas[1] ** t), lr * m / (1 - betas[0] ** t)
        if rho > 5:
            step *= math.sqrt((rho - 4) * (rho - 2) * R / ((R - 4) * (R - 2) * rho))
            step *= math.sqrt(1 - betas[1] ** t) / (math.sqrt(v) + eps)
        p = p - step
    return p


def rprop(p, grads, lr=1e-2, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
    size, previous = lr, 0.0
    for g in grads:
        if g * previous > 0:
            size = min(size * etas[1], step_sizes[1])
        elif g * previous < 0:
            size, g = max(size * etas[0], step_sizes[0]), 0.0
        p, previous = p - math.copysign(size, g) * (g != 0), g
    return p


def asgd(p, grads, lr=1e-2, lambd=1e-4, alpha=0.75, t0=1e6, weight_decay=0.0, average=False):
    eta, mu, mean = lr, 1.0, 0.0
    for t, g in enumerate(grads, 1):
        p = p - eta * (g + weight_decay * p + lambd * p)
        mean += mu * (p - mean)
        eta, mu = lr / (1 + lambd * lr * t) ** alpha, 1 / max(1, t - t0)
    return mean if average else p


CASES = [
    (optim.SGD, sgd, {"lr": 0.1}),
    (optim.SGD, sgd, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
    (optim.SGD, sgd, {"lr": 0.1, "momentum": 0.9, "dampening": 0.5}),
    (optim.SGD, sgd, {"lr": 0.1, "momentum": 0.8, "nesterov": True}),
    (optim.Adagrad, adagrad, {"lr": 0.1, "weight_decay": 0.1}),
    (optim.RMSprop, rmsprop, {"lr": 0.01}),
    (optim.RMSprop, rmsprop, {"lr": 0.01, "momentum": 0.9, "centered": True, "weight_decay": 0.1}),
    (optim.Adam, adam, {"lr": 0.01}),
    (optim.Adam, adam, {"lr": 0.01, "betas": (0.8, 0.9), "weight_decay": 0.1}),
    (optim.AdamW, adamw, {"lr": 0.01, "weight_decay": 0.1}),
    (optim.Adagrad, adagrad, {"lr": 0.1, "lr_decay": 0.5, "initial_accumulator_value": 0.3, "eps": 0.01}),
    (optim.Adam, adam, {"lr": 0.01, "betas": (0.8, 0.5), "amsgrad": True, "eps": 0.01}),
    (optim.Adadelta, adadelta, {"lr": 0.5, "rho": 0.8, "eps": 0.01, "weight_decay": 0.1}),
    (optim.Adamax, adamax, {"lr": 0.01, "betas": (0.8, 0.9), "eps": 0.01, "weight_decay": 0.1}),
    (optim.NAdam, nadam, {"lr": 0.01, "betas": (0.8, 0.9), "momentum_decay": 0.5, "eps": 0.01, "weight_decay": 0.1}),
    (optim.RAdam, radam, {"lr": 0.01, "betas": (0.8, 0.9), "eps": 0.01, "weight_decay": 0.1}),
    (optim.Rprop, rprop, {"lr": 0.1, "etas": (0.3, 1.5), "step_sizes": (0.04, 0.2)}),
    (optim.ASGD, asgd, {"lr": 0.1, "lambd": 0.5, "alpha": 0.6, "t0": 2, "weight_decay": 0.1}),
]
every_case = pytest.mark.parametrize("make, equation, options", CASES, ids=lambda v: getattr(v, "__name__", None))


def gradients(shape, steps=8):
    return np.random.default_rng(1).standard_normal((steps, *shape))


def run(make, p, grads, options):
    optimizer = make([p], **options)
    for g in grads:
        p.grad = mg.tensor(g, p.dtype)
        optimizer.step()
    return p.detach().numpy()


@every_case
def test_every_element_follows_the_equation(make, equation, options):
    start, grads = np.random.default_rng(0).standard_normal((2, 3)), gradients((2, 3))
    found = run(make, nn.Parameter(start), grads, options)
    expected = [[equation(start[i, j], grads[:, i, j], **options) for j in range(3)] for i in range(2)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_the_average_of_asgd_starts_after_t0():
    options = {"lr": 0.1, "lambd": 0.5, "alpha": 0.6, "t0": 2}
    p, grads = nn.Parameter(np.array([0.3, -2.0])), gradients((2,))
    optimizer = optim.ASGD([p], **options)
    for g in grads:
        p.grad = mg.tensor(g)
        optimizer.step()
    expected = [asgd(x, grads[:, i], **options, average=True) for i, x in enumerate([0.3, -2.0])]
    np.testing.assert_allclose(optimizer.state[p]["ax"], expected, rtol=1e-12)


@every_case
def test_blocks_make_no_difference(make, equation, options, monkeypatch):
    start, grads = np.random.default_rng(0).standard_normal((5, 7)), gradients((5, 7))
    whole = run(make, nn.Parameter(start), grads, options)
    monkeypatch.setattr("minigrad.optim.optimizer.BLOCK", 4)
    np.testing.assert_array_equal(run(make, nn.Parameter(start), grads, options), whole)


@every_case
def test_memory_order_makes_no_difference(make, equation, options):
    start, grads = np.random.default_rng(0).standard_normal((5, 7)), gradients((5, 7))
    plain = run(make, nn.Parameter(start), grads, options)
    np.testing.assert_array_equal(run(make, nn.Parameter(np.asfortranarray(start)), grads, options), plain)


@every_case
def test_pytorch_agrees(make, equation, options):
    torch = pytest.importorskip("torch")
    start, grads = np.random.default_rng(0).standard_normal((2, 3)), gradients((2, 3))
    p = torch.nn.Parameter(torch.tensor(start))
    optimizer = getattr(torch.optim, make.__name__)([p], **options)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # of eta and of the product of momenta
    try:
        for g in grads:
            p.grad = torch.tensor(g)
            optimizer.step()
    finally:
        torch.set_default_dtype(before)
    np.testing.assert_allclose(run(make, nn.Parameter(start), grads, options), p.detach().numpy(), rtol=1e-12)


@pytest.mark.parametrize("maximize", [False, True])
@every_case
def test_float32_stays_float32_and_gradients_stay_whole(make, equation, options, maximize):
    p = nn.Parameter(np.ones(3, np.float32))
    optimizer = make([p], **options | {"maximize": maximize})
    g = mg.tensor([1.0, -2.0, 3.0])
    p.grad = g
    optimizer.step()
    optimizer.step()
    assert p.dtype == np.float32 and all(s.dtype == np.float32 for s in optimizer.state[p].values() if hasattr(s, "dtype"))
    assert g.tolist() == [1, -2, 3] and p.grad is g


def test_a_former_value_is_never_written_to():
    p = nn.Parameter([1.0, 2.0])
    before, shared = p.detach().numpy(), p.detach()
    p.grad = mg.ones(2)
    optim.SGD([p], lr=1.0).step()
    assert before.tolist() == [1, 2] and p.tolist() == shared.tolist() == [0, 1]


def test_groups_have_options_of_their_own():
    a, b, c = (nn.Parameter([1.0]) for _ in range(3))
    optimizer = optim.SGD([{"params": [a]}, {"params": b, "lr": 1.0}], lr=0.5)
    optimizer.add_param_group({"params": [c], "lr": 0.0})
    for p in (a, b, c):
        p.grad = mg.ones(1)
    optimizer.step()
    assert [p.item() for p in (a, b, c)] == [0.5, 0.0, 1.0]
    assert repr(optimizer).splitlines()[2].startswith("  group 1: 1 tensors, lr=1.0")


def test_parameters_without_a_gradient_stay():
    a, b = nn.Parameter([1.0]), nn.Parameter([1.0])
    optimizer = optim.Adam([a, b])
    a.grad = mg.ones(1)
    optimizer.step()
    assert b.item() == 1 and b not in optimizer.state
    optimizer.zero_grad()
    assert a.grad is None


def test_tied_weights_are_updated_once():
    net = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    net[1].weight = net[0].weight
    before = net[0].weight.detach().numpy()
    net(mg.ones(1, 2)).sum().backward()
    g = net[0].weight.grad.numpy()
    optim.SGD(net.parameters(), lr=1.0).step()
    np.testing.assert_allclose(net[0].weight.detach().numpy(), before - g, rtol=1e-6)


@pytest.mark.parametrize(
    "make, error, says",
    [
        (lambda p: optim.SGD([]), ValueError, "no parameters"),
        (lambda p: optim.SGD(p), TypeError, "iterable of tensors"),
        (lambda p: optim.SGD([3.0]), TypeError, "parameter 0 must be a Tensor, got float"),
        (lambda p: optim.SGD([p, p * 2]), ValueError, "parameter 1 is the result"),
        (lambda p: optim.SGD([p, p]), ValueError, "given twice"),
        (lambda p: optim.SGD([{"params": [p], "momentun": 1}]), ValueError, "unknown option 'momentun'; did you mean 'mom"),
        (lambda p: optim.SGD([p], lr=-1), ValueError, "lr must be a finite number of at least 0, got -1"),
        (lambda p: optim.SGD([p], lr=math.nan), ValueError, "got nan"),
        (lambda p: optim.Adam([p], lr=math.inf), ValueError, "got inf"),
        (lambda p: optim.Adam([p], betas=(0.9, 1.0)), ValueError, r"betas must be two numbers within \[0, 1\)"),
        (lambda p: optim.Adam([p], eps=-1e-8), ValueError, "eps"),
        (lambda p: optim.RMSprop([p], weight_decay=-1), ValueError, "weight_decay"),
        (lambda p: optim.SGD([p], momentum=-0.1), ValueError, "momentum"),
        (lambda p: optim.SGD([p], nesterov=True), ValueError, "nesterov needs a momentum"),
    ],
)
def test_what_optimizers_refuse(make, error, says):
    with pytest.raises(error, match=says):
        make(nn.Parameter([1.0]))


def test_an_exhausted_generator_is_noticed():
    parameters = nn.Linear(1, 1).parameters()
    optim.SGD(parameters)
    with pytest.raises(ValueError, match="can be used only once"):
        optim.SGD(parameters)


def test_a_gradient_of_another_shape_changes_nothing():
    a, b = nn.Parameter([1.0]), nn.Parameter([1.0, 2.0])
    optimizer = optim.SGD([a, b], lr=1.0)
    a.grad = b.grad = None
    a.grad = mg.ones(1)
    b.stored_grad = mg.ones(3)
    with pytest.raises(ShapeError, match=r"gradient has shape \(3,\), its parameter \(2,\)"):
        optimizer.step()
    assert a.item() == 1


class Signed(optim.Optimizer):
    """The least that an optimizer needs: options and an equation."""

    def __init__(self, params, lr=0.5, **options):
        super().__init__(params, {"lr": lr, **options})

    def update(self, group, numbers, p, g, state, work):
        assert numbers == {}  # what `start` gives, if it is not overridden
        p -= group["lr"] * np.sign(g)


class Averaged(Signed):
    def state_names(self, group):
        return ("average",)

    def update(self, group, numbers, p, g, state, work):
        (average,) = state
        average += g
        p -= group["lr"] * average


def stepped(make, value=1.0, grad=2.0):
    p = mg.tensor([value], requires_grad=True)
    p.grad = mg.tensor([grad])
    optimizer = make([p])
    optimizer.step()
    return p.item(), optimizer


def test_a_subclass_needs_no_more_than_an_equation():
    assert stepped(Signed)[0] == 0.5
    assert stepped(lambda p: Signed(p, maximize=True))[0] == 1.5
    assert stepped(lambda p: Signed(p, weight_decay=3.0), grad=-2.0)[0] == 0.5  # -2 + 3 * 1 > 0


@pytest.mark.parametrize("value", ["nesterov", None, -1.0, math.nan, (1, 2, 3), print])
def test_a_subclass_has_options_of_any_value(value):
    _, optimizer = stepped(lambda p: Signed(p, rule=value))
    assert optimizer.param_groups[0]["rule"] is value
    with pytest.raises(ValueError, match="lr must be a finite number"):
        Signed([mg.ones(1)], lr=-1.0, rule=value)
    with pytest.raises(ValueError, match=r"unknown option 'rules'; did you mean 'rule'.; there are lr, rule"):
        optimizer.add_param_group({"params": mg.ones(1), "rules": 1})


def test_the_state_of_a_subclass_is_saved_and_restored():
    value, optimizer = stepped(Averaged)
    saved = optimizer.state_dict()
    assert value == 0.0 and saved["state"][0]["average"].tolist() == [2.0]
    other = Averaged([mg.tensor([value], requires_grad=True)])
    other.load_state_dict(saved)
    (p,) = other.param_groups[0]["params"]
    p.grad = mg.tensor([2.0])
    other.step()
    assert p.item() == -2.0
    with pytest.raises(ValueError, match="average is not part of this Signed's state"):
        Signed([p]).load_state_dict(saved)


class OwnStep(optim.Optimizer):
    """As optimizers for PyTorch are written: the state is made at the first use of a parameter."""

    def __init__(self, params, lr=0.5):
        super().__init__(params, {"lr": lr})

    @mg.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if len(state) == 0:
                    state["step"], state["total"] = 0, mg.zeros_like(p)
                state["step"] += 1
                state["total"].add_(p.grad)
                p.add_(state["total"], alpha=-group["lr"])


def test_a_step_of_its_own_as_in_pytorch():
    whole, half = (mg.tensor([1.0], requires_grad=True) for _ in range(2))
    first, second = OwnStep([whole]), OwnStep([half])
    for p, optimizer, count in ((whole, first, 4), (half, second, 2)):
        for _ in range(count):
            p.grad = mg.tensor([2.0])
            optimizer.step()
    saved = second.state_dict()
    assert list(saved["state"]) == [0] and saved["state"][0]["step"] == 2
    second.step()
    assert saved["state"][0]["total"].item() == 4  # a copy
    again = mg.tensor([1.0 - 1 - 2], requires_grad=True)
    third = OwnStep([again], lr=9.0)
    third.load_state_dict(saved)
    for _ in range(2):
        again.grad = mg.tensor([2.0])
        third.step()
    assert again.item() == whole.item() and saved["state"][0]["total"].item() == 4


@pytest.mark.parametrize("make", [lambda p: optim.NAdam([p]), lambda p: optim.LBFGS([p])], ids=["NAdam", "LBFGS"])
def test_a_copy_of_an_optimizer_goes_on(make):
    p = nn.Parameter([1.0, 2.0])
    optimizer = make(p)

    def closure(p, optimizer):
        optimizer.zero_grad()
        loss = (p**4).sum()
        loss.backward()
        return loss

    optimizer.step(lambda: closure(p, optimizer))
    q, other = copy.deepcopy((p, optimizer))
    assert other.param_groups[0]["params"][0] is q
    optimizer.step(lambda: closure(p, optimizer))
    other.step(lambda: closure(q, other))
    assert p.tolist() == q.tolist()


def test_optimizers_are_listed_by_name():
    shown = {getattr(optim, name) for name in optim.__all__ if isinstance(getattr(optim, name), type)}
    assert set(optim.OPTIMIZERS.values()) == shown - {optim.Optimizer, optim.LBFGS}  # that needs a closure
    assert all(kind.__name__.lower() == name for name, kind in optim.OPTIMIZERS.items())


class Relative(optim.Optimizer):
    """An optimizer in PyTorch's form, whose learning rate may be missing, and which has three decay rates."""

    def __init__(self, params, lr=None, betas=(0.0, 0.9, 0.99), amsgrad="always"):
        super().__init__(params, {"lr": lr, "betas": betas, "amsgrad": amsgrad})

    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p.data.add_(p.grad, alpha=-(group["lr"] or sum(group["betas"])))


def test_an_optimizer_with_its_own_step_has_its_own_options():
    x = mg.ones(2, requires_grad=True)
    x.sum().backward()
    optimizer = Relative([x])
    optimizer.step()
    np.testing.assert_allclose(x.detach(), 1 - 1.89, rtol=1e-6)
    assert optimizer.param_groups[0]["lr"] is None and optimizer.param_groups[0]["amsgrad"] == "always"
    with pytest.raises(TypeError, match="lr must be a number"):
        optim.SGD([x], lr=None)


def test_a_group_carries_values_of_the_program():
    """Optimizers that wrap another (SAM, Lookahead) hand it their groups, with their own options in them."""
    x = mg.ones(2, requires_grad=True)
    outer = Relative([{"params": [x], "lr": 0.5, "radius": 0.05, "name": "all"}])
    inner = optim.SGD(outer.param_groups, lr=0.1)
    (group,) = inner.param_groups
    assert (group["lr"], group["radius"], group["name"], group["betas"]) == (0.5, 0.05, "all", (0.0, 0.9, 0.99))
    assert inner.state_dict()["param_groups"][0]["radius"] == 0.05
    x.sum().backward()
    inner.step()
    np.testing.assert_allclose(x.detach(), 0.5)
