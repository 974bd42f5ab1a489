"""Specs of membership and counts, against NumPy."""

import numpy as np

import minigrad as mg
from minigrad.testing import OpSpec, Sample
from tests.ops.samples import choice, normal, refuse


def weighed(rng):
    return Sample((mg.tensor(rng.integers(0, 5, 7)), normal(rng, (7,))), choice(rng, {}, {"minlength": 8}))


def counted(rng):
    return Sample(weighed(rng).args[:1], choice(rng, {}, {"minlength": 8}))


SPECS = [
    OpSpec("isin", mg.isin, np.isin, lambda rng: Sample((rng.integers(0, 4, (3, 4)) + 0.0, [1, 3])), order=0),
    OpSpec("bincount", mg.bincount, lambda x, **least: np.bincount(x.numpy(), **least), counted, order=0),
    OpSpec("bincount of weights", mg.bincount, lambda x, w, **least: np.bincount(x.numpy(), w, **least), weighed,
           ("bincount",), linear_in=(0,),
           errors=(refuse(ValueError, "negative", np.array([-1])), refuse(TypeError, "safe", mg.tensor([0.5])))),
]  # fmt: skip
