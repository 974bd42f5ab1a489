"""Mistakes: to mypy and to pyright the lines that say so at their end are wrong, and no other line is."""

import numpy as np

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.data import DataLoader, TensorDataset

x = mg.rand(3, 3)
layer = nn.Linear(3, 3)

mg.zeros("3")  # error
mg.full(("3",), 0)  # error
F.relu(x, wrong=1)  # error
F.relu("x")  # error
F.relu()  # error
F.relu(x).nonsense  # error
x.nonsense()  # error
x.sum(axis="a")  # error
x.sum(dims=0)  # error
x.sum(0, True, None, 1)  # error
mg.exp(x, x, x)  # error
mg.exp()  # error
mg.exp(x, out=x)  # error
mg.matmul(x)  # error
mg.matmul(x, "x")  # error
mg.where(x)  # error
mg.cat(x, x)  # error
mg.cat([x, "x"])  # error
mg.stack([x, x], dim="0")  # error
mg.split(x)  # error
x.reshape("a")  # error
x.max(dim=0).vals  # error
x.max(dim="a")  # error
mg.linalg.svd(x).D  # error
mg.linalg.svd(x, full=True)  # error
F.conv2d(x)  # error
F.conv2d(x, x, stride="1")  # error
F.conv2d(x, x, groups=1.5)  # error
F.cross_entropy(x, x, label_smooth=0.1)  # error
F.cross_entropy(x, x, reduction=1)  # error
F.softmax(x, dim="a")  # error
F.nonsense(x)  # error
mg.nonsense  # error
mg.div(x, 2, rounding_mode=1)  # error
x + "a"  # error
x["a"]  # error
x["a"] = 1  # error
layer(x).nonsense  # error
nn.Linear(3)  # error
nn.Linear(3, 3, bais=False)  # error
nn.Linear("3", 3)  # error
nn.Sequential(layer)(x).nonsense  # error
mg.grad(lambda z: z)(2.0).nonsense  # error
mg.grad(3)  # error
mg.autograd.grad(x, x)[0].nonsense  # error
DataLoader(3)  # error
DataLoader(TensorDataset(np.ones(3)), batchsize=2)  # error
for batch in DataLoader(TensorDataset(np.ones(3))):
    batch[0].nonsense  # error
mg.load(3)  # error
mg.equal(x, x).sum()  # error
mg.no_grad()(F.relu)(x).nonsense  # error
mg.no_grad(mg.Tensor.backward)(x, wrong=1)  # error
x.add_(1).nonsense  # error
