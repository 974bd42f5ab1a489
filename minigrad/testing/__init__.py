"""Gradient checks: for the operations of minigrad, and for those that users write."""

from minigrad.testing import mutants
from minigrad.testing.exact import check_vjp_exact
from minigrad.testing.facets import FACETS, check_spec
from minigrad.testing.gradcheck import CHECKS, gradcheck, gradgradcheck
from minigrad.testing.gradcheck_report import GradcheckError, GradcheckReport, NonDifferentiableError
from minigrad.testing.reference import check_against
from minigrad.testing.spec import OpSpec, Refusal, Sample

__all__ = [
    "CHECKS", "FACETS", "GradcheckError", "GradcheckReport", "NonDifferentiableError", "OpSpec", "Refusal", "Sample",
    "check_against", "check_spec", "check_vjp_exact", "gradcheck", "gradgradcheck",
]  # fmt: skip
