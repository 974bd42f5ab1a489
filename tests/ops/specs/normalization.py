"""Normalisation, slice by slice: each slice alone is shifted and scaled."""

from __future__ import annotations

import numpy as np

import minigrad.nn.functional as F
from minigrad.errors import ShapeError
from minigrad.testing import OpSpec, Sample
from tests.ops.samples import refuse

__all__ = ["SPECS"]


def standard(values, eps):
    return (values - values.mean()) / np.sqrt(((values - values.mean()) ** 2).mean() + eps)


def beside(v, x):
    return v.reshape(-1, *[1] * (x.ndim - 2))


def affine(x, weight, bias):
    x = x if weight is None else x * beside(weight, x)
    return x if bias is None else x + beside(bias, x)


def naive_batch_norm(x, mean, var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    out = np.empty_like(x)
    for c in range(x.shape[1]):
        out[:, c] = standard(x[:, c], eps) if training else (x[:, c] - mean[c]) / np.sqrt(var[c] + eps)
    return affine(out, weight, bias)


def naive_instance_norm(x, mean=None, var=None, weight=None, bias=None, use_input_stats=True, momentum=0.1, eps=1e-5):
    return naive_group_norm(x, x.shape[1], weight, bias, eps)


def naive_group_norm(x, num_groups, weight=None, bias=None, eps=1e-5):
    out, size = np.empty_like(x), x.shape[1] // num_groups
    for n in range(len(x)):
        for c in range(0, x.shape[1], size):
            out[n, c : c + size] = standard(x[n, c : c + size], eps)
    return affine(out, weight, bias)


def naive_layer_norm(x, normalized_shape, weight=None, bias=None, eps=1e-5):
    rows = np.reshape(x, (-1, int(np.prod(normalized_shape))))
    out = np.reshape([standard(row, eps) for row in rows], x.shape)
    out = out if weight is None else out * weight
    return out if bias is None else out + bias


def naive_rms_norm(x, normalized_shape, weight=None, eps=None):
    eps = np.finfo(float).eps if eps is None else eps
    rows = np.reshape(x, (-1, int(np.prod(normalized_shape))))
    out = np.reshape([row / np.sqrt(np.mean(row**2) + eps) for row in rows], x.shape)
    return out if weight is None else out * weight


def naive_local_response_norm(x, size, alpha=1e-4, beta=0.75, k=1.0):
    out = np.empty_like(x)
    for c in range(x.shape[1]):
        near = x[:, max(0, c - size // 2) : c - size // 2 + size]
        out[:, c] = x[:, c] / (k + alpha * (near**2).sum(1) / size) ** beta
    return out


def varied(rng, shape):
    """Values whose variance along the last axis, and so over any slice with it, is far from 0."""
    return rng.uniform(-2, 2, shape) + 3 * rng.permutation(shape[-1])


def images(rng, least=1, channels=None):
    size = [int(v) for v in rng.integers(1, 4, rng.integers(least, 3))]
    return varied(rng, (int(rng.integers(2, 4)), channels or int(rng.integers(1, 5)), *size, 4))


def vectors(rng, size, count):
    """Weight, bias: both, or the first few of them."""
    given = int(rng.integers(0, count + 1))
    return [rng.uniform(0.5, 2, size) if i < given else None for i in range(count)]


def epsilon(rng):
    return {"eps": 0.1} if rng.random() < 0.5 else {}


def training(rng):
    x = images(rng, 0)
    return Sample((x, None, None, *vectors(rng, x.shape[1], 2)), {"training": True, **epsilon(rng)})


def evaluating(rng):
    x = images(rng, 0)
    C = x.shape[1]
    return Sample((x, *rng.uniform(0.5, 2, (2, C)), *vectors(rng, C, 2)), epsilon(rng))


def by_instance(rng):
    x = images(rng)
    return Sample((x, None, None, *vectors(rng, x.shape[1], 2)), epsilon(rng))


def by_groups(rng):
    groups = int(rng.integers(1, 4))
    x = images(rng, 0, groups * int(rng.integers(1, 3))) if rng.random() < 0.7 else varied(rng, (2, groups * 3))
    return Sample((x, groups, *vectors(rng, x.shape[1], 2)), epsilon(rng))


def by_rows(count):
    def sample(rng):
        x = varied(rng, (*rng.integers(1, 4, rng.integers(0, 3)), int(rng.integers(3, 6))))
        size = x.shape[int(rng.integers(0, x.ndim)) :]
        chosen = size[0] if len(size) == 1 and rng.random() < 0.5 else size
        return Sample((x, chosen, *vectors(rng, size, count)), epsilon(rng))

    return sample


def across_channels(rng):
    x = rng.standard_normal((2, int(rng.integers(1, 6)), *rng.integers(1, 4, rng.integers(1, 4))))
    options = {
        "alpha": float(rng.uniform(0.5, 2)),
        "beta": float(rng.choice([0.5, 0.75, 1])),
        "k": float(rng.uniform(0.5, 2)),
    }
    return Sample((x, int(rng.integers(1, 6))), options if rng.random() < 0.8 else {})


def naive_normalize(x, p=2.0, dim=1, eps=1e-12):
    size = np.abs(x).max(dim, keepdims=True) if p == np.inf else (np.abs(x) ** p).sum(dim, keepdims=True) ** (1 / p)
    return x / np.maximum(size, eps)


def along_an_axis(rng):
    x = rng.standard_normal((2, int(rng.integers(2, 5)), *rng.integers(2, 4, rng.integers(0, 3))))
    x = np.sign(x) * (rng.permutation(x.size).reshape(x.shape) * 0.1 + 0.2)  # no zeros, no two alike
    options = {"p": float(rng.choice([1, 2, 3, np.inf]))} if rng.random() < 0.6 else {}
    return Sample((x,), {**options, "dim": int(rng.integers(-x.ndim, x.ndim))} if rng.random() < 0.6 else options)


X, C, D = np.arange(24.0).reshape(2, 3, 4), np.ones(3), np.ones(4)

SPECS = [
    OpSpec("batch_norm in training", F.batch_norm, naive_batch_norm, training, covers=("batch_norm",), errors=(
        refuse(ShapeError, r"batch_norm: input must be \(N, C\) or \(N, C, \*S\), got shape \(4,\)", D, None, None),
        refuse(ShapeError, r"weight must be \(3,\) = \(C,\), got shape \(4,\)", X, None, None, D, training=True),
        refuse(ShapeError, r"running_var must be \(3,\) = \(C,\), got shape \(4,\)", X, C, D),
        refuse(ValueError, r"more than one value per channel in training, got shape \(1, 3\)", X[:1, :, 0], None, None,
                None, None, True),
        refuse(ValueError, "needs running_mean and running_var outside training", X, C, None),
    )),
    OpSpec("batch_norm in evaluation", F.batch_norm, naive_batch_norm, evaluating, covers=("batch_norm",)),
    OpSpec("instance_norm", F.instance_norm, naive_instance_norm, by_instance, errors=(
        refuse(ShapeError, r"input must be \(N, C, \*S\), got shape \(2, 3\)", X[:, :, 0]),
        refuse(ValueError, r"more than one value per channel and image, got shape \(2, 3, 1\)", X[:, :, :1]),
        refuse(ShapeError, r"bias must be \(3,\)", X, None, None, C, D),
    )),
    OpSpec("group_norm", F.group_norm, naive_group_norm, by_groups, errors=(
        refuse(ShapeError, r"3 channels of an input \(2, 3, 4\) do not divide into 2 groups", X, 2),
        *(refuse(ValueError, f"num_groups must be an int of at least 1, got {n}", X, n) for n in (0, 3.0, True)),
        refuse(ShapeError, r"input must be \(N, C, \*S\), got shape \(4,\)", D, 1),
        refuse(ShapeError, r"weight must be \(3,\)", X, 1, D),
    )),
    OpSpec("layer_norm", F.layer_norm, naive_layer_norm, by_rows(2), errors=(
        refuse(ShapeError, r"last axes must be normalized_shape \(3,\), got shape \(2, 3, 4\)", X, 3),
        refuse(ShapeError, r"last axes must be normalized_shape \(1, 2, 3, 4\)", X, (1, 2, 3, 4)),
        refuse(ShapeError, r"bias must be \(4,\) = normalized_shape, got shape \(3,\)", X, 4, None, C),
    )),
    OpSpec("rms_norm", F.rms_norm, naive_rms_norm, by_rows(1), errors=(
        refuse(ShapeError, r"last axes must be normalized_shape \(3,\)", X, 3),
        refuse(ShapeError, r"weight must be \(4,\) = normalized_shape", X, 4, C),
    )),
    OpSpec("local_response_norm", F.local_response_norm, naive_local_response_norm, across_channels, errors=(
        refuse(ShapeError, r"input must be \(N, C, \*S\), got shape \(2, 3\)", X[:, :, 0], 2),
        *(refuse(ValueError, f"size must be an int of at least 1, got {n}", X, n) for n in (0, 3.0, True)),
    )),
    OpSpec("normalize", F.normalize, naive_normalize, along_an_axis),
]  # fmt: skip
