"""Import of arrays through the DLPack protocol, https://dmlc.github.io/dlpack."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.tensors.tensor import Tensor, tensor

__all__ = ["from_dlpack"]


def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """Return a copy, whatever `copy`, of an array of any library that supports DLPack; it must be in main memory.

    >>> import numpy as np
    >>> import minigrad as mg
    >>> mg.from_dlpack(np.array([1, 2]))
    tensor([1, 2])
    """
    return tensor(np.from_dlpack(ext_tensor), device=device)
