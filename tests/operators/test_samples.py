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

from tests.operators.comparison import Disagreement, compare, refuse
from tests.operators.counterparts import absent, operators
from tests.operators.deviations import ABSENT, CAUSES, cause_of, causes
from tests.operators.samples import DTYPES, right, wrong


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
