"""Accumulation at indices beside NumPy's own, which adds element by element."""

import numpy as np
import pytest

from minigrad.kernels.scatter import WIDE, add_at


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("width", [0, 1, WIDE - 1, WIDE, 3 * WIDE])
@pytest.mark.parametrize(
    "index",
    [
        [2, -1, 2, 0, 2, 6],
        [1, 3, 5],
        [[2, 2], [-7, 0]],
        (slice(None), [2, 2, 4, -1]),
        ([0, 1, 0, -3], [6, 2, 6, 1]),
        ([3, 3], slice(None), slice(None)),
        (..., [1, 1], slice(None)),
        (slice(None, None, -1), [2, 2, 4], slice(None, None, -1)),
        ([True] * 7, [1, 1, 6, 2, 1, 1, -1]),
    ],
    ids=str,
)
def test_repeated_indices_accumulate_in_rows_of_any_width(index, width, dtype):
    size = (7, 7, width)
    places = tuple(
        np.array(part) if isinstance(part, list) else part for part in (index if type(index) is tuple else (index,))
    )
    expected = np.zeros(size, dtype)
    g = np.random.default_rng(0).integers(-9, 9, expected[places].shape).astype(dtype)  # sums are exact in any order
    np.add.at(expected, places, g)
    found = add_at(g, places, size)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, expected)
