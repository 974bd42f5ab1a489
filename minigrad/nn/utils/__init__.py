"""Gradient clipping, parameters as one vector, and padding of sequences, under PyTorch's names."""

from minigrad.nn.utils import rnn
from minigrad.nn.utils.clip_grad import *
from minigrad.nn.utils.convert_parameters import *
