"""The table of calculus: every operation with its gradient rules."""

import types as _types
import typing as _typing

from minigrad.ops.activation import *
from minigrad.ops.attention import *
from minigrad.ops.classification import *
from minigrad.ops.contraction import *
from minigrad.ops.convolution import *
from minigrad.ops.ctc import *
from minigrad.ops.diagonals import *
from minigrad.ops.elementwise import *
from minigrad.ops.exponential import *
from minigrad.ops.indexing import *
from minigrad.ops.interpolation import *
from minigrad.ops.joining import *
from minigrad.ops.linalg import *
from minigrad.ops.loss import *
from minigrad.ops.normalization import *
from minigrad.ops.pooling import *
from minigrad.ops.predicates import *
from minigrad.ops.products import *
from minigrad.ops.rearrange import *
from minigrad.ops.reduction import *
from minigrad.ops.regularization import *
from minigrad.ops.sampling import *
from minigrad.ops.scan import *
from minigrad.ops.scattering import *
from minigrad.ops.selection import *
from minigrad.ops.shape import *
from minigrad.ops.signal import *
from minigrad.ops.sorting import *
from minigrad.ops.special import *
from minigrad.ops.statistics import *
from minigrad.ops.windows import *

# isort: off
# An alias of the same name tells type checkers that a name is exported from here, as a star does.
from minigrad.ops.decomposition import (
    cholesky as cholesky, lu_factor as _lu_factor, lu_solve_of as _lu_solve_of, lu_unpack as lu_unpack,
    qr_of_some as _qr_of_some, svd_of_some as _svd_of_some,
)  # fmt: skip
from minigrad.ops.norms import cdist as cdist, dist as dist, p_norm as _p_norm, pdist as pdist, renorm as renorm
from minigrad.ops.solving import (
    cholesky_inverse as cholesky_inverse, cholesky_solve as cholesky_solve, det as det, inverse as inverse,
    logdet as logdet, matrix_power as matrix_power, pinverse as pinverse, slogdet as slogdet,
)  # fmt: skip
# isort: on

# torch.f, where it is not torch.linalg.f
lu, lu_solve, norm, qr, svd = _lu_factor, _lu_solve_of, _p_norm, _qr_of_some, _svd_of_some

if not _typing.TYPE_CHECKING:  # type checkers read the names from the stars
    __all__ = [n for n, value in globals().items() if n[0] != "_" and not isinstance(value, _types.ModuleType)]
