"""The table of bad input, rows 5 to 22 and 30 to 39: layers, pooling and losses. Nothing changes; also under python -O."""

import sys

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.errors import DTypeError, GraphError, ShapeError
from tests import test_errors
from tests.test_errors import State

K = mg.ones(5, 3, 3, 3)
LABELS = np.array([0, 2])


def images(*shape):
    return mg.ones(*(shape or (2, 3, 6, 6)))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(4, 5)

    def forward(self, x):
        return self.fc1(x)


NET = Net()

# row: (what is called, the error, what its message says); s.x, a leaf of shape (2, 3), stands for logits of three classes
ROWS = {
    5: [
        (lambda s: F.linear(s.x, mg.ones(5, 4)), ShapeError, r"linear: input features do not match the weight\n"
         r"  input   \(2, 3\)   = \(\.\.\., in_features\)\n  weight  \(5, 4\)  = \(out_features, in_features\)\n"
         r"  hint: the input has 3 features; use Linear\(3, 5\)"),
        (lambda s: NET(s.x), ShapeError, r"in Net\.fc1"),
    ],
    6: [(lambda s: F.linear(s.x, mg.ones(5, 3), mg.ones(3)), ShapeError, r"bias must be \(5,\) = \(out_features,\), got")],
    7: [
        (lambda s: F.conv2d(images(6, 6), K), ShapeError, r"\(N, C, H, W\) or \(C, H, W\), got shape \(6, 6\)$"),
        (lambda s: F.conv2d(images(1, 2, 3, 6, 6), K), ShapeError, r"\(C, H, W\), got shape \(1, 2, 3, 6, 6\)"),
    ],
    8: [(lambda s: F.conv2d(images(), mg.ones(5, 3, 3)), ShapeError, r"must be \(F, C, KH, KW\), got shape \(5, 3, 3\)")],
    9: [(lambda s: F.conv2d(images(2, 4, 6, 6), K), ShapeError, "conv2d: input has 4 channels, the weight expects 3\n")],
    10: [(lambda s: F.conv2d(images(), K, mg.ones(3)), ShapeError, r"bias must be \(5,\) = \(F,\), got shape \(3,\)")],
    11: [
        (lambda s: F.conv2d(images(1, 3, 28, 28), mg.ones(5, 3, 5, 5), stride=2, rounding="exact"), ShapeError,
         r"\(28 \+ 2\*0 - 5\)/2 \+ 1 = 12\.5 is not an integer\n  hint: a size of 27 or 29 fits"),
    ],
    12: [(lambda s: F.conv2d(images(1, 3, 2, 2), K), ShapeError, r"is larger than the padded input: 3 > 2 \+ 2\*0")],
    13: [
        (lambda s: F.conv2d(images(), K, stride=0), ValueError, "stride must be at least 1, got 0"),
        (lambda s: F.conv2d(images(), K, stride=(1, -1)), ValueError, "stride must be at least 1, got -1|got \\(1, -1\\)"),
    ],
    14: [(lambda s: F.conv2d(images(), K, padding=-1), ValueError, "padding must be at least 0, got -1")],
    15: [
        (lambda s: F.conv2d(images(), K, stride=1.5), TypeError, r"stride must be an int or a pair of ints, got 1\.5"),
        (lambda s: F.conv2d(images(), K, stride=True), TypeError, "stride must be an int .*got True"),
        (lambda s: F.conv2d(images(), K, padding="near"), ValueError, "padding must be .*got 'near'"),
        (lambda s: F.conv2d(images(), K, stride=(1, 1, 1)), ValueError, r"got 3 of them: \(1, 1, 1\)"),
    ],
    17: [
        (lambda s: F.conv2d(images(2, 0, 6, 6), mg.ones(5, 0, 3, 3)), ShapeError, "has no elements: C is 0"),
        (lambda s: F.conv2d(images(), mg.ones(5, 3, 0, 3)), ShapeError, "has no elements: KH is 0"),
    ],
    18: [(lambda s: F.max_pool2d(images(), 7), ShapeError, r"the window is larger than the padded input: 7 > 6 \+ 2\*0")],
    19: [(lambda s: F.max_pool2d(images(), 2, stride=0), ValueError, "stride must be at least 1, got 0")],
    20: [(lambda s: F.max_pool2d(images(), 3, padding=2), ValueError, r"at most half the window.*\n.*nothing but padding")],
    21: [(lambda s: F.max_pool2d(images(), 3, padding=-1), ValueError, "padding must be at least 0, got -1")],
    22: [(lambda s: F.max_pool2d(images(2, 3, 0, 6), 2), ShapeError, "max_pool2d: the input has size 0")],
    30: [
        (lambda s: F.cross_entropy(s.x, [0, 3]), IndexError, r"target 3 at position \(1,\) .*; valid are 0\.\.2"),
        (lambda s: F.cross_entropy(s.x, [-1, 0]), IndexError, r"target -1 at position \(0,\)"),
    ],
    31: [(lambda s: F.cross_entropy(s.x, [0.0, 2.0]), DTypeError, r"be integer classes, got float64\n  hint: .*astype")],
    32: [(lambda s: F.cross_entropy(s.x, np.eye(3, dtype=int)[LABELS]), DTypeError, r"look one-hot\n.*argmax\(1\)")],
    34: [(lambda s: F.cross_entropy(s.x, [0, 2, 1]), ShapeError, r"\(3,\), input has shape \(2, 3\): expected.*\(2,\)")],
    35: [(lambda s: F.cross_entropy(s.x, [[0], [2]]), ShapeError, r"\(2, 1\), .*expected labels \(2,\)\n  hint: .*squeeze")],
    36: [(lambda s: F.cross_entropy(s.x, s.x.softmax(1)), GraphError, r"not differentiated\n  hint: target\.detach\(\)")],
    37: [
        (lambda s: F.cross_entropy(s.x[:0], np.zeros(0, int)), ValueError, 'mean of 0 items\n  hint: use reduction="sum"'),
        (lambda s: F.mse_loss(s.x[:0], s.x[:0]), ValueError, "mse_loss: the mean of 0 items"),
        (lambda s: s.x[:0].mean(), ValueError, "mean: the mean of 0 items"),
    ],
    39: [(lambda s: F.cross_entropy(s.x, [True, False]), DTypeError, "labels must be integer classes, got bool")],
}  # fmt: skip
ACCEPTED = {16, 33}  # tested below


@pytest.mark.parametrize("row", [pytest.param(row, id=str(row)) for row in ROWS])
def test_row(row):
    for call, error, says in ROWS[row]:
        state = State()
        before = state.snapshot()
        with pytest.raises(error, match=says) as caught:
            call(state)
        assert state.snapshot() == before
        assert "np.int64(" not in str(caught.value) and not str(caught.value).splitlines()[0].endswith(":")


def test_rows_that_are_accepted():
    x, w = (mg.ones(2, 3, dtype=dtype, requires_grad=True) for dtype in (mg.float32, mg.float64))
    F.linear(x, w).sum().backward()  # row 16
    assert x.grad.dtype == np.float32 and w.grad.dtype == np.float64
    target = np.array([[0.5, 0.5, 0.5], [0.2, 0.8, 0.0]])
    with pytest.warns(UserWarning, match=r"the target probabilities at \(0,\) sum to 1.5"):
        F.cross_entropy(x, target)  # row 33


def test_every_row_is_here():
    assert set(ROWS) | ACCEPTED | set(test_errors.ROWS) | test_errors.ACCEPTED == set(range(1, 66))


@pytest.mark.skipif(sys.flags.optimize > 0, reason="this is that run")
def test_the_same_under_optimisation():
    test_errors.run_optimised(__file__)
