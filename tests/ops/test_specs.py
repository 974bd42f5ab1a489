"""Every spec: the operation against its reference, its derivatives against differences, dtypes and memory orders."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from tests.finite_differences import check_gradients, value
from tests.ops.specs import SPECS

seeds = st.integers(0, 2**32 - 1)
every_spec = pytest.mark.parametrize("spec", SPECS, ids=lambda s: s.name)


def call(spec, sample):
    """The call as one function of its inputs, those inputs, and what the reference gives, raveled into one array."""
    inputs = []

    def collect(arg):
        if isinstance(arg, list | tuple):
            return [collect(a) for a in arg]
        if isinstance(arg, np.ndarray) and arg.dtype == np.float64:
            inputs.append(arg)
        return arg

    def fill(arg, values):
        if isinstance(arg, list | tuple):
            return type(arg)(fill(a, values) for a in arg)
        return next(values) if isinstance(arg, np.ndarray) and arg.dtype == np.float64 else arg

    def f(*values):
        given = iter(values)
        return joined(spec.fn(*[fill(arg, given) for arg in sample.args], **sample.kwargs))

    collect(sample.args)
    return f, inputs, joined(spec.reference(*sample.args, **sample.kwargs))


def joined(out):
    if not isinstance(out, tuple | list):
        return out
    parts = [np.reshape(part, -1) for part in out]
    return np.concatenate(parts) if len(parts) > 1 else parts[0]


@every_spec
@given(seed=seeds)
def test_forward_agrees_with_the_reference(spec, seed):
    f, inputs, expected = call(spec, spec.sample(np.random.default_rng(seed)))
    found = value(f, inputs)
    assert found.shape == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11)


@every_spec
@given(seed=seeds)
def test_gradients_agree_with_differences(spec, seed):
    f, inputs, _ = call(spec, spec.sample(np.random.default_rng(seed)))
    if spec.order and inputs:
        check_gradients(f, inputs, seed, spec.order, set(spec.linear_in) == set(range(len(inputs))))


@every_spec
@given(seed=seeds)
def test_float32_stays_float32(spec, seed):
    f, inputs, _ = call(spec, spec.sample(np.random.default_rng(seed)))
    tensors = [mg.tensor(a.astype(np.float32), requires_grad=True) for a in inputs]
    out = f(*tensors)
    assert out.dtype != np.float64
    if out.requires_grad:
        out.backward(np.ones(out.shape, np.float32))
        assert all(t.grad is None or t.grad.dtype == np.float32 for t in tensors)


@every_spec
@given(seed=seeds)
def test_memory_order_makes_no_difference(spec, seed):
    f, inputs, expected = call(spec, spec.sample(np.random.default_rng(seed)))
    for view in (lambda a: a.T.copy().T, lambda a: a[..., ::-1].copy()[..., ::-1] if a.ndim else a):
        np.testing.assert_allclose(value(f, [view(a) for a in inputs]), expected, rtol=1e-9, atol=1e-11)
