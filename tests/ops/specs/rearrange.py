"""Specs of reversing, shifting, repeating and padding."""

import numpy as np

import minigrad as mg
import minigrad.nn.functional as F
from minigrad.errors import ShapeError
from minigrad.testing import OpSpec, Sample
from tests.ops.samples import AxisError, a_shape, an_axis, axes, normal, refuse


def with_axes(rng):
    x = normal(rng, a_shape(rng, 0, 4))
    return Sample((x, axes(rng, x.ndim)))


def matrix(rng):
    return Sample((normal(rng, a_shape(rng, 2, 3)),))


def shifted(rng):
    x = normal(rng, a_shape(rng, 2, 3))
    several = (int(rng.integers(-5, 6)), int(rng.integers(-5, 6)))
    return Sample((x, *[(several[0], None), (several[0], an_axis(rng, x.ndim)), (several, (0, -1))][rng.integers(3)]))


def turned(rng):
    x = normal(rng, a_shape(rng, 2, 3))
    first, second = (int(a) for a in rng.permutation(x.ndim)[:2])
    return Sample((x, int(rng.integers(-5, 6)), (first, second - x.ndim)))


def copied(rng):
    x = normal(rng, a_shape(rng, 0, 3))
    return Sample((x, tuple(int(n) for n in rng.integers(0, 4, rng.integers(0, 4)))))


def copied_on_every_axis(rng):
    x = normal(rng, a_shape(rng, 0, 2))
    counts = tuple(int(n) for n in rng.integers(1, 4, x.ndim + rng.integers(0, 2)))
    return Sample((x, counts) if rng.random() < 0.5 else (x, *counts))


def tiled(x, *counts):
    return np.tile(x, np.ravel(counts).astype(int))


def repeated(rng):
    x = normal(rng, a_shape(rng, 1, 3))
    axis = an_axis(rng, x.ndim) if rng.random() < 0.7 else None
    each = rng.integers(0, 4, x.size if axis is None else x.shape[axis])
    return Sample((x, int(rng.integers(0, 4)) if rng.random() < 0.5 else each, axis))


def bordered(rng):
    x = normal(rng, (3, 3) if rng.random() < 0.2 else tuple(int(n) for n in rng.integers(1, 5, rng.integers(1, 4))))
    widths = [2, (1, 3), [(int(a), int(b)) for a, b in rng.integers(0, 6, (x.ndim, 2))]][rng.integers(3)]
    return Sample((x, widths), {"mode": str(rng.choice(["constant", "edge", "reflect", "symmetric", "wrap"]))})


def filled(rng):
    return Sample(bordered(rng).args, {"constant_values": [1.5, (2, -1)][rng.integers(2)]})


def cropped(rng):
    x = normal(rng, (5, 6))
    return Sample((x, [(int(a), int(b)) for a, b in rng.integers(0, 3, (2, 2))]))


def padded_as_pytorch(rng):
    x = normal(rng, (2, 3, 4, 5))
    mode = str(rng.choice(["constant", "replicate", "reflect", "circular"]))
    widths = tuple(int(n) for n in rng.integers(-2, 3, 4)) if rng.random() < 0.7 else (3, 1)
    return Sample((x, widths), {"mode": mode} | ({"value": 2.5} if mode == "constant" else {}))


def pad_as_pytorch(x, widths, mode, value=0):
    """The last axes first. A mirror shows what is cut off; for the other modes it is gone before."""
    pairs = [(0, 0)] * (x.ndim - len(widths) // 2) + [tuple(widths[i : i + 2]) for i in range(0, len(widths), 2)][::-1]
    wider = [(max(a, 0), max(b, 0)) for a, b in pairs]

    def cut(x):
        for axis, (before, after) in enumerate(pairs):
            x = np.take(x, np.arange(max(-before, 0), x.shape[axis] - max(-after, 0)), axis)
        return x

    if mode in ("replicate", "reflect"):
        return cut(np.pad(x, wider, "edge" if mode == "replicate" else mode))
    return np.pad(cut(x), wider, **({"mode": "wrap"} if mode == "circular" else {"constant_values": value}))


A = np.arange(6.0).reshape(2, 3)

NO_PAD = (
    refuse(ValueError, "widths must be at least 0, got -1", A, -1),
    refuse(TypeError, "widths must be integers, got 1.5", A, 1.5),
    refuse(ShapeError, "are not an int, a pair, or a pair for each of 2 axes", A, [(1, 1)] * 3),
    refuse(ValueError, "mode must be 'constant', 'edge'.*got 'mean'", A, 1, "mean"),
    refuse(ShapeError, r"axis 1 of shape \(2, 0\) is empty", A[:, :0], 1, "edge"),
)
NO_PAD_AS_PYTORCH = (
    refuse(ValueError, r"'reflect' needs widths less than 3, the size of axis 1 of shape \(2, 3\)", A, (3, 0), "reflect"),
    refuse(ValueError, "'circular' has 3 elements along axis 1 .* got widths", A, (0, 4), "circular"),
    refuse(ValueError, "cut more than the 3 elements of axis 1", A, (-2, -2)),
    refuse(ValueError, r"for at most 2 axes of shape \(2, 3\), got \(1,\)", A, (1,)),
    refuse(ValueError, "for at most 2 axes", A, (1,) * 6),
    refuse(ValueError, "mode 'reflect' takes no value", A, (1, 1), "reflect", 1.0),
    refuse(ValueError, "mode must be .* got 'wrap'", A, (1, 1), "wrap"),
    refuse(TypeError, "widths must be integers", A, (1, 1.5)),
)

SPECS = [
    OpSpec("flip", mg.flip, np.flip, with_axes, linear_in=(0,),
           errors=(refuse(AxisError, "flip: axis 2 does not exist", A, 2),
                   refuse(AxisError, "flip: an axis is named twice", A, (0, -2)))),
    OpSpec("flipud", mg.flipud, np.flipud, matrix, linear_in=(0,),
           errors=(refuse(ShapeError, r"flipud: needs at least one axis, got shape \(\)", A[0, 0]),)),
    OpSpec("fliplr", mg.fliplr, np.fliplr, matrix, linear_in=(0,)),
    OpSpec("roll", mg.roll, np.roll, shifted, linear_in=(0,),
           errors=(refuse(AxisError, "roll: axis 2 does not exist", A, 1, 2),
                   refuse(ValueError, "one each, or equally many", A, (1, 2, 3), (0, 1)))),
    OpSpec("rot90", mg.rot90, np.rot90, turned, linear_in=(0,),
           errors=(refuse(AxisError, "rot90: an axis is named twice", A, 1, (0, 0)),
                   refuse(ValueError, r"rot90: axes must be the two axes of the rotation, got \(0,\)", A, 1, (0,)))),
    OpSpec("tile", mg.tile, np.tile, copied, linear_in=(0,), errors=(refuse(ValueError, "at least 0", A, -1),)),
    OpSpec("repeat", mg.repeat, tiled, copied_on_every_axis, linear_in=(0,),
           errors=(refuse(ShapeError, r"for each axis of shape \(2, 3\), got \(2,\)\n  hint: use tile", A, 2),)),
    OpSpec("repeat_interleave", mg.repeat_interleave, np.repeat, repeated, linear_in=(0,),
           errors=(refuse(ShapeError, r"repeats of shape \(2,\) for 3 elements along axis 1", A, [1, 2], 1),
                   refuse(ShapeError, r"repeats of shape \(1, 3\) for 3", A, [[1, 2, 3]], 1),
                   refuse(ValueError, "integers of at least 0", A, -1))),
    OpSpec("pad", mg.pad, np.pad, bordered, linear_in=(0,), errors=NO_PAD),
    OpSpec("pad with a constant", mg.pad, np.pad, filled, ("pad",)),
    OpSpec("crop", mg.crop, lambda x, w: x[w[0][0] : 5 - w[0][1], w[1][0] : 6 - w[1][1]], cropped, linear_in=(0,)),
    OpSpec("pad as PyTorch", F.pad, pad_as_pytorch, padded_as_pytorch, covers=("pad",), errors=NO_PAD_AS_PYTORCH),
]  # fmt: skip
