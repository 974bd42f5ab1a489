"""Values, gradients and steps of optimizers are those that PyTorch gave once."""

from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import optim
from tests.golden.cases import CALLS, CONSTANT, OPTIMIZERS, STEPS, draw, loss, network

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


def test_the_file_is_that_of_the_cases():
    assert {key.rsplit("/", 1)[0] for key in GOLDEN} == set(CALLS) | set(OPTIMIZERS)
    for name in CALLS:
        for n, array in enumerate(draw(name)):
            assert np.array_equal(GOLDEN[f"{name}/input {n}"], array)
