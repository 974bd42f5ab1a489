"""Neural networks: parameters, modules, layers, losses, and weight initialization."""

import importlib as _importlib
import typing as _typing

from minigrad.nn import functional, init, parallel, utils
from minigrad.nn.activation import *
from minigrad.nn.attention import *
from minigrad.nn.containers import *
from minigrad.nn.convolution import *
from minigrad.nn.dropout import *
from minigrad.nn.embedding import *
from minigrad.nn.lazy import *
from minigrad.nn.linear import *
from minigrad.nn.losses import *
from minigrad.nn.module import *
from minigrad.nn.module_summary import summary as summary
from minigrad.nn.normalization import *
from minigrad.nn.padding import *
from minigrad.nn.parallel import DataParallel as DataParallel
from minigrad.nn.parameter import *
from minigrad.nn.pooling import *
from minigrad.nn.recurrent import *
from minigrad.nn.resampling import *
from minigrad.nn.transformer import *

if not _typing.TYPE_CHECKING:

    def __getattr__(name):
        if name == "modules":  # PyTorch's path, see compat/paths.py
            return _importlib.import_module("minigrad.nn.modules")
        raise AttributeError(f"module 'minigrad.nn' has no attribute {name!r}")
