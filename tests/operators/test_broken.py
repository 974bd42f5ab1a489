"""PyTorch's samples notice a wrong value, dtype, first or second gradient, and a missing refusal; and a stale table."""

import numpy as np
import pytest

pytest.importorskip("torch", "2.13")
pytest.importorskip("expecttest", reason="PyTorch's table of operators imports it")

import minigrad as mg
from tests.operators import deviations, test_samples
from tests.operators.counterparts import absent


def plus(term):
    """Break an operation of float64 by a term that is 0 in value."""
    return lambda op: lambda x: op(x) + 1e-6 * term(x - x.detach()) if x.dtype == np.float64 else op(x)


BROKEN = {
    "values": ("sin", lambda sin: lambda x: sin(x) * (1 + 1e-6)),
    "dtype": ("add", lambda add: lambda x, y, alpha=1: add(x, y, alpha=alpha).double()),
    "gradient": ("exp", plus(lambda zero: zero)),
    "gradient2": ("tanh", plus(lambda zero: zero**2)),
    "accepted": ("narrow", lambda narrow: lambda x, dim, start, n: narrow(x, dim, start, min(n, x.shape[dim] - abs(start)))),
    "refused": ("flip", lambda flip: lambda x, dims: flip(x, dims) if x.ndim < 3 else mg.reshape(x, (-7,))),
}


@pytest.mark.parametrize("check", BROKEN)
def test_a_broken_operation_is_noticed(check, monkeypatch):
    name, broken = BROKEN[check]
    assert not test_samples.run(name)[0]
    monkeypatch.setattr(mg, name, broken(getattr(mg, name)))
    surprises, _ = test_samples.run(name)
    assert surprises and all(f"    {check}: " in text for text in surprises)


def test_a_cause_without_a_deviation_is_noticed(monkeypatch):
    monkeypatch.setattr(deviations, "CAUSES", [deviations.Cause("guessed", "values", "sin")])
    with pytest.raises(AssertionError, match="it agrees by now"):
        test_samples.test_operator("sin")


def test_a_deviation_without_a_cause_is_noticed(monkeypatch):
    monkeypatch.setattr(deviations, "CAUSES", [])
    with pytest.raises(AssertionError, match="instead of"):
        test_samples.test_operator("nn.functional.hardsigmoid")


def test_a_new_counterpart_is_noticed(monkeypatch):
    assert "frexp" in absent()
    monkeypatch.setattr(mg, "frexp", mg.sin, raising=False)
    with pytest.raises(AssertionError):
        test_samples.test_every_other_operator_has_a_reason()
