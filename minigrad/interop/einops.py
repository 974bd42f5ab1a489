"""einops on our tensors: importing this module registers them with einops, and it has einops' functions and layers.

``from minigrad.interop.einops import rearrange, Rearrange`` takes the place of ``from einops import rearrange`` and of
``from einops.layers.torch import Rearrange``. Afterwards functions imported from einops itself work on our tensors, too:
einops looks for subclasses of its AbstractBackend whose `framework_name` is an imported module. Documentation:
https://einops.rocks. The layer EinMix is not there: it is built on a private class of einops.

    >>> import minigrad as mg
    >>> from minigrad.interop.einops import rearrange, reduce
    >>> x = mg.arange(6.0)
    >>> rearrange(x, "(a b) -> b a", a=2), reduce(x, "(a b) -> a", "max", a=2)
    (tensor([[0., 3.],
            [1., 4.],
            [2., 5.]]), tensor([2., 5.]))
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

try:
    from einops import EinopsError, asnumpy, einsum, pack, parse_shape, rearrange, reduce, repeat, unpack
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("minigrad.interop.einops needs einops\n  hint: pip install einops", name=error.name) from None
from einops._backends import AbstractBackend
from einops.layers import RearrangeMixin, ReduceMixin

from minigrad import nn, ops
from minigrad.arrays import Array
from minigrad.tensors import creation
from minigrad.tensors.tensor import Tensor, tensor

__all__ = [
    "EinopsError", "Rearrange", "Reduce", "asnumpy", "einsum", "pack", "parse_shape", "rearrange", "reduce",
    "repeat", "unpack",
]  # fmt: skip


class Rearrange(RearrangeMixin, nn.Module):  # type: ignore[misc,unused-ignore]
    """The layer of `rearrange`: ``Rearrange("b c h w -> b (c h w)")``."""

    def forward(self, x: Any) -> Any:
        return rearrange(x, self.pattern, **self.axes_lengths)


class Reduce(ReduceMixin, nn.Module):  # type: ignore[misc,unused-ignore]
    """The layer of `reduce`: ``Reduce("b c (h 2) (w 2) -> b c h w", "max")``."""

    def forward(self, x: Any) -> Any:
        return reduce(x, self.pattern, self.reduction, **self.axes_lengths)


class Backend(AbstractBackend):  # type: ignore[misc,unused-ignore]
    """What einops needs of a library of tensors; einops finds this class by itself."""

    framework_name = "minigrad"

    def is_appropriate_type(self, tensor: Any) -> bool:
        return isinstance(tensor, Tensor)

    def from_numpy(self, x: Array) -> Tensor:
        return tensor(x, requires_grad=x.dtype.kind == "f")

    def to_numpy(self, x: Tensor) -> Array:
        return x.detach().numpy()

    def arange(self, start: int, stop: int) -> Tensor:
        return creation.arange(start, stop)

    def transpose(self, x: Tensor, axes: Sequence[int]) -> Tensor:
        return x.permute(*axes)

    def reduce(self, x: Tensor, operation: str, axes: Sequence[int]) -> Tensor:
        op = getattr(ops, {"min": "amin", "max": "amax"}.get(operation, operation))
        return op(x, tuple(axes))

    def stack_on_zeroth_dimension(self, tensors: list[Tensor]) -> Tensor:
        return ops.stack(tensors)

    def add_axis(self, x: Tensor, new_position: int) -> Tensor:
        return ops.unsqueeze(x, new_position)

    def add_axes(self, x: Tensor, n_axes: int, pos2len: dict[int, int]) -> Tensor:
        for position in pos2len:
            x = self.add_axis(x, position)
        return x.expand(*[pos2len.get(axis, -1) for axis in range(n_axes)])

    def tile(self, x: Tensor, repeats: tuple[int, ...]) -> Tensor:
        return ops.tile(x, repeats)

    def concat(self, tensors: list[Tensor], axis: int) -> Tensor:
        return ops.concatenate(tensors, axis)

    def is_float_type(self, x: Tensor) -> bool:
        return x.is_floating_point()

    def einsum(self, pattern: str, *x: Tensor) -> Tensor:
        return ops.einsum(pattern, *x)

    def layers(self) -> Any:
        return sys.modules[__name__]
