"""Interpolation as a matrix along each axis, filled pixel by pixel; channels traded for pixels one by one."""

from __future__ import annotations

import math
from itertools import product

import numpy as np

import minigrad.nn.functional as F
from minigrad.errors import ShapeError
from minigrad.testing import OpSpec, Sample
from tests.ops.samples import refuse
from tests.ops.specs.pooling import adaptive, mean, naive_pool

__all__ = ["SPECS"]

LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}


def keys(d):
    """Keys's kernel in the form of PyTorch's: the cubic that is 1 at 0, 0 at 1 and 2, with slopes 0, -3/4 and 0 there."""
    d = abs(d)
    return 1.25 * d**3 - 2.25 * d**2 + 1 if d <= 1 else -0.75 * (d**3 - 5 * d**2 + 8 * d - 4)


def matrix(n, wanted, distance, mode, align_corners):
    """What each pixel wanted takes from each of `n` pixels."""
    rows = np.zeros((wanted, n))
    for o in range(wanted):
        if mode[:7] == "nearest":
            rows[o, min(math.floor((o + (mode != "nearest") / 2) * distance), n - 1)] = 1
        elif mode == "bicubic":
            where = o * (n - 1) / max(wanted - 1, 1) if align_corners else (o + 0.5) * distance - 0.5
            for i in range(math.floor(where) - 1, math.floor(where) + 3):
                rows[o, min(max(i, 0), n - 1)] += keys(where - i)
        elif n == wanted:
            rows[o, o] = 1
        else:
            where = o * (n - 1) / max(wanted - 1, 1) if align_corners else max((o + 0.5) * distance - 0.5, 0)
            low = min(math.floor(where), n - 1)
            rows[o, low] += 1 - min(where - low, 1)
            rows[o, min(low + 1, n - 1)] += min(where - low, 1)
    return rows


def covering(n, wanted, distance, mode, align_corners):
    """The same, of kernels stretched over the pixels that a new one covers."""
    rows = np.zeros((wanted, n))
    if align_corners:
        distance = (n - 1) / (wanted - 1) if wanted > 1 else 0
    for o, i in product(range(wanted), range(n)):
        d = abs(i + 0.5 - (o + 0.5) * distance) / max(distance, 1)
        if mode == "bilinear":
            rows[o, i] = max(1 - d, 0)
        else:  # the cubic through the same points with the slope -1/2 at 1, and 0 beyond 2
            rows[o, i] = 1.5 * d**3 - 2.5 * d**2 + 1 if d <= 1 else -0.5 * (d**3 - 5 * d**2 + 8 * d - 4) if d <= 2 else 0
    return rows / rows.sum(1, keepdims=True)


def naive_interpolate(
    x, size=None, scale_factor=None, mode="nearest", align_corners=None, recompute_scale_factor=None, antialias=False
):
    n = x.ndim - 2
    sizes = size if size is not None else [math.floor(k * f) for k, f in zip(x.shape[2:], scale_factor, strict=True)]
    if mode == "area":
        return naive_pool(x, adaptive(x, tuple(sizes)), mean)
    for i in range(n):
        given = scale_factor is not None and not recompute_scale_factor
        distance = 1 / scale_factor[i] if given else x.shape[2 + i] / sizes[i]
        rows = (covering if antialias else matrix)(x.shape[2 + i], sizes[i], distance, mode, align_corners)
        x = np.moveaxis(np.tensordot(rows, x, (1, 2 + i)), 0, 2 + i)
    return x


def resized(rng):
    n = int(rng.integers(1, 4))
    x = rng.standard_normal((int(rng.integers(1, 3)), 2, *rng.integers(1, 7 - n, n)))
    mode = str(rng.choice(["nearest", "nearest-exact", LINEAR[n], LINEAR[n], "area", "bicubic" if n == 2 else LINEAR[n]]))
    options = {"mode": mode}
    if mode in (LINEAR[n], "bicubic"):
        options["align_corners"] = [None, False, True][rng.integers(0, 3)]
    if mode in ("bilinear", "bicubic"):
        options["antialias"] = bool(rng.random() < 0.5)
    if rng.random() < 0.5:
        return Sample((x, tuple(int(v) for v in rng.integers(1, 12 - 3 * n, n))), options)
    options["scale_factor"] = tuple(float(f) for f in rng.choice([0.5, 1, 1.3, 2, 2.5, 3], n))
    if any(math.floor(k * f) < 1 for k, f in zip(x.shape[2:], options["scale_factor"], strict=True)):
        options["scale_factor"] = (2.0,) * n
    if rng.random() < 0.5:
        options["recompute_scale_factor"] = bool(rng.random() < 0.5)
    return Sample((x,), options)


def rows_of_pixels(rng):
    n, wanted = (int(v) for v in rng.integers(1, 5, 2))
    options = [{"mode": "area"}, {"mode": "linear", "align_corners": True}][rng.integers(2)]
    return Sample((rng.standard_normal((2, 1, n)), (wanted,)), options)


def naive_shuffle(x, r):
    *lead, C, H, W = x.shape
    out = np.empty((*lead, C // (r * r), H * r, W * r))
    for c, h, w in product(*map(range, out.shape[-3:])):
        out[..., c, h, w] = x[..., c * r * r + h % r * r + w % r, h // r, w // r]
    return out


def naive_unshuffle(x, r):
    *lead, C, H, W = x.shape
    out = np.empty((*lead, C * r * r, H // r, W // r))
    for c, h, w in product(*map(range, x.shape[-3:])):
        out[..., c * r * r + h % r * r + w % r, h // r, w // r] = x[..., c, h, w]
    return out


def shuffled(inverse):
    def sample(rng):
        r = int(rng.integers(1, 4))
        lead = rng.integers(1, 4, rng.integers(0, 3))
        C, H, W = (int(v) for v in rng.integers(1, 4, 3))
        size = (C, H * r, W * r) if inverse else (C * r * r, H, W)
        return Sample((rng.standard_normal((*lead, *size)), r))

    return sample


def naive_channel_shuffle(x, groups):
    size = x.shape[1] // groups
    return np.stack([x[:, g * size + i] for i in range(size) for g in range(groups)], 1)


X = np.ones((1, 4, 3, 5))

SPECS = [
    OpSpec("interpolate", F.interpolate, naive_interpolate, resized, linear_in=(0,), errors=(
        refuse(ShapeError, r"interpolate: input must be \(N, C, L\), \(N, C, H, W\), .*, got shape \(3, 5\)", X[0, 0], 2),
        refuse(ShapeError, "the input has size 0", X[:, :, :0], 2),
        refuse(ShapeError, r"scale_factor 0.2 leaves nothing of \(1, 4, 3, 5\): \(0, 1\)", X, scale_factor=0.2),
        refuse(ValueError, "mode must be one of nearest, nearest-exact, linear, .*, got 'cubic'", X, 2, mode="cubic"),
        refuse(ValueError, r"mode 'linear' is for images \(N, C, L\), got shape \(1, 4, 3, 5\)", X, 2, mode="linear"),
        refuse(ValueError, "align_corners goes with linear, .*, got mode 'nearest'", X, 2, align_corners=True),
        refuse(ValueError, "antialias goes with bilinear and bicubic, got mode 'area'", X, 2, mode="area", antialias=True),
        refuse(ValueError, "needs size or scale_factor, got both", X, 2, 2.0),
        refuse(ValueError, "needs size or scale_factor, got neither", X),
        refuse(ValueError, "size must be at least 1, got 0", X, 0),
        refuse(ValueError, "scale_factor must be a positive number, or 2 of them, got -1.0", X, scale_factor=-1.0),
        refuse(ValueError, "scale_factor must be a positive number, or 2 of them, got 0", X, scale_factor=0),
        refuse(ValueError, "scale_factor must be .*, got inf", X, scale_factor=np.inf),
        refuse(ValueError, "scale_factor must be .*, got '2'", X, scale_factor="2"),
        refuse(ValueError, r"scale_factor must be .*, got \[2, 2, 2\]", X, scale_factor=[2, 2, 2]),
    )),
    OpSpec("interpolate rows", F.interpolate, naive_interpolate, rows_of_pixels, ("interpolate",),
           linear_in=(0,)),
    OpSpec("pixel_shuffle", F.pixel_shuffle, naive_shuffle, shuffled(False), linear_in=(0,), errors=(
        refuse(ShapeError, r"4 channels are no multiple of 3\*3", X, 3),
        refuse(ShapeError, r"input must be \(\.\.\., C, H, W\), got shape \(3, 5\)", X[0, 0], 2),
        *(refuse(ValueError, f"upscale_factor must be an int of at least 1, got {n}", X, n) for n in (0, True)),
    )),
    OpSpec("pixel_unshuffle", F.pixel_unshuffle, naive_unshuffle, shuffled(True), linear_in=(0,), errors=(
        refuse(ShapeError, "3 x 5 pixels are no multiple of 2", X, 2),
        refuse(ShapeError, "2 x 5 pixels are no multiple of 2", X[:, :, :2], 2),
        refuse(ShapeError, "3 x 2 pixels are no multiple of 2", X[..., :2], 2),
        refuse(ValueError, "downscale_factor must be an int of at least 1, got 1.0", X, 1.0),
    )),
    OpSpec("upsample_bilinear", F.upsample_bilinear, lambda x, size: naive_interpolate(x, size, None, "bilinear", True),
           lambda rng: Sample((rng.standard_normal((1, 2, *rng.integers(1, 4, 2))), (3, 5))), linear_in=(0,)),
    OpSpec("channel_shuffle", F.channel_shuffle, naive_channel_shuffle,
           lambda rng: Sample((rng.standard_normal((2, 6, *rng.integers(1, 4, 2))), int(rng.choice([1, 2, 3, 6])))),
           linear_in=(0,), errors=(
        refuse(ShapeError, r"input must be \(N, C, \.\.\.\) with C a multiple of 3, got shape \(1, 4, 3, 5\)", X, 3),
        refuse(ValueError, "channel_shuffle: groups must be an int of at least 1, got 0", X, 0),
    )),
]  # fmt: skip
