"""Proofs of gradients, for our operations and for those that users write."""

from minigrad.testing import mutants
from minigrad.testing.against import check_against
from minigrad.testing.exact import check_vjp_exact
from minigrad.testing.gradcheck import CHECKS, gradcheck, gradgradcheck
from minigrad.testing.proof import FACETS, check_spec
from minigrad.testing.report import GradcheckError, GradcheckReport, NonDifferentiableError
from minigrad.testing.spec import OpSpec, Refusal, Sample

__all__ = [
    "CHECKS", "FACETS", "GradcheckError", "GradcheckReport", "NonDifferentiableError", "OpSpec", "Refusal", "Sample",
    "check_against", "check_spec", "check_vjp_exact", "gradcheck", "gradgradcheck",
]  # fmt: skip
