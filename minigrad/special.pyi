"""Types of the special functions; made by tests/typing/stubs.py, which says how."""

from minigrad.ops import (
    digamma as digamma, entr as entr, erf as erf, erfc as erfc, erfinv as erfinv, exp2 as exp2, sigmoid as expit,
    expm1 as expm1, lgamma as gammaln, log1p as log1p, log_softmax as log_softmax, logit as logit,
    logsumexp as logsumexp, ndtr as ndtr, polygamma as polygamma, digamma as psi, sinc as sinc, softmax as softmax,
    xlogy as xlogy
)

__all__ = [
    "digamma", "entr", "erf", "erfc", "erfinv", "exp2", "expit", "expm1", "gammaln", "log1p", "log_softmax", "logit",
    "logsumexp", "ndtr", "polygamma", "psi", "sinc", "softmax", "xlogy"
]

