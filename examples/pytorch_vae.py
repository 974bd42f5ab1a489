"""A variational autoencoder, written for PyTorch: only the import lines differ. Kingma and Welling (2014).

It learns bars, two of eight positions in a row of 4x4 images. The lines were: import torch; from torch import nn; from
torch.nn import functional as F.
"""

import minigrad as torch
from minigrad import nn
from minigrad.nn import functional as F


class VAE(nn.Module):
    def __init__(self, pixels=16, hidden=32, latent=3):
        super().__init__()
        self.pixels = pixels
        self.fc1 = nn.Linear(pixels, hidden)
        self.fc21 = nn.Linear(hidden, latent)
        self.fc22 = nn.Linear(hidden, latent)
        self.fc3 = nn.Linear(latent, hidden)
        self.fc4 = nn.Linear(hidden, pixels)

    def encode(self, x):
        h = F.relu(self.fc1(x))
        return self.fc21(h), self.fc22(h)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        eps = torch.randn_like(std)
        return mu + eps * std

    def decode(self, z):
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z))))

    def forward(self, x):
        mu, logvar = self.encode(x.view(-1, self.pixels))
        return self.decode(self.reparameterize(mu, logvar)), mu, logvar


def loss_function(recon_x, x, mu, logvar):
    """Reconstruction, plus the divergence of the code from a standard normal distribution."""
    bce = F.binary_cross_entropy(recon_x, x.view(-1, 16), reduction="sum")
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return bce + kld


def bars(n):
    images = torch.zeros(n, 4, 4)
    for i in range(n):
        images[i, i % 4, :] = 1.0
        images[i, :, (i // 4) % 4] = 1.0
    return images


def main(steps=400):
    torch.manual_seed(0)
    model = VAE()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    data = bars(64)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        recon, mu, logvar = model(data)
        loss = loss_function(recon, data, mu, logvar)
        loss.backward()
        optimizer.step()
        losses.append(loss.item() / len(data))
    with torch.no_grad():
        sample = model.decode(torch.randn(5, 3)).view(5, 4, 4)
    print(f"loss per image {losses[0]:.2f} -> {losses[-1]:.2f}; a sample:\n{sample[0].round()}")
    return losses, sample


if __name__ == "__main__":
    main()
