"""Sampling of images point by point."""

from __future__ import annotations

import math
from itertools import product

import numpy as np

import minigrad.nn.functional as F
from minigrad.errors import ShapeError
from minigrad.testing import OpSpec, Sample
from tests.ops.samples import choice, refuse
from tests.ops.specs.interpolation import keys

__all__ = ["SPECS"]


def moved_inside(at, n, padding_mode, align_corners):
    """Where a point beyond the border is read, by the picture of an image between two mirrors."""
    if padding_mode == "zeros":
        return at
    if padding_mode == "reflection":
        first, span = (0, n - 1) if align_corners else (-0.5, n)
        at = first + abs((at - first + span) % (2 * span) - span) if span else 0
    return min(max(at, 0), n - 1)


def read(image, place):
    return image[place] if all(0 <= p < n for p, n in zip(place, image.shape, strict=True)) else 0.0


def sampled(image, at, mode, padding_mode, align_corners):
    """The value of one image (H, W) or volume at one point, in pixels."""
    if mode == "bicubic":
        corners = product(*([math.floor(a) + i for i in (-1, 0, 1, 2)] for a in at))
        shares = [(place, math.prod(keys(a - p) for a, p in zip(at, place, strict=True))) for place in corners]
        move = [[moved_inside(p, n, padding_mode, align_corners) for p, n in zip(place, image.shape, strict=True)]
                for place, _ in shares]  # fmt: skip
        return sum(read(image, tuple(map(int, place))) * share for place, (_, share) in zip(move, shares, strict=True))
    at = [moved_inside(a, n, padding_mode, align_corners) for a, n in zip(at, image.shape, strict=True)]
    if mode == "nearest":
        return read(image, tuple(round(a) for a in at))
    corners = product(*((math.floor(a), math.floor(a) + 1) for a in at))
    return sum(read(image, c) * math.prod(1 - abs(a - p) for a, p in zip(at, c, strict=True)) for c in corners)


def naive_grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False):
    out = np.zeros((*x.shape[:2], *grid.shape[1:-1]))
    for n, c in np.ndindex(*x.shape[:2]):
        for o in np.ndindex(*grid.shape[1:-1]):
            size, point = x.shape[2:], grid[(n, *o)][::-1]
            at = [
                (g + 1) / 2 * (k - 1) if align_corners else ((g + 1) * k - 1) / 2 for g, k in zip(point, size, strict=True)
            ]
            out[(n, c, *o)] = sampled(x[n, c], at, mode, padding_mode, align_corners)
    return out


def points(n):
    def draw(rng):
        align_corners = bool(rng.random() < 0.5)
        size = rng.integers(1 + align_corners, 5, n)
        N, O = int(rng.integers(1, 3)), rng.integers(1, 4, n)
        # in pixels, up to two beyond the border, and neither near a pixel nor near the middle between two
        at = rng.integers(-2, size[::-1] + 1, (N, *O, n)) + rng.choice([0.25, 0.75], (N, *O, n)) + rng.uniform(-0.1, 0.1)
        grid = 2 * at / (size[::-1] - 1) - 1 if align_corners else (2 * at + 1) / size[::-1] - 1
        modes = ("bilinear", "nearest", "bicubic")[: 5 - n]
        x = rng.standard_normal((N, int(rng.integers(1, 3)), *size))
        return Sample((x, grid, choice(rng, *modes), choice(rng, "zeros", "border", "reflection"), align_corners))

    return draw


def naive_affine_grid(theta, size, align_corners=False):
    out = np.zeros((size[0], *size[2:], len(size) - 2))
    for n, *o in np.ndindex(size[0], *size[2:]):
        ends = [
            (2 * i - k + 1) / ((k - 1) if align_corners else k) if k > 1 else 0 for i, k in zip(o, size[2:], strict=True)
        ]
        out[(n, *o)] = theta[n] @ [*ends[::-1], 1]
    return out


def maps(rng):
    n = int(rng.integers(2, 4))
    size = tuple(int(k) for k in rng.integers(1, 4, n + 2))
    return Sample((rng.standard_normal((size[0], n, n + 1)), size, bool(rng.random() < 0.5)))


X, G, T = np.ones((2, 3, 4, 5)), np.zeros((2, 6, 7, 2)), np.ones((2, 2, 3))

SPECS = [
    OpSpec("grid_sample", F.grid_sample, naive_grid_sample, points(2), linear_in=(0,), errors=(
        refuse(ShapeError, r"got shapes \(2, 3, 4, 5\) and \(1, 6, 7, 2\)", X, G[:1]),
        refuse(ShapeError, r"got shapes \(2, 3, 4, 5\) and \(2, 6, 7\)", X, G[..., 0]),
        refuse(ShapeError, r"the input has size 0: shape \(2, 3, 0, 5\)", X[:, :, :0], G),
        refuse(ValueError, "mode must be 'bilinear', 'nearest' or 'bicubic', got 'linear'", X, G, "linear"),
        refuse(ValueError, "padding_mode must be 'zeros', 'border' or 'reflection', got 'zero'", X, G, "nearest", "zero"),
        refuse(ValueError, "mode must be 'bilinear' or 'nearest', got 'bicubic'", np.ones((1, 1, 2, 2, 2)),
               np.zeros((1, 1, 1, 1, 3)), "bicubic"),
    )),
    OpSpec("grid_sample of volumes", F.grid_sample, naive_grid_sample, points(3), ("grid_sample",), linear_in=(0,)),
    OpSpec("affine_grid", F.affine_grid, naive_affine_grid, maps, linear_in=(0,), errors=(
        refuse(ShapeError, r"got shape \(2, 2, 3\) and size \(3, 1, 4, 4\)", T, (3, 1, 4, 4)),
        refuse(ShapeError, r"got shape \(2, 2, 3\) and size \(2, 1, 4\)", T, (2, 1, 4)),
    )),
]  # fmt: skip
