"""Types of the special functions; made by tests/typing/stubs.py, which says how."""

from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.ops import digamma as digamma
from minigrad.ops import entr as entr
from minigrad.ops import erf as erf
from minigrad.ops import erfc as erfc
from minigrad.ops import erfinv as erfinv
from minigrad.ops import exp2 as exp2
from minigrad.ops import sigmoid as expit
from minigrad.ops import expm1 as expm1
from minigrad.ops import lgamma as gammaln
from minigrad.ops import log1p as log1p
from minigrad.ops import log_softmax as log_softmax
from minigrad.ops import logit as logit
from minigrad.ops import logsumexp as logsumexp
from minigrad.ops import ndtr as ndtr
from minigrad.ops import polygamma as polygamma
from minigrad.ops import digamma as psi
from minigrad.ops import sinc as sinc
from minigrad.ops import softmax as softmax
from minigrad.ops import xlogy as xlogy

__all__ = [
    "digamma", "entr", "erf", "erfc", "erfinv", "exp2", "expit", "expm1", "gammaln", "log1p", "log_softmax", "logit",
    "logsumexp", "ndtr", "polygamma", "psi", "sinc", "softmax", "xlogy"
]

