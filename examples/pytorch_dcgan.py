"""Steps of a deep convolutional GAN, written for PyTorch: only the import lines differ. Radford et al. (2016).

The lines were: import torch; import torch.nn as nn; import torch.optim as optim.
"""

import minigrad as torch
import minigrad.nn as nn
import minigrad.optim as optim

nz, ngf, ndf, nc = 8, 8, 8, 1  # size of the code, widths of the generator and the discriminator, channels


def weights_init(m):
    classname = m.__class__.__name__
    if classname.find("Conv") != -1:
        nn.init.normal_(m.weight.data, 0.0, 0.02)
    elif classname.find("BatchNorm") != -1:
        nn.init.normal_(m.weight.data, 1.0, 0.02)
        nn.init.constant_(m.bias.data, 0)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(
            nn.ConvTranspose2d(nz, ngf * 2, 4, 1, 0, bias=False),
            nn.BatchNorm2d(ngf * 2),
            nn.ReLU(True),
            nn.ConvTranspose2d(ngf * 2, ngf, 4, 2, 1, bias=False),
            nn.BatchNorm2d(ngf),
            nn.ReLU(True),
            nn.ConvTranspose2d(ngf, nc, 4, 2, 1, bias=False),
            nn.Tanh(),
        )

    def forward(self, input):
        return self.main(input)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(nc, ndf, 4, 2, 1, bias=False),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(ndf, ndf * 2, 4, 2, 1, bias=False),
            nn.BatchNorm2d(ndf * 2),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(ndf * 2, 1, 4, 1, 0, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, input):
        return self.main(input).view(-1)


def real_images(n):
    """Discs of random sizes, 16x16, in -1..1."""
    axis = torch.linspace(-1, 1, 16)
    distance = axis.view(1, 16, 1) ** 2 + axis.view(1, 1, 16) ** 2
    radius = 0.3 + 0.5 * torch.rand(n, 1, 1)
    return torch.tanh((radius**2 - distance) * 20).unsqueeze(1)


def main(steps=30, batch=16):
    torch.manual_seed(0)
    netG, netD = Generator(), Discriminator()
    netG.apply(weights_init)
    netD.apply(weights_init)
    criterion = nn.BCELoss()
    optimizerD = optim.Adam(netD.parameters(), lr=2e-3, betas=(0.5, 0.999))
    optimizerG = optim.Adam(netG.parameters(), lr=2e-3, betas=(0.5, 0.999))
    history = []
    for _ in range(steps):
        netD.zero_grad()
        label = torch.full((batch,), 1.0)
        errD_real = criterion(netD(real_images(batch)), label)
        errD_real.backward()
        fake = netG(torch.randn(batch, nz, 1, 1))
        label.fill_(0.0)
        errD_fake = criterion(netD(fake.detach()), label)
        errD_fake.backward()
        optimizerD.step()

        netG.zero_grad()
        label.fill_(1.0)
        errG = criterion(netD(fake), label)
        errG.backward()
        optimizerG.step()
        history.append(((errD_real + errD_fake).item(), errG.item()))
    (first_d, first_g), (last_d, last_g) = history[0], history[-1]
    print(f"discriminator {first_d:.3f} -> {last_d:.3f}, generator {first_g:.3f} -> {last_g:.3f}")
    return history, fake


if __name__ == "__main__":
    main()
