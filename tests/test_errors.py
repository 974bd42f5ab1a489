"""The table of bad input: each row's error and message, and nothing changed by the failed call. Also run under python -O."""

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad.autograd import Function
from minigrad.errors import AnomalyError, DTypeError, GraphError, ShapeError

A = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]])


class State:
    """Tensors to fail with, and everything that a failed call must leave alone."""

    def __init__(self):
        self.x = mg.tensor(A, requires_grad=True)  # a leaf
        self.c = mg.tensor(A)  # a constant
        self.y = self.x * 2  # a result
        self.x.grad = mg.tensor(np.ones((2, 3)))

    def snapshot(self):
        tensors = [(t.tolist(), t.dtype, t.requires_grad, t.is_leaf, t.node) for t in (self.x, self.c, self.y)]
        return (
            tensors, self.x.grad.tolist(), mg.is_grad_enabled(), mg.get_default_dtype(), mg.get_printoptions(),
            mg.random.default_generator().bit_generator.state, np.random.get_state()[1].tolist(),
        )  # fmt: skip


def function(backward):
    return type("F", (Function,), {"forward": staticmethod(lambda ctx, x: x * 1), "backward": staticmethod(backward)}).apply


def primitive(rule):
    op = mg.primitive(lambda x: x * 1)
    op.__name__ = "mine"
    op.gradient("x")(rule)
    return op


def twice(s):
    y = (s.x * s.x).sum()
    y.backward(retain_graph=False)
    s.x.grad = mg.tensor(np.ones((2, 3)))
    return y


def written(s):
    w = mg.tensor(A, requires_grad=True)
    out = w * w
    with mg.no_grad():
        w += 1
    return out


# row: (what is called, the error, what its message says)
ROWS = {
    1: [(lambda s: s.x @ mg.zeros(4, 5), ShapeError, r"matmul: shapes \(2, 3\) and \(4, 5\).*3 != 4[\s\S]*axis")],
    2: [(lambda s: s.x @ mg.tensor(2.0), ShapeError, r"matmul: .*at least one axis[\s\S]*use \* for a scalar")],
    3: [(lambda s: mg.zeros(2, 1, 3) @ mg.zeros(3, 3, 1), ShapeError, r"leading axes \(2,\) and \(3,\)")],
    4: [
        (
            lambda s: s.x + mg.zeros(4),
            ShapeError,
            r"add: shapes \(2, 3\) and \(4,\) do not broadcast: axis -1 has sizes 3 and 4",
        ),
        (lambda s: np.maximum(s.x, np.zeros((3, 1))), ShapeError, r"maximum: .*axis -2 has sizes 2 and 3"),
    ],
    23: [
        (lambda s: mg.zeros(0).max(), ValueError, "identity|empty"),
        (lambda s: np.min(mg.zeros(2, 0), 1), ValueError, "identity|empty"),
    ],
    24: [
        (lambda s: s.x.sum(2), IndexError, r"sum: axis 2 does not exist: the array has 2 axes"),
        (lambda s: s.x.sum((0, 0)), IndexError, "named twice"),
        (lambda s: s.x.sum(0.5), IndexError, r"an axis is an int, got 0\.5"),
    ],
    25: [(lambda s: s.x.reshape(4, 2), ShapeError, r"reshape: 6 elements of shape \(2, 3\) do not fit shape \(4, 2\)")],
    26: [(lambda s: s.x.reshape(-1, -1), ValueError, "only one size can be -1")],
    27: [(lambda s: s.x.permute(0, 0), ValueError, "permut|repeated|axes")],
    28: [
        (lambda s: mg.stack([s.x, s.x, mg.zeros(3)]), ShapeError, "array 2"),
        (lambda s: mg.stack([]), ValueError, "at least one"),
        (lambda s: mg.concatenate([s.x, mg.zeros(2, 3, 1)]), ShapeError, "array 1"),
    ],
    29: [(lambda s: s.x[5], IndexError, "index 5 is out of bounds for axis 0 with size 2")],
    38: [(lambda s: anomalous(s), AnomalyError, r"nan at index \(0, 1\), the first of 2 bad elements of 6")],
    40: [
        (
            lambda s: mg.tensor(3, requires_grad=True),
            DTypeError,
            r"int64 cannot require a gradient[\s\S]*write 1\.0 instead of 1",
        ),
        (lambda s: mg.tensor(A > 0, requires_grad=True), DTypeError, "bool"),
        (lambda s: mg.zeros(2, dtype=mg.int8).requires_grad_(), DTypeError, "int8"),
    ],
    41: [
        (lambda s: mg.tensor(None), DTypeError, "object"),
        (lambda s: mg.tensor("abc"), DTypeError, "<U3"),
        (lambda s: mg.tensor(np.array([{}])), DTypeError, "object"),
        (lambda s: s.x + None, DTypeError, "add: y must be a number or numbers, got NoneType"),
        (lambda s: np.arctan2("a", s.x), DTypeError, "arctan2: x must be a number or numbers, got str"),
        (lambda s: F.gelu(None), TypeError, "NoneType"),
        (lambda s: mg.erf(None), DTypeError, "erf: x must be a number or numbers, got NoneType"),
        (lambda s: mg.xlogy(s.x, None), DTypeError, "xlogy: y must be a number or numbers, got NoneType"),
    ],
    42: [(lambda s: mg.tensor([[1, 2], [3]]), ShapeError, r"ragged list: row \[1\] has length 1, row \[0\] has length 2")],
    43: [
        (lambda s: mg.tensor(1j), DTypeError, "complex128"),
        (lambda s: s.x * 1j, DTypeError, "multiply: dtype complex128"),
        (lambda s: s.x.astype(complex), DTypeError, "complex128"),
        (lambda s: mg.zeros(1, dtype=complex), DTypeError, "complex"),
    ],
    44: [
        (lambda s: mg.tensor(np.zeros(2, [("a", int)])), DTypeError, "'a'"),
        (lambda s: mg.tensor(np.array(["2020-01-01"], "M8[D]")), DTypeError, "datetime"),
        (lambda s: mg.tensor(np.ma.ones(2)), DTypeError, "MaskedArray"),
        (lambda s: s.x + np.ma.ones(3), DTypeError, "MaskedArray"),
        (lambda s: mg.tensor(np.ones(2).view(np.recarray)), DTypeError, "recarray"),
    ],
    48: [
        (lambda s: s.y.backward(), GraphError, r"only a single element.*\(2, 3\)[\s\S]*\.sum\(\), or pass gradient="),
        (lambda s: mg.autograd.grad(s.y, s.x), GraphError, r"grad: .*\(2, 3\)"),
    ],
    49: [
        (
            lambda s: s.y.backward(np.ones(3)),
            ShapeError,
            r"gradient has shape \(3,\), the tensor has \(2, 3\); it is not broadcast",
        ),
        (lambda s: mg.autograd.grad(s.y, s.x, np.ones((3, 2))), ShapeError, r"\(3, 2\)"),
    ],
    50: [
        (lambda s: s.y.backward(A > 0), DTypeError, "gradient must be of numbers, got dtype bool"),
        (lambda s: s.y.backward(A * 1j), DTypeError, "complex"),
        (lambda s: s.y.backward([["a"] * 3] * 2), DTypeError, "<U1"),
    ],
    51: [
        (lambda s: s.c.backward(A), GraphError, r"the tensor has no graph.*requires a gradient, or under no_grad\(\)"),
        (lambda s: under_no_grad(s).backward(A), GraphError, r"under no_grad\(\)"),
        (lambda s: mg.autograd.grad(s.y.sum(), s.c), GraphError, "input 0 requires no gradient"),
    ],
    52: [(lambda s: twice(s).backward(), GraphError, r"multiply: .*already freed[\s\S]*retain_graph=True.*or compute")],
    54: [
        (
            lambda s: s.x.__iadd__(1),
            GraphError,
            r"add_: a leaf that requires a gradient[\s\S]*inside no_grad\(\).*x = x \+ 1",
        ),
        (lambda s: s.x.exp_(), GraphError, "exp_: a leaf"),
        (lambda s: s.x.copy_(A), GraphError, "copy_: a leaf"),
        (lambda s: s.x.normal_(), GraphError, "normal_: a leaf"),
        (lambda s: np.add(A, A, out=s.x), GraphError, r"np\.add: a leaf"),
    ],
    55: [(lambda s: written(s).backward(A), GraphError, r"multiply: an input of shape \(2, 3\).*was written to afterwards")],
    56: [
        (
            lambda s: s.x.__setitem__(0, 1.0),
            GraphError,
            r"setitem: a leaf that requires a gradient[\s\S]*no_grad\(\).*where, concatenate",
        )
    ],
    57: [
        (
            lambda s: setattr(s.x, "grad", mg.zeros(3, dtype=mg.float64)),
            ShapeError,
            r"grad: has shape \(3,\), the tensor has \(2, 3\)",
        ),
        (lambda s: setattr(s.x, "grad", mg.zeros(2, 3)), DTypeError, "grad: has dtype float32, the tensor has float64"),
        (lambda s: setattr(s.x, "grad", A), TypeError, "grad: must be a Tensor or None, got ndarray"),
    ],
    59: [
        (lambda s: function(lambda ctx, g: (g, g))(s.x).backward(A), GraphError, "F: backward must return 1 grad.*got 2"),
    ],
    60: [
        (
            lambda s: function(lambda ctx, g: g[0])(s.x).backward(A),
            GraphError,
            r"F: .*returned shape \(3,\), the input has shape \(2, 3\)",
        ),
        (
            lambda s: primitive(lambda g: g[0])(s.x).backward(A),
            GraphError,
            r"mine: .*'x' returned shape \(3,\), the input has shape \(2, 3\)",
        ),
    ],
    61: [
        (lambda s: function(lambda ctx, g: "g")(s.x).backward(A), GraphError, "F: backward returned str"),
        (lambda s: primitive(lambda g: 1.0)(s.x).backward(A), GraphError, "mine: .*returned float"),
        (lambda s: primitive(lambda g: g * 1j)(s.x).backward(A), GraphError, "mine: .*returned dtype complex128"),
        (lambda s: primitive(lambda g: g > 0)(s.x).backward(A), GraphError, "mine: .*returned dtype bool"),
    ],
    62: [
        (lambda s: bool(s.x), ValueError, r"6 elements[\s\S]*\.any\(\) or \.all\(\)"),
        (lambda s: float(s.x), ValueError, "6 elements"),
        (lambda s: s.x.item(), ValueError, r"6 elements, shape \(2, 3\)"),
        (lambda s: int(s.x), ValueError, "6 elements"),
        (lambda s: [1, 2][s.x], TypeError, "integer"),
        (lambda s: len(mg.tensor(1.0)), TypeError, "0-d"),
    ],
    63: [
        (lambda s: np.asarray(s.x), GraphError, r"t\.detach\(\)\.numpy\(\)"),
        (lambda s: s.y.numpy(), GraphError, r"t\.detach\(\)\.numpy\(\)"),
        (lambda s: np.array([s.x, s.x]), GraphError, "detach"),
        (lambda s: A.copy().__setitem__(0, s.x[0]), GraphError, "detach"),
    ],
    64: [(lambda s: A.copy().__iadd__(s.x), GraphError, r"np\.add: [\s\S]*write a = a \+ t")],
    65: [
        (lambda s: copy.deepcopy(s.y), GraphError, r"t\.detach\(\) or t\.clone\(\)"),
        (lambda s: pickle.dumps(s.y), GraphError, "detach"),
    ],
}
ACCEPTED = {45, 46, 47, 53, 58}  # tested below


def anomalous(s):
    with mg.detect_anomaly(), np.errstate(all="ignore"):
        return np.log(s.x)


def under_no_grad(s):
    with mg.no_grad():
        return s.x * 2


@pytest.mark.parametrize("row", [pytest.param(row, id=str(row)) for row in ROWS])
def test_row(row):
    for call, error, says in ROWS[row]:
        state = State()
        before = state.snapshot()
        with pytest.raises(error, match=says) as caught:
            call(state)
        assert state.snapshot() == before
        first = str(caught.value).splitlines()[0] if str(caught.value) else ""
        assert "np.int64(" not in str(caught.value) and not first.endswith(":")


def test_every_row_on_tensors_and_graphs_is_here():
    assert set(range(40, 66)) <= ROWS.keys() | ACCEPTED


def test_what_is_accepted():
    big_endian, backwards = A.astype(">f8"), A[::-1, ::-1]
    read_only = A.view()
    read_only.flags.writeable = False
    for array in (big_endian, backwards, read_only):  # rows 45, 46, 47
        w = mg.nn.Parameter(array)
        assert w.dtype == np.float64 and w.dtype.isnative and w.array.flags.writeable
        with mg.no_grad():
            w += 1
        assert w.tolist() == (array + 1).tolist()
    x = mg.tensor(A, requires_grad=True)
    y = (x * x).sum()
    with mg.no_grad():
        y.backward()  # row 53
    np.testing.assert_array_equal(x.grad.numpy(), 2 * A)
    h = x * 2
    with pytest.warns(UserWarning, match=r"retain_grad\(\)") as warned:
        assert h.grad is None  # row 58
    assert len(warned) == 1
    z = h * 1
    z[0] = 5.0  # row 56
    z.backward(A)
    assert isinstance(np.add(A, x), mg.Tensor) and isinstance(A @ x.T, mg.Tensor)  # row 64
    assert F.relu(x).dtype == np.float64


def test_an_operation_made_of_others_is_named_too():
    for call, inner, outer in (
        (lambda x: F.smooth_l1_loss(x, x, reduction="avg"), "huber_loss: reduction", ["in smooth_l1_loss"]),
        (lambda x: mg.std(x, 2), "var: axis 2", ["in std"]),
        (lambda x: mg.lerp(x, x, mg.zeros(4)), "multiply: shapes", ["in lerp"]),
        (lambda x: F.mse_loss(x, x, reduction="avg"), "mse_loss: reduction", []),
    ):
        with pytest.raises((ValueError, IndexError), match=inner) as caught:
            call(mg.tensor(A))
        assert getattr(caught.value, "__notes__", []) == outer


def run_optimised(path, *options):
    """Run a file of tests again under `python -O`."""
    root = Path(__file__).parents[1]
    command = [sys.executable, "-O", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n0", "-W", "ignore", *options, path]
    run = subprocess.run(command, cwd=root, env=os.environ | {"PYTHONPATH": str(root)}, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.skipif(sys.flags.optimize > 0, reason="this is that run")
def test_the_same_under_optimisation():
    """`python -O` drops every assert of the library, so none of these errors may come from one."""
    run_optimised(__file__)
