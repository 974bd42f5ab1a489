"""Import of arrays through the DLPack protocol, https://dmlc.github.io/dlpack."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.tensors.tensor import Tensor, tensor

__all__ = ["from_dlpack"]


def from_dlpack(x: Any) -> Tensor:
    """Return a copy of an array of any library that supports DLPack; the array must be in main memory."""
    return tensor(np.from_dlpack(x))
