"""Conversion of tensors and state dicts from and to PyTorch; torch is imported by `to_torch` only."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.arrays import array_of
from minigrad.pytree import map_leaves
from minigrad.tensors.tensor import Tensor, tensor

__all__ = ["from_torch", "to_torch"]


def from_torch(value: Any) -> Any:
    """Copy PyTorch's tensors, alone or nested in dicts, lists and tuples, into ours; other values stay as they are.

    ``net.load_state_dict(from_torch(torch.load("net.pt")))``. Names and layouts are the same in both libraries; bfloat16
    becomes float32. The copies require no gradient.

    >>> from_torch({"epoch": 3})
    {'epoch': 3}
    >>> import torch  # doctest: +SKIP
    >>> from_torch({"w": torch.tensor([1.0, 2.0])})  # doctest: +SKIP
    {'w': tensor([1., 2.])}
    """

    def convert(leaf: Any) -> Any:
        if not any(f"{kind.__module__}.{kind.__qualname__}" == "torch.Tensor" for kind in type(leaf).__mro__):
            return leaf
        on_cpu = leaf.detach().cpu()
        return tensor((on_cpu.float() if str(on_cpu.dtype) == "torch.bfloat16" else on_cpu).numpy())

    return map_leaves(convert, value)


def to_torch(value: Any) -> Any:
    """Copy tensors and arrays, alone or nested in dicts, lists and tuples, into PyTorch's; other values stay as they are.

    ``torch_net.load_state_dict(to_torch(net.state_dict()))``.

    >>> to_torch({"epoch": 3})
    {'epoch': 3}
    >>> to_torch({"w": tensor([1.0, 2.0])})  # doctest: +SKIP
    {'w': tensor([1., 2.])}
    """

    def convert(leaf: Any) -> Any:
        if not isinstance(leaf, Tensor | np.ndarray):
            return leaf
        import torch  # type: ignore[import-not-found,unused-ignore]

        return torch.from_numpy(np.array(array_of(leaf), order="C"))

    return map_leaves(convert, value)
