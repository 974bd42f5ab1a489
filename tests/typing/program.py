"""The README's training as a typed program of a user: nothing in it, or in minigrad, is an error under ``mypy --strict``."""

from collections.abc import Iterable

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import Tensor, nn, optim
from minigrad.testing import gradcheck


class Net(nn.Module):
    def __init__(self, width: int = 100) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 30, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
        self.hidden = nn.Linear(120, width)
        self.out = nn.Linear(width, 10)

    def forward(self, images: Tensor) -> Tensor:
        x: Tensor = self.out(F.relu(self.hidden(self.features(images))))
        return x


def train(net: nn.Module, loader: Iterable[tuple[Tensor, ...]], epochs: int = 1) -> float:
    optimizer = optim.Adam(net.parameters(), lr=0.005)
    scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=10)
    total = 0.0
    for _ in range(epochs):
        for images, labels in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(net(images), labels)
            loss.backward()
            optimizer.step()
            total += loss.item()
        scheduler.step()
    return total


@mg.no_grad()
def accuracy(net: Net, images: Tensor, labels: Tensor) -> float:
    net.eval()
    return (net(images).argmax(1) == labels).float().mean().item()


def main(path: str) -> None:
    mg.manual_seed(0)
    (x, t), (x_test, t_test) = mg.data.load_digits(flatten=False)
    net = Net()
    loader = mg.data.DataLoader(mg.data.TensorDataset(x[:100], t[:100]), batch_size=100, shuffle=True)
    print(train(net, loader), accuracy(net, mg.tensor(x_test), mg.tensor(t_test)))
    mg.save(net.state_dict(), path)
    net.load_state_dict(mg.load(path))
    v = mg.tensor([0.5, -1.0], dtype=mg.float64)
    print(bool(gradcheck(lambda z: (z**3).sum(), v)), mg.func.hessian(lambda z: (z**3).sum())(v))
    graph = mg.viz.graph(F.cross_entropy(net(mg.tensor(x[:2])), mg.tensor(t[:2])), model=net)
    graph.save(path + ".svg")
