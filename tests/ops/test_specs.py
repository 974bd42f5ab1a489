"""Every operation's spec, facet by facet: values, exact identities, gradients and side checks, second order, float32.

Calls are drawn with the same eight seeds each time, or with fresh ones in a profile that explores: a failure names its seed.
"""

import numpy as np
import pytest
from hypothesis import settings

from minigrad.testing import FACETS, check_spec
from tests.ops.specs import SPECS

explored = settings.default.max_examples
SEEDS = range(8) if settings.default.derandomize else [int(n) for n in np.random.SeedSequence().generate_state(explored)]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
@pytest.mark.parametrize("facet", FACETS)
def test_spec(spec, facet):
    check_spec(spec, seeds=SEEDS, facets=[facet])
