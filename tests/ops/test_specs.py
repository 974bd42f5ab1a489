"""Every operation's spec, facet by facet: values, exact identities, gradients and side checks, second order, float32."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad.testing import FACETS, check_spec
from tests.ops.specs import SPECS

every_spec = pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)


def prove(facet):
    """A test of every spec; one function for each facet: for every case of one, Hypothesis nests its settings anew."""

    @every_spec
    @given(seed=st.integers(0, 2**32 - 1))
    def test(spec, seed):
        check_spec(spec, seeds=[seed], facets=[facet])

    return test


test_forward, test_exact, test_gradient, test_second, test_float32 = map(prove, FACETS[:-2])


@every_spec
@pytest.mark.parametrize("facet", FACETS[-2:])
def test_kinks_and_refusals(spec, facet):
    check_spec(spec, seeds=(), facets=[facet])
