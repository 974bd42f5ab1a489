"""AlexNet and ResNet-18: torchvision's state names, the same scores and gradients as PyTorch's layers give, and learning."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import interop
from minigrad.models import AlexNetSmall, ResNet18
from minigrad.models.resnet import BasicBlock


def peers():
    """The networks as torchvision defines them, of PyTorch's layers."""
    torch = pytest.importorskip("torch")
    nn = torch.nn

    class Block(nn.Module):
        def __init__(self, given, channels, stride=1):
            super().__init__()
            self.conv1 = nn.Conv2d(given, channels, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(channels)
            self.relu = nn.ReLU(inplace=True)
            self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(channels)
            self.downsample = None
            if stride != 1 or given != channels:
                self.downsample = nn.Sequential(nn.Conv2d(given, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))

        def forward(self, x):
            out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
            return self.relu(out + (x if self.downsample is None else self.downsample(x)))

    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
            self.bn1 = nn.BatchNorm2d(64)
            self.relu = nn.ReLU(inplace=True)
            self.maxpool = nn.MaxPool2d(3, 2, 1)
            for i, (given, channels, stride) in enumerate([(64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2)], 1):
                setattr(self, f"layer{i}", nn.Sequential(Block(given, channels, stride), Block(channels, channels)))
            self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
            self.fc = nn.Linear(512, 10)

        def forward(self, x):
            x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
            x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
            return self.fc(torch.flatten(self.avgpool(x), 1))

    return torch, Block, Residual


def test_a_block_trains_like_pytorchs():
    torch, Block, _ = peers()
    mg.manual_seed(0)
    for arguments in [(3, 4, 2), (4, 4, 1)]:
        ours, theirs = BasicBlock(*arguments).double(), Block(*arguments).double()
        theirs.load_state_dict(interop.to_torch(ours.state_dict()))
        optimizers = [lib.optim.SGD(net.parameters(), lr=0.05) for lib, net in ((mg, ours), (torch, theirs))]
        for t in range(5):
            x = np.random.default_rng(t).standard_normal((4, arguments[0], 6, 6))
            for lib, net, optimizer in zip((mg, torch), (ours, theirs), optimizers, strict=True):
                optimizer.zero_grad()
                net(lib.tensor(x, dtype=lib.float64)).square().mean().backward()
                optimizer.step()
        for name, value in theirs.state_dict().items():
            np.testing.assert_allclose(ours.state_dict()[name].numpy(), value.numpy(), rtol=1e-9, atol=1e-12, err_msg=name)


def test_resnet_has_torchvisions_names_and_pytorchs_scores_and_gradients():
    torch, _, Residual = peers()
    mg.manual_seed(0)
    ours, theirs = ResNet18(num_classes=10).double(), Residual().double()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    theirs.load_state_dict(interop.to_torch(ours.state_dict()))
    x = np.random.default_rng(0).standard_normal((2, 3, 24, 24))
    losses = [(net(lib.tensor(x, dtype=lib.float64)) ** 2).sum() for lib, net in ((mg, ours), (torch, theirs))]
    assert losses[0].item() == pytest.approx(losses[1].item(), rel=1e-9)
    for loss in losses:
        loss.backward()
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        scale = np.abs(q.grad.numpy()).max()
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-6, atol=1e-9 * scale, err_msg=name)
    assert ours.layer2[0].downsample[1].num_batches_tracked.item() == 1


def test_the_small_alexnet_has_the_same_layers_in_the_same_order():
    def kinds(net):
        return [type(m).__name__ for m in net.features]

    mg.manual_seed(0)
    net = AlexNetSmall()
    large = ["Conv2d", "ReLU", "LocalResponseNorm", "MaxPool2d"] * 2 + ["Conv2d", "ReLU"] * 3 + ["MaxPool2d"]
    assert kinds(net) == large and all(m.kernel_size == 3 and m.stride == 2 for m in net.features if hasattr(m, "ceil_mode"))
    x, t = np.zeros((3, 1, 28, 28), np.float32), mg.tensor([0, 1, 2])
    x[0, :, :14], x[1, :, :, :14], x[2, :, 14:, 14:] = 1, 1, 1
    optimizer = mg.optim.Adam(net.parameters(), lr=1e-3)
    for _ in range(15):
        optimizer.zero_grad()
        mg.nn.functional.cross_entropy(net(mg.tensor(x)), t).backward()
        optimizer.step()
    net.eval()
    assert (net(mg.tensor(x)).argmax(dim=1) == t).all()
