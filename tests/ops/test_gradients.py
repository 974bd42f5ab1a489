"""Every operation against NumPy, and its first and second derivatives against finite differences."""

import importlib
import pkgutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad import ops
from minigrad.primitive import Primitive
from tests.finite_differences import check_gradients, value
from tests.ops.specs import SPECS as NEW_SPECS
from tests.ops.specs.foundations import SPECS

seeds = st.integers(0, 2**32 - 1)
every_spec = pytest.mark.parametrize("spec", SPECS, ids=lambda s: s.name)


@every_spec
@given(seed=seeds)
def test_forward_agrees_with_numpy(spec, seed):
    f, arrays, expected = spec.draw(np.random.default_rng(seed))
    np.testing.assert_allclose(value(f, arrays), expected, rtol=1e-10, atol=1e-12, strict=False)


@every_spec
@given(seed=seeds)
def test_gradients_agree_with_differences(spec, seed):
    f, arrays, _ = spec.draw(np.random.default_rng(seed))
    check_gradients(f, arrays, seed, spec.order, spec.linear)


@every_spec
@given(seed=seeds)
def test_float32_stays_float32(spec, seed):
    f, arrays, _ = spec.draw(np.random.default_rng(seed))
    if spec.name in ("astype", "operators with numbers and arrays"):
        return  # these mix in float64 on purpose
    tensors = [mg.tensor(a.astype(np.float32), requires_grad=True) for a in arrays]
    out = f(*tensors)
    assert out.dtype == np.float32
    if out.requires_grad:
        out.backward(np.ones(out.shape, np.float32))
        assert all(t.grad is None or t.grad.dtype == np.float32 for t in tensors)


@every_spec
@given(seed=seeds)
def test_memory_order_makes_no_difference(spec, seed):
    f, arrays, expected = spec.draw(np.random.default_rng(seed))
    for view in (lambda a: a.T.copy().T, lambda a: a[..., ::-1].copy()[..., ::-1] if a.ndim else a):
        np.testing.assert_allclose(value(f, [view(a) for a in arrays]), expected, rtol=1e-10, atol=1e-12)
        check_gradients(f, [view(a) for a in arrays], seed, 1, spec.linear)


def test_every_public_operation_has_a_spec():
    covered = {name for spec in SPECS for name in spec.covers} | {name for spec in NEW_SPECS for name in spec.proves}
    queries = {  # no gradient: covered by test_values.py
        "all", "any", "argmax", "argmin", "bitwise_and", "bitwise_or", "bitwise_xor", "equal", "greater", "greater_equal",
        "invert", "isfinite", "isinf", "isnan", "less", "less_equal", "not_equal", "output_size", "pair",
    }  # fmt: skip
    modules = [importlib.import_module(info.name) for info in pkgutil.iter_modules(ops.__path__, "minigrad.ops.")]
    public = {name for module in modules for name in module.__all__}
    assert public - covered - queries == set()


def test_no_gradient_operations_record_nothing():
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    for result in (x > 1, x.argmax(), np.isnan(x), x == x, x // 1):
        assert not result.requires_grad


def test_rules_have_names_in_tracebacks():
    assert isinstance(mg.exp, Primitive)
    assert mg.exp.rules["x"].__code__.co_name == "exp.gradient[x]"
