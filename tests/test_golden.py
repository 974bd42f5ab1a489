"""Values, gradients, layers and their state, steps of optimizers and rates of schedules are those that PyTorch gave once."""

from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, optim
from tests.golden.cases import (
    CALLS,
    CONSTANT,
    LAYERS,
    OPTIMIZERS,
    SCHEDULES,
    STEPS,
    draw,
    first_state,
    loss,
    network,
    rates,
    seen,
)  # fmt: skip

GOLDEN = dict(np.load(Path(__file__).parent / "golden" / "golden.npz"))


def close(found, wanted):
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", CALLS)
def test_values_and_gradients(name):
    arrays = [GOLDEN[f"{name}/input {n}"] for n in range(len(CALLS[name]) - 1)]
    xs = [mg.tensor(a, requires_grad=n not in CONSTANT.get(name, ())) for n, a in enumerate(arrays)]
    y = CALLS[name][0](F, *xs)
    close(y.detach().numpy(), GOLDEN[f"{name}/output"])
    y.backward(GOLDEN[f"{name}/g"])
    for n, x in enumerate(xs):
        assert (x.grad is not None) == (f"{name}/gradient {n}" in GOLDEN)
        if x.grad is not None:
            close(x.grad.numpy(), GOLDEN[f"{name}/gradient {n}"])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_five_steps(name):
    kind, options = OPTIMIZERS[name]
    arrays, x, t = network()
    weights = [mg.tensor(a, requires_grad=True) for a in arrays]
    optimizer, losses = getattr(optim, kind)(weights, **options), []
    for _ in range(STEPS):
        optimizer.zero_grad()
        value = loss(F, weights, mg.tensor(x), t)
        value.backward()
        optimizer.step()
        losses.append(value.item())
    close(losses, GOLDEN[f"{name}/losses"])
    for n, w in enumerate(weights):
        close(w.detach().numpy(), GOLDEN[f"{name}/weight {n}"])


@pytest.mark.parametrize("name", LAYERS)
def test_layers_with_their_state(name):
    """Three calls in training, one in evaluation: outputs, gradients, and what running statistics have become."""
    kind, arguments, options, _ = LAYERS[name]
    layer = getattr(nn, kind)(*arguments, **options).double()
    state = first_state({key: value.shape for key, value in layer.state_dict().items()})
    for key, value in state.items():
        assert np.array_equal(GOLDEN[f"{name}/first {key}"], value)
    layer.load_state_dict(state)
    found = seen(name, lambda a, grad: mg.tensor(a, requires_grad=grad), layer)
    assert {f"{name}/{key}" for key in found} | {f"{name}/first {key}" for key in state} == {
        key for key in GOLDEN if key.startswith(f"{name}/")
    }
    for key, value in found.items():
        close(value, GOLDEN[f"{name}/{key}"])


@pytest.mark.parametrize("name", SCHEDULES)
def test_twenty_rates(name):
    close(rates(name, optim, [mg.ones(2, requires_grad=True) for _ in range(2)]), GOLDEN[f"{name}/rates"])


def test_every_schedule_is_there():
    schedules = set(optim.lr_scheduler.__all__) - {"LRScheduler"}
    assert schedules == set(SCHEDULES)


def test_the_file_is_that_of_the_cases():
    cases = set(CALLS) | set(OPTIMIZERS) | set(LAYERS) | set(SCHEDULES)
    assert {key.rsplit("/", 1)[0] for key in GOLDEN} == cases
    for name in CALLS:
        for n, array in enumerate(draw(name)):
            assert np.array_equal(GOLDEN[f"{name}/input {n}"], array)
