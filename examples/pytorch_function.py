"""An autograd.Function of one's own, written for PyTorch: only the import line differs (it was: import torch).

Swish, x * sigmoid(x), keeps only its input; a sum of eight of them learns a wave.
"""

import minigrad as torch


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * torch.sigmoid(x)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(x)
        return grad_output * (s + x * s * (1 - s))


def main(steps=300, lr=0.05):
    x = torch.linspace(-2, 2, 40)
    y = torch.cos(2 * x)
    a = torch.ones(8, 1, requires_grad=True)
    b = torch.linspace(-2, 2, 8).view(8, 1).clone().requires_grad_(True)
    c = torch.zeros(8, requires_grad=True)
    swish = Swish.apply

    losses = []
    for _ in range(steps):
        y_pred = (c.view(8, 1) * swish(a * x + b)).sum(dim=0)
        loss = (y_pred - y).pow(2).mean()
        loss.backward()
        with torch.no_grad():
            for p in (a, b, c):
                p -= lr * p.grad
                p.grad = None
        losses.append(loss.item())
    print(f"mean squared error {losses[0]:.4f} -> {losses[-1]:.4f}")
    return losses


if __name__ == "__main__":
    main()
