"""The table of calculus: every operation beside its gradient rules."""

from types import ModuleType as _Module

from minigrad.ops.activation import *
from minigrad.ops.arrangement import *
from minigrad.ops.attention import *
from minigrad.ops.classification import *
from minigrad.ops.contraction import *
from minigrad.ops.convolution import *
from minigrad.ops.decomposition import cholesky
from minigrad.ops.diagonals import *
from minigrad.ops.elementwise import *
from minigrad.ops.exponential import *
from minigrad.ops.indexing import *
from minigrad.ops.interpolation import *
from minigrad.ops.joining import *
from minigrad.ops.linalg import *
from minigrad.ops.loss import *
from minigrad.ops.normalization import *
from minigrad.ops.norms import p_norm as norm
from minigrad.ops.pooling import *
from minigrad.ops.products import *
from minigrad.ops.reduction import *
from minigrad.ops.regularization import *
from minigrad.ops.scan import *
from minigrad.ops.selection import *
from minigrad.ops.shape import *
from minigrad.ops.solving import cholesky_solve, det, inverse, logdet, matrix_power, pinverse, slogdet
from minigrad.ops.sorting import *
from minigrad.ops.special import *
from minigrad.ops.statistics import *
from minigrad.ops.windows import *

__all__ = [name for name, value in globals().items() if name[0] != "_" and not isinstance(value, _Module)]  # not its rooms
