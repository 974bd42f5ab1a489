"""Make `golden.npz` with PyTorch: ``python -m tests.golden.make``. Run once; the file is what the tests read."""

import warnings
from pathlib import Path

import numpy as np

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


def main():
    import torch

    found = {}
    for name in CALLS:
        arrays = draw(name)
        xs = [torch.tensor(a, requires_grad=n not in CONSTANT.get(name, ())) for n, a in enumerate(arrays)]
        y = CALLS[name][0](torch.nn.functional, *xs)
        g = np.random.default_rng(len(name)).standard_normal(y.shape)
        y.backward(torch.tensor(g))
        found |= {f"{name}/input {n}": a for n, a in enumerate(arrays)} | {
            f"{name}/g": g,
            f"{name}/output": y.detach().numpy(),
        }
        found |= {f"{name}/gradient {n}": x.grad.numpy() for n, x in enumerate(xs) if x.grad is not None}
    for name, (kind, options) in OPTIMIZERS.items():
        arrays, x, t = network()
        weights = [torch.tensor(a, requires_grad=True) for a in arrays]
        optimizer, losses = getattr(torch.optim, kind)(weights, **options), []
        for _ in range(STEPS):
            optimizer.zero_grad()
            value = loss(torch.nn.functional, weights, torch.tensor(x), torch.tensor(t))
            value.backward()
            optimizer.step()
            losses.append(value.item())
        found |= {f"{name}/weight {n}": w.detach().numpy() for n, w in enumerate(weights)} | {
            f"{name}/losses": np.array(losses)
        }
    for name, (kind, arguments, options, _) in LAYERS.items():
        layer = getattr(torch.nn, kind)(*arguments, **options).double()
        state = first_state({key: tuple(value.shape) for key, value in layer.state_dict().items()})
        layer.load_state_dict({key: torch.tensor(value) for key, value in state.items()})
        found |= {f"{name}/first {key}": value for key, value in state.items()}
        arrays = seen(name, lambda a, grad: torch.tensor(a, requires_grad=grad), layer)
        found |= {f"{name}/{key}": value for key, value in arrays.items()}
    warnings.simplefilter("ignore")  # of schedules
    for name in SCHEDULES:
        found[f"{name}/rates"] = rates(name, torch.optim, [torch.ones(2, requires_grad=True) for _ in range(2)])
    np.savez_compressed(Path(__file__).with_name("golden.npz"), **found)


if __name__ == "__main__":
    main()
