"""How tensors read: PyTorch's format, and the options for it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg


@pytest.fixture(autouse=True)
def _default_options():
    yield
    mg.set_printoptions(profile="default")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ([1.0, 2.5], "tensor([1.0000, 2.5000])"), ([1.0, -2.0], "tensor([ 1., -2.])"),
        ([1e-5, 1.0], "tensor([1.0000e-05, 1.0000e+00])"),
        ([1.0, 2000.0], "tensor([1.0000e+00, 2.0000e+03])"), ([np.inf, 0.0], "tensor([inf, 0.])"),
        ([float("nan"), 1.5, float("-inf")], "tensor([   nan, 1.5000,   -inf])"), ([True, False], "tensor([ True, False])"),
        ([[1, -20], [3, 4]], "tensor([[  1, -20],\n        [  3,   4]])"), (7, "tensor(7)"), ([], "tensor([])"),
        (np.zeros((2, 0)), "tensor([], size=(2, 0), dtype=float64)"), (np.zeros(0, int), "tensor([], dtype=int64)"),
        (np.ones((1, 1, 2), np.float16), "tensor([[[1., 1.]]], dtype=float16)"),
    ],
)  # fmt: skip
def test_values(data, text):
    assert repr(mg.tensor(data)) == text


def test_long_tensors_show_their_ends_and_a_long_one_line_is_broken():
    assert repr(mg.arange(2000)) == "tensor([   0,    1,    2,  ..., 1997, 1998, 1999])"
    assert repr(mg.zeros(1001, 2)).count("\n") == 6
    mg.set_printoptions(edgeitems=1, threshold=3, linewidth=30)
    assert repr(mg.arange(10)) == "tensor([0,  ..., 9])"
    mg.set_printoptions(profile="full", linewidth=20)
    assert repr(mg.arange(5)) == "tensor([0, 1, 2, 3,\n        4])"


def test_options_are_set_kept_and_refused():
    mg.set_printoptions(precision=2, sci_mode=True)
    assert repr(mg.tensor([1.5])) == "tensor([1.50e+00])"
    mg.set_printoptions(linewidth=70)  # sci_mode goes back to None, the rest stays, as in PyTorch
    assert mg.get_printoptions() == {"precision": 2, "threshold": 1000, "edgeitems": 3, "linewidth": 70, "sci_mode": None}
    for bad in ({"precision": -1}, {"precision": 1.5}, {"edgeitems": True}, {"threshold": float("nan")}, {"profile": "x"}):
        with pytest.raises(ValueError, match="set_printoptions"):
            mg.set_printoptions(**bad)
    assert mg.get_printoptions()["precision"] == 2


def test_a_hundred_thousand_steps_of_history_do_not_show():
    x = mg.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(100_000):
        y = y + 0
    assert repr(y) == "tensor(1., grad_fn=<Add>)"


@given(st.integers(0, 2**32 - 1))
def test_it_reads_like_pytorch(seed):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(0, [9, 4, 12, 2][: rng.integers(0, 5)]))
    kind = rng.choice(["<f2", "<f4", "<f8", "<i8", "<i4", "|b1", "|u1"])
    a = rng.standard_normal(shape) * 10.0 ** rng.integers(-6, 9) ** rng.integers(0, 2)
    if rng.random() < 0.4:
        a = np.round(a)
    if rng.random() < 0.3:
        a = np.where(rng.random(shape) < 0.3, rng.choice([np.nan, np.inf, -np.inf, 0.0]), a)
    with np.errstate(all="ignore"):
        a = np.asarray(a if kind[1] == "f" else np.nan_to_num(a, posinf=0, neginf=0) % 300).astype(kind)
    options = {
        "precision": int(rng.integers(0, 7)),
        "threshold": int(rng.integers(0, 40)),
        "edgeitems": int(rng.integers(0, 4)),
        "linewidth": int(rng.integers(20, 100)),
        "sci_mode": [None, True, False][rng.integers(0, 3)],
    }
    try:
        mg.set_printoptions(**options)
        torch.set_printoptions(**options)
        t, u = mg.tensor(a), torch.tensor(a)
        if kind[1] == "f" and rng.random() < 0.5:
            t.requires_grad_(), u.requires_grad_()
        # Only the words after the values differ, and so where PyTorch breaks the line before them.
        expected = repr(u).replace("torch.", "")
        if len(expected) == len(repr(u)):
            assert repr(t) == expected
        assert "".join(repr(t).split()) == "".join(expected.split())
    finally:
        mg.set_printoptions(profile="default")
        torch.set_printoptions(profile="default")
