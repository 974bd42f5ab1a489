"""Expressions and their types, as users write them: checked by mypy and pyright, and at runtime by test_typing.py."""

from typing import Any, assert_type

import numpy as np
import numpy.typing as npt

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import Tensor, nn
from minigrad.data import DataLoader, Subset, TensorDataset, random_split

Array = npt.NDArray[Any]

x = mg.rand(3, 3, requires_grad=True)
a: Array = np.ones((3, 3))
images, kernels = mg.rand(2, 1, 6, 6), mg.rand(4, 1, 3, 3)
labels = mg.tensor([0, 1, 2])

# Creation
assert_type(mg.tensor([1.0, 2.0]), Tensor)
assert_type(mg.zeros(2, 3), Tensor)
assert_type(mg.arange(3), Tensor)
assert_type(mg.randn(2, requires_grad=True), Tensor)
assert_type(mg.ones_like(x), Tensor)

# Elementwise: a tensor for a tensor, an array for an array
assert_type(mg.exp(x), Tensor)
assert_type(mg.exp(a), Array)
assert_type(mg.tanh(x), Tensor)
assert_type(mg.add(x, 1), Tensor)
assert_type(mg.add(x, x, alpha=2), Tensor)
assert_type(mg.maximum(x, a), Tensor)
assert_type(mg.maximum(a, x), Tensor)
assert_type(mg.maximum(a, 0), Array)
assert_type(mg.where(x > 0, x, 0.0), Tensor)
assert_type(mg.where(a > 0, a, x), Tensor)
assert_type(mg.clip(x, 0, 1), Tensor)
assert_type(mg.pow(x, 2), Tensor)
assert_type(mg.isnan(x), Tensor)
assert_type(mg.special.erf(x), Tensor)
assert_type(mg.special.expit(x), Tensor)
assert_type(mg.divmod(x, 2), tuple[Tensor, Tensor])

# Products and matrices
assert_type(mg.matmul(x, x), Tensor)
assert_type(mg.matmul(a, x), Tensor)
assert_type(mg.dot(x[0], x[1]), Tensor)
assert_type(mg.einsum("ij,jk->ik", x, x), Tensor)
assert_type(mg.linalg.solve(x.detach(), x.detach()), Tensor)
assert_type(mg.linalg.norm(x), Tensor)
assert_type(mg.linalg.svd(x.detach()).S, Tensor)
assert_type(mg.linalg.eigh(mg.eye(3)).eigenvalues, Tensor)
u, s, vh = mg.linalg.svd(x.detach())
assert_type(u, Tensor)
q, r = mg.linalg.qr(x.detach())
assert_type(r, Tensor)
assert_type(mg.slogdet(x.detach()).logabsdet, Tensor)

# Joining and splitting
assert_type(mg.cat([x, x]), Tensor)
assert_type(mg.cat([x, x], dim=1), Tensor)
assert_type(mg.cat((x, x), axis=0), Tensor)
assert_type(mg.cat([a, a]), Array)
assert_type(mg.stack([x, x]), Tensor)
assert_type(mg.split(x, 2), tuple[Tensor, ...])
assert_type(x.split(2, dim=1), tuple[Tensor, ...])
assert_type(x.chunk(3), tuple[Tensor, ...])
assert_type(mg.unbind(x), tuple[Tensor, ...])
assert_type(mg.meshgrid(x[0], x[1]), tuple[Tensor, ...])

# Reductions, along an axis under either name
assert_type(mg.sum(x), Tensor)
assert_type(x.sum(), Tensor)
assert_type(x.sum(dim=1, keepdim=True), Tensor)
assert_type(x.sum(axis=(0, 1), keepdims=True), Tensor)
assert_type(x.mean(0), Tensor)
assert_type(x.std(dim=0, unbiased=False), Tensor)
assert_type(x.max(), Tensor)
assert_type(x.max(dim=0).values, Tensor)
assert_type(x.max(1).indices, Tensor)
assert_type(mg.max(x, 1, keepdim=True).values, Tensor)
assert_type(x.max(mg.zeros(3, 3)), Tensor)
assert_type(mg.min(x), Tensor)
values, indices = x.sort(descending=True)
assert_type(values, Tensor)
assert_type(x.topk(2).indices, Tensor)
assert_type(mg.cummax(x, dim=0).values, Tensor)
assert_type(x.argmax(dim=1), Tensor)
assert_type(mg.std_mean(x), tuple[Tensor, Tensor])
assert_type(x.cumsum(0), Tensor)
assert_type(mg.softmax(x, dim=-1), Tensor)
assert_type(x.median(dim=0).values, Tensor)
assert_type(x.any(), Tensor)

# Operators
assert_type(x + 1, Tensor)
assert_type(2.0 * x, Tensor)
assert_type(x * a, Tensor)
assert_type(x @ x, Tensor)
assert_type(-x, Tensor)
assert_type(x**2, Tensor)
assert_type(x > 0, Tensor)
assert_type(x == x, Tensor)
assert_type(x[0], Tensor)
assert_type(x[:, None, ..., 1], Tensor)
assert_type(x[x > 0], Tensor)

# Shapes and conversions
assert_type(x.reshape(9), Tensor)
assert_type(x.reshape((1, -1)), Tensor)
assert_type(x.view(-1), Tensor)
assert_type(x.T, Tensor)
assert_type(x.permute(1, 0), Tensor)
assert_type(x.unsqueeze(dim=0), Tensor)
assert_type(x.flatten(), Tensor)
assert_type(x.float(), Tensor)
assert_type(x.bool(), Tensor)
assert_type(x.to(mg.float64), Tensor)
assert_type(x.detach().numpy(), Array)
assert_type(x.shape, mg.Size)
assert_type(x.size(0), int)
assert_type(x.size(), mg.Size)
assert_type(x.reshape(np.int64(9)), Tensor)
assert_type(x.sum().item(), float)
assert_type(x.detach().clone().add_(1), Tensor)
assert_type(x.detach().clone().clamp_(min=0), Tensor)
assert_type(x.nonzero(), Tensor)
assert_type(x.nonzero(as_tuple=True), tuple[Tensor, ...])

# The functions behind the layers
assert_type(F.relu(x), Tensor)
assert_type(F.relu(a), Array)
assert_type(F.conv2d(images, kernels), Tensor)
assert_type(F.conv2d(images, kernels, stride=(1, 2), padding="valid"), Tensor)
assert_type(F.linear(x, x, x[0]), Tensor)
assert_type(F.cross_entropy(x, labels), Tensor)
assert_type(F.mse_loss(x, a, reduction="sum"), Tensor)
assert_type(F.dropout(x, p=0.1, training=False), Tensor)
assert_type(F.max_pool2d(images, 2), Tensor)
assert_type(F.max_pool2d(images, 2, return_indices=True), tuple[Tensor, Tensor])
assert_type(F.softmax(x, dim=1), Tensor)
assert_type(F.one_hot(labels, 3), Tensor)
assert_type(F.pad(x, (1, 1)), Tensor)
assert_type(F.gelu(x, approximate="tanh"), Tensor)


# Modules: a call returns what `forward` returns
class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 3))

    def forward(self, x: Tensor, scale: float = 1.0) -> tuple[Tensor, float]:
        return self.layers(x) * scale, scale


assert_type(nn.Linear(3, 2)(x), Tensor)
assert_type(nn.Conv2d(1, 2, 3)(images), Tensor)
assert_type(nn.ReLU()(x), Tensor)
assert_type(nn.CrossEntropyLoss()(x, labels), Tensor)
assert_type(nn.Sequential(nn.Linear(3, 2), nn.Tanh())(x), Tensor)
assert_type(nn.Sequential({"first": nn.Linear(3, 2)})(x), Tensor)
assert_type(nn.Sequential(nn.Linear(3, 3), Net())(x), tuple[Tensor, float])
assert_type(Net()(x), tuple[Tensor, float])
assert_type(nn.Linear(3, 2).weight, nn.Parameter)
assert_type(Net().state_dict(), dict[str, Tensor])


def untyped(network: nn.Sequential, loader: DataLoader) -> None:  # bare annotations stay valid under --strict
    assert_type(network(x), Tensor)
    for batch in loader:
        assert_type(batch, Any)


# Gradients
def loss(w: Tensor) -> Tensor:
    return (w * w).sum()


assert_type(mg.grad(loss)(x), Tensor)
assert_type(mg.grad(mg.grad(lambda z: z**3))(2.0), Tensor)
assert_type(mg.grad(np.sin)(0.5), Tensor)
assert_type(mg.grad(lambda v, w: v * w, argnums=(0, 1))(2.0, 3.0), tuple[Tensor, ...])
assert_type(mg.func.value_and_grad(loss)(x), tuple[Tensor, Tensor])
assert_type(mg.func.hessian(loss)(x), Tensor)
assert_type(mg.grad(loss(x), x), tuple[Tensor, ...])
assert_type(mg.autograd.grad(loss(x), x), tuple[Tensor, ...])
assert_type(mg.autograd.grad(loss(x), [x, x], allow_unused=True), tuple[Tensor | None, ...])
assert_type(x.grad, Tensor | None)


# Operations of one's own
@mg.primitive
def cube(z: Array) -> Array:
    return z**3


assert_type(cube(x.detach()), Tensor)


# Decorators keep the types of functions
@mg.no_grad()
def quiet(z: Tensor, scale: float) -> Tensor:
    return z * scale


@mg.no_grad
def quieter(z: Tensor) -> tuple[Tensor, Tensor]:
    return z, z


assert_type(quiet(x, 2.0), Tensor)
assert_type(quieter(x), tuple[Tensor, Tensor])

# Data
dataset = TensorDataset(a, labels)
for inputs, targets in DataLoader(dataset, batch_size=2, shuffle=True):
    assert_type((inputs, targets), tuple[Tensor, Tensor])
train, test = random_split(dataset, [2, 1])
assert_type(train, Subset[TensorDataset])
assert_type(next(iter(DataLoader(train, 2))), tuple[Tensor, ...])
assert_type(next(iter(DataLoader(dataset, collate_fn=len))), int)

# NumPy's functions: their stubs decide, and take a tensor for no array
assert_type(np.exp(x), Any)
assert_type(np.tanh(x), Any)
assert_type(a * x, Any)
assert_type(a @ x, Any)
assert_type(np.float32(2) * x, Tensor)

# Answers
assert_type(mg.equal(x, x), bool)
assert_type(mg.allclose(x, x), bool)
assert_type(len(x), int)


def from_a_file(path: str) -> None:
    assert_type(mg.load(path), Any)
    Net().load_state_dict(mg.load(path))
