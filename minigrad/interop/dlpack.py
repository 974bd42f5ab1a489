"""Import of arrays through the DLPack protocol, https://dmlc.github.io/dlpack."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.tensors import devices
from minigrad.tensors.tensor import Tensor, tensor

__all__ = ["from_dlpack"]


def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """Return an array of any library that supports DLPack as a tensor; it must be in main memory.

    A tensor is shared as `detach` shares it. Any other memory is copied: its owner may write to it, and a tensor's values
    never change unnoticed. With `copy` False it is shared nevertheless, and must not be written to while the tensor lives;
    True always copies. Raises GraphError for a tensor that requires a gradient.

    >>> import numpy as np
    >>> import minigrad as mg
    >>> mg.from_dlpack(np.array([1, 2]))
    tensor([1, 2])
    """
    if device is not None:
        devices.device(device)
    array = np.from_dlpack(ext_tensor)
    if isinstance(ext_tensor, Tensor) and not copy:
        return ext_tensor.detach()
    if copy is not False:
        return tensor(array)
    array.flags.writeable = False  # a change in place replaces the array
    return Tensor.from_array(array)
