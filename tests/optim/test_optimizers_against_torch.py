"""Every optimizer beside PyTorch's over twenty steps and fifty, with states that travel both ways; clipping."""

import copy

import numpy as np
import pytest

import minigrad as mg

torch = pytest.importorskip("torch")

CASES = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "maximize": True}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.2, "weight_decay": 0.1, "initial_accumulator_value": 0.3}),
    ("RMSprop", {"lr": 0.01, "alpha": 0.8}),
    ("RMSprop", {"lr": 0.01, "momentum": 0.8, "weight_decay": 0.1, "centered": True}),
    ("Adam", {"lr": 0.1, "betas": (0.7, 0.9), "eps": 1e-3}),
    ("Adam", {"lr": 0.1, "amsgrad": True, "weight_decay": 0.1, "maximize": True}),
    ("AdamW", {"lr": 0.1, "amsgrad": True, "weight_decay": 0.3}),
    ("Adam", {"lr": 0.1, "weight_decay": 0.3, "decoupled_weight_decay": True}),
    ("Adadelta", {}),
    ("Adadelta", {"lr": 0.5, "rho": 0.7, "eps": 1e-3, "weight_decay": 0.1, "maximize": True}),
    ("Adamax", {}),
    ("Adamax", {"lr": 0.1, "betas": (0.7, 0.9), "eps": 1e-3, "weight_decay": 0.1, "maximize": True}),
    ("NAdam", {}),
    ("NAdam", {"lr": 0.1, "betas": (0.7, 0.9), "momentum_decay": 0.1, "weight_decay": 0.1, "maximize": True}),
    ("NAdam", {"lr": 0.1, "weight_decay": 0.3, "decoupled_weight_decay": True, "eps": 1e-3}),
    ("RAdam", {}),
    ("RAdam", {"lr": 0.1, "betas": (0.7, 0.9), "weight_decay": 0.1, "maximize": True, "eps": 1e-3}),
    ("RAdam", {"lr": 0.1, "weight_decay": 0.3, "decoupled_weight_decay": True}),
    ("Rprop", {}),
    ("Rprop", {"lr": 0.1, "etas": (0.4, 1.5), "step_sizes": (1e-3, 0.2), "maximize": True}),
    ("ASGD", {}),
    ("ASGD", {"lr": 0.1, "lambd": 0.1, "alpha": 0.6, "t0": 3, "weight_decay": 0.1, "maximize": True}),
]
every_case = pytest.mark.parametrize("name, options", CASES, ids=[name for name, _ in CASES])
WEIGHT_DECAY = {"Rprop": {}}  # the only one that has none
SHAPES = [(3, 2), (4,), ()]


@pytest.fixture(autouse=True)
def numbers_of_torch_in_float64():
    """PyTorch keeps the numbers of its state, such as NAdam's `mu_product`, in its default dtype."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def start():
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape) for shape in SHAPES]


def made(lib, name, options, values):
    params = [lib.tensor(v.copy(), dtype=lib.float64).requires_grad_() for v in values]
    groups = [{"params": params[:2]}, {"params": params[2:], "lr": 0.5, **WEIGHT_DECAY.get(name, {"weight_decay": 0.2})}]
    return params, getattr(lib.optim, name)(groups, **options)


def run(lib, params, optimizer, first, last):
    for t in range(first, last):
        rng = np.random.default_rng([1, t])
        for p in params:
            p.grad = lib.tensor(rng.standard_normal(tuple(p.shape)), dtype=lib.float64)
        if t == 4:
            params[1].grad = None
        optimizer.step()


def values(params):
    return [p.detach().numpy().copy() for p in params]


def close(a, b):
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-10, atol=1e-14)


@every_case
def test_twenty_steps(name, options):
    found, states = [], []
    for lib in (mg, torch):
        params, optimizer = made(lib, name, options, start())
        run(lib, params, optimizer, 0, 20)
        found.append(values(params))
        states.append(optimizer.state_dict()["state"])
    close(*found)
    for i, state in states[0].items():
        close(*([np.asarray(of[i][key]) for key in state if key != "fresh"] for of in states))


def trained(lib, name, options):
    """Fifty steps of a perceptron: the losses, and the weights at the end."""
    rng = np.random.default_rng(0)
    x, t = lib.tensor(rng.standard_normal((8, 5))), lib.tensor(rng.integers(0, 3, 8))
    net = lib.nn.Sequential(lib.nn.Linear(5, 4), lib.nn.Tanh(), lib.nn.Linear(4, 3)).double()
    net.load_state_dict({k: lib.tensor(rng.standard_normal(tuple(v.shape))) for k, v in net.state_dict().items()})
    optimizer, losses = getattr(lib.optim, name)(net.parameters(), **options), []
    for _ in range(50):
        optimizer.zero_grad()
        loss = lib.nn.functional.cross_entropy(net(x), t)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return [np.array(losses), *values(net.parameters())]


@every_case
def test_fifty_steps_of_training(name, options):
    close(*(trained(lib, name, options) for lib in (mg, torch)))


def translated(state, tensor):
    """The same state with the tensors of the other library."""
    return {
        "state": {i: {k: tensor(v) if hasattr(v, "numpy") else v for k, v in s.items()} for i, s in state["state"].items()},
        "param_groups": copy.deepcopy(state["param_groups"]),
    }


@every_case
@pytest.mark.parametrize("giver, taker", [(mg, torch), (torch, mg)], ids=["to torch", "from torch"])
def test_states_travel(name, options, giver, taker):
    params, optimizer = made(torch, name, options, start())
    run(torch, params, optimizer, 0, 10)
    expected = values(params)
    params, optimizer = made(giver, name, options, start())
    run(giver, params, optimizer, 0, 5)
    others, second = made(taker, name, {"lr": 9.0}, values(params))
    second.load_state_dict(translated(optimizer.state_dict(), lambda v: taker.tensor(v.numpy().copy())))
    run(taker, others, second, 5, 10)
    close(values(others), expected)


@pytest.mark.parametrize("norm_type", [1.0, 2.0, float("inf")])
@pytest.mark.parametrize("most", [0.5, 100.0])
def test_clipping(norm_type, most):
    found = []
    for lib in (mg, torch):
        params = made(lib, "SGD", {}, start())[0]
        for p, v in zip(params, start(), strict=True):
            p.grad = lib.tensor(v * 3, dtype=lib.float64)
        norm = lib.nn.utils.clip_grad_norm_(params, most, norm_type)
        after = [p.grad.numpy().copy() for p in params]
        lib.nn.utils.clip_grad_value_(params, 0.1)
        found.append([norm.numpy(), *after, *(p.grad.numpy() for p in params)])
    close(*found)
