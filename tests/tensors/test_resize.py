"""resize_: another shape for the same memory, as old programs prepare their batches."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import GraphError, ShapeError


def test_fewer_elements_are_the_first_ones_in_the_same_memory():
    x = mg.arange(6.0)
    part = x.data
    assert part.resize_(2, 2) is part and part.tolist() == [[0, 1], [2, 3]]
    part.fill_(9)
    assert x.tolist() == [9, 9, 9, 9, 4, 5]


@pytest.mark.parametrize("sizes", [(2, 3), ((2, 3),), ([2, 3],), (mg.zeros(2, 3).shape,)])
def test_more_elements_keep_the_old_ones(sizes):
    x = mg.tensor([1.0, 2.0])
    assert x.resize_(*sizes).shape == (2, 3)
    assert x.reshape(-1).tolist() == [1, 2, 0, 0, 0, 0]
    assert mg.FloatTensor().resize_(2).fill_(1).tolist() == [1, 1]
    assert mg.zeros(4).resize_as_(x).shape == (2, 3)


def test_a_batch_of_the_same_shape_is_written_through_data():
    batch = mg.zeros(2, 3)
    batch.data.resize_((2, 3)).copy_(mg.ones(2, 3))
    assert np.array_equal(batch.numpy(), np.ones((2, 3)))


def test_what_cannot_be_resized_stays():
    x = mg.zeros(2)
    with pytest.raises(GraphError, match="share the 2 elements, 3 do not fit"):
        x.data.resize_(3)
    with pytest.raises(ShapeError, match="at least 0"):
        x.resize_(-1)
    w = mg.zeros(2, requires_grad=True)
    for tensor in (w, w * 2):
        with pytest.raises(GraphError, match="requires a gradient"):
            tensor.resize_(1)
    assert x.shape == w.shape == (2,)
