"""Exchange of tensors with other libraries."""

from minigrad.interop.dlpack import from_dlpack
from minigrad.interop.pytorch import from_torch, to_torch

__all__ = ["from_dlpack", "from_torch", "to_torch"]
