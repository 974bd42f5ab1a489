"""A regression with parameter groups, written for PyTorch: only the import lines differ.

The last layer learns at a rate of its own, and only weights decay. The lines were: import torch; import torch.nn as nn;
from torch.utils.data import DataLoader, TensorDataset.
"""

import minigrad as torch
import minigrad.nn as nn
from minigrad.data import DataLoader, TensorDataset


def main(epochs=60):
    x = torch.linspace(-2, 2, 64).unsqueeze(1)
    y = torch.sin(3 * x) + 0.5 * x

    model = nn.Sequential(nn.Linear(1, 24), nn.Tanh(), nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, 1))
    with torch.no_grad():
        for name, p in model.named_parameters():  # the same start everywhere
            p.copy_(torch.sin(torch.arange(p.numel()).float() * 2.4).view(p.shape) * (0.6 if "weight" in name else 0.3))

    weights = [p for name, p in model.named_parameters() if name.endswith("weight") and not name.startswith("4")]
    biases = [p for name, p in model.named_parameters() if name.endswith("bias") and not name.startswith("4")]
    optimizer = torch.optim.SGD(
        [
            {"params": weights, "weight_decay": 1e-4},
            {"params": biases},
            {"params": model[4].parameters(), "lr": 0.02, "momentum": 0.5},
        ],
        lr=0.05,
        momentum=0.9,
    )
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
    criterion = nn.MSELoss()

    losses = []
    for _ in range(epochs):
        total = 0.0
        for xb, yb in DataLoader(TensorDataset(x, y), batch_size=16):
            optimizer.zero_grad()
            loss = criterion(model(xb), yb)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            total += loss.item() * len(xb)
        scheduler.step()
        losses.append(total / len(x))
    print(f"mean squared error {losses[0]:.4f} -> {losses[-1]:.4f}, rates {scheduler.get_last_lr()}")
    return losses


if __name__ == "__main__":
    main()
