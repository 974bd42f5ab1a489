"""A Wasserstein GAN with gradient penalty draws digits, written for PyTorch: only the import lines differ.

The critic separates the scores of real and drawn images as far as a slope of one allows: a penalty keeps the norm of its
gradient at one between them (Gulrajani et al. 2017). The gradient is part of the loss, hence ``create_graph=True``. The
lines were: import torch; import torch.nn as nn; import torch.autograd as autograd.
"""

import minigrad as torch
import minigrad.autograd as autograd
import minigrad.nn as nn
from minigrad.data import load_digits  # arrays of 8x8 images: the digits of this package in PyTorch, too


def generator(noise=8, hidden=48):
    return nn.Sequential(
        nn.Linear(noise, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 64), nn.Sigmoid()
    )


def critic(hidden=48):
    return nn.Sequential(
        nn.Linear(64, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, 1)
    )


def gradient_norms(D, real, fake):
    """The norm of the critic's gradient at a random point between each pair of images."""
    alpha = torch.rand(len(real), 1, dtype=real.dtype)
    between = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
    scores = D(between)
    (gradients,) = autograd.grad(
        outputs=scores, inputs=between, grad_outputs=torch.ones_like(scores), create_graph=True, retain_graph=True
    )
    return gradients.norm(2, dim=1)


def critic_loss(D, real, fake, weight=10.0):
    """The penalty, minus the estimate of the Wasserstein distance between the distributions of real and drawn images."""
    penalty = ((gradient_norms(D, real, fake) - 1) ** 2).mean()
    return D(fake).mean() - D(real).mean() + weight * penalty


def nearest(images, others):
    """The mean distance of an image from the nearest other one."""
    return torch.cdist(images, others).min(dim=1).values.mean().item()


def picture(images):
    """Images (N, 64) side by side in gray levels of text."""
    rows = (images.view(-1, 8, 8) * 4.99).long().permute(1, 0, 2).tolist()
    return "\n".join("   ".join("".join(" .+#@"[v] * 2 for v in line) for line in row) for row in rows)


def main(steps=500, batch=32, critic_steps=3, digit=3, seed=0):
    torch.manual_seed(seed)
    (x, t), _ = load_digits()
    data = torch.from_numpy(x[t == digit])
    G, D = generator(), critic()
    optimizer_G = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.0, 0.9))
    optimizer_D = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.0, 0.9))
    halves = nearest(data[::2], data[1::2])
    print(f"real images of one half to the nearest of the other: {halves:.3f}")
    history = []

    def judge(step):
        with torch.no_grad():
            drawn = G(torch.randn(len(data), 8))
        history.append((nearest(drawn, data), nearest(data, drawn)))
        print(f"step {step:4}: drawn to nearest real {history[-1][0]:.3f}, real to nearest drawn {history[-1][1]:.3f}")
        return drawn

    for step in range(steps):
        if step % max(steps // 5, 1) == 0:
            judge(step)
        for _ in range(critic_steps):
            real = data[torch.randint(len(data), (batch,))]
            fake = G(torch.randn(batch, 8)).detach()
            optimizer_D.zero_grad()
            critic_loss(D, real, fake).backward()
            optimizer_D.step()

        optimizer_G.zero_grad()
        (-D(G(torch.randn(batch, 8))).mean()).backward()
        optimizer_G.step()
    drawn = judge(steps)
    norm = gradient_norms(D, data, drawn).mean().item()
    print(f"norm of the critic's gradient {norm:.2f}\n{picture(drawn[:4])}")
    return history, halves, norm, drawn


if __name__ == "__main__":
    main()
