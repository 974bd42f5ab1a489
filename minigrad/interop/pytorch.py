"""PyTorch's tensors and state dicts as ours, and ours as PyTorch's; torch is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from minigrad.tensors.tensor import Tensor

__all__ = ["from_torch", "to_torch"]


def from_torch(value: Any) -> Any:
    """Copies of PyTorch's tensors, alone or anywhere in dicts, lists and tuples; all else stays as it is.

    ``net.load_state_dict(from_torch(torch.load("net.pt")))``. Names and layouts are the same in both libraries; bfloat16
    becomes float32. The copies require no gradient.
    """
    if _is_torch(value):
        plain = value.detach().cpu()
        return Tensor((plain.float() if str(plain.dtype) == "torch.bfloat16" else plain).numpy())
    return _mapped(value, from_torch)


def to_torch(value: Any) -> Any:
    """Copies as PyTorch's tensors, alone or anywhere in dicts, lists and tuples; all else stays as it is.

    ``torch_net.load_state_dict(to_torch(net.state_dict()))``.
    """
    if isinstance(value, Tensor | np.ndarray):
        import torch  # type: ignore[import-not-found,unused-ignore]

        return torch.from_numpy(np.array(value.array if isinstance(value, Tensor) else value, order="C"))
    return _mapped(value, to_torch)


def _mapped(value: Any, convert: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: convert(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = [convert(item) for item in value]
        return items if isinstance(value, list) else tuple(items)
    return value


def _is_torch(value: Any) -> bool:
    return any(f"{kind.__module__}.{kind.__qualname__}" == "torch.Tensor" for kind in type(value).__mro__)
