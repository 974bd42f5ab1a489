"""Devices under PyTorch's names; the CPU is the only one."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.arrays import DType, Traced

__all__ = ["device", "requested"]


class device:
    """A device for tensors: "cpu"; any other raises ValueError.

    >>> import minigrad as mg
    >>> device = mg.device("cuda" if mg.cuda.is_available() else "cpu")
    >>> device, mg.zeros(1, device=device).device == device
    (device(type='cpu'), True)
    """

    __slots__ = ()
    type = "cpu"

    def __init__(self, type: str | device, index: int | None = None):
        name = str(type)
        if name not in ("cpu", "cpu:0") or index not in (None, 0):
            raise ValueError(f"device: minigrad computes on the CPU, there is no {name!r}\n  hint: use 'cpu'")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device)

    def __hash__(self) -> int:
        return hash(self.type)

    def __str__(self) -> str:
        return self.type

    def __repr__(self) -> str:
        return f"device(type={self.type!r})"


def requested(args: tuple[Any, ...], dtype: DType, device_: Any) -> np.dtype[Any] | None:
    """Return the dtype among the arguments of `to`, or None. Raises ValueError for a device other than the CPU."""
    for arg in args:
        if isinstance(arg, Traced):
            dtype = arg.array.dtype
        elif isinstance(arg, device) or (isinstance(arg, str) and arg not in np.sctypeDict):
            device_ = arg
        elif not isinstance(arg, bool):  # of non_blocking
            dtype = arg
    if device_ is not None:
        device(device_)
    return None if dtype is None else np.dtype(dtype)
