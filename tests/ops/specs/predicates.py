"""Specs of membership and counts, against NumPy."""

import numpy as np

import minigrad as mg
from minigrad.errors import DTypeError, ShapeError
from minigrad.testing import OpSpec, Sample
from tests.ops.samples import choice, normal, refuse


def weighed(rng):
    return Sample((mg.tensor(rng.integers(0, 5, 7)), normal(rng, (7,))), choice(rng, {}, {"minlength": 8}))


def counted(rng):
    return Sample(weighed(rng).args[:1], choice(rng, {}, {"minlength": 8}))


def to_count(rng):
    return Sample((rng.integers(0, 9, (3, 4)) / 2, *choice(rng, (5,), (3, 1.0, 2.5), (4, 0.0, 0.0))))


def histc(x, bins, low=0.0, high=0.0):
    low, high = (low, high) if low or high else (x.min(), x.max())
    places = np.minimum((x - low) / (high - low) * bins, bins - 1e-9)
    inside = (x >= low) & (x <= high)
    return np.array([(inside & (places >= i) & (places < i + 1)).sum() for i in range(bins)], x.dtype)


def in_bins(rng):
    bins = choice(rng, 4, np.array([0.0, 1.5, 2.0, 4.0]))
    options = {} if isinstance(bins, np.ndarray) else choice(rng, {}, {"range": (0.5, 3.0)})
    more = choice(rng, {}, {"weight": np.arange(12.0).reshape(3, 4)}, {"density": True})
    return Sample((rng.integers(0, 9, (3, 4)) / 2, bins), options | more)


def histogram(x, bins, range=None, weight=None, density=False):
    return np.histogram(x, bins, range, density, weight)


SPECS = [
    OpSpec("isin", mg.isin, np.isin, lambda rng: Sample((rng.integers(0, 4, (3, 4)) + 0.0, [1, 3])), order=0),
    OpSpec("bincount", mg.bincount, lambda x, **least: np.bincount(x.numpy(), **least), counted, order=0),
    OpSpec("bincount of weights", mg.bincount, lambda x, w, **least: np.bincount(x.numpy(), w, **least), weighed,
           ("bincount",), linear_in=(0,),
           errors=(refuse(ValueError, "negative", np.array([-1])), refuse(TypeError, "safe", mg.tensor([0.5])))),
    OpSpec("histc", mg.histc, histc, to_count, order=0, errors=(
        refuse(DTypeError, "histc: needs floats, got dtype int64", np.array([1])),
        refuse(ValueError, "bins must be an int of at least 1, got 0", np.ones(2), 0),
        refuse(ValueError, "must be finite and not reversed, got 2 to 1", np.ones(2), 3, 2, 1),
        refuse(ValueError, "must be finite and not reversed, got inf to inf", np.array([np.inf])))),
    OpSpec("histogram of one value or none", mg.histogram, histogram,
           lambda rng: Sample((np.full(rng.choice([0, 3]), 2.0), 4)), ("histogram",),
           order=0),
    OpSpec("histogram", mg.histogram, histogram, in_bins, order=0, errors=(
        refuse(ShapeError, r"weight must have the shape of x, \(2,\), got \(3,\)", np.ones(2), 2, weight=np.ones(3)),)),
]  # fmt: skip
