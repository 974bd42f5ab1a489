"""Every way out of the graph for a tensor that requires a gradient: recorded, refused, or warned of; none in silence.

What PyTorch 2.13 does stands beside each row where it differs. What is done by name (`item`, `tolist`, `detach`, `.data`,
comparisons, `str`) needs no warning.
"""

import array
import cmath
import math
import operator
import statistics
import struct
import warnings

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, optim
from minigrad.errors import GraphError


def put(target, index, value):
    target[index] = value
    return target


# A tensor t of one element (0.5) and a vector v ([1, 2]); both are results, made of a leaf that waits for its gradient.
RECORDED = {  # the derivative by t, or by the elements of v in turn, of the sum of what comes out
    "np.sin(t)": (lambda t, v: np.sin(t), math.cos(0.5), [0, 0]),
    "np.stack of a list": (lambda t, v: np.stack([v, 2 * v]), 0, [3, 3]),
    "np.concatenate": (lambda t, v: np.concatenate([v, v]), 0, [2, 2]),
    "np.vstack, np.hstack": (lambda t, v: np.vstack([v, v]).sum() + np.hstack([v, v]).sum(), 0, [4, 4]),
    "np.full_like": (lambda t, v: np.full_like(v, t), 2, [0, 0]),  # PyTorch refuses full of a tensor
    "full": (lambda t, v: mg.full((3,), t), 3, [0, 0]),
    "full of a row": (lambda t, v: mg.full((3, 2), v, dtype=mg.float32), 0, [3, 3]),
    "new_full": (lambda t, v: v.new_full((3,), t), 3, [0, 0]),
    "stack, cat": (lambda t, v: mg.stack([t, t]).sum() + mg.cat([v, v]).sum(), 2, [2, 2]),
    "where": (lambda t, v: mg.where(v > 1, t, v), 1, [1, 0]),
    "a tensor's element": (lambda t, v: put(mg.zeros(3), 0, t), 1, [0, 0]),
    "fill_, copy_": (lambda t, v: mg.zeros(2).fill_(t) + mg.zeros(2).copy_(v), 2, [1, 1]),
    "clamp": (lambda t, v: v.clamp(max=t), 2, [0, 0]),
    "as_tensor": (lambda t, v: mg.as_tensor(v), 0, [1, 1]),
    "as_tensor of another dtype": (lambda t, v: mg.as_tensor(v, dtype=mg.float32), 0, [1, 1]),
    "ndarray * v": (lambda t, v: np.array([2.0, 3.0]) * v, 0, [2, 3]),
    "np.float64 * t": (lambda t, v: np.float64(3) * t, 3, [0, 0]),
    "sum, max, abs, %": (lambda t, v: sum(v) + max(v) + abs(t) + t % 2, 2, [1, 2]),
    "math.prod": (lambda t, v: math.prod(v), 0, [2, 1]),
    "an option of the value 1": (lambda t, v: mg.addmm(v, mg.ones(1, 2), mg.ones(2, 2), beta=2 * t), 2 * 3, [1, 1]),
    "an option of the value 0": (lambda t, v: mg.addmm(v, mg.ones(1, 2), mg.ones(2, 2), beta=2 * t - 1), 2 * 3, [0, 0]),
    "alpha of the value 1": (lambda t, v: mg.zeros(2).index_add(0, mg.tensor([0, 1]), v, alpha=2 * t), 2 * 3, [1, 1]),
}

STACK = r"requires a gradient, and an array has no graph\n  hint: use mg\.stack\(list\).*t\.detach\(\)\.numpy\(\)"
REFUSED = {
    "numpy()": (lambda t, v: v.numpy(), r"numpy\(\): the tensor requires a gradient\n  hint: use t\.detach\(\)\.numpy\(\)"),
    "np.array of scalars": (lambda t, v: np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]]), STACK),
    "np.array of vectors": (lambda t, v: np.array([v, v]), STACK),
    "np.asarray(v)": (lambda t, v: np.asarray(v), STACK),
    "np.float32(t)": (lambda t, v: np.float32(t), STACK),
    "a row of an ndarray": (lambda t, v: put(np.zeros((2, 2)), 0, v), STACK),
    "a slice of an ndarray": (lambda t, v: put(np.zeros(2), slice(None), v), STACK),
    "a list into an ndarray": (lambda t, v: put(np.zeros(2), slice(None), [t, t]), STACK),
    "ndarray += v": (lambda t, v: operator.iadd(np.zeros(2), v), r"np\.add: [\s\S]*write a = a \+ t"),
    "ndarray + [t, t]": (lambda t, v: np.zeros(2) + [t, t], STACK),
    "np.full": (lambda t, v: np.full(2, t), STACK),
    "np.random": (lambda t, v: np.random.default_rng(0).normal(t, 1.0), STACK),
    "np.linspace": (lambda t, v: np.linspace(0, t, 3), r"np\.linspace: has no gradient rule here"),
    "x[i] = list": (lambda t, v: put(mg.zeros(2), slice(None), [t, t]), STACK),
    "uniform_, normal_": (lambda t, v: mg.zeros(2).uniform_(0, t), STACK),
    "an index": (lambda t, v: operator.index(t), "index: only an integer tensor of one element is an index, got float64"),
    "an option without a rule": (lambda t, v: F.leaky_relu(v, t), "leaky_relu: no gradient rule for 'negative_slope'"),
    "an option of a step": (lambda t, v: optim.SGD([mg.ones(1, requires_grad=True)], lr=t), "lr must be a number"),
    "a scale factor": (
        lambda t, v: F.interpolate(mg.ones(1, 1, 4), scale_factor=t),
        "scale_factor must be a positive number",
    ),
    "class weights": (lambda t, v: F.cross_entropy(mg.ones(1, 2), mg.tensor([0]), v), "the weight requires a gradient"),
    "weights of nll_loss": (lambda t, v: F.nll_loss(mg.ones(1, 2), mg.tensor([0]), v), "the weight requires a gradient"),
}

FLOAT = r"float\(\): a tensor that requires a gradient became a number[\s\S]*hint: use t\.item\(\)"
LIST = r"a tensor of shape \(.*\) requires a gradient, and the result is a constant\n  hint: use mg\.stack\(list\)"
COPY = r"requires a gradient, and the result is a constant\n  hint: use t\.clone\(\) to keep"
WARNED = {
    "float": (lambda t, v: float(t), FLOAT),
    "complex": (lambda t, v: complex(t), FLOAT),
    "math.sin": (lambda t, v: math.sin(t), FLOAT),
    "cmath.exp": (lambda t, v: cmath.exp(t), FLOAT),
    "math.floor": (lambda t, v: math.floor(t), FLOAT),
    "math.fsum": (lambda t, v: math.fsum(v), FLOAT),
    "'%.3f' % t": (lambda t, v: "%.3f" % t, FLOAT),  # noqa: UP031
    "struct, array": (lambda t, v: (struct.pack("f", t), array.array("d", [t])), FLOAT),
    "an element of an ndarray": (lambda t, v: put(np.zeros(2), 0, v[0]), FLOAT),
    "an element of a matrix": (lambda t, v: put(np.zeros((2, 2)), (0, 1), t), FLOAT),
    "an element of one size": (lambda t, v: put(np.zeros(2), 0, v[:1]), FLOAT),
    "ndarray.flat": (lambda t, v: put(np.zeros(2).flat, 0, t), FLOAT),
    "ndarray.fill": (lambda t, v: np.zeros(2).fill(t), FLOAT),
    "np.fromiter": (lambda t, v: np.fromiter(v, float), FLOAT),
    "np.float64": (lambda t, v: np.float64(t), FLOAT),
    "arange": (lambda t, v: mg.arange(0, t, 0.1), FLOAT),  # PyTorch refuses
    "linspace": (lambda t, v: mg.linspace(0, t, 3), FLOAT),  # PyTorch: a constant
    "tensor of a list": (lambda t, v: mg.tensor([t, t]), LIST),
    "tensor of vectors": (lambda t, v: mg.tensor([v, [t, 1.0]]), LIST),  # PyTorch refuses
    "Tensor, as_tensor of a list": (lambda t, v: (mg.Tensor([t]), mg.as_tensor([t])), LIST),
    "new_tensor": (lambda t, v: v.new_tensor([t]), LIST),
    "tensor(t)": (lambda t, v: mg.tensor(t), COPY),  # PyTorch warns of any tensor
    "new_tensor(v)": (lambda t, v: v.new_tensor(v), COPY),
    "a parameter of a result": (lambda t, v: nn.Parameter(v), COPY),  # PyTorch: in silence
}

SILENT = {  # and why it may be
    "item, tolist, detach": (lambda t, v: (t.item(), v.tolist(), v.detach()), "the name says it"),
    "int": (lambda t, v: (int(t), put(np.zeros(1, int), 0, t)), "a rounded number has no gradient"),
    "bool, comparisons": (lambda t, v: (bool(t), t > 0, 0.5 in v, sorted(v)), "an answer, and no value"),
    "str, format": (lambda t, v: (str(t), f"{t:.3f}", f"{v}", repr(t)), "text"),
    "a parameter of a leaf": (lambda t, v: nn.Parameter(v.detach().requires_grad_()), "another leaf is what is asked for"),
    "a draw": (lambda t, v: (mg.normal(t, 1.0), mg.bernoulli(t)), "as documented; PyTorch's gradient is zero"),
    "a threshold": (lambda t, v: F.hardshrink(v.detach(), t), "the result is piecewise constant in it"),
    "zeros_like": (lambda t, v: mg.zeros_like(v), "no value is read"),
}


def made():
    leaf = mg.tensor([0.5, 1.0, 2.0], dtype=mg.float64, requires_grad=True)
    parts = leaf * 1.0
    return leaf, parts[0], parts[1:]


@pytest.mark.parametrize("way", RECORDED)
def test_recorded(way):
    function, by_t, by_v = RECORDED[way]
    leaf, t, v = made()
    function(t, v).sum().backward()
    np.testing.assert_allclose(leaf.grad.numpy(), [by_t, *by_v], rtol=1e-6)


@pytest.mark.parametrize("way", REFUSED)
def test_refused(way):
    function, says = REFUSED[way]
    leaf, t, v = made()
    with pytest.raises((GraphError, TypeError, ValueError), match=says):
        function(t, v)
    (t + v.sum()).backward()
    assert leaf.grad.tolist() == [1, 1, 1]


@pytest.mark.parametrize("way", WARNED)
def test_warned_of_at_the_line_that_did_it(way):
    function, says = WARNED[way]
    _, t, v = made()
    with pytest.warns(UserWarning, match=says) as caught:
        function(t, v)
    assert {w.filename for w in caught} == {__file__}
    with mg.no_grad():  # as in PyTorch: nothing is recorded that could be lost
        function(t, v)
    function(t.detach(), v.detach())


@pytest.mark.parametrize("way", SILENT)
def test_silent_for_a_reason(way):
    _, t, v = made()
    SILENT[way][0](t, v)


def test_what_a_list_holds_keeps_its_dtype_and_its_values():
    _, t, v = made()
    with pytest.warns(UserWarning, match=LIST):
        whole = mg.tensor([v, (t, 3.0)])
    assert whole.tolist() == [[1.0, 2.0], [0.5, 3.0]] and whole.dtype == np.float64 and not whole.requires_grad
    with pytest.warns(UserWarning, match=LIST):
        assert v.new_tensor([t, 1.0], dtype=mg.float32).dtype == np.float32
    constants = v.detach()
    assert mg.tensor([constants, constants]).tolist() == [[1.0, 2.0]] * 2


def test_a_gradient_is_not_lost_in_silence_by_an_assignment():
    def f(b):
        c = np.zeros(2)
        c[0], c[1] = b[0] * b[0], b[1]
        return (mg.tensor(c) * b).sum()

    with pytest.warns(UserWarning, match=FLOAT):
        mg.func.grad(f)(mg.tensor([2.0, 3.0], dtype=mg.float64))


def test_the_conversions_that_warn_are_those_of_pytorch():
    torch = pytest.importorskip("torch")
    torch.set_warn_always(True)
    ways = {
        "float": float, "int": int, "complex": complex, "item": lambda x: x.item(), "bool": bool, "format": "{:.2f}".format,
        "percent": "%.2f".__mod__, "str": str, "sin": math.sin, "floor": math.floor, "tolist": lambda x: x.tolist(),
        "fsum": lambda x: math.fsum([x, x]), "element": lambda x: put(np.zeros(2), 0, x), "in": lambda x: 0.5 in x[None],
        "of integers": lambda x: put(np.zeros(2, int), 0, x), "statistics": lambda x: statistics.fmean([x, x]),
    }  # fmt: skip

    def warns(lib, way, mode):
        with warnings.catch_warnings(record=True) as caught, lib.set_grad_enabled(mode):
            warnings.simplefilter("always")
            ways[way](lib.tensor(0.5, requires_grad=True))
        return any("requires" in str(w.message) for w in caught)

    try:
        for way in ways:
            for mode in (True, False):
                assert warns(mg, way, mode) == warns(torch, way, mode), (way, mode)
    finally:
        torch.set_warn_always(False)


def test_a_plateau_takes_a_loss_that_is_recorded():
    w = mg.ones(1, requires_grad=True)
    schedule = optim.lr_scheduler.ReduceLROnPlateau(optim.SGD([w], lr=1.0))
    schedule.step((w * w).sum())
    assert schedule.best == 1.0
