"""Neural networks: parameters, modules, layers, losses, and weight initialization."""

from minigrad.nn import functional, init, utils
from minigrad.nn.activation import *
from minigrad.nn.attention import *
from minigrad.nn.containers import *
from minigrad.nn.convolution import *
from minigrad.nn.dropout import *
from minigrad.nn.embedding import *
from minigrad.nn.linear import *
from minigrad.nn.losses import *
from minigrad.nn.module import *
from minigrad.nn.module_summary import summary as summary
from minigrad.nn.normalization import *
from minigrad.nn.padding import *
from minigrad.nn.parameter import *
from minigrad.nn.pooling import *
from minigrad.nn.recurrent import *
from minigrad.nn.resampling import *
from minigrad.nn.transformer import *
