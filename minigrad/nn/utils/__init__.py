"""What is done to the gradients or to all parameters at once, and to sequences of different lengths; PyTorch's names."""

from minigrad.nn.utils import rnn
from minigrad.nn.utils.clip_grad import *
from minigrad.nn.utils.convert_parameters import *
