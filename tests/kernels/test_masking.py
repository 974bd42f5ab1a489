"""Choosing by bits is np.where, bit for bit."""

import numpy as np
import pytest

from minigrad.kernels import masking

SHAPE = (131, 127)  # large enough to be chosen by bits
assert np.prod(SHAPE) > masking.LARGE


def draw(rng, shape=SHAPE):
    values = rng.standard_normal(shape).astype(np.float32)
    values.flat[rng.integers(0, values.size, 50)] = np.resize([np.nan, np.inf, -np.inf, -0.0, 0.0], 50)
    return values


CASES = {
    "two arrays": lambda rng: (draw(rng), draw(rng)),
    "zero second": lambda rng: (draw(rng), 0),
    "zero first": lambda rng: (0, draw(rng)),
    "minus zero": lambda rng: (draw(rng), np.float32(-0.0)),
    "numbers": lambda rng: (np.float32(2.5), np.float32(-0.5)),
    "both zero": lambda rng: (np.float32(0), np.float32(-0.0)),
    "infinity": lambda rng: (draw(rng), -np.inf),
    "a row and a column": lambda rng: (draw(rng, (1, 127)), draw(rng, (131, 1))),
    "other strides": lambda rng: (draw(rng, (127, 131)).T, draw(rng, (131, 254))[:, ::-2]),
    "a larger result": lambda rng: (draw(rng, (2, *SHAPE)), draw(rng)),
    "float64": lambda rng: (draw(rng).astype(np.float64), draw(rng)),
    "integers": lambda rng: (np.arange(127), 3),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("order", ["C", "F"])
def test_as_where(case, order):
    rng = np.random.default_rng(0)
    x, y = CASES[case](rng)
    condition = np.asarray(rng.random(SHAPE) < 0.5, order=order)
    kept = condition.copy(), np.array(x), np.array(y)
    out, expected = masking.where(condition, x, y), np.where(condition, x, y)
    assert out.dtype == expected.dtype and out.shape == expected.shape
    assert out.tobytes() == expected.tobytes()
    assert out.flags.writeable and not any(np.shares_memory(out, a) for a in (condition, x, y))
    for before, after in zip(kept, (condition, x, y), strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_condition_that_is_no_mask():
    condition = np.resize([0.0, 2.0, np.nan], 20000)
    x = np.ones(20000, np.float32)
    np.testing.assert_array_equal(masking.where(condition, x, 0), np.where(condition, x, 0))
