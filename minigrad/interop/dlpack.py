"""Import of arrays through the DLPack protocol, https://dmlc.github.io/dlpack."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.tensors import devices
from minigrad.tensors.tensor import Tensor, tensor

__all__ = ["from_dlpack"]


def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """Return an array of any library that supports DLPack as a tensor; it must be in main memory.

    A tensor's memory is shared, any other copied: its owner may write to it, and a tensor's values never change unnoticed.
    With `copy` False it is shared nevertheless, and must not be written to while the tensor lives; True always copies.

    >>> import numpy as np
    >>> import minigrad as mg
    >>> mg.from_dlpack(np.array([1, 2]))
    tensor([1, 2])
    """
    shared = isinstance(ext_tensor, Tensor) if copy is None else not copy
    array = np.from_dlpack(ext_tensor)
    if not shared:
        return tensor(array, device=device)
    if device is not None:
        devices.device(device)
    array.flags.writeable = False  # a change in place replaces the array
    return Tensor.from_array(array)
