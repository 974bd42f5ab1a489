"""Types of the special functions; made by tests/typing/stubs.py, which says how."""

from minigrad.ops import (
    digamma as digamma, entr as entr, erf as erf, erfc as erfc, erfcx as erfcx, erfinv as erfinv, exp2 as exp2,
    sigmoid as expit, expm1 as expm1, lgamma as gammaln, log1p as log1p, log_ndtr as log_ndtr,
    log_softmax as log_softmax, logit as logit, logsumexp as logsumexp, multigammaln as multigammaln, ndtr as ndtr,
    ndtri as ndtri, polygamma as polygamma, digamma as psi, round as round, sinc as sinc, softmax as softmax,
    xlog1py as xlog1py, xlogy as xlogy
)

__all__ = [
    "digamma", "entr", "erf", "erfc", "erfcx", "erfinv", "exp2", "expit", "expm1", "gammaln", "log1p", "log_ndtr",
    "log_softmax", "logit", "logsumexp", "multigammaln", "ndtr", "ndtri", "polygamma", "psi", "round", "sinc", "softmax",
    "xlog1py", "xlogy"
]

