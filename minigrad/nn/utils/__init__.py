"""Gradient clipping, parameters as one vector, packed sequences, and normalized weights, under PyTorch's names."""

from minigrad.nn.utils import parametrizations, parametrize, rnn
from minigrad.nn.utils.clip_grad import *
from minigrad.nn.utils.convert_parameters import *
from minigrad.nn.utils.normalized_weights import (
    remove_spectral_norm as remove_spectral_norm,
)  # fmt: skip
from minigrad.nn.utils.normalized_weights import (
    remove_weight_norm as remove_weight_norm,
)
from minigrad.nn.utils.normalized_weights import (
    spectral_norm as spectral_norm,
)
from minigrad.nn.utils.normalized_weights import (
    weight_norm as weight_norm,
)
