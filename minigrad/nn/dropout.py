"""Dropout layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from minigrad.nn import functional as F
from minigrad.nn.module import Module
from minigrad.tensors.tensor import Tensor

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"]


class Dropout(Module):
    """In training, zero each element with probability `p` and scale the others by 1/(1 - p): Srivastava et al. (2014).

    In evaluation mode the input is returned. `generator` is a NumPy Generator, by default the library's. Raises ValueError
    for a probability outside [0, 1].
    """

    _function: ClassVar[Callable[..., Any]] = F.dropout

    def __init__(self, p: float = 0.5, inplace: bool = False, generator: np.random.Generator | None = None):
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"{type(self).__name__}: p must be within [0, 1], got {p}")
        self.p, self.inplace, self.generator = p, inplace, generator

    def forward(self, x: Tensor) -> Tensor:
        return type(self)._function(x, self.p, self.training, self.inplace, self.generator)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout1d(Dropout):
    """In training, zero whole channels of sequences (N, C, L): Tompson et al. (2015). See `Dropout`."""

    _function = F.dropout1d


class Dropout2d(Dropout):
    """In training, zero whole channels of images (N, C, H, W): Tompson et al. (2015). See `Dropout`."""

    _function = F.dropout2d


class Dropout3d(Dropout):
    """In training, zero whole channels of volumes (N, C, D, H, W): Tompson et al. (2015). See `Dropout`."""

    _function = F.dropout3d


class AlphaDropout(Dropout):
    """In training, replace elements by the limit of SELU, and keep mean and variance: Klambauer et al. (2017).

    The options are those of `Dropout`.
    """

    _function = F.alpha_dropout


class FeatureAlphaDropout(Dropout):
    """In training, apply `AlphaDropout` to whole channels of a batch (N, C, ...)."""

    _function = F.feature_alpha_dropout
