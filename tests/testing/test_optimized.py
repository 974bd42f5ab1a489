"""`python -O` drops assert statements, and with them no check of this package."""

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import numpy as np, minigrad as mg
from minigrad.testing import GradcheckError, OpSpec, Refusal, Sample, check_spec, check_vjp_exact, gradcheck, mutants
assert False, "asserts are not dropped"

ones = lambda rng: Sample((np.ones(3),))
wrong = {
    "forward": OpSpec("f", lambda x: x * 2, lambda x: x * 3, ones),
    "exact": OpSpec("f", lambda x: x * x, lambda x: x * x, ones, linear_in=(0,)),
    "gradient": OpSpec("f", lambda x: x * 2, lambda x: x * 2, ones, order=0),
    "second": OpSpec("f", lambda x: x * x, lambda x: x * x, ones, order=1),
    "float32": OpSpec("f", lambda x: x * mg.ones(3, dtype=mg.float64), lambda x: x, ones),
    "errors": OpSpec("f", lambda x: x, lambda x: x, ones, errors=(Refusal(Sample((np.ones(3),)), ValueError, "no"),)),
}
for facet, spec in wrong.items():
    try:
        check_spec(spec, facets=(facet,))
    except AssertionError:
        print(facet)
for check in (gradcheck, check_vjp_exact):
    try:
        with mutants.apply(mg.square, "negate", "x"):
            check(mg.square, [np.array([1.0, 2.0])])
    except AssertionError:
        print(check.__name__)
"""


def test_every_check_still_fails_under_O():
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-O", "-c", PROGRAM], env=environment, capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout.split() == [
        "forward",
        "exact",
        "gradient",
        "second",
        "float32",
        "errors",
        "gradcheck",
        "check_vjp_exact",
    ]
