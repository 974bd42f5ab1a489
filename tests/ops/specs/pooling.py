"""Pooling against windows that are gathered one after another, in one, two and three dimensions."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

import minigrad.nn.functional as F
from minigrad.errors import ShapeError
from minigrad.testing import OpSpec, Sample
from tests.ops.samples import refuse
from tests.ops.specs.convolution import each

__all__ = ["SPECS", "naive_pool"]

Bounds = list[tuple[int, int, int]]  # of windows along an axis: first place, one past the last, step


def naive_pool(x: np.ndarray, bounds: list[Bounds], reduce: Callable) -> np.ndarray:
    """`reduce(window, bounds)` of the part of each window that lies inside the image."""
    out = np.empty((*x.shape[:2], *map(len, bounds)))
    for o in product(*(range(len(b)) for b in bounds)):
        chosen = [b[i] for b, i in zip(bounds, o, strict=True)]
        inside = [[p for p in range(*c) if 0 <= p < n] for c, n in zip(chosen, x.shape[2:], strict=True)]
        out[(slice(None), slice(None), *o)] = reduce(x[:, :, *np.ix_(*inside)], chosen)
    return out


def regular(x, kernel_size, stride, padding, dilation=1, ceil_mode=False) -> list[Bounds]:
    n, bounds = x.ndim - 2, []
    stride = kernel_size if stride is None else stride
    for size, k, s, p, d in zip(x.shape[2:], *(each(v, n) for v in (kernel_size, stride, padding, dilation)), strict=True):
        last = size + 2 * p - d * (k - 1) - 1
        count = (-(-last // s) if ceil_mode else last // s) + 1
        starts = [i * s - p for i in range(count) if i * s - p < size]
        bounds.append([(start, start + d * (k - 1) + 1, d) for start in starts])
    return bounds


def adaptive(x, output_size) -> list[Bounds]:
    sizes = each(output_size, x.ndim - 2)
    return [
        [(math.floor(i * n / o), math.ceil((i + 1) * n / o), 1) for i in range(o)]
        for n, o in zip(x.shape[2:], [n if o is None else o for n, o in zip(x.shape[2:], sizes, strict=True)], strict=True)
    ]


def maximum(window, _):
    return window.max(tuple(range(2, window.ndim)))


def mean(window, _):
    return window.mean(tuple(range(2, window.ndim)))


def naive_max_pool(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    return naive_pool(x, regular(x, kernel_size, stride, padding, dilation, ceil_mode), maximum)


def naive_avg_pool(x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None):
    def average(window, bounds):
        if divisor_override:
            count = divisor_override
        elif count_include_pad:
            ends = [
                min(stop, n + p) for (_, stop, _), n, p in zip(bounds, x.shape[2:], each(padding, x.ndim - 2), strict=True)
            ]
            count = math.prod(end - start for end, (start, _, _) in zip(ends, bounds, strict=True))
        else:
            count = math.prod(window.shape[2:])
        return window.sum(tuple(range(2, window.ndim))) / count

    return naive_pool(x, regular(x, kernel_size, stride, padding, 1, ceil_mode), average)


def spread(rng: np.random.Generator, size: tuple[int, ...]) -> np.ndarray:
    """Values at least 0.075 apart, in random order: maxima far from ties."""
    count = math.prod(size)
    return ((rng.permutation(count) - count / 2) * 0.1 + rng.uniform(0, 0.025, count)).reshape(size)


def pool_sample(n: int, dilated: bool) -> Callable[[np.random.Generator], Sample]:
    def sample(rng: np.random.Generator) -> Sample:
        K = tuple(int(v) for v in rng.integers(1, 4, n))
        D = tuple(int(v) for v in rng.integers(1, 3, n)) if dilated else (1,) * n
        extent = [d * (k - 1) + 1 for k, d in zip(K, D, strict=True)]
        P = tuple(int(rng.integers(0, e // 2 + 1)) if d == 1 else 0 for e, d in zip(extent, D, strict=True))
        size = [e + int(rng.integers(0, 6 - n)) for e in extent]
        x = spread(rng, (int(rng.integers(1, 3)), int(rng.integers(1, 3)), *size))
        stride = None if rng.random() < 0.3 else tuple(int(v) for v in rng.integers(1, 4, n))
        options: dict[str, Any] = {"stride": stride, "padding": P, "ceil_mode": bool(rng.random() < 0.5)}
        if dilated:
            options["dilation"] = D
        else:
            options["count_include_pad"] = bool(rng.random() < 0.5)
            if n > 1 and rng.random() < 0.2:
                options["divisor_override"] = int(rng.integers(1, 9))
        return Sample((x, K), options)

    return sample


def adaptive_sample(n: int) -> Callable[[np.random.Generator], Sample]:
    def sample(rng: np.random.Generator) -> Sample:
        x = spread(rng, (int(rng.integers(1, 3)), 2, *rng.integers(1, 8 - n, n)))
        sizes = [None if n > 1 and rng.random() < 0.1 else int(v) for v in rng.integers(1, 6, n)]
        return Sample((x, tuple(sizes) if rng.random() < 0.8 else int(rng.integers(1, 4))))

    return sample


def naive_max_unpool(x, indices, kernel_size, stride=None, padding=0, output_size=None):
    size = output_size or [
        (o - 1) * s - 2 * p + k
        for o, k, s, p in zip(x.shape[2:], *(each(v, x.ndim - 2) for v in (kernel_size, stride or kernel_size, padding)),
                              strict=True)
    ]  # fmt: skip
    out = np.zeros((*x.shape[:2], math.prod(size)))
    for at in np.ndindex(x.shape):
        out[(*at[:2], indices[at])] = x[at]
    return out.reshape(*x.shape[:2], *size)


def unpool_sample(n: int) -> Callable[[np.random.Generator], Sample]:
    def sample(rng: np.random.Generator) -> Sample:
        lead, O, K = rng.integers(1, 3, 2), rng.integers(1, 3, n), rng.integers(2, 4, n)
        size = O * K + (rng.integers(0, 2, n) if rng.random() < 0.5 else 0)
        indices = np.array([rng.permutation(math.prod(size))[: math.prod(O)] for _ in range(math.prod(lead))])
        options = {} if (size == O * K).all() else {"output_size": tuple(int(v) for v in size)}
        return Sample((rng.standard_normal((*lead, *O)), indices.reshape(*lead, *O), tuple(int(k) for k in K)), options)

    return sample


def naive_lp_pool(x, p, kernel_size, stride=None, ceil_mode=False):
    full = math.prod(each(kernel_size, x.ndim - 2))
    bounds = regular(x, kernel_size, stride, 0, 1, ceil_mode)
    return naive_pool(x, bounds, lambda window, _: (mean(window**p, _) * full) ** (1 / p))


def lp_sample(n: int) -> Callable[[np.random.Generator], Sample]:
    def sample(rng: np.random.Generator) -> Sample:
        x, K, *_ = pool_sample(n, False)(rng).args
        stride = None if rng.random() < 0.5 else int(rng.integers(1, 4))
        x = rng.uniform(0.5, 2.0, x.shape)
        return Sample((x, float(rng.choice([1.0, 2.0, 3.0, 2.5])), K, stride, bool(rng.random() < 0.5)))

    return sample


X = np.ones((2, 2, 5, 5))
I = np.zeros((2, 2, 5, 5), int)
UNPOOL_ERRORS = (
    refuse(ShapeError, r"indices must have the shape of the input, \(2, 2, 5, 5\), got \(2, 2, 5, 4\)", X, I[..., 1:], 2),
    refuse(IndexError, r"max_unpool2d: indices must be within 0..99, got 0 to 100", X, I + 100 * (X.cumsum(3) > 4), 2),
    refuse(ShapeError, r"output_size must be within \(2, 2\) of \(10, 10\), got \(10, 12\)", X, I, 2, output_size=(10, 12)),
    refuse(ShapeError, r"output_size must be within \(2, 2\) of \(10, 10\), got \(10,\)", X, I, 2, output_size=(10,)),
    refuse(ShapeError, r"input must be \(N, C, H, W\) or \(C, H, W\), got shape \(5, 5\)", X[0, 0], I[0, 0], 2),
)

# The numbers are the rows of the table of errors.
ERRORS = (
    refuse(ShapeError, r"window is larger than the padded input: 6 > 5 \+ 2\*0", X, 6),  # 18
    refuse(ValueError, "stride must be at least 1, got 0", X, 2, 0),  # 19
    refuse(ValueError, "at most half the window, got 2 for a window of 3\n.*nothing but padding", X, 3, padding=2),  # 20
    refuse(ValueError, "padding must be at least 0, got -1", X, 2, padding=-1),  # 21
    refuse(ShapeError, "the input has size 0", X[:, :, :0], 2),  # 22
    refuse(ShapeError, r"input must be \(N, C, H, W\) or \(C, H, W\), got shape \(5, 5\)", X[0, 0], 2),
    refuse(TypeError, "kernel_size must be an int or a pair of ints, got 2.0", X, 2.0),
    refuse(ValueError, "kernel_size must be at least 1, got 0", X, 0),
)
AVG_ERRORS = (*ERRORS, refuse(ValueError, "divisor_override must be an int other than 0, got 0", X, 2, divisor_override=0))
ADAPTIVE_ERRORS = (
    refuse(ShapeError, r"input must be \(N, C, H, W\) or \(C, H, W\), got shape \(5, 5\)", X[0, 0], 2),
    refuse(ValueError, "output_size must be at least 1, got 0", X, 0),
    refuse(ValueError, "output_size must be .*, got 3 of them", X, (1, 2, 3)),
    refuse(TypeError, "output_size must be an int or a pair of ints, got 2.5", X, 2.5),
    refuse(ShapeError, "the input has size 0", X[:, :, :0], 2),
)
# Two maxima in one window; in several overlapping ones; in one row, in one column, and along the diagonal against it.
TIES = (
    Sample((np.array([[[[5.0, 1.0], [2.0, 5.0]]]]), 2)),
    Sample((np.array([[[[1.0, 5.0], [5.0, 2.0]]]]), 2)),
    Sample((np.array([[[[5.0, 1.0, 5.0], [2.0, 0.0, 3.0], [5.0, 4.0, 1.0]]]]), (2, 3), 1)),
    Sample((np.zeros((1, 2, 3, 3)), 2, 1, 1)),
)

SPECS = [
    spec
    for n in (1, 2, 3)
    for spec in (
        OpSpec(f"max_pool{n}d", getattr(F, f"max_pool{n}d"), naive_max_pool, pool_sample(n, True), homogeneous_in=(0,),
               errors=ERRORS if n == 2 else (), kinks=TIES if n == 2 else (), tie_rule="first"),
        OpSpec(f"avg_pool{n}d", getattr(F, f"avg_pool{n}d"), naive_avg_pool, pool_sample(n, False), linear_in=(0,),
               errors=AVG_ERRORS if n == 2 else ()),
        OpSpec(f"adaptive_max_pool{n}d", getattr(F, f"adaptive_max_pool{n}d"),
               lambda x, size: naive_pool(x, adaptive(x, size), maximum), adaptive_sample(n), homogeneous_in=(0,),
               errors=ADAPTIVE_ERRORS if n == 2 else ()),
        OpSpec(f"adaptive_avg_pool{n}d", getattr(F, f"adaptive_avg_pool{n}d"),
               lambda x, size: naive_pool(x, adaptive(x, size), mean), adaptive_sample(n), linear_in=(0,),
               errors=ADAPTIVE_ERRORS if n == 2 else ()),
        OpSpec(f"max_unpool{n}d", getattr(F, f"max_unpool{n}d"), naive_max_unpool, unpool_sample(n), linear_in=(0,),
               errors=UNPOOL_ERRORS if n == 2 else ()),
        OpSpec(f"lp_pool{n}d", getattr(F, f"lp_pool{n}d"), naive_lp_pool, lp_sample(n), homogeneous_in=(0,),
               errors=(refuse(ShapeError, "window is larger than the padded input", X, 2.0, 6),) if n == 2 else ()),
    )
]  # fmt: skip
