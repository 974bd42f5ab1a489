"""Convolutions against loops over output positions, in one, two and three dimensions."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

import minigrad as mg
import minigrad.nn.functional as F
from minigrad.errors import ShapeError
from minigrad.testing import OpSpec, Sample
from tests.ops.samples import refuse

__all__ = ["SPECS", "each", "naive_conv", "naive_windows"]


def each(value: Any, n: int) -> tuple[int, ...]:
    return (value,) * n if isinstance(value, int) else tuple(value)


def naive_windows(x: np.ndarray, size: Any, stride: Any, padding: Any, dilation: Any, fill: float = 0.0) -> np.ndarray:
    """Every window of (N, C, *S), one after another: (N, C, *O, *K)."""
    n = x.ndim - 2
    K, S, P, D = each(size, n), each(stride, n), each(padding, n), each(dilation, n)
    x = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in P)], constant_values=fill)
    O = [(x.shape[2 + i] - D[i] * (K[i] - 1) - 1) // S[i] + 1 for i in range(n)]
    out = np.empty((*x.shape[:2], *O, *K), x.dtype)
    for o in product(*map(range, O)):
        where = [slice(o[i] * S[i], o[i] * S[i] + D[i] * (K[i] - 1) + 1, D[i]) for i in range(n)]
        out[(slice(None), slice(None), *o)] = x[(slice(None), slice(None), *where)]
    return out


def naive_conv(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    n, Fg, Cg = x.ndim - 2, len(w) // groups, w.shape[1]
    if isinstance(padding, str):
        total = [d * (k - 1) if padding == "same" else 0 for k, d in zip(w.shape[2:], each(dilation, n), strict=True)]
        x, padding = np.pad(x, [(0, 0), (0, 0), *((t // 2, t - t // 2) for t in total)]), 0
    cols = naive_windows(x, w.shape[2:], stride, padding, dilation)
    out = np.empty((len(x), len(w), *cols.shape[2 : 2 + n]))
    for f in range(len(w)):
        part = cols[:, f // Fg * Cg : (f // Fg + 1) * Cg]
        out[:, f] = (part * w[f].reshape(1, Cg, *[1] * n, *w.shape[2:])).sum((1, *range(2 + n, 2 + 2 * n)))
    return out if bias is None else out + bias.reshape(-1, *[1] * n)


def naive_conv_transpose(x, w, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    n, Fg, Cg = x.ndim - 2, w.shape[1], len(w) // groups
    K, S, P, D, E = w.shape[2:], each(stride, n), each(padding, n), each(dilation, n), each(output_padding, n)
    full = [(x.shape[2 + i] - 1) * S[i] + D[i] * (K[i] - 1) + 1 + E[i] for i in range(n)]
    out = np.zeros((len(x), Fg * groups, *full))
    for c, f in product(range(len(w)), range(Fg)):
        for place in product(*map(range, x.shape[2:])):
            where = [slice(place[i] * S[i], place[i] * S[i] + D[i] * (K[i] - 1) + 1, D[i]) for i in range(n)]
            here = (slice(None), c // Cg * Fg + f, *where)
            out[here] += x[(slice(None), c, *place)].reshape(-1, *[1] * n) * w[c, f]
    out = out[(slice(None), slice(None), *(slice(P[i], full[i] - P[i]) for i in range(n)))]
    return out if bias is None else out + bias.reshape(-1, *[1] * n)


def few(rng: np.random.Generator, n: int, low: int, high: int) -> Any:
    """An int, or one for each axis."""
    return int(rng.integers(low, high)) if rng.random() < 0.4 else tuple(int(v) for v in rng.integers(low, high, n))


def drawn(rng: np.random.Generator, n: int) -> dict[str, Any]:
    groups, (Fg, Cg) = int(rng.choice([1, 1, 2, 3])), rng.integers(1, 4 - n // 2, 2)
    kernel = tuple(int(v) for v in rng.integers(1, 5 - n // 2, n))
    return {"N": int(rng.integers(1, 4)), "groups": groups, "first": int(Fg) * groups, "second": int(Cg), "kernel": kernel}


def conv_sample(n: int, biased: bool) -> Callable[[np.random.Generator], Sample]:
    def sample(rng: np.random.Generator) -> Sample:
        case = drawn(rng, n)
        options = {"stride": few(rng, n, 1, 4), "padding": few(rng, n, 0, 3), "dilation": few(rng, n, 1, 3)}
        if rng.random() < 0.3:
            options["padding"] = str(rng.choice(["same", "valid"]))
            options["stride"] = 1 if options["padding"] == "same" else options["stride"]
        extent = [d * (k - 1) + 1 for k, d in zip(case["kernel"], each(options["dilation"], n), strict=True)]
        covered = [0] * n if isinstance(options["padding"], str) else [2 * p for p in each(options["padding"], n)]
        size = [int(max(1, e - c) + rng.integers(0, 6 - n)) for e, c in zip(extent, covered, strict=True)]
        x = rng.standard_normal((case["N"], case["second"] * case["groups"], *size))
        w = rng.standard_normal((case["first"], case["second"], *case["kernel"]))
        bias = [rng.standard_normal(len(w))] if biased else []
        return Sample((x, w, *bias), {**options, "groups": case["groups"]})

    return sample


def transposed_sample(n: int) -> Callable[[np.random.Generator], Sample]:
    def sample(rng: np.random.Generator) -> Sample:
        case = drawn(rng, n)
        S, D, K = (each(few(rng, n, 1, 4), n), each(few(rng, n, 1, 3), n), case["kernel"])
        E = tuple(int(rng.integers(0, max(s, d))) for s, d in zip(S, D, strict=True))
        size = [int(v) for v in rng.integers(1, 5 - n // 2, n)]
        full = [(i - 1) * s + d * (k - 1) + e + 1 for i, s, d, k, e in zip(size, S, D, K, E, strict=True)]
        P = tuple(int(rng.integers(0, min(3, (f + 1) // 2))) for f in full)
        x = rng.standard_normal((case["N"], case["first"], *size))
        w = rng.standard_normal((case["first"], case["second"], *K))
        b = rng.standard_normal(case["second"] * case["groups"])
        return Sample((x, w, b), {"stride": S, "padding": P, "output_padding": E, "groups": case["groups"], "dilation": D})

    return sample


def windowed(rng: np.random.Generator) -> tuple[np.ndarray, dict[str, Any]]:
    """Images, and windows that fit."""
    KH, KW, PH, PW = (int(v) for v in (*rng.integers(1, 4, 2), *rng.integers(0, 3, 2)))
    dilation = (int(rng.integers(1, 3)), int(rng.integers(1, 3)))
    size = [
        max(1, d * (k - 1) + 1 - 2 * p) + int(rng.integers(0, 4))
        for k, d, p in ((KH, dilation[0], PH), (KW, dilation[1], PW))
    ]
    x = rng.standard_normal((int(rng.integers(1, 4)), int(rng.integers(1, 4)), *size))
    stride = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    return x, {"kernel_size": (KH, KW), "dilation": dilation, "padding": (PH, PW), "stride": stride}


def naive_unfold(x, kernel_size, dilation, padding, stride):
    cols = naive_windows(x, kernel_size, stride, padding, dilation)
    N, C, OH, OW, KH, KW = cols.shape
    return cols.transpose(0, 1, 4, 5, 2, 3).reshape(N, C * KH * KW, OH * OW)


def naive_fold(cols, output_size, kernel_size, dilation, padding, stride):
    (KH, KW), (DH, DW), (PH, PW), (SH, SW), (H, W) = kernel_size, dilation, padding, stride, output_size
    OH, OW = (H + 2 * PH - DH * (KH - 1) - 1) // SH + 1, (W + 2 * PW - DW * (KW - 1) - 1) // SW + 1
    blocks = cols.reshape(len(cols), -1, KH, KW, OH, OW)
    out = np.zeros((*blocks.shape[:2], H + 2 * PH, W + 2 * PW))
    for i, j, k, m in product(range(OH), range(OW), range(KH), range(KW)):
        out[:, :, i * SH + k * DH, j * SW + m * DW] += blocks[:, :, k, m, i, j]
    return out[:, :, PH : PH + H, PW : PW + W]


def naive_im2col(x, filter_h, filter_w, stride, pad):
    cols = naive_windows(x, (filter_h, filter_w), stride, pad, 1)
    return cols.transpose(0, 2, 3, 1, 4, 5).reshape(-1, x.shape[1] * filter_h * filter_w)


def naive_col2im(col, input_shape, filter_h, filter_w, stride, pad):
    N, C, H, W = input_shape
    rows = col.reshape(N, -1, C * filter_h * filter_w).transpose(0, 2, 1)
    return naive_fold(rows, (H, W), (filter_h, filter_w), (1, 1), pad, stride)


def unfold_sample(rng: np.random.Generator) -> Sample:
    x, options = windowed(rng)
    return Sample((x,), options)


def fold_sample(rng: np.random.Generator) -> Sample:
    x, options = windowed(rng)
    return Sample((rng.standard_normal(naive_unfold(x, **options).shape), x.shape[2:]), options)


def im2col_sample(rng: np.random.Generator) -> Sample:
    x, options = windowed(rng)
    return Sample(
        (np.pad(x, [(0, 0), (0, 0), (2, 0), (2, 0)]) + 1, *options["kernel_size"], options["stride"], options["padding"])
    )


def col2im_sample(rng: np.random.Generator) -> Sample:
    x, *options = im2col_sample(rng).args
    return Sample((rng.standard_normal(naive_im2col(x, *options).shape), x.shape, *options))


X, W, B = np.ones((2, 2, 5, 5)), np.ones((3, 2, 2, 2)), np.ones(3)

# The numbers are the rows of the table of errors.
CONV2D_ERRORS = (
    refuse(ShapeError, r"conv2d: input must be \(N, C, H, W\) or \(C, H, W\), got shape \(5, 5\)$", X[0, 0], W),  # 7
    refuse(ShapeError, r"input must be \(N, C, H, W\) or \(C, H, W\), got shape \(1, 2, 2, 5, 5\)$", X[None], W),
    refuse(ShapeError, r"weight must be \(F, C, KH, KW\), got shape \(2, 2, 2\)", X, W[0]),  # 8
    refuse(
        ShapeError, r"input has 1 channels, the weight expects 2\n.*\(2, 1, 5, 5\).*\n.*\(3, 2, 2, 2\)", X[:, :1], W
    ),  # 9
    refuse(ShapeError, "input has 2 channels, the weight expects 2 in each of 3 groups, 6", X, W, groups=3),
    refuse(ShapeError, r"bias must be \(3,\) = \(F,\), got shape \(2,\)", X, W, B[:2]),  # 10
    refuse(ShapeError, r"\(5 \+ 2\*1 - 2\)/2 \+ 1 = 3.5 is not.*\n.*4 or 6", X, W, None, 2, 1, rounding="exact"),  # 11
    refuse(ValueError, 'rounding must be "floor", "ceil" or "exact", got \'up\'', X, W, rounding="up"),
    refuse(
        ShapeError, r"larger than the padded input: 3 > 1 \+ 2\*0\n.*2 with dilation 2", X[:, :, :1], W, dilation=2
    ),  # 12
    refuse(ValueError, "stride must be at least 1, got 0", X, W, stride=0),  # 13
    refuse(ValueError, r"stride must be at least 1, got \(1, -2\)", X, W, stride=(1, -2)),
    refuse(ValueError, "dilation must be at least 1, got 0", X, W, dilation=0),
    refuse(ValueError, "padding must be at least 0, got -1", X, W, padding=-1),  # 14
    refuse(TypeError, "stride must be an int or a pair of ints, got 1.0", X, W, stride=1.0),  # 15
    refuse(TypeError, "stride must be an int or a pair of ints, got True", X, W, stride=True),
    refuse(TypeError, "stride must be an int or a pair of ints, got '2'", X, W, stride="2"),
    refuse(ValueError, r"stride must be .*, got 3 of them: \(1, 2, 3\)", X, W, stride=(1, 2, 3)),
    refuse(TypeError, "padding must be an int or a pair of ints, got 1.5", X, W, padding=1.5),
    refuse(ValueError, 'padding must be "same", "valid", an int or a pair of ints, got \'full\'', X, W, padding="full"),
    refuse(ValueError, r'padding="same" needs stride 1, got \(2, 2\)', X, W, stride=2, padding="same"),
    refuse(TypeError, "groups must be an int, got 1.0", X, W, groups=1.0),
    refuse(ValueError, "groups must be at least 1, got 0", X, W, groups=0),
    refuse(ShapeError, "weight's 3 kernels do not divide into 2 groups", X, W[:, :1], groups=2),
    refuse(ShapeError, r"weight \(3, 0, 2, 2\) = \(F, C, KH, KW\) has no elements: C is 0", X[:, :0], W[:, :0]),  # 17
    refuse(ShapeError, "KH is 0", X, W[:, :, :0]),
    refuse(ShapeError, "the input has size 0", X[:, :, :, :0], W),
)
TRANSPOSED_ERRORS = (
    refuse(ShapeError, r"conv_transpose2d: input must be \(N, C, H, W\) or \(C, H, W\), got shape \(5, 5\)", X[0, 0], W),
    refuse(ShapeError, r"input has 2 channels, the weight expects 3\n.*\n.*= \(C, F, KH, KW\)", X, W),
    refuse(ShapeError, "weight's 2 channels do not divide into 3 groups", X, W[:2], groups=3),
    refuse(ShapeError, r"bias must be \(2,\)", X, W[:2], B),
    refuse(ValueError, "output_padding must be less than stride 2 or dilation 1, got 2", X, W[:2], None, 2, 0, 2),
    refuse(ShapeError, r"no size: \(1-1\)\*1 - 2\*1 \+ 1\*\(2-1\) \+ 0 \+ 1 = 0", X[:, :, :1], W[:2], padding=1),
    refuse(ShapeError, "the input has size 0", X[:, :, :0], W[:2]),
    refuse(TypeError, "padding must be an int or a pair", X, W[:2], padding="same"),
)
UNFOLD_ERRORS = (
    refuse(ShapeError, r"unfold: input must be \(N, C, H, W\)", X[0, 0], 2),
    refuse(ShapeError, "window is larger", X, 6),
    refuse(ValueError, "kernel_size must be at least 1", X, 0),
)
FOLD_ERRORS = (
    refuse(
        ShapeError, r"fold: input must be \(N, C\*4, 6\) for \(2, 2\) windows of \(3, 4\)", np.ones((1, 4, 5)), (3, 4), 2
    ),
    refuse(ShapeError, r"got shape \(1, 5, 6\)", np.ones((1, 5, 6)), (3, 4), 2),
)
COL2IM_ERRORS = (
    refuse(
        ShapeError,
        r"images of \(1, 4, 4\) with 2x3 windows is \(6, 6\), got shape \(3, 3\)",
        np.ones((3, 3)),
        (1, 1, 4, 4),
        2,
        3,
    ),
    refuse(ShapeError, r"input_shape must be \(N, C, H, W\), got \(4, 4\)", np.ones((3, 3)), (4, 4), 2, 2),
)

SPECS = [
    *(
        OpSpec(f"conv{n}d{' with a bias' * biased}", getattr(F, f"conv{n}d"), naive_conv, conv_sample(n, biased),
               covers=(f"conv{n}d",), linear_in=(1, 2) if biased else (0,), errors=CONV2D_ERRORS if n == 2 else ())
        for n in (1, 2, 3) for biased in (False, True)
    ),
    *(
        OpSpec(f"conv_transpose{n}d", getattr(F, f"conv_transpose{n}d"), naive_conv_transpose, transposed_sample(n),
               linear_in=(0, 2), errors=TRANSPOSED_ERRORS if n == 2 else ())
        for n in (1, 2, 3)
    ),
    OpSpec("unfold", F.unfold, naive_unfold, unfold_sample, linear_in=(0,), errors=UNFOLD_ERRORS),
    OpSpec("fold", F.fold, naive_fold, fold_sample, linear_in=(0,), errors=FOLD_ERRORS),
    OpSpec("im2col", mg.im2col, naive_im2col, im2col_sample, linear_in=(0,)),
    OpSpec("col2im", mg.col2im, naive_col2im, col2im_sample, linear_in=(0,), errors=COL2IM_ERRORS),
]  # fmt: skip
