"""PyTorch's own samples of its operators end here as there, or for a cause in `deviations.CAUSES`.

``python -m tests.operators.test_samples`` runs all samples instead of a choice, or those of the operators that it is given.
"""

import sys
import warnings
from collections import Counter

import numpy as np
import pytest

pytest.importorskip("torch", "2.13")
pytest.importorskip("expecttest", reason="PyTorch's table of operators imports it")

import minigrad as mg
from minigrad.testing import gradcheck
from tests.operators.comparison import Disagreement, compare, refuse
from tests.operators.counterparts import absent, counterpart, operators
from tests.operators.deviations import ABSENT, CAUSES, cause_of, causes
from tests.operators.samples import DTYPES, ours, right, wrong


def run(name, everything=False):
    """Return what disagrees without a cause, and how many samples there were, and how many of them for each cause."""
    surprises, counts = [], Counter()
    with warnings.catch_warnings(action="ignore"), np.errstate(all="ignore"):
        for op in operators()[name]:
            calls = [(compare, s) for dtype in DTYPES for s in right(op, dtype, everything)]
            calls += [(refuse, s) for s in wrong(op)]
            for check, sample in calls:
                try:
                    counts["samples"] += check(op, sample)
                except Disagreement as found:
                    reason = cause_of(sample, found.check)
                    counts.update(["samples", reason or "surprises"])
                    if reason is None:
                        surprises.append(f"{sample}\n    {found}")
    return surprises, counts


@pytest.mark.parametrize("name", sorted(operators()))
def test_operator(name):
    surprises, counts = run(name)
    assert not surprises, "\n".join(surprises)
    assert counts["samples"], "no sample was compared"
    assert counts.keys() >= causes(name).keys(), "it agrees by now"


@pytest.mark.parametrize("name", " ".join(c.operators for c in CAUSES if "gradient" in c.checks).split())
def test_where_first_gradients_differ_ours_is_the_derivative(name):
    """By finite differences, at PyTorch's samples."""
    checked = 0
    for cause in causes(name).values():
        for op in operators()[name]:
            for sample in [s for s in right(op, "float64") if "gradient" in cause.checks and cause.when(s)]:
                given, options = [ours(a) for a in sample.arguments], ours(sample.options)
                inputs = [i for i, a in enumerate(given) if isinstance(a, mg.Tensor) and a.requires_grad]
                if not all(given[i].numel() for i in inputs):
                    continue

                def call(*values, op=op, given=given, inputs=inputs, options=options):
                    values = dict(zip(inputs, values, strict=True))
                    return counterpart(op)(*[values.get(i, a) for i, a in enumerate(given)], **options)

                gradcheck(call, [given[i].detach().numpy() for i in inputs], kinks="bracket")
                checked += 1
    assert checked


def test_every_other_operator_has_a_reason():
    named = [name for names in ABSENT.values() for name in names.split()]
    assert len(named) == len(set(named)) and set(named) == absent()


def test_every_deviation_is_of_an_operator():
    assert {name for cause in CAUSES for name in cause.operators.split()} <= operators().keys()


if __name__ == "__main__":
    total = Counter()
    for name in sys.argv[1:] or operators():
        surprises, counts = run(name, everything=True)
        total += counts
        print(*surprises, sep="\n", end="\n" if surprises else "")
    print(*(f"{count:6} {what}" for what, count in total.most_common()), sep="\n")
