"""Every operation's spec, facet by facet: values, exact identities, gradients and side checks, second order, float32.

Calls are drawn with the same seeds each time, or with fresh ones in a profile that explores: a failure names its seed. They
are six, but 32 for the facets that cost little: an option that one call in ten draws is drawn nearly always.
"""

import numpy as np
import pytest
from hypothesis import settings

from minigrad.testing import FACETS, check_spec
from tests.ops.specs import SPECS

explored = settings.default.max_examples
SEEDS = range(32) if settings.default.derandomize else [int(n) for n in np.random.SeedSequence().generate_state(explored)]
CHEAP = ("forward", "exact")


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
@pytest.mark.parametrize("facet", FACETS)
def test_spec(spec, facet):
    fewer = settings.default.derandomize and facet not in CHEAP
    check_spec(spec, seeds=SEEDS[:6] if fewer else SEEDS, facets=[facet])
