"""Specs of answers about elements: each NumPy's."""

import numpy as np

import minigrad as mg
from minigrad.testing import OpSpec, Sample
from tests.ops.samples import choice, normal, refuse


def counted(rng):
    at = mg.tensor(rng.integers(0, 5, 7))
    return Sample((at, normal(rng, (7,))) if rng.random() < 0.7 else (at,), choice(rng, {}, {"minlength": 8}))


SPECS = [
    OpSpec("isin", mg.isin, np.isin, lambda rng: Sample((rng.integers(0, 4, (3, 4)) + 0.0, [1, 3])), order=0),
    OpSpec("bincount", mg.bincount, lambda x, *weights, **least: np.bincount(x.numpy(), *weights, **least), counted,
           linear_in=(0,),
           errors=(refuse(ValueError, "negative", np.array([-1])), refuse(TypeError, "safe", mg.tensor([0.5])))),
]  # fmt: skip
