"""Differentially private training: the gradient of each example is clipped, and noise hides what one example adds.

DP-SGD, Abadi et al. (2016), algorithm 1. ``vmap(grad(loss))`` computes the gradients of single examples, which the gradient
of a batch has already summed; ``functional_call`` runs a module with parameters from a dict. Only the import lines differ
from a program for PyTorch; they were: import torch; import torch.nn as nn; import torch.nn.functional as F;
from torch.func import functional_call, grad, vmap.
"""

import minigrad as torch
import minigrad.nn as nn
import minigrad.nn.functional as F
from minigrad.data import load_digits  # arrays of 8x8 images: the digits of this package in PyTorch, too
from minigrad.func import functional_call, grad, vmap


def network(hidden=32):
    return nn.Sequential(nn.Linear(64, hidden), nn.Tanh(), nn.Linear(hidden, 10))


def per_example_gradients(model, x, t):
    """The gradient of each example's loss: a dict of (len(x), *shape of the parameter)."""

    def loss(params, sample, target):
        scores = functional_call(model, params, (sample.unsqueeze(0),))
        return F.cross_entropy(scores, target.unsqueeze(0))

    params = {name: p.detach() for name, p in model.named_parameters()}
    return vmap(grad(loss), in_dims=(None, 0, 0))(params, x, t)


def gradients_by_a_loop(model, x, t):
    """The same, by a backward pass for each example."""
    rows = []
    for sample, target in zip(x, t, strict=True):
        model.zero_grad()
        F.cross_entropy(model(sample.unsqueeze(0)), target.unsqueeze(0)).backward()
        rows.append({name: p.grad.clone() for name, p in model.named_parameters()})
    model.zero_grad()
    return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}


def norms_of(gradients):
    """The Euclidean norm of each example's gradient, over all parameters."""
    return torch.stack([g.flatten(1).norm(dim=1) for g in gradients.values()]).norm(dim=0)


def clip(gradients, bound):
    """Scale each example's gradient down to the norm `bound`, where its norm is larger."""
    factors = (bound / norms_of(gradients)).clamp(max=1.0)
    return {name: torch.einsum("n,n...->n...", factors, g) for name, g in gradients.items()}


def train(model, x, t, steps, batch, lr, bound, noise):
    """Step along sums of clipped gradients plus noise; return the share of clipped gradients of each step."""
    clipped = []
    for _ in range(steps):
        chosen = torch.randint(len(x), (batch,))
        gradients = per_example_gradients(model, x[chosen], t[chosen])
        clipped.append((norms_of(gradients) > bound).float().mean().item())
        for name, g in clip(gradients, bound).items():
            total = g.sum(0)
            total += noise * bound * torch.randn_like(total)
            model.get_parameter(name).data.sub_(total, alpha=lr / batch)
    return clipped


def accuracy(model, x, t):
    with torch.no_grad():
        return (model(x).argmax(1) == t).float().mean().item()


def main(steps=80, batch=32, lr=1.0, bound=1.0, seed=0):
    (x, t), (x_test, t_test) = ([torch.from_numpy(a) for a in split] for split in load_digits())
    torch.manual_seed(seed)
    model = network()
    one_by_one = gradients_by_a_loop(model, x[:8], t[:8])
    gap = max((g - one_by_one[name]).abs().max().item() for name, g in per_example_gradients(model, x[:8], t[:8]).items())
    print(f"gradients by vmap and by a loop differ by {gap:.0e}")
    results = {}
    for noise in (0.0, 1.0, 3.0):
        torch.manual_seed(seed)
        model = network()
        clipped = train(model, x, t, steps, batch, lr, bound, noise)
        results[noise] = accuracy(model, x_test, t_test)
        shares = f"{clipped[0]:.0%} of the first batch and {clipped[-1]:.0%} of the last clipped"
        print(f"noise {noise}: accuracy on new digits {results[noise]:.3f}, {shares}")
    return gap, results


if __name__ == "__main__":
    main()
