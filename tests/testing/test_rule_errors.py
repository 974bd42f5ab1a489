"""An error inside a gradient rule names the operation, the input and the line, in backward and in gradcheck."""

from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad.testing import gradcheck, gradgradcheck

HERE = Path(__file__).read_text().split("\n")


@mg.primitive
def product(x, y):
    return x * y


@product.gradient("x")
def _(g, y):
    return g[:2] * y  # fails


@product.gradient("y")
def _(g, x):
    if not isinstance(g, np.ndarray):
        raise ZeroDivisionError("twice")  # fails when differentiated again
    return g.reshape(-1, 1, 1) * x


class Halved(mg.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x / 2

    @staticmethod
    def backward(ctx, g):
        return g @ [1.0, 2.0]  # fails in a Function


def line(text):
    (number,) = [n for n, written in enumerate(HERE, 1) if written.endswith(text)]
    return f"{__file__}:{number}"


def leaf():
    return mg.tensor(np.arange(1.0, 4.0), requires_grad=True)


CASES = {
    "an error of NumPy": (
        lambda: [leaf(), mg.ones(3, dtype=mg.float64)],
        product,
        ValueError,
        "in the gradient rule of 'x' of product, " + line("# fails"),
    ),
    "a wrong shape": (
        lambda: [mg.ones(3, dtype=mg.float64), leaf()],
        product,
        mg.GraphError,
        "in the gradient rule of 'y' of product, " + line('@product.gradient("y")'),
    ),
    "a Function": (
        lambda: [leaf()],
        Halved.apply,
        ValueError,
        "in the gradient rule of Halved, " + line("# fails in a Function"),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_backward_and_gradcheck_name_the_rule(case):
    make, function, error, note = CASES[case]
    inputs = make()
    for check in (
        lambda: function(*inputs).sum().backward(),
        lambda: mg.autograd.grad(function(*inputs).sum(), [t for t in inputs if t.requires_grad]),
        lambda: gradcheck(function, inputs),
    ):
        with pytest.raises(error) as caught:
            check()
        assert caught.value.__notes__[0] == note


def test_a_rule_that_fails_when_it_is_differentiated():
    with pytest.raises(ZeroDivisionError) as caught:
        gradgradcheck(product, [mg.ones(3, dtype=mg.float64), leaf()])
    assert caught.value.__notes__[0] == "in the gradient rule of 'y' of product, " + line(
        "# fails when differentiated again"
    )
