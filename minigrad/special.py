"""Special functions under PyTorch's and SciPy's names, ``mg.special.f``; each function is documented in `ops`."""

from minigrad.ops.elementwise import exp2, expm1, log1p
from minigrad.ops.elementwise import sigmoid as expit
from minigrad.ops.reduction import log_softmax, logsumexp, softmax
from minigrad.ops.special import digamma as psi
from minigrad.ops.special import lgamma as gammaln

from minigrad.ops.special import (  # isort: skip
    digamma, entr, erf, erfc, erfcx, erfinv, log_ndtr, logit, multigammaln, ndtr, ndtri, polygamma, round, sinc, xlog1py,
    xlogy,
)  # fmt: skip

__all__ = [
    "digamma", "entr", "erf", "erfc", "erfcx", "erfinv", "exp2", "expit", "expm1", "gammaln", "log1p", "log_ndtr",
    "log_softmax", "logit", "logsumexp", "multigammaln", "ndtr", "ndtri", "polygamma", "psi", "round", "sinc", "softmax",
    "xlog1py", "xlogy",
]  # fmt: skip
